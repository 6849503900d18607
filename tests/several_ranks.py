"""Runs a function in several processes that form a group of torch's, as ``torchrun`` would start them."""

import os
import pickle
import socket
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import wait

import torch

SECONDS = 120
"""After which processes that hang are ended."""


def in_ranks(size, function, *args):
    """What a function gives in each process, or the error that it raises there; None where one just ends.

    Processes come from one that has imported torch already.

    :param size: processes.
    :param function: in a module that they can import.
    :param args: that it is given.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["ntpt_pyro.runs.induce"])
    told = (_free_port(), torch.get_default_dtype(), function, args)
    ends, processes = {}, []
    for number in range(size):
        here, there = context.Pipe(duplex=False)
        processes.append(context.Process(target=_work, args=(there, number, size, *told)))
        processes[-1].start()
        there.close()
        ends[here] = number
    found = [None] * size
    try:
        while ends:
            ready = wait(list(ends), timeout=SECONDS)
            assert ready, f"ranks {sorted(ends.values())} hang"
            for end in ready:
                with suppress(EOFError):
                    found[ends[end]] = pickle.loads(end.recv_bytes())
                del ends[end]
    finally:
        for process in processes:
            process.join(0 if ends else SECONDS)
            process.kill()
    return found


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _work(end, number, size, port, dtype, function, args):
    os.environ |= {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    torch.set_default_dtype(dtype)
    try:
        found = function(*args)
    except Exception as error:
        found = error
    end.send_bytes(pickle.dumps(found))  # torch's own way to send tensors ends with the process
