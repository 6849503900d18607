"""What a person sees of a run: the program's text, the posterior of its choices, how well it does."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ntpt_pyro import Line, Posterior, Program
from ntpt_pyro.experiments.figures import MEASURES
from ntpt_pyro.experiments.paper import FINAL_ACCURACY, MODEL_NAMES
from ntpt_pyro.models.math_loop import instruction_text
from ntpt_pyro.models.path_len import SIGNS
from ntpt_pyro.runs.judging import POSTERIOR_EXAMPLES
from ntpt_pyro.runs.settings import EXACT
from ntpt_pyro.tasks.demonstrations.grid_run import GridRun
from ntpt_pyro.tasks.demonstrations.sign_walk import Walk
from ntpt_pyro.tasks.demonstrations.tape_run import Evaluation, written
from ntpt_pyro.tasks.tasks import Task

if TYPE_CHECKING:  # rich draws from Python's random state when it is imported; importing this must not
    from rich.console import Console

BAR = 20
"""Characters of a full bar."""
SURE = 0.9
"""Words of a program that are less probable are shown with what else might stand there."""
BEHAVIOURS = 5
"""What programs compute: so many of the most probable are listed."""
WRITTEN_OUT = 2
"""Of them so many are shown as programs."""

PLACES = ("top left", "top right", "bottom left", "bottom right")
"""The cells of a grid of two by two, row by row."""


class Described(Protocol):
    """What gives a program words: a task, or a program text."""

    @property
    def source(self) -> Callable[[Program], list[Line]]:
        """From a program, every choice's integer by site, to the lines of its text."""

    def alternative(self, site: str, integer: int) -> str:
        """The word for an alternative of a choice.

        :param site: the choice.
        :param integer: the alternative.
        :returns: the word.
        """


def print_run(console: "Console", task: Task, result: dict[str, Any], posterior: Posterior) -> None:
    """Print a finished run.

    :param console: where to.
    :param task: what was learned.
    :param result: the content of result.json.
    :param posterior: of the choices.
    """
    console.print(f"\n[bold]{task.name}[/], learned from {result['data']['train']}\n")
    _print_believed(console, task, result["choices"], posterior)
    console.print()
    _print_posterior(console, task, posterior, result["choices"])
    behaviours = result.get("behaviours", ())
    if len(behaviours) > 1:  # else it is what the program above computes
        console.print("\nwhat programs drawn from the posterior compute")
        _print_behaviours(console, task, behaviours)
    verdict = f"right on {task.domain}" if result["program_correct"] else "wrong"
    unlabelled = "(it was never shown a label)"
    readings = [
        f"\n{what}  {result[key]:.1%}  {unlabelled}"
        for what, key in (
            ("net_0 on digits   ", "digit_accuracy"),
            ("net_1 on operators", "operator_accuracy"),
            ("LOOK on signs     ", "sign_accuracy"),
        )
        if result.get(key) is not None
    ]
    bound = ""  # unknown for the tasks of a lifetime
    if "log_evidence" in result:
        bound = (
            f"\nlog-evidence        at least {result['log_evidence']:.1f} nats, {POSTERIOR_EXAMPLES} examples"
        )
    beyond = [f"\non {name:<17}{share:.1%}" for name, share in result.get("beyond", {}).items()]
    search = f"restarts right      {result['restarts_correct']} of {result['restarts']}"
    search += f", after {result['rounds']} search(es)"
    if result["strategy"] == EXACT:
        taught = f"networks taught by them, {result['search_steps']} steps"
        search = f"search              all programs tried; {taught}"
    console.print(
        f"\nprogram             {verdict}"
        f"\nheld-out accuracy   {result['test_accuracy']:.1%}"
        f"{''.join(beyond)}"
        f"{''.join(readings)}"
        f"\n{search}"
        f"{bound}"
        f"\ntraining            {result['steps']} steps, {result['seconds']:.0f} s"
    )


