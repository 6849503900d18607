"""Joint control: the state of a loop kept exactly where its path depends on it."""

from dataclasses import dataclass, field
from functools import reduce
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.carry import check_control
from ntpt_pyro.language.runtime_functions import outer
from ntpt_pyro.language.sites import Message
from ntpt_pyro.language.values import Value

LEAST_MASS = 1e-18
"""Below this probability of a case what is conditional on it is scaled down with it, so that gradients stay
finite; all that follows is weighted by the same probability."""


@dataclass(eq=False)
class JointControl(ForwardMarginals):
    """Carry control variables jointly, everything else conditional on them; other steps at their marginals.

    Let ``c`` be the joint value of the control variables of a :func:`~ntpt_pyro.carry` and ``f`` an open case
    (a value of ``c`` before, and of every :func:`~ntpt_pyro.fork` since). With ``w(f)`` the probability of a
    case, ``p_i(c_i | f)`` what the step computed for control variable ``i`` and ``q_r(. | f)`` for another
    variable ``r``::

        w'(c)      = sum over f of  w(f) * prod over i of p_i(c_i | f)
        q'_r(. | c) = sum over f of  w(f) * prod over i of p_i(c_i | f) * q_r(. | f) / w'(c)

    Within a case control variables are vertices, so the step's functions of them are exact. Hence, where
    control does not depend on other variables, ``w`` is the exact distribution of control under the choices'
    values, at any number of steps. Other variables are exact as long as no function reads two of them (or one
    of them twice) in a case that several paths lead to: there their joint is replaced by the product of their
    marginals given control, as :class:`~ntpt_pyro.inference.ForwardMarginals` does without "given control".

    Cost of a step in multiply-adds an example and restart, with ``F`` open cases, ``C`` values of ``c`` with
    any probability and ``N`` numbers in the other variables: ``F * C * N``, beside what the model computes,
    ``C`` times. For the MATH model (``B`` blocks, tape of ``T`` symbols, ``R`` registers of range 19) that is
    ``C <= B * (T + 1) + 1``, ``F = 3 * C``, ``N = 19 * R``. Values of ``c`` without any probability in the
    whole batch are left out, so a decided program has one case at each step, at any length of tape.
    Straight-through choices therefore learn from the path that was sampled only. With ``slack`` the same goes
    for values that hardly matter: what is carried sums to a little less than 1, so that, where it is exact
    without, an observed output's likelihood is bounded from below; and a nearly decided program costs little
    more than a decided one.

    >>> from ntpt_pyro import carry, fork, switch
    >>> with JointControl():
    ...     flip = fork("flip", torch.tensor([0.25, 0.75]))
    ...     state = carry("1", {"flip": flip, "copy": switch(flip, [flip, flip])}, control=["flip"])
    ...     both = carry("end", {"same": switch(state["flip"], [state["copy"], state["copy"].flip(-1)])})
    >>> both["same"]  # each one's marginal alone would make it 0.625
    tensor([1., 0.])

    :param dim: the batch dimension that cases lie along; further forks lie left of it. Default: left of the
        plates around. Where some choices are enumerated as well, give one left of their dimensions.
    :param slack: the probability that a carry may leave out, at most: values of control are left out whose
        probability is at most ``slack / C`` everywhere in the batch. 0 is exact.
    """

    dim: int | None = None
    slack: float = 0.0
    _weights: Float[Tensor, "*cases_and_batch"] | None = field(default=None, init=False, repr=False)
    _open: int = field(default=0, init=False, repr=False)

    def __enter__(self) -> "JointControl":
        """Install the handler for one run."""
        self.reset()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        """Remove it, after an exception too."""
        self.reset()
        super().__exit__(*exception)

    def reset(self) -> None:
        """Forget the cases of the last run."""
        self._weights, self._open = None, 0

    def _pyro_ntpt_fork(self, msg: Message) -> None:
        _, value = msg["args"]
        size = value.shape[-1]
        dim = self._first_dim(msg) - self._open
        cases = torch.eye(size, dtype=value.dtype, device=value.device)
        weights = _along(value.movedim(-1, 0), dim)
        self._weights = weights if self._weights is None else self._weights * weights
        self._open += 1
        msg["value"] = _along(cases, dim - 1)
        msg["done"] = msg["stop"] = True

    def _pyro_ntpt_carry(self, msg: Message) -> None:
        step, state = msg["args"][:2]
        control = list(msg["kwargs"].get("control", msg["args"][2] if len(msg["args"]) > 2 else ()))
        check_control(step, state, control)
        msg["value"] = self._carry(state, control, self._first_dim(msg))
        msg["done"] = msg["stop"] = True

    def _first_dim(self, msg: Message) -> int:
        """The dimension of the first cases: left of all plates around the message."""
        if self.dim is not None:
            return self.dim
        dims = [frame.dim or 0 for frame in msg["cond_indep_stack"] if frame.vectorized]
        return min(dims, default=0) - 1

    def _carry(self, state: dict[str, Value], control: list[str], dim: int) -> dict[str, Value]:
        """Close the open cases, and open one for each joint value of control that has any probability."""
        paths = self._paths([state[name] for name in control], dim)
        mass = paths.sum(0)
        if not control:  # one case is left, and closed: what was left out on the way is missing here
            state = self._mixed(state, list(state), paths, dim)
            self.reset()
            return {name: value.squeeze(0) for name, value in state.items()}
        values = mass.shape[-1]
        kept = (mass.detach().reshape(-1, values) > self.slack / values).any(0).nonzero()[:, 0]
        paths, mass = paths[..., kept], mass[..., kept]
        others = [name for name in state if name not in control]
        state = self._mixed(state, others, paths / mass.clamp_min(LEAST_MASS), dim)
        self._weights, self._open = mass.movedim(-1, 0), 1
        for name in reversed(control):
            size = state[name].shape[-1]
            cases = torch.eye(size, dtype=mass.dtype, device=mass.device)[kept % size]
            state = {**state, name: _along(cases, dim - 1)}
            kept = kept // size
        return state

    def _mixed(
        self,
        state: dict[str, Value],
        names: list[str],
        shares: Float[Tensor, "cases *batch values"],
        dim: int,
    ) -> dict[str, Value]:
        """The state, some variables of which are mixed from the open cases by their shares."""
        if not names:
            return state
        together = self._side_by_side([state[name] for name in names], dim)  # [*batch, F, N]
        mixed = (shares.movedim(0, -1) @ together).movedim(-2, 0)  # [C, *batch, N]
        sizes = [state[name].shape[-1] for name in names]
        return {**state, **dict(zip(names, mixed.split(sizes, -1), strict=True))}

    def _paths(self, control: list[Value], dim: int) -> Float[Tensor, "cases *batch values"]:
        """The probability of every open case with every joint value of control, ``[F, *batch, C]``."""
        given = torch.ones(1) if self._weights is None else self._weights
        joint = reduce(outer, control) if control else given.new_ones(1)
        return self._flat_cases(given.unsqueeze(-1) * joint, dim)

    def _side_by_side(self, values: list[Value], dim: int) -> Float[Tensor, "*batch cases numbers"]:
        """Values side by side, their cases in one axis."""
        shape = torch.broadcast_shapes(*(value.shape[:-1] for value in values))
        together = torch.cat([value.expand(*shape, value.shape[-1]) for value in values], -1)
        return self._flat_cases(together, dim).movedim(0, -2)

    def _flat_cases(self, tensor: Tensor, dim: int) -> Tensor:
        """``[*open cases, *batch, n]`` with all cases in one first axis, of size 1 where there are none."""
        batch = -dim - 1
        missing = self._open + batch + 1 - tensor.ndim
        tensor = tensor.reshape((1,) * missing + tensor.shape)
        cases = self._weights.shape[: self._open] if self._weights is not None else ()
        tensor = tensor.expand(*cases, *tensor.shape[self._open :])
        return tensor.reshape(prod(cases), *tensor.shape[self._open :])


def _along(cases: Tensor, dim: int) -> Tensor:
    """Cases ``[n, *rest]`` reshaped so that they lie along dimension ``dim`` of the result."""
    return cases.reshape(cases.shape[0], *(1,) * (-dim - cases.ndim), *cases.shape[1:])
