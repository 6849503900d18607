"""What people give as a strategy."""

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.strategy import Strategy


def check_strategy(where: str, strategy: object) -> None:
    """Check that something is a strategy, and not its name or the function that makes it.

    :param where: what it is given to, for messages.
    :param strategy: it.
    :raises UsageError: where it is not.

    >>> check_strategy("fit", "marginal")
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: fit, strategy: expected a strategy, such as marginal(), got 'marginal'; \
call the function that makes it; names are for induce(task, strategy=...)
    """
    if isinstance(strategy, Strategy):
        return
    name = getattr(strategy, "__name__", None)
    raise UsageError(
        f"{where}, strategy",
        expected="a strategy, such as marginal()",
        got=f"{strategy!r:.60}" if name is None else f"{name}, not called",
        remedy="call the function that makes it; names are for induce(task, strategy=...)",
    )
