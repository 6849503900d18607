"""An error about a place in a text: one line that says it, and the place shown below."""

import unicodedata
import warnings

import pytest

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret import load, parse
from ntpt_pyro.terpret.excerpt import WIDTH, excerpt
from ntpt_pyro.terpret.parser import MOST_CHARACTERS, MOST_NODES


def refused(text: str) -> TerpretError:
    with pytest.raises(TerpretError) as caught:
        load(text, "text.py", {})
    assert "\n" not in str(caught.value)
    return caught.value


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def test_the_place_is_shown_below_the_message_and_is_no_part_of_it():
    error = refused("x = Input(2)\ny = Output(2)\ny.set_to(z)\n")
    assert str(error).startswith("text.py:3:10: expected a name that is known here, got 'z'; declare it")
    assert error.excerpt == "y.set_to(z)\n         ^"


@pytest.mark.parametrize(
    "line",
    [
        "y = 0; q",
        "\ty = 0; q",
        "é = 0; q",
        "漢字 = 0; q",
        "\t漢 =\t0 ;\tq",
        "a\u0301 = 0; q",
        "\uff21\uff22 = 0; q",
    ],
)
def test_the_caret_is_under_the_place_whatever_is_before_it(line):
    """Columns count characters, the caret's columns are a terminal's; tabs stay tabs."""
    error = refused(f"if 1:\n{line}.x ** 2\n" if line[0] == "\t" else f"{line}.x ** 2\n")
    column = line.index("q") + 1
    assert str(error).split(": ")[0] == f"text.py:{1 + (line[0] == chr(9))}:{column}"
    shown, caret = error.excerpt.split("\n")
    assert shown == f"{line}.x ** 2"
    before, under = line[: column - 1].split("\t"), caret[:-1].split("\t")
    combining = [sum(map(unicodedata.combining, part)) > 0 for part in before]
    assert list(map(columns, under)) == [
        columns(part) - has for part, has in zip(before, combining, strict=True)
    ]
    assert caret[-1] == "^"


@pytest.mark.parametrize("place", [1, 2, 20, 500, 999, 1000])
@pytest.mark.parametrize("letter", ["x", "漢"])
def test_a_long_line_is_cut_around_the_place(place, letter):
    line = letter * (place - 1) + "!" + letter * (1000 - place)
    shown, caret = excerpt(line, place).split("\n")
    assert columns(shown) <= WIDTH + len("......")
    assert columns(shown[: shown.index("!")]) == caret.index("^")
    assert shown.startswith("...") == (place > 2 * WIDTH)
    assert shown.endswith("...") == (place < 900)


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\ud800", "\x0c", "\x7f"])
def test_what_a_terminal_would_obey_is_shown_as_another_character(character):
    shown, caret = excerpt(f"x = '{character}' + y", 11).split("\n")
    assert character not in shown
    assert (len(shown), shown.index("y")) == (11, 10)
    assert caret == " " * 10 + "^"


def test_a_place_behind_the_end_of_a_line_is_shown_there_and_a_blank_line_not_at_all():
    assert excerpt("for i in range(2):", 99) == "for i in range(2):\n" + " " * 18 + "^"
    assert excerpt("", 1) == excerpt(" \t ", 2) == ""


@pytest.mark.parametrize(
    ("text", "message", "shown"),
    [
        ("\ufeffx = 1.5", "text.py:1:5: expected an integer, got a fraction", "x = 1.5"),
        ("x = 1\r\ny = b'1'\r\n", "text.py:2:5: expected an integer, got bytes", "y = b'1'"),
        ("x = 1\ry = None", "text.py:2:5: expected an integer, got None", "y = None"),
        ("x = 1\n\x0cy = 2j", "text.py:2:6: expected an integer, got a complex number", "␌y = 2j"),
        ("x = ...", "text.py:1:5: expected an integer, got ...", "x = ..."),
        ("x = 1\ny\t= \0", "text.py:2:5: expected a text, got a null byte", "y\t= ␀"),
        (
            "x = 2147483649",
            "text.py:1:5: expected integers up to 2147483648, got 2147483649",
            "x = 2147483649",
        ),
        ("x = 0x" + "f" * 25, "expected integers up to 2147483648, got an integer of about 31 digits", None),
        (
            "x = \\\n" + "1" * 5000,
            "text.py:2:1: expected integers up to 2147483648, got an integer of thousands",
            None,
        ),
        (
            "for i in range(3):\n",
            "text.py:1:19: expected an indented block after 'for' statement on line 1, got none",
            None,
        ),
        (
            "漢 = (1",
            "text.py:1:5: expected Python's syntax, got an error in it ('(' was never closed)",
            "漢 = (1",
        ),
    ],
)
def test_texts_of_any_making_are_refused_with_their_place(text, message, shown):
    error = refused(text)
    assert message in str(error)
    assert shown is None or error.excerpt.split("\n")[0] == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = '\ud800'", "surrogates not allowed"),
        ("x = " + "-" * 100_000 + "1", "expected at most 200 levels of nesting"),
        ("x = " + "+".join(["1"] * 100_000), "expected at most 200 levels of nesting"),
        ("if 1:\n    x = 1\n" + "elif 1:\n    x = 1\n" * 20_000, "expected at most 200 levels of nesting"),
        ("x" * (MOST_CHARACTERS + 1), "expected a text of at most 1,000,000 characters, got 1,000,001"),
    ],
)
def test_texts_that_cannot_be_parsed_are_refused_as_wholes(text, message):
    error = refused(text)
    assert str(error).startswith("text.py:1:1: ")
    assert message in str(error)
    assert error.excerpt == ""


def test_a_text_of_too_many_parts_is_refused_where_they_are_too_many():
    error = refused("x = [" + "0," * (MOST_NODES + 10) + "]")
    assert "expected at most 200,000 names, constants, operations and statements, got more" in str(error)
    line, column = map(int, str(error).split(":")[1:3])
    assert (line, column > MOST_NODES) == (1, True)


def test_a_name_as_long_as_a_text_makes_no_long_message():
    error = refused("y" * 100_000 + ".x")
    assert len(str(error)) < 700
    error = refused("x = Output(2)\nx.set_to(" + "y" * 100_000 + ")\n")
    assert "expected a name that is known here, got 'yyy" in str(error)
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    "text", [r"'\d'", "x = 1\n'''\\d'''", "def f():\n    ...\n...", "'a' 'b'\n", "x = 1if 1else 2"]
)
def test_what_python_would_warn_about_is_let_pass(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(text, "text.py")
