"""``ntpt``: finds the command that is called for, and tells what goes wrong in one line; a place in a program
text is shown below it.

Only the command that is called for is imported: `ntpt --help` must not wait for torch.
"""

import importlib
import os
import re
import sys
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any

from ntpt_pyro.cli import streams
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

NO_MEMORY = (
    "memory: expected what fits this machine, got more; take fewer restarts, examples or smaller batches"
)
UNUSABLE = "see that it is there, may be read or written, and has room"
"""What to do about a file or a folder."""
NO_ROOM = re.compile(r"allocate memory|enough memory|out of memory", re.IGNORECASE)
"""What torch says, on either device."""
COMPLETION = ("--install-completion", "--show-completion")
"""Options that let a shell complete what is typed, or print what does."""
COMPLETES = "_NTPT_COMPLETE"
"""The variable of the environment by which a shell asks for what a line may be gone on to."""
WRONG, INTERRUPTED = 2, 130
"""Exit codes: of a mistake in what was given, and of a program that was interrupted, as shells have it."""


def main() -> None:
    """Run the command line, and end the process."""
    streams.make_safe()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if streams.speaks():
            streams.say("interrupted; a run with --out goes on with --resume")
        code = INTERRUPTED
    except BrokenPipeError:  # the reader went away, as `| head` does
        streams.drop(sys.stdout.fileno())
        code = 0
    except Exception as error:
        told = None if debug else _of_the_user(error)
        if told is None:
            raise
        streams.say(told, error.excerpt if isinstance(error, TerpretError) else "")
        code = WRONG
    streams.end(code)


def _run(arguments: list[str]) -> int:
    """Run a command; gives the exit code."""
    name, *rest = arguments or ["--help"]
    if name in COMPLETION or COMPLETES in os.environ:
        from ntpt_pyro.cli.completion import complete

        return complete(arguments)
    if name in ("--help", "-h", "help"):
        print(_help())
        return 0 if arguments else WRONG
    if name == "--version":
        print(f"ntpt_pyro {version('ntpt-pyro')}")
        return 0
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1)
        remedy = f"did you mean `ntpt {near[0]}`?" if near else "see ntpt --help"
        raise UsageError("command", expected=f"one of {', '.join(COMMANDS)}", got=repr(name), remedy=remedy)
    module = importlib.import_module(f"ntpt_pyro.cli.{name}_command")
    import typer
    from typer.main import get_command

    command = get_command(module.app)
    try:
        with command.make_context(f"ntpt {name}", rest) as context:
            command.invoke(context)
    except typer.Exit as ended:
        return int(ended.exit_code)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.TyperException as error:
        streams.say(_meant(error, command) or f"{error.format_message()} (see ntpt {name} --help)")
        return WRONG
    return 0


def _meant(error: Exception, command: Any) -> str:
    """What is said of an option that there is not, where others end as it does: --choice-lr for --lr."""
    given = str(getattr(error, "option_name", "")).lstrip("-")
    words = [word for option in command.params for word in option.opts]
    none = given and f"--{given}" not in words
    meant = [word for word in words if none and word.endswith(f"-{given}")]
    return f"No such option: --{given}; did you mean {' or '.join(meant)}?" if meant else ""


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
            "  --install-completion lets your shell complete commands, options and names",
            "",
            "exit codes: 0 done; 2 something that was given is wrong, and one line says what;",
            "  130 interrupted; 1 a mistake in ntpt itself, with a traceback",
        ]
    )


def _of_the_user(error: Exception) -> str | None:
    """An error that is no bug of ours, in one line; None where it is one."""
    if isinstance(error, NtptError):
        return str(error)
    if isinstance(error, OSError):
        got = f"{error.strerror or error}".lower()
        return f"{error.filename or 'file'}: expected one that can be used, got {got}; {UNUSABLE}"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and NO_ROOM.search(str(error))):
        return NO_MEMORY
    files = sys.modules.get("ntpt_pyro.tasks.user_files")
    told = files.told_in_a_line(error) if files is not None else None
    return None if told is None else str(told)
