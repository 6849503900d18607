"""Where a command puts what it finds: printed for people, as JSON, drawn to a file, logged, or nowhere."""

import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from functools import wraps
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ntpt_pyro.cli.options import Command, new_file, path_option, with_parameters
from ntpt_pyro.errors import UsageError

if TYPE_CHECKING:  # heavy; imported where something is found
    from rich.console import Console

    from ntpt_pyro.inference import Callback
    from ntpt_pyro.inference.posterior.posterior import Posterior
    from ntpt_pyro.runs.history import Snapshots
    from ntpt_pyro.runs.results import ProgramResult, Result
    from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration

Kind = TypeVar("Kind", bound="Result")
PAGES = (".html", ".htm", "")
"""Endings of a page; another is of something else, which it would take the place of."""
FILES = (".json", ".log", ".txt", ".csv")
"""Endings that no folder has."""


@dataclass(frozen=True)
class Outputs:
    """Where what is found goes, beside the folder of a run.

    :param plot: a file that the posterior is drawn to.
    :param html: a file that the page of the run is written to.
    :param log: a file of JSON lines, or a folder for TensorBoard, that training is logged to.
    :param json: print one JSON document and nothing else.
    :param quiet: print nothing but errors.
    """

    plot: Path | None = None
    html: Path | None = None
    log: Path | None = None
    json: bool = False
    quiet: bool = False

    def check(self, out: Path | None, *, asks: bool = False) -> None:
        """Check, before any work is done, that somebody will see what is found.

        :param out: the folder that a run is kept in.
        :param asks: whether a person is asked on the way.
        :raises UsageError: where nobody would, a person could not be asked, a file is no picture or no page,
            or two are one.
        """
        if self.quiet and out is None and not (self.json or any(self._files())):
            raise UsageError(
                "--quiet",
                expected="--out, --json, --plot or --html with it",
                got="none of them, and what is found would be lost",
                remedy="add one",
            )
        if asks and (self.json or self.quiet):
            raise UsageError(
                "--ask", expected="to print questions", got="--json or --quiet", remedy="leave that out"
            )
        if self.plot is not None:
            from ntpt_pyro.report.figure_files import format_of

            format_of(self.plot)
        if self.html is not None and self.html.suffix not in PAGES:
            raise UsageError(
                str(self.html),
                expected="a page's ending, .html",
                got=self.html.suffix,
                remedy="rename the file",
            )
        given = {"--plot": self.plot, "--html": self.html, "--log": self.log}
        for (one, file), (other, same) in combinations(given.items(), 2):
            if file is not None and same is not None and file.resolve() == same.resolve():
                raise UsageError(
                    other, expected=f"another file than {one} writes", got=str(same), remedy="name another"
                )

    def _files(self) -> list[Path | None]:
        """The files of what is found; a log is of the way only."""
        return [self.plot, self.html]

    @property
    def progress(self) -> bool:
        """Whether progress bars are shown: to a person, not to a file."""
        return not self.quiet and sys.stderr.isatty()

    def console(self) -> "Console":
        """Where to print what is for people; beside JSON that is standard error."""
        from ntpt_pyro.report.plain_console import plain_console

        if self.quiet:
            return plain_console(StringIO())
        return plain_console(sys.stderr if self.json else None)

    def loggers(self, *, anew: bool) -> "list[Callback]":
        """What logs a training.

        :param anew: whether a log that is there is of an earlier run, whose place this one takes.
        :returns: callbacks.
        :raises UsageError: where the file holds something else, or a package is missing.
        """
        if self.log is None:
            return []
        from ntpt_pyro.inference import JsonLines, TensorBoard

        if self.log.suffix == ".jsonl":
            return [JsonLines(self.log, anew=anew)]
        if self.log.suffix in FILES:
            raise UsageError(
                "--log",
                expected="FILE.jsonl, or a folder for TensorBoard",
                got=str(self.log),
                remedy=f"name it {self.log.with_suffix('.jsonl')}",
            )
        return [TensorBoard(self.log)]

    def draw(self, result: "ProgramResult", posterior: "Posterior", snapshots: "Snapshots") -> None:
        """Write the files that are asked for.

        :param result: of a run.
        :param posterior: of its choices.
        :param snapshots: of their marginals while they were trained.
        """
        if self.plot is not None:
            from ntpt_pyro.report.posterior_figure import draw_posterior

            draw_posterior(result, posterior, self.plot, snapshots=snapshots)

    def tell(self, result: Kind, printed: "Callable[[Console, Kind], None]", kept: str) -> None:
        """Print the result of an experiment.

        :param result: the result.
        :param printed: prints it for people.
        :param kept: where it is kept, in words.
        """
        from ntpt_pyro.report.plain_console import print_line

        if self.json:
            print_json(content_of(result))
            return
        printed(console := self.console(), result)
        print_line(console, f"kept in {kept}", whole=True)

    def print_files(self, console: "Console") -> None:
        """Say which files were written.

        :param console: where to.
        """
        from ntpt_pyro.report.plain_console import print_line

        if self.log is not None:
            print_line(console, f"logged to {self.log}", style="dim", whole=True)
        if self.plot is not None:
            print_line(console, f"drawn to {self.plot}", style="dim", whole=True)
        if self.html is not None:
            print_line(console, f"the page is {self.html}", style="dim", whole=True)


