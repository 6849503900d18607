"""Accuracy by length of expression: models of MATH tried on the same expressions of every length."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro import Library, Program
from ntpt_pyro.experiments.generalization_results import LengthPoint
from ntpt_pyro.inference import decided, programs_of
from ntpt_pyro.inference.posterior.accuracy import accuracy, program_accuracy
from ntpt_pyro.models.baselines import symbol_vectors
from ntpt_pyro.models.math_loop import execute, math_loop
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.tape_examples import Tapes, draw_symbols, draw_tapes, results_of

LENGTHS = {"symbols": (*range(1, 17), 20, 32, 64, 100), "images": tuple(range(1, 17))}
"""Digits of the expressions, by what models see."""
CHUNK = 250
"""Tapes at once."""

Curve = list[LengthPoint]
"""A point a length."""
_Readings = list[list[npt.NDArray[np.int64]]]


def program_on_symbols(program: Program, tapes: int) -> Curve:
    """Try a program on symbols that both networks would read right.

    :param program: every choice's integer by site.
    :param tapes: expressions of each length.
    :returns: the curve.
    """
    curve = []
    for digits, symbols in _symbols(tapes):
        given = list(symbols.T.numpy())
        curve.append(_point(digits, _right_on([given, given], program, symbols), tapes))
    return curve


def program_on_images(program: Program, library: Library, tapes: int, images: Mapping[str, Images]) -> Curve:
    """Try a program and its library on images, and say whose the errors are.

    :param program: every choice's integer by site.
    :param library: its networks.
    :param tapes: expressions of each length.
    :param images: what its networks read, by their names.
    :returns: the curve, results being the most probable ones, with how many are right ``by_networks``.
    """
    model, curve = partial(math_loop, library=library), []
    for digits, tape in _tapes(tapes, images):
        data = tape.examples.tensors
        fixed = decided(model, programs_of(program), data)
        right = round(float(program_accuracy(fixed, data, chunk=CHUNK)[0]) * tapes)
        curve.append(_point(digits, right, tapes, _by_networks(program, library, tape)))
    return curve


def baseline_on_symbols(
    model: Callable[[Tensor], Tensor], tapes: int, *, longest: int | None = None
) -> Curve:
    """Try a baseline on symbols given.

    :param model: from ``[tapes, symbol, 14]`` to logits ``[tapes, 19]``.
    :param tapes: expressions of each length.
    :param longest: digits of the longest expressions; None tries all.
    :returns: the curve.
    """
    return [
        _point(digits, _right(model, symbol_vectors(symbols), results_of(symbols)), tapes)
        for digits, symbols in _symbols(tapes)
        if longest is None or digits <= longest
    ]


def baseline_on_images(model: Callable[[Tensor], Tensor], tapes: int, images: Mapping[str, Images]) -> Curve:
    """Try a baseline on images.

    :param model: from ``[tapes, symbol, 28, 28]`` to logits ``[tapes, 19]``.
    :param tapes: expressions of each length.
    :param images: of digits and operators, by the names of the networks that read them.
    :returns: the curve.
    """
    return [
        _point(digits, _right(model, *tape.examples.tensors), tapes) for digits, tape in _tapes(tapes, images)
    ]


def _symbols(tapes: int) -> Iterator[tuple[int, Int[Tensor, "tapes symbols"]]]:
    """The expressions, symbols given: those of a length depend on nothing else."""
    for digits in LENGTHS["symbols"]:
        yield digits, draw_symbols(tapes, digits, _source(digits))


def _tapes(tapes: int, images: Mapping[str, Images]) -> Iterator[tuple[int, Tapes]]:
    """The expressions of images."""
    for digits in LENGTHS["images"]:
        yield digits, draw_tapes(images["net_0"], images["net_1"], tapes, digits, _source(digits))


def _source(digits: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000_000 + digits)


def _right(model: Callable[[Tensor], Tensor], inputs: Tensor, results: Tensor) -> int:
    """How many most probable results of a baseline are right."""

    def reproduced(some: Tensor, truth: Tensor) -> Tensor:
        return model(some).argmax(-1) == truth

    return round(float(accuracy(reproduced, (inputs, results), chunk=CHUNK)[0]) * len(results))


def _by_networks(program: Program, library: Library, tape: Tapes) -> dict[str, int]:
    known = list(tape.symbols.T.numpy())
    read: _Readings = []
    for network in library:
        with torch.no_grad():
            found = torch.cat([network(images).argmax(-1) for images in tape.images.split(CHUNK)])
        read.append(list(found.T.numpy()))
    first, second = library.steps
    used = {"both": read, first: [read[0], known], second: [known, read[1]], "none": [known, known]}
    return {name: _right_on(readings, program, tape.symbols) for name, readings in used.items()}


def _right_on(readings: _Readings, program: Program, symbols: Int[Tensor, "tapes symbols"]) -> int:
    """How many of the concrete interpreter's results are right, given what each network reads."""
    result = execute(program, readings).result
    return 0 if result is None else int((result == results_of(symbols).numpy()).sum())


def _point(digits: int, right: int, tapes: int, by_networks: dict[str, int] | None = None) -> LengthPoint:
    return LengthPoint(digits, tapes, right, right / tapes, by_networks)
