"""All programs of a model, those with the same text counted once."""

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import Prior, ProgramSpace

# An instruction with two arguments, one with one, one with none; a return.
SIZES = {"instr": 3, "left": 2, "right": 4, "back": 2}

USES = {"instr": {1: ["left"], 2: ["left", "right"]}}


def test_programs_of_the_same_text_are_one():
    space = ProgramSpace(SIZES, USES)
    assert (space.size, space.raw) == ((1 + 2 + 8) * 2, 48)
    programs = space.programs(torch.arange(space.size))
    texts = list(zip(*(programs[site].tolist() for site in SIZES), strict=True))
    assert len(set(texts)) == len(texts)
    weights = Prior().log_probs(programs, SIZES).exp()
    assert float(weights.sum()) == pytest.approx(1)
    by_text = dict(zip(texts, weights.tolist(), strict=True))
    assert by_text[0, -1, -1, 1] == pytest.approx(8 / 48)
    assert by_text[1, 1, -1, 0] == pytest.approx(4 / 48)
    assert by_text[2, 1, 3, 0] == pytest.approx(1 / 48)


def test_a_choice_may_matter_to_one_other_only():
    with pytest.raises(SiteError, match="choices that matter to one other only, got 'left'"):
        ProgramSpace(SIZES, {"instr": {1: ["left"]}, "back": {0: ["left"]}})


def test_programs_are_counted_without_being_made():
    assert ProgramSpace({f"c{n}": 10 for n in range(30)}).size == 10**30


def test_a_space_is_shown_in_one_line():
    shown = "<ProgramSpace: 22 programs, 48 joint settings of 4 choices>"
    assert repr(ProgramSpace(SIZES, USES)) == shown


def test_choices_that_do_not_matter_are_opened_whatever_they_are():
    columns = {
        "instr": np.array([0, 1, 2, 1], dtype=np.int16),
        "left": np.array([0, 1, 1, -1], dtype=np.int16),
        "right": np.array([3, 2, 1, 0], dtype=np.int16),
        "back": np.array([1, 0, 1, 0], dtype=np.int16),
    }
    found = ProgramSpace(SIZES, USES).unused_open(columns)
    assert {site: column.tolist() for site, column in found.items()} == {
        "instr": [0, 1, 2, 1],
        "left": [-1, 1, 1, -1],
        "right": [-1, -1, 1, -1],
        "back": [1, 0, 1, 0],
    }
    assert all(column.dtype == np.int16 for column in found.values())
    assert columns["right"].tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("uses", "got"),
    [
        ({"instr": {"1": ["left"]}}, "'1' as one of them"),
        ({"instr": {2: ["left"]}}, "2 as one of them"),
        ({"instr": {True: ["left"]}}, "True as one of them"),
        ({"instr": {1: "left"}}, "'left' as what matters for 1"),
        ({"instr": {1: [0]}}, r"\[0\] as what matters for 1"),
        ({"instr": None}, "a NoneType"),
        ({"Instr": {1: ["left"]}}, "no such choice: there are instr, left"),
    ],
)
def test_uses_that_cannot_be_meant_are_refused(uses, got):
    with pytest.raises(SiteError, match=f"uses of .*: expected for integers of the choice .* got {got}"):
        ProgramSpace({"instr": 2, "left": 3}, uses)
