"""A SAT solver in a process of its own, which a time limit, a limit of memory or ctrl-C can stop."""

import contextlib
import importlib.util
import json
import math
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Literal, Self

import numpy as np

from ntpt_pyro.errors import BudgetError, NtptError, UsageError
from ntpt_pyro.inference.solver.worker import FRAME, frame

Clauses = np.ndarray
"""Clauses, int32 and flat: a literal is a variable's number, negative where it is negated (as in DIMACS), and
0 ends each clause."""

OUT_OF_MEMORY = ("alloc", "MemoryError", "map segment")
"""What the last words of a process without memory may contain."""
KILLED, OUT_OF_TIME = -9, -14
"""What a process ends with that somebody (or the system, out of memory) killed, or that its own clock did."""
CHUNK = 1 << 20
SOLVER = "cadical300"
"""The SAT solver that was fastest, by its name in python-sat."""


class SolverError(NtptError, RuntimeError):
    """The process that solves ended on its own."""


@dataclass(frozen=True)
class Answer:
    """Whether clauses can be satisfied.

    :param status: "unknown" where the time was over.
    :param true: which variables are true in one satisfying assignment, ``[variables + 1]`` of bool, by
        number; the first is False and means nothing. None unless satisfiable.
    :param core: where unsatisfiable, assumptions that contradict the clauses. Not always the fewest.
    :param seconds: that the answer took.
    :param interrupted: whether ctrl-C ended the search.
    """

    status: Literal["satisfiable", "unsatisfiable", "unknown"]
    true: np.ndarray | None
    core: tuple[int, ...]
    seconds: float
    interrupted: bool = False


@dataclass(frozen=True)
class Optimum:
    """What the cheapest assignment costs, as far as known.

    :param status: "feasible" where the time was over with an assignment at hand, "unknown" without one.
    :param true: the cheapest assignment known, see :class:`Answer`.
    :param cost: its cost.
    :param bound: no assignment costs less. Where infeasible, this means nothing.
    :param seconds: that the answer took.
    :param interrupted: whether ctrl-C ended the search.
    """

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    true: np.ndarray | None
    cost: int | None
    bound: int
    seconds: float
    interrupted: bool = False


