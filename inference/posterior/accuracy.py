"""How many examples a decided program gets right: its most probable results against the observed ones."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from pyro import poutine
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.given_data import BATCH, in_batches
from ntpt_pyro.language.sites import is_data


def predicted(
    fixed: Callable[..., Any], batch: Sequence[Tensor]
) -> dict[str, Int[Tensor, "*programs examples"]]:
    """The most probable results of decided programs, by observed site.

    :param fixed: a model with its choices decided, see :func:`~ntpt_pyro.inference.decided`.
    :param batch: its arguments.
    :returns: by site of an :func:`~ntpt_pyro.observe`, ``[*programs, examples]``.
    :raises SiteError: where the model observes nothing, or something other than an integer of the language.
    """
    return {site: node["fn"].probs.argmax(-1) for site, node in _observed(fixed, batch).items()}


class Compared(NamedTuple):
    """A decided program's result at one observed site, beside the data.

    :param found: the most probable result, ``[*programs, examples]``.
    :param truth: what it is compared with, ``[examples]``.
    :param masked: which examples are no data there, ``[examples]``.
    """

    found: Int[Tensor, "*programs examples"]
    truth: Int[Tensor, " examples"]
    masked: Bool[Tensor, " examples"]


def compared(fixed: Callable[..., Any], batch: Sequence[Tensor]) -> dict[str, Compared]:
    """The most probable results of decided programs, and what the model compares them with.

    :param fixed: see :func:`predicted`.
    :param batch: its arguments, results included.
    :returns: by site of an :func:`~ntpt_pyro.observe`.
    :raises SiteError: see :func:`predicted`.
    """
    made = {}
    for site, node in _observed(fixed, batch).items():
        truth: Tensor = node["value"]
        mask = torch.as_tensor(True if node["mask"] is None else node["mask"], device=truth.device)
        made[site] = Compared(node["fn"].probs.argmax(-1), truth, ~mask.expand(truth.shape))
    return made


def reproduced(fixed: Callable[..., Any], batch: Sequence[Tensor]) -> Bool[Tensor, "*programs examples"]:
    """Which examples come out right: where the most probable result of every observed site is the data's.

    What is masked (``poutine.mask``) is no data: it is right whatever comes out.

    :param fixed: see :func:`predicted`.
    :param batch: its arguments, results included.
    :returns: ``[*programs, examples]``.
    :raises SiteError: see :func:`predicted`.
    """
    right = [_right(node) for node in _observed(fixed, batch).values()]
    together: Tensor = right[0]
    for one in right[1:]:
        together = together & one
    return together


def _right(node: dict[str, Any]) -> Bool[Tensor, "*programs examples"]:
    """Which results of a site are the data's, or are not compared with them."""
    found: Tensor = node["fn"].probs.argmax(-1) == node["value"]
    return found if node["mask"] is None else found | ~torch.as_tensor(node["mask"])


def accuracy(
    right: Callable[..., Bool[Tensor, "*programs examples"]], data: Sequence[Tensor], *, chunk: int = BATCH
) -> Float[Tensor, " programs"]:
    """The share of examples that are right.

    :param right: from a batch of the data to which of its examples are right, ``[*programs, examples]``.
    :param data: tensors with a common first axis of examples.
    :param chunk: examples at once.
    :returns: ``[programs]``, in [0, 1].
    """
    total: Tensor = torch.zeros(())
    for batch in in_batches(data, chunk):
        with torch.no_grad():
            total = total + right(*batch).sum(-1)
    return total.reshape(-1) / len(data[0])


def program_accuracy(
    fixed: Callable[..., Any], data: Sequence[Tensor], *, chunk: int = BATCH
) -> Float[Tensor, " programs"]:
    """The share of examples that decided programs get right.

    :param fixed: see :func:`predicted`.
    :param data: the model's arguments, with a common first axis of examples.
    :param chunk: examples at once.
    :returns: ``[programs]``, in [0, 1].
    :raises SiteError: see :func:`predicted`.
    """
    return accuracy(lambda *batch: reproduced(fixed, batch), data, chunk=chunk)


def _observed(fixed: Callable[..., Any], batch: Sequence[Tensor]) -> dict[str, Any]:
    """The observed sites of a run, by name."""
    trace = poutine.trace(fixed).get_trace(*batch)
    found = {name: node for name, node in trace.nodes.items() if node["type"] == "sample" and is_data(node)}
    for name, node in found.items():
        if not isinstance(node["fn"], Output):
            raise SiteError(
                f"observed site {name!r}",
                expected="an integer that `observe` compares with data",
                got=type(node["fn"]).__name__,
                remedy="use ntpt_pyro.observe for results that programs are judged by",
            )
        observed: Any = node["value"]
        if observed.shape != (len(batch[0]),):
            raise SiteError(
                f"observed site {name!r}",
                expected=f"one result for each of {len(batch[0])} examples, of shape [{len(batch[0])}]",
                got=f"{[*observed.shape]}",
                remedy="observe labels [examples] within one pyro.plate over the examples",
            )
    if not found:
        raise SiteError(
            "model",
            expected="an observed result",
            got="none",
            remedy="compare its result with data by `observe`",
        )
    return found
