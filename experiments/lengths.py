"""Accuracy by length of expression: models of MATH tried on the same expressions of every length.

A curve has a point a length. ``tapes`` are expressions of each length; ``images`` are of digits and
operators, by the names of the networks that read them; a baseline gives the logits of its results.
"""

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
_Readings = list[list[npt.NDArray[np.int64]]]


def program_on_symbols(program: Program, tapes: int) -> Curve:
    """Try a program on symbols that both networks would read right."""
    return [
        LengthPoint(digits, tapes, _right_on([list(symbols.T.numpy())] * 2, program, symbols))
        for digits, symbols in _symbols(tapes)
    ]


def program_on_images(program: Program, library: Library, tapes: int, images: Mapping[str, Images]) -> Curve:
    """Try a program and its networks on images, and say whose the errors are."""
    model, curve = partial(math_loop, library=library), []
    for digits, tape in _tapes(tapes, images):
        data = tape.examples.tensors
        fixed = decided(model, programs_of(program), data)
        right = round(float(program_accuracy(fixed, data, chunk=CHUNK)[0]) * tapes)
        curve.append(LengthPoint(digits, tapes, right, _by_networks(program, library, tape)))
    return curve


def baseline_on_symbols(
    model: Callable[[Tensor], Tensor], tapes: int, *, longest: int | None = None
) -> Curve:
    """Try a baseline on symbols given, in expressions of so many digits at most."""
    return [
        LengthPoint(digits, tapes, _right(model, symbol_vectors(symbols), results_of(symbols)))
        for digits, symbols in _symbols(tapes)
        if longest is None or digits <= longest
    ]


def baseline_on_images(model: Callable[[Tensor], Tensor], tapes: int, images: Mapping[str, Images]) -> Curve:
    """Try a baseline on images."""
    tried = _tapes(tapes, images)
    return [LengthPoint(digits, tapes, _right(model, *tape.examples.tensors)) for digits, tape in tried]


def _symbols(tapes: int) -> list[tuple[int, Int[Tensor, "tapes symbols"]]]:
    """The expressions, symbols given: those of a length depend on nothing else."""
    return [(digits, draw_symbols(tapes, digits, _source(digits))) for digits in LENGTHS["symbols"]]


def _tapes(tapes: int, images: Mapping[str, Images]) -> Iterator[tuple[int, Tapes]]:
    """The expressions of images."""
    for digits in LENGTHS["images"]:
        yield digits, draw_tapes(images["net_0"], images["net_1"], tapes, digits, _source(digits))


def _source(digits: int) -> torch.Generator:
    return torch.Generator().manual_seed(1_000_000 + digits)


def _right(model: Callable[[Tensor], Tensor], inputs: Tensor, results: Tensor) -> int:
    """How many most probable results of a baseline are right."""
    given = [one.to(torch.get_default_device()) for one in (inputs, results)]
    share = accuracy(lambda some, truth: model(some).argmax(-1) == truth, given, chunk=CHUNK)
    return round(float(share[0]) * len(results))


def _by_networks(program: Program, library: Library, tape: Tapes) -> dict[str, int]:
    known, parts = list(tape.symbols.T.numpy()), tape.examples.tensors[0].split(CHUNK)
    read: _Readings = []
    for network in library:
        with torch.no_grad():
            found = torch.cat([network(images).argmax(-1) for images in parts])
        read.append(list(found.T.cpu().numpy()))
    first, second = library.steps
    used = {"both": read, first: [read[0], known], second: [known, read[1]], "none": [known, known]}
    return {name: _right_on(readings, program, tape.symbols) for name, readings in used.items()}


def _right_on(readings: _Readings, program: Program, symbols: Int[Tensor, "tapes symbols"]) -> int:
    """How many of the concrete interpreter's results are right, given what each network reads."""
    result = execute(program, readings).result
    return 0 if result is None else int((result == results_of(symbols).numpy()).sum())
