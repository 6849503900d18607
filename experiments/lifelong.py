"""Lifetimes of several models over several seeds, and what they come to: the paper's Figures 6 and 7.

Every lifetime is kept in a folder of its own, ``MODEL-SEED``, with what decides it, a checkpoint while it
lasts and its result; programs are kept one folder a task, as ``ntpt show`` reads them, and the library beside
them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ntpt_pyro._files import write_json
from ntpt_pyro.experiments.baseline_learner import BASELINES, BaselineLearner
from ntpt_pyro.experiments.figures import draw_figures, write_tables
from ntpt_pyro.experiments.lifetime import Learner, LifetimeOptions, live
from ntpt_pyro.experiments.program_learner import AloneLearner, ProgramLearner
from ntpt_pyro.experiments.stream import Stream
from ntpt_pyro.experiments.transfer import backward_transfer, forgetting, forward_transfer
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.run_folder import Run
from ntpt_pyro.runs.settings import check_models
from ntpt_pyro.runs.statistics import mean_and_range, success_rate

MODELS = ("ntpt", *BASELINES)
ALONE = "ntpt-alone"
"""NTPT that learns every task alone, with a new library: what forward transfer is measured against."""
REFERENCES = {"ntpt": ALONE, **dict.fromkeys(BASELINES, "indep")}
"""For each model the one that learns each task alone."""


def lifelong(
    models: Sequence[str],
    seeds: Sequence[int],
    options: LifetimeOptions,
    out: Path,
    *,
    references: bool = True,
    resume: bool = False,
    progress: bool = False,
) -> dict[str, Any]:
    """Let models live their lifetimes, and sum them up.

    :param models: out of :data:`MODELS`.
    :param seeds: a lifetime of every model for each.
    :param options: of every lifetime; ``model`` and ``seed`` are replaced.
    :param out: the folder to keep them in.
    :param references: let the models live too that forward transfer is measured against, see
        :data:`REFERENCES`.
    :param resume: go on with lifetimes that are there, and take those that are complete.
    :param progress: show progress bars.
    :returns: what :func:`summary` makes of them; also written to ``out/result.json``, with Fig. 6 as pictures
        and Fig. 7 as a table beside it.
    :raises UsageError: where a model is unknown.
    :raises RunError: where a lifetime is there and ``resume`` is not set, or it was begun with other options.
    """
    check_models("lifelong", models, MODELS, seeds)
    others = [REFERENCES[model] for model in models] if references else []
    needed = list(dict.fromkeys([*models, *others]))
    wanted = [replace(options, model=model, seed=seed) for seed in seeds for model in needed]
    runs = [Run(out / f"{one.model}-{one.seed}") for one in wanted]
    for one, run in zip(wanted, runs, strict=True):
        run.begin(one.settings(), resume=resume)
    for one, run in zip(wanted, runs, strict=True):
        if not run.complete:
            _live(one, run, progress=progress)
    results: dict[str, list[dict[str, Any]]] = {model: [] for model in needed}
    for one, run in zip(wanted, runs, strict=True):
        results[one.model].append(run.result())
    found = {"command": _command(models, seeds, options, references), **summary(results, options, seeds)}
    write_tables(found, out)
    draw_figures(results, options.schedule, out)
    write_json(out / "result.json", found)
    return found


def _command(models: Sequence[str], seeds: Sequence[int], options: LifetimeOptions, references: bool) -> str:
    """The command that gives these lifetimes, files and folders by what they hold."""
    words = ["ntpt lifelong", f"--models {','.join(models)}", f"--seeds {len(seeds)}"]
    if seeds[0]:
        words.append(f"--first-seed {seeds[0]}")
    if not references:
        words.append("--no-references")
    before = LifetimeOptions().settings()
    for name, value in options.settings().items():
        if name in ("model", "seed") or value == before[name]:
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {name.upper() if name in ('data', 'schedule') else value}")
    return " ".join([*words, "--out OUT"])


def _live(options: LifetimeOptions, run: Run, *, progress: bool) -> None:
    """Live one lifetime, or the rest of it, and keep what came of it."""
    stream = options.stream()
    learner = newborn(options, stream)
    lived = live(learner, stream, options, checkpoint=run.checkpoint("lifetime"), progress=progress)
    if isinstance(learner, ProgramLearner):
        learner.settle()
    result = {
        "model": options.model,
        "seed": options.seed,
        "accuracy": {name: learner.accuracy(name, examples) for name, examples in stream.test.items()},
        "readings": learner.readings(),
        "presented": {
            name: {"first": positions[0], "last": positions[-1], "batches": len(positions)}
            for name, positions in stream.presented().items()
        },
        **lived,
        "data": stream.sources,
        "options": options.settings(),
        "versions": versions(),
        "commit": commit(),
    }
    if isinstance(learner, ProgramLearner):
        result["programs"] = _keep_programs(learner, result, run)
        learner.average.save(run.folder / "library.safetensors")
    run.conclude(result)


def newborn(options: LifetimeOptions, stream: Stream) -> Learner:
    """The model that the options name, before it has learned anything.

    :param options: of its lifetime.
    :param stream: the batches of its lifetime.
    :returns: the model.
    """
    if options.model == "ntpt":
        return ProgramLearner(options, stream)
    if options.model == ALONE:
        return AloneLearner(options, stream)
    return BaselineLearner(options, stream)


def _keep_programs(learner: ProgramLearner, lifetime: dict[str, Any], run: Run) -> dict[str, Any]:
    """Write each task's program as a run of its own, and return the programs' text."""
    kept = {}
    for name, program in learner.programs.items():
        chosen = program.program()
        result = {
            "task": name,
            "strategy": learner.options.strategy,
            "seed": learner.options.seed,
            "test_accuracy": lifetime["accuracy"][name],
            "digit_accuracy": lifetime["readings"].get("net_0"),
            "operator_accuracy": lifetime["readings"].get("net_1"),
            "program": [line.text for line in program.task.source(chosen)],
            "choices": chosen,
            "program_correct": program.task.is_correct(chosen),
            "restarts": learner.options.restarts,
            **program.searched,
            "steps": lifetime["presented"][name]["batches"],
            "seconds": round(lifetime["seconds"][name], 2),
            "data": lifetime["data"][program.task.function.name],
            "options": lifetime["options"],
            "versions": lifetime["versions"],
        }
        Run(run.folder / name.replace("/", "-")).keep(result, program.posterior())
        kept[name] = {key: result[key] for key in ("program", "program_correct", *program.searched)}
    return kept


def summary(
    results: dict[str, list[dict[str, Any]]], options: LifetimeOptions, seeds: Sequence[int]
) -> dict[str, Any]:
    """What lifetimes come to: for every model and task the mean and range over seeds.

    :param results: by model, a lifetime's result a seed.
    :param options: of the lifetimes.
    :param seeds: of the lifetimes.
    :returns: final accuracies, backward transfer, forgetting, forward transfer, accuracies on single symbols,
        right programs and seconds; and the programs of the first seed.
    """
    tasks = options.schedule.tasks
    some = next(iter(results.values()))[0]
    settings = {k: v for k, v in options.settings().items() if k not in ("model", "seed")}
    return {
        "seeds": list(seeds),
        "options": settings,
        "data": some["data"],
        "versions": some["versions"],
        "commits": sorted({str(one["commit"]) for lifetimes in results.values() for one in lifetimes}),
        "models": {
            model: {
                "tasks": {task: _of_task(model, task, results) for task in tasks},
                "readings": {
                    network: mean_and_range([one["readings"][network] for one in lifetimes])
                    for network in lifetimes[0]["readings"]
                },
                "right_programs": _right_programs(lifetimes),
                "seconds": mean_and_range([sum(one["seconds"].values()) for one in lifetimes]),
                "programs": lifetimes[0].get("programs"),
            }
            for model, lifetimes in results.items()
        },
    }


def _of_task(model: str, task: str, results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One model's measures on one task."""
    lifetimes = results[model]
    alone = results.get(REFERENCES.get(model, ""), [])
    spans = [one["presented"][task] for one in lifetimes]
    measures: dict[str, list[float]] = {
        "accuracy": [one["accuracy"][task] for one in lifetimes],
        "backward_transfer": [
            backward_transfer(one["looks"], task, span["last"])
            for one, span in zip(lifetimes, spans, strict=True)
        ],
        "forgetting": [forgetting(one["looks"], task) for one in lifetimes],
    }
    if alone and alone is not lifetimes:
        measures["forward_transfer"] = [
            forward_transfer(one["looks"], reference["looks"], task, span["first"], span["last"])
            for one, reference, span in zip(lifetimes, alone, spans, strict=True)
        ]
    return {name: mean_and_range(values) for name, values in measures.items()}


def _right_programs(lifetimes: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """How many programs the oracle calls right, of all tasks and seeds; None for models without programs."""
    verdicts = [p["program_correct"] for one in lifetimes for p in one.get("programs", {}).values()]
    return success_rate(sum(verdicts), len(verdicts)) if verdicts else None
