"""Runs small enough to be made dozens of times."""

from functools import partial
from pathlib import Path

import pytest
import torch
from ntpt_pyro.runs.learn import Options

from ntpt_pyro.runs import learn as learning
from ntpt_pyro.tasks import tasks
from ntpt_pyro.tasks.data.images import Images

OPTIONS = {"examples": 40, "restarts": 2, "steps": 12, "rounds": 1, "lines": 2, "batch_size": 8}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]


def options(**changes) -> Options:
    return Options(**{"task": "add2x2/top", **OPTIONS, **changes})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred random images instead of real ones, and a few test grids."""

    random_images(monkeypatch)


def random_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the fixture does."""

    def load(classes: int, split: str, *, data: Path | None = None, download: Path | None = None) -> Images:
        generator = torch.Generator().manual_seed(len(split))
        images = torch.rand(100, 28, 28, generator=generator)
        return Images(images, torch.arange(100) % classes, f"random images, {split}")

    monkeypatch.setattr(tasks, "load_digits", partial(load, 10))
    monkeypatch.setattr(tasks, "load_operators", partial(load, 4))
    monkeypatch.setattr(learning, "TEST_EXAMPLES", 50)
