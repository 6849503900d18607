"""What a compiled program text comes to, and which strategies are within reach: nothing is learned."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Any

import torch

from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.induce import settled_settings
from ntpt_pyro.runs.libraries import library_of
from ntpt_pyro.runs.methods.method import Work
from ntpt_pyro.runs.restart_costs import bytes_a_restart
from ntpt_pyro.runs.strategy_reach import Reach, reach_of_strategies
from ntpt_pyro.tasks.text_task import TextTask
from ntpt_pyro.terpret import TerpretModel


@dataclass(frozen=True)
class Parameters:
    """Parameters of one name.

    :param name: in the text.
    :param count: how many there are.
    :param ranges: the smallest and the largest of their ranges.
    :param decided: how many the text decides itself.
    """

    name: str
    count: int
    ranges: tuple[int, int]
    decided: int


@dataclass(frozen=True)
class TextCheck:
    """A compiled text.

    :param text: name of its file.
    :param setting: of hypers, that it is learned under.
    :param compared: results of compiled text and interpreter that are the same.
    :param parameters: by name.
    :param log_programs: the decimal logarithm of how many joint settings the parameters have.
    :param statements: that it unrolls to.
    :param products: that it unrolls to.
    :param levels: of variables that are computed one after the other.
    :param instances: that it is learned from.
    :param observed: outputs that these give, of how many.
    :param restarts: that are trained at once.
    :param memory: bytes that training takes for each of them.
    :param strategies: which are within reach.
    """

    text: str
    setting: str
    compared: int
    parameters: list[Parameters]
    log_programs: float
    statements: int
    products: int
    levels: int
    instances: int
    observed: str
    restarts: int
    memory: int
    strategies: list[Reach]


def check_text(task: TextTask, library: Library | None, changes: Mapping[str, Any]) -> TextCheck:
    """Compare a compiled text with its interpreter, and say what it costs.

    :param task: the text with its instances.
    :param library: functions to begin with.
    :param changes: settings that were given.
    :returns: what it comes to.
    :raises TaskError: where compiled text and interpreter differ.
    """
    compared = task.check()
    _, settings = settled_settings(task, None, changes, library)
    examples, model = task.draw(1, torch.Generator()), task.train.model
    work = Work(task, settings, library_of(task, library, settings.seed), examples, examples, examples)
    memory = bytes_a_restart(work, "relaxed")
    return TextCheck(
        text=model.source.name,
        setting=task.train.hypers,
        compared=compared,
        parameters=_parameters(model),
        log_programs=sum(log10(cell.size) for cell in model.open),
        statements=model.statements,
        products=model.terms,
        levels=model.levels,
        instances=len(examples),
        observed=task.observed_in_words,
        restarts=settings.restarts,
        memory=memory,
        strategies=reach_of_strategies(work, model, memory),
    )


def _parameters(model: TerpretModel) -> list[Parameters]:
    found = []
    for name in dict.fromkeys(cell.declared.name for cell in model.params):
        cells = [cell for cell in model.params if cell.declared.name == name]
        sizes = [cell.size for cell in cells]
        decided = sum(cell in model.constants for cell in cells)
        found.append(Parameters(name, len(cells), (min(sizes), max(sizes)), decided))
    return found
