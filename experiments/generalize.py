"""How models of MATH do on longer expressions than they were trained on: the paper's Figure 8.

For each seed `ntpt learn math` finds a program from two-digit expressions, and baselines are trained on up to
five digits; all are tried on the same expressions of every length, with symbols given (a) and images (b).
Each piece of work has a folder that holds what decides it, a checkpoint while it lasts, and its result:
``ntpt-SEED`` a run of `ntpt learn math`, ``MODEL-SEED-INPUT`` what a model came to on a kind of input.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ntpt_pyro._files import write_json, write_safetensors
from ntpt_pyro.experiments.figures import draw_generalization
from ntpt_pyro.experiments.lengths import (
    baseline_on_images,
    baseline_on_symbols,
    program_on_images,
    program_on_symbols,
)
from ntpt_pyro.experiments.sequence_learner import SEQUENCE_MODELS, SequenceOptions, train
from ntpt_pyro.runs.judging import reading_accuracy
from ntpt_pyro.runs.learn import Options, learn, library_of
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.run_folder import MODEL, Run, load_library
from ntpt_pyro.runs.settings import check_at_least, check_models
from ntpt_pyro.runs.statistics import mean_and_range, success_rate
from ntpt_pyro.tasks.tasks import MATH_LENGTH, task_named

MODELS = ("ntpt", *SEQUENCE_MODELS)
INPUTS = {"symbols": MODELS, "images": ("ntpt", "lstm", "lstm-last")}
"""For each kind of input the models that see it; like the paper, the Neural GPU does not see images."""

LONGEST = {"neural-gpu": 32}
"""Digits of the longest expressions that a model is tried on: its cost grows with their square."""


@dataclass(frozen=True)
class GeneralizeOptions:
    """What decides the comparison.

    :param learn: of `ntpt learn math`; ``seed`` is replaced.
    :param baselines: by name of the baseline; ``seed`` and ``images`` are replaced.
    :param tapes: expressions of each length that models are tried on.
    """

    learn: Options
    baselines: dict[str, SequenceOptions]
    tapes: int = 2000

    def __post_init__(self) -> None:
        """Check the number."""
        check_at_least(self, {"tapes": 1})


@dataclass(frozen=True)
class _Work:
    """A piece of the work: learning a program (``what`` is None), or a model on a kind of input."""

    model: str
    seed: int
    what: str | None

    @property
    def name(self) -> str:
        """Of its folder."""
        return "-".join([self.model, str(self.seed), *([self.what] if self.what else [])])


def generalize(
    models: Sequence[str],
    seeds: Sequence[int],
    options: GeneralizeOptions,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Train models of MATH, and try them on expressions of every length.

    :param models: out of :data:`MODELS`.
    :param seeds: every model is trained for each.
    :param options: of the training, and of the trial.
    :param out: the folder to keep everything in.
    :param resume: go on with what is there.
    :param progress: show progress bars.
    :returns: what :func:`summary` makes of it; also written to ``out/result.json``, with Fig. 8 as pictures
        with their numbers beside it.
    :raises UsageError: where a model is unknown.
    :raises LibraryError: where the library does not fit.
    :raises RunError: where something is there and ``resume`` is not set, or it was begun with other options.
    """
    check_models("generalize", models, MODELS, seeds)
    if any(model in INPUTS["images"] for model in models):
        library_of(task_named("math"), options.learn)  # what is wrong with it is said before hours of work
    pieces = [
        _Work(model, seed, what)
        for seed in seeds
        for model in models
        for what in ([None] if model == "ntpt" else []) + [kind for kind in INPUTS if model in INPUTS[kind]]
    ]
    for piece in pieces:
        Run(out / piece.name).begin(_settings(piece, options), resume=resume)
    for piece in pieces:
        if not Run(out / piece.name).complete:
            _do(piece, options, out, progress=progress)
    found = {
        "command": _command(models, seeds, options),
        "seeds": list(seeds),
        **summary({piece: Run(out / piece.name).result() for piece in pieces}),
    }
    draw_generalization(found, out)
    write_json(out / "result.json", found)
    return found


def _settings(piece: _Work, options: GeneralizeOptions) -> dict[str, Any]:
    """What decides a piece of work."""
    learning = replace(options.learn, seed=piece.seed).settings()
    if piece.what is None:
        return learning
    if piece.model == "ntpt":
        return {"program": learning, "tapes": options.tapes}
    return {**_baseline(piece, options).settings(), "tapes": options.tapes}


def _baseline(piece: _Work, options: GeneralizeOptions) -> SequenceOptions:
    return replace(options.baselines[piece.model], seed=piece.seed, images=piece.what == "images")


def _do(piece: _Work, options: GeneralizeOptions, out: Path, *, progress: bool) -> None:
    """Do a piece of work, or what is left of it, and keep what came of it."""
    run = Run(out / piece.name)
    if piece.what is None:
        learn(replace(options.learn, seed=piece.seed), run=run, progress=progress)
    elif piece.model == "ntpt":
        run.conclude(_try_program(piece, options, out))
    else:
        run.conclude(_train_baseline(piece, options, run, progress=progress))