def print_exact(console: "Console", task: Task, result: dict[str, Any], posterior: Posterior) -> None:
    """Print an exact posterior: what programs compute, the most probable one, how the choices stand.

    :param console: where to.
    :param task: whose programs it is over.
    :param result: see :func:`~ntpt_pyro.runs.exact.posterior_of`.
    :param posterior: of the choices.
    """
    cost = result["cost"]
    console.print(
        f"\n[bold]{task.name}[/], the exact posterior of {cost['programs']:,} programs given "
        f"{cost['examples']} examples\n"
    )
    _print_behaviours(console, task, result["behaviours"])
    console.print("\nthe most probable program, and how probable each word of it is")
    _print_believed(console, task, result["choices"], posterior)
    console.print()
    _print_posterior(console, task, posterior, result["choices"])
    rate = cost["programs"] * cost["examples"] / max(cost["seconds"], 1e-3)
    console.print(
        f"\nprobability that what is computed is right  {result['right_behaviours']:.4g}"
        f"\nheld-out accuracy of the first program      {result['test_accuracy']:.1%}"
        f"\nlog-evidence                                {result['log_evidence']:.2f} nats"
        f"\nprobability of programs that were dropped   at most {result['hidden']:.1g}"
        f"\nprograms times examples                     {rate:,.0f} a second, {cost['seconds']:.0f} s; "
        f"{cost['evaluated'] / (cost['programs'] * cost['examples']):.1%} run"
    )


def _print_behaviours(console: "Console", task: Task, behaviours: Sequence[Mapping[str, Any]]) -> None:
    """Print what programs compute, the most probable first, and the first of them as programs."""
    for rank, one in enumerate(behaviours[:BEHAVIOURS], start=1):
        verdict = f", right on {task.domain}" if one["right"] else ""
        programs = "one program" if one["programs"] == 1 else f"{one['programs']:,} programs that compute it"
        console.print(f"[bold]{rank}.[/] probability {one['probability']:.4g}, {programs}{verdict}")
        if rank <= WRITTEN_OUT:
            _print_source(console, task.source(one["choices"]))


def _print_posterior(
    console: "Console", described: Described, posterior: Posterior, chosen: dict[str, int]
) -> None:
    """Print the marginals of the choices as a table, beside the program that was chosen."""
    from rich.table import Table

    table = Table(title="posterior of the choices", title_justify="left", box=None, pad_edge=False)
    table.add_column("choice")
    table.add_column("most probable")
    table.add_column("probability", justify="right")
    table.add_column("")
    table.add_column("entropy", justify="right")
    entropies = posterior.entropies()
    for site, probs in posterior.marginals.items():
        probability = float(probs[chosen[site]])
        table.add_row(
            site,
            described.alternative(site, chosen[site]),
            f"{probability:.3f}",
            "█" * round(BAR * probability),
            f"{abs(entropies[site]):.3f}",
        )
    console.print(table)


def _print_source(console: "Console", source: Sequence[Line]) -> None:
    from rich.text import Text

    for line in source:
        console.print(Text("    " + str(line), style="dim" if line.dead else "bold"))


