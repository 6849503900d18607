"""What a run must be so that processes can share it."""

from collections.abc import Mapping
from typing import Any

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.ranks import Ranks, check_enough
from ntpt_pyro.runs.methods.method import Method
from ntpt_pyro.runs.settings import Settings


def check_shared(ranks: Ranks, method: Method, settings: Settings, options: Mapping[str, Any]) -> None:
    """Check that processes can share a run.

    :param ranks: the processes.
    :param method: of the run.
    :param settings: of the run.
    :param options: what decides its result.
    :raises UsageError: in all processes: where there are no restarts to share, fewer than processes, or these
        were asked for different runs.
    """
    flat = {**options, **{f"{name} (content)": one for name, one in options.get("inputs", {}).items()}}
    ranks.check_same({name: one for name, one in flat.items() if name != "inputs"})
    if "restarts" in method.ignored:
        raise UsageError(
            "ranks",
            expected="a way of inference that trains restarts, which ranks share",
            got=f"{settings.to_json()['strategy']} on {ranks.size} ranks",
            remedy="run it in one process, without torchrun",
        )
    check_enough(settings.restarts, ranks)
