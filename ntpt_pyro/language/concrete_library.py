"""The functions of a library on plain integers and tensors: as a concrete interpreter calls them."""

from typing import Any

import torch

from ntpt_pyro.language.library import Library
from ntpt_pyro.language.values import mode, one_hot


class ConcreteLibrary:
    """Functions that take plain integers and give the most probable one, each by its name.

    :param library: the learnable functions.

    >>> from ntpt_pyro import Tensor, learn
    >>> @learn([2, Tensor(3)], 5)
    ... def read(which, image): "Anything."
    >>> functions = ConcreteLibrary(Library([read], seed=0))
    >>> functions["read"](1, torch.ones(3)) in range(5)
    True
    >>> len(functions["read"]([0, 1], torch.ones(2, 3)))
    2
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def __getitem__(self, name: str) -> Any:
        """A function by name: it gives the most probable integer, or a tensor where the result is one.

        :param name: of the function.
        :returns: a function of integers, or nested lists of them, and of tensors.
        :raises LibraryError: where there is none.
        """
        function = self._library[name]
        declaration = function.declaration

        def call(*inputs: Any) -> Any:
            with torch.no_grad():
                given = [
                    one_hot(torch.as_tensor(one), kind) if isinstance(kind, int) else torch.as_tensor(one)
                    for one, kind in zip(inputs, declaration.inputs, strict=True)
                ]
                found = function(*given)
            return mode(found).tolist() if isinstance(declaration.out, int) else found

        return call
