"""What a search found whose restarts were shared among processes, in each of them."""

import torch

from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.ranks import Share
from ntpt_pyro.inference.training.shared_steps import OF_LOGITS
from ntpt_pyro.language.library import Library


def whole_guide(share: Share, guide: ChoiceGuide) -> ChoiceGuide:
    """The guide of the restarts of all processes.

    :param share: of this process.
    :param guide: of its restarts.
    :returns: a new guide, the same in all processes.
    """
    with torch.random.fork_rng(devices=[]):  # a guide draws what it begins with
        whole = guide.take(torch.zeros(share.part.whole, dtype=torch.long))
    logits = whole.logits()
    for site, own in guide.logits().items():
        logits[site].copy_(share.whole(own, OF_LOGITS))
    return whole


def library_of_best(share: Share, library: Library, best: int) -> Library:
    """The networks of one restart.

    :param share: of this process.
    :param library: a copy for each of its restarts, or networks that all restarts share.
    :param best: the number of the restart among all.
    :returns: its networks, the same in all processes; the library itself where all restarts share it.
    """
    if library.copies is None:
        return library
    owner = share.ranks.owner(best, share.part.whole)
    here = best - share.part.start if owner == share.ranks.number else 0
    alone = library.take(torch.tensor([here]))
    weights = {name: one.detach().cpu() for name, one in alone.state_dict().items()}
    alone.load_state_dict(share.ranks.of(owner, weights))
    return alone
