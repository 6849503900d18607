"""`ntpt terpret` as a user types it: a program text, its hypers and its instances."""

import json
import math
from pathlib import Path

import pytest

from ntpt_pyro.experiments import texts
from ntpt_pyro.inference import fit
from ntpt_pyro.runs import terpret as learning

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
# A file in the style of those that TerpreT's authors published, run as it is.
PUBLISHED = """from dummy import Hyper, Param, Var, Runtime, Input, Output, Inline

numRegisters = Hyper()
maxInt = Hyper()
numTimesteps = Hyper()

##### The interpreter
@Runtime([maxInt, maxInt], maxInt)
def Add(x, y): return (x + y) % maxInt
@Runtime([maxInt], maxInt)
def Inc(x): return (x + 1) % maxInt
@Runtime([maxInt], 2)
def IsZero(x): return 1 if x == 0 else 0

@Inline()
def SetRegister(t, r, value):
    registers[t + 1, r].set_to(value)

instructions = Param(2)[numTimesteps]
arg1 = Param(numRegisters)[numTimesteps]
arg2 = Param(numRegisters)[numTimesteps]
out = Param(numRegisters)[numTimesteps]

registers = Var(maxInt)[numTimesteps + 1, numRegisters]
arg1Val = Var(maxInt)[numTimesteps]
arg2Val = Var(maxInt)[numTimesteps]
outVal = Var(maxInt)[numTimesteps]

initial = Input(maxInt)[numRegisters]
final = Output(maxInt)
finalIsZero = Output(2)

for r in range(numRegisters):
    registers[0, r].set_to(initial[r])

for t in range(numTimesteps):
    with arg1[t] as r1:
        arg1Val[t].set_to(registers[t, r1])
    with arg2[t] as r2:
        arg2Val[t].set_to(registers[t, r2])
    if instructions[t] == 0:
        outVal[t].set_to(Add(arg1Val[t], arg2Val[t]))
    elif instructions[t] == 1:
        outVal[t].set_to(Inc(arg1Val[t]))
    for r in range(numRegisters):
        if out[t] == r:
            SetRegister(t, r, outVal[t])
        else:
            SetRegister(t, r, registers[t, r])

final.set_to(registers[numTimesteps, 0])
finalIsZero.set_to(IsZero(registers[numTimesteps, 0]))
"""
HYPERS = {"two": {"numRegisters": 2, "maxInt": 5, "numTimesteps": 1}}
TRAIN = [{"initial": [a, b], "final": (a + b) % 5} for a, b in ((1, 2), (3, 4), (2, 0), (4, 4))]
TEST = [{"initial": [4, 1], "final": 0, "finalIsZero": 1}, {"initial": [1, 1], "final": None}]
DATA = [
    {"batch_name": "train", "hypers": "two", "instances": TRAIN},
    {"batch_name": "test", "hypers": "two", "instances": TEST},
]
FLAGS = ["--restarts=4", "--steps=60"]


# Two signs, of which one is to be read; what is bright is a 1.
LOOKS = """
signs = Input(Tensor(2))[2]
turn = Param(2)
seen = Var(2)[2]
out = Output(2)
@Learn([Tensor(2)], 2, hid_sizes=[8])
def LOOK(sign): pass
for i in range(2):
    seen[i].set_to(LOOK(signs[i]))
with turn as t:
    out.set_to(seen[t])
"""
SIGNS = [
    {"signs": [[a, 1 - a], [b, b]], "out": int(b > 0.5)}
    for a, b in [(0.1 * n, 0.9 * (n % 3 > 0) + 0.01 * n) for n in range(10)]
]


@pytest.fixture
def files(tmp_path):
    def write(text=PUBLISHED, hypers=HYPERS, data=DATA):
        paths = [tmp_path / name for name in ("adder.py", "hypers.json", "data.json")]
        for path, content in zip(paths, (text, hypers, data), strict=True):
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return paths

    return write


