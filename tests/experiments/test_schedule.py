"""Schedules and the streams drawn from them."""

import json

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import DataError, UsageError
from ntpt_pyro.experiments import stream as streams
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.schedule import DEFAULT, Knot, Schedule, in_turn, load_schedule
from ntpt_pyro.experiments.stream import Stream
from ntpt_pyro.tasks import task_names
from ntpt_pyro.tasks.data.augmentation import augmented
from tests.small import random_images


@pytest.fixture
def small(monkeypatch):
    random_images(monkeypatch)
    monkeypatch.setattr(streams, "TEST_EXAMPLES", 10)


def stream(**changes):
    numbers = {"batches": 40, "batch_size": 4, "examples": 20, "operator_examples": 30, "lines": 2}
    schedule = in_turn(["add2x2/top", "apply2x2/top"])
    return Stream(LifetimeSettings(**{**numbers, "schedule": schedule, **changes}))


def test_the_default_gives_every_task_its_time_in_turn():
    assert sorted(DEFAULT.tasks) == [name for name in sorted(task_names()) if "2x2/" in name]
    scenarios = [task.split("/")[0] for task in DEFAULT.tasks]
    assert scenarios == ["add2x2", "apply2x2"] * 4
    middles = (np.arange(8) + 0.5) / 8
    assert np.array_equal(DEFAULT.probabilities(middles), np.eye(8))
    borders = DEFAULT.probabilities(np.arange(1, 8) / 8)
    for border, (before, after) in enumerate(zip(range(7), range(1, 8), strict=True)):
        assert borders[border, before] == pytest.approx(0.5)
        assert borders[border, after] == pytest.approx(0.5)


def test_probabilities_sum_to_one_at_all_times():
    schedule = Schedule(
        (
            Knot(0.0, {"add2x2/top": 0.5, "add2x2/left": 0.5}),
            Knot(0.3, {"add2x2/left": 0.1, "add2x2/right": 0.9}),
            Knot(1.0, {"add2x2/top": 1.0}),
        )
    )
    probabilities = schedule.probabilities(np.linspace(0, 1, 101))
    assert (probabilities >= 0).all()
    assert probabilities.sum(-1) == pytest.approx(np.ones(101))
    assert schedule.tasks == ["add2x2/top", "add2x2/left", "add2x2/right"]


def test_drawn_tasks_follow_the_probabilities():
    # Failure rate: each of 8 counts leaves 5 standard deviations with probability below 1e-6.
    batches = 16_000
    names = DEFAULT.draw(batches, seed=1)
    expected = DEFAULT.probabilities((np.arange(batches) + 0.5) / batches)
    for number, task in enumerate(DEFAULT.tasks):
        deviation = np.sqrt((expected[:, number] * (1 - expected[:, number])).sum())
        assert abs(names.count(task) - expected[:, number].sum()) <= 5 * deviation
    assert names == DEFAULT.draw(batches, seed=1)
    assert names != DEFAULT.draw(batches, seed=2)


TOP = {"add2x2/top": 1.0}


@pytest.mark.parametrize(
    ("knots", "message"),
    [
        (
            (Knot(0, TOP), Knot(1, {"add2x2/top": 0.5})),
            r"knot at 1: expected probabilities that sum to 1, got a sum",
        ),
        ((Knot(0, TOP), Knot(1, {"add2x2/up": 1.0})), r"expected tasks out of .*, got 'add2x2/up'"),
        (
            (Knot(0, TOP), Knot(1, {**TOP, "add2x2/left": 0.0})),
            r"task add2x2/left: expected a probability above 0",
        ),
        (
            (Knot(0, TOP), Knot(1, {"add2x2/top": 2.0, "add2x2/left": -1.0})),
            r"expected probabilities in 0..1",
        ),
        ((Knot(0, TOP), Knot(0.5, TOP)), r"expected times from 0 to 1 in order"),
        (
            (Knot(0, TOP), Knot(0.7, TOP), Knot(0.6, TOP), Knot(1, TOP)),
            r"expected times from 0 to 1 in order",
        ),
        ((Knot(0, TOP),), r"expected times from 0 to 1 in order"),
    ],
)
def test_a_wrong_schedule_is_refused(knots, message):
    with pytest.raises(UsageError, match=message):
        Schedule(knots)


def test_a_task_without_a_batch_is_refused():
    told = (
        r"task .*: expected examples of every task, got none in 4 batches; live longer \(--batches\), or give"
    )
    with pytest.raises(UsageError, match=told):
        DEFAULT.draw(4, seed=0)


def test_a_schedule_is_read_from_its_own_json(tmp_path):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(DEFAULT.to_json()))
    assert load_schedule(path) == DEFAULT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"knots": [{"at": "x", "tasks": {}}]}', '{"knots": 3}'])
def test_a_file_that_is_no_schedule_is_refused(tmp_path, text):
    path = tmp_path / "schedule.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"schedule, .*schedule\.json: expected JSON"):
        load_schedule(path)
    with pytest.raises(UsageError, match="no such file"):
        load_schedule(tmp_path / "other.json")


@pytest.mark.usefixtures("small")
def test_a_stream_is_the_same_whoever_asks_and_whenever():
    one, other = stream(augment=True), stream(augment=True)
    for position in (7, 30, 7):
        mine, theirs = one[position], other[position]
        assert mine.task == theirs.task == one.names[position]
        assert torch.equal(mine.rows, theirs.rows)
        for a, b in zip(mine.examples.tensors, theirs.examples.tensors, strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(one[7].examples.inputs[0], stream(seed=1)[7].examples.inputs[0])


@pytest.mark.usefixtures("small")
def test_batches_are_rows_of_their_tasks_training_examples():
    plain, changed = stream(), stream(augment=True)
    for position in (0, 39):
        batch = plain[position]
        examples = plain.training[batch.task]
        assert len(examples) == {"add2x2/top": 20, "apply2x2/top": 30}[batch.task]
        assert torch.equal(batch.examples.inputs[0], examples.inputs[0][batch.rows])
        assert torch.equal(batch.examples.results, examples.results[batch.rows])
        augmented_batch = changed[position]
        assert torch.equal(augmented_batch.examples.results, batch.examples.results)
        assert not torch.equal(augmented_batch.examples.inputs[0], batch.examples.inputs[0])
    assert [presented.batches for presented in plain.presented().values()] == [
        plain.names.count(task) for task in plain.tasks
    ]


@pytest.mark.usefixtures("small")
def test_digits_are_not_shared_between_grids_and_too_few_are_refused():
    stream(examples=25)  # a hundred images
    with pytest.raises(DataError, match=r"expected at most 25 grids, for 100 images .*, got 26"):
        stream(examples=26)


def test_augmentation_moves_images_a_little_and_each_by_itself():
    image = torch.zeros(28, 28)
    image[10:18, 12:16] = 1.0
    grids = image.expand(50, 4, 28, 28).clone()
    changed = augmented(grids, torch.Generator().manual_seed(0))
    assert changed.shape == grids.shape
    assert changed.min() >= 0
    assert changed.max() <= 1 + 1e-6
    mass = changed.sum((-1, -2))
    assert ((mass > 0.7 * image.sum()) & (mass < 1.3 * image.sum())).all()
    assert len({float(m) for m in mass.flatten()}) == 200
    places = torch.arange(28.0)
    columns = (changed.sum(-2) * places).sum(-1) / mass
    centre = (image.sum(-2) * places).sum() / image.sum()
    assert ((columns - centre).abs() < 3.5).all()
