"""Handwritten operators ``+ - x /``: real ones from a folder, or strokes drawn by a seeded generator."""

from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data.array_archives import check_shapes, read_arrays
from ntpt_pyro.tasks.data.images import Images

CLASSES = ("+", "-", "x", "/")
PER_CLASS = {"train": 150, "test": 50}
"""Images a class (the paper: 600 training and 200 test symbols of four classes)."""

_SEEDS = {"train": 0, "test": 1}

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]
_Pixels = npt.NDArray[np.float32]
_Labels = npt.NDArray[np.int64]

# Strokes on a square from -1 to 1, as pairs of (x, y); a dot is a stroke without length.
_STROKES: dict[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "+": (((-1, 0), (1, 0)), ((0, -1), (0, 1))),
    "-": (((-1, 0), (1, 0)),),
    "x": (((-0.8, -0.8), (0.8, 0.8)), ((-0.8, 0.8), (0.8, -0.8))),
    "/": (((-1, 0), (1, 0)), ((0, -0.6), (0, -0.6)), ((0, 0.6), (0, 0.6))),
}


def load_operators(split: Literal["train", "test"], *, data: Path | None = None) -> Images:
    """Read or draw one split of the operators. No global random state is touched.

    With a folder: a seeded choice from ``operators/operators.npz``, whose training and test parts have
    different writers. Without: drawn strokes, every image another.

    :param split: training or test images.
    :param data: folder with ``operators/operators.npz``, which is only read.
    :returns: 150 or 50 images a class; labels 0 to 3 for ``+ - x /``.
    :raises DataError: where the file is missing, damaged, not what it should be, or has too few images.

    >>> load_operators("test").images.shape
    torch.Size([200, 28, 28])
    """
    if data is not None:
        return _from_folder(split, data / "operators" / "operators.npz")
    images, labels = _drawn(split)
    return _images(images, labels, f"drawn operators, {split} ({len(labels)})")


@cache
def _drawn(split: Literal["train", "test"]) -> tuple[_Pixels, _Labels]:
    """Drawn operators and their labels; kept (2 MB), since every task that reads them loads them anew."""
    generator = np.random.default_rng(_SEEDS[split])
    labels = np.repeat(np.arange(len(CLASSES)), PER_CLASS[split])
    return np.stack([_draw(CLASSES[label], generator) for label in labels]).astype(np.float32), labels


def _from_folder(split: Literal["train", "test"], path: Path) -> Images:
    arrays, generator = _read(path), np.random.default_rng(_SEEDS[split])
    part = {"train": 0, "test": 1}[split]
    rows = []
    for label, name in enumerate(CLASSES):
        there = np.flatnonzero((arrays["labels"] == label) & (arrays["split"] == part))
        if len(there) < PER_CLASS[split]:
            raise _wrong(path, f"{PER_CLASS[split]} {split} images of {name!r}", f"{len(there)}")
        rows.append(generator.choice(there, PER_CLASS[split], replace=False))
    chosen = np.concatenate(rows)
    source = f"handwritten operators, {split} ({len(chosen)} of {int((arrays['split'] == part).sum())})"
    return _images(arrays["images"][chosen] / 255, arrays["labels"][chosen], source)


def _read(path: Path) -> dict[str, _Bytes]:
    """The arrays of the file, checked."""
    arrays = read_arrays(path, "operators", ("images", "labels", "split"), _wrong)
    check_shapes(path, arrays, {"images": (28, 28), "labels": (), "split": ()}, _wrong)
    if len(arrays["labels"]) and (arrays["labels"].max() >= len(CLASSES) or arrays["split"].max() > 1):
        got = f"{arrays['labels'].max()} and {arrays['split'].max()}"
        raise _wrong(path, "labels in 0..3 and splits in 0..1", got)
    return arrays


def _draw(symbol: str, generator: np.random.Generator) -> _Floats:
    """One symbol as MNIST has its digits: 20 pixels large, its centre of mass in the middle."""
    angle, slant = generator.normal(0, 0.12), generator.normal(0, 0.12)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = turn @ np.array([[1, slant], [0, generator.uniform(0.75, 1.0)]])
    size, width = generator.uniform(8.5, 10.0), generator.uniform(0.8, 1.4)
    dots = []
    for start, end in _STROKES[symbol]:
        ends = np.array([start, end]) + generator.normal(0, 0.08, (2, 2))
        bend = np.array(ends.mean(0)) + generator.normal(0, 0.06, 2)
        along = np.linspace(0, 1, 25)[:, None]
        dots.append((1 - along) ** 2 * ends[0] + 2 * along * (1 - along) * bend + along**2 * ends[1])
    points = size * np.concatenate(dots) @ shape.T
    side = np.arange(28)[:, None]

    def render(middle: _Floats) -> _Floats:
        across, down = ((side - at) ** 2 for at in (points + middle).T)
        distance = np.sqrt((across[None] + down[:, None]).min(-1))
        image: _Floats = np.clip(width + 0.5 - distance, 0, 1)
        return image

    middle = np.array([14.0, 14.0])
    image = render(middle)
    ys, xs = np.indices((28, 28))
    mass = np.array([(image * xs).sum(), (image * ys).sum()]) / image.sum()
    return render(middle + (14 - mass))


def _images(images: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], source: str) -> Images:
    pixels = torch.from_numpy(images.astype(np.float32))
    return Images(pixels, torch.from_numpy(labels.astype(np.int64)), source, "operators", CLASSES)


def _wrong(path: Path, expected: str, got: str) -> DataError:
    return DataError(
        str(path),
        expected=expected,
        got=got,
        remedy="name a folder that holds operators/operators.npz, or none for drawn operators",
    )
