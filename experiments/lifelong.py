"""Lifetimes of several models over several seeds: the paper's Figures 6 and 7.

Every lifetime is kept in a folder of its own, ``MODEL-SEED``, with what decides it, a checkpoint while it
lasts and its result; programs are kept one folder a task, as ``ntpt show`` reads them, and the library beside
them.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ntpt_pyro.experiments.baseline_learner import BASELINES, BaselineLearner
from ntpt_pyro.experiments.figures import draw_figures, write_tables
from ntpt_pyro.experiments.lifetime import Learner, live
from ntpt_pyro.experiments.lifetime_results import (
    KeptProgram,
    Lifetime,
    Lifetimes,
    LifetimesSummary,
    ModelSummary,
    Presented,
)
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.measures import Ranged, Rate, each_ranged, ranged, rate
from ntpt_pyro.experiments.program_learner import AloneLearner, ProgramLearner
from ntpt_pyro.experiments.recording import check_models, command_of, given
from ntpt_pyro.experiments.stream import Stream
from ntpt_pyro.experiments.transfer import backward_transfer, forgetting, forward_transfer
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.results import DIGITS, LearnedResult, Reading
from ntpt_pyro.runs.run_folder import LIBRARY, RunFolder
from ntpt_pyro.runs.verdict import described

MODELS = ("ntpt", *BASELINES)
ALONE = "ntpt-alone"
"""NTPT that learns every task alone, with a new library: what forward transfer is measured against."""
REFERENCES = {"ntpt": ALONE, **dict.fromkeys(BASELINES, "indep")}
"""For each model the one that learns each task alone."""


def lifelong(
    models: Sequence[str],
    seeds: Sequence[int],
    settings: LifetimeSettings,
    out: Path,
    *,
    references: bool = True,
    resume: bool = False,
    progress: bool = False,
) -> LifetimesSummary:
    """Let models live their lifetimes, and sum them up.

    :param models: out of :data:`MODELS`.
    :param seeds: a lifetime of every model for each.
    :param settings: of every lifetime; ``model`` and ``seed`` are replaced.
    :param out: the folder to keep them in.
    :param references: let the models live too that forward transfer is measured against (:data:`REFERENCES`).
    :param resume: go on with lifetimes that are there, and take those that are complete.
    :param progress: show progress bars.
    :returns: the summary; also written to ``out/result.json``, with Fig. 6 as pictures and Fig. 7 as a table
        beside it.
    :raises UsageError: where a model is unknown.
    :raises RunError: where a lifetime is there and ``resume`` is not set, or it was begun with other settings.
    """
    check_models("lifelong", models, MODELS, seeds)
    others = [REFERENCES[model] for model in models] if references else []
    needed = list(dict.fromkeys([*models, *others]))
    wanted = [replace(settings, model=model, seed=seed) for seed in seeds for model in needed]
    runs = [RunFolder(out / f"{one.model}-{one.seed}") for one in wanted]
    for one, run in zip(wanted, runs, strict=True):
        run.begin(one.to_json(), resume=resume)
    for one, run in zip(wanted, runs, strict=True):
        if not run.complete:
            run.conclude(_lived(one, run, progress=progress))
    lifetimes: dict[str, list[Lifetime]] = {model: [] for model in needed}
    for one, run in zip(wanted, runs, strict=True):
        lifetimes[one.model].append(run.result_of(Lifetime))
    options = {
        "models": models,
        "seeds": len(seeds),
        "first_seed": seeds[0] or None,
        "references": None if references else False,
        **given(replace(settings, model="ntpt", seed=0)),
        "schedule": None if settings.schedule == LifetimeSettings.schedule else Path("schedule"),
        "out": out,
    }
    found = summary(command_of("ntpt lifelong", options), lifetimes, settings, seeds)
    write_tables(found, out)
    draw_figures(lifetimes, settings.schedule, out)
    RunFolder(out).conclude(found)
    return found


def newborn(settings: LifetimeSettings, stream: Stream) -> Learner:
    """The model that settings name, before it has learned anything.

    :param settings: of its lifetime.
    :param stream: the batches of its lifetime.
    :returns: the model.
    """
    if settings.model == "ntpt":
        return ProgramLearner(settings, stream)
    if settings.model == ALONE:
        return AloneLearner(settings, stream)
    return BaselineLearner(settings, stream)


def _lived(settings: LifetimeSettings, run: RunFolder, *, progress: bool) -> Lifetime:
    """One lifetime, or the rest of it, with the programs and networks that are kept of it."""
    stream = Stream(settings)
    learner = newborn(settings, stream)
    checkpoint = run.checkpoint("lifetime")
    snapshots, seconds = live(learner, stream, settings, checkpoint=checkpoint, progress=progress)
    if isinstance(learner, ProgramLearner):
        learner.settle()
    ended = {name: learner.accuracy(name, examples) for name, examples in stream.test.items()}
    found = Lifetime(
        model=settings.model,
        seed=settings.seed,
        accuracy={name: accuracy for name, accuracy in ended.items() if accuracy is not None},
        readings=learner.readings(),
        presented={
            name: Presented(positions[0], positions[-1], len(positions))
            for name, positions in stream.presented().items()
        },
        looks=snapshots,
        seconds=seconds,
        data=stream.sources,
        options=settings.to_json(),
        versions=versions(),
        commit=commit(),
    )
    if isinstance(learner, ProgramLearner):
        found = replace(found, programs=_kept_programs(learner, found, run))
        learner.average.save(run.folder / LIBRARY)
    return found


def _kept_programs(learner: ProgramLearner, lifetime: Lifetime, run: RunFolder) -> dict[str, KeptProgram]:
    """Write each task's program as a run of its own."""
    kept = {}
    for name, program in learner.programs.items():
        chosen, task, searched = program.program(), program.work.task, program.searched
        assert searched is not None
        result = LearnedResult(
            **described(program.work, chosen, learner.average),
            **asdict(searched),
            strategy=learner.settings.strategy,
            seed=learner.settings.seed,
            test_accuracy=lifetime.accuracy[name],
            digit_accuracy=lifetime.readings.get(DIGITS),
            program_correct=task.right(chosen),
            restarts=learner.settings.restarts,
            steps=lifetime.presented[name].batches,
            trials={},
            readings={
                network: Reading(learner.stream.readers[network].images["test"][network].what, accuracy)
                for network, accuracy in lifetime.readings.items()
            },
            behaviours=[],
            log_evidence=None,
            held_back_log_likelihood=None,
            search_steps=learner.settings.search,
            seconds=round(lifetime.seconds[name], 2),
            versions=lifetime.versions,
        )
        RunFolder(run.folder / name.replace("/", "-")).keep(result, program.posterior())
        kept[name] = KeptProgram(
            **asdict(searched), program=result.program, program_correct=result.program_correct
        )
    return kept


