"""How an interpreter's state goes from step to step: ``fork``, ``carry`` and ``step_end``.

A step that may go several ways (which instruction is executed, whether the head moves) and a state that says
where the program stands (block pointer, head) are what a handler may keep joint. A model says which they are;
a strategy decides what is done about it:

- forward marginals (TerpreT's way) carry every variable's marginal by itself, as if they were independent;
- :class:`~ntpt_pyro.inference.JointControl` keeps a case for every joint value of the control variables, with
  its probability, and everything else conditional on it.
"""

from collections.abc import Mapping, Sequence

from pyro.poutine.runtime import effectful

from ntpt_pyro.errors import SiteError
from ntpt_pyro.language.sites import var
from ntpt_pyro.language.values import Value


@effectful(type="ntpt_fork")
def fork(site: str, value: Value) -> Value:
    """A variable whose cases the rest of a step is about: ``with x as i: ...`` up to the next :func:`carry`.

    :param site: the site's name, unique in the model.
    :param value: ``[*batch, n]``, its distribution given what was computed before.
    :returns: ``[*batch, n]``: as :func:`~ntpt_pyro.var` has it, or under a handler of control each vertex
        along a new axis left of the batch.

    >>> import torch
    >>> from ntpt_pyro.inference import ForwardMarginals, JointControl
    >>> with ForwardMarginals():
    ...     fork("way", torch.tensor([0.5, 0.5]))
    tensor([0.5000, 0.5000])
    >>> with JointControl():  # a case for each value
    ...     fork("way", torch.tensor([0.5, 0.5]))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return var(site, value)


@effectful(type="ntpt_carry")
def carry(step: str, state: Mapping[str, Value], control: Sequence[str] = ()) -> dict[str, Value]:
    """Carry a state from one step to the next; with no control variables, out of the last one.

    :param step: told from other steps by this text; variable ``x`` has the site ``x_<step>``.
    :param state: for each variable its distribution ``[*batch, n]``, given the cases that are open.
    :param control: the variables that say where the program stands, to be kept joint by handlers that do.
    :returns: the state to go on with, each ``[*batch, n]``.
    :raises SiteError: where a control variable is not in the state.

    >>> from ntpt_pyro import constant
    >>> sorted(carry("1", {"block": constant(0, 3), "R0": constant(4, 19)}, control=["block"]))
    ['R0', 'block']
    """
    check_control(step, state, control)
    return {name: var(f"{name}_{step}", value) for name, value in state.items()}


@effectful(type="ntpt_step_end")
def step_end(step: str) -> None:
    """Say that a step of the program ends here, where no :func:`carry` says so.

    It does nothing by itself: it is for handlers that see a program as a row of steps.

    :param step: told from other steps by this text.

    >>> step_end("line 1")
    """


def check_control(step: str, state: Mapping[str, Value], control: Sequence[str]) -> None:
    """Check that control variables are of the state.

    :param step: see :func:`carry`.
    :param state: see :func:`carry`.
    :param control: see :func:`carry`.
    :raises SiteError: where one is not.
    """
    for name in control:
        if name not in state:
            raise SiteError(
                f"carry {step!r}",
                expected=f"control variables out of {', '.join(state)}",
                got=repr(name),
                remedy="name variables of the state",
            )
