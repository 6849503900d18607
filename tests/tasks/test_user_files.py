"""A user's own file: what goes wrong in it is told with its file and line."""

import sys

import pytest

from ntpt_pyro.errors import DataError, NtptError
from ntpt_pyro.tasks.user_files import load_user_file, told_in_a_line

WRONG = {
    "division.py": ("task = 1\nx = 1 / 0\n", "division.py:2: expected code that runs, got ZeroDivisionError"),
    "syntax.py": ("task = 1\ndef f(:\n", "syntax.py:2: expected code that runs, got SyntaxError: invalid"),
    "package.py": ("import no_such_package\n", "package.py:1: .* got ModuleNotFoundError: No module named"),
    "stops.py": ("import sys\n\nsys.exit('over')\n", "stops.py:3: .* got SystemExit: over"),
    "inner.py": (
        "def f():\n    raise ValueError('two\\nlines')\nf()\n",
        r"inner.py:2: .* got ValueError: two",
    ),
    "decides.py": (
        "from ntpt_pyro import choice\nif choice('line', 3) == 0: pass\n",
        r"decides.py:2: expected .* probability vector.* got Python.s if.*in `if choice\(.*: pass`; "
        r"write switch\(line, cases\) or select",
    ),
    "traced.py": (
        "import pyro\ndef f():\n    raise ValueError('here')\npyro.poutine.trace(f).get_trace()\n",
        r"traced.py:3: .* got ValueError: here; correct that line",
    ),
    "bytes.py": ("\0", "bytes.py: expected code that runs, got SyntaxError: source code"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_raised_is_told_with_its_place(user_file, name):
    text, message = WRONG[name]
    path = user_file(name, text)
    before = set(sys.modules)
    with pytest.raises(NtptError, match=message):
        load_user_file(path, "task")
    assert path.stem not in set(sys.modules) - before


def test_an_error_of_ours_is_told_with_the_users_line(user_file):
    text = "from tests.two_registers import *\n\ntask = Task(model, examples=(X, Y, SUMS[:3]))\n"
    with pytest.raises(DataError) as caught:
        load_user_file(user_file("unequal.py", text), "task")
    assert "unequal.py:3, task task, examples: expected tensors with the same number" in str(caught.value)
    assert str(caught.value).endswith("got [25, 25, 3]; give one entry an example in each tensor")


def test_a_file_can_be_corrected_and_loaded(user_file):
    with pytest.raises(NtptError):
        load_user_file(user_file("mine.py", "x = 1 / 0"), "x")
    assert load_user_file(user_file("mine.py", "x = 5"), "x") == 5


def test_an_interrupt_is_none_of_the_files_mistakes(user_file):
    with pytest.raises(KeyboardInterrupt):
        load_user_file(user_file("mine.py", "raise KeyboardInterrupt"), "x")


def test_an_error_that_the_file_has_no_part_in_is_not_told_as_its_own(user_file):
    load_user_file(user_file("mine.py", "x = 5"), "x")
    with pytest.raises(ValueError, match="ours") as caught:
        raise ValueError("ours")
    assert told_in_a_line(caught.value) is None
