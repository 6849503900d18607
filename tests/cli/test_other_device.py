"""Every command that computes, on another device than the CPU: nothing is left behind on one of the two.

The device is pretended (see ``tests/pretended_device.py``), so that this holds on any machine.
"""

import json

import pytest
import torch

from ntpt_pyro.cli import device_option
from ntpt_pyro.experiments import lengths
from ntpt_pyro.experiments.schedule import in_turn
from ntpt_pyro.models import terpret
from tests.pretended_device import NAME, pretended_device
from tests.small import small  # noqa: F401  # a fixture

FEW = "--examples 40 --restarts 2 --steps 12 --search 4 --batch-size 8 --rounds 1 --test-examples 50"
TEXTS = terpret.__path__[0]
TURING = f"{TEXTS}/turing.terpret {TEXTS}/turing.hypers.json {TEXTS}/turing.invert.json"
SCRIPTS = f"{TEXTS}/two_scripts.terpret {TEXTS}/two_scripts.hypers.json {TEXTS}/two_scripts.signs.json"
COMMANDS = {
    "learn": f"learn add2x2/top --lines 2 {FEW} --html {{out}}.html --plot {{out}}.png --out {{out}}",
    "recorded": f"learn add2x2/top --lines 2 {FEW} --compile jit --log {{out}}.jsonl",
    "halved": f"learn add2x2/top --lines 2 {FEW} --restarts 4 --search 6 --steps 18 --halve 2",
    "enumerated": f"learn add2x2/left --lines 1 {FEW} --strategy enumerated-choices --library {{library}}",
    "em": f"learn add2x2/left --lines 1 {FEW} --strategy em --search 2 --steps 4",
    "exhaustive": "learn add2x2/left --lines 2 --strategy exhaustive --library {library} --test-examples 50",
    "apply2x2": f"learn apply2x2/top --lines 2 {FEW} --library {{library}}",
    "math": f"learn math {FEW} --library {{library}} --html {{out}}.html",
    "path_len": f"learn path_len {FEW} --html {{out}}.html",
    "posterior": "posterior add2x2/top --lines 2 --library {library} --html {out}.html --test-examples 50",
    "restarts": "restarts add2x2/top --strategy fmgd,relaxed-joint --restarts 2 --steps 4 --out {out}",
    "text": f"terpret {TURING} --steps 6 --restarts 4 --html {{out}}.html",
    "text, exhaustive": f"terpret {TURING} --strategy exhaustive",
    "text with functions": f"terpret {SCRIPTS} --steps 6 --restarts 2 --plot {{out}}.png",
    "lifelong": "lifelong --schedule {schedule} --batches 60 --every 30 --search 10 --restarts 2 --lines 2 "
    "--examples 24 --operator-examples 24 --augment --models ntpt,pnn --no-references --out {out}",
    "generalize": "generalize --library {library} --tapes 5 --examples 50 --steps 6 --out {out} "
    "--lstm-steps 2 --hidden 4 --neural-gpu-steps 2 --filters 2",
}


@pytest.fixture
def typed(ntpt, monkeypatch, tmp_path, library):
    """A command as a user types it on a machine with such a device; gives what it prints."""
    schedule = tmp_path / "schedule.json"
    schedule.write_text(json.dumps(in_turn(["add2x2/top", "apply2x2/top"]).to_json()))
    places = {"schedule": schedule, "library": library}
    monkeypatch.setattr(lengths, "LENGTHS", {"symbols": (1, 3), "images": (1, 3)})
    real = device_option.device_named
    monkeypatch.setattr(
        device_option, "device_named", lambda name: f"{NAME}:0" if name == "cuda" else real(name)
    )

    def run(line, device="cuda", out="out"):
        words = line.format(out=tmp_path / out, **places).split()
        with pretended_device():
            code, printed, error = ntpt(*words, "--device", device)
        assert code == 0, error
        return printed

    return run


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_runs_on_another_device(typed, name):
    assert typed(COMMANDS[name])


@pytest.mark.usefixtures("small")
def test_a_run_of_one_device_goes_on_and_is_shown_on_another(typed, ntpt, tmp_path):
    line = f"learn add2x2/top --lines 2 {FEW} --out {{out}}"
    typed(line)
    assert "add2x2/top" in ntpt("show", tmp_path / "out")[1]
    typed("posterior {out}")


@pytest.mark.usefixtures("small")
def test_another_device_draws_the_same_examples_and_initial_programs(typed):
    line = f"learn add2x2/top --lines 2 {FEW} --json"
    there, here = (json.loads(typed(line, device)) for device in ("cuda", "cpu"))
    assert there["held_back_log_likelihood"] == pytest.approx(here["held_back_log_likelihood"], rel=1e-4)
    assert there["program"] == here["program"]


def test_a_pretended_device_refuses_what_a_gpu_refuses():
    """Else the tests above would show nothing."""
    with pretended_device() as device, device:
        ones = torch.ones(4)
        assert (ones.device, (ones + 1).sum().item()) == (device, 8)
        for wrong, message in (
            (lambda: ones + torch.ones(4, device="cpu"), "same device"),
            (lambda: torch.cat([ones, torch.ones(1, device="cpu")]), "same device"),
            (lambda: torch.ones(4, device="cpu")[torch.tensor([0])], "same device"),
            (lambda: torch.rand(3, generator=torch.Generator()), "generator"),
        ):
            with pytest.raises(RuntimeError, match=message):
                wrong()
        with pytest.raises(TypeError, match="numpy"):
            ones.numpy()
