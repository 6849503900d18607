"""The file of a library: declarations and weights as safetensors, without code."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro._files import Format, read_safetensors, write_safetensors
from ntpt_pyro.errors import LibraryError, NtptError
from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.language.networks import Network

FORMAT = Format(
    "ntpt_pyro library 2", remedy="give a file or run folder that this version wrote", error=LibraryError
)


@dataclass(frozen=True)
class _Entry:
    """A function in a file: the numbers of its inputs and of its output are ranges, lists of them shapes."""

    name: str
    inputs: list[int | list[int]]
    out: int | list[int]
    doc: str
    steps: int
    hid_sizes: list[int] = field(default_factory=list)
    module: str | None = None


@dataclass(frozen=True)
class _Kept:
    """What a file holds beside weights."""

    functions: list[_Entry]


def write_library(
    path: Path, functions: Iterable[tuple[LearnedFunction, int]], weights: Mapping[str, torch.Tensor]
) -> None:
    """Write a library, atomically.

    :param path: the file.
    :param functions: declarations with the training steps behind them, in order.
    :param weights: parameters and buffers by name.
    """
    entries = [_to_json(function, steps) for function, steps in functions]
    # Clones: safetensors refuses weights that are tied to one another.
    write_safetensors(
        path, {name: tensor.clone() for name, tensor in weights.items()}, {"functions": entries}, FORMAT
    )


@contextmanager
def whole_library(path: Path) -> Generator[None]:
    """Raise in one line what shows that a file is no library of this format.

    :param path: the file.
    :raises LibraryError: where building what it says fails.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, NtptError):
            raise
        raise FORMAT.refused(path, str(error).splitlines()[0]) from error


def read_library(
    path: Path, given: Iterable[LearnedFunction]
) -> tuple[list[tuple[LearnedFunction, int]], dict[str, torch.Tensor]]:
    """What :func:`write_library` wrote; to be called in :func:`whole_library`.

    :param path: the file.
    :param given: declarations, for modules of one's own.
    :returns: declarations with the training steps behind them, in order; and the weights by name.
    :raises LibraryError: where the file is missing, damaged, of another format or run, or a declaration is
        missing or does not fit.
    """
    by_name = {function.name: function for function in given}
    weights, kept = read_safetensors(path, FORMAT, _Kept)
    functions = [(_from_json(path, entry, by_name.get(entry.name)), entry.steps) for entry in kept.functions]
    return functions, weights


def check_types(wanted: LearnedFunction, here: LearnedFunction) -> None:
    """Check that a function of a library is one that somebody asks for.

    :param wanted: what is asked for.
    :param here: what the library has.
    :raises LibraryError: where inputs or output differ.
    """
    if (here.inputs, here.out) != (wanted.inputs, wanted.out):
        raise LibraryError(
            f"library function {wanted.name!r}",
            expected=f"inputs {list(wanted.inputs)} and output {wanted.out}",
            got=f"inputs {list(here.inputs)} and output {here.out}",
            remedy="give a library whose functions fit the task",
        )


def check_network(wanted: LearnedFunction, here: LearnedFunction) -> None:
    """Check that a function of a library is computed by the network that somebody declares.

    :param wanted: what is declared.
    :param here: what the library has.
    :raises LibraryError: where one is a module of one's own and the other is not, or is another.
    """
    expected, got = (
        f"one made by {one.module_name}" if one.module is not None else "layers by hid_sizes"
        for one in (wanted, here)
    )
    if expected != got:
        raise LibraryError(
            f"library function {wanted.name!r}",
            expected=expected,
            got=got,
            remedy="give a library of the same network, or another name to the function",
        )


def check_weights(path: Path, function: Network, key: str, weights: Mapping[str, torch.Tensor]) -> None:
    """Check that a module of one's own is the one whose weights are in a file.

    :param path: the file.
    :param function: as its declaration builds it.
    :param key: what the names of its weights begin with.
    :param weights: of the file, by name.
    :raises LibraryError: where names or shapes differ; names the first.
    """
    built = {f"{key}.{name}": [*tensor.shape] for name, tensor in function.state_dict().items()}
    found = {name: [*tensor.shape] for name, tensor in weights.items() if name.startswith(f"{key}.")}
    for name in [*built, *found]:
        if built.get(name) != found.get(name):
            expected, got = (f"shape {some[name]}" if name in some else "none" for some in (built, found))
            raise LibraryError(
                f"{path}: library function {function.declaration.name!r}",
                expected=f"the weights of {function.declaration.module_name}, with {expected} for {name}",
                got=got,
                remedy="give the declaration that it was saved with",
            )


def _to_json(function: LearnedFunction, steps: int) -> dict[str, Any]:
    made_of: dict[str, Any] = {"hid_sizes": list(function.hid_sizes)}
    if function.module is not None:
        made_of = {"module": function.module_name}
    return {
        "name": function.name,
        "inputs": [_kind_to_json(kind) for kind in function.inputs],
        "out": _kind_to_json(function.out),
        **made_of,
        "doc": function.doc,
        "steps": steps,
    }


def _from_json(path: Path, entry: _Entry, given: LearnedFunction | None) -> LearnedFunction:
    """The declaration of a function in a file; one with a module of one's own is the given one."""
    function = LearnedFunction(
        entry.name,
        tuple(map(_kind_from_json, entry.inputs)),
        _kind_from_json(entry.out),
        tuple(entry.hid_sizes),
        entry.doc,
    )
    if given is not None:
        check_types(given, function)
    if entry.module is None:
        return function
    if given is None or given.module is None:
        raise LibraryError(
            f"{path}: library function {function.name!r}",
            expected=f"the declaration of {entry.module}, which computes it",
            got="none" if given is None else "one without a module",
            remedy="give its declaration (functions=[...]), or name the task's file",
        )
    return given


def _kind_to_json(kind: int | Tensor) -> Any:
    return kind if isinstance(kind, int) else list(kind.shape)


def _kind_from_json(kind: int | list[int]) -> int | Tensor:
    return kind if isinstance(kind, int) else Tensor(*kind)
