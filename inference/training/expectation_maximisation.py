"""Expectation maximisation: networks learned with the exact posterior over programs, no gradient of choices.

Each iteration reads the data with the networks as they are, finds the posterior over *all* programs (E step,
:func:`~ntpt_pyro.inference.exact_posterior`), and then trains the networks by the expectation over what the
programs compute (M step, :class:`~ntpt_pyro.inference.Expectation`). Networks that cannot read yet say
little, and must not decide much: the first posteriors are of a few examples, twice as many from one to the
next.

The E step looks at examples that the M step is not trained on. A network that learned its examples by heart
with a wrong program does not make that program more probable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.expectation import Expectation
from ntpt_pyro.inference.posterior.behaviours import Behaviour
from ntpt_pyro.inference.posterior.exhaustive import exact_posterior
from ntpt_pyro.inference.posterior.posterior import ProgramPosterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.inference.training.training import Model
from ntpt_pyro.language.library import Library

MOST_KEPT = 32
"""Behaviours that an expectation is over, at most."""
NEGLIGIBLE = 0.01
"""Probability of all others together that need not be in it."""


@dataclass(frozen=True)
class Iteration:
    """What one iteration found.

    :param examples: that its posterior looked at.
    :param posterior: over programs, with the networks as they were.
    :param behaviours: the same over what they compute, the most probable first.
    :param step: training steps that the networks had taken.
    """

    examples: int
    posterior: ProgramPosterior
    behaviours: Sequence[Behaviour]
    step: int


def expectation_maximisation(
    model: Model,
    held_back: Sequence[Shaped[Tensor, "held_back ..."]],
    training: Sequence[Shaped[Tensor, "training ..."]],
    *,
    library: Library,
    behaviours: Callable[[ProgramPosterior], Sequence[Behaviour]] | None = None,
    space: ProgramSpace | None = None,
    first: int = 8,
    steps: int = 50,
    sure: float = 0.99,
    enough: Callable[[Iteration], bool] | None = None,
    iterations: int = 16,
    progress: str | None = None,
    checkpoint: Callable[[str], Path] | None = None,
    **settings: Any,
) -> list[Iteration]:
    """Learn a library, and find the program, without a gradient of the choices.

    It ends when one behaviour is sure, given all of the examples held back, and that is enough.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param held_back: what posteriors look at: tensors with a common first axis of examples.
    :param training: what the networks are trained on; other examples.
    :param library: the networks; it is trained in place. Where none of them is taught there is one iteration,
        of all examples held back.
    :param behaviours: what the programs of a posterior compute, most probable first, such as a partial
        :func:`~ntpt_pyro.by_behaviour`; by default all programs are told apart.
    :param space: see :func:`~ntpt_pyro.inference.exact_posterior`.
    :param first: examples that the first posterior looks at, at least 1.
    :param steps: training steps of an M step.
    :param sure: the probability of a behaviour from which it may end.
    :param enough: looks at an iteration in which one is; by default that is enough.
    :param iterations: the most.
    :param progress: a label for progress bars on standard error; None shows none.
    :param checkpoint: for the name of a part a file to keep it in, and to go on from.
    :param settings: further settings of :func:`~ntpt_pyro.inference.training.fit`.
    :returns: the iterations; the last one is of the library as it is afterwards.
    :raises BudgetError: see :func:`~ntpt_pyro.inference.exact_posterior`.
    :raises UsageError: where a number is out of its range.
    """
    if first < 1 or iterations < 1:
        raise UsageError(
            "expectation maximisation",
            expected="at least one example first and one iteration",
            got=f"{first} and {iterations}",
            remedy="give more",
        )
    learns = any(function.taught for function in library)
    everything = len(held_back[0])
    examples = min(first, everything) if learns else everything
    space = space or ProgramSpace.of(model, held_back)
    found: list[Iteration] = []
    while True:
        number, step = len(found), steps * len(found)
        library.eval()
        posterior = exact_posterior(
            model,
            [tensor[:examples] for tensor in held_back],
            space=space,
            progress=progress and f"{progress}, iteration {number + 1}: all programs",
            checkpoint=checkpoint(f"posterior-{number}") if checkpoint else None,
        ).posterior
        groups = (behaviours or _apart)(posterior)
        found.append(Iteration(examples, posterior, groups, step))
        may_end = examples == everything and groups[0].probability >= sure
        ends = may_end and (enough is None or enough(found[-1]))
        if ends or number + 1 == iterations or not learns:
            return found
        library.train()
        fit(
            over(groups)(model),
            training,
            library=library,
            steps=steps,
            progress=progress and f"{progress}, iteration {number + 1}: networks",
            checkpoint=checkpoint(f"networks-{number}") if checkpoint else None,
            **{**settings, "seed": settings.get("seed", 0) * iterations + number},
        )
        examples = min(2 * examples, everything)


def _apart(posterior: ProgramPosterior) -> list[Behaviour]:
    """The most probable programs, each on its own."""
    kept = min(MOST_KEPT, posterior.programs())
    return [Behaviour(program, probability, 1) for program, probability in posterior.top(kept)]


def over(groups: Sequence[Behaviour]) -> Expectation:
    """The expectation over the most probable behaviours.

    :param groups: behaviours, the most probable first.
    :returns: a handler for the model that they are programs of.

    >>> groups = [Behaviour({"flip": 1}, 0.9, 1), Behaviour({"flip": 0}, 0.095, 1)]
    >>> over([*groups, Behaviour({"flip": 2}, 0.005, 1)]).weights
    tensor([0.9045, 0.0955])
    """
    kept = 1
    while kept < min(len(groups), MOST_KEPT) and 1 - sum(g.probability for g in groups[:kept]) > NEGLIGIBLE:
        kept += 1
    probabilities = torch.tensor([group.probability for group in groups[:kept]])
    sites = groups[0].program
    return Expectation(
        {site: torch.tensor([group.program[site] for group in groups[:kept]]) for site in sites},
        probabilities / probabilities.sum(),
    )
