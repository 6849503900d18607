"""Circuit and model compared: on vertices, literals must be what the probabilities are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from pyro import poutine
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.other_readings import OtherReadings
from ntpt_pyro.inference.solver.circuit import Circuit, Literals, value_of
from ntpt_pyro.inference.solver.model_circuit import ModelRun
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.inference.solver.scores import Scores
from ntpt_pyro.language.values import Value, one_hot

TRIED = 32
"""Random programs, each with random readings."""


def check_agreement(
    scores: Scores,
    batch: Sequence[Tensor],
    circuit: Circuit,
    run: ModelRun,
    readings: Readings,
    *,
    seed: int = 0,
) -> None:
    """Compare a circuit with its model, at random programs and readings.

    They differ where the model does what no multilinear program does, such as a sum of cases that are not
    disjoint.

    :param scores: of the model.
    :param batch: the examples that the circuit is of.
    :param circuit: the circuit.
    :param run: the model on literals.
    :param readings: the readings that it was given.
    :param seed: of the draw.
    :raises SiteError: names the site and the first example where they differ.
    """
    generator = np.random.default_rng(seed)
    true = np.zeros((circuit.variables, TRIED), dtype=bool)
    programs = [
        {site: int(generator.integers(size)) for site, size in scores.sizes.items()} for _ in range(TRIED)
    ]
    for site, literals in run.choices.items():
        _set(true, literals, np.array([program[site] for program in programs]))
    read = {key: _drawn(true, literals, generator) for key, literals in readings.known.items()}
    values = circuit.values(true)
    with torch.no_grad():
        fixed = _Given(read)(scores.fixed(programs))
        trace = poutine.trace(fixed).get_trace(*batch)
    for site, literals in run.results.items():
        output: Any = trace.nodes[site]["fn"]
        expected = output.probs.expand(TRIED, *literals.shape)
        found = torch.from_numpy(np.moveaxis(value_of(values, literals), -1, 0))
        different = (found.to(expected) - expected).abs().amax(-1) > 1e-3
        if bool(different.any()):
            program, example = (int(one[0]) for one in different.nonzero(as_tuple=True))
            raise SiteError(
                f"solver, observed site {site!r}",
                expected=f"what the model computes, {expected[program, example].tolist()}",
                got=f"{found[program, example].int().tolist()} on literals, with program {programs[program]}",
                remedy="the model adds up cases that are not disjoint or looks at numbers; write it with "
                "select, switch and runtime functions, or take a strategy other than solver",
            )


def _set(true: Literals, literals: Literals, integers: Literals) -> None:
    """Let one member of a group be true, in each column another."""
    chosen = literals[integers]
    for column, literal in enumerate(chosen.tolist()):
        if literal > 1:
            true[literal // 2, column] = literal % 2 == 0


def _drawn(true: Literals, literals: Literals, generator: np.random.Generator) -> Tensor:
    """Random readings out of the possible ones, ``[columns, *batch]``."""
    columns = true.shape[1]
    possible = literals != 0
    weights = possible[None] * generator.random((columns, *literals.shape))
    drawn = weights.argmax(-1)
    flat = literals.reshape(-1, literals.shape[-1])
    chosen = np.take_along_axis(flat[None], drawn.reshape(columns, -1, 1), -1)[..., 0]
    rows, places = np.nonzero(chosen > 1)
    true[chosen[rows, places] // 2, rows] = chosen[rows, places] % 2 == 0
    return torch.from_numpy(drawn)


class _Given(OtherReadings):
    """Learned functions yield given integers, call by call."""

    def __init__(self, read: dict[tuple[str, int], Tensor]) -> None:
        super().__init__()
        self.read = read
        self.calls: dict[str, int] = {}

    def instead_of(self, name: str, read: Value) -> Value:
        """See :class:`~ntpt_pyro.inference.handlers.other_readings.OtherReadings`."""
        number = self.calls[name] = self.calls.get(name, -1) + 1
        return one_hot(self.read[name, number], read.shape[-1])
