"""Where a fit stands, as one file: enough to go on as if it had never stopped."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ntpt_pyro._files import write_safetensors
from ntpt_pyro.errors import RunError
from ntpt_pyro.inference.guide import ChoiceGuide
from ntpt_pyro.inference.optim import SplitAdam
from ntpt_pyro.inference.restarts import Restarts

FORMAT = "ntpt_pyro checkpoint 1"


@dataclass
class FitState:
    """Everything that changes while a fit runs.

    :param guide: the posterior over choices.
    :param library: the other module that is trained; None where the model has none.
    :param optimiser: with its moments.
    :param restarts: with each restart's evidence.
    :param batches: the source of the batches.
    :param step: training steps taken.
    :param losses: the loss of each of them, in nats an example, summed over restarts.
    """

    guide: ChoiceGuide
    library: torch.nn.Module | None
    optimiser: SplitAdam
    restarts: Restarts
    batches: torch.Generator
    step: int = 0
    losses: list[float] = field(default_factory=list)

    def save(self, path: Path, settings: dict[str, Any]) -> None:
        """Write the state and torch's global random state, atomically.

        :param path: the file.
        :param settings: what the fit was called with; a later :meth:`load` must be given the same.
        """
        tensors = {f"guide/{k}": v for k, v in self.guide.state_dict().items()}
        if self.library is not None:
            tensors |= {f"library/{k}": v for k, v in self.library.state_dict().items()}
        tensors |= {f"optimiser/{k}": v for k, v in self.optimiser.get_state().items()}
        tensors["evidence"] = self.restarts.evidence
        tensors["random/batches"] = self.batches.get_state()
        tensors["random/torch"] = torch.get_rng_state()
        metadata = {
            "format": FORMAT,
            "step": str(self.step),
            "losses": json.dumps(self.losses),
            "settings": json.dumps(settings, sort_keys=True),
        }
        write_safetensors(path, tensors, metadata)

    def load(self, path: Path, settings: dict[str, Any]) -> None:
        """Take over the state in a file, torch's global random state included.

        :param path: a file that :meth:`save` wrote.
        :param settings: as given to :meth:`save`.
        :raises RunError: where the file is no checkpoint of this version, or was made with other settings
            (the message names the first that differs).
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise _unusable(path, "a readable checkpoint", str(error)) from error
        if metadata.get("format") != FORMAT:
            raise _unusable(path, FORMAT, repr(metadata.get("format")))
        for name, before in json.loads(metadata["settings"]).items():
            if settings.get(name) != before:
                raise _unusable(path, f"{name}={before!r} as before", repr(settings.get(name)))
        self.guide.load_state_dict(_under(tensors, "guide/"))
        if self.library is not None:
            self.library.load_state_dict(_under(tensors, "library/"))
        self.optimiser.set_state(_under(tensors, "optimiser/"))
        self.restarts.evidence = tensors["evidence"].to(self.restarts.evidence.device)
        self.batches.set_state(tensors["random/batches"])
        torch.set_rng_state(tensors["random/torch"])
        self.step = int(metadata["step"])
        self.losses = json.loads(metadata["losses"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _unusable(path: Path, expected: str, got: str) -> RunError:
    return RunError(str(path), expected=expected, got=got, remedy="start anew with another --out folder")
