"""Street signs that path_len reads: real ones from a folder, or signs drawn by a seeded generator."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.models.path_len import SIGNS
from ntpt_pyro.tasks.data.array_archives import check_shapes, read_arrays
from ntpt_pyro.tasks.data.images import Images

CLASSES = ("ahead only", "turn right ahead", "no entry", "turn left ahead", "stop")
"""What stands for north, east, south (turn back), west and stop, as :data:`~ntpt_pyro.models.path_len.SIGNS`
has them."""
PER_CLASS = {"train": 150, "test": 50}
"""Drawn signs a class."""

_Floats = npt.NDArray[np.float64]
_Pixels = npt.NDArray[np.float32]
_Labels = npt.NDArray[np.int64]

_BLUE, _RED, _WHITE = (0.05, 0.2, 0.65), (0.7, 0.05, 0.1), (0.95, 0.95, 0.95)
# White strokes on a square from -1 to 1, as pairs of (x, y), y downwards.
_AHEAD = (((0, 0.6), (0, -0.6)), ((0, -0.6), (-0.3, -0.25)), ((0, -0.6), (0.3, -0.25)))
_RIGHT = (
    *(((-0.35, 0.6), (-0.35, -0.2)), ((-0.35, -0.2), (0.5, -0.2))),
    *(((0.5, -0.2), (0.2, -0.5)), ((0.5, -0.2), (0.2, 0.1))),
)
_LEFT = tuple(((-ax, ay), (-bx, by)) for (ax, ay), (bx, by) in _RIGHT)
_BAR = (((-0.55, 0), (0.55, 0)), ((-0.55, 0.12), (0.55, 0.12)))
_LETTERS = (
    *(((-0.6, -0.25), (-0.5, 0.25)), ((-0.2, -0.25), (-0.2, 0.25)), ((0.2, -0.25), (0.2, 0.25))),
    *(((0.55, -0.25), (0.55, 0.25)), ((-0.3, -0.25), (-0.1, -0.25))),
)
_STROKES = (_AHEAD, _RIGHT, _BAR, _LEFT, _LETTERS)
_GROUNDS = (_BLUE, _BLUE, _RED, _BLUE, _RED)


def load_signs(split: Literal["train", "test"], *, data: Path | None = None) -> Images:
    """Read or draw one split of the signs. No global random state is touched.

    With a folder: all images of the classes in ``street_signs/street_signs.npz``, by the benchmark's own
    training and test parts. Without: drawn signs, every image another.

    :param split: training or test images.
    :param data: folder with ``street_signs/street_signs.npz``, which is only read.
    :returns: images ``[n, 28, 28, 3]`` in colour, contrast stretched; labels 0 to 4 for :data:`CLASSES`.
    :raises DataError: where the file is missing, damaged, not what it should be, or lacks a class.

    >>> load_signs("test").images.shape
    torch.Size([250, 28, 28, 3])
    """
    if data is not None:
        return _from_folder(split, data / "street_signs" / "street_signs.npz")
    images, labels = _drawn(split)
    return _images(images.copy(), labels, f"drawn street signs, {split} ({len(labels)})")


@cache
def _drawn(split: Literal["train", "test"]) -> tuple[_Pixels, _Labels]:
    """Drawn signs and their labels; kept (9 MB), since every task that reads them loads them anew."""
    generator = np.random.default_rng({"train": 2, "test": 3}[split])
    labels = np.repeat(np.arange(len(CLASSES)), PER_CLASS[split])
    return _stretched(np.stack([_draw(int(label), generator) for label in labels])), labels


def _from_folder(split: Literal["train", "test"], path: Path) -> Images:
    arrays = _read(path)
    names = arrays["class_names"].tolist()
    part = arrays["split"] == {"train": 0, "test": 1}[split]
    rows, labels = [], []
    for label, name in enumerate(CLASSES):
        there = np.flatnonzero(part & (arrays["labels"] == (names.index(name) if name in names else -1)))
        if not len(there):
            raise _wrong(path, f"{split} images of {name!r}", "none")
        rows.append(there)
        labels.append(np.full(len(there), label))
    source = f"photographs of street signs, {split} ({sum(map(len, rows))})"
    images = _stretched(arrays["images"][np.concatenate(rows)] / 255)
    return _images(images, np.concatenate(labels), source)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file, checked."""
    arrays = read_arrays(path, "street signs", ("images", "labels", "split", "class_names"), _wrong)
    check_shapes(path, arrays, {"images": (28, 28, 3), "labels": (), "split": ()}, _wrong)
    if arrays["class_names"].ndim != 1:
        raise _wrong(path, "class_names as a list", f"an array of shape {arrays['class_names'].shape}")
    return arrays


def _draw(label: int, generator: np.random.Generator) -> _Floats:
    """One sign: a disc, or an octagon where it says stop, with its strokes, before something dim."""
    pixels = np.stack(np.meshgrid(np.arange(28), np.arange(28), indexing="xy"), -1).astype(np.float64)
    middle, size = 13.5 + generator.normal(0, 0.8, 2), generator.uniform(9.5, 11.5)
    angle = generator.normal(0, 0.08)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    places = (pixels - middle) @ turn.T / size
    radius = np.linalg.norm(places, axis=-1)
    if CLASSES[label] == "stop":
        around = np.arctan2(places[..., 1], places[..., 0])
        radius = radius * np.cos((around + np.pi / 8) % (np.pi / 4) - np.pi / 8)
    inside = np.clip((1 - radius) * size + 0.5, 0, 1)[..., None]
    distance = np.full((28, 28), np.inf)
    for ends in _STROKES[label]:
        start, end = np.array(ends) + generator.normal(0, 0.03, (2, 2))
        along = np.linspace(0, 1, 20)[:, None, None, None]
        ways = places - (start + along * (end - start))
        distance = np.minimum(distance, np.sqrt((ways[..., 0] ** 2 + ways[..., 1] ** 2).min(0)))
    ink = np.clip((generator.uniform(0.1, 0.15) - distance) * size + 0.5, 0, 1)[..., None]
    ground = generator.uniform(0.2, 0.8, 3) + generator.normal(0, 0.05, (28, 28, 3))
    face = (1 - ink) * np.array(_GROUNDS[label]) + ink * np.array(_WHITE)
    image: _Floats = (inside * face + (1 - inside) * ground) * generator.uniform(0.4, 1.0)
    return np.clip(image + generator.normal(0, 0.02, image.shape), 0, 1)


def _stretched(images: _Floats) -> _Pixels:
    """Their contrast, of each by itself: many photographs are very dark or pale."""
    low, high = np.percentile(images, (2, 98), axis=(1, 2, 3), keepdims=True)
    pixels: _Pixels = np.clip((images - low) / np.maximum(high - low, 1e-3), 0, 1).astype(np.float32)
    return pixels


def _images(pixels: _Pixels, labels: _Labels, source: str) -> Images:
    labelled = torch.from_numpy(labels.astype(np.int64))
    return Images(torch.from_numpy(pixels), labelled, source, "signs", SIGNS)


def _wrong(path: Path, expected: str, got: str) -> DataError:
    return DataError(
        str(path),
        expected=expected,
        got=got,
        remedy="name a folder that holds street_signs/street_signs.npz, or none for drawn signs",
    )
