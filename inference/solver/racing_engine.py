"""An engine that other SAT solvers help with hard questions: the first answer counts, the others are stopped.

Solvers differ by more than a factor of two on one question, this way or the other. Each answer is proved,
whoever gives it; which of several satisfying assignments it is depends on who is first.
"""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.solver.engine import Answer, Engine
from ntpt_pyro.inference.work.workers import Workers

HELPERS = ("cadical195", "glucose42", "cadical153")
"""The solvers that help, the best first, by their names in python-sat."""
HEAD_START = 1.0
"""Seconds that an engine has for itself: most questions are answered in less than helpers take to start."""


class RacingEngine(Engine):
    """An engine that others help to say whether clauses can be satisfied, where that takes it long.

    A question that is not answered within :data:`HEAD_START` goes to helpers too: processes of this machine
    that get the same clauses, by other solvers. The answer is the same as of one engine, where the time is
    not over before; the assignment, or the core, may be another one of several. What is to be cheapest it
    finds by itself: there a race saved nothing. A helper whose process fails is left out; the failure of the
    engine's own process is an error, as always.

    :param helpers: how many, 1 to 3.
    :param memory: bytes that each process may take, see :class:`~ntpt_pyro.inference.solver.engine.Engine`.
    """

    def __init__(self, helpers: int, *, memory: int | None = None) -> None:
        super().__init__(memory=memory)
        self._helpers = HELPERS[:helpers]

    def solve(self, assumptions: Sequence[int] = (), *, seconds: float | None = None) -> Answer:
        """See :meth:`Engine.solve <ntpt_pyro.inference.solver.engine.Engine.solve>`.

        :param assumptions: literals to hold in this call only.
        :param seconds: the longest that it may take; None: no limit.
        :returns: the first answer.
        :raises BudgetError: where this engine's own process ran out of memory.
        """
        with self._helped(assumptions, seconds) as found:
            own = super().solve(assumptions, seconds=seconds)
        answered = next((one for one in (own, *found) if one.status != "unknown"), own)
        return replace(answered, seconds=own.seconds, interrupted=own.interrupted)

    @contextmanager
    def _helped(self, assumptions: Sequence[int], seconds: float | None) -> Generator[list[Answer]]:
        """Helpers at work while this engine is asked; their answers at the end of it."""
        begun, over = time.monotonic(), threading.Event()
        found: list[Answer] = []

        def help_with(engine: Engine) -> None:
            if over.wait(HEAD_START):
                return
            with engine:
                engine.add_all_of(self)
                left = None if seconds is None else seconds - (time.monotonic() - begun)
                try:
                    answer = engine.solve(assumptions, seconds=left)
                except NtptError:
                    return
            found.append(answer)
            if answer.status != "unknown" and not over.is_set():
                self.stop()

        helpers = [Engine(memory=self._memory, solver=solver) for solver in self._helpers]
        threads = [threading.Thread(target=help_with, args=(one,), daemon=True) for one in helpers]
        try:
            for thread in threads:
                thread.start()
            yield found
        finally:
            over.set()
            for engine in helpers:
                engine.stop()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
            self.resume()


def engine_for(workers: Workers, *, memory: int | None = None) -> Engine:
    """The engine for so many workers: each process of this machine is a solver; a cluster's are not used.

    :param workers: who may work.
    :param memory: bytes that each process may take; None: no limit.
    :returns: an engine, alone or with helpers.

    >>> from ntpt_pyro.inference import Workers
    >>> type(engine_for(Workers())).__name__
    'Engine'
    """
    helpers = workers.count(1 + len(HELPERS)) - 1
    return RacingEngine(helpers, memory=memory) if helpers else Engine(memory=memory)
