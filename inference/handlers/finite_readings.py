"""What learned functions read must be finite: else every posterior of it would be nothing."""

from collections.abc import Sequence

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.errors import DivergenceError
from ntpt_pyro.inference.handlers.choices import MeanChoices
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.sites import Message

CHUNK = 500
"""Examples at once."""


def check_readings(where: str, model: Model, data: Sequence[Tensor]) -> None:
    """Run a model once on all examples, where it calls learned functions, and look at what they yield.

    :param where: what asks, for messages.
    :param model: a Pyro program, not wrapped.
    :param data: its arguments, tensors with a common first axis of examples.
    :raises DivergenceError: names the function and the first example of which it yields NaN or infinity.
    """
    readings = _Finite(where)
    batches = zip(*(tensor.split(CHUNK) for tensor in data), strict=True)
    with (
        torch.no_grad(),
        torch.random.fork_rng(devices=[]),
        poutine.block(),
        MeanChoices(),
        ForwardMarginals(),
        readings,
    ):
        for batch in batches:
            readings.examples = len(batch[0])
            model(*batch)
            if not readings.any:
                return
            readings.before += len(batch[0])


class _Finite(Messenger):
    """Looks at what learned functions yield."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.before = 0
        """Examples of the batches before this one."""
        self.examples = 0
        """Of this one."""
        self.any = False

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        self.any = True
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
