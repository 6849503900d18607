"""The three sites a model is written with: ``choice``, ``var`` and ``observe``.

They are ordinary Pyro sites. Without a strategy a model simulates: choices are drawn from their uniform
prior, every step from its distribution, all one-hot. A strategy (:mod:`ntpt_pyro.inference`) changes what
point of the simplex a choice or a step yields, and the model text does not change.
"""

import operator
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import pyro
import torch
from jaxtyping import Int
from pyro.poutine import runtime
from pyro.poutine.runtime import InferDict, effectful
from torch import Tensor

from ntpt_pyro.errors import RangeError
from ntpt_pyro.language.distributions import OneHot, Output, Step
from ntpt_pyro.language.objectives import check_guided
from ntpt_pyro.language.values import Value, check_values

Role = Literal["choice", "step"]

Message = runtime.Message[..., Any]
"""Pyro's message at a site, as handlers see it."""


class NtptInfer(InferDict, total=False):
    """Pyro's ``infer`` dictionary with this package's two keys.

    :param _ntpt_role: of the site.
    :param _ntpt_treated: of a choice: not empty once a strategy has treated it. Pyro copies the dictionary,
        but not the list.
    """

    _ntpt_role: Role
    _ntpt_treated: list[bool]


def role_of(msg: Message) -> Role | None:
    """What a sample message stands for: a program choice, an interpreter step, or neither.

    :param msg: a message of type ``sample``.
    :returns: ``"choice"``, ``"step"`` or None.
    """
    infer: NtptInfer = msg["infer"]  # type: ignore[assignment]  # InferDict is closed
    return infer.get("_ntpt_role")


def notes_a_value(msg: Message) -> bool:
    """Whether a site is one of ``pyro.deterministic``, which is observed and no data.

    :param msg: a message of type ``sample``.
    :returns: True for such a site.
    """
    return bool((msg["infer"] or {}).get("_deterministic"))


def is_data(msg: Message) -> bool:
    """Whether a site compares something with data, by :func:`observe` or by Pyro's own means.

    :param msg: a message of type ``sample``.
    :returns: True where it does.
    """
    return msg["is_observed"] and role_of(msg) is None and not notes_a_value(msg)


def mark_treated(msg: Message) -> None:
    """Note that a strategy treats a choice, so that :func:`choice` knows.

    :param msg: the choice's message.
    """
    infer: NtptInfer = msg["infer"]  # type: ignore[assignment]  # InferDict is closed
    infer["_ntpt_treated"].append(True)


def _with_role(role: Role) -> NtptInfer:
    """The ``infer`` dictionary of a site of this role."""
    return {"_ntpt_role": role, "_ntpt_treated": []}


@lru_cache
def _uniform(size: int, dtype: torch.dtype, device: torch.device) -> OneHot:
    """The uniform prior of a choice; kept, because a training step needs one for each choice."""
    return OneHot(torch.zeros(size, dtype=dtype, device=device).log_softmax(-1))


def choice(site: str, size: int) -> Value:
    """A program choice: a latent one-hot categorical site with a uniform prior.

    :param site: the site's name, unique in the model.
    :param size: the number of alternatives, at least 1. A choice among one is no choice: it makes no site.
    :returns: ``[*batch, size]``: a vertex or an inner point of the simplex, as the strategy decides.
    :raises RangeError: where ``size`` is below 1, or no integer.
    :raises UsageError: where an objective of Pyro's has a strategy around its guide alone.

    >>> with pyro.plate("lines", 3):
    ...     choice("instruction", 5).shape
    torch.Size([3, 5])
    """
    if type(size) is not int or size < 1:
        size = _alternatives(site, size)
    if size == 1:
        return torch.ones(1)
    prior = _uniform(size, torch.get_default_dtype(), torch.get_default_device())
    infer = _with_role("choice")
    value: Value = pyro.sample(site, prior, infer=infer)
    if not infer["_ntpt_treated"]:
        check_guided(site)
    return value


def _alternatives(site: str, size: object) -> int:
    """The number of alternatives that a choice is given, as an integer of Python's."""
    try:
        number = operator.index(size)  # type: ignore[arg-type]  # what it takes is found out here
    except TypeError as error:
        raise RangeError(
            f"choice {site!r}",
            expected="the number of alternatives",
            got=f"{size!r:.60}",
            remedy="give how many there are, such as len(items), and read one by select(choice, items)",
        ) from error
    if number < 1:
        raise RangeError(
            site,
            expected="a choice among at least 1",
            got=str(number),
            remedy="give the choice something to choose from",
        )
    return number


