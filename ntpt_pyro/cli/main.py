"""``ntpt``: finds the command that is called for, and tells what goes wrong in one line; a place in a program
text is shown below it.

Only the command that is called for is imported: `ntpt --help` must not wait for torch.
"""

import importlib
import os
import sys
from difflib import get_close_matches
from importlib.metadata import version

from ntpt_pyro.errors import NtptError, TerpretError, UsageError

COMMANDS = {
    "learn": "learn a task's program, and its networks, from examples alone",
    "show": "show a finished run: its program, its posterior, how well it does",
    "evaluate": "run a learned program on one input, step by step",
    "posterior": "find the exact posterior over all programs of a task",
    "tasks": "list the tasks and the strategies that there are",
    "terpret": "learn the parameters of a program text in TerpreT",
    "restarts": "measure how often restarts find a right program, by strategy",
    "lifelong": "live lifetimes of eight tasks (the paper's Figures 6 and 7)",
    "generalize": "try models of MATH on expressions of every length (Figure 8)",
}
"""Every command, with what it does; its module is ``ntpt_pyro.cli.NAME_command``."""

INTERRUPTED = 130
"""The exit code of a program that was interrupted, as shells have it."""


def main() -> None:
    """Run the command line, and end the process."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    try:
        sys.exit(_run(arguments))
    except NtptError as error:
        if debug:
            raise
        _fail(str(error), error.excerpt if isinstance(error, TerpretError) else "")
    except KeyboardInterrupt:
        _fail("interrupted; a run with --out goes on with --resume", code=INTERRUPTED)
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except Exception as error:
        told = None if debug else _of_the_user(error)
        if told is None:
            raise
        _fail(told)


def _run(arguments: list[str]) -> int:
    """Run a command; gives the exit code."""
    name, *rest = arguments or ["--help"]
    if name in ("--help", "-h", "help"):
        print(_help())
        return 0 if arguments else 2
    if name == "--version":
        print(f"ntpt_pyro {version('ntpt-pyro')}")
        return 0
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        remedy = f"did you mean `ntpt {near[0]}`?" if near else "see ntpt --help"
        raise UsageError("ntpt", expected=f"one of {', '.join(COMMANDS)}", got=repr(name), remedy=remedy)
    command = importlib.import_module(f"ntpt_pyro.cli.{name}_command")
    import typer

    try:
        code = command.app(args=rest, prog_name=f"ntpt {name}", standalone_mode=False) or 0
    except typer.TyperException as error:
        _fail(f"{error.format_message()} (see ntpt {name} --help)")
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    if code == INTERRUPTED:  # what typer makes of an interrupt
        raise KeyboardInterrupt
    return int(code)


def _help() -> str:
    """What `ntpt --help` prints."""
    width = max(map(len, COMMANDS)) + 2
    rows = [f"  {name:<{width}}{about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "usage: ntpt COMMAND ...",
            "",
            "Learn programs with neural libraries, and look at what was learned.",
            "",
            *rows,
            "",
            "  ntpt COMMAND --help  tells more      ntpt --version  prints the version",
            "  --debug              shows an error with all that led to it",
        ]
    )


def _of_the_user(error: Exception) -> str | None:
    """An error from a user's own task file in one line; None where it is not from there."""
    files = sys.modules.get("ntpt_pyro.tasks.user_files")
    told = files.told_in_a_line(error) if files is not None else None
    return None if told is None else str(told)


def _fail(message: str, excerpt: str = "", *, code: int = 2) -> None:
    print("ntpt:", " ".join(message.split()), file=sys.stderr)
    for line in excerpt.splitlines():
        print(f"    {line}", file=sys.stderr)
    sys.exit(code)
