"""Independent pieces of work on several processes: the same results, errors, and ends as in one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
import torch

from ntpt_pyro.errors import DataError, UsageError
from ntpt_pyro.inference.work import side_by_side
from ntpt_pyro.inference.work.side_by_side import WorkerError, each, in_parallel
from ntpt_pyro.inference.work.workers import MOST_JOBS, Workers, cores, threads_for
from tests.inference.work.units import (
    about,
    beating,
    deadly,
    drawn,
    killed_once,
    still_beats,
    wait_for,
    wrong,
)

TWO = Workers(2)
GONE = 15.0
"""Seconds by which workers have ended whose work is given up."""


def test_results_are_bit_for_bit_those_of_one_process_in_their_order():
    serial = in_parallel(drawn, range(4))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = in_parallel(drawn, range(4), workers=TWO)
        each_with = in_parallel(about, range(5), workers=TWO)
        offset = 10
        local = in_parallel(lambda number: number + offset, range(3), workers=TWO)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(found, serial, strict=True))
    squares, processes, of_each = zip(*each_with, strict=True)
    assert squares == (0, 1, 4, 9, 16)
    assert os.getpid() not in processes
    assert set(of_each) == {1}
    assert local == [10, 11, 12]


def test_one_process_or_one_piece_starts_no_other():
    assert {process for _, process, _ in in_parallel(about, range(3))} == {os.getpid()}
    assert [process for _, process, _ in in_parallel(about, [3], workers=Workers(8))] == [os.getpid()]
    assert in_parallel(about, [], workers=TWO) == []


def test_a_piece_is_begun_when_it_is_asked_for():
    begun = []
    results = each(begun.append, range(3))
    next(results)
    assert begun == [0]
    results.close()


@pytest.mark.parametrize("workers", [Workers(), TWO], ids=["one", "two"])
def test_an_error_says_of_which_piece_it_is(workers):
    message = "^seed 1, digits: expected some, got none; give some$"
    with pytest.raises(DataError, match=message) as error:
        in_parallel(wrong, range(2), workers=workers, names=["seed 0", "seed 1"])
    assert error.value.where == "seed 1, digits"
    with pytest.raises(DataError, match=r"^digits: "):
        in_parallel(wrong, range(2), workers=workers)


def test_a_mistake_of_ours_says_where_in_the_worker_it_was():
    with pytest.raises(ZeroDivisionError, match="by zero") as error:
        in_parallel(wrong, [0, 2], workers=TWO)
    assert 'raise ZeroDivisionError("by zero")' in "".join(error.value.__notes__)


def test_what_a_worker_that_died_had_to_do_is_done_again(tmp_path):
    assert in_parallel(killed_once, [(tmp_path, n) for n in range(3)], workers=TWO) == [0, 1, 2]
    assert (tmp_path / "killed").exists()


def test_a_piece_that_kills_every_worker_is_given_up_and_takes_none_before_it_along():
    with closing(each(deadly, range(4), workers=TWO, names=["a", "b", "c", "d"])) as results:
        assert next(results) == 0
        with pytest.raises(WorkerError, match=r"^b: expected workers that live until it is done, got one "):
            next(results)


def test_closed_early_the_rest_is_given_up(tmp_path):
    results = each(beating, [(tmp_path, n) for n in range(3)], workers=TWO)
    assert next(results) == 0
    wait_for(tmp_path)
    results.close()
    assert not still_beats(tmp_path)


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in its background
from pathlib import Path
from ntpt_pyro.inference.work.side_by_side import in_parallel
from ntpt_pyro.inference.work.workers import Workers
from tests.inference.work.units import beating
try:
    in_parallel(beating, [(Path(sys.argv[1]), 1), (Path(sys.argv[1]), 2)], workers=Workers(2))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize(("way", "says"), [(signal.SIGINT, "interrupted\n"), (signal.SIGKILL, "")])
def test_interrupted_or_killed_no_worker_stays(tmp_path, way, says):
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(tmp_path)
        process.send_signal(way)
        printed, complaints = process.communicate(timeout=60)
    assert printed == says
    assert way == signal.SIGKILL or complaints == ""
    until = time.monotonic() + GONE
    while still_beats(tmp_path):
        assert time.monotonic() < until


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jobs": 0}, "jobs: expected a whole number of at least 1 and at most 1,024, got 0; give how many"),
        ({"jobs": -2}, "jobs: expected a whole number of at least 1 and at most 1,024, got -2"),
        ({"jobs": MOST_JOBS + 1}, "jobs: expected a whole number of at least 1 and at most 1,024, got 1,025"),
        ({"jobs": 2, "cluster": "tcp://here:1"}, "jobs: expected jobs or a cluster, whose workers are"),
        ({"cluster": " "}, "cluster: expected the address of a Dask scheduler, got none; name it"),
    ],
)
def test_who_works_is_checked(given, message):
    with pytest.raises(UsageError, match=message):
        Workers(**given)


def test_workers_are_never_more_than_pieces_and_share_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores() == 8
    assert Workers(-1).count(units=100) == 8
    assert Workers(100).count(units=3) == 3
    assert [threads_for(workers, 4) for workers in (1, 2, 4, 8, 16)] == [4, 4, 2, 1, 1]


@pytest.fixture
def interrupted(monkeypatch):
    """An interrupt while workers begin."""
    begin = side_by_side._parallel

    def begun(*given):
        signal.raise_signal(signal.SIGINT)
        return begin(*given)

    monkeypatch.setattr(side_by_side, "_parallel", begun)


@pytest.mark.usefixtures("interrupted")
def test_an_interrupt_while_workers_begin_waits_until_they_have(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            in_parallel(beating, [(tmp_path, n) for n in range(2)], workers=TWO)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert not still_beats(tmp_path)


@pytest.mark.usefixtures("interrupted")
def test_an_interrupt_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert in_parallel(abs, [-1, 2], workers=TWO) == [1, 2]
    finally:
        signal.signal(signal.SIGINT, before)