def summary(
    command: str, lifetimes: Lifetimes, settings: LifetimeSettings, seeds: Sequence[int]
) -> LifetimesSummary:
    """Sum up lifetimes.

    :param command: that gives them.
    :param lifetimes: at least one of each model.
    :param settings: of the lifetimes.
    :param seeds: of the lifetimes.
    :returns: final accuracies, measures of transfer, accuracies on single symbols, right programs and
        seconds; and the programs of the first seed.
    """
    some = next(iter(lifetimes.values()))[0]
    return LifetimesSummary(
        command=command,
        seeds=list(seeds),
        options={k: v for k, v in settings.to_json().items() if k not in ("model", "seed")},
        data=some.data,
        versions=some.versions,
        commits=sorted({str(one.commit) for lived in lifetimes.values() for one in lived}),
        models={
            model: ModelSummary(
                tasks={task: _of_task(model, task, lifetimes) for task in settings.schedule.tasks},
                readings=each_ranged([one.readings for one in lived]),
                right_programs=_right_programs(lived),
                seconds=ranged([sum(one.seconds.values()) for one in lived]),
                programs=lived[0].programs,
            )
            for model, lived in lifetimes.items()
        },
    )


def _of_task(model: str, task: str, lifetimes: Lifetimes) -> dict[str, Ranged]:
    """One model's measures on one task."""
    lived, alone = lifetimes[model], lifetimes.get(REFERENCES.get(model, ""), [])
    measures = {
        "accuracy": [one.accuracy[task] for one in lived],
        "backward_transfer": [backward_transfer(one.looks, task, one.presented[task].last) for one in lived],
        "forgetting": [forgetting(one.looks, task) for one in lived],
    }
    if alone and alone is not lived:
        measures["forward_transfer"] = [
            forward_transfer(
                one.looks, other.looks, task, one.presented[task].first, one.presented[task].last
            )
            for one, other in zip(lived, alone, strict=True)
        ]
    return {name: ranged(values) for name, values in measures.items()}


def _right_programs(lifetimes: Sequence[Lifetime]) -> Rate | None:
    """How many programs are right, judged by execution, of all tasks and seeds."""
    verdicts = [bool(kept.program_correct) for one in lifetimes for kept in (one.programs or {}).values()]
    return rate(sum(verdicts), len(verdicts)) if verdicts else None
