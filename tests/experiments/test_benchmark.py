"""The benchmark compares like with like: the hand-written step computes what the package does."""

import json
from functools import partial

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.experiments import benchmark, handwritten
from ntpt_pyro.inference import Restarts, marginal
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0


@pytest.mark.parametrize("restarts", [1, 3])
def test_the_hand_written_step_has_the_packages_loss_and_gradients(restarts):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(5, 4, 28, 28, generator=generator)
    sums = torch.randint(19, (5,), generator=generator)
    library, strategy = Library([net_0]), marginal(kl=0.3)
    plate = Restarts(restarts, sharpness=0.0)
    program = plate(partial(add2x2, library=library))
    guide = strategy.guide(program, images, sums)
    loss = strategy.elbo(2).differentiable_loss(strategy(program), strategy(guide), images, sums)
    (mine,) = torch.autograd.grad(loss, list(guide.parameters()), retain_graph=True)
    mine_net = torch.autograd.grad(loss, list(library.parameters()))

    logits = {site: values.clone().requires_grad_() for site, values in guide.logits().items()}
    net = handwritten.network()
    with torch.no_grad():
        for theirs, ours in zip(net.parameters(), library.parameters(), strict=True):
            theirs.copy_(ours.T if ours.shape[0] > 1 else ours[0])
    add, moves = handwritten.tables()
    by_hand = handwritten.loss(logits, net, images.reshape(-1, 784), sums, add, moves, kl=0.3)
    torch.testing.assert_close(loss, by_hand)
    theirs = torch.autograd.grad(by_hand, [*logits.values(), *net.parameters()])
    sites = len(logits)
    torch.testing.assert_close(mine, torch.cat(theirs[:sites], -1), rtol=1e-4, atol=1e-6)
    for ours, other in zip(mine_net, theirs[sites:], strict=True):
        # Equal weights of the restarts: the package takes their mean where a plain sum is taken by hand.
        expected = (other.T if other.ndim == 2 else other.unsqueeze(0)) / restarts
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_it_prints_a_table_and_writes_what_it_printed(tmp_path, capsys):
    threads = torch.get_num_threads()
    recorded = benchmark.main(["--smoke", "--out", str(tmp_path / "b.json")])
    assert json.loads((tmp_path / "b.json").read_text()) == recorded
    assert torch.get_num_threads() == threads
    assert recorded["command"] == "python -m ntpt_pyro.experiments.benchmark --rounds 200 --out OUT --smoke"
    printed = capsys.readouterr().out
    for name in ("networks", "hand-written, R=1", "marginal unrecorded, R=1", "turing invert, R=1"):
        assert name in recorded["median_milliseconds"]
        assert name in printed
    assert "marginal R=1 / hand-written R=1" in recorded["ratios"]
    assert "marginal R=32 / marginal R=1" not in recorded["ratios"]
