"""Runs small enough to be made dozens of times."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import torch

from ntpt_pyro import Library, Line, MeanFieldPosterior, Task, find_task
from ntpt_pyro.runs import LearnedResult, RunFolder, Settings, verdict
from ntpt_pyro.tasks import image_task
from ntpt_pyro.tasks.data.images import Images

OPTIONS = {
    "examples": 40,
    "restarts": 2,
    "steps": 12,
    "rounds": 1,
    "batch_size": 8,
    "test_examples": 50,
}
FLAGS = ["--lines=2", *(f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items())]
"""The same at the command line, with programs of two lines."""


def settings(**changes) -> Settings:
    """Settings of a small run."""
    return Settings(**{**OPTIONS, **changes})


def small_task(name: str = "add2x2/top") -> Task:
    """One of the 2x2 tasks, with programs of two lines."""
    return find_task(name, lines=2)


def keep_run(
    folder: Path,
    name: str,
    choices: dict[str, int],
    library: Library | None = None,
    *,
    words: dict[str, list[str]] | None = None,
    lines: Sequence[Line] = (),
    posterior: MeanFieldPosterior | None = None,
) -> Path:
    """A run folder of a task that ended with a certain program; of how, it says nothing."""
    result = LearnedResult(
        task=name,
        found_by=name,
        choices=choices,
        strategy="marginal",
        seed=0,
        seconds=0.0,
        versions={},
        parameters={},
        test_accuracy=None,
        held_out=False,
        digit_accuracy=None,
        program=[line.text for line in lines],
        program_correct=None,
        restarts=None,
        restarts_correct=None,
        steps=0,
        lines=list(lines),
        words=words or {},
        domain="",
        trials={},
        readings={},
        behaviours=[],
        log_evidence=None,
        facts={},
        data={},
        options={},
        rounds=1,
        held_back_accuracy=0.0,
        held_back_log_likelihood=None,
        search_steps=0,
    )
    run = RunFolder(folder)
    run.begin({"task": name}, resume=False)
    run.finish(result, posterior or MeanFieldPosterior({}), library)
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred random images instead of real ones, and few programs drawn from a posterior."""
    random_images(monkeypatch)
    monkeypatch.setattr(verdict, "DRAWN", 10)


def random_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The images of the fixture."""

    def load(
        classes: int,
        shape: tuple[int, ...],
        split: str,
        *,
        data: Path | None = None,
        download: Path | None = None,
    ) -> Images:
        generator = torch.Generator().manual_seed(len(split))
        images = torch.rand(100, *shape, generator=generator, device="cpu")
        return Images(images, torch.arange(100, device="cpu") % classes, f"random images, {split}")

    monkeypatch.setattr(image_task, "load_digits", partial(load, 10, (28, 28)))
    monkeypatch.setattr(image_task, "load_operators", partial(load, 4, (28, 28)))
    monkeypatch.setattr(image_task, "load_signs", partial(load, 5, (28, 28, 3)))
