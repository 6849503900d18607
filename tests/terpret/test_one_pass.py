"""All variables in one pass: the values of the levels bit for bit, and their gradients."""

from pathlib import Path

import pyro
import pytest
import torch

from ntpt_pyro.inference import marginal
from ntpt_pyro.terpret import load, text_model
from tests.terpret.test_ways import CONDITIONAL, NESTED

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
TURING = (TEXTS / "turing.terpret").read_text(encoding="utf-8")
CIRCUIT = (TEXTS / "circuit.terpret").read_text(encoding="utf-8")
MODELS = {
    "turing": (TURING, {"tape_length": 3, "symbols": 3, "states": 2, "steps": 4}),
    "circuit": (CIRCUIT, {"inputs": 1, "wires": 2, "gates": 2, "outputs": 1}),
    "conditional": (CONDITIONAL, {}),
    "nested": (NESTED, {}),
}


def run(model, logits, data):
    """Outputs, and the gradients of a number made of them."""
    for one in logits.values():
        one.grad = None
    params = {site: one.softmax(-1) for site, one in logits.items()}
    outputs = marginal()(pyro.poutine.condition(model, data=params))(*data)
    weighted = [(value * torch.arange(1.0, 1 + value.shape[-1])).sum() ** 2 for value in outputs.values()]
    torch.stack(weighted).sum().backward()
    return outputs, {site: one.grad.clone() for site, one in logits.items()}


@pytest.mark.parametrize("name", MODELS)
def test_one_pass_is_the_levels(name, monkeypatch):
    text, hypers = MODELS[name]
    model = load(text, name, hypers)
    source = torch.Generator().manual_seed(0)
    logits = {
        cell.site: torch.randn(3, 1, cell.size, generator=source).requires_grad_() for cell in model.params
    }
    data = [
        *(torch.randint(0, one.size, (4, *one.dims), generator=source) for one in model.inputs),
        *[None] * len(model.outputs),
    ]
    one_pass, gradients = run(model, logits, data)
    monkeypatch.setattr(text_model, "_marginals", lambda given: False)
    by_levels, wanted = run(model, logits, data)
    for site, value in by_levels.items():
        assert torch.equal(one_pass[site], value)
    for site, gradient in wanted.items():
        torch.testing.assert_close(gradients[site], gradient, atol=1e-6, rtol=1e-4)
        assert gradient.isfinite().all()


def test_gradients_are_those_of_differences():
    model = load(NESTED, "nested", {})
    source = torch.Generator().manual_seed(1)
    values = [torch.randn(cell.size, generator=source) for cell in model.params]

    def outputs(*logits):
        params = {
            cell.site: one.softmax(-1).to(torch.float32)
            for cell, one in zip(model.params, logits, strict=True)
        }
        found = marginal()(pyro.poutine.condition(model, data=params))(*[None] * len(model.outputs))
        return torch.cat([value.reshape(-1) for value in found.values()]).double()

    leaves = [value.double().requires_grad_() for value in values]
    assert torch.autograd.gradcheck(outputs, leaves, eps=1e-3, atol=1e-3, rtol=1e-2)