def _try_program(piece: _Work, options: GeneralizeOptions, out: Path) -> dict[str, Any]:
    """What a learned program comes to."""
    folder = Run(out / replace(piece, what=None).name)
    learned = folder.result()
    found: dict[str, Any]
    if piece.what == "symbols":
        found = {"curve": program_on_symbols(learned["choices"], options.tapes), "parameters": None}
    else:
        library = load_library(folder.folder)
        images = task_named("math").load("test", options.learn.data)
        found = {
            "curve": program_on_images(learned["choices"], library, options.tapes, images),
            "parameters": sum(parameter.numel() for parameter in library.parameters()),
            "readings": {name: reading_accuracy(library, name, images) for name in library.steps},
        }
    return {
        **found,
        "trained_on": [MATH_LENGTH],
        "program_correct": learned["program_correct"],
        "program": learned["program"],
        "seconds": learned["seconds"],
        "data": learned["data"],
        "options": learned["options"],
        "versions": versions(),
        "commit": commit(),
    }


def _train_baseline(piece: _Work, options: GeneralizeOptions, run: Run, *, progress: bool) -> dict[str, Any]:
    """Train a baseline; what it comes to."""
    wanted = _baseline(piece, options)
    learner, seconds = train(wanted, checkpoint=run.checkpoint("train"), progress=progress)
    model = learner.average
    write_safetensors(run.folder / MODEL, model.state_dict(), {"format": "ntpt_pyro baseline 1"})
    return {
        "curve": baseline_on_images(model, options.tapes, task_named("math").load("test", wanted.data))
        if wanted.images
        else baseline_on_symbols(model, options.tapes, longest=LONGEST.get(piece.model)),
        "trained_on": list(range(1, learner.longest + 1)),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(seconds, 2),
        "options": wanted.settings(),
        "versions": versions(),
        "commit": commit(),
    }


def summary(results: dict[_Work, dict[str, Any]]) -> dict[str, Any]:
    """What models came to: for each kind of input, model and length the mean and range over seeds.

    :param results: by piece of work.
    :returns: curves, parameters, seconds, options; for programs also how many are right, what their networks
        read, and what is left of the errors where one network's readings are replaced by the truth.
    """
    tried: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for piece, result in results.items():
        if piece.what is not None:
            tried.setdefault((piece.what, piece.model), []).append(result)
    every = [result for group in tried.values() for result in group]
    return {
        "data": next((result["data"] for result in every if "data" in result), None),
        "inputs": {
            what: {model: _of_model(tried[what, model]) for model in MODELS if (what, model) in tried}
            for what in INPUTS
        },
        "versions": every[0]["versions"],
        "commits": sorted({str(result["commit"]) for result in every}),
    }


def _of_model(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One model on one kind of input, over seeds."""
    some = results[0]
    found: dict[str, Any] = {
        "trained_on": some["trained_on"],
        "parameters": some["parameters"],
        "seconds": mean_and_range([one["seconds"] for one in results]),
        "curve": [_over_seeds(points) for points in zip(*(one["curve"] for one in results), strict=True)],
        "options": {name: value for name, value in some["options"].items() if name != "seed"},
    }
    if "program" in some:
        right = sum(one["program_correct"] for one in results)
        found |= {"right_programs": success_rate(right, len(results)), "program": some["program"]}
    if "readings" in some:
        found["readings"] = {
            name: mean_and_range([one["readings"][name] for one in results]) for name in some["readings"]
        }
    return found


def _over_seeds(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A point of a curve over seeds."""
    tapes = points[0]["tapes"]
    found = {
        "digits": points[0]["digits"],
        "tapes": tapes,
        "right": [point["right"] for point in points],
        **mean_and_range([point["accuracy"] for point in points]),
    }
    if "by_networks" in points[0]:
        shares = {
            name: mean_and_range([point["by_networks"][name] / tapes for point in points])
            for name in points[0]["by_networks"]
        }
        found["by_networks"] = shares
    return found


def _command(models: Sequence[str], seeds: Sequence[int], options: GeneralizeOptions) -> str:
    """The command that gives this, files and folders by what they hold."""
    words = ["ntpt generalize", f"--models {','.join(models)}", f"--seeds {len(seeds)}"]
    if seeds[0]:
        words.append(f"--first-seed {seeds[0]}")
    lstm, gpu = options.baselines["lstm"], options.baselines["neural-gpu"]
    words += [f"--tapes {options.tapes}", f"--examples {options.learn.examples}"]
    words += [f"--steps {options.learn.steps}", f"--lstm-steps {lstm.steps}", f"--hidden {lstm.hidden}"]
    words += [f"--neural-gpu-steps {gpu.steps}", f"--filters {gpu.filters}"]
    words += [f"--{name} {name.upper()}" for name in ("library", "data") if getattr(options.learn, name)]
    return " ".join([*words, "--out OUT"])
