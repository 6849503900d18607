"""`ntpt terpret` as a user types it: a program text, its hypers and its instances."""

import json
import math
from pathlib import Path

import pytest

from ntpt_pyro.inference import fit
from ntpt_pyro.runs import verdict
from ntpt_pyro.runs.methods import restarts_method

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
NO_HYPERS = {"two": {}}
NONE = {"hypers": NO_HYPERS}


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


def timeless(folder: Path) -> dict:
    """The content of result.json without what the clock decides."""
    content = json.loads((folder / "result.json").read_text())
    del content["seconds"], content["search_seconds"], content["facts"]["compiled to"], content["checksum"]
    return content


def test_a_text_is_learned_kept_and_shown(ntpt, files, tmp_path):
    out = tmp_path / "run"
    code, printed, error = ntpt("terpret", *files(), *FLAGS, "--out", out)
    assert (code, error) == (0, "")
    assert row(printed, "batch 'test'") == "2 of 2 instances reproduced"
    assert "Right on the 4 instances that it was learned from. The guide gives " in printed
    assert row(printed, "observed").startswith("'train' 4 of 8 outputs; 'test' 2 of 4 outputs, none in 1")
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    result = json.loads((out / "result.json").read_text())
    assert result["task"] == "adder"
    assert result["program_correct"] is True
    assert result["test_accuracy"] == 1.0
    assert result["facts"]["batch 'train'"] == "4 of 4 instances reproduced"
    assert 1 <= result["restarts_correct"] <= result["restarts"] == 4
    assert "instructions[0] = 0" in result["program"]
    assert result["choices"]["instructions_0"] == 0
    assert "products from" in result["facts"]["compiled to"]
    assert sorted(path.name for path in out.iterdir()) == [
        "choices.json",
        "history.json",
        "options.json",
        "result.json",
    ]
    code, shown, _ = ntpt("show", out, "--programs", 2, "--plot", tmp_path / "p.png")
    assert code == 0
    assert "instructions_0" in shown
    assert "2. probability" in shown
    assert (tmp_path / "p.png").exists()


def row(printed: str, name: str) -> str:
    """A figure of what was printed."""
    (found,) = [line.removeprefix(name).strip() for line in printed.splitlines() if line.startswith(name)]
    return found