def test_a_text_is_learned_kept_and_shown(ntpt, files, tmp_path):
    out = tmp_path / "run"
    code, printed, _ = ntpt("terpret", *files(), *FLAGS, "--out", out)
    assert code == 0
    assert "batch 'test': 2 of 2 instances reproduced" in printed
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    result = json.loads((out / "result.json").read_text())
    assert result["task"] == "adder"
    assert result["program_correct"] is True
    assert result["test_accuracy"] == 1.0
    assert result["reproduced"] == {"train": [4, 4], "test": [2, 2]}
    assert 1 <= result["restarts_correct"] <= result["restarts"] == 4
    assert "instructions[0] = 0" in result["program"]
    assert result["choices"]["instructions_0"] == 0
    assert result["compiled"]["products"] > 0
    assert sorted(path.name for path in out.iterdir()) == ["choices.json", "options.json", "result.json"]
    code, shown, _ = ntpt("show", out, "--top", 2, "--plot", tmp_path / "p.png")
    assert code == 0
    assert "instructions_0" in shown
    assert "2. probability" in shown
    assert (tmp_path / "p.png").exists()


def test_a_run_goes_on_as_if_it_had_not_been_broken(ntpt, files, tmp_path, monkeypatch):
    paths = files()
    assert ntpt("terpret", *paths, *FLAGS, "--out", tmp_path / "whole")[0] == 0

    def kill(state):
        if state.step == 40:
            raise KeyboardInterrupt

    def often(*args, **kwargs):
        return fit(*args, **kwargs, checkpoint_every=10, callbacks=[kill])

    monkeypatch.setattr(learning, "fit", often)
    command = ["terpret", *paths, *FLAGS, "--out", tmp_path / "broken"]
    code, _, error = ntpt(*command)
    assert code == 130
    assert "--resume" in error
    monkeypatch.setattr(learning, "fit", fit)
    code, _, error = ntpt(*command)
    assert code == 2
    assert "--resume" in error
    assert ntpt(*command, "--resume")[0] == 0
    assert (tmp_path / "broken" / "choices.json").read_bytes() == (
        tmp_path / "whole" / "choices.json"
    ).read_bytes()
    assert ntpt(*command, "--resume")[0] == 0  # what is finished is shown again


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.*.json")), ids=lambda path: path.name)
def test_every_file_of_ours_is_in_order(path, ntpt):
    if path.name.endswith("hypers.json"):
        return
    name = path.name.split(".")[0]
    files = [TEXTS / f"{name}.terpret", TEXTS / f"{name}.hypers.json", path]
    code, printed, _ = ntpt("terpret", *files, "--restarts=2", "--steps=2")
    assert code == 0
    assert "batch 'train'" in printed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": PUBLISHED.replace("r1]", "r3]")}, "adder.py:38:40: expected a name that is known here"),
        ({"text": "x = ("}, "adder.py:1:5: expected Python's syntax"),
        ({"text": "x = Param(2)"}, "adder.py: expected a Param to learn and an Output to learn it from"),
        ({"text": "x = Output(2)\nx.set_to(1)"}, "adder.py: expected a Param to learn and an Output"),
        ({"hypers": "nonsense"}, "hypers.json: expected JSON"),
        ({"hypers": []}, "hypers.json: expected {setting: {hyper: integer}}"),
        (
            {"hypers": {"two": {"maxInt": 5, "numTimesteps": 1}}},
            "expected a value for the hyper numRegisters",
        ),
        ({"data": {}}, "data.json: expected a list of batches"),
        ({"data": [{"batch_name": "train"}]}, "expected batch_name, hypers and instances"),
        (
            {"data": [{**DATA[0], "hypers": "three"}]},
            "batch 'train': expected hypers out of two, got 'three'",
        ),
        ({"data": [{**DATA[0], "instances": []}]}, "batch 'train': expected a list of instances"),
        (
            {"data": [{**DATA[0], "instances": [TRAIN[0], {"final": 0}]}]},
            "batch 'train', instance 1, initial: expected an input, got none",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1, 5], "final": 0}]}]},
            "instance 0, initial: expected integers in 0..4, got 5",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1], "final": 0}]}]},
            "instance 0, initial: expected shape [2], got [1]",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1, "x"], "final": 0}]}]},
            "expected numbers of shape [2], got something else",
        ),
    ],
)
def test_what_is_wrong_with_files_is_one_line(ntpt, files, changed, message):
    code, _, error = ntpt("terpret", *files(**changed), *FLAGS)
    assert code == 2
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--restarts=0"], "restarts: expected at least 1, got 0"),
        (["--strategy=magic"], "strategy: expected one of"),
        (["--resume"], "expected --out with it"),
        (["--threads=0"], "threads: expected at least 1"),
    ],
)
def test_what_is_wrong_with_options_is_one_line(ntpt, files, words, message):
    code, _, error = ntpt("terpret", *files(), *FLAGS, *words)
    assert code == 2
    assert error.count("\n") == 1
    assert message in error


