"""Chunks of an exhaustive search: some programs on some examples, independent of all others."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.work.workers import Workers

UNITS_A_WORKER = 4
"""Pieces of work that each worker has in turn: fewer leave some idle at the end, more cost their sending."""


@dataclass(frozen=True)
class Chunk:
    """Some programs on some examples.

    :param numbers: of the programs in their space.
    :param start: the place of the first of them among all that are run.
    :param begin: of the examples.
    :param end: of the examples, not included.
    """

    numbers: Int[Tensor, " programs"]
    start: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """Programs times examples."""
        return len(self.numbers) * (self.end - self.begin)


@dataclass(frozen=True)
class ChunkRuns:
    """Runs chunks; wherever it does, the log-likelihoods are the same.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param space: its programs.
    :param data: tensors with a common first axis of examples.
    :param steps: treatment of interpreter steps.
    """

    model: Model
    space: ProgramSpace
    data: tuple[Tensor, ...]
    steps: StepTreatment

    def __call__(self, chunks: Sequence[Chunk]) -> list[Float[Tensor, " programs"]]:
        """The log-likelihoods of each chunk's programs.

        :param chunks: one after the other.
        :returns: for each ``[programs]``, float64, in nats, summed over its examples.
        """
        return [self.run(one.numbers, self.batch(one.begin, one.end)) for one in chunks]

    def batch(self, begin: int, end: int) -> tuple[Tensor, ...]:
        """Some of the examples.

        :param begin: of them.
        :param end: of them, not included.
        :returns: tensors with a common first axis.
        """
        return tuple(tensor[begin:end] for tensor in self.data)

    def run(self, numbers: Tensor, batch: tuple[Tensor, ...]) -> Float[Tensor, " programs"]:
        """The log-likelihoods of some programs.

        :param numbers: of the programs in their space.
        :param batch: the examples.
        :returns: ``[programs]``, float64, in nats, summed over the examples.
        """
        any_of_unused = {s: integers.clamp_min(0) for s, integers in self.space.programs(numbers).items()}
        fixed = with_choices(self.model, any_of_unused, self.space.sizes, self.steps)
        with torch.no_grad():
            return log_likelihood(fixed, batch).double().cpu()


def in_units(chunks: Sequence[Chunk], workers: Workers) -> list[list[Chunk]]:
    """Chunks as pieces of work, in their order.

    :param chunks: in their order.
    :param workers: who runs them.
    :returns: the pieces, each of chunks that follow each other.
    """
    if workers.alone:
        return [[one] for one in chunks]
    many = 1 if workers.cluster else -(-len(chunks) // (UNITS_A_WORKER * workers.count(len(chunks))))
    return [[*chunks[first : first + many]] for first in range(0, len(chunks), many)]
