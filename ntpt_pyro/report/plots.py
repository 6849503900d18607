"""Pictures of single runs: the posterior of a program's choices, an agent's path."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro import Posterior
from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import UsageError
from ntpt_pyro.models.math_loop import instruction_text
from ntpt_pyro.models.path_len import SIGNS
from ntpt_pyro.report.report import Described
from ntpt_pyro.tasks.demonstrations.grid_run import GridRun
from ntpt_pyro.tasks.demonstrations.sign_walk import Walk
from ntpt_pyro.tasks.demonstrations.tape_run import Evaluation, written

if TYPE_CHECKING:  # matplotlib takes a second to import, and not every command draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROWEST = 8.0
"""Inches that programs written in a line need."""
BEHAVIOURS = 8
"""What programs compute: so many of the most probable are drawn."""


def plot_posterior(
    described: Described,
    posterior: Posterior,
    file: Path,
    *,
    behaviours: Sequence[Mapping[str, Any]] = (),
    looks: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Draw the marginals of the choices; below them what programs compute, and how the marginals came about.

    :param described: what gives programs words.
    :param posterior: of the choices.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :param behaviours: with their probabilities, the most probable first, as result.json has them; a bar each.
    :param looks: at the marginals while they were trained, see :data:`~ntpt_pyro.runs.history.Looks`.
    :raises UsageError: where the ending is no format.
    """
    sites = list(posterior.marginals)
    widest = max(len(probs) for probs in posterior.marginals.values())
    shown = behaviours[:BEHAVIOURS]
    heights = [0.8 + 0.42 * len(sites), *([0.7 + 0.4 * len(shown)] if shown else [])]
    heights += [0.9 + 0.3 * len(sites)] if looks else []
    figure, (axes, *below) = _figure(max(NARROWEST if shown else 0.0, 1.5 + 1.1 * widest), *heights)
    if looks:
        _draw_looks(below.pop(), looks)
    for row, site in enumerate(sites):
        for column, probability in enumerate(posterior.marginals[site].tolist()):
            axes.barh(row, 1, left=column, color=str(1 - 0.85 * probability), edgecolor="0.8")
            axes.text(
                column + 0.5,
                row,
                f"{described.alternative(site, column)}\n{probability:.2f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if probability > 0.6 else "black",
            )
    axes.set(yticks=range(len(sites)), yticklabels=sites, xticks=[], xlim=(0, widest))
    axes.invert_yaxis()
    axes.set_title("posterior of the choices", loc="left")
    for spine in axes.spines.values():
        spine.set_visible(False)
    for bars in below:
        for row, one in enumerate(shown):
            bars.barh(row, one["probability"], color="C2" if one["right"] else "C3")
            text = described.source(one["choices"])
            live = (line.text for line in text if not line.dead and not line.text.startswith("#"))
            words = "; ".join(" ".join(line.split()) for line in live)
            label = bars.text(0.01, row, f"{one['probability']:.3g}  {words}", va="center", fontsize=7)
            label.set_in_layout(False)  # a long program runs over the edge, and must not squeeze the rest
        bars.set(xlim=(0, 1), yticks=[])
        bars.invert_yaxis()
        bars.set_title("what programs compute (green: right), the shortest of each", loc="left", fontsize=9)
    _write(figure, file)


