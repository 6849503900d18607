"""Expectation maximisation: networks learned with the exact posterior over programs, no gradient of choices.

Each iteration finds the posterior over *all* programs with the networks as they are (E step,
:func:`~ntpt_pyro.inference.exact_posterior`), and then trains the networks on the expectation over the
probable programs (M step, :class:`~ntpt_pyro.inference.Expectation`). Untrained networks read badly, so the
first posteriors must not rule out programs: they are given few examples, twice as many from one iteration to
the next.

E steps and M steps are given different examples. A network that learned its examples by heart together with a
wrong program then does not make that program more probable.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Unpack

import torch

from ntpt_pyro.inference.exact.exact_posterior import exact_posterior
from ntpt_pyro.inference.handlers.expectation import Expectation
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.behaviours import Behaviour
from ntpt_pyro.inference.posterior.decided_programs import columns_of
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.training.em_settings import EMOptions, EMSettings
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.language.given_data import Data, given_data
from ntpt_pyro.language.library import Library

MOST_PROGRAMS = 20_000
"""That an E step keeps, the most probable ones: while networks are untrained very many are as probable."""
MOST_KEPT = 32
"""Behaviours that an expectation is over, at most."""
NEGLIGIBLE = 0.01
"""Probability of all others together that need not be in it."""


@dataclass(frozen=True)
class Iteration:
    """The result of one iteration.

    :param examples: how many examples its posterior is given.
    :param posterior: over programs, with the networks as they were then.
    :param behaviours: the same over what programs compute, the most probable first.
    :param step: the number of training steps that the networks had taken.
    """

    examples: int
    posterior: ProgramPosterior
    behaviours: Sequence[Behaviour]
    step: int


def expectation_maximisation(
    model: Model,
    held_back: Data,
    training: Data,
    *,
    library: Library,
    behaviours: Callable[[ProgramPosterior], Sequence[Behaviour]] | None = None,
    space: ProgramSpace | None = None,
    enough: Callable[[Iteration], bool] | None = None,
    progress: str | None = None,
    checkpoint: Callable[[str], Path] | None = None,
    workers: Workers = ALONE,
    **settings: Unpack[EMOptions],
) -> list[Iteration]:
    """Learn a library, and find the program, without a gradient of the choices.

    It ends when one behaviour is sure given all of the examples held back, and ``enough`` agrees.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param held_back: the examples of E steps: tensors with a common first axis.
    :param training: the examples of M steps; others than those.
    :param library: the networks; it is trained in place. Where none of them is taught there is one iteration,
        of all examples held back.
    :param behaviours: groups the programs of a posterior by what they compute, the most probable group first,
        such as a partial :func:`~ntpt_pyro.by_behaviour`; by default each program is a group of its own.
    :param space: see :func:`~ntpt_pyro.inference.exact_posterior`.
    :param enough: whether an iteration in which one is sure may be the last; by default it may.
    :param progress: a label for progress bars on standard error; None shows none.
    :param checkpoint: from the name of a part (``posterior-0``, ``networks-0``, ...) to the file that it is
        kept in, and gone on from.
    :param workers: who makes the E steps, where they are large, see
        :func:`~ntpt_pyro.inference.exact_posterior`.
    :param settings: any fields of :class:`~ntpt_pyro.inference.EMSettings` (``first``, ``steps``, ``sure``,
        ``iterations``), and settings of the M steps, see :func:`~ntpt_pyro.inference.fit`: ``strategy``,
        ``batch_size``, ``seed``, ``callbacks``, any fields of :class:`~ntpt_pyro.inference.StepSettings`.
    :returns: the iterations; the last one is of the library as it is afterwards.
    :raises BudgetError: see :func:`~ntpt_pyro.inference.exact_posterior`.
    :raises UsageError: where a number is out of its range.

    >>> import pyro, torch
    >>> from functools import partial
    >>> from ntpt_pyro import Library, Tensor, choice, learn, observe, select
    >>> @learn([Tensor(2)], 2, hid_sizes=[8])
    ... def read(picture): "The bit in a picture."
    >>> def model(pictures, bits=None, *, library):
    ...     which = choice("which", 3)
    ...     with pyro.plate("examples", len(pictures)):
    ...         observe("bit", select(which, library["read"](pictures)), bits)
    >>> library, bits = Library([read]), torch.randint(2, (128, 3))
    >>> pictures = torch.stack([bits, 1 - bits], -1).float()
    >>> held_back, training = ((pictures[part], bits[part, 1]) for part in (slice(64), slice(64, 128)))
    >>> reading = partial(model, library=library)
    >>> found = expectation_maximisation(reading, held_back, training, library=library)
    >>> found[-1].behaviours[0].program
    {'which': 1}
    """
    loop, m_step = _split(settings)
    held_back, training = given_data("held back, data", held_back), given_data("training, data", training)
    learns = any(function.taught for function in library)
    everything = len(held_back[0])
    examples = min(loop.first, everything) if learns else everything
    space = space or ProgramSpace.of(model, held_back)
    found: list[Iteration] = []
    while True:
        number, step = len(found), loop.steps * len(found)
        library.eval()
        posterior = exact_posterior(
            model,
            [tensor[:examples] for tensor in held_back],
            space=space,
            keep=MOST_PROGRAMS,
            progress=progress and f"{progress}, iteration {number + 1}: all programs",
            checkpoint=checkpoint(f"posterior-{number}") if checkpoint else None,
            workers=workers,
        ).posterior
        groups = (behaviours or _apart)(posterior)
        found.append(Iteration(examples, posterior, groups, step))
        may_end = examples == everything and groups[0].probability >= loop.sure
        ends = may_end and (enough is None or enough(found[-1]))
        if ends or number + 1 == loop.iterations or not learns:
            return found
        library.train()
        fit(
            over(groups)(model),
            training,
            library=library,
            steps=loop.steps,
            progress=progress and f"{progress}, iteration {number + 1}: networks",
            checkpoint=checkpoint(f"networks-{number}") if checkpoint else None,
            **{**m_step, "seed": m_step.get("seed", 0) * loop.iterations + number},
        )
        examples = min(2 * examples, everything)


def _split(options: EMOptions) -> tuple[EMSettings, dict[str, Any]]:
    """The settings of the iterations, and those of their M steps."""
    of_steps: dict[str, Any] = dict(options)
    names = [one.name for one in fields(EMSettings) if one.name in of_steps]
    return EMSettings(**{name: of_steps.pop(name) for name in names}), of_steps


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
    programs = columns_of([group.program for group in groups[:kept]])
    return Expectation(programs, probabilities / probabilities.sum())
