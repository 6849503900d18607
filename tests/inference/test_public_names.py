"""The names of the package: loaded on demand, old ones for a while."""

import subprocess
import sys

import pytest

import ntpt_pyro.inference
from ntpt_pyro.inference import ExactPosterior, mean_log_likelihood


@pytest.mark.parametrize("package", ["ntpt_pyro", "ntpt_pyro.inference"])
def test_importing_a_package_imports_neither_torch_nor_pyro(package):
    script = f"import {package}, sys; print({{'torch', 'pyro'}} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [("evidence", "mean_log_likelihood", mean_log_likelihood), ("Exact", "ExactPosterior", ExactPosterior)],
)
def test_old_names_are_warned_of_by_their_new_ones(old, new, value):
    with pytest.warns(DeprecationWarning, match=rf"ntpt_pyro.inference.{old} is now called {new}") as caught:
        assert getattr(ntpt_pyro.inference, old) is value
    assert caught[0].filename == __file__
    assert old not in ntpt_pyro.inference.__all__


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        ntpt_pyro.inference.nonsense  # noqa: B018  # to be asked for is enough