class Engine:
    """Clauses, and a process that solves them.

    The process starts when it is first needed, and keeps its clauses and what it learned from call to call. A
    call that takes too long, or ctrl-C, kills it; the next call starts another, which reads all clauses again
    (1 to 2 seconds a million). It dies with the thread that started it: keep an engine to one thread. After
    :meth:`close` the engine can still be used, and starts anew.

    :param memory: bytes that the process may take in all, of address space; None: no limit. Python and
        python-sat take 120 MB of it.
    :param solver: of :meth:`solve`, by its name in python-sat.
    """

    def __init__(self, *, memory: int | None = None, solver: str = SOLVER) -> None:
        self.variables = 0
        self.clauses = 0
        self._memory = memory
        self._solver = solver
        self._stopped = threading.Event()
        self._added: list[Clauses] = []
        self._sent = 0  # how many of these arrays the process has
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None  # what the process writes to stderr
        self._unread = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def add(self, clauses: Clauses) -> None:
        """Add clauses; a copy is kept.

        :param clauses: see :data:`Clauses`. None may be changed or taken away later: guard what should be
            with a literal more, and assume its opposite.
        """
        added = np.array(clauses)
        end = f" that ends with {added.flat[-1]}" if added.size else ""
        if added.ndim != 1 or (added.size and (added.dtype != np.int32 or added[-1] != 0)):
            raise UsageError(
                "Engine.add",
                expected="a flat array of int32 that ends with 0",
                got=f"{added.dtype}{[*added.shape]}{end}",
                remedy="end each clause with 0",
            )
        if added.size:
            self._added.append(added)
            self.clauses += int((added == 0).sum())
            self.variables = max(self.variables, int(added.max()), -int(added.min()))

    def add_all_of(self, other: "Engine") -> None:
        """Add the clauses and variables of another engine.

        :param other: which is asked or added to by nobody meanwhile but this thread, or waits in a call.
        """
        self._added += other._added  # none of these arrays ever changes
        self.clauses += other.clauses
        self.variables = max(self.variables, other.variables)

    def solve(self, assumptions: Sequence[int] = (), *, seconds: float | None = None) -> Answer:
        """Look for an assignment that satisfies all clauses.

        :param assumptions: literals to hold in this call only.
        :param seconds: the longest that it may take, the start of the process included; None: no limit.
        :raises BudgetError: where the process ran out of memory.
        """
        assumed = self._known(assumptions)
        begun = time.perf_counter()
        last: dict[str, Any] = {"status": "unknown"}
        true: np.ndarray | None = None
        interrupted = False
        require_solver()
        try:
            with contextlib.closing(self._ask({"assumptions": assumed}, seconds)) as replies:
                for reply, bits in replies:
                    found = self._unpacked(bits)
                    last, true = reply, found
        except KeyboardInterrupt:
            interrupted = True
        taken = time.perf_counter() - begun
        return Answer(last["status"], true, tuple(last.get("core", ())), taken, interrupted)

    def minimise(
        self,
        costs: Mapping[int, int],
        assumptions: Sequence[int] = (),
        *,
        seconds: float | None = None,
        progress: Callable[[int | None, int], None] | None = None,
    ) -> Optimum:
        """Look for a cheapest assignment that satisfies all clauses.

        The search starts anew in each call: nothing learned in others helps.

        :param costs: what literals cost where they are true, 0 or more; others are free.
        :param assumptions: see :meth:`solve`.
        :param seconds: see :meth:`solve`.
        :param progress: called with the lowest cost known (None: no assignment yet) and the bound, when
            either changes.
        :raises BudgetError: see :meth:`solve`.
        """
        if min(costs.values(), default=0) < 0:
            raise UsageError(
                "Engine.minimise",
                expected="costs of 0 or more",
                got=f"{min(costs.values())}",
                remedy="let the opposite literal cost as much instead",
            )
        known = [*zip(self._known([*costs]), map(int, costs.values()), strict=True)]
        asked = {"assumptions": self._known(assumptions), "costs": known}
        begun = time.perf_counter()
        last: dict[str, Any] = {"cost": None, "bound": 0}
        true: np.ndarray | None = None
        interrupted = False
        require_solver()
        try:
            with contextlib.closing(self._ask(asked, seconds)) as replies:
                for reply, bits in replies:
                    found = self._unpacked(bits)
                    last, true = reply, true if found is None else found
                    if progress is not None and "status" not in reply:
                        progress(reply["cost"], reply["bound"])
        except KeyboardInterrupt:
            interrupted = True
        taken = time.perf_counter() - begun
        status = last.get("status", "unknown" if true is None else "feasible")
        return Optimum(status, true, last["cost"], last["bound"], taken, interrupted)

    def stop(self) -> None:
        """End the call that another thread waits in, as if its time were over; those after it end at once.

        It may be called from any thread, and more than once.
        """
        self._stopped.set()
        process = self._process
        if process is not None:
            process.kill()

    def resume(self) -> None:
        """Answer again after :meth:`stop`, when no other thread will stop it any more."""
        if self._stopped.is_set():
            self.close()
            self._stopped.clear()

    def close(self) -> None:
        """End the process, if one runs."""
        process, self._process = self._process, None
        complaints, self._complaints = self._complaints, None
        self._sent = 0
        self._unread.clear()
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if complaints is not None:
            complaints.close()

    def _known(self, literals: Sequence[int]) -> list[int]:
        """Literals as numbers that JSON takes, their variables counted."""
        known = [int(one) for one in literals]
        if 0 in known:
            raise UsageError("Engine", expected="literals", got="0", remedy="count variables from 1")
        self.variables = max(self.variables, *map(abs, known), 0)
        return known

    def _ask(self, asked: dict[str, Any], seconds: float | None) -> Generator[tuple[dict[str, Any], bytes]]:
        """What the process replies, the answer last; nothing more once the time is over.

        However a call ends other than with an answer, the process ends too.
        """
        limit = math.inf if seconds is None else seconds
        if limit <= 0 or self._stopped.is_set():
            return
        deadline = time.monotonic() + limit
        answered = False
        try:
            process = self._running()
            if self._stopped.is_set():  # while it started
                return
            body = b"".join(one.tobytes() for one in self._added[self._sent :])
            header = {**asked, "variables": self.variables, "seconds": limit if limit < math.inf else None}
            self._send(process, frame(header, body), deadline)
            self._sent = len(self._added)
            while not answered:
                reply, bits = self._receive(process, deadline)
                if "failure" in reply:
                    self._complain(reply["failure"], reply["memory"])
                answered = "status" in reply
                yield reply, bits
        except TimeoutError:
            pass
        except (EOFError, BrokenPipeError):
            code = process.wait()
            if code != OUT_OF_TIME and not self._stopped.is_set():
                self._complain(self._last_words(code), code == KILLED or self._memory is not None)
        finally:
            if not answered:
                self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; another one where that of the last call has ended since."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        path = os.pathsep.join(one or os.getcwd() for one in sys.path)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115, close() closes it
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "ntpt_pyro.inference.solver.worker"),
                *(str(os.getpid()), str(self._memory or 0), self._solver),
            ],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,  # ctrl-C in a terminal reaches this process only
            env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},  # threads take memory
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    def _send(self, process: subprocess.Popen[bytes], message: bytes, deadline: float) -> None:
        assert process.stdin is not None
        view = memoryview(message)
        while view:
            _wait(process.stdin, selectors.EVENT_WRITE, deadline)
            try:
                view = view[os.write(process.stdin.fileno(), view[:CHUNK]) :]
            except BlockingIOError:  # less room than one page
                continue

    def _receive(self, process: subprocess.Popen[bytes], deadline: float) -> tuple[dict[str, Any], bytes]:
        """The next message of the process."""
        assert process.stdout is not None
        while True:
            if len(self._unread) >= FRAME.size:
                header, body = FRAME.unpack_from(self._unread)
                if len(self._unread) >= FRAME.size + header + body:
                    message = bytes(self._unread[FRAME.size : FRAME.size + header + body])
                    del self._unread[: FRAME.size + header + body]
                    return json.loads(message[:header]), message[header:]
            _wait(process.stdout, selectors.EVENT_READ, deadline)
            read = os.read(process.stdout.fileno(), CHUNK)
            if not read:
                raise EOFError
            self._unread += read

    def _unpacked(self, bits: bytes) -> np.ndarray | None:
        if not bits:
            return None
        flags = np.unpackbits(np.frombuffer(bits, np.uint8), count=self.variables + 1)
        return flags.astype(bool)

    def _last_words(self, code: int) -> str:
        """The last line that the process wrote to stderr, or how it ended."""
        assert self._complaints is not None
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        return next((one.strip() for one in reversed(lines) if one.strip()), f"exit code {code}")

    def _complain(self, words: str, memory: bool) -> None:
        if memory or any(one in words for one in OUT_OF_MEMORY):
            most = "what this machine has" if self._memory is None else f"{self._memory / 1e6:.0f} MB"
            raise BudgetError(
                "solver",
                expected=f"{self.clauses} clauses to be solved within {most} of memory",
                got=f"a need for more ({words})",
                remedy="allow more memory or make the problem smaller",
            )
        raise SolverError(
            "solver",
            expected="an answer of its process",
            got=words,
            remedy="reinstall python-sat if this happens again",
        )


def require_solver() -> None:
    """See that python-sat is installed, without loading it.

    :raises UsageError: where it is not.
    """
    if importlib.util.find_spec("pysat") is None:
        raise UsageError(
            "solver", expected="python-sat, which solves", got="none", remedy="pip install python-sat"
        )


def _wait(pipe: IO[bytes], event: int, deadline: float) -> None:
    """Sleep until a pipe is ready.

    :raises TimeoutError: where that takes too long.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, event)
        left = deadline - time.monotonic()
        if left <= 0 or not selector.select(min(left, 1e6)):
            raise TimeoutError
