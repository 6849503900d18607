"""Restarts that processes share: the same as in one process."""

from functools import cache

import pytest
import torch

from ntpt_pyro.errors import DivergenceError, RunError
from tests.inference.training.shared_problem import STEPS, all_trained, trained
from tests.several_ranks import in_ranks

ROUNDING = 1e-9
"""Sums over restarts are added up in another order; in double precision, after a dozen steps."""
WAYS = {
    "shared networks": {},
    "recorded steps": {"compile": "jit"},
    "clipped": {"clip_norm": 0.05},
    "averaged": {"averaging": 0.9},
    "own networks": {"copies": True},
    "own networks, clipped": {"copies": True, "clip_norm": 0.05},
    "relaxed": {"temperature": 0.5},
    "relaxed, recorded": {"temperature": 0.5, "compile": "jit"},
}


@cache
def shared():
    """What two processes find in each of the ways, 2 restarts and 1."""
    return in_ranks(2, all_trained, list(WAYS.values()))


@pytest.mark.parametrize("way", WAYS)
def test_processes_find_what_one_finds(way):
    alone = trained(**WAYS[way])
    for rank in shared():
        assert not isinstance(rank, Exception), rank
        torch.testing.assert_close(rank[list(WAYS).index(way)], alone, rtol=0, atol=ROUNDING)


def test_weights_are_those_among_all_restarts():
    """A gradient that each process weighted among its own restarts would be another one."""
    alone, uniform = trained(), trained(sharpness=0.0)
    assert (alone["weights"] - uniform["weights"]).abs().max() > 1e3 * ROUNDING


def test_a_process_ends_and_all_go_on_from_the_checkpoint(tmp_path):
    alone = trained(temperature=0.5)
    kept = tmp_path / "kept.safetensors"
    way = {"temperature": 0.5, "checkpoint": kept}
    told, ended = in_ranks(2, all_trained, [{**way, "at": (STEPS // 2, "end")}])
    assert ended is None
    assert isinstance(told, RunError)
    assert "ranks: expected all processes at work, got one that has ended" in str(told)
    assert kept.exists()
    for rank in in_ranks(2, all_trained, [way]):
        torch.testing.assert_close(rank[0], alone, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("copies", [False, True])
def test_other_numbers_of_processes_go_on(tmp_path, copies):
    alone = trained(copies=copies)
    kept = tmp_path / "kept.safetensors"
    way = {"copies": copies, "checkpoint": kept}
    in_ranks(2, all_trained, [{**way, "steps": 5}])
    three = in_ranks(3, all_trained, [{**way, "steps": 9}])
    assert [len(rank[0]["losses"]) for rank in three] == [9] * 3
    torch.testing.assert_close(trained(**way), alone, rtol=0, atol=ROUNDING)


def test_a_loss_that_is_not_finite_ends_all_alike():
    errors = in_ranks(2, all_trained, [{"at": (3, "spoil")}])
    assert all(isinstance(error, DivergenceError) for error in errors), errors
    assert {str(error) for error in errors} == {
        "step 3, site 'flip': expected a finite loss, got NaN or infinity; lower the learning rates, set a "
        "clip norm, or check the data; the last checkpoint is unharmed"
    }
