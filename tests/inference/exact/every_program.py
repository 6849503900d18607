"""Brute force: every joint setting of a model's choices run by itself, and a posterior setting by setting."""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from ntpt_pyro.inference import ForwardMarginals
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import example_log_likelihoods

AT_ONCE = 2**20
"""Programs times examples that run at a time."""
ATOL = 1e-5
"""How far probabilities and the log-evidence may be off: values that agree in 21 bits are taken for equal."""


@dataclass(frozen=True)
class EveryProgram:
    """All joint settings of the choices, numbered with the last choice fastest.

    :param sizes: of the choices.
    :param log_likelihoods: ``[settings]``.
    """

    sizes: dict[str, int]
    log_likelihoods: torch.Tensor

    def log_joint(self, prior=None):
        """``log p(program, data)``, under probabilities of each choice's alternatives."""
        shape = [*self.sizes.values()]
        total = torch.zeros(shape, dtype=torch.float64)
        for place, (site, size) in enumerate(self.sizes.items()):
            probs = (prior or {}).get(site, [1 / size] * size)
            probs = torch.as_tensor(probs, dtype=torch.float64)
            total = total + probs.log().reshape([size if axis == place else 1 for axis in range(len(shape))])
        return total.flatten() + self.log_likelihoods

    def marginals(self, probs):
        """By site the probability of each integer."""
        table = probs.reshape([*self.sizes.values()])
        return {
            site: table.movedim(place, 0).reshape(size, -1).sum(-1)
            for place, (site, size) in enumerate(self.sizes.items())
        }

    def program(self, number):
        """A setting by its number."""
        return dict(zip(self.sizes, map(int, np.unravel_index(number, [*self.sizes.values()])), strict=True))


def every_program(model, data) -> EveryProgram:
    """Run every joint setting of a model's choices, summed over examples in float64."""
    sites = model_sites(model, *(tensor[:1] for tensor in data)).choices
    sizes = {name: site.size for name, site in sites.items()}
    number = len(data[0])
    found = []
    for some in torch.arange(prod(sizes.values())).split(max(1, AT_ONCE // number)):
        columns = np.unravel_index(some.numpy(), [*sizes.values()]) if sizes else ()
        programs = {s: torch.from_numpy(c) for s, c in zip(sizes, columns, strict=True)}
        with torch.no_grad():
            each = example_log_likelihoods(with_choices(model, programs, sizes, ForwardMarginals()), data)
        found.append(each.double().expand(len(some), number).sum(-1))
    return EveryProgram(sizes, torch.cat(found))


def settings_of(posterior):
    """The joint settings that a posterior's programs are: number, program and probability of each."""
    rows = np.arange(posterior.programs())
    probs = posterior.log_probs.exp().numpy()
    numbers = np.zeros(len(rows), dtype=np.int64)
    for site, size in posterior.sizes.items():
        column = posterior.columns[site].numpy()[rows]
        free = column < 0
        rows = np.concatenate([rows[~free], np.repeat(rows[free], size)])
        prior = np.tile(posterior.unused[site].numpy(), int(free.sum()))
        integers = np.concatenate([column[~free], np.tile(np.arange(size), int(free.sum()))])
        before = np.concatenate([numbers[~free], np.repeat(numbers[free], size)])
        probs = np.concatenate([probs[~free], np.repeat(probs[free], size) * prior])
        numbers = before * size + integers
    return numbers, rows, probs


def agrees(posterior, brute, prior=None, atol=ATOL):
    """Check that a posterior that dropped nothing is that of brute force, setting by setting."""
    log_joint = brute.log_joint(prior)
    expected = log_joint.softmax(0)
    assert posterior.sizes == brute.sizes
    assert abs(posterior.log_evidence - float(log_joint.logsumexp(0))) < atol
    numbers, _, probs = settings_of(posterior)
    assert len(np.unique(numbers)) == len(numbers), "cubes are disjoint"
    every = np.zeros(len(expected))
    every[numbers] = probs
    assert np.abs(every - expected.numpy()).max() < atol
    for site, wanted in brute.marginals(expected).items():
        assert (posterior.marginals[site] - wanted).abs().max() < atol