def _draw_looks(axes: "Axes", looks: Sequence[Mapping[str, Any]]) -> None:
    """A heat map: looks from left to right, below each other the alternatives of every choice."""
    sites = list(looks[0]["marginals"])
    columns = [[p for site in sites for p in look["marginals"][site]] for look in looks]
    axes.imshow(list(zip(*columns, strict=True)), aspect="auto", cmap="Greys", vmin=0, vmax=1)
    sizes = [len(looks[0]["marginals"][site]) for site in sites]
    ends = list(accumulate(sizes))
    for end in ends[:-1]:
        axes.axhline(end - 0.5, color="C0", linewidth=0.6)
    marked = range(0, len(looks), max(1, len(looks) // 6))
    axes.set(
        xticks=list(marked),
        xticklabels=[looks[place]["step"] for place in marked],
        yticks=[end - (size + 1) / 2 for end, size in zip(ends, sizes, strict=True)],
        yticklabels=sites,
        xlabel="training step",
    )
    axes.tick_params(labelsize=7)
    axes.set_title("alternatives of each choice while it was trained", loc="left", fontsize=9)


def plot_evaluation(found: Evaluation, tape: Float[Tensor, "symbols 28 28"], file: Path) -> None:
    """Draw the images on a tape, what they are read as, and below each what the program did there.

    :param found: the run.
    :param tape: ``[symbols, 28, 28]``, in [0, 1].
    :param file: where to; its ending gives the format (png, svg, pdf).
    :raises UsageError: where the ending is no format.
    """
    symbols, steps = len(tape), found.execution.steps
    figure, (strip, below) = _figure(1.3 * (symbols + 3), 1.3, 0.4 + 0.3 * len(steps))
    for place, image in enumerate(tape):
        reading = found.readings[place % 2][place]
        strip.imshow(image.numpy(), cmap="gray", aspect="auto", extent=(place + 1, place + 2, 1, 0))
        strip.text(
            place + 1.5,
            1.18,
            f"{written(reading.symbol, place)} ({reading.probability:.2f})",
            ha="center",
            fontsize=9,
        )
    strip.set(xlim=(0.5, symbols + 3.5), ylim=(1.3, 0))
    for row, step in enumerate(steps):
        registers = ", ".join(f"R{n} = {value}" for n, value in enumerate(step.registers))
        text = f"{instruction_text(found.program, step.block)}:  {registers}"
        below.text(step.head, row, text, va="center", fontsize=8)
    below.set(xlim=(0.5, symbols + 3.5), ylim=(len(steps) - 0.5, -0.5))
    for axes in (strip, below):
        axes.axis("off")
    below.set_title(f"result {found.execution.result}", loc="left", fontsize=10, y=-0.1)
    _write(figure, file)


def plot_grid_run(found: GridRun, file: Path) -> None:
    """Draw the images of a grid, what each is read as, the head's way, and below what each line did.

    :param found: the run.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :raises UsageError: where the ending is no format.
    """
    figure, (grid, below) = _figure(4.4, 4.6, 0.5 + 0.28 * len(found.steps))
    for cell, image in enumerate(found.images):
        row, column = divmod(cell, 2)
        grid.imshow(image.numpy(), cmap="gray", extent=(column, column + 1, row + 1, row))
        grid.text(column + 0.04, row + 0.96, found.readings[cell], color="white", backgroundcolor="0.25")
    way = [step.cell for step in found.steps if step.cell is not None]
    centres = [(cell % 2 + 0.5, cell // 2 + 0.5) for cell in way]
    for start, end in pairwise(centres):
        if start != end:
            arrow = {"arrowstyle": "->", "color": "red", "linewidth": 3, "alpha": 0.8}
            grid.annotate("", xy=end, xytext=start, arrowprops=arrow)
    grid.plot(*centres[0], "o", color="red", markersize=10)
    grid.set(xlim=(0, 2), ylim=(2, 0), xticks=[], yticks=[])
    for row, step in enumerate(found.steps):
        below.text(0.0, row, step.text, va="center", fontsize=9, family="monospace")
        below.text(1.0, row, f"= {step.value}", va="center", fontsize=9, family="monospace")
    below.set(xlim=(0, 1.2), ylim=(len(found.steps) - 0.5, -0.5))
    below.axis("off")
    verdict = "right" if found.result == found.truth else f"not {found.truth}"
    grid.set_title(f"result {found.result}, {verdict}", loc="left", fontsize=10)
    _write(figure, file)


def plot_walk(found: Walk, file: Path) -> None:
    """Draw the signs, what each is read as, and the agent's path over them.

    :param found: the run.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :raises UsageError: where the ending is no format.
    """
    height, width = found.says.shape
    figure, (axes,) = _figure(1.1 * width, 1.1 * height + 0.4)
    for cell in range(height * width):
        row, column = found.of_cell(cell)
        axes.imshow(found.images[row, column].numpy(), extent=(column, column + 1, row + 1, row))
        wrong = found.reads[row, column] != found.says[row, column]
        axes.text(
            column + 0.04,
            row + 0.96,
            SIGNS[int(found.reads[row, column])],
            fontsize=7,
            color="white",
            backgroundcolor="firebrick" if wrong else "0.25",
        )
    rows, columns = zip(*(found.of_cell(cell) for cell in found.cells), strict=True)
    axes.plot([c + 0.5 for c in columns], [r + 0.5 for r in rows], color="red", linewidth=3, alpha=0.8)
    axes.plot(columns[0] + 0.5, rows[0] + 0.5, "o", color="red", markersize=10)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_title(f"path of {len(found.path) - 1}, measured {found.length}", loc="left", fontsize=10)
    _write(figure, file)


def plot_calibration(summary: dict[str, Any], file: Path) -> None:
    """Draw what posteriors claim against how often they are right, by number of examples.

    :param summary: see :func:`~ntpt_pyro.experiments.calibration.main`.
    :param file: where to; its ending gives the format.
    """
    figure, (axes,) = _figure(6.4, 4.2)
    numbers = [int(examples) for examples in summary]
    for kind, colour, name in (("exact", "C0", "exact posterior"), ("guide", "C3", "mean-field guide")):
        measured = [summary[str(number)][kind] for number in numbers]
        claimed = [one["claimed"] for one in measured]
        right = [one["right"]["successes"] / one["right"]["trials"] for one in measured]
        low, high = zip(*(one["right"]["interval"] for one in measured), strict=True)
        axes.plot(numbers, claimed, "o--", color=colour, label=f"{name}: claimed")
        axes.plot(numbers, right, "s-", color=colour, label=f"{name}: right")
        axes.fill_between(numbers, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set(xticks=numbers, xticklabels=numbers, ylim=(0, 1.03), xlabel="examples", ylabel="probability")
    axes.set_title("what is held most probable, and how often it is right", loc="left", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    _write(figure, file)


def _figure(width: float, *heights: float) -> "tuple[Figure, list[Axes]]":
    """An empty figure, a panel for each height, in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), squeeze=False, gridspec_kw={"height_ratios": heights})
    return figure, list(panels[:, 0])


def _write(figure: "Figure", file: Path) -> None:
    """Write a figure in the format that the file's ending names."""
    kind = file.suffix.removeprefix(".") or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UsageError(
            str(file),
            expected="a picture's ending such as .png, .svg or .pdf",
            got=f".{kind}",
            remedy="rename the file",
        )
    content = BytesIO()
    figure.savefig(content, format=kind, dpi=150)
    write_bytes(file, content.getvalue())
