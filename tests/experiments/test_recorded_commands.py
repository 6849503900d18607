"""The command of every recorded result can still be given as it was written down."""

import functools
import importlib
import json
import shlex
from pathlib import Path

import pytest

from ntpt_pyro.cli.main import COMMANDS
from ntpt_pyro.runs import Settings
from ntpt_pyro.runs.methods.named import method_of

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
CONTENTS = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.rglob("*.json"))}
RECORDED = {
    f"{path.relative_to(RESULTS)}{part}": found["command"]
    for path, content in CONTENTS.items()
    for part, found in {"": content, **{f":{name}": one for name, one in content.items()}}.items()
    if isinstance(found, dict) and isinstance(found.get("command"), str)
}
"""The command of every result, or of each that a file holds."""
PLACES = ("DATA", "WORK", "LIBRARY", "FILE", "FOLDER", "OUT", "RUN", "SCHEDULE")
"""What stands for files and folders in a recorded command."""


def test_every_result_but_the_numbers_of_figures_says_its_command():
    others = {path.stem for path in CONTENTS} - {Path(name.split(":")[0]).stem for name in RECORDED}
    assert all(name.startswith("figure-") for name in others)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_command_still_parses(name, tmp_path, monkeypatch):
    words = shlex.split(RECORDED[name].replace("--seed SEED", "--seed 0"))
    words = [str(tmp_path / word) if word in PLACES else word for word in words]
    (tmp_path / "DATA").mkdir()
    if words[0] == "python":
        module = importlib.import_module(words[2])
        options = module.parsed(words[3:])
        assert module.__name__.startswith("ntpt_pyro.experiments.")
        if "--set" in words:
            changes = module.settings_of(options.set)
            assert method_of(Settings().changed(changes).strategy)
        return
    assert words[0] == "ntpt"
    assert words[1] in COMMANDS
    module = importlib.import_module(f"ntpt_pyro.cli.{words[1]}_command")
    (command,) = module.app.registered_commands
    given = {}

    @functools.wraps(command.callback)
    def note(**options):
        given.update(options)

    monkeypatch.setattr(command, "callback", note)
    module.app(args=words[2:], standalone_mode=False)
    assert given["out"] in (tmp_path / "OUT", None)
