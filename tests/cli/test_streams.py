"""Whatever the streams are, closed, narrow or read by one who goes away, a command does its work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ntpt_pyro.cli import streams
from ntpt_pyro.cli.main import NO_MEMORY

ROOT = Path(__file__).parents[2]
SHOWS = """
import sys
from ntpt_pyro.cli import main as cli
import ntpt_pyro.cli.tasks_command as command

def show():
    from ntpt_pyro.report.plain_console import bar_of, plain_console, print_line
    console = plain_console()
    print_line(console, "name  naïve \\u2588 [red] :smile: [/x] " + "word " * 30)
    print_line(console, bar_of(console) * 3)
    for _ in range(20000):
        print("line")

command.app.registered_commands[0].callback = show
sys.argv = ["ntpt", "tasks"]
cli()
"""
"""A command that prints what is hard to print."""


def shell(line: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; PYTHON={sys.executable}; {line}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "SHOWS": SHOWS, **environment},
    )


@pytest.mark.parametrize(
    "streams_of_it", ["| head -1", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&1 | head -c 1"]
)
def test_a_stream_that_is_closed_or_left_is_no_mistake(streams_of_it):
    done = shell(f'"$PYTHON" -c "$SHOWS" {streams_of_it}')
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("streams_of_it", ["2>&-", ">&- 2>&-", "2>/dev/full", ">&-"])
def test_a_mistake_has_its_exit_code_though_nobody_reads_of_it(streams_of_it):
    done = shell(f'"$PYTHON" -m ntpt_pyro nothing {streams_of_it}')
    assert done.returncode == 2
    assert done.stderr.count("\n") == (streams_of_it == ">&-")


def test_a_full_disk_is_one_line():
    done = shell('"$PYTHON" -c "$SHOWS" > /dev/full')
    told = "ntpt: file: expected one that can be used, got no space left on device; see that it is there"
    assert (done.returncode, done.stderr) == (2, f"{told}, may be read or written, and has room\n")


@pytest.mark.parametrize("columns", ["0", "1", "20", "80", "²", "9" * 5000, ""])
def test_any_width_will_do(columns):
    done = shell('"$PYTHON" -c "$SHOWS"', COLUMNS=columns)
    assert (done.returncode, done.stderr) == (0, "")
    assert " ".join(done.stdout.split()).startswith("name naïve █ [red] :smile: [/x] word word")
    if columns in ("0", "1", "20"):
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_any_encoding_will_do():
    done = shell('"$PYTHON" -c "$SHOWS"', PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"name  na\xefve \u2588 [red] :smile: [/x] word")
    assert "\n###\n" in done.stdout


def test_what_a_terminal_would_obey_is_written_out(ntpt):
    code, printed, error = ntpt("\x1b[31mred\nsecond")
    assert (code, printed) == (2, "")
    assert error.count("\n") == 1
    assert "\x1b" not in error


def test_memory_that_is_not_there_is_one_line(ntpt, monkeypatch):
    import ntpt_pyro.tasks.registry as registry

    for error in (
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA out of memory. Tried to allocate"),
    ):

        def stop(*_, error=error, **__):
            raise error

        monkeypatch.setattr(registry, "find_task", stop)
        assert ntpt("learn", "add2x2/top") == (2, "", f"ntpt: {NO_MEMORY}\n")


def test_open_streams_stay_what_they_are(capsys):
    before = (sys.stdin, sys.stdout, sys.stderr)
    streams.make_safe()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