OPTIONS: Mapping[str, Any] = {
    "plot": Annotated[Path | None, path_option("also draw the posterior to a file", parser=new_file)],
    "html": Annotated[
        Path | None,
        path_option("also write a page that plays the program, to a file for any browser", parser=new_file),
    ],
    "log": Annotated[
        Path | None,
        path_option("log every training step: to a FILE.jsonl as JSON, to any other name for TensorBoard"),
    ],
    "json": Annotated[
        bool, typer.Option("--json", help="print one JSON document, with the keys of result.json")
    ],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="print nothing but errors, no progress")],
}
"""By field the option that sets it."""


def with_outputs(*names: str, about: Mapping[str, str] | None = None) -> Callable[[Command], Command]:
    """Give a command the options of :class:`Outputs`, which it takes as ``outputs``.

    :param names: fields that it has an option for.
    :param about: what the help says where it is something else than usual.
    :returns: a decorator for the command.
    """
    return lambda command: _with_options(command, names, about or {})


def _with_options(command: Command, names: Sequence[str], about: Mapping[str, str]) -> Command:
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "outputs"]
    defaults = {one.name: one.default for one in fields(Outputs)}
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=_option(name, about.get(name)),
        )
        for name in names
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        found = Outputs(**{name: given.pop(name) for name in names})
        command(**given, outputs=found)

    return with_parameters(run, [*own, *added])


def _option(name: str, about: str | None) -> Any:
    """An option, with another help where there is one."""
    if about is None:
        return OPTIONS[name]
    option = copy(OPTIONS[name].__metadata__[0])
    option.help = about
    return Annotated[OPTIONS[name].__origin__, option]


def print_json(content: Any) -> None:
    """Print one JSON document.

    :param content: what json can write.
    """
    print(json.dumps(content, indent=2, allow_nan=False))


def content_of(result: "Result") -> dict[str, Any]:
    """A result as it is in result.json.

    :param result: of a run.
    :returns: what JSON can hold, with its format and its kind.
    """
    from ntpt_pyro._files import RUN

    return {"format": RUN.name, **result.to_json()}


def steps_of(shown: "Demonstration") -> dict[str, Any]:
    """One run of a program as JSON can hold it.

    :param shown: the run.
    :returns: what was read, the steps, a column a key, the result and whether it is right.
    """
    return {
        "before": list(shown.before),
        "steps": [dict(zip(shown.columns, row, strict=True)) for row in shown.steps],
        "what": shown.what,
        "result": shown.result,
        "truth": shown.truth,
        "right": shown.right,
        "remark": shown.remark.strip(),
    }
