"""The process behind an engine: reads clauses and questions from stdin, solves, writes answers to stdout.

A message is two lengths, a header in JSON and bytes: int32 literals one way, packed bits the other way.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

FRAME = struct.Struct("<IQ")
"""The bytes of a message's header, and of its body."""
SOLVER_OF_RC2 = "cadical153"
"""The SAT solver that was fastest where RC2 asks it, by its name in python-sat."""
PR_SET_PDEATHSIG = 1
"""Of Linux: the signal that this process gets when its parent dies."""
CHUNK = 1 << 18
"""Clauses that are Python objects at once."""
GRACE = 1.0
"""Seconds after which a time limit ends the process, where its parent did not."""

Report = Callable[[int, np.ndarray | None], bool]
"""Called with a bound of the cost, and an assignment where there is a new one; says whether the best known
assignment meets the bound."""


class Met(Exception):  # noqa: N818, this is no error
    """A known assignment costs as little as any can."""


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """A message as it is sent.

    :param header: what JSON can write.
    :param body: any bytes.
    """
    written = json.dumps(header).encode()
    return FRAME.pack(len(written), len(body)) + written + body


class Session:
    """The clauses so far, and what is asked of them.

    :param questions: messages are read from here.
    :param answers: and written to here.
    :param solver: that says whether clauses can be satisfied, by its name in python-sat.
    """

    def __init__(self, questions: IO[bytes], answers: IO[bytes], solver: str) -> None:
        self.questions = questions
        self.answers = answers
        self.name = solver
        self.added: list[np.ndarray] = []
        self.loaded = 0  # how many of these arrays the solver has
        self.solver: Any = None

    def serve(self) -> None:
        """Answer until there are no more questions."""
        while start := self.questions.read(FRAME.size):
            header, body = FRAME.unpack(start)
            asked = json.loads(self.questions.read(header))
            if body:
                self.added.append(np.frombuffer(self.questions.read(body), np.int32))
            self.answer(asked)

    def answer(self, asked: dict[str, Any]) -> None:
        """Answer one question, or say what went wrong."""
        if asked["seconds"] is not None:  # ends the process, also within a call to a solver
            signal.setitimer(signal.ITIMER_REAL, min(asked["seconds"], 1e8) + GRACE)
        try:
            if "costs" in asked:
                self.minimise(asked)
            else:
                self.solve(asked)
        except Exception as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            self.write({"failure": words, "memory": isinstance(error, MemoryError)})
        signal.setitimer(signal.ITIMER_REAL, 0)

    def write(self, header: dict[str, Any], true: np.ndarray | None = None) -> None:
        """Send a message."""
        self.answers.write(frame(header, b"" if true is None else np.packbits(true).tobytes()))
        self.answers.flush()

    def solve(self, asked: dict[str, Any]) -> None:
        """Answer whether the clauses can be satisfied under assumptions."""
        if self.solver is None:
            self.solver = importlib.import_module("pysat.solvers").Solver(name=self.name)
        load(self.solver, clauses(self.added[self.loaded :]))
        self.loaded = len(self.added)
        if self.solver.solve(assumptions=asked["assumptions"]):
            self.write({"status": "satisfiable"}, assignment(self.solver, asked["variables"]))
        else:
            # There is no core where the clauses alone contradict each other.
            core = dict.fromkeys(self.solver.get_core() or ())
            self.write({"status": "unsatisfiable", "core": [*core]})

    def minimise(self, asked: dict[str, Any]) -> None:
        """Answer which assignment costs least, and tell on the way what is known."""
        costs = dict(asked["costs"])
        base = 0  # whatever a variable is, it costs as much as its cheaper literal
        for literal in [one for one in costs if one > 0 and -one in costs]:
            least = min(costs[literal], costs[-literal])
            base += least
            costs[literal] -= least
            costs[-literal] -= least
        costs = {literal: cost for literal, cost in costs.items() if cost}
        literals = np.array([*costs], np.int64)
        known: dict[str, Any] = {"cost": None, "bound": 0}
        best: np.ndarray | None = None

        def report(bound: int, true: np.ndarray | None) -> bool:
            nonlocal best
            if true is not None:
                holds = true[abs(literals)] == (literals > 0)
                cost = base + sum(one for one, held in zip(costs.values(), holds, strict=True) if held)
                if known["cost"] is None or cost < known["cost"]:
                    known["cost"], best = cost, true
            better = true is not None and true is best
            if better or base + bound > known["bound"]:
                known["bound"] = max(known["bound"], base + bound)
                self.write(known, best if better else None)
            return known["cost"] is not None and known["cost"] <= known["bound"]

        units = np.array([[one, 0] for one in asked["assumptions"]], np.int32).reshape(-1)
        if not rc2(clauses([*self.added, units]), asked["variables"], costs, report):
            self.write({**known, "status": "infeasible"})
        else:
            assert known["cost"] == known["bound"], f"RC2 ended with {known}"
            self.write({**known, "status": "optimal"})