def _print_believed(console: "Console", described: Described, program: Program, posterior: Posterior) -> None:
    """Print a program, beside each live line how probable its words are, and what else might stand there."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for line in described.source(program):
        words, said_by = Text(), () if line.dead else line.sites
        least = min((float(posterior.marginals[site][program[site]]) for site in said_by), default=0.0)
        if least >= SURE:  # a number for the line says it all
            words.append(f"{least:.2f}", style=_shade(least))
        for site in said_by if least < SURE else ():
            probs = posterior.marginals[site]
            said = float(probs[program[site]])
            words.append(f"{described.alternative(site, program[site])} {said:.2f}", style=_shade(said))
            rest = probs.clone()
            rest[program[site]] = 0
            if said < SURE and float(rest.max()) > 0:
                other = int(rest.argmax())
                words.append(
                    f" (or {described.alternative(site, other)} {float(rest[other]):.2f})", style="dim"
                )
            words.append("  ")
        table.add_row(Text("    " + str(line), style="dim" if line.dead else "bold"), words)
    console.print(table)


def _shade(probability: float) -> str:
    """The colour of a word by its probability."""
    return "green" if probability >= SURE else "yellow" if probability >= SURE / 2 else "red"


def print_top(
    console: "Console", described: Described, programs: Sequence[tuple[dict[str, int], float]]
) -> None:
    """Print the most probable programs.

    :param console: where to.
    :param described: what gives programs words.
    :param programs: for each its choices and its probability.
    """
    for rank, (program, probability) in enumerate(programs, start=1):
        console.print(f"\n[bold]{rank}.[/] probability {probability:.4g}")
        _print_source(console, described.source(program))


def print_lifelong(console: "Console", summary: dict[str, Any]) -> None:
    """Print what lifetimes came to: Fig. 7 with the paper's figures beside ours, transfer, right programs.

    :param console: where to.
    :param summary: see :func:`~ntpt_pyro.experiments.lifelong.summary`.
    """
    from rich.table import Table

    models = {name: summary["models"][name] for name in MODEL_NAMES if name in summary["models"]}
    seeds = len(summary["seeds"])
    tables = [("accuracy", "final accuracy, in % (the paper's)")]
    tables += [(measure, f"{measure.replace('_', ' ')}, in points") for measure in MEASURES]
    for measure, title in tables:
        shown = [m for m, one in models.items() if all(measure in t for t in one["tasks"].values())]
        if not shown:
            continue
        console.print(f"[italic]{title}, mean of {seeds} seed(s)[/]")
        table = Table(box=None, pad_edge=False)
        table.add_column("task")
        for model in shown:
            table.add_column(MODEL_NAMES[model], justify="right")
        for task in models[shown[0]]["tasks"]:
            cells = [f"{100 * models[model]['tasks'][task][measure]['mean']:.1f}" for model in shown]
            if measure == "accuracy":
                published = [f"{100 * FINAL_ACCURACY[task][model]:.0f}" for model in shown]
                cells = [f"{ours} ({theirs})" for ours, theirs in zip(cells, published, strict=True)]
            table.add_row(task, *cells)
        console.print(table)
        console.print()
    for model, one in models.items():
        seconds = f"{one['seconds']['mean']:.0f} s of learning"
        right = one["right_programs"]
        programs = f", {right['successes']} of {right['trials']} programs right" if right else ""
        read = "".join(f", {net} {100 * spread['mean']:.1f} %" for net, spread in one["readings"].items())
        console.print(f"{MODEL_NAMES[model]}: {seconds}{programs}{read}")


def print_evaluation(console: "Console", evaluation: Evaluation, truth: int | None) -> None:
    """Print what a program read, what each of its steps did, and the result.

    :param console: where to.
    :param evaluation: the run.
    :param truth: the right result, where it is known.
    """
    from rich.table import Table

    digits, operators = evaluation.readings
    read = [(operators if place % 2 else digits)[place] for place in range(len(digits))]
    table = Table(box=None, pad_edge=False)
    for column in ("step", "instruction", "head", "reads", "R0", "R1", "R2"):
        table.add_column(column, justify="left" if column == "instruction" else "right")
    head = 0
    for number, step in enumerate(evaluation.execution.steps, start=1):
        reads = ""
        if step.head != head and step.head <= len(read):
            network = evaluation.program.get(f"net_choice_{step.block}", 0)
            reading = evaluation.readings[network][step.head - 1]
            reads = f"{written(reading.symbol, network)} ({reading.probability:.2f})"
        head = step.head
        text = instruction_text(evaluation.program, step.block)
        table.add_row(str(number), f"L{step.block}: {text}", str(head), reads, *map(str, step.registers))
    symbols = " ".join(written(reading.symbol, place) for place, reading in enumerate(read))
    console.print(f"read    {symbols}")
    console.print(table)
    verdict = "" if truth is None else ", right" if truth == evaluation.execution.result else f", not {truth}"
    console.print(f"result  {evaluation.execution.result}{verdict} (from left to right, modulo 19)")


def print_grid_run(console: "Console", found: GridRun) -> None:
    """Print what each line of a program did on a grid.

    :param console: where to.
    :param found: the run.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("line", "head", "reads", "value"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for step in found.steps:
        place = "" if step.cell is None else PLACES[step.cell]
        reading = found.readings[step.cell] if step.reads and step.cell is not None else ""
        table.add_row(step.text, place, reading, str(step.value))
    console.print(table)
    verdict = ", right" if found.result == found.truth else f", not {found.truth}"
    console.print(f"result  {found.result}{verdict}")


def print_walk(console: "Console", found: Walk) -> None:
    """Print the signs that an agent came by, what it took them for, and the length that it measured.

    :param console: where to.
    :param found: the run.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("step", "row", "column", "reads", "says"):
        table.add_column(column, justify="right")
    for number, cell in enumerate(found.cells):
        place = found.of_cell(cell)
        reads, says = SIGNS[int(found.reads[place])], SIGNS[int(found.says[place])]
        table.add_row(str(number), *map(str, place), f"{reads} ({found.sure[place]:.2f})", says)
    console.print(table)
    truth = len(found.path) - 1
    console.print(f"length  {found.length}{', right' if truth == found.length else f', not {truth}'}")


def print_restarts(console: "Console", result: dict[str, Any]) -> None:
    """Print how often restarts found a right program, a strategy a row.

    :param console: where to.
    :param result: see :func:`~ntpt_pyro.experiments.restart_rates.compare`.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("strategy", "right", "95 %", "at equal cost", "steps", "seconds", "s a success"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for name, one in result["strategies"].items():
        low, high = one["right"]["interval"]
        table.add_row(
            name,
            f"{one['right']['successes']} of {one['right']['trials']}",
            f"{low:.0%} to {high:.0%}",
            f"{one['at_equal_cost']['successes']} of {one['at_equal_cost']['trials']}",
            "-" if one["median_steps"] is None else f"{one['median_steps']:.0f}",
            f"{one['seconds']:.0f}",
            "-" if one["seconds_a_success"] is None else f"{one['seconds_a_success']:.1f}",
        )
    console.print(table)
    console.print(
        f"equal cost: {result['least_seconds']:.0f} s; steps: median of those that succeeded", style="dim"
    )


def print_terpret(
    console: "Console", described: Described, result: dict[str, Any], posterior: Posterior
) -> None:
    """Print what was learned of a program text.

    :param console: where to.
    :param described: what gives programs words.
    :param result: see :func:`~ntpt_pyro.runs.terpret.learn_text`.
    :param posterior: of the parameters.
    """
    compiled = result["compiled"]
    console.print(f"\n[bold]{result['task']}[/], learned from {result['data']['train']}\n")
    _print_posterior(console, described, posterior, result["choices"])
    if result["restarts"] is None:
        cost, as_many = result["cost"], math.exp(result["entropy"])
        how = (
            f"\nexact           {cost['programs']:,} programs on {cost['examples']} instances, "
            f"{cost['seconds']:.0f} s"
            f"\nentropy         {result['entropy']:.2f} nats, as of {as_many:,.0f} programs equally likely"
        )
    else:
        rate = result["restarts_rate"]
        low, high = rate["interval"]
        how = (
            f"\nrestarts right  {rate['successes']} of {rate['trials']} ({low:.0%} to {high:.0%})"
            f"\ntraining        {result['steps']} steps, {result['seconds']:.0f} s"
        )
    console.print(
        f"{how}"
        f"\ncompiled to     {compiled['products']:,} products from {compiled['statements']:,} statements, "
        f"{compiled['seconds']:.2f} s"
    )
    for name, (right, instances) in result["reproduced"].items():
        console.print(f"batch {name!r}: {right} of {instances} instances reproduced", markup=False)


SHOWN = (1, 2, 5, 8, 16, 32, 100)
"""Digits of the expressions that the table of accuracies by length has a column for."""


def print_generalization(console: "Console", found: dict[str, Any]) -> None:
    """Print accuracies by length of expression, a table for each kind of input, a model a row.

    :param console: where to.
    :param found: see :func:`~ntpt_pyro.experiments.generalize.generalize`.
    """
    from rich.table import Table

    for what, models in found["inputs"].items():
        curves = {
            model: {point["digits"]: point["mean"] for point in one["curve"]} for model, one in models.items()
        }
        shown = [digits for digits in SHOWN if any(digits in curve for curve in curves.values())]
        table = Table(box=None, pad_edge=False)
        table.add_column("model", no_wrap=True)
        for digits in shown:
            table.add_column(str(digits), justify="right")
        for model, curve in curves.items():
            cells = [f"{curve[digits]:.1%}" if digits in curve else "-" for digits in shown]
            table.add_row(MODEL_NAMES[model], *cells)
        if curves:
            console.print(f"{what}: accuracy by digits in the expression")
            console.print(table)
    programs = found["inputs"]["images"].get("ntpt")
    if programs is None:
        return
    right, longest = programs["right_programs"], programs["curve"][-1]
    console.print(f"right programs {right['successes']} of {right['trials']}")
    for name, accuracy in programs["readings"].items():
        console.print(f"{name} on single symbols {accuracy['mean']:.1%}")
    shares = ", ".join(f"{name} {one['mean']:.1%}" for name, one in longest["by_networks"].items())
    console.print(f"right at {longest['digits']} digits with the readings of {shares}")
