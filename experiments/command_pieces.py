"""Pieces of command lines of `command_fuzz`: what commands need, and what is wrong with what they get."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

SUMS = b"""
import pyro
import torch
from ntpt_pyro import Task, choice, observe, one_hot, runtime, select

@runtime([5, 5], 9)
def add(a, b):
    return a + b

def model(numbers, results=None):
    left, right = choice("left", 3), choice("right", 3)
    with pyro.plate("examples", len(numbers)):
        held = one_hot(numbers, 5)
        observe("result", add(select(left, held), select(right, held)), results)

numbers = torch.tensor([[3, 1, 4], [1, 2, 4], [2, 0, 1], [3, 2, 3], [4, 2, 0]])
task = Task(model, examples=(numbers, numbers[:, 0] + numbers[:, 2]))
number = 3
"""
TEXT = b"x = Input(2)\nturn = Param(2)\ny = Output(2)\nwith turn as t:\n    y.set_to(t)\n"
DATA = [{"batch_name": "b", "hypers": "one", "instances": [{"x": 1, "y": 1}, {"x": 0, "y": 1}]}]
FILES: dict[str, bytes] = {
    "sums.py": SUMS,
    "turn.terpret": TEXT,
    "turn.hypers.json": b'{"one": {}}',
    "turn.on.json": json.dumps(DATA).encode(),
    "broken.py": b"import nothing_that_there_is\n",
    "noise.bin": bytes(range(256)) * 4,
    "deep.json": b"[" * 100_000,
    "wrong.terpret": b"x = Input(2)\ny = Output(1x)\n",
}
"""What a command finds where it is run."""
NEEDED: dict[str, tuple[str, ...]] = {
    "learn": ("sums.py:task",),
    "posterior": ("sums.py:task",),
    "show": ("RUN",),
    "evaluate": ("RUN",),
    "terpret": ("turn.terpret", "turn.hypers.json", "turn.on.json"),
    "restarts": ("sums.py:task", "--out=new"),
    "lifelong": ("--out=new",),
    "generalize": ("--out=new",),
    "tasks": (),
}
"""What each command must be given."""
NEVER = (
    "-1",
    str(2**70),
    "1" + "0" * 400,
    "1" + "0" * 5000,
    "nan",
    "inf",
    "-inf",
    "1e300",
    "",
    "text",
    "[/x]",
)
"""What no option takes that is a number."""
ALL_CORES = "-1"
"""What a number of jobs may be."""
UNBOUNDED = ("--seed", "--first-seed", "--example", "--instance", "--steps")
"""Options for which 10**12 is a number like another, to some commands."""
TASKS = (
    *(
        "",
        ":",
        "::",
        "nothing",
        "add2x2",
        "[/x]",
        ":smile:",
        "sums.py",
        "sums.py:",
        "sums.py:number",
        "x" * 300,
    ),
    *("sums.py:nothing", "nothing.py:task", "broken.py:task", "empty:task", "noise.bin", "noise.bin:a:b"),
    *(
        "turn.terpret",
        "turn.terpret:",
        "turn.terpret:off",
        "wrong.terpret:on",
        "turn.terpret:deep.json:deep.json",
    ),
    *("noise.bin:turn.on.json:turn.on.json", "/dev/null:x", "naïve\u2028name", "\x1b[31mred"),
)
"""Names that no task has."""
RUNS = (
    "",
    "nothing",
    "empty",
    "sums.py",
    "noise.bin",
    "[/x]",
    ":smile:",
    "x" * 300,
    "/dev/null",
    "\x1b[31mred",
)
"""What is no run's folder."""
NO_FILES = ("", "nothing", "empty", "noise.bin", "deep.json", "[/x]", "/dev/null", "x" * 300, "sums.py/x")
"""What is no file of a program text, of its hypers or its data."""
PATHS: dict[str, tuple[str, ...]] = {
    "--library": ("", "nothing", "empty", "noise.bin", "deep.json", "[/x]", "x" * 300),
    "--out": ("", "sums.py", "/dev/null", "sums.py/x", "/proc/x", "x" * 300),
    "--plot": ("", "nothing/a.png", "empty", "a.words", "/dev/null", "/nosuch/a.png", "[/x]/a.png"),
    "--html": ("", "-", "nothing/a.html", "empty", "a.words", "/dev/null", "/nosuch/a.html", "[/x]/a.html"),
    "--log": ("", "nothing/a.jsonl", "sums.py", "/dev/null", "/nosuch/a.jsonl"),
    "--save": ("", "nothing/a.png", "empty", "/dev/null"),
    "--strip": ("", "nothing", "noise.bin", "empty"),
    "--schedule": ("", "nothing", "noise.bin", "deep.json", "empty"),
    "--data": ("",),
    "--download": ("",),
}
"""What is wrong where a path is expected."""
WORDS = ("foo", "[red]", "exact", "", "\x1b[31m", "EM", "naïve", "None")
"""What no strategy, prior, device, model or batch is called."""
Surface = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Wrong:
    """A command line with something wrong.

    :param words: of it.
    :param what: is wrong.
    """

    words: Sequence[str]
    what: str


