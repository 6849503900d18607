"""Answers to a solver's questions: asked once, kept with the run, given again when it is gone on with."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro._files import ANSWERS, read_json, write_sealed_json
from ntpt_pyro.errors import RunError, TaskError
from ntpt_pyro.inference.solver.differences import Difference
from ntpt_pyro.tasks.task import Task

Oracle = Callable[..., Any]
"""``oracle(*inputs)``, from an input in plain integers (lists of them where it is an array) to its result: an
integer or lists of them, a tuple where the model observes several tensors; :data:`NOT_MEANT` where no result
is right or wrong there; None ends the asking."""
NOT_MEANT = "not meant"
"""An oracle's answer where the task does not mean an input: it is not asked for again."""


@dataclass(frozen=True)
class _Answer:
    """What was said of an input: None where it is not meant."""

    inputs: list[Any]
    results: list[Any] | None


@dataclass(frozen=True)
class _Kept:
    """What a file of answers holds."""

    answers: list[_Answer]


class SeesQuestion:
    """An oracle that is called with the question itself: it sees the results that are to be told apart."""

    def __call__(self, question: Difference) -> Any:
        """The results, as of :data:`Oracle`.

        :param question: an input on which programs differ, and what they give.
        :returns: results; None ends the asking.
        """
        raise NotImplementedError


def checked_answer(task: Task, question: Difference, answer: Sequence[Any]) -> Sequence[Tensor]:
    """An answer as the results of an example.

    :param task: whose inputs are asked about.
    :param question: that it is the answer to.
    :param answer: for each observed tensor integers or lists of them.
    :returns: ``[1, ...]`` each.
    :raises TaskError: where it is none.
    """
    found = _tensors(task, answer, task.result_tensors(question.expected))
    _check_range(task, question, found)
    return found


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
        self._known: list[_Answer] = []
        if path is not None and path.exists():
            self._known = read_json(path, ANSWERS, _Kept).answers

    def __call__(self, question: Difference) -> Sequence[Tensor] | None:
        """The results on the input of a question.

        :param question: with an input on which programs differ.
        :returns: ``[1, ...]`` for each observed tensor, none where the input is not meant; None where
            there is no answer.
        :raises TaskError: where the answer is not such.
        """
        inputs = [one[0].tolist() for one in question.inputs]
        for one in self._known:
            if one.inputs == inputs:
                return [] if one.results is None else self._kept(question, one.results)
        answer = self.oracle(question) if isinstance(self.oracle, SeesQuestion) else self.oracle(*inputs)
        if answer is None:
            return None
        if isinstance(answer, str) and answer == NOT_MEANT:
            self._keep(inputs, None)
            return []
        found = checked_answer(self.task, question, answer if isinstance(answer, tuple) else (answer,))
        self._keep(inputs, [one[0].tolist() for one in found])
        return found

    def _kept(self, question: Difference, answer: Sequence[Any]) -> Sequence[Tensor]:
        """An answer that was given before; the task may have been changed since."""
        try:
            return checked_answer(self.task, question, answer)
        except TaskError as error:
            raise RunError(
                str(self.path),
                expected="results of this task",
                got=f"{answer!r:.60}",
                remedy=ANSWERS.remedy,
            ) from error

    def _keep(self, inputs: list[Any], results: list[Any] | None) -> None:
        """Note an answer; none where the input is not meant."""
        self._known.append(_Answer(inputs, results))
        if self.path is not None:
            write_sealed_json(self.path, asdict(_Kept(self._known)), ANSWERS)


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
            got=f"{[*answer]!r:.80}",
            remedy="return integers or lists of them, a tuple where there are several results",
        ) from error


def _check_range(task: Task, question: Difference, found: Sequence[Tensor]) -> None:
    """Raise where a result is none that the model could give."""
    integers = [int(one) for tensor in found for one in tensor.reshape(-1)]
    for (site, size), integer in zip(question.sizes.items(), integers, strict=True):
        if not 0 <= integer < size:
            raise TaskError(
                f"task {task.name}, oracle, {site}",
                expected=f"a result in 0..{size - 1}",
                got=str(integer),
                remedy="correct the oracle",
            )
