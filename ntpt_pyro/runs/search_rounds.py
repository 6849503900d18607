"""Searches for a program: each from a seed of its own, until one explains the examples held back."""

from contextlib import closing
from dataclasses import replace
from functools import partial

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.ranks import Ranks
from ntpt_pyro.inference.training.restart_search import Rounds
from ntpt_pyro.inference.work.side_by_side import each
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.runs.methods.method import Found, Method, Work
from ntpt_pyro.tasks.user_files import loaded_files


def search_in_rounds(method: Method, work: Work) -> tuple[Found, int, int]:
    """Search in rounds, until one explains the examples held back.

    With several workers the next rounds run beside the first, and are given up where it explains them: the
    result is that of rounds that follow each other. Where a search spreads its own work, rounds do follow
    each other, and each has all workers.

    :param method: of the searches.
    :param work: what it is given.
    :returns: the best of them, the number of rounds, and steps of all of them.
    """
    rounds, steps, best = Rounds(work.settings.rounds), 0, None
    workers = work.workers.opened_by(loaded_files) if _side_by_side(method, work) else ALONE
    mine = work if workers.alone else replace(work, workers=ALONE, progress=False)
    searches = each(
        partial(method.search, mine),
        range(work.settings.rounds),
        workers=workers,
        label=work.label("searches, until one explains"),
    )
    with closing(searches):
        for found in searches:
            steps += found.steps
            if best is None or found.verdict.accuracy > best.verdict.accuracy:
                best = found
            if rounds.ended(best.verdict, same_again=not found.steps):
                break
    assert best is not None
    return best, rounds.number + 1, steps


def _side_by_side(method: Method, work: Work) -> bool:
    """Whether rounds may run beside each other: where nothing is trained they find the same."""
    return work.settings.rounds > 1 and "steps" not in method.ignored and not method.spreads


def check_workers(workers: Workers, ranks: Ranks | None, *, told: bool) -> None:
    """Check that a run may have workers.

    :param workers: of the run.
    :param ranks: processes that share it.
    :param told: whether somebody in this process is told or asked on the way.
    :raises UsageError: where it is shared already, or somebody would have to be told in another process.
    """
    if workers.alone:
        return
    if ranks is not None:
        raise UsageError(
            "jobs",
            expected="1 and no cluster under torchrun, which starts the processes of a run",
            got="more",
            remedy="leave torchrun or jobs away",
        )
    if told:
        raise UsageError(
            "jobs",
            expected="1 and no cluster with callbacks (--log) or an oracle (--ask): they are of this process",
            got="more",
            remedy="leave one away",
        )
