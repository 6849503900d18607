"""The standard streams, which may be closed, narrow in what they can write, or read by one who goes away."""

import os
import sys
import time
from contextlib import suppress
from io import TextIOWrapper

from ntpt_pyro.errors import printable

PATIENCE = 10.0
"""Seconds that other ranks wait before they say what is wrong."""


def make_safe() -> None:
    """Let nothing that is written fail: closed streams lead nowhere, and no encoding lacks a letter.

    A letter that an encoding does not have is written as an escape.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed; the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # until the end
        elif isinstance(stream, TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")


def end(code: int) -> None:
    """End the process; what cannot be written any more, because nobody reads it, is dropped.

    :param code: the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            drop(stream.fileno())
    sys.exit(code)


def drop(number: int) -> None:
    """Let a stream lead nowhere, so that the interpreter can flush it when it ends.

    :param number: of the stream.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def speaks() -> bool:
    """Whether this process prints what is found: all but the other ranks of ``torchrun``."""
    return "MASTER_ADDR" not in os.environ or os.environ.get("RANK", "0") == "0"


def say(line: str, excerpt: str = "") -> None:
    """Say what is wrong, in one line that can be printed.

    Another rank waits before it does: where the first one says the same torchrun ends the others first.

    :param line: the message.
    :param excerpt: lines that are shown below it.
    """
    if not speaks():
        time.sleep(PATIENCE)
    with suppress(OSError):  # nobody reads it
        print("ntpt:", printable(" ".join(line.split())), file=sys.stderr)
        for shown in excerpt.splitlines():
            print(f"    {printable(shown)}", file=sys.stderr)
