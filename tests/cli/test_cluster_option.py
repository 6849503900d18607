"""The address of a cluster is looked at as soon as a command starts, whether it has work for it or not."""

import importlib.util
import inspect

import pytest

from ntpt_pyro.cli.main import COMMANDS

ARGUMENTS = {"learn": ["add2x2/top"], "posterior": ["add2x2/top"], "restarts": ["add2x2/top"]}
ARGUMENTS["terpret"] = ["a.terpret", "a.hypers.json", "a.data.json"]
TAKING = [
    name
    for name in COMMANDS
    if "cluster"
    in inspect.signature(getattr(importlib.import_module(f"ntpt_pyro.cli.{name}_command"), name)).parameters
]


def test_several_commands_take_a_cluster():
    assert {"learn", "posterior", "lifelong"} <= set(TAKING)


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs ntpt-pyro[dask]; left out")
@pytest.mark.parametrize("command", TAKING)
def test_a_wrong_address_is_told_at_once(refused, tmp_path, command):
    words = [*ARGUMENTS.get(command, []), "--cluster", "nonsense", "--out", tmp_path / "new"]
    told = "cluster: expected a Dask scheduler at nonsense that answers within 5 seconds, got none; start one"
    assert told in refused(command, *words)
    assert not (tmp_path / "new").exists()
