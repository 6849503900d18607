"""A person as the oracle of a solver: shown an input and two results, asked which is right."""

import json
from typing import TYPE_CHECKING, Any

from ntpt_pyro.report.solved_report import print_question
from ntpt_pyro.runs.answers import SeesQuestion
from ntpt_pyro.runs.solved import question_of

if TYPE_CHECKING:
    from rich.console import Console

    from ntpt_pyro.inference.solver.differences import Difference
    from ntpt_pyro.tasks.task import Task

PROMPT = "1: this program's, 2: the other's, or the right result; nothing: ask no more > "


class Person(SeesQuestion):
    """Asks on the console.

    :param task: whose inputs are asked about.
    :param console: where to.
    """

    def __init__(self, task: "Task", console: "Console") -> None:
        self.task = task
        self.console = console

    def __call__(self, question: "Difference") -> Any:
        """See :class:`~ntpt_pyro.runs.answers.SeesQuestion`."""
        self.console.print("\nwhich result is right?")
        print_question(self.console, question_of(self.task, question))
        shown = {"1": question.expected, "2": question.other}
        while True:
            try:
                said = input(PROMPT).strip()
            except EOFError:
                return None
            if not said:
                return None
            if said in shown:
                return tuple(one[0].tolist() for one in self.task.result_tensors(shown[said]))
            try:
                return tuple(json.loads(f"[{said}]"))
            except ValueError:
                self.console.print("that is no number, nor lists of them")
