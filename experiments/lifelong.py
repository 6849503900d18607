"""Lifetimes of several models over several seeds: the paper's Figures 6 and 7.

Every lifetime is kept in a folder of its own, ``MODEL-SEED``, with what decides it, a checkpoint while it
lasts and its result; programs are kept one folder a task, as ``ntpt show`` reads them, and the library beside
them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from functools import partial
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
)
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.program_learner import AloneLearner, ProgramLearner
from ntpt_pyro.experiments.recording import check_models, command_of, given, made_with
from ntpt_pyro.experiments.stream import Stream
from ntpt_pyro.experiments.transfer import backward_transfer, forgetting, forward_transfer
from ntpt_pyro.inference.work.side_by_side import in_parallel
from ntpt_pyro.inference.work.workers import ALONE as THIS_PROCESS
from ntpt_pyro.inference.work.workers import Workers
from ntpt_pyro.runs.idle_settings import idle_on_the_way
from ntpt_pyro.runs.results import DIGITS, LearnedResult, Reading
from ntpt_pyro.runs.run_folder import LIBRARY, RunFolder
from ntpt_pyro.runs.statistics import Ranged, each_mean_and_range, mean_and_range, success_rate
from ntpt_pyro.runs.verdict import described
from ntpt_pyro.tasks import find_task
from ntpt_pyro.tasks.image_task import ImageTask

MODELS = ("ntpt", *BASELINES)
ALONE = "ntpt-alone"
"""NTPT that learns every task alone, with a new library: what forward transfer is measured against."""
REFERENCES = {"ntpt": ALONE, **dict.fromkeys(BASELINES, "indep")}
"""For each model the one that learns each task alone."""
OF_PROGRAMS = ("strategy", "restarts", "search", "look", "halve", "rounds", "lines")
"""Settings that baselines do not look at."""
OF_BASELINES = ("baseline_lr",)
"""Settings that models with programs do not look at."""


def lifelong(
    models: Sequence[str],
    seeds: Sequence[int],
    settings: LifetimeSettings,
    out: Path,
    *,
    references: bool = True,
    resume: bool = False,
    progress: bool = False,
    workers: Workers = THIS_PROCESS,
) -> LifetimesSummary:
    """Let models live their lifetimes, and sum them up.

    :param models: out of :data:`MODELS`, each with a lifetime for every seed.
    :param seeds: at least one.
    :param settings: of every lifetime; ``model`` and ``seed`` are replaced.
    :param out: the folder to keep them in.
    :param references: let the models live too that forward transfer is measured against (:data:`REFERENCES`).
    :param resume: go on with lifetimes that are there, and take those that are complete.
    :param progress: show progress bars.
    :param workers: who lives them, a lifetime each at a time.
    :returns: the summary; also in ``out/result.json``, with Figs. 6 and 7 beside it.
    :raises NtptError: where a model is unknown, or there are other lifetimes in ``out``.
    """
    check_models("lifelong", models, MODELS, seeds)
    others = [REFERENCES[model] for model in models] if references else []
    needed = list(dict.fromkeys([*models, *others]))
    wanted = [replace(settings, model=model, seed=seed) for seed in seeds for model in needed]
    options = {
        "models": models,
        "seeds": len(seeds),
        "first_seed": seeds[0] or None,
        "references": None if references else False,
        **given(replace(settings, model="ntpt", seed=0)),
        "schedule": None if settings.schedule == LifetimeSettings.schedule else Path("schedule"),
        "out": out,
    }
    with RunFolder(out).at_work({"runs": "lifelong"}, resume=resume):
        lifetimes = _all_lived(wanted, out, resume=resume, progress=progress, workers=workers)
        found = summary(command_of("ntpt lifelong", options), lifetimes, settings, seeds)
        write_tables(found, out)
        draw_figures(lifetimes, settings.schedule, out)
        RunFolder(out).conclude(found)
    return found


def unread_settings(
    models: Sequence[str], settings: LifetimeSettings, names: Collection[str]
) -> list[tuple[str, str, list[str]]]:
    """Settings that no model of a command looks at.

    :param models: of the command.
    :param settings: of every lifetime.
    :param names: of the settings that were given.
    :returns: who does not look at them, why where that is to be said, and which these are.
    """
    learn, baselines = not set(models) <= set(BASELINES), not set(models).isdisjoint(BASELINES)
    unread = (() if learn else OF_PROGRAMS) + (() if baselines else OF_BASELINES)
    found = [(", ".join(models), "", [name for name in names if name in unread])]
    if learn:
        idle = idle_on_the_way(settings, settings.search)
        found += [("ntpt", why, [name]) for name, why in idle.items() if name in names]
    return found


def _all_lived(
    wanted: Sequence[LifetimeSettings], out: Path, *, resume: bool, progress: bool, workers: Workers
) -> dict[str, list[Lifetime]]:
    """Lifetimes by model, each in a folder of its own; what is left of them is lived."""
    runs = [RunFolder(out / f"{one.model}-{one.seed}") for one in wanted]
    inputs = _made_of(wanted[0])
    for one, run in zip(wanted, runs, strict=True):
        run.begin({**one.to_json(), "inputs": inputs}, resume=resume)
    left = [(one, run) for one, run in zip(wanted, runs, strict=True) if not run.complete]
    in_parallel(
        partial(_live_one, progress=progress and workers.alone),
        left,
        workers=workers,
        names=[f"{one.model}, seed {one.seed}" for one, _ in left],
        label="lifetimes" if progress else None,
    )
    lifetimes: dict[str, list[Lifetime]] = {}
    for one, run in zip(wanted, runs, strict=True):
        lifetimes.setdefault(one.model, []).append(run.result_of(Lifetime))
    return lifetimes


def _made_of(settings: LifetimeSettings) -> dict[str, str]:
    """Digests of what the tasks of a lifetime are made of."""
    found: dict[str, str] = {}
    readers: dict[str, ImageTask] = {}
    for name in settings.schedule.tasks:
        task = find_task(name, lines=settings.lines, data=settings.data)
        assert isinstance(task, ImageTask)
        (function,) = task.functions
        if function.name not in readers:
            readers[function.name] = task
            found |= task.made_of()
    return found


def _live_one(one: tuple[LifetimeSettings, RunFolder], *, progress: bool) -> None:
    """Live a lifetime, or what is left of it, and keep it in its folder."""
    settings, run = one
    if not run.complete:
        run.conclude(_lived(settings, run, progress=progress))


def newborn(settings: LifetimeSettings, stream: Stream) -> Learner:
    """The model that settings name, before it has learned anything."""
    kinds: dict[str, Callable[..., Learner]] = {"ntpt": ProgramLearner, ALONE: AloneLearner}
    return kinds.get(settings.model, BaselineLearner)(settings, stream)


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
        presented=stream.presented(),
        looks=snapshots,
        seconds=seconds,
        data=stream.sources,
        options=settings.to_json(),
        **made_with(),
    )
    if isinstance(learner, ProgramLearner):
        found = replace(found, programs=_kept_programs(learner, found, run))
        learner.average.save(run.folder / LIBRARY)
    return found


def _kept_programs(learner: ProgramLearner, lifetime: Lifetime, run: RunFolder) -> dict[str, KeptProgram]:
    """Write each task's program as a run of its own."""
    what = {name: task.images["test"][name].what for name, task in learner.stream.readers.items()}
    readings = {name: Reading(what[name], accuracy) for name, accuracy in lifetime.readings.items()}
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
            held_out=True,
            digit_accuracy=lifetime.readings.get(DIGITS),
            program_correct=task.right(chosen),
            restarts=learner.settings.restarts,
            steps=lifetime.presented[name].batches,
            trials={},
            readings=readings,
            behaviours=[],
            log_evidence=None,
            held_back_log_likelihood=None,
            search_steps=learner.settings.search,
            seconds=round(lifetime.seconds[name], 2),
            versions=lifetime.versions,
        )
        folder = RunFolder(run.folder / name.replace("/", "-"))
        folder.begin({"task": name, "lifetime": learner.settings.to_json()}, resume=True)
        folder.keep(result, program.posterior())
        kept[name] = KeptProgram(
            **asdict(searched), program=result.program, program_correct=result.program_correct
        )
    return kept


def summary(
    command: str, lifetimes: Lifetimes, settings: LifetimeSettings, seeds: Sequence[int]
) -> LifetimesSummary:
    """Sum up lifetimes, at least one of each model, that a command gives."""
    some = next(iter(lifetimes.values()))[0]
    kept = {model: [one.programs or {} for one in lived] for model, lived in lifetimes.items()}
    right = {model: [bool(p.program_correct) for of in kept[model] for p in of.values()] for model in kept}
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
                readings=each_mean_and_range([one.readings for one in lived]),
                right_programs=success_rate(sum(right[model]), len(right[model])) if right[model] else None,
                seconds=mean_and_range([sum(one.seconds.values()) for one in lived]),
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
    return {name: mean_and_range(values) for name, values in measures.items()}
