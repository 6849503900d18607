"""An engine that other SAT solvers help with hard questions: the first answer counts, the others are stopped.

Solvers differ by more than a factor of two on one question, this way or the other. Each answer is proved,
whoever gives it; which of several satisfying assignments it is depends on who is first.
"""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference.solver.engine import Answer, Engine, Optimum
from ntpt_pyro.inference.work.workers import Workers

HELPERS = (("cadical195", "glucose42"), ("glucose42", "cadical195"), ("cadical153", "minisat22"))
"""The solvers that help, the best first, see :class:`~ntpt_pyro.inference.solver.engine.Engine`."""
HEAD_START = 1.0
"""Seconds that an engine has for itself: most questions are answered in less than helpers take to start."""

Known = TypeVar("Known", Answer, Optimum)


class RacingEngine(Engine):
    """An engine that others help with each question that it has not answered within :data:`HEAD_START`.

    Helpers are processes of this machine that get the same clauses and the same question, by other solvers.
    What is the same as of one engine: whether clauses can be satisfied, what the cheapest assignment costs,
    and where the time was over how honest the bound is (it is the highest, and the cost the lowest, of all).
    What may be another one: the assignment, and the core, of those that are as good. A helper whose process
    fails is left out; the failure of the engine's own process is an error, as always.

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
        with self._helped(lambda one, left: one.solve(assumptions, seconds=left), seconds) as found:
            own = super().solve(assumptions, seconds=seconds)
        answered = next((one for one in (own, *found) if _proved(one)), own)
        return replace(answered, seconds=own.seconds, interrupted=own.interrupted)

    def minimise(
        self,
        costs: Mapping[int, int],
        assumptions: Sequence[int] = (),
        *,
        seconds: float | None = None,
        progress: Callable[[int | None, int], None] | None = None,
    ) -> Optimum:
        """See :meth:`Engine.minimise <ntpt_pyro.inference.solver.engine.Engine.minimise>`.

        :param costs: what literals cost where they are true.
        :param assumptions: literals to hold in this call only.
        :param seconds: the longest that it may take; None: no limit.
        :param progress: called with what this engine's own process knows.
        :returns: the first proof, or the best that all of them know.
        :raises BudgetError: where this engine's own process ran out of memory.
        """
        with self._helped(lambda one, left: one.minimise(costs, assumptions, seconds=left), seconds) as found:
            own = super().minimise(costs, assumptions, seconds=seconds, progress=progress)
        return replace(best_known([own, *found]), seconds=own.seconds, interrupted=own.interrupted)

    @contextmanager
    def _helped(
        self, ask: Callable[[Engine, float | None], Known], seconds: float | None
    ) -> Generator[list[Known]]:
        """Helpers at work while this engine is asked; what they know at the end of it."""
        begun, over = time.monotonic(), threading.Event()
        found: list[Known] = []

        def help_with(engine: Engine) -> None:
            if over.wait(HEAD_START):
                return
            with engine:
                engine.add_all_of(self)
                left = None if seconds is None else seconds - (time.monotonic() - begun)
                try:
                    known = ask(engine, left)
                except NtptError:
                    return
            found.append(known)
            if _proved(known) and not over.is_set():
                self.stop()

        helpers = [Engine(memory=self._memory, solvers=solvers) for solvers in self._helpers]
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


def best_known(known: Sequence[Optimum]) -> Optimum:
    """What several searches for the same cheapest assignment know together.

    :param known: what each knows.
    :returns: the first that is proved; else the lowest cost and the highest bound, which may meet.
    """
    proved = next((one for one in known if _proved(one)), None)
    if proved is not None:
        return proved
    bound = max(one.bound for one in known)
    cheapest = min(known, key=lambda one: float("inf") if one.cost is None else one.cost)
    if cheapest.cost is not None and cheapest.cost <= bound:
        return replace(cheapest, status="optimal", bound=cheapest.cost)
    return replace(cheapest, bound=bound)


def _proved(known: Answer | Optimum) -> bool:
    return known.status not in ("unknown", "feasible")
