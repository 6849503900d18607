"""The networks that restarts learn with: one set for each of them, or one for all."""

from copy import deepcopy

import torch

from ntpt_pyro.inference.training.ranks import share_of
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.methods.method import Work, untrained


def library_for(work: Work, seed: int) -> Library:
    """The networks that restarts learn with; those of the work stay as they are.

    :param work: what is given.
    :param seed: of new weights.
    :returns: a copy of each network for each restart where one that is needed is untrained, else copies that
        all restarts share. Where processes share restarts, copies for those of this process: the same as one
        process would give them.
    """
    library, settings = work.library, work.settings
    own = settings.own_networks and bool(untrained(work.task, library)) and settings.restarts > 1
    mine = library.copied(settings.restarts, seed) if own else deepcopy(library)
    if own and (share := share_of(settings.restarts)) is not None:
        mine = mine.take(torch.tensor(share.part.rows), as_copies=True)
    protect_trained(mine)
    return mine


def protect_trained(library: Library) -> None:
    """Leave trained networks as they are while it is open which one a program calls.

    :param library: several networks; a single one learns, whatever it has learned before.
    """
    if len(library) > 1:
        library.teach(name for name, taught in library.steps.items() if not taught)
