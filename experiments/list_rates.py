"""Success rates of the list tasks of Neural Functional Programming, on TerpreT's published models.

    python -m ntpt_pyro.experiments.list_rates --models MODELS --out experiments/results/list_tasks/cpu.json

MODELS is the folder `models` of a checkout of github.com/51alg/TerpreT, whose files are read as they are.
Parts: `models` (what compiling and a step take), `solver`, `restarts` (by gradient, each restart counts),
`columns` (the same on other models). What is measured is written after each figure; the same command goes on
where it was interrupted.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from numpy.random import default_rng

from ntpt_pyro import Settings, induce
from ntpt_pyro.errors import BudgetError, DataError
from ntpt_pyro.experiments.list_tasks import LIST_TASKS, SIZES, hypers_of, instance, range_of_numbers
from ntpt_pyro.experiments.recording import Figures, main_of, parser_of, parts_of, record_parts, several
from ntpt_pyro.experiments.restart_rates import measure
from ntpt_pyro.experiments.texts import milliseconds_a_step
from ntpt_pyro.inference import Training, most_probable, program_of
from ntpt_pyro.runs.results import SolvedResult
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate
from ntpt_pyro.tasks.text_task import TextTask, text_task
from ntpt_pyro.terpret import TerpretModel, parse

COLUMNS = (
    "nfp_combinator_typed_immutable",
    "nfp_combinator_typed",
    "nfp_combinator_immutable",
    "nfp_combinator",
)
PUBLISHED = {
    "len": (98.67, 96.33, 0.67, 0.33),
    "rev": (18.00, 10.33, 2.67, 8.33),
    "sum": (38.00, 38.33, 1.00, 0.00),
    "allGtK": (0.00, 0.00, 0.00, 0.33),
    "exGtK": (3.00, 1.00, 0.67, 0.00),
    "findLastIdx": (0.33, 0.00, 0.00, 0.00),
    "getIdx": (1.00, 0.00, 0.00, 0.00),
    "last2": (0.00, 8.00, 0.00, 2.00),
    "mapAddK": (100.00, 98.00, 100.00, 95.67),
    "mapInc": (99.67, 98.00, 99.33, 97.00),
    "max": (2.33, 5.67, 0.00, 0.00),
    "pairwiseSum": (43.33, 32.33, 43.67, 33.67),
    "revMapInc": (0.00, 0.67, 0.00, 0.00),
}
"""Percent of runs, by task and model: C+T+I, C+T, C+I and C in the table on the poster of Feser et al.,
"Neural Functional Programming"."""
OTHERS = ("nfp_assembly", "nfp_assembly_fixed_alloc", "nfp_assembly_loops", "nfp_assembly_loops_typed")
"""Models that the table has no column for."""
ASSEMBLY = {"numRegisters": 4, "programLen": 6, "numTimesteps": 24}
"""Sizes at which len is possible; the published defaults are too small for a loop."""
HELD_OUT = 50
"""Examples that programs are tried on, beside those that they are learned from."""
SETTINGS: Mapping[str, Any] = {"strategy": "relaxed", "init_scale": 2.0, "kl": 0.03}
"""Chosen by hand on one other drawing of examples, for rev; sum does better from less varied beginnings."""
BATCH = 5
"""Instances a step, at most."""
SEEDS = (0, 1, 2, 3)
"""Each draws its own examples, and its share of the restarts."""
PARTS = ("models", "solver", "restarts", "columns")


@dataclass(frozen=True)
class ListLearned:
    """What restarts found, each counted by itself.

    :param right: those whose program reproduces the instances learned from and those held out.
    :param fits: those whose program reproduces the instances learned from.
    :param by_examples: how many are right, for each drawing of examples.
    :param published: percent of runs, where it is known.
    :param seconds: of the processor, of all restarts.
    """

    right: Rate
    fits: Rate
    by_examples: list[int]
    published: float | None
    seconds: float


@dataclass(frozen=True)
class ListSolved:
    """What a solver found, a run for each drawing of examples.

    :param found: programs that are proved to reproduce the instances learned from.
    :param right: those that reproduce the instances held out too.
    :param determined: by how far the instances determine what a program does, how many runs said so.
    :param seconds: of a run, all its questions included.
    """

    found: Rate
    right: Rate
    determined: dict[str, int]
    clauses: Spread | None
    seconds: Spread


@dataclass(frozen=True)
class ListCompiled:
    """What a published model takes, for len.

    :param digest: SHA-256 of the file.
    :param step: milliseconds of the processor of a training step, median, by restarts.
    """

    digest: str
    hypers: dict[str, int]
    statements: int
    products: int
    seconds: float
    step: dict[str, float]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts and write the figures.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    :raises DataError: where the models are not there.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    about = {"threads": torch.get_num_threads(), "settings": dict(SETTINGS), "sizes": dict(SIZES)}
    about |= {"held_out": HELD_OUT, "seeds": list(SEEDS)}
    return record_parts("list_rates", options, _parts(options), **about)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    parser = parser_of(__doc__, data=False, workers=True, restarts=64, steps=300, seconds=60)
    parser.add_argument("--models", type=Path, required=True, help="folder of the published models")
    parser.add_argument("--tasks", type=several, default=list(LIST_TASKS), help="of the table")
    parser.add_argument("--part", type=several, default=list(PARTS))
    return parser.parse_args(arguments)


def _parts(options: argparse.Namespace) -> dict[str, Figures]:
    """What measures the figures, by part and name."""
    best, *others = COLUMNS
    made: dict[str, Callable[[], Figures]] = {
        "models": lambda: {name: partial(_compiled, options, name) for name in (*COLUMNS, *OTHERS)},
        "solver": lambda: {name: partial(_solved, options, name) for name in options.tasks},
        "restarts": lambda: {name: partial(_learned, options, best, name) for name in options.tasks},
        "columns": lambda: {
            f"{name}, {model}": partial(_learned, options, model, name)
            for model in others
            for name in options.tasks
        },
    }
    return parts_of(options.part, made)


def list_task(
    text: Path, name: str, *, seed: int, folder: Path, sizes: Mapping[str, int] = SIZES
) -> TextTask:
    """A task of a published model: instances to learn from, others held out.

    :param text: file of the model.
    :param name: of the task.
    :param seed: of the examples.
    :param folder: for the files of hypers and instances.
    :param sizes: by hyper.
    :returns: the task.
    :raises DataError: where there is no such file.
    """
    model = _model(text, sizes)
    generator, task = default_rng(seed), LIST_TASKS[name]
    cells = model.hypers["inputStackSize"]
    examples = task.examples(generator, range_of_numbers(model), cells, HELD_OUT)
    instances = [instance(one, model, generator) for one in examples]
    parts = {"train": instances[: task.instances], "held out": instances[task.instances :]}
    batches = [{"batch_name": one, "hypers": name, "instances": part} for one, part in parts.items()]
    hypers, data = folder / f"{name}.hypers.json", folder / f"{name}.json"
    hypers.write_text(json.dumps({name: model.hypers}), encoding="utf-8")
    data.write_text(json.dumps(batches), encoding="utf-8")
    return text_task(text, hypers, data)


def _model(text: Path, sizes: Mapping[str, int]) -> TerpretModel:
    try:
        source = parse(text.read_text(encoding="utf-8"), text.name)
    except OSError as error:
        raise DataError(
            str(text),
            expected="a published model",
            got="no such file",
            remedy="name the folder `models` of a checkout of github.com/51alg/TerpreT (--models)",
        ) from error
    return TerpretModel(source, hypers_of(source, sizes))


def _of_seeds(options: argparse.Namespace, model: str, name: str) -> list[TextTask]:
    """The task with each drawing of examples."""
    text = options.models / f"{model}.py"
    with TemporaryDirectory() as folder:
        return [list_task(text, name, seed=seed, folder=Path(folder)) for seed in SEEDS]


class _AtTheEnd:
    """A callback that judges the restarts' programs after the last step.

    :param task: what they are of.
    :param settings: of the training.
    """

    def __init__(self, task: TextTask, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.fits: list[bool] = []
        self.right: list[bool] = []

    def __call__(self, training: Training) -> bool:
        if training.step < self.settings.steps:
            return False
        task, restarts = self.task, self.settings.restarts
        model, data = task.with_library(None), task.train.tensors
        programs = most_probable(training.strategy, model, training.guide, data, restarts=restarts)
        for restart in range(restarts):
            program = program_of(programs, restart)
            self.fits.append(bool(task.right(program)))
            self.right.append(self.fits[-1] and all_reproduced(task, program))
        return False


def all_reproduced(task: TextTask, program: Mapping[str, int]) -> bool:
    """Whether a program reproduces all instances, those held out included.

    :param task: that has them.
    :param program: every choice's integer by site.
    :returns: whether it does.
    """
    return all(task.reproduced(one, dict(program), None) == len(one.instances) for one in task.batches)


def _learned(options: argparse.Namespace, model: str, name: str) -> ListLearned:
    ends, seconds = [], 0.0
    for seed, task in zip(SEEDS, _of_seeds(options, model, name), strict=True):
        some = {"restarts": options.restarts // len(SEEDS), "steps": options.steps, "seed": seed}
        settings = Settings().changed({**task.defaults, **SETTINGS, **some, "batch_size": BATCH})
        end = _AtTheEnd(task, settings)
        seconds += measure(task, settings, callbacks=[end], every=options.steps).seconds
        ends.append(end)
    rows = PUBLISHED[name]
    return ListLearned(
        right=success_rate(sum(sum(end.right) for end in ends), sum(len(end.right) for end in ends)),
        fits=success_rate(sum(sum(end.fits) for end in ends), sum(len(end.fits) for end in ends)),
        by_examples=[sum(end.right) for end in ends],
        published=rows[COLUMNS.index(model)],
        seconds=round(seconds, 2),
    )


def _solved(options: argparse.Namespace, name: str) -> ListSolved:
    found: list[tuple[TextTask, SolvedResult]] = []
    seconds = []
    for task in _of_seeds(options, COLUMNS[0], name):
        began = time.monotonic()
        try:
            result = induce(task, strategy="solver", seconds=options.seconds).result
            assert isinstance(result, SolvedResult)
            found.append((task, result))
        except BudgetError:
            pass
        seconds.append(round(time.monotonic() - began, 2))
    right = [bool(one.program_correct) and all_reproduced(task, one.choices) for task, one in found]
    words = [str(one.determined) for _, one in found]
    return ListSolved(
        found=success_rate(sum(bool(one.program_correct) for _, one in found), len(SEEDS)),
        right=success_rate(sum(right), len(SEEDS)),
        determined={word: words.count(word) for word in sorted(set(words))},
        clauses=spread([one.clauses for _, one in found]) if found else None,
        seconds=spread(seconds),
    )


def _compiled(options: argparse.Namespace, name: str) -> ListCompiled:
    text, began = options.models / f"{name}.py", time.process_time()
    model = _model(text, {**SIZES, **ASSEMBLY})
    seconds = time.process_time() - began
    with TemporaryDirectory() as folder:
        task = list_task(text, "len", seed=0, folder=Path(folder), sizes={**SIZES, **ASSEMBLY})
    return ListCompiled(
        digest=hashlib.sha256(text.read_bytes()).hexdigest(),
        hypers=model.hypers,
        statements=model.statements,
        products=model.terms,
        seconds=round(seconds, 2),
        step={f"R={restarts}": milliseconds_a_step(task, restarts, steps=10) for restarts in (1, 64)},
    )


if __name__ == "__main__":
    main_of(__spec__)
