"""What each of several processes does in tests of shared restarts; in a module, so that they find it."""

import os

import torch

from ntpt_pyro.errors import RunError
from ntpt_pyro.inference import fit, marginal, relaxed, sharing_restarts
from ntpt_pyro.inference.training.ranks import ranks_now, share_of
from ntpt_pyro.inference.training.restart_search import judge
from ntpt_pyro.inference.training.whole_search import library_of_best, whole_guide
from tests.inference.training.reader import problem

RESTARTS = 3
STEPS = 12


def trained(*, copies=False, temperature=None, checkpoint=None, at=None, **settings):
    """Train restarts, those of this process; gives what all of them found, as numbers.

    :param copies: whether each restart has networks of its own.
    :param temperature: of relaxed samples; else choices are at their means.
    :param checkpoint: a file that the first process keeps.
    :param at: what the second process does after a step: its number, and "end" or "spoil".
    :param settings: of steps.
    """
    with sharing_restarts() as ranks:
        share = share_of(RESTARTS)
        model, library, data = problem()
        if copies:
            its_own = library.copied(RESTARTS, seed=3)
            library.net = (its_own if share is None else its_own.take(_rows(share), as_copies=True)).net
        strategy = marginal() if temperature is None else relaxed(temperature)
        training = fit(
            model,
            data,
            strategy=strategy,
            restarts=RESTARTS,
            library=library,
            batch_size=8,
            callbacks=[] if at is None else [_accident(*at)],
            checkpoint=checkpoint if ranks is None or ranks.first else None,
            **{"steps": STEPS, "compile": "none", "checkpoint_every": 4, **settings},
        )
        return _found(model, library, data, strategy, training)


def all_trained(ways):
    """Train in several ways, one after the other.

    :param ways: arguments of :func:`trained`.
    """
    with sharing_restarts():
        return [trained(**way) for way in ways]


def refused(what):
    """What cannot be shared.

    :param what: it.
    """
    with sharing_restarts() as ranks:
        if what == "few":
            share_of(1 + (ranks.size > 2))
        elif what == "disagree":
            ranks.check_same({"task": "sums", "seed": ranks.number})
        elif what == "first":
            ranks.of_first(_lost)


def _lost():
    raise RunError("run", expected="a file", got="none", remedy="look for it")


def _found(model, library, data, strategy, training):
    share, guide = training.share, training.guide
    verdict = judge(model, strategy, guide, data, restarts=training.restarts.size, share=share)
    if share is None:
        best = library.take(torch.tensor([verdict.best]))
    else:
        guide, best = whole_guide(share, guide), library_of_best(share, library, verdict.best)
    return {
        "losses": torch.tensor(training.losses),
        "logits": guide.logits()["flip"],
        "weights": torch.cat([one.detach().flatten() for one in best.parameters()]),
        "best": torch.tensor([verdict.best]),
        "programs": verdict.programs["flip"],
        "log-likelihood": torch.tensor(verdict.log_likelihood),
    }


def _rows(share):
    return torch.tensor(share.part.rows)


def _accident(step, what):
    """A callback by which the second process ends, or what it learned is spoiled."""

    def happen(training):
        ranks = ranks_now()
        if ranks is None or ranks.number != 1 or training.step != step:
            return
        if what == "end":
            os._exit(1)
        with torch.no_grad():
            training.guide.logits()["flip"].fill_(torch.nan)

    return happen
