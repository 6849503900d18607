"""Pieces of work on a local cluster of several processes; left out where Dask is not installed."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
import torch

from ntpt_pyro.errors import DataError, UsageError
from ntpt_pyro.inference import exact_posterior
from ntpt_pyro.inference.exact import pass_in_parts
from ntpt_pyro.inference.work import cluster as clusters
from ntpt_pyro.inference.work.cluster import ClusterError
from ntpt_pyro.inference.work.side_by_side import WorkerError, each, in_parallel
from ntpt_pyro.inference.work.workers import Workers
from tests.inference.exact.shared_models import data, lines
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

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs ntpt-pyro[dask]; left out"
)
GONE = 15.0
"""Seconds by which workers have stopped whose work is given up."""


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed")
    few = importlib.import_module("dask").config.set({"distributed.scheduler.allowed-failures": 1})
    with (
        few,
        distributed.LocalCluster(
            processes=True, n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as local,
    ):
        yield Workers(cluster=local.scheduler_address)


@pytest.fixture
def processes(tmp_path):
    """Starts parts of a cluster, each a process of its own that a test may kill."""
    file = tmp_path / "scheduler.json"

    def start(stack, part, *words):
        command = [sys.executable, "-m", "distributed.cli.dask_" + part, *words]
        process = subprocess.Popen(
            [*command, "--scheduler-file", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        return process

    with ExitStack() as stack:
        scheduler = start(stack, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        worker = start(stack, "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")
        until = time.monotonic() + 60
        while not (file.exists() and file.read_text()):
            assert time.monotonic() < until, "no scheduler has started"
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        yield address, scheduler, worker, lambda: start(stack, "worker", "--nthreads", "1", "--no-nanny")


@needs_dask
def test_results_are_bit_for_bit_those_of_this_process_in_their_order(cluster):
    assert all(map(torch.equal, in_parallel(drawn, range(4), workers=cluster), map(drawn, range(4))))
    squares, processes, threads = zip(*in_parallel(about, range(6), workers=cluster), strict=True)
    assert squares == (0, 1, 4, 9, 16, 25)
    assert os.getpid() not in processes
    assert set(threads) == {torch.get_num_threads()}


@needs_dask
def test_an_exact_search_has_the_posterior_of_this_process(cluster, monkeypatch):
    monkeypatch.setattr(pass_in_parts, "MANY", 2)
    monkeypatch.setattr(pass_in_parts, "PAYS", 0)
    one, other = (exact_posterior(lines, data(8), workers=who).posterior for who in (Workers(), cluster))
    assert other.log_evidence == pytest.approx(one.log_evidence, abs=1e-6)
    assert other.programs() == one.programs()


@needs_dask
def test_an_error_says_of_which_piece_it_is(cluster):
    with pytest.raises(DataError, match=r"^seed 1, digits: expected some, got none; give some$"):
        in_parallel(wrong, range(2), workers=cluster, names=["seed 0", "seed 1"])


@needs_dask
def test_what_is_given_up_stops_though_nothing_kills_it(cluster, tmp_path):
    results = each(beating, [(tmp_path, n) for n in range(3)], workers=cluster)
    assert next(results) == 0
    wait_for(tmp_path)
    results.close()
    until = time.monotonic() + GONE
    while still_beats(tmp_path):
        assert time.monotonic() < until
    assert in_parallel(about, [2], workers=cluster)[0][0] == 4  # and the worker goes on


@needs_dask
def test_what_a_worker_that_died_had_to_do_is_done_again(cluster, tmp_path, capsys):
    found = in_parallel(killed_once, [(tmp_path, n) for n in range(3)], workers=cluster, label="three pieces")
    assert found == [0, 1, 2]
    assert (tmp_path / "killed").exists()
    assert "three pieces: 100%" in capsys.readouterr().err


@needs_dask
def test_a_piece_that_kills_every_worker_is_given_up(cluster):
    with pytest.raises(WorkerError, match="b: expected workers that live until it is done, got one "):
        in_parallel(deadly, range(2), workers=cluster, names=["a", "b"])


@needs_dask
def test_a_scheduler_that_dies_is_told_in_a_line(processes, tmp_path):
    address, scheduler, *_ = processes
    results = each(beating, [(tmp_path, n) for n in range(3)], workers=Workers(cluster=address))
    assert next(results) == 0
    wait_for(tmp_path)
    scheduler.send_signal(signal.SIGKILL)
    told = f"^cluster: expected a scheduler that lives until .*, got none any more at {address}; .* --resume$"
    began = time.monotonic()
    with pytest.raises(ClusterError, match=told):
        next(results)
    assert time.monotonic() - began < GONE


@needs_dask
def test_that_no_worker_is_left_is_said_once_and_another_goes_on(processes, tmp_path, capsys):
    address, _, worker, another = processes
    results = each(beating, [(tmp_path, n) for n in range(2)], workers=Workers(cluster=address))
    assert next(results) == 0
    wait_for(tmp_path)
    worker.kill()
    until, told = time.monotonic() + 60, ""
    while "cluster" not in told:
        assert time.monotonic() < until
        time.sleep(0.1)
        told += capsys.readouterr().err
    expected = "expected at least one worker, got none any more; the work waits for one"
    assert told == f"ntpt: cluster: {expected}: dask worker {address} --nthreads 1\n"
    assert not still_beats(tmp_path, seconds=3 * clusters.LOOK)
    another()
    until = time.monotonic() + 60
    while not still_beats(tmp_path):
        assert time.monotonic() < until
    results.close()
    assert capsys.readouterr().err == ""


@needs_dask
def test_workers_of_several_threads_are_refused():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0", silence_logs=50
        ) as local,
        pytest.raises(
            UsageError, match=r"cluster: expected workers of one thread each.* got one with 2; start"
        ),
    ):
        in_parallel(about, range(2), workers=Workers(cluster=local.scheduler_address))


@needs_dask
@pytest.mark.parametrize("address", ["closed", "nonsense", "foo://127.0.0.1:1"])
def test_an_address_without_a_cluster_is_told_at_once(address):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}" if address == "closed" else address
        began = time.monotonic()
        with pytest.raises(UsageError, match=f"cluster: expected a Dask scheduler at {address} that answers"):
            in_parallel(about, range(2), workers=Workers(cluster=address))
        assert time.monotonic() - began < 4 * clusters.PATIENCE


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"cluster: expected dask and .* pip install 'ntpt-pyro\[dask\]'"):
        in_parallel(about, range(2), workers=Workers(cluster="tcp://127.0.0.1:8786"))
