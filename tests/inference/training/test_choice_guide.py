"""The guide that is made from a model's choices."""

import torch

from ntpt_pyro.inference import Restarts, marginal
from tests.inference.tiny import READ_ONCE, data


def guide_of(size):
    return marginal().guide(Restarts(size)(READ_ONCE.model), *data())


def test_the_guide_of_some_restarts_keeps_their_logits_in_order():
    guide = guide_of(4)
    taken = guide.take(torch.tensor([2, 0]))
    for site, logits in taken.logits().items():
        torch.testing.assert_close(logits, guide.logits()[site][[2, 0]])
    assert taken.programs() == 6


def test_a_guide_is_set_to_marginals_none_of_them_zero():
    guide = guide_of(2)
    guide.believe({"by": torch.tensor([1.0, 0.0, 0.0]), "flip": torch.tensor([0.5, 0.5])}, least=0.1)
    found = guide.probabilities()
    for restart in range(2):
        torch.testing.assert_close(found["by"][restart, 0], torch.tensor([10.0, 1.0, 1.0]) / 12)
        torch.testing.assert_close(found["flip"][restart, 0], torch.tensor([0.5, 0.5]))