def clauses(arrays: list[np.ndarray]) -> Iterator[list[int]]:
    """The clauses of flat arrays, one by one."""
    for array in arrays:
        ends = np.flatnonzero(array == 0)
        for at in range(0, len(ends), CHUNK):
            part = ends[at : at + CHUNK]
            first = ends[at - 1] + 1 if at else 0
            literals = array[first : part[-1]].tolist()
            start = 0
            for end in (part - first).tolist():
                yield literals[start:end]
                start = end + 1


def load(solver: Any, found: Iterator[list[int]]) -> None:
    """Add clauses to a solver of python-sat."""
    gc.disable()  # these lists are no rubbish: looking through them would double the time
    try:
        add = solver.add_clause
        for clause in found:
            add(clause)
    finally:
        gc.enable()


def assignment(solver: Any, variables: int) -> np.ndarray:
    """Which variables are true, by number, after a solver of python-sat found the clauses satisfiable."""
    model = np.array(solver.get_model(), np.int64)
    true = np.zeros(variables + 1, bool)
    true[model[(model > 0) & (model <= variables)]] = True
    return true


def rc2(found: Iterator[list[int]], variables: int, costs: dict[int, int], report: Report) -> bool:
    """Find a cheapest assignment: of literals that cannot all be false some cost is due, which is moved from
    these literals into the bound until those left can all be false.

    :param found: clauses.
    :param variables: how many there are.
    :param costs: what literals cost, above 0; never of both literals of a variable.
    :param report: told what is found on the way, a cheapest assignment at last.
    :returns: whether there is any assignment.
    """
    formula = importlib.import_module("pysat.formula").WCNF()
    formula.nv = variables
    for literal, cost in costs.items():
        formula.append([-literal], weight=cost)
    search = importlib.import_module("pysat.examples.rc2").RC2(
        formula, solver=SOLVER_OF_RC2, adapt=True, exhaust=True
    )
    ask = search._call_oracle

    def watched(assumptions: list[int], expect_interrupt: bool = False) -> bool:
        report(search.cost, None)  # the call may take long
        satisfied: bool = ask(assumptions, expect_interrupt)
        if report(search.cost, assignment(search.oracle, variables) if satisfied else None):
            raise Met
        return satisfied

    search._call_oracle = watched  # each call to the SAT solver goes through it
    try:
        load(search.oracle, found)
        search.oracle.set_phases([-literal for literal in costs])
        if not watched([]):
            return False
        search.compute_()
    except Met:
        pass
    finally:
        search.delete()
    return True


def main() -> None:
    """Serve the process of the number on the command line, within so many bytes, by the solver named."""
    parent, memory = map(int, sys.argv[1:3])
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    if memory:
        import resource  # Windows has none

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with os.fdopen(os.dup(0), "rb") as questions, os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        Session(questions, answers, sys.argv[3]).serve()


if __name__ == "__main__":
    main()
