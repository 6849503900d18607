"""The task of a Turing machine's text, learned by the model of :mod:`ntpt_pyro.models.turing_machine`."""

import torch

from ntpt_pyro import Task
from ntpt_pyro.language.program import Program
from ntpt_pyro.models.turing_machine import turing_machine
from ntpt_pyro.tasks.text_task import TextTask


def joint_task(text: TextTask, hypers: dict[str, int]) -> Task:
    """A task with the parameters of a text of the Turing machine, its instances and its judge.

    :param text: of the machine, with its instances.
    :param hypers: that it was compiled for.
    :returns: the same task of the model below.
    """
    instances = text.train.instances
    tapes = torch.tensor([one["initial_tape"] for one in instances])
    results = torch.tensor([[*one["final_tape"], one["final_halted"]] for one in instances])
    model = turing_machine(**hypers)

    def execute(program: Program, tape: list[int]) -> dict[str, int]:
        found = text.train.model.run(program, {"initial_tape": tape})
        outputs = [*found["final_tape"], found["final_halted"]]
        return {f"seen_at_the_end_{number}": value for number, value in enumerate(outputs)}

    def right(program: Program) -> bool:
        return text.right(program) is True

    defaults, name = text.defaults, f"{text.name}-joint"
    return Task(model, (tapes, results), execute=execute, judge=right, name=name, defaults=defaults)