def test_a_run_goes_on_as_if_it_had_not_been_broken(ntpt, refused, files, tmp_path, monkeypatch):
    paths = files()
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert ntpt("terpret", *paths, *FLAGS, "--out", whole)[0] == 0

    def kill(state):
        if state.step == 40:
            raise KeyboardInterrupt

    def often(*args, callbacks, **options):
        return fit(*args, **options, checkpoint_every=10, callbacks=[*callbacks, kill])

    command = ["terpret", *paths, *FLAGS, "--out", broken]
    with monkeypatch.context() as patch:
        patch.setattr(restarts_method, "fit", often)
        code, _, error = ntpt(*command)
    assert code == 130
    assert "--resume" in error
    assert "--resume" in refused(*command)
    assert ntpt(*command, "--resume")[0] == 0
    assert timeless(broken) == timeless(whole)
    for name in ("choices.json", "history.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    assert ntpt(*command, "--resume")[0] == 0  # what is finished is shown again


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.*.json")), ids=lambda path: path.name)
def test_every_file_of_ours_is_in_order(path, ntpt, monkeypatch):
    if path.name.endswith("hypers.json"):
        return
    monkeypatch.setattr(verdict, "DRAWN", 10)  # their probabilities are not looked at
    name, batch = path.name.split(".")[:2]
    files = [TEXTS / f"{name}.terpret", TEXTS / f"{name}.hypers.json", path]
    code, printed, error = ntpt("terpret", *files, "--check")
    assert (code, error) == (0, "")
    assert "compiled text and interpreter agree on" in " ".join(printed.split())
    code, printed, _ = ntpt("learn", f"{TEXTS / name}.terpret:{batch}", "--restarts=2", "--steps=2")
    assert code == 0
    assert "batch 'train'" in printed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"text": PUBLISHED.replace("r1]", "r3]")}, "adder.py:38:40: expected a name that is known here"),
        ({"text": "x = ("}, "adder.py:1:5: expected Python's syntax"),
        ({"text": "x = Param(2)", **NONE}, "to learn it from, got no Input and no Output; declare them"),
        ({"text": "x = Output(2)\nx.set_to(1)", **NONE}, "to learn it from, got no Input and no Param"),
        ({"text": "x = Param(2)"}, "in setting 'two': expected hypers that the text has (none), got"),
        ({"hypers": "nonsense"}, "hypers.json: expected JSON"),
        ({"text": "x = Output(2)" * 100_000}, "adder.py: expected a program text of at most 1,000,000 bytes"),
        (
            {"text": "p = Param(9999)[200]\nx = Output(2)\nx.set_to(1)", **NONE},
            "1,999,800 alternatives, the most by p; make the range or the array of p smaller",
        ),
        (
            {"text": "p = Param(2)[14000]\nx = Output(2)\nx.set_to(1)", **NONE},
            "fewer than 1e4000 joint settings",
        ),
        ({"hypers": []}, "hypers.json: expected {setting: {hyper: integer}}"),
        (
            {"hypers": {"two": {"maxInt": 5, "numTimesteps": 1}}},
            "expected a value for the hyper numRegisters",
        ),
        ({"data": {}}, "data.json: expected a list of at least one batch, got an object of 0 names"),
        ({"data": [{"batch_name": "train"}]}, "expected 'hypers', got none among batch_name"),
        (
            {"data": [{**DATA[0], "hypers": "three"}]},
            "batch 'train': expected hypers out of two, got 'three'",
        ),
        ({"data": [{**DATA[0], "instances": []}]}, "batch 'train', instances: expected a list of at least"),
        (
            {"data": [{**DATA[0], "instances": [TRAIN[0], {"final": 0}]}]},
            "batch 'train', instance 1, initial: expected an input, got none",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1, 5], "final": 0}]}]},
            "instance 0, initial[1]: expected an integer in 0..4, got 5",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1], "final": 0}]}]},
            "in all, got 1; initial[1] is missing; give initial[1]",
        ),
        (
            {"data": [{**DATA[0], "instances": [{"initial": [1, "x"], "final": 0}]}]},
            'instance 0, initial[1]: expected an integer in 0..4, got "x"; correct it',
        ),
    ],
)
def test_what_is_wrong_with_files_is_one_line(refused, files, changed, message):
    assert message in refused("terpret", *files(**changed), *FLAGS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--restarts=0"], "restarts: expected a finite number of at least 1 and at most 10,000, got 0"),
        (["--strategy=magic"], "strategy: expected one of"),
        (["--strategy=exact"], "em, exhaustive, solver, got 'exact'"),
        (["--resume"], "expected --out with it"),
        (["--threads=0"], "threads: expected a whole number of at least 1"),
    ],
)
def test_what_is_wrong_with_options_is_one_line(refused, files, words, message):
    assert message in refused("terpret", *files(), *FLAGS, *words)


def test_files_that_are_missing_are_named(refused, files, tmp_path):
    text, hypers, data = files()
    missing = tmp_path / "missing"
    for paths in ((missing, hypers, data), (text, missing, data), (text, hypers, missing)):
        assert "missing: expected" in refused("terpret", *paths, *FLAGS)


def test_two_batches_of_one_name_are_refused(refused, files):
    error = refused("terpret", *files(data=[DATA[0], DATA[0]]))
    assert "batch 'train': expected batches of different names" in error


def test_a_text_is_checked_only(ntpt, files, tmp_path):
    code, printed, error = ntpt("terpret", *files(), "--check", "--out", tmp_path / "run")
    assert (code, error) == (0, "")
    assert printed.splitlines()[1].endswith("adder.py: compiled text and interpreter agree on 64 results")
    assert row(printed, "parameters") == "4"
    assert row(printed, "  arg1") == "1 of range 2"
    assert row(printed, "programs") == "16 joint settings"
    assert row(printed, "observed").startswith("'train' 4 of 8 outputs; 'test' 2 of 4 outputs, none in 1")
    assert row(printed, "memory").endswith("for 64")
    for name in ("relaxed", "marginal", "exhaustive", "solver"):
        assert row(printed, name).startswith("within reach")
    assert max(map(len, printed.replace(str(tmp_path), "").splitlines())) <= 80
    assert not (tmp_path / "run").exists()


def test_an_error_in_a_text_is_shown_with_a_caret_under_the_place(ntpt, files):
    code, printed, error = ntpt("terpret", *files(text=PUBLISHED.replace("r1]", "r3]")), *FLAGS)
    assert (code, printed) == (2, "")
    line, shown, caret = error.splitlines()
    assert line.startswith("ntpt: adder.py:38:40: expected a name that is known here, got 'r3'; declare it")
    assert shown == "            arg1Val[t].set_to(registers[t, r3])"
    assert caret.index("^") == shown.index("r3")


