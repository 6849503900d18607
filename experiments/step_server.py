"""Takes training steps when it is told to on standard input, and says how long each took.

``bench`` runs this file once with the package of today and once with that of an older commit; so it imports
only what has long been there. A line ``NAME COUNT`` is answered by a JSON list of milliseconds.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import Library, find_task, models
from ntpt_pyro.experiments.handwritten import stepper
from ntpt_pyro.inference import Training, marginal
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.data.digits import load_digits
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples

WARM = 40
"""Steps that go ahead: after 30 of them they are recorded, where the package records steps."""


def grids(restarts: int, *, by_hand: bool = False) -> Callable[[], Any]:
    """A step of ADD2X2 on 32 grids."""
    source = torch.Generator().manual_seed(0)
    images, sums = add2x2_examples("top", load_digits("train"), 32, source).tensors
    if by_hand:
        return stepper(restarts, images, sums)
    library = Library([net_0])
    model = partial(add2x2, library=library)
    training = Training(model, (images, sums), strategy=marginal(), restarts=restarts, library=library)
    return partial(training.learn, images, sums)


def text() -> Callable[[], Any]:
    """A step of a Turing machine that inverts, written in TerpreT."""
    folder = Path(models.__file__).parent / "terpret"
    task = find_task(f"{folder / 'halting_turing.terpret'}:invert")
    examples = task.draw(1000, torch.Generator().manual_seed(0)).tensors
    return partial(Training(task.with_library(None), examples, strategy=marginal()).learn, *examples)


STEPS: dict[str, Callable[[], Callable[[], Any]]] = {
    "by-hand-1": partial(grids, 1, by_hand=True),
    "by-hand-32": partial(grids, 32, by_hand=True),
    "marginal-1": partial(grids, 1),
    "marginal-32": partial(grids, 32),
    "invert-1": text,
}
"""What makes a step, by name."""


def serve() -> None:
    """Answer until the input ends."""
    torch.set_num_threads(1)
    made: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        name, count = line.split()
        if name not in made:
            made[name] = STEPS[name]()
            for _ in range(WARM):
                made[name]()
        taken = []
        for _ in range(int(count)):
            began = time.perf_counter()
            made[name]()
            taken.append(1000 * (time.perf_counter() - began))
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    serve()
