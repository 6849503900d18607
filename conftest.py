"""What surrounds every test and every doctest: the same start, nothing left behind."""

import os
from collections.abc import Iterator

import hypothesis
import pyro
import pytest
from pyro.poutine.runtime import _PYRO_STACK

# Examples do not vary from run to run, and the first call into torch may be slow. With NTPT_FUZZ=N there are
# N of each, drawn anew.
FUZZ = int(os.environ.get("NTPT_FUZZ", "0"))
hypothesis.settings.register_profile("ntpt", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzz", max_examples=max(FUZZ, 1), deadline=None)
hypothesis.settings.load_profile("fuzz" if FUZZ else "ntpt")


@pytest.fixture(autouse=True)
def clean_pyro() -> Iterator[None]:
    """Seed every generator, empty the parameter store, validate; check that no handler stays."""
    pyro.set_rng_seed(0)
    pyro.clear_param_store()
    with pyro.validation_enabled():
        yield
    left = [type(handler).__name__ for handler in _PYRO_STACK]
    _PYRO_STACK.clear()  # or every later test would fail too
    assert not left, f"handlers still installed: {left}"
