"""A program of MATH on one expression, step by step: what is read, and what each instruction did."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import DataError, RunError, UsageError
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.apply2x2 import OPERATORS
from ntpt_pyro.models.math_loop import Execution, evaluate, execute, instruction_text
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.tasks.data.tape_examples import draw_tapes
from ntpt_pyro.tasks.demonstrations.best_readings import best_reads
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration, Picture
from ntpt_pyro.tasks.demonstrations.scene import Moment, Place, Read, Scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ntpt_pyro.tasks.image_task import ImageTask

LENGTH = 5
"""Digits of an expression that is drawn, where nothing is said."""
SIGNS = {"+": 0, "-": 1, "−": 1, "x": 2, "×": 2, "*": 2, "/": 3, "÷": 3}  # noqa: RUF001  # not by mistake
"""What a person may write for each operator."""
SIDE = 28


@dataclass(frozen=True)
class Reading:
    """What a network makes of a symbol.

    :param symbol: the digit or operator that it takes it for.
    :param probability: its own, in [0, 1].
    :param best: what it may be in words, the most probable first.
    """

    symbol: int
    probability: float
    best: tuple[Read, ...]


def parse(expression: str) -> list[int]:
    """The symbols of an expression in text.

    :param expression: digits and operators in turn, ``3+4x2``; blanks do not matter.
    :returns: digits in 0..9 and codes of operators in 0..3, in turn.
    :raises UsageError: where a symbol is unknown or out of turn, or the last one is an operator.

    >>> parse("3 + 4x2")
    [3, 0, 4, 2, 2]
    """
    symbols = []
    for place, symbol in enumerate("".join(expression.split())):
        known = SIGNS.get(symbol) if place % 2 else int(symbol) if symbol in "0123456789" else None
        if known is None:
            wanted = "an operator out of + - x /" if place % 2 else "a digit"
            raise _wrong(f"{wanted} as symbol {place + 1}", repr(symbol))
        symbols.append(known)
    if len(symbols) % 2 == 0:
        raise _wrong("digits and operators in turn, an odd number of symbols", f"{len(symbols)}")
    return symbols


def _wrong(expected: str, got: str) -> UsageError:
    return UsageError("expression", expected=expected, got=got, remedy="correct the expression")


def read_strip(path: Path) -> Float[Tensor, "symbols 28 28"]:
    """The symbols of a picture, side by side, 28 pixels each way, white on black.

    :param path: a PNG file.
    :returns: ``[symbols, 28, 28]``, in [0, 1].
    :raises DataError: where it is no such picture, or has an even number of symbols.
    """
    from matplotlib.image import imread

    try:
        pixels = torch.from_numpy(imread(path, format="png").copy()).float()
    except FileNotFoundError as error:
        raise _no_strip(path, "a picture", "no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _no_strip(path, "a PNG picture", " ".join(str(error).split())) from error
    if pixels.ndim == 3:
        pixels = pixels[..., :3].mean(-1)
    height, width = pixels.shape
    if height != SIDE or width % SIDE or width // SIDE % 2 == 0:
        expected = f"{SIDE} pixels in height and {SIDE} in width a symbol, an odd number of symbols"
        raise _no_strip(path, expected, f"{height} by {width}")
    return pixels.reshape(SIDE, -1, SIDE).movedim(1, 0)


def _no_strip(path: Path, expected: str, got: str) -> DataError:
    return DataError(str(path), expected=expected, got=got, remedy="give another picture")


def write_strip(tape: Float[Tensor, "symbols 28 28"], path: Path) -> None:
    """Write a tape as a picture that :func:`read_strip` reads.

    :param tape: ``[symbols, 28, 28]``, in [0, 1].
    :param path: the PNG file.
    """
    from matplotlib.image import imsave

    content = BytesIO()
    imsave(content, tape.movedim(0, 1).flatten(1).numpy(), cmap="gray", vmin=0, vmax=1, format="png")
    write_bytes(path, content.getvalue())


def demonstrate_tape(task: "ImageTask", program: Program, library: Library, asked: Asked) -> Demonstration:
    """Run a program on an expression that is given, or drawn from test images.

    :param task: MATH.
    :param program: every choice's integer by site.
    :param library: its networks.
    :param asked: the expression as text or as a picture, or how long a drawn one is.
    :returns: the run.
    :raises UsageError: where both an expression and a picture are given, or it is no expression.
    :raises DataError: where the picture is none of an expression.
    :raises RunError: where the program does not halt.
    """
    asked.allow(task.name, "expression", "strip", "length", "save", "steps")
    if asked.expression is not None and asked.strip is not None:
        raise UsageError(
            "expression", expected="text or --strip", got="both of them", remedy="give one of them"
        )
    if asked.expression is not None:
        symbols = parse(asked.expression)
        given = [[Reading(s, 1.0, ((written(s, network), 1.0),)) for s in symbols] for network in (0, 1)]
        words = [written(symbol, place) for place, symbol in enumerate(symbols)]
        expected = str(int(evaluate(np.array(symbols))))
        return _shown(task, program, given, asked.steps, expected, None, words)
    truth: str | None = None
    says: list[str] | None = None
    if asked.strip is not None:
        tape = read_strip(asked.strip)
    else:
        length = LENGTH if asked.length is None else asked.length
        images, source = task.images["test"], torch.Generator().manual_seed(asked.seed)
        drawn = draw_tapes(images[net_0.name], images[net_1.name], 1, length, source)
        tape, truth = drawn.examples.inputs[0][0], str(int(drawn.examples.results[0]))
        says = [written(symbol, place) for place, symbol in enumerate(drawn.symbols[0].tolist())]
    if asked.save is not None:
        write_strip(tape, asked.save)
    with torch.no_grad():
        found = [network(tape) for network in library]
    readings = [
        [
            Reading(int(one.argmax()), float(one.max()), best_reads(one, partial(written, place=number)))
            for one in of_network
        ]
        for number, of_network in enumerate(found)
    ]
    return _shown(task, program, readings, asked.steps, truth, tape, says)


def _shown(
    task: "ImageTask",
    program: Program,
    readings: list[list[Reading]],
    steps: int | None,
    truth: str | None,
    tape: Float[Tensor, "symbols 28 28"] | None,
    says: Sequence[str] | None,
) -> Demonstration:
    """A run as it is shown; with a picture where there are images."""
    execution = _execution(program, readings, steps)
    digits, operators = readings
    read = [(operators if place % 2 else digits)[place] for place in range(len(digits))]
    places = [
        Place(
            image=None if tape is None else tape[place],
            word=says[place] if tape is None and says is not None else "",
            reads=reading.best,
            says=None if says is None else says[place],
        )
        for place, reading in enumerate(read)
    ]
    blocks = {line.text.split(":")[0]: n for n, line in reversed([*enumerate(task.lines(program))])}
    rows, moments, head = list[tuple[str, ...]](), list[Moment](), 0
    for number, step in enumerate(execution.steps, start=1):
        reads, best = "", tuple[Read, ...]()
        if step.head != head and step.head <= len(read):
            network = program.get(f"net_choice_{step.block}", 0)
            reading = readings[network][step.head - 1]
            reads = f"{written(reading.symbol, network)} ({reading.probability:.2f})"
            best = reading.best
        head = step.head
        text = f"L{step.block}: {instruction_text(program, step.block)}"
        rows.append((str(number), text, str(head), reads, *map(str, step.registers)))
        values = {f"R{n}": str(value) for n, value in enumerate(step.registers)}
        at = head - 1 if 0 < head <= len(read) else None
        line = blocks.get(f"L{step.block}")
        moments.append(Moment(text, at, best, values, (f"R{step.block}",), line))
    symbols = " ".join(written(reading.symbol, place) for place, reading in enumerate(read))
    picture = None
    if tape is not None:
        heights = (1.3, 0.4 + 0.3 * len(execution.steps))
        draw = partial(_draw, tape=tape, readings=readings, execution=execution, program=program)
        picture = Picture(1.3 * (len(tape) + 3), heights, draw)
    return Demonstration(
        columns=("step", "instruction", "head", "reads", "R0", "R1", "R2"),
        steps=rows,
        result=str(execution.result),
        truth=truth,
        before=(f"read    {symbols}",),
        remark=" (from left to right, modulo 19)",
        picture=picture,
        scene=Scene(places, len(places), moments),
    )


def _execution(program: Program, readings: list[list[Reading]], steps: int | None) -> Execution:
    """The run on the most probable readings; raises where it does not halt."""
    symbols = [[reading.symbol for reading in network] for network in readings]
    execution = execute(program, symbols, steps=steps)
    if execution.result is None:
        done, unbounded = len(execution.steps), execute(program, symbols)
        if unbounded.result is not None:
            needed = len(unbounded.steps)
            raise RunError(
                f"a tape of {len(symbols[0])} symbols",
                expected=f"--steps {needed}, as many as the program takes",
                got=f"--steps {steps}",
                remedy="give more steps, or none",
            )
        raise RunError(
            "the program",
            expected="one that halts on this tape",
            got=f"one that comes back to where it was after {done} steps",
            remedy="it never halts; learn another",
        )
    return execution


def _draw(
    figure: "Figure",
    *,
    tape: Float[Tensor, "symbols 28 28"],
    readings: list[list[Reading]],
    execution: Execution,
    program: Program,
) -> None:
    """The images on the tape, what they are read as, and below each what the program did there."""
    strip, below = figure.axes
    symbols, steps = len(tape), execution.steps
    for place, image in enumerate(tape):
        reading = readings[place % 2][place]
        strip.imshow(image.numpy(), cmap="gray", aspect="auto", extent=(place + 1, place + 2, 1, 0))
        words = f"{written(reading.symbol, place)} ({reading.probability:.2f})"
        strip.text(place + 1.5, 1.18, words, ha="center", fontsize=9)
    strip.set(xlim=(0.5, symbols + 3.5), ylim=(1.3, 0))
    for row, step in enumerate(steps):
        registers = ", ".join(f"R{n} = {value}" for n, value in enumerate(step.registers))
        below.text(
            step.head, row, f"{instruction_text(program, step.block)}:  {registers}", va="center", fontsize=8
        )
    below.set(xlim=(0.5, symbols + 3.5), ylim=(len(steps) - 0.5, -0.5))
    for axes in (strip, below):
        axes.axis("off")
    below.set_title(f"result {execution.result}", loc="left", fontsize=10, y=-0.1)


def written(symbol: int, place: int) -> str:
    """How a symbol is written.

    :param symbol: a digit or the code of an operator.
    :param place: its place on the tape, from 0.
    :returns: the digit, or the operator's sign.

    >>> written(2, 0), written(2, 1)
    ('2', 'x')
    """
    return OPERATORS[symbol % len(OPERATORS)] if place % 2 else str(symbol)
