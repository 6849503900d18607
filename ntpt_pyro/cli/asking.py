"""A person as the oracle of a solver: shown an input and two results, asked which is right."""

import json
import re
from typing import TYPE_CHECKING, Any

from ntpt_pyro.errors import NtptError
from ntpt_pyro.report.plain_console import print_line
from ntpt_pyro.report.solved_report import print_question
from ntpt_pyro.runs.answers import NOT_MEANT, SeesQuestion, checked_answer
from ntpt_pyro.runs.solved import question_of

if TYPE_CHECKING:
    from rich.console import Console

    from ntpt_pyro.inference.solver.differences import Difference
    from ntpt_pyro.tasks.task import Task

PROMPT = "a: as this program, b: as the other one, the right result, s: skip this input, nothing: stop > "
NAME = re.compile(r"[A-Za-z_]\w* *= *")
"""What a result may be written behind, as it is shown."""


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
        print_line(self.console, "\nwhich result is right?")
        print_question(self.console, question_of(self.task, question))
        shown = {"a": question.expected, "b": question.other}
        while True:
            try:
                said = input(PROMPT).strip()
            except EOFError:
                return None
            if not said:
                return None
            if said == "s":
                return NOT_MEANT
            if said in shown:
                return tuple(one[0].tolist() for one in self.task.result_tensors(shown[said]))
            try:
                answer = json.loads(f"[{NAME.sub('', said)}]")
                checked_answer(self.task, question, answer)
            except (ValueError, NtptError):
                form = NAME.sub("", self.task.result_words(question.expected))
                print_line(self.console, f"not a result; one is written like  {form}")
                continue
            return tuple(answer)
