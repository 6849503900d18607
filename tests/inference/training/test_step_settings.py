"""Settings of steps: one range each, checked in one place."""

import math

import pytest

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Annealing, StepOptions, StepSettings
from ntpt_pyro.inference.training.step_settings import MOST


@pytest.mark.parametrize(
    ("name", "wrong", "expected"),
    [
        ("choice_lr", 0.0, f"a finite number above 0 and below {MOST:g}"),
        ("choice_lr", math.inf, f"a finite number above 0 and below {MOST:g}"),
        ("library_lr", -1e-3, f"a finite number above 0 and below {MOST:g}"),
        ("init_scale", -1.0, f"a finite number of at least 0 and below {MOST:g}"),
        ("kl", -1.0, f"a finite number of at least 0 and below {MOST:g}"),
        ("kl", math.nan, f"a finite number of at least 0 and below {MOST:g}"),
        ("clip_norm", 0.0, f"a finite number above 0 and below {MOST:g}"),
        ("sharpness", -1.0, f"a finite number of at least 0 and below {MOST:g}"),
        ("averaging", 1.0, "a finite number of at least 0 and below 1"),
        ("averaging", -0.1, "a finite number of at least 0 and below 1"),
        ("checkpoint_every", 0, "a whole number of at least 1"),
        ("checkpoint_every", 2.5, "a whole number of at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(name, wrong, expected):
    with pytest.raises(UsageError) as caught:
        StepSettings(**{name: wrong})
    assert (caught.value.where, caught.value.expected) == (name, expected)
    assert caught.value.got == f"{wrong:g}"
    assert caught.value.remedy


def test_the_ends_of_the_ranges_are_inside():
    StepSettings(init_scale=0.0, kl=0.0, clip_norm=None, sharpness=0.0, averaging=0.0, checkpoint_every=1)
    StepSettings(kl=None)
    StepSettings(kl=Annealing(0.3, 0.01, 100))


def test_every_setting_is_a_keyword():
    fields = {name: one.type for name, one in StepSettings.__dataclass_fields__.items()}
    assert fields == StepOptions.__annotations__
