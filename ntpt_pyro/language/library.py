"""The library: learnable functions that tasks share and improve."""

from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import torch
from jaxtyping import Int

from ntpt_pyro.errors import LibraryError
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library_file import (
    check_network,
    check_types,
    check_weights,
    read_library,
    whole_library,
    write_library,
)
from ntpt_pyro.language.networks import Network
from ntpt_pyro.language.own_names import OwnNames


class Library(OwnNames):
    """Learnable functions by name, shared by identity: every task that calls one trains it.

    :param functions: what to build; more can join with :meth:`add`.
    :param seed: of the initial weights.
    :param copies: R to give each of R restarts its own weights, see
        :class:`~ntpt_pyro.language.networks.Network`.
    :raises LibraryError: see :meth:`add`.
    :raises RangeError: see :meth:`add`.

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
        self._copies = copies
        self.steps: dict[str, int] = {}
        """Training steps behind each function; 0 is untrained."""
        self._generator = torch.Generator().manual_seed(seed)
        for function in functions:
            self.add(function)

    def add(self, function: LearnedFunction) -> None:
        """Build a function's weights and take it in.

        Programs that choose between the functions of a library need more: see :meth:`check_one_untrained`.

        :param function: its declaration.
        :raises LibraryError: where the name is taken, or a module of one's own cannot be made or evaluated.
        :raises RangeError: where that returns another shape than declared.
        """
        if function.name in self.steps:
            raise LibraryError(
                f"library function {function.name!r}",
                expected="a new name",
                got="one that is in the library",
                remedy="rename the function",
            )
        self._build(function, steps=0)

    def check_one_untrained(self) -> None:
        """Check that programs may choose between the functions, and learn them.

        A program that chooses between N untrained functions sees them as one large one, which cannot be split
        apart afterwards (Gaunt et al. 2017, section 4.1). A program that says which function it calls where
        may learn several at once.

        :raises LibraryError: where more than one is untrained.
        """
        untrained = [name for name, steps in self.steps.items() if steps == 0]
        if len(untrained) > 1:
            raise LibraryError(
                "library",
                expected="at most one untrained function",
                got=" and ".join(untrained),
                remedy="train the first on a task of its own before another joins: a choice between "
                "untrained functions learns them as one that cannot be split apart (Gaunt et al. 2017, 4.1)",
            )

    def ensure(self, function: LearnedFunction) -> None:
        """Have a function: build it where it is missing, check that it fits where it is there.

        :param function: its declaration; hidden layers may differ.
        :raises LibraryError: where one of the name has other inputs or another output; see also :meth:`add`.
        :raises RangeError: see :meth:`add`.
        """
        if function.name not in self.steps:
            self.add(function)
            return
        here = self[function.name].declaration
        check_types(function, here)
        check_network(function, here)

    def _build(self, function: LearnedFunction, steps: int) -> None:
        """Take in a function with new weights."""
        setattr(self, key_of(function.name), function.build(self._generator, self.copies))
        self.steps[function.name] = steps

    def __getitem__(self, name: str) -> Network:
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
        function: Network = getattr(self, key_of(name))
        return function

    def __iter__(self) -> Iterator[Network]:
        """The functions, in the order in which they joined."""
        return (self[name] for name in self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        parts = []
        for function in self:
            name = function.declaration.name
            shared = self.copies is not None and function.copies is None
            parts.append(
                f"{name} ({'trained' if self.steps[name] else 'untrained'}{', shared' if shared else ''})"
            )
        if self.copies is not None:
            parts.append(f"{self.copies} copies")
        return f"<Library {', '.join(parts) or 'without functions'}>"

    @property
    def copies(self) -> int | None:
        """How many restarts have weights of their own; None where the functions have one set of weights."""
        own = (function.copies for function in self if function.copies is not None)
        return next(own, self._copies)

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
            setattr(self, key_of(name), other[name])
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
                    for mine, theirs in zip(_tensors(copied[name]), _tensors(function), strict=True):
                        mine.copy_(theirs)
        return copied

    def take(self, restarts: Int[torch.Tensor, " kept"], *, as_copies: bool = False) -> "Library":
        """The weights of some restarts: one restart gives a library without the axis of copies.

        :param restarts: indices of copies.
        :param as_copies: keep that axis for a single restart too.
        :returns: a new library with copied weights, functions that all restarts share included; this one
            itself where it has no copies.
        """
        if self.copies is None:
            return self
        single = len(restarts) == 1 and not as_copies
        taken = Library(copies=None if single else len(restarts))
        for function in self:
            name = function.declaration.name
            shared = function.copies is None
            built = function.declaration.build(self._generator, None if shared else taken.copies)
            with torch.no_grad():
                for mine, theirs in zip(_tensors(built), _tensors(function), strict=True):
                    mine.copy_(theirs if shared else theirs[restarts[0]] if single else theirs[restarts])
            setattr(taken, key_of(name), built)
            taken.steps[name] = self.steps[name]
        return taken

    def digest(self) -> str:
        """A short text that is equal for equal weights, whatever the order in which functions joined."""
        found = sha256()
        for name, tensor in sorted(self.state_dict().items()):
            found.update(name.encode())
            found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()[:16]

    def save(self, path: Path | str) -> None:
        """Write declarations and weights to one safetensors file, atomically.

        Of a module of one's own that is its parameters and buffers; of what makes it only the name, for
        people to read.

        :param path: the file.
        """
        declared = [(function.declaration, self.steps[function.declaration.name]) for function in self]
        write_library(Path(path), declared, self.state_dict())

    @classmethod
    def load(cls, path: Path | str, functions: Iterable[LearnedFunction] = ()) -> "Library":
        """Read a library from a file that :meth:`save` wrote. No code comes from the file.

        :param path: the file.
        :param functions: declarations, of which the file's functions with a module of one's own take that of
            their name; others may be among them.
        :returns: the library, its functions in the order in which they joined, in training mode.
        :raises LibraryError: where the file is missing, or not a library of this format; or where the
            declaration of a module of one's own is missing, or does not fit the file.
        """
        library, path = cls(), Path(path)
        with whole_library(path):
            declared, weights = read_library(path, functions)
            for function, steps in declared:
                library._build(function, steps)
                if function.module is not None:
                    check_weights(path, library[function.name], key_of(function.name), weights)
            library.load_state_dict(weights)
        return library


@cache
def _own_names() -> frozenset[str]:
    """The names that mean something in every library."""
    return frozenset(dir(Library()))


def key_of(name: str) -> str:
    """The attribute of a library, and the beginning of the names of weights, that a function has.

    :param name: of the function.
    :returns: its name; where that means something else in every library, one that nothing else can have.

    >>> key_of("net_0"), key_of("train")
    ('net_0', 'function train')
    """
    return f"function {name}" if name in _own_names() else name


def _tensors(function: Network) -> list[torch.Tensor]:
    """Everything that a function has learned."""
    return [*function.parameters(), *function.buffers()]
