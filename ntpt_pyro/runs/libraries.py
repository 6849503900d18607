"""The library that a run begins with: that of another run, what the task lacks added."""

from copy import deepcopy

import torch

from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.chosen_networks import chosen_between
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import Task


def library_of(task: Task, library: Library | None, seed: int) -> Library:
    """The functions to begin with.

    :param task: the task.
    :param library: those of another run, which stays as it is; None begins with none.
    :param seed: of new weights.
    :returns: a library that has what the task needs, on torch's default device.
    :raises LibraryError: where a function does not fit the task.
    """
    full = Library(seed=seed) if library is None else deepcopy(library).to(torch.get_default_device())
    for function in task.functions:
        full.ensure(function)
    return full


def check_chosen_networks(task: Task, library: Library, examples: Examples) -> None:
    """Refuse two untrained functions that a choice of the program chooses between.

    :param task: the task.
    :param library: the functions.
    :param examples: of which a few are looked at.
    :raises LibraryError: where there are such: they would be learned as one that cannot be split apart (Gaunt
        et al. 2017, section 4.1).
    """
    untrained = [name for name, steps in library.steps.items() if not steps]
    if len(untrained) < 2:
        return
    chooses = task.chooses
    if chooses is None:
        chooses = chosen_between(task.with_library(library), examples.tensors, untrained)
    if chooses:
        library.check_one_untrained()
