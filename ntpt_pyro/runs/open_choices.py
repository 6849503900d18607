"""The text of a program that leaves choices open: what it does not read may be anything."""

from collections.abc import Collection
from dataclasses import replace

import torch

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.tasks.task import Task

ANY = "any"
"""What stands for a choice that is left open."""


def lines_of(task: Task, program: Program, posterior: Posterior | None) -> list[Line]:
    """The text of a program, in which a choice that it does not read is :data:`ANY`.

    Only lines that say one choice, ``name = word``, can say that.

    :param task: whose program it is.
    :param program: every choice's integer by site; of one that is left open, some integer.
    :param posterior: that it is of; one that runs programs knows what they leave open.
    :returns: the lines.
    """
    free = left_open(posterior, program)
    return [_opened(task, line, program, free) for line in task.lines(program)]


def left_open(posterior: Posterior | None, program: Program) -> set[str]:
    """The choices that a program does not read.

    :param posterior: that it is of.
    :param program: every choice's integer by site.
    :returns: their names; none where it is not known.
    """
    if not isinstance(posterior, ProgramPosterior) or not posterior.columns:
        return set()
    fits = torch.stack([
        torch.where(column < 0, posterior.unused[site].argmax(), column) == program[site]
        for site, column in posterior.columns.items()
    ])  # fmt: skip
    ranks = fits.all(0).nonzero()
    if not len(ranks):
        return set()
    return {site for site, column in posterior.columns.items() if column[ranks[0]] < 0}


def _opened(task: Task, line: Line, program: Program, free: Collection[str]) -> Line:
    """A line, where its only choice is left open without its integer."""
    if len(line.sites) != 1 or line.sites[0] not in free:
        return line
    site = line.sites[0]
    start, sign, word = line.text.rpartition(" = ")
    if not sign or word != task.word(site, program[site]):
        return line
    return replace(line, text=f"{start} = {ANY}", sites=())
