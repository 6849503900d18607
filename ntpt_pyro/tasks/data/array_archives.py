"""Arrays of a ``.npz`` file, checked by what their headers promise before any memory is asked for."""

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ntpt_pyro.bounds import in_units
from ntpt_pyro.errors import DataError

MOST_BYTES = 2**30
"""Of an array."""
Arrays = dict[str, npt.NDArray[Any]]
Wrong = Callable[[Path, str, str], DataError]
"""Makes the error of a file: what was expected of it, and what was got."""
DAMAGED = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, RuntimeError, struct.error),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What reading a file that is none may raise."""


def read_arrays(path: Path, what: str, names: Sequence[str], wrong: Wrong) -> Arrays:
    """Read some arrays of a file.

    :param path: the file.
    :param what: it is of, in words.
    :param names: of the arrays.
    :param wrong: makes the error.
    :returns: the arrays.
    :raises DataError: where the file is missing or damaged, lacks one, or promises more than it has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                with archive.open(f"{name}.npy") as member:
                    promised, held = _promised(member), archive.getinfo(f"{name}.npy").file_size
                if promised > min(held, MOST_BYTES):
                    raise wrong(
                        path, f"{name} of at most {in_units(min(held, MOST_BYTES))}", in_units(promised)
                    )
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except DataError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise wrong(path, f"a file of {what}", "no such file") from error
    except DAMAGED as error:
        raise wrong(path, f"arrays {', '.join(names)}", " ".join(str(error).split())) from error


def check_shapes(path: Path, arrays: Arrays, items: Mapping[str, tuple[int, ...]], wrong: Wrong) -> None:
    """Check that arrays are of bytes, as many rows each as there are labels.

    :param path: the file.
    :param arrays: of it, ``labels`` among them.
    :param items: by name the shape of a row.
    :param wrong: makes the error.
    :raises DataError: names the first that is not.
    """
    labels = arrays["labels"]
    count = len(labels) if labels.ndim else 1
    for name, item in items.items():
        shape = (count, *item)
        if arrays[name].shape != shape or arrays[name].dtype != np.uint8:
            got = f"{arrays[name].dtype} of shape {arrays[name].shape}"
            raise wrong(path, f"{name} as bytes of shape {shape}", got)


def _promised(member: IO[bytes]) -> int:
    """The bytes that an array's header promises."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read[np.lib.format.read_magic(member)](member)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    return math.prod(shape) * dtype.itemsize
