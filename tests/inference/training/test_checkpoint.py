"""States as files."""

import torch

from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint


def test_a_checkpoint_keeps_the_shape_of_a_state(tmp_path):
    state = {
        "a/b": {"c": torch.arange(3), "d": {}},
        "n": [1, 2.5, None, "text"],
        "t": {"u": torch.tensor(1.5)},
    }
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, state, {"seed": 0})
    found = load_checkpoint(path, {"seed": 0})
    assert torch.equal(found.pop("random"), torch.get_rng_state())
    assert torch.equal(found["a/b"].pop("c"), state["a/b"].pop("c"))
    assert torch.equal(found["t"].pop("u"), state["t"].pop("u"))
    assert found == state
