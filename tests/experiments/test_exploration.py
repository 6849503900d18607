"""What exploration brings: the ways that are compared, and the models that they are compared on."""

import json
import math
from dataclasses import asdict, replace

import pytest
import torch

from ntpt_pyro.experiments import exploration
from ntpt_pyro.experiments.exploration import _loop
from ntpt_pyro.experiments.gradient_noise import GradientNoise
from ntpt_pyro.experiments.parity_chain import ChainWay, chain, learn_chain
from ntpt_pyro.inference import Training, marginal
from tests.inference.training.reader import problem
from tests.pages import ROOT


def test_everything_is_measured_by_one_command(tmp_path, monkeypatch):
    for slow in ("_of_decrement", "_of_loop"):
        monkeypatch.setattr(exploration, slow, lambda folder: [])
    ways = {name: replace(way, steps=2) for name, way in exploration.CHAINS.items()}
    monkeypatch.setattr(exploration, "CHAINS", ways)
    out = tmp_path / "out.json"
    exploration.main(["--restarts=2", "--steps=1", "--chain-restarts=2", "--bits=4", f"--out={out}"])
    found = json.loads(out.read_text())
    ways = found["tasks"]["full adder"]
    assert ways["as it is"]["settings"] == {}
    assert {one["right"]["trials"] for one in ways.values()} == {2}
    assert all(one["seconds"] > 0 for one in ways.values())
    assert [one["bits"] for one in found["chains"]] == [4] * len(exploration.CHAINS)


@pytest.mark.parametrize("bits", [2, 4])
def test_the_hidden_bits_explain_a_chain_and_no_others_do(bits):
    hidden = torch.randint(2, (bits,))
    seen = hidden[1:] ^ hidden[:-1], hidden[:1]
    for program in torch.cartesian_prod(*[torch.arange(2)] * bits):
        training = Training(chain, seen, strategy=marginal(), kl=0.0)
        training.guide.logits()["bit"].copy_(50.0 * torch.eye(2)[program])
        assert (training.learn(*seen) < 1e-3) == torch.equal(program, hidden)


def test_falling_weights_find_a_chain_that_restarts_miss():
    plain = learn_chain(16, ChainWay(steps=600), restarts=10)
    falling = learn_chain(16, ChainWay(steps=600, kl_start=2.5), restarts=10)
    assert plain.right.successes < 8
    assert falling.right.successes == 10
    assert falling.xors_right.min == 1


def test_noise_is_added_to_the_gradient_of_choices_alone():
    model, library, examples = problem()
    training = Training(model, examples, strategy=marginal(), restarts=2, library=library)
    noise = GradientNoise(0.5, examples=40)
    noise(training)
    (logits,) = training.guide.parameters()
    torch.manual_seed(3)
    (logits * 0).sum().backward()
    torch.manual_seed(3)
    expected = 40 * math.sqrt(0.5) * torch.randn_like(logits)
    torch.testing.assert_close(logits.grad, expected)
    assert all(not parameter._backward_hooks for parameter in library.parameters())


def test_a_larger_loop_has_more_lines(tmp_path):
    for lines in (4, 6):
        task = _loop(lines, tmp_path)
        choices = task.alternatives(None, task.draw(9, torch.Generator()))
        assert len(choices) == 3 * lines
        assert len(task.lines(dict.fromkeys(choices, 0))) == lines
        assert task.check()


PAGE = ROOT / "docs" / "results" / "why_gradients_miss.md"
RECORDED = ROOT / "experiments" / "results" / "exploration" / "cpu.json"


def share(rate):
    low, high = rate["interval"]
    return f"{rate['successes']} of {rate['trials']} ({low:.0%} to {high:.0%})"


def rows(recorded):
    """The rows of the page's tables."""
    for ways in recorded["tasks"].values():
        for name, one in ways.items():
            equal = one["at_equal_cost"]["successes"]
            yield f"| {name} | {share(one['right'])} | {equal} | {one['seconds']:.0f} s |"
    for one in recorded["chains"]:
        (name,) = [name for name, way in exploration.CHAINS.items() if asdict(way) == one["way"]]
        xors, right = one["xors_right"], one["right"]
        yield (
            f"| {one['bits']:,} | {name} | {xors['median']:.1%} ({xors['min']:.1%} to {xors['max']:.1%}) "
            f"| {share(right)} | {one['seconds']:.0f} s |"
        )


def test_the_figures_of_the_page_are_the_recorded_ones():
    page = PAGE.read_text(encoding="utf-8").splitlines()
    recorded = list(rows(json.loads(RECORDED.read_text(encoding="utf-8"))))
    assert len(recorded) == 7 + 12 + 8 + 3 * len(exploration.CHAINS)
    assert [line for line in page if line in recorded] == recorded
