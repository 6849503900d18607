"""Where a task's examples come from: there are certain ones, or they are drawn."""

import torch

from ntpt_pyro.tasks.examples import Draw, Examples, drawn_examples


class Drawing:
    """The part of a task that gives examples. A subclass of :class:`~ntpt_pyro.Task` may give others."""

    name: str
    """What the task is called."""
    takes_data = False
    """Whether it was made by something that takes a folder of data."""
    _examples: Draw | Examples
    _test: Draw | Examples | None

    def draw(self, count: int, generator: torch.Generator) -> Examples:
        """Training examples.

        :param count: how many; where the task has only certain examples these are all given.
        :param generator: source of the draw.
        :returns: the examples.
        :raises DataError: where they are no tensors of one length.
        """
        return drawn_examples(self.name, self._examples, count, generator)

    def draw_test(self, count: int, generator: torch.Generator) -> Examples | None:
        """Test examples; nothing that is learned depends on them.

        :param count: at most.
        :param generator: source of the draw.
        :returns: the examples; None where the task has none of its own.
        """
        return None if self._test is None else drawn_examples(self.name, self._test, count, generator)

    @property
    def has_tests(self) -> bool:
        """Whether it has test examples of its own."""
        return self._test is not None

    @property
    def numbered(self) -> int | None:
        """How many inputs a program can be shown on by their numbers, from 0; None where inputs are drawn."""
        shown = self._test or self._examples
        return None if callable(shown) else len(shown)

    @property
    def undrawn(self) -> list[str]:
        """Settings that it does not look at, since it draws no such examples."""
        given = {"examples": self._examples, "test_examples": self._test}
        return [setting for setting, examples in given.items() if not callable(examples)]
