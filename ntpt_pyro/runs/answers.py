"""Answers to a solver's questions: asked once, kept with the run, given again when it is gone on with."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro._files import write_json
from ntpt_pyro.errors import RunError, TaskError
from ntpt_pyro.inference.solver.differences import Difference
from ntpt_pyro.tasks.task import Task

Oracle = Callable[..., Any]
"""``oracle(*inputs)``, from an input in plain integers (lists of them where it is an array) to its result: an
integer or lists of them, a tuple where the model observes several tensors; None ends the asking."""


class SeesQuestion:
    """An oracle that is called with the question itself: it sees the results that are to be told apart."""

    def __call__(self, question: Difference) -> Any:
        """The results, as of :data:`Oracle`.

        :param question: an input on which programs differ, and what they give.
        :returns: results; None ends the asking.
        """
        raise NotImplementedError


class Answers:
    """Asks an oracle, and remembers what it said.

    :param task: whose inputs are asked about.
    :param oracle: see :data:`Oracle`, or one that sees the question.
    :param path: where answers are kept; None keeps none.
    """

    def __init__(self, task: Task, oracle: Oracle, path: Path | None) -> None:
        self.task = task
        self.oracle = oracle
        self.path = path
        self._known = _read(path) if path is not None and path.exists() else []

    def __call__(self, question: Difference) -> Sequence[Tensor] | None:
        """The results on the input of a question.

        :param question: with an input on which programs differ.
        :returns: ``[1, ...]`` for each observed tensor; None where there is no answer.
        :raises TaskError: where the answer is not such.
        """
        like = self.task.result_tensors(question.expected)
        inputs = [one[0].tolist() for one in question.inputs]
        known = next((one["results"] for one in self._known if one["inputs"] == inputs), None)
        if known is None:
            sees = isinstance(self.oracle, SeesQuestion)
            answer = self.oracle(question) if sees else self.oracle(*inputs)
            if answer is None:
                return None
            known = list(answer) if isinstance(answer, tuple) else [answer]
        found = _tensors(self.task, known, like)
        _check_range(self.task, question, found)
        if self.path is not None and all(one["inputs"] != inputs for one in self._known):
            self._known.append({"inputs": inputs, "results": [one[0].tolist() for one in found]})
            write_json(self.path, {"answers": self._known})
        return found


def _tensors(task: Task, answer: Sequence[Any], like: Sequence[Tensor]) -> list[Tensor]:
    """An answer as the results of an example."""
    try:
        found = [torch.as_tensor(one) for one in answer]
        if any(one.is_floating_point() or one.is_complex() for one in found):
            raise ValueError("real numbers")
        return [one.long().reshape(own.shape) for one, own in zip(found, like, strict=True)]
    except (ValueError, TypeError, RuntimeError) as error:
        shapes = ", ".join(str([*own.shape[1:]]) if own.ndim > 1 else "an integer" for own in like)
        raise TaskError(
            f"task {task.name}, oracle",
            expected=f"the results of one example: {shapes}",
            got=f"{answer!r:.80}",
            remedy="return integers or lists of them, a tuple where there are several results",
        ) from error


def _check_range(task: Task, question: Difference, found: Sequence[Tensor]) -> None:
    """Raise where a result is none that the model could give."""
    integers = torch.cat([one.reshape(-1) for one in found]).tolist()
    for (site, size), integer in zip(question.sizes.items(), integers, strict=True):
        if not 0 <= integer < size:
            raise TaskError(
                f"task {task.name}, oracle, {site}",
                expected=f"a result in 0..{size - 1}",
                got=str(integer),
                remedy="correct the oracle",
            )


def _read(path: Path) -> list[Mapping[str, Any]]:
    try:
        found: list[Mapping[str, Any]] = json.loads(path.read_text())["answers"]
        for one in found:
            one["inputs"], one["results"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RunError(
            str(path), expected="answers of this run", got="something else", remedy="delete the file"
        ) from error
    return found
