"""What was believed of a program's choices on the way of its training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from ntpt_pyro._files import write_json
from ntpt_pyro.inference import Training

LOOKS = 25
"""Looks at a phase of the training, about."""
Looks = list[dict[str, Any]]
"""For each look its ``step`` and the ``marginals`` of the choices by site."""


class History:
    """A callback of a training that notes the restarts' marginals every so many steps.

    :param steps: of the phase of training, at most.
    :param path: a file kept up to date, and gone on from where it exists; None keeps none.
    """

    def __init__(self, steps: int, path: Path | None) -> None:
        self.every = max(1, steps // LOOKS)
        self.path = path
        self._looks: Looks = []
        if path is not None and path.exists():
            self._looks = json.loads(path.read_text(encoding="utf-8"))

    def __call__(self, state: Training) -> None:
        """Look, where it is time; a step that was seen before an interruption is the same again.

        :param state: of the training.
        """
        seen = self._looks[-1]["step"] if self._looks else 0
        if state.step % self.every or state.step <= seen:
            return
        probabilities = state.guide.probabilities().items()
        marginals = {site: probs.reshape(-1, probs.shape[-1]) for site, probs in probabilities}
        self._looks.append(look_at(state.step, marginals))
        if self.path is not None:
            write_json(self.path, self._looks)

    def of(self, restart: int, *, after: int = 0) -> Looks:
        """The looks at one restart.

        :param restart: which.
        :param after: steps that it was trained for before.
        :returns: by look its step, and by site the probabilities.
        """
        return [
            {
                "step": after + look["step"],
                "marginals": {site: probs[restart] for site, probs in look["marginals"].items()},
            }
            for look in self._looks
        ]


def look_at(step: int, marginals: Mapping[str, Float[Tensor, "*restarts size"]]) -> dict[str, Any]:
    """A look, as JSON can hold it.

    :param step: of the training.
    :param marginals: of the choices by site, in probability space.
    :returns: the look.
    """
    rounded = {site: probs.double().round(decimals=4).tolist() for site, probs in marginals.items()}
    return {"step": step, "marginals": rounded}
