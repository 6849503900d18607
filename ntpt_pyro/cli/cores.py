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

    def make_ready(self) -> None:
        """Set torch's threads, which workers take over, and see that the cluster answers.

        A command may have nothing that it gives the cluster; a wrong address is told all the same.

        :raises UsageError: where there would be no thread, or more than any machine has; where there is no
            such cluster.
        """
        session.set_threads(self.threads)
        if self.workers.cluster is not None:
            from ntpt_pyro.inference.work.cluster import check_cluster

            check_cluster(self.workers.cluster)


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
