"""The first run of a model that somebody gives: what goes wrong there is mostly a slip of the hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from ntpt_pyro.errors import NtptError, UsageError
from ntpt_pyro.language.undecided_values import undecided_value


def check_model(where: str, model: object) -> None:
    """Check that something is a function, as a model is.

    :param where: what it is given to, for messages.
    :param model: it.
    :raises UsageError: where it is not; says what of a task is to be given.
    """
    if callable(model):
        return
    raise UsageError(
        f"{where}, model",
        expected="a model, a function of the data",
        got=f"a {type(model).__name__}",
        remedy="give task.model with the task's examples, or learn it by induce(task)"
        if hasattr(model, "model")
        else "give the function itself",
    )


@contextmanager
def first_run(where: str, model: object, *args: object) -> Iterator[None]:
    """Run a model within this for the first time.

    :param where: what it is given to, for messages.
    :param model: it.
    :param args: its arguments, where the user gives them one by one.
    :raises UsageError: where the model is no function, or fails on one tuple of data.
    :raises RangeError: where the model decides by Python's own control flow on a value.
    """
    check_model(where, model)
    try:
        yield
    except Exception as error:
        if len(args) == 1 and isinstance(args[0], (tuple, list)) and _are_tensors(args[0]):
            raise UsageError(
                where,
                expected="the model's arguments one by one",
                got=f"one {type(args[0]).__name__} of {len(args[0])} tensors",
                remedy="unpack it: (model, *data)",
            ) from error
        told = None if isinstance(error, NtptError) else undecided_value(where, error)
        if told is None:
            raise
        raise told from error


def _are_tensors(given: tuple[object, ...] | list[object]) -> bool:
    return bool(given) and all(isinstance(one, Tensor) for one in given)