def wrong_line(random: Random, surface: Surface) -> Wrong:
    """A command line with something wrong.

    :param random: source of what it is.
    :param surface: for each command the kind of value of each option.
    :returns: the line.
    """
    if random.random() < 0.04:
        return Wrong([random.choice(("lern", "shwo", "", "--what", "[/x]", "x" * 300)), "RUN"], "command")
    command = random.choice(list(surface))
    needed, options = list(NEEDED[command]), surface[command]
    ways: list[tuple[float, str, Callable[[], list[str] | None]]] = [
        (8, "value", lambda: _with_value(random, needed, options)),
        (1, "unknown option", lambda: [*needed, random.choice(("--bogus", "--bogus=1", "-x", "--ste ps"))]),
        (1, "no value", lambda: _without_value(random, needed, options)),
        (1, "too many words", lambda: [*needed, *["too", "many"][: 1 + random.randrange(2)], "words"]),
        (1, "too few words", lambda: needed[: random.randrange(len(needed))] if needed else None),
        (3, "argument", lambda: _with_argument(random, command, needed)),
    ]
    while True:
        ((_, what, way),) = random.choices(ways, [weight for weight, _, _ in ways])
        words = way()
        if words is not None:
            return Wrong([command, *words], what)


def _with_value(random: Random, needed: list[str], options: Mapping[str, str]) -> list[str] | None:
    """A value that an option does not take, of one option or two."""
    words = list(needed)
    valued = [name for name, kind in options.items() if kind]
    if not valued:
        return None
    for name in random.sample(valued, min(len(valued), 1 + (random.random() < 0.2))):
        value = random.choice(_wrong_values(name, options[name]))
        words = [word for word in words if not word.startswith(f"{name}=")]
        words += [f"{name}={value}"] if random.random() < 0.5 else [name, value]
    return words


def _wrong_values(name: str, kind: str) -> Sequence[str]:
    if name == "--jobs":
        return [*(value for value in NEVER if value != ALL_CORES), "0", "1.5"]
    if kind == "address":
        return [""]  # to knock at others takes seconds
    if kind == "int":
        return NEVER if name in UNBOUNDED else (*NEVER, str(10**12), "1.5")
    if kind == "float":
        return [value for value in NEVER if value != str(2**70)]
    return PATHS[name] if kind == "path" else WORDS


def _without_value(random: Random, needed: list[str], options: Mapping[str, str]) -> list[str] | None:
    valued = [name for name, kind in options.items() if kind]
    return [*needed, random.choice(valued)] if valued else None


def _with_argument(random: Random, command: str, needed: list[str]) -> list[str] | None:
    """Something else in place of what a command needs."""
    places = [number for number, word in enumerate(needed) if not word.startswith("--")]
    if not places:
        return None
    place = random.choice(places)
    wrong = NO_FILES if command == "terpret" else RUNS if needed[place] == "RUN" else TASKS
    return [*needed[:place], random.choice(wrong), *needed[place + 1 :]]
