"""Texts and files at random: each must be refused in one line, or mean one thing however it is computed.

    python -m ntpt_pyro.experiments.text_fuzz --inputs 20000 --out experiments/results/texts/fuzz.json

Texts are written at random, or changed from these and from those in models/terpret; files of hypers and of
instances are changed. Each is tried in a process of its own limits: 10 seconds, 2 GB beyond what importing
takes. What goes wrong is made smaller and kept, with its seed and number. An interrupted recording goes on
where it was.
"""

import argparse
import json
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import torch

from ntpt_pyro import models
from ntpt_pyro.experiments.file_mutations import changed_files, files
from ntpt_pyro.experiments.heavy_texts import heavy
from ntpt_pyro.experiments.odd_pieces import NUMBERS
from ntpt_pyro.experiments.recording import main_of, parser_of, record, record_parts
from ntpt_pyro.experiments.smaller_texts import smaller
from ntpt_pyro.experiments.text_checks import Case, Outcome, TooLong, checked
from ntpt_pyro.experiments.text_grammar import Writer
from ntpt_pyro.experiments.text_mutations import mutated

FOLDER = Path(models.__file__).parent / "terpret"
SECONDS = 10.0
"""Of the processor, for an input at most."""
PATIENCE = 120.0
"""Seconds after which a process is ended that does not come back."""
MEMORY = 2 * 2**30
"""Bytes that an input may take."""
FRESH = 500
"""Inputs after which a process is replaced."""
PART = 500
"""Inputs that are recorded together."""
SMALL_FILE = 2000
"""Bytes of a file of instances that is changed at most: the others take long to load."""
EXAMPLES = 3
"""Texts that are kept of what goes wrong in one way."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Try inputs and write what came of them.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written.
    """
    options, known = parsed(arguments), Counter[str]()
    parts = {
        f"{start}..{min(start + PART, options.inputs) - 1}": partial(
            tried, options.seed, range(start, min(start + PART, options.inputs)), known
        )
        for start in range(0, options.inputs, PART)
    }
    began = time.strftime("%Y-%m-%d")
    recorded = record_parts("text_fuzz", options, {"parts": parts}, date=began)
    summary = summarised(list(recorded.pop("parts").values()))
    return record("text_fuzz", options, date=recorded["date"], **summary) if options.out else summary


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, data=False, inputs=20_000, seed=0).parse_args(arguments)


def case_of(seed: int, number: int) -> Case:
    """An input.

    :param seed: of all.
    :param number: of this.
    :returns: the same input every time.
    """
    random = Random(f"{seed} {number}")
    how = random.random()
    if how < 0.1:
        return _with_files(random)
    if how < 0.13:
        return Case("heavy", heavy(random))
    if how < 0.4:
        name, text, settings = random.choice(published())
        hypers = {key: random.randint(1, min(value, 4)) for key, value in random.choice(settings).items()}
        case = Case(f"changed {name}", text, hypers)
    else:
        writer = Writer(random)
        case = Case("written", writer.text(), writer.hypers)
        if how < 0.75:
            return case
    other = random.choice((random.choice(published())[1], Writer(random).text()))
    hypers = dict(case.hypers)
    if hypers and random.random() < 0.1:
        odd = [int(one) for one in NUMBERS if re.fullmatch(r"-?\d{1,4000}", one)]
        hypers[random.choice(list(hypers))] = random.choice((*odd, 10**5000))
    kind = "changed" if case.kind == "written" else case.kind
    return replace(case, kind=kind, text=mutated(case.text, random, other), hypers=hypers)


def _with_files(random: Random) -> Case:
    """A text with changed files."""
    if random.random() < 0.3:
        path = random.choice([path for path in with_instances() if path.stat().st_size < SMALL_FILE])
        name = path.name.split(".")[0]
        beside = (f"{name}.terpret", f"{name}.hypers.json", path.name)
        text, settings, batches = ((FOLDER / one).read_text(encoding="utf-8") for one in beside)
        made = changed_files(random, json.loads(settings), json.loads(batches))
        return Case(f"files of {path.stem}", text, files=made)
    writer = Writer(random)
    text = writer.text()
    return Case("files", text, files=files(random, writer.observed, writer.hypers))


@lru_cache
def with_instances() -> list[Path]:
    """Files of instances in models/terpret."""
    return sorted(path for path in FOLDER.glob("*.*.json") if not path.stem.endswith(".hypers"))


@lru_cache
def published() -> list[tuple[str, str, list[dict[str, int]]]]:
    """Texts in models/terpret: name, text, settings of hypers."""
    found = []
    for path in sorted(FOLDER.glob("*.terpret")):
        text, beside = path.read_text(encoding="utf-8"), path.with_suffix(".hypers.json")
        settings = list(json.loads(beside.read_text(encoding="utf-8")).values()) if beside.exists() else []
        needed = re.findall(r"^(\w+) *= *Hyper\(\)", text, re.MULTILINE)
        found.append((path.stem, text, settings or [dict.fromkeys(needed, 4)]))
    return found


