"""Who computes for a command: threads of this process, processes beside it, or a cluster."""

import inspect
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from ntpt_pyro.cli import session
from ntpt_pyro.cli.options import Cluster, Command, Jobs, Threads, with_parameters
from ntpt_pyro.inference.work.workers import Workers


@dataclass(frozen=True)
class Cores:
    """Who computes.

    :param workers: who does pieces of work that do not depend on each other.
    :param threads: of torch, in this process.
    """

    workers: Workers = field(default_factory=Workers)
    threads: int = 1

    def set_threads(self) -> None:
        """Set torch's threads; workers take them over.

        :raises UsageError: where there would be none, or more than any machine has.
        """
        session.set_threads(self.threads)


def with_cores(command: Command) -> Command:
    """Give a command the options ``--jobs``, ``--cluster`` and ``--threads``, which it takes as ``cores``.

    :param command: the command.
    :returns: it, with the options.
    """
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "cores"]
    kinds: dict[str, tuple[Any, Any]] = {
        "jobs": (Jobs, 1),
        "cluster": (Cluster, None),
        "threads": (Threads, 1),
    }
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in kinds.items()
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        jobs, cluster, threads = (given.pop(name) for name in kinds)
        command(**given, cores=Cores(Workers(jobs, cluster), threads))

    return with_parameters(run, [*own, *added])
