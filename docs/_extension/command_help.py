"""The commands' own help as a part of a page: what each takes, from the options that it declares."""

import importlib
import re
from typing import Any

import typer.main

from ntpt_pyro.cli.main import COMMANDS


def all_commands() -> str:
    """Every command with its arguments and options, as a part of a Markdown page.

    :returns: MyST text.
    """
    return "\n\n".join(one_command(name) for name in COMMANDS)


def one_command(name: str) -> str:
    """A command: its usage, what it does, and a table of what it takes."""
    module = importlib.import_module(f"ntpt_pyro.cli.{name}_command")
    command = typer.main.get_command(module.app)
    context = command.make_context(f"ntpt {name}", [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [row(parameter) for parameter in command.params]
    return "\n".join(
        [
            f"## ntpt {name}",
            "",
            f"```text\nntpt {name} {usage}\n```",
            "",
            paragraphs(command.help or ""),
            "",
            "| option | what it is | default |",
            "| --- | --- | --- |",
            *(one for one in rows if one),
        ]
    )


def paragraphs(text: str) -> str:
    """A command's help as Markdown."""
    return text.replace("\f", "").strip()


def row(parameter: Any) -> str:
    """A row of the table: an argument or an option, its help and its default."""
    if parameter.hidden or parameter.name == "help":
        return ""
    kind = getattr(parameter.type_descriptor.annotation, "__name__", "").removesuffix("Path") or "path"
    if parameter.param_type_name == "argument":
        names = f"`{parameter.name}`"
    else:
        value = "" if parameter.is_flag else f" {parameter.metavar or f'<{kind}>'}"
        names = ", ".join(f"`{one}{value}`" for one in (*parameter.opts, *parameter.secondary_opts))
    told, _, default = (parameter.help or "").partition("[default: ")
    default = default.rstrip().removesuffix("]")
    if parameter.envvar:
        told += f" (or the environment's `{parameter.envvar}`)"
    if not default and parameter.default not in (None, False, ()) and not callable(parameter.default):
        default = str(parameter.default)
    if default and " " not in default:
        default = f"`{default}`"
    needed = "required" if parameter.required else default
    return f"| {names} | {cell(told)} | {needed} |"


def cell(text: str) -> str:
    """A text within a table; options that it names are code."""
    text = re.sub(r"(?<![`\w-])(--[a-z][\w-]*)", r"`\1`", text)
    return " ".join(text.replace("|", "\\|").split())