def guide_choice(site: str, logits: Value) -> Value:
    """The guide's side of a choice: a one-hot categorical site with learned logits.

    :param site: the name of the model's choice.
    :param logits: unnormalised log-probabilities ``[*batch, size]``.
    :returns: ``[*batch, size]``, as the strategy decides.

    >>> guide_choice("instruction", torch.tensor([0.0, 0.0])).sum()  # a sample, where no strategy is active
    tensor(1.)
    """
    value: Value = pyro.sample(site, OneHot(logits.log_softmax(-1)), infer=_with_role("choice"))
    return value


@effectful(type="ntpt_var")
def var(site: str, value: Value) -> Value:
    """An interpreter step's variable, distributed as ``value``.

    :param site: the site's name, unique in the model.
    :param value: ``[*batch, n]``, its distribution given what was computed before.
    :returns: ``[*batch, n]``: ``value`` itself under forward marginals, each vertex along a new dimension
        under enumeration, and a one-hot sample of ``value`` where no strategy is active.

    >>> from ntpt_pyro.inference import marginal
    >>> with marginal():
    ...     var("register", torch.tensor([0.25, 0.75]))
    tensor([0.2500, 0.7500])
    """
    step: Value = pyro.sample(site, Step(value), infer=_with_role("step"))
    return step


@effectful(type="ntpt_variables")
def variables(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Many interpreter steps at once: a :func:`var` each, announced together, which is cheaper.

    :param values: for each site its distribution ``[*batch, n]``; none is computed from another.
    :returns: by site what :func:`var` yields; ``values`` itself where every step yields its distribution.

    >>> from ntpt_pyro.inference import marginal
    >>> with marginal():
    ...     variables({"a": torch.tensor([0.5, 0.5]), "b": torch.tensor([1.0, 0.0])})["b"]
    tensor([1., 0.])
    """
    return {site: var(site, value) for site, value in values.items()}


def observe(
    site: str, value: Value, obs: Int[Tensor, "*batch"] | None, *, noise: float = 1e-6
) -> Int[Tensor, "*batch"]:
    """The program's output against data.

    :param site: the site's name, unique in the model.
    :param value: ``[*batch, n]``, the distribution of the output.
    :param obs: the observed integers in ``0..n-1``, of any integer type or bool, one for each element of the
        plates around the site; None draws them.
    :param noise: the probability that a label is drawn uniformly instead (see
        :class:`~ntpt_pyro.language.distributions.Output`); keeps log-probabilities finite.
    :returns: ``obs``, or a sample where it is None.
    :raises RangeError: where an observation lies outside ``0..n-1`` or is no integer, or the noise is no
        probability.

    >>> def model(result=None):
    ...     observe("result", torch.tensor([0.25, 0.75]), result)
    >>> seen = pyro.poutine.trace(model).get_trace(torch.tensor(1))
    >>> seen.log_prob_sum().exp()
    tensor(0.7500)
    """
    check_values(f"observed site {site!r}", value)
    if not 0 <= noise <= 1:
        raise RangeError(
            f"observed site {site!r}",
            expected="a noise in 0..1",
            got=f"{noise:g}",
            remedy="give the probability that a label is wrong",
        )
    obs = None if obs is None else _integers(site, obs)
    if obs is not None and obs.numel():
        low, high = torch.aminmax(obs)
        if low < 0 or high >= value.shape[-1]:
            raise RangeError(
                f"observed site {site!r}",
                expected=f"observations in 0..{value.shape[-1] - 1}",
                got=str(int(low if low < 0 else high)),
                remedy="correct the data or enlarge the output's range",
            )
    observed: Int[Tensor, "*batch"] = pyro.sample(site, Output(value, noise), obs=obs)
    return observed


def _integers(site: str, obs: Tensor) -> Int[Tensor, "*batch"]:
    """Observed integers of any type, as int64."""
    if isinstance(obs, Tensor) and obs.dtype == torch.int64:
        return obs
    given = torch.as_tensor(obs)
    if given.is_floating_point() or given.is_complex():
        raise RangeError(
            f"observed site {site!r}",
            expected="integers",
            got=f"numbers of {given.dtype}",
            remedy="give the results as integers (.long()), or observe numbers by pyro.sample",
        )
    return given.long()
