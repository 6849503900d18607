"""Settings: what each must be, what they change to, and what JSON holds of them."""

import json
import math
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from ntpt_pyro import Settings, Task, induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Annealing, relaxed
from ntpt_pyro.runs.methods.restarts_method import kl_weight
from ntpt_pyro.tasks import find_task, task_names
from tests.two_registers import sum_task

NUMBERS = [one for one in fields(Settings) if "bounds" in one.metadata and one.name != "strategy"]
WHOLE = [one.name for one in NUMBERS if one.type in (int, int | None)]
REAL = [one.name for one in NUMBERS if one.type in (float, float | None)]


def test_every_number_has_bounds_and_every_setting_a_help():
    words = {"strategy", "dropout", "own_networks", "prior", "compile"}
    assert {*WHOLE, *REAL} == {one.name for one in fields(Settings)} - words
    for one in NUMBERS:
        if one.name in (*WHOLE, *REAL):
            assert any(bound is not None for bound in one.metadata["bounds"].values())
    assert all(one.metadata["about"] for one in fields(Settings))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, -1e-9, "many", None, True])
@pytest.mark.parametrize("name", [*WHOLE, *REAL])
def test_what_is_no_number_within_its_bounds_is_refused(name, value):
    default = next(one.default for one in fields(Settings) if one.name == name)
    if value is None and (default is None or name in ("search", "batch_size")):
        assert getattr(Settings(**{name: None}), name) is None
        return
    with pytest.raises(UsageError, match=f"^{name}: expected a ") as caught:
        Settings(**{name: value})
    message = str(caught.value)
    assert "\n" not in message
    ends = [] if default is None else [f"the default is {default}"]
    ends += ["None leaves it open"] if default is None or name in ("search", "batch_size") else []
    assert message.endswith(f"; {', '.join(ends)}")
    with pytest.raises(UsageError, match=f"^{name}: expected a "):
        induce(sum_task(), **{name: value})


def test_a_weight_falls_to_one_above_zero():
    with pytest.raises(UsageError, match="kl: expected a weight above 0, which kl_start falls to, got 0"):
        Settings(kl=0, kl_start=0.3)


def test_a_search_has_its_weight_from_the_settings():
    assert kl_weight(Settings(kl=0.2), 40) == 0.2
    assert kl_weight(Settings(kl=0.2, kl_start=0.8), 40) == Annealing(0.8, 0.2, 40)


@pytest.mark.parametrize("name", WHOLE)
def test_half_a_thing_is_refused(name):
    with pytest.raises(UsageError, match=f"{name}: expected a whole number, got 10.5"):
        Settings(**{name: 10.5})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("restarts", 0, "restarts: expected a finite number of at least 1 .*, got 0; the default is 16"),
        ("search", 0, "search: expected a finite number of at least 1 .*, got 0; the default is 300, None l"),
        ("look", 0, "look: expected a finite number of at least 1 and at most .*, got 0; None leaves it"),
        (
            "seed",
            2**32,
            "seed: expected a finite number of at least 0 and below .*, got .*; the default is 0",
        ),
        (
            "choice_lr",
            0,
            "choice_lr: expected a finite number above 0 and .*, got 0; the default is 0.1",
        ),
        (
            "averaging",
            1,
            "averaging: expected a finite number of at least 0 and below 1, got 1; the default is 0.0",
        ),
        ("tolerance", 1, "tolerance: expected a finite number of at least 0 and below 1, got 1"),
    ],
)
def test_a_bound_is_told_with_the_default(name, value, message):
    with pytest.raises(UsageError, match=message):
        Settings(**{name: value})


def test_a_number_of_numpy_is_a_number():
    made = Settings(seed=np.int64(3), kl=np.float32(0.5), restarts=np.uint8(2))
    assert json.loads(json.dumps(made.to_json()))["seed"] == 3
    assert made == Settings(seed=3, kl=0.5, restarts=2)


def test_json_holds_every_setting_by_its_name():
    made = Settings(restarts=3, look=None, strategy="fmgd")
    assert set(made.to_json()) == {one.name for one in fields(Settings)}
    assert Settings(**json.loads(json.dumps(made.to_json()))) == made
    own = replace(made, strategy=relaxed(0.5))
    assert own.to_json()["strategy"] == relaxed(0.5).describe()
    json.dumps(own.to_json())


def test_changes_make_new_settings():
    before = Settings()
    assert before.changed({"restarts": 3}) == Settings(restarts=3)
    assert before == Settings()
    for name, remedy in (("steep", "did you mean steps?"), ("lr", "did you mean choice_lr or library_lr?")):
        with pytest.raises(
            UsageError, match=rf"names out of strategy, .*, got '{name}'; {re.escape(remedy)}"
        ):
            before.changed({name: 3})
    with pytest.raises(UsageError, match="got 'zzz'; correct it"):
        before.changed({"zzz": 3})


@pytest.mark.parametrize("name", task_names())
def test_the_defaults_of_the_papers_tasks_are_settings(name):
    assert isinstance(Settings().changed(find_task(name).defaults), Settings)
    assert isinstance(find_task(name), Task)


def test_a_prior_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match=r"^prior: expected one of uniform, fewest-read, got 'flat'"):
        Settings(prior="flat")