def tried(seed: int, numbers: range, known: Counter[str]) -> dict[str, Any]:
    """Try inputs.

    :param seed: of all.
    :param numbers: of these.
    :param known: how often something went wrong before, in each way; counted on.
    :returns: how many came to what, and what went wrong.
    """
    began, counts, refused, compared = time.monotonic(), Counter[str](), Counter[str](), 0
    findings: list[dict[str, Any]] = []
    with Worker() as worker:
        for number in numbers:
            case = case_of(seed, number)
            outcome = worker.outcome(case, f"{seed} {number}")
            counts[outcome.kind] += 1
            compared += outcome.compared
            if outcome.kind == "refused":
                refused[outcome.what] += 1
            if outcome.wrong:
                finding = {"seed": seed, "number": number, "way": outcome.way, "words": outcome.words}
                known[outcome.way] += 1
                if known[outcome.way] <= EXAMPLES:
                    finding["input"] = smaller(case, outcome, worker.outcome).to_json()
                findings.append(finding)
    seconds = round(time.monotonic() - began, 1)
    return {
        "inputs": len(numbers),
        "seconds": seconds,
        "compared": compared,
        "counts": dict(counts),
        "refused": dict(refused),
        "findings": findings,
    }


def summarised(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """What came of all inputs.

    :param parts: of some each.
    :returns: sums; of what went wrong in one way a few examples.
    """
    findings: dict[str, dict[str, Any]] = {}
    for one in (finding for part in parts for finding in part["findings"]):
        found = findings.setdefault(one["way"], {"times": 0, "examples": []})
        found["times"] += 1
        if "input" in one and len(found["examples"]) < EXAMPLES:
            found["examples"].append({key: one[key] for key in ("seed", "number", "words", "input")})
    numbers = {key: round(sum(part[key] for part in parts), 1) for key in ("inputs", "seconds", "compared")}
    counters = {
        key: sum((Counter(part[key]) for part in parts), Counter[str]()) for key in ("counts", "refused")
    }
    return {
        **numbers,
        **{key: dict(one.most_common()) for key, one in counters.items()},
        "findings": findings,
    }


# Processes


class Worker:
    """A process that tries inputs; replaced where one ends it, and now and then.

    :param check: what gives an outcome of an input; that of :mod:`text_checks` by default.
    :param seconds: of the processor for an input.
    :param memory: bytes for it.
    :param patience: seconds after which it is ended where it does not come back.
    """

    def __init__(
        self,
        check: Callable[[Any, str], Outcome] = checked,
        *,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        patience: float = PATIENCE,
    ) -> None:
        self._given, self._patience = (check, seconds, memory), patience
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._connection: Connection | None = None
        self._tried = 0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def outcome(self, case: Any, seed: str) -> Outcome:
        """Try an input; one that takes too much is tried a second time, by itself.

        :param case: the input.
        :param seed: of the programs that it is run on.
        :returns: what came of it.
        """
        found = self._asked(case, seed)
        if found.kind in ("slow", "memory", "died"):
            self._end()
            found = self._asked(case, seed)
            self._end()
        return found

    def _asked(self, case: Any, seed: str) -> Outcome:
        if self._connection is None or self._tried >= FRESH:
            self._start()
        assert self._connection is not None
        self._tried += 1
        self._connection.send((case, seed))
        try:
            if self._connection.poll(self._patience):
                found: Outcome = self._connection.recv()
                return found
        except (EOFError, ConnectionError):
            self._process.join(10)
            return Outcome("died", f"exit status {self._process.exitcode}")
        return Outcome("slow", "does not come back")

    def _start(self) -> None:
        self._end()
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs, *self._given), daemon=True)
        self._process.start()
        theirs.close()
        self._tried = 0

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._process.kill()
            self._process.join()
            self._connection = None


def _serve(connection: Connection, check: Callable[[Any, str], Outcome], seconds: float, memory: int) -> None:
    """Try what a connection gives, within limits, until it ends."""
    torch.set_num_threads(1)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _stop)
    while True:
        try:
            case, seed = connection.recv()
        except (EOFError, ConnectionError):
            return
        signal.setitimer(signal.ITIMER_PROF, seconds)
        try:
            found = check(case, seed)
        except TooLong as error:
            found = Outcome("slow", str(error), f"more than {seconds:g} seconds")
        except MemoryError:
            found = Outcome("memory", "", f"more than {memory:,} bytes")
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send(found)


def _stop(_: int, frame: Any) -> None:
    """End an input, and say where it was."""
    places = []
    while frame is not None:
        code = frame.f_code
        if "ntpt_pyro" in code.co_filename and "experiments" not in code.co_filename:
            places.append(f"{Path(code.co_filename).stem}.{code.co_name}")
        frame = frame.f_back
    raise TooLong(places[0] if places else "")


if __name__ == "__main__":
    main_of(__spec__)
