"""Training never imports torch's compiler, and Adam is torch's."""

import subprocess
import sys

import pytest
import torch

from ntpt_pyro.inference.training.without_compiler import Adam

TRAINS = """
import sys
import pyro
import torch
from ntpt_pyro import choice, observe
from ntpt_pyro.inference import exact_posterior, fit


def model(bits):
    bit = choice("bit", 2)
    with pyro.plate("examples", len(bits)):
        observe("result", bit, bits)


data = (torch.tensor([1, 1]),)
for compile in ("none", "jit"):
    fit(model, data, restarts=2, steps=8, compile=compile)
exact_posterior(model, data)
print("torch._dynamo" in sys.modules)
"""


def test_training_imports_no_compiler():
    done = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("fused", [False, True])
def test_adam_is_torchs_to_the_last_bit(fused):
    found = []
    for kind in (Adam, torch.optim.Adam):
        torch.manual_seed(0)
        first, second = (torch.randn(3, requires_grad=True) for _ in range(2))
        adam = kind([first], lr=0.1, fused=fused)
        adam.add_param_group({"params": [second], "lr": 0.01})
        for step in range(5):
            if step == 3:  # goes on from its state
                state = adam.state_dict()
                adam = kind([{"params": [first]}, {"params": [second]}], fused=fused)
                adam.load_state_dict(state)
            adam.zero_grad()
            ((first * second) ** 2).sum().backward()
            adam.step()
        found.append((first, second, adam.state_dict()["state"]))
    (first, second, state), (theirs, others, kept) = found
    assert torch.equal(first, theirs)
    assert torch.equal(second, others)
    assert all(torch.equal(state[n][name], kept[n][name]) for n in (0, 1) for name in kept[n])
