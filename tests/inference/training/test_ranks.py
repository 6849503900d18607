"""Processes that search together."""

import pytest
import torch.distributed as dist

from ntpt_pyro.errors import NtptError, UsageError
from ntpt_pyro.inference import sharing_restarts
from ntpt_pyro.inference.training.ranks import Ranks, alone, ranks_now, share_of
from tests.inference.training.shared_problem import refused
from tests.several_ranks import in_ranks


@pytest.mark.parametrize(("restarts", "size"), [(16, 3), (2, 2), (7, 7), (1024, 8)])
def test_each_restart_has_one_process(restarts, size):
    parts = [Ranks(number, size).part(restarts) for number in range(size)]
    assert [row for part in parts for row in part.rows] == list(range(restarts))
    assert max(part.size for part in parts) - min(part.size for part in parts) <= 1
    owners = [Ranks(0, size).owner(restart, restarts) for restart in range(restarts)]
    assert owners == [number for number, part in enumerate(parts) for _ in part.rows]


def as_rank(monkeypatch, number, size, port):
    variables = {"RANK": number, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


def test_a_single_process_shares_nothing(monkeypatch):
    as_rank(monkeypatch, 0, 1, port=1)
    with sharing_restarts() as ranks:
        assert (ranks, ranks_now(), share_of(16)) == (None, None, None)
        assert not dist.is_initialized()
        with alone():
            assert ranks_now() is None


def test_others_that_are_not_to_be_reached(monkeypatch):
    as_rank(monkeypatch, 1, 2, port="no")
    told = "ranks: expected processes that reach each other, got .*; start all of them by torchrun"
    with pytest.raises(UsageError, match=told), sharing_restarts():
        pass


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("few", "restarts: expected at least 3, one for each rank, got 2; take more"),
        ("disagree", "rank 1, seed: expected 0, as rank 0, got 1; give all ranks the same options"),
        ("first", "run: expected a file, got none; look for it"),
    ],
)
def test_all_processes_are_told_the_same(what, message):
    errors = in_ranks(3, refused, what)
    assert all(isinstance(error, NtptError) for error in errors), errors
    assert len({str(error) for error in errors}) == 1
    assert str(errors[0]).startswith(message)