def test_learnable_functions_are_learned_with_the_text(ntpt, refused, files, tmp_path):
    data = [
        {"batch_name": "train", "hypers": "two", "instances": SIGNS[:7]},
        {"batch_name": "others", "hypers": "two", "instances": SIGNS[7:]},
    ]
    paths, out = files(LOOKS, NO_HYPERS, data), tmp_path / "run"
    flags = ("--restarts=6", "--steps=150", "--library-lr=0.05")
    code, _, error = ntpt("terpret", *paths, *flags, "--out", out)
    assert (code, error) == (0, "")
    result = json.loads((out / "result.json").read_text())
    assert result["choices"] == {"turn": 1}
    assert result["facts"]["batch 'train'"] == "7 of 7 instances reproduced"
    assert result["facts"]["batch 'others'"] == "3 of 3 instances reproduced"
    again = ("--restarts=6", "--steps=1", "--library", out, "--out", tmp_path / "again")
    assert ntpt("terpret", *paths, *again)[0] == 0
    result = json.loads((tmp_path / "again" / "result.json").read_text())
    # The network is there, and some restart begins with the right turn.
    assert result["program_correct"] is True
    assert result["restarts_correct"] in (None, 6)  # those that are not right are not judged
    assert "library.safetensors" in refused("terpret", *paths, "--library", tmp_path)
    code, printed, error = ntpt("posterior", out)
    assert (code, error) == (0, "")
    assert "adder, the exact posterior of 2 programs given 7 examples" in printed
    code, printed, error = ntpt("evaluate", out, "--seed", 2)
    assert (code, error) == (0, "")
    assert "instance 2 of batch 'others'" in printed


@pytest.mark.parametrize("strategy", ["em", "enumerated-choices"])
def test_untrained_functions_are_learned_by_other_strategies_too(ntpt, files, tmp_path, strategy):
    data = [{"batch_name": "train", "hypers": "two", "instances": SIGNS}]
    flags = ("--strategy", strategy, "--restarts=6", "--steps=150", "--library-lr=0.05")
    out = tmp_path / "run"
    code, _, error = ntpt("terpret", *files(LOOKS, NO_HYPERS, data), *flags, "--out", out)
    assert (code, error) == (0, "")
    assert json.loads((out / "result.json").read_text())["choices"] == {"turn": 1}


def test_all_programs_of_a_text_are_tried(ntpt, files, tmp_path):
    out = tmp_path / "run"
    words = ("terpret", *files(), "--strategy", "exhaustive", "--out", out)
    code, printed, error = ntpt(*words)
    assert (code, error) == (0, "")
    assert "adder, the exact posterior of 16 programs given 4 examples" in printed
    assert row(printed, "batch 'test'") == "2 of 2 instances reproduced"
    result = json.loads((out / "result.json").read_text())
    assert (result["kind"], result["program_correct"], result["restarts"]) == ("posterior", True, None)
    assert result["choices"] == {"instructions_0": 0, "arg1_0": 0, "arg2_0": 1, "out_0": 0}
    assert result["entropy"] == pytest.approx(math.log(2), abs=1e-3)  # a + b, and b + a
    assert "the exact posterior of 16 programs" in ntpt("show", out)[1]
    assert ntpt(*words, "--resume") == (0, printed, "")


def test_untrained_functions_have_no_exact_posterior(refused, files):
    data = [{"batch_name": "train", "hypers": "two", "instances": SIGNS}]
    error = refused("terpret", *files(LOOKS, NO_HYPERS, data), "--strategy", "exhaustive")
    assert "expected one with LOOK, trained, got one with nothing trained" in error


def test_a_run_of_a_published_file_is_evaluated_and_asked_for_its_posterior(ntpt, files, tmp_path):
    # Its name ends in .py, as a user's task does, and it is not run as Python.
    out = tmp_path / "run"
    assert ntpt("terpret", *files(), *FLAGS, "--out", out)[0] == 0
    code, printed, error = ntpt("evaluate", out)
    assert (code, error) == (0, "")
    assert "instance 0 of batch 'test'" in printed
    code, printed, error = ntpt("posterior", out)
    assert (code, error) == (0, "")
    assert "adder, the exact posterior of 16 programs given 4 examples" in printed
