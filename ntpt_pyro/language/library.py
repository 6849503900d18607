"""The library: learnable functions that tasks share and improve."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from pyro.nn import PyroModule
from safetensors import SafetensorError, safe_open

from ntpt_pyro._files import write_safetensors
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.language.learned_functions import LearnedFunction, NeuralFunction, Tensor

FORMAT = "ntpt_pyro library 1"


class Library(PyroModule):
    """Learnable functions by name, shared by identity: every task that calls one trains it.

    :param functions: what to build; more can join with :meth:`add`.
    :param seed: of the initial weights.
    :param copies: R to give each of R restarts its own weights, see :class:`~ntpt_pyro.NeuralFunction`.
    :raises LibraryError: where two untrained functions would be in the library at once.

    >>> from ntpt_pyro import learn, Tensor
    >>> @learn([Tensor(28, 28)], 10, hid_sizes=[32])
    ... def net_0(image): "The digit in an image."
    >>> library = Library([net_0], seed=0)
    >>> library["net_0"](torch.zeros(5, 28, 28)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self, functions: Iterable[LearnedFunction] = (), *, seed: int = 0, copies: int | None = None
    ) -> None:
        super().__init__("library")
        self.copies = copies
        self.steps: dict[str, int] = {}
        """Training steps behind each function; 0 is untrained."""
        self._generator = torch.Generator().manual_seed(seed)
        for function in functions:
            self.add(function)

    def add(self, function: LearnedFunction) -> None:
        """Build a function's weights and take it in.

        :param function: its declaration.
        :raises LibraryError: where another function is still untrained: a program choosing between N
            untrained functions sees them as one large one, which cannot be split apart afterwards (Gaunt et
            al. 2017, section 4.1); or where the name is taken.
        """
        if function.name in self.steps:
            raise LibraryError(
                f"library function {function.name!r}",
                expected="a new name",
                got="one that is in the library",
                remedy="rename the function",
            )
        untrained = [name for name, steps in self.steps.items() if steps == 0]
        if untrained:
            raise LibraryError(
                "library",
                expected="at most one untrained function",
                got=f"{untrained[0]} and {function.name}",
                remedy="train the first on a task of its own before another joins: a choice between "
                "untrained functions learns them as one that cannot be split apart (Gaunt et al. 2017, 4.1)",
            )
        self._build(function, steps=0)

    def ensure(self, function: LearnedFunction) -> None:
        """Have a function: build it where it is missing, check that it fits where it is there.

        :param function: its declaration; hidden layers may differ.
        :raises LibraryError: where one of the name has other inputs or another output; see also :meth:`add`.
        """
        if function.name not in self.steps:
            self.add(function)
            return
        here = self[function.name].declaration
        if (here.inputs, here.out) != (function.inputs, function.out):
            raise LibraryError(
                f"library function {function.name!r}",
                expected=f"inputs {list(function.inputs)} and output {function.out}",
                got=f"inputs {list(here.inputs)} and output {here.out}",
                remedy="give a library whose functions fit the task",
            )

    def _build(self, function: LearnedFunction, steps: int) -> None:
        """Take in a function with new weights, whatever else is untrained."""
        setattr(self, function.name, function.build(self._generator, self.copies))
        self.steps[function.name] = steps

    def __getitem__(self, name: str) -> NeuralFunction:
        """A function by name.

        :param name: its name.
        :returns: the module.
        :raises LibraryError: where there is none.
        """
        if name not in self.steps:
            raise LibraryError(
                "library",
                expected=f"one of {', '.join(self.steps) or 'no functions'}",
                got=repr(name),
                remedy="add the function, or load a library that has it",
            )
        function: NeuralFunction = getattr(self, name)
        return function

    def __iter__(self) -> Iterator[NeuralFunction]:
        """The functions, in the order in which they joined."""
        return (self[name] for name in self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def trained(self) -> bool:
        """Whether every function in it has been trained."""
        return all(self.steps.values())

    def share(self, other: "Library", names: Iterable[str]) -> None:
        """Take in functions of another library: the same modules, so that both learn what either does.

        :param other: the other library.
        :param names: of its functions.
        :raises LibraryError: where the other library has no such function.
        """
        for name in names:
            setattr(self, name, other[name])
            self.steps[name] = other.steps[name]

    def teach(self, names: Iterable[str]) -> None:
        """Choose which functions learn from now on; the others are called as they are.

        While a program does not know which function to call, wrong programs would spoil a trained one; and
        once it does, what is left of the gradient to the others is noise, which Adam scales to full steps.

        :param names: those that learn.
        """
        names = set(names)
        for function in self:
            function.taught = function.declaration.name in names

    def count_steps(self, steps: int) -> None:
        """Note that the functions being taught took part in more training.

        :param steps: how many steps more.
        """
        for function in self:
            if function.taught:
                self.steps[function.declaration.name] += steps

    def copied(self, copies: int, seed: int) -> "Library":
        """A library of the same functions with weights of its own for each restart.

        :param copies: the number of restarts.
        :param seed: of new weights.
        :returns: a new library: where a function is trained every restart begins with its weights, where it
            is not with new ones.
        """
        copied = Library(seed=seed, copies=copies)
        for function in self:
            name = function.declaration.name
            copied._build(function.declaration, self.steps[name])
            if self.steps[name]:
                with torch.no_grad():
                    for mine, theirs in zip(copied[name].parameters(), function.parameters(), strict=True):
                        mine.copy_(theirs)
        return copied

    def take(self, restarts: Int[torch.Tensor, " kept"]) -> "Library":
        """The weights of some restarts: one restart gives a library without the axis of copies.

        :param restarts: indices of copies.
        :returns: a new library with copied weights, functions that all restarts share included; this one
            itself where it has no copies.
        """
        if self.copies is None:
            return self
        single = len(restarts) == 1
        taken = Library(copies=None if single else len(restarts))
        for function in self:
            name = function.declaration.name
            shared = function.copies is None
            built = function.declaration.build(self._generator, None if shared else taken.copies)
            with torch.no_grad():
                for mine, theirs in zip(built.parameters(), function.parameters(), strict=True):
                    mine.copy_(theirs if shared else theirs[restarts[0]] if single else theirs[restarts])
            setattr(taken, name, built)
            taken.steps[name] = self.steps[name]
        return taken

    def save(self, path: Path) -> None:
        """Write declarations and weights to one safetensors file, atomically.

        :param path: the file.
        """
        functions = [
            {
                "name": f.declaration.name,
                "inputs": [_kind_to_json(kind) for kind in f.declaration.inputs],
                "out": _kind_to_json(f.declaration.out),
                "hid_sizes": list(f.declaration.hid_sizes),
                "doc": f.declaration.doc,
                "steps": self.steps[f.declaration.name],
            }
            for f in self
        ]
        # One entry: safetensors writes several in random order, and equal libraries should be equal files.
        metadata = {"library": json.dumps({"format": FORMAT, "functions": functions})}
        write_safetensors(path, dict(self.state_dict()), metadata)

    @classmethod
    def load(cls, path: Path) -> "Library":
        """Read a library from a file that :meth:`save` wrote.

        :param path: the file.
        :returns: the library, its functions in the order in which they joined.
        :raises LibraryError: where the file is missing, or not a library of this format.
        """
        library = cls()
        try:
            with safe_open(path, framework="pt") as file:
                metadata = json.loads((file.metadata() or {}).get("library", "{}"))
                if metadata.get("format") != FORMAT:
                    raise _not_a_library(path, f"format {metadata.get('format')!r}")
                for entry in metadata["functions"]:
                    declaration = LearnedFunction(
                        entry["name"],
                        tuple(map(_kind_from_json, entry["inputs"])),
                        _kind_from_json(entry["out"]),
                        tuple(entry["hid_sizes"]),
                        entry["doc"],
                    )
                    library._build(declaration, entry["steps"])
                weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                library.load_state_dict(weights)
        except FileNotFoundError as error:
            raise _not_a_library(path, "no such file") from error
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, LibraryError):
                raise
            raise _not_a_library(path, str(error).splitlines()[0]) from error
        return library


def _not_a_library(path: Path, got: str) -> LibraryError:
    return LibraryError(
        str(path),
        expected=f"a file of {FORMAT}",
        got=got,
        remedy="give a file or run folder that this version wrote",
    )


def _kind_to_json(kind: int | Tensor) -> Any:
    return kind if isinstance(kind, int) else list(kind.shape)


def _kind_from_json(kind: Any) -> int | Tensor:
    return kind if isinstance(kind, int) else Tensor(*kind)
