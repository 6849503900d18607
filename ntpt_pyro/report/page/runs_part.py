"""Runs of a program on examples, as a page plays them: places, and a row a step."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ntpt_pyro.report.page.answer_part import MARKS
from ntpt_pyro.report.page.bars import Bar, bars
from ntpt_pyro.report.page.pictures import picture
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
from ntpt_pyro.tasks.demonstrations.scene import Moment, Place, Scene

MOST_MOMENTS = 300
"""Steps of a run that are played."""
MOST_COLUMNS = 8
"""Registers and variables that have a column of their own in the table of steps."""
SMALL = 4
"""Columns of images from which on they are drawn small."""
LONGEST = 16
"""Characters of a result that an example is called by."""
READ = 3
"""Words that are shown of what something is taken for."""


@dataclass(frozen=True)
class ShownPlace:
    """Something that the program may read.

    :param row: where it is, from 0.
    :param column: likewise.
    :param picture: of it; empty where it is none.
    :param word: what stands there.
    :param name: what the program calls it.
    :param array: that it is the first element of in its row; empty of the others.
    :param index: of it in its array.
    :param reads: what it is taken for, the most probable first.
    :param says: what it really is; empty where it is not known.
    :param misread: whether it is taken for something else.
    :param label: all this in words.
    """

    row: int
    column: int
    picture: str
    word: str
    name: str
    array: str
    index: str
    reads: list[Bar]
    says: str
    misread: bool
    label: str


@dataclass(frozen=True)
class Cell:
    """The value of a register after a step.

    :param text: of it.
    :param changed: whether the step wrote it.
    """

    text: str
    changed: bool


@dataclass(frozen=True)
class ShownMoment:
    """A step.

    :param number: from 1.
    :param text: of the line that was executed.
    :param at: the number of the place where the head is after it; empty where there is no head.
    :param where: the same in words.
    :param lines: the numbers of the program's lines that were executed, with blanks between them.
    :param reads: what was read.
    :param cells: of the registers that have a column.
    :param changes: what the step wrote, in words.
    :param data: the same for the script: JSON, ``{name: value}``.
    :param stands: what stands in each place after it: JSON, a list of words; empty where it is the same.
    """

    number: int
    text: str
    at: str
    where: str
    lines: str
    reads: list[Bar]
    cells: list[Cell]
    changes: str
    data: str
    stands: str


@dataclass(frozen=True)
class ShownRun:
    """A run on an example.

    :param key: that links to it.
    :param title: which example it is.
    :param mark: ``right``, ``wrong`` or ``open``.
    :param short: its result, and what is right, in few words.
    :param outcome: the same in a sentence.
    :param command: that shows the same; empty where there is none.
    :param before: what is known of the input, in words.
    :param rows: of places; 0 where there are none.
    :param columns: places in a row.
    :param places: in order.
    :param style: classes of the stage, each after a blank.
    :param low: whether the stage is low and broad, as a tape is.
    :param heads: whether there is a head.
    :param way: whether its way is drawn: over a grid.
    :param reads: whether a step reads something.
    :param listed: whether steps say which line of the program they are.
    :param names: of registers that have a column in the table.
    :param moments: its steps.
    :param left_out: steps that are not shown.
    :param table: where there is no scene the table of steps, its heading first.
    """

    key: str
    title: str
    mark: str
    short: str
    outcome: str
    command: str
    before: list[str] = field(default_factory=list)
    rows: int = 0
    columns: int = 1
    places: list[ShownPlace] = field(default_factory=list)
    style: str = ""
    low: bool = False
    heads: bool = False
    way: bool = False
    reads: bool = False
    listed: bool = False
    names: list[str] = field(default_factory=list)
    moments: list[ShownMoment] = field(default_factory=list)
    left_out: int = 0
    table: list[list[str]] = field(default_factory=list)


def shown_run(number: int, title: str, shown: Demonstration, command: str) -> ShownRun:
    """A run as the page plays it.

    :param number: of it on the page, from 1.
    :param title: which example it is, in words.
    :param shown: the run.
    :param command: that shows the same.
    :returns: its contents.
    """
    scene = shown.scene
    places = [] if scene is None else _places(scene)
    moments = [] if scene is None else list(scene.moments)
    names = _names(moments)
    cells = {one.at for one in moments if one.at is not None}
    rows = 1 + max((one.row for one in places), default=-1)
    return ShownRun(
        key=f"example-{number}",
        title=title,
        mark=MARKS[shown.right],
        short=_short(title, shown),
        outcome=f"{shown.what} {shown.verdict}{shown.remark}",
        command=command,
        before=list(shown.before),
        rows=rows,
        columns=1 + max((one.column for one in places), default=0),
        places=places,
        style=_style(places),
        low=bool(places) and 2 * rows < 1 + max(one.column for one in places),
        heads=bool(cells),
        way=rows > 1 and len(cells) > 1 and any(one.column for one in places),
        reads=any(one.reads for one in moments),
        listed=any(_lines(one) for one in moments),
        names=names if len(names) <= MOST_COLUMNS else [],
        moments=_moments(moments[:MOST_MOMENTS], names if len(names) <= MOST_COLUMNS else [], places),
        left_out=max(0, len(moments) - MOST_MOMENTS),
        table=[] if moments else [list(shown.columns), *map(list, shown.steps)],
    )


def failed_run(number: int, title: str, failure: str, command: str) -> ShownRun:
    """A run that came to no result.

    :param number: of it on the page, from 1.
    :param title: which example it is, in words.
    :param failure: why there is no result.
    :param command: that shows the same.
    :returns: its contents.
    """
    return ShownRun(
        key=f"example-{number}",
        title=title,
        mark=MARKS[False],
        short="no result",
        outcome=f"no result: {failure}",
        command=command,
    )


def _style(places: Sequence[ShownPlace]) -> str:
    """What the stage looks like: words are not as high as images, small images have no room for numbers."""
    if not any(one.picture for one in places):
        return " words"
    return " tight" if max(one.column for one in places) >= SMALL else ""


def _short(title: str, shown: Demonstration) -> str:
    """The result, and what would be right; where that is long, which example it is."""
    words = shown.result if shown.right is not False else f"{shown.result}, not {shown.truth}"
    return words if len(words) <= LONGEST else title


def _places(scene: Scene) -> list[ShownPlace]:
    """The places, each at its row and column."""
    found, row, column = list[ShownPlace](), 0, 0
    for number, place in enumerate(scene.places):
        if number and (place.begins or column >= scene.columns):
            row, column = row + 1, 0
        before = "" if not column else scene.places[number - 1].name
        found.append(_place(place, row, column, _named(place.name, before)))
        column += 1
    return found


def _named(name: str, before: str) -> tuple[str, str]:
    """What is written at a place beside the one before it: of an array's elements the first says its name.

    >>> _named("tape[0]", ""), _named("tape[1]", "tape[0]"), _named("start", "")
    (('tape', '[0]'), ('', '[1]'), ('start', ''))
    """
    array, bracket, index = name.partition("[")
    again = bracket and before.partition("[")[0] == array
    return "" if again else array, bracket + index


def _place(place: Place, row: int, column: int, named: tuple[str, str]) -> ShownPlace:
    reads = bars(place.reads[:READ])
    misread = bool(reads) and place.says is not None and reads[0].word != place.says
    known = [
        place.name,
        place.word,
        f"read as {reads[0].word} with probability {reads[0].number}" if reads else "",
        f"it is {place.says}" if place.says is not None else "",
    ]
    return ShownPlace(
        row=row,
        column=column,
        picture="" if place.image is None else picture(place.image),
        word=place.word,
        name=place.name,
        array=named[0],
        index=named[1],
        reads=reads,
        says=place.says or "",
        misread=misread,
        label=", ".join(part for part in known if part) or f"row {row}, column {column}",
    )


def _names(moments: Sequence[Moment]) -> list[str]:
    """Registers and variables in the order in which they come up."""
    return list(dict.fromkeys(name for one in moments for name in one.values))


def _moments(
    moments: Sequence[Moment], columns: Sequence[str], places: Sequence[ShownPlace]
) -> list[ShownMoment]:
    """The steps, each with what it changed."""
    found, before, stood = [], dict[str, str](), list[str]()
    for number, one in enumerate(moments, start=1):
        wrote = {
            name: value
            for name, value in one.values.items()
            if name in one.wrote or before.get(name) != value
        }
        found.append(
            ShownMoment(
                number=number,
                text=one.text,
                at="" if one.at is None else str(one.at),
                where="" if one.at is None else _where(places[one.at]),
                lines=" ".join(map(str, _lines(one))),
                reads=bars(one.reads[:READ]),
                cells=[Cell(one.values.get(name, ""), name in wrote) for name in columns],
                changes=", ".join(f"{name} = {value}" for name, value in wrote.items()),
                data=json.dumps(wrote),
                stands=json.dumps(list(one.stands)) if list(one.stands) != stood else "",
            )
        )
        before, stood = dict(one.values), list(one.stands)
    return found


def _lines(moment: Moment) -> Sequence[int]:
    """The lines of the program that a step executed."""
    return moment.lines or (() if moment.line is None else (moment.line,))


def _where(place: ShownPlace) -> str:
    """Where the head is, in words."""
    return place.name or f"row {place.row}, column {place.column}"
