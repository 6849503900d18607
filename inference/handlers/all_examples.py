"""A look at all examples, for those who compute exactly: every example must be what the first few are."""

from collections.abc import Container, Sequence
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.errors import DivergenceError, SiteError
from ntpt_pyro.inference.handlers.choices import MeanChoices
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.given_data import in_batches
from ntpt_pyro.language.sites import Message, is_data, role_of


def look_at_all(where: str, model: Model, data: Sequence[Tensor], choices: Container[str]) -> bool:
    """Run a model once on all examples, and look at what it observes, chooses and reads.

    :param where: what asks, for messages.
    :param model: a Pyro program, not wrapped.
    :param data: its arguments, tensors with a common first axis of examples.
    :param choices: those that it makes on the first few examples.
    :returns: whether some examples count less than others, or not at all (``poutine.mask``,
        ``poutine.scale``).
    :raises DivergenceError: names the learned function and the first example of which it yields NaN or
        infinity.
    :raises SiteError: names a choice that is made on some examples only.
    """
    look = _Look(where, choices)
    with (
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        poutine.block(),
        MeanChoices(),
        ForwardMarginals(),
        look,
    ):
        for batch in in_batches(data):
            look.examples = len(batch[0])
            model(*batch)
            look.before += len(batch[0])
    return look.weighted


class _Look(Messenger):
    """Looks at choices, at what is observed, and at what learned functions yield."""

    def __init__(self, where: str, choices: Container[str]) -> None:
        super().__init__()
        self.where = where
        self.choices = choices
        self.before = 0
        """Examples of the batches before this one."""
        self.examples = 0
        """Of this one."""
        self.weighted = False

    def _pyro_post_sample(self, msg: Message) -> None:
        name = str(msg["name"])
        if role_of(msg) == "choice" and not msg["is_observed"] and name not in self.choices:
            raise SiteError(
                f"{self.where}, choice {name!r}",
                expected="the same choices, whatever the examples",
                got="one that is made on some of them only",
                remedy="make it always: the program is the same for all examples",
            )
        if is_data(msg):
            mask: Any = msg["mask"]
            masked = mask is False or (isinstance(mask, Tensor) and not bool(mask.all()))
            scale: Any = msg["scale"]
            self.weighted |= masked or bool(torch.as_tensor(scale != 1).any())

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        function, value = msg["args"][0], msg["value"]
        assert value is not None
        fine = value.isfinite()
        if fine.all():
            return
        axis = [*value.shape].index(self.examples) if self.examples in value.shape else None
        example = "" if axis is None else f", example {self.before + int((~fine).nonzero()[:, axis].min())}"
        raise DivergenceError(
            f"{self.where}, learned function {function.declaration.name!r}{example}",
            expected="finite readings",
            got="NaN or infinity",
            remedy="train it anew, or load weights that are finite",
        )
