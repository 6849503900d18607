"""Completion in a shell: of commands, options, and names of tasks and strategies, by what typer has for that.

A shell calls ``ntpt`` with a variable of the environment set whenever the tabulator is pressed, so nothing
here may wait for torch.
"""

import importlib
import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ntpt_pyro.cli.main import COMMANDS, COMPLETES, COMPLETION
from ntpt_pyro.errors import UsageError

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


class Commands(TyperGroup):
    """All commands; one is imported only where its own options are asked for."""

    named = False
    """Whether it is their names that are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands.

        :param ctx: of the line.
        :returns: these.
        """
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command.

        :param ctx: of the line.
        :param cmd_name: its name.
        :returns: it; where names are asked for one that has only its help; None where there is none.
        """
        if cmd_name not in COMMANDS:
            return None
        if self.named:
            return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name])
        return get_command(importlib.import_module(f"ntpt_pyro.cli.{cmd_name}_command").app)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """What the first word may be gone on to.

        :param ctx: of the line.
        :param incomplete: what is typed.
        :returns: what typer hands to the shell.
        """
        self.named = True
        return super().shell_complete(ctx, incomplete)


app = typer.Typer(cls=Commands, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def ntpt(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """The options of ``ntpt`` itself; see :func:`~ntpt_pyro.cli.main.main` for what it does."""


def complete(arguments: Sequence[str]) -> int:
    """Answer a shell, install what asks, or print that.

    :param arguments: of ``ntpt``; where a shell asks, they are in the environment.
    :returns: the exit code.
    :raises UsageError: where there is no such shell.
    """
    words = list(arguments)
    if len(words) > 1 and words[0] in COMPLETION:
        return _for_shell(words[0], words[1])
    try:
        get_command(app).main(words, prog_name="ntpt", complete_var=COMPLETES)
    except SystemExit as ended:
        if not ended.code or COMPLETES in os.environ:  # fish asks by exit codes
            return int(ended.code or 0)
        named = " or ".join(f"{words[0]} {shell}" for shell in SHELLS[:3])
        raise UsageError(words[0], expected="a shell", got="none that is known", remedy=named) from ended
    return 0


def _for_shell(option: str, shell: str) -> int:
    """The same for a shell that is named, where it is not the one that this runs in."""
    of_typer: Any = importlib.import_module("typer.completion")

    if shell not in SHELLS:
        raise UsageError(option, expected=f"one of {', '.join(SHELLS)}", got=repr(shell), remedy="pick one")
    if option == "--show-completion":
        print(of_typer.get_completion_script(prog_name="ntpt", complete_var=COMPLETES, shell=shell))
        return 0
    _, file = of_typer.install(shell=shell, prog_name="ntpt", complete_var=COMPLETES)
    print(f"completion for {shell} is in {file}; begin a new shell to use it")
    return 0
