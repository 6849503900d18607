"""Numbers and paths of every command within their bounds, told in one line before anything is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ntpt_pyro import Settings
from ntpt_pyro.cli.main import COMMANDS
from ntpt_pyro.inference import STRATEGIES
from ntpt_pyro.runs import method_names
from ntpt_pyro.runs.induce import settled_settings
from ntpt_pyro.runs.methods.named import method_of
from ntpt_pyro.tasks.text_defaults import DEFAULTS, WITH_FUNCTIONS
from tests.two_registers import sum_task

ROOT = Path(__file__).parents[2]
HUGE = str(10**12)
WRONG = {
    f"learn add2x2/top --seed {2**70}": "seed: expected a finite number of at least 0 and below 4,294,967,29",
    f"learn add2x2/top --restarts {10**5}": "restarts: expected a finite number of at least 1 and at most 10",
    f"learn add2x2/top --restarts 1{'0' * 400}": "got about 1.0e400",
    f"learn add2x2/top --examples {HUGE}": "examples: expected a finite number of at least 1 and at most",
    f"learn add2x2/top --steps {HUGE}": "steps: expected a finite number",
    f"learn add2x2/top --test-examples {HUGE}": "test_examples: expected a finite number",
    f"learn add2x2/top --threads {HUGE}": "threads: expected a whole number of at least 1 and at most 1,024",
    "learn add2x2/top --kl nan": "kl: expected a finite number of at least 0",
    "learn add2x2/top --kl -1": "kl: expected a finite number of at least 0",
    "learn add2x2/top --init-scale nan": "init_scale: expected a finite number",
    "learn add2x2/top --init-scale -1": "init_scale: expected a finite number",
    "learn add2x2/top --choice-lr inf": "choice_lr: expected a finite number",
    "learn add2x2/top --choice-lr 1e300": "choice_lr: expected a finite number above 0 and below 1e+30",
    "learn add2x2/top --seconds nan": "seconds: expected a finite number",
    f"learn add2x2/top --lines {HUGE}": "lines: expected a whole number of at least 1 and at most 100",
    f"posterior add2x2/top --memory {HUGE}": "memory: expected a finite number",
    f"posterior add2x2/top --alternatives {HUGE}": "alternatives: expected a finite number",
    "restarts add2x2/top --seconds nan": "seconds: expected a finite number",
    "lifelong --first-seed -1": "first_seed: expected a whole number of at least 0 and at most 4,294,967,295",
    f"lifelong --seeds {HUGE}": "seeds: expected a whole number of at least 1 and at most 10,000",
    f"lifelong --first-seed {2**32}": "first_seed: expected a whole number",
    f"lifelong --batches {HUGE}": "batches: expected a finite number",
    f"lifelong --lines {HUGE}": "lines: expected a finite number of at least 1 and at most 100",
    f"generalize --hidden {HUGE}": "hidden: expected a finite number of at least 1 and at most 8,192",
    f"generalize --seeds {HUGE}": "seeds: expected a whole number",
    "show RUN --example -1": "--example: expected a whole number of at least 0",
    f"show RUN --example {2**70}": "--example: expected a whole number of at least 0",
    "show RUN --plot=": "--plot': expected a file or a folder, got nothing",
    "show RUN --plot /nosuch/a.png": "--plot': expected a file in a folder that is there, got /nosuch/a.png",
    "show RUN --plot .": "--plot': expected a file, got the folder .; name another",
    "evaluate RUN --save /nosuch/a.png": "--save': expected a file in a folder that is there",
    "evaluate RUN --instance -1": "--instance: expected a whole number of at least 0",
    f"evaluate RUN --length {HUGE}": "--length: expected a finite number of at most 1,000",
    "learn add2x2/top --steps abc": "Invalid value for '--steps': expected a whole number, got 'abc'",
    "learn add2x2/top --kl 1,5": "Invalid value for '--kl': expected a number, got '1,5'",
    "show RUN --top many": "Invalid value for '--top': expected a whole number, got 'many'",
    "learn add2x2/top --data none": "'--data' (env var: 'NTPT_DATA'): expected a folder, got none: none",
    "learn add2x2/top --lr 1": "No such option: --lr; did you mean --choice-lr or --library-lr?",
    "learn add2x2/top --library=": "--library': expected a file or a folder, got nothing",
    "learn add2x2/top --out=": "--out': expected a file or a folder, got nothing",
    "show ": "RUN': expected a file or a folder, got nothing",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_out_of_bounds_is_one_line_and_nothing_is_written(refused, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    command, *words = line.split(" ")
    out = [] if command in ("show", "evaluate") or "--out=" in words else ["--out", "new"]
    assert WRONG[line] in refused(command, *words, *out)
    assert not list(tmp_path.iterdir())


def test_a_setting_is_refused_before_torch_is_imported():
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "sys.argv = ['ntpt', *sys.argv[1:]]\n"
        "from ntpt_pyro.cli import main\n"
        "main()\n"
    )
    for words in (
        ["learn", "x", "--kl=nan"],
        ["terpret", "a", "b", "c", "--steps=0"],
        ["evaluate", "RUN", "--seed=-1"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert (done.returncode, done.stdout) == (2, "False\n"), words


def test_restarts_and_examples_that_would_not_fit_are_refused_before_memory_is_asked_for(
    refused, user_file, monkeypatch
):
    user_file(
        "mine.py",
        "from ntpt_pyro import Task\nfrom tests.two_registers import sum_task\nsome = sum_task()\n"
        "def draw(count, generator):\n"
        "    assert count < 100, 'drawn'\n"
        "    return tuple(t[:1].expand(count, *t.shape[1:]) for t in some.draw(9, generator).tensors)\n"
        "task = Task(some.model, draw)\n",
    )
    monkeypatch.setattr("ntpt_pyro.bounds.machine_memory", lambda: 1e6)
    error = refused("learn", "mine.py:task", "--examples", 10**9, "--out", "new")
    assert "task: expected at most" in error
    assert "for 1,000,000,000 examples; give fewer" in error
    error = refused("learn", "mine.py:task", "--examples=50", "--restarts=300", "--out", "new")
    assert "for 300 restarts; take fewer (--restarts)" in error
    assert not Path("new").exists()


def test_the_help_shows_the_defaults_that_there_are(ntpt):
    told = " ".join(ntpt("terpret", "--help")[1].split())
    for name in ("strategy", "steps", "init_scale", "kl"):
        assert f"[default: {DEFAULTS[name]}]" in told
    restarts = f"[default: {DEFAULTS['restarts']}; where functions are learned {WITH_FUNCTIONS['restarts']}]"
    assert restarts in told
    told = " ".join(ntpt("posterior", "--help")[1].split())
    _, settings = settled_settings(sum_task(), None, {"strategy": "exhaustive"})
    assert f"[default: {settings.examples}]" in told
    assert f"[default: {settings.test_examples}]" in told
    assert "the way of inference: exhaustive, solver [default: exhaustive]" in told


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("posterior x --examples 0", "the default is 64"),
        ("posterior x --test-examples 0", "the default is 2000"),
        ("learn x --examples 0", "the default is 1000"),
        ("learn x --halve 0", "none leaves it open"),
        ("lifelong --halve 0", "the default is 25, none leaves it open"),
        ("terpret a b c --steps 0", "the default is 800"),
        ("restarts x --steps 0", "the default is 400"),
    ],
)
def test_what_is_out_of_bounds_is_told_with_the_default_of_the_command(refused, line, remedy):
    assert refused(*line.split(), "--out", "new").endswith(f", got 0; {remedy}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_lists_values_and_says_no_default_twice(ntpt, command):
    told = ntpt(command, "--help")[1]
    assert max(map(len, told.splitlines())) <= 80
    options = [" ".join(one.split()) for one in re.split(r"\n  (?=-)", told)]
    assert max(one.lower().count("default:") for one in options) <= 1
    (strategy,) = [one for one in options if one.startswith("--strategy")] or [None]
    if strategy is not None:
        known = {"posterior": ["exhaustive", "solver"], "learn": method_names(), "terpret": method_names()}
        listed = ", ".join(known.get(command, STRATEGIES))
        assert f"{listed} [default: " in strategy.replace("- ", "-")  # a line may end in a hyphen


@pytest.mark.parametrize(
    ("strategy", "unread"),
    [
        ("em", "--restarts --kl --prior --seconds"),
        ("exhaustive", "--restarts --steps --kl --seconds"),
        ("solver", "--restarts --steps --kl --prior"),
        ("marginal", "--prior --seconds"),
    ],
)
def test_a_method_says_which_settings_it_does_not_look_at(strategy, unread):
    names = ("restarts", "steps", "kl", "prior", "seconds", "seed", "examples")
    ignored = method_of(strategy).ignored
    assert " ".join(f"--{name}" for name in names if name in ignored) == unread
    assert set(ignored) <= set(Settings.__dataclass_fields__)


def test_settings_that_are_not_looked_at_are_named(ntpt, user_file):
    user_file("mine.py", "from tests.two_registers import sum_task\ntask = sum_task()\n")
    _, printed, error = ntpt("learn", "mine.py:task", "--strategy", "em", "--restarts=3", "--steps=5")
    assert error == ""
    assert "not looked at by em: --restarts\n" in printed
    assert "not looked at" not in ntpt("learn", "mine.py:task", "--restarts=2", "--steps=5")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--restarts=8 --halve=9 --steps=6 --search=2", ["--halve (a search has 2 steps)"]),
        ("--restarts=4 --halve=1 --steps=6", ["--halve (up to 4 restarts all go on)"]),
        (
            "--restarts=8 --halve=1 --steps=6 --strategy=enumeration",
            ["--halve (where choices are summed over"],
        ),
        ("--restarts=2 --search=9 --steps=6", ["--search (a search has 2 steps, a third of --steps)"]),
        ("--restarts=1 --search=2 --look=9 --steps=6", ["--search (one", "--look (a search has 6"]),
        ("--restarts=8 --halve=2 --look=2 --search=2 --steps=6", []),
        ("--restarts=1 --halve=none --steps=6", []),
    ],
)
def test_settings_of_a_search_that_the_others_leave_without_effect_are_named(ntpt, user_file, words, told):
    user_file("mine.py", "from tests.two_registers import sum_task\ntask = sum_task()\n")
    _, printed, error = ntpt("learn", "mine.py:task", *words.split())
    assert error == ""
    assert printed.count("not looked at by ") == len(told)
    for one in told:
        assert f"not looked at by {'enumeration' if 'enumer' in words else 'marginal'}: {one}" in printed


def test_settings_that_a_task_does_not_look_at_are_named(ntpt, user_file, tmp_path, monkeypatch):
    user_file(
        "mine.py",
        "from tests.two_registers import SUMS, X, Y, model, sum_task\nfrom ntpt_pyro import Task\n"
        "fixed = sum_task()\ndef made(data=None):\n"
        "    return Task(model, lambda count, generator: (X, Y, SUMS))\n",
    )
    words = ("--steps=3", "--restarts=2", "--examples=9", "--test-examples=9", "--data", tmp_path)
    told = "not looked at by mine.py:fixed: --examples --test-examples --data\n"
    assert told in ntpt("learn", "mine.py:fixed", *words)[1]
    assert "not looked at by mine.py:made: --test-examples\n" in ntpt("learn", "mine.py:made", *words)[1]


def test_the_exact_posterior_is_named_where_it_is_near(ntpt, user_file):
    user_file("my own.py", "from tests.two_registers import sum_task\ntask = sum_task()\n")
    told = "the exact posterior: ntpt posterior 'my own.py:task'\n"
    assert told in ntpt("learn", "my own.py:task", "--restarts=2", "--steps=5")[1]
    assert told not in ntpt("posterior", "my own.py:task")[1]
    kept = ntpt("learn", "my own.py:task", "--restarts=2", "--steps=5", "--out", "run")[1]
    assert kept.endswith("the exact posterior: ntpt posterior run\nkept in run: ntpt show run\n")


@pytest.mark.parametrize(
    ("name", "meant"), [("exact", "exhaustive"), ("solve", "solver"), ("marginl", "marginal")]
)
def test_a_strategy_that_there_is_not_is_told_with_those_that_there_are(refused, name, meant):
    error = refused("learn", "add2x2/top", "--strategy", name)
    assert f"em, exhaustive, solver, got {name!r}; pick one, such as {meant}\n" in error