def test_files_that_are_missing_are_named(ntpt, files, tmp_path):
    text, hypers, data = files()
    missing = tmp_path / "missing"
    for paths in ((missing, hypers, data), (text, missing, data), (text, hypers, missing)):
        code, _, error = ntpt("terpret", *paths, *FLAGS)
        assert code == 2
        assert "missing: expected" in error
        assert error.count("\n") == 1


def test_texts_are_measured_by_one_command(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "TASKS", {"circuit": ("swap",)})
    out = tmp_path / "texts.json"
    texts.main(["--singles=3", "--runs=2", "--steps=3", "--out", str(out)])
    found = json.loads(out.read_text())
    assert found["tasks"]["circuit swap"]["restarts"]["trials"] == 3
    assert found["tasks"]["circuit swap"]["runs"]["trials"] == 2
    assert set(found["step"]) == {"R=1", "R=64"}
    assert found["settings"]["model"] == "turing.terpret"


def test_learnable_functions_are_learned_with_the_text(ntpt, files, tmp_path):
    data = [
        {"batch_name": "train", "hypers": "two", "instances": SIGNS[:7]},
        {"batch_name": "others", "hypers": "two", "instances": SIGNS[7:]},
    ]
    paths, out = files(LOOKS, HYPERS, data), tmp_path / "run"
    flags = ("--restarts=6", "--steps=150", "--library-lr=0.05")
    code, _, error = ntpt("terpret", *paths, *flags, "--out", out)
    assert (code, error) == (0, "")
    result = json.loads((out / "result.json").read_text())
    assert result["choices"] == {"turn": 1}
    assert result["reproduced"] == {"train": [7, 7], "others": [3, 3]}
    again = ("--restarts=6", "--steps=1", "--library", out, "--out", tmp_path / "again")
    assert ntpt("terpret", *paths, *again)[0] == 0
    result = json.loads((tmp_path / "again" / "result.json").read_text())
    assert (
        result["restarts_correct"] >= 1
    )  # the network is there, and some restart begins with the right turn
    code, _, error = ntpt("terpret", *paths, "--library", tmp_path)
    assert code == 2
    assert "library.safetensors" in error


def test_two_batches_of_one_name_are_refused(ntpt, files):
    code, _, error = ntpt("terpret", *files(data=[DATA[0], DATA[0]]))
    assert code == 2
    assert "batch 'train': expected batches of different names" in error


def test_all_programs_of_a_text_are_tried(ntpt, files, tmp_path):
    out = tmp_path / "run"
    code, printed, _ = ntpt("terpret", *files(), "--strategy", "exact", "--out", out)
    assert code == 0
    assert "exact           16 programs on 4 instances" in printed
    assert "batch 'test': 2 of 2 instances reproduced" in printed
    result = json.loads((out / "result.json").read_text())
    assert result["program_correct"] is True
    assert result["restarts"] is None
    assert result["choices"] == {"instructions_0": 0, "arg1_0": 0, "arg2_0": 1, "out_0": 0}
    assert result["entropy"] == pytest.approx(math.log(2), abs=1e-3)  # a + b, and b + a
    assert "exact           16 programs" in ntpt("show", out)[1]
    again = ntpt("terpret", *files(), "--strategy", "exact", "--out", out, "--resume")
    assert "exact           16 programs" in again[1]


def test_untrained_functions_have_no_exact_posterior(ntpt, files):
    data = [{"batch_name": "train", "hypers": "two", "instances": SIGNS}]
    code, _, error = ntpt("terpret", *files(LOOKS, HYPERS, data), "--strategy", "exact")
    assert code == 2
    assert "expected a library with LOOK, trained, got none" in error
