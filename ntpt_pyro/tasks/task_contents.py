"""What a task is made of, by digests: a run is gone on with only where its inputs are still the same."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch

from ntpt_pyro.inference.training.checkpoint import digest_of

if TYPE_CHECKING:
    from ntpt_pyro.tasks.task import Task


class Contents:
    """The part of a task that says what it is made of. A subclass of :class:`~ntpt_pyro.Task` can say it."""

    files: Mapping[str, str] = {}
    """Digests of the files that say what it is, by what they are."""

    def made_of(self) -> dict[str, str] | None:
        """Digests of what its examples are made of.

        :returns: by what it is; None where the examples themselves are to be compared.
        """
        return None


def contents_of(task: "Task", examples: int, tests: int, seed: int) -> dict[str, str]:
    """Digests of what a task gives a run.

    :param task: the task.
    :param examples: how many a run asks for.
    :param tests: of tests.
    :param seed: of the draw.
    :returns: by what it is.
    :raises DataError: where examples are no tensors of one length.
    """
    made_of = task.made_of()
    if made_of is None:
        with torch.random.fork_rng(devices=[]):
            source = torch.Generator().manual_seed(seed)
            drawn = {
                "examples": task.draw(examples, source),
                "test examples": task.draw_test(tests, source),
            }
        made_of = {what: digest_of(some.tensors) for what, some in drawn.items() if some is not None}
    return {**task.files, **made_of}


def digest_of_bytes(content: bytes) -> str:
    """What tells bytes from others.

    :param content: they.
    :returns: a short text.
    """
    return blake2b(content, digest_size=16).hexdigest()
