"""Rows of programs that make choices."""

import numpy as np
import pytest

from ntpt_pyro.inference.exact.nodes import Choice
from ntpt_pyro.inference.exact.programs import OPEN, Programs, TooManyRowsError


def open_programs(rows=2, most=100, **settings):
    node = Choice(0, (1, 2), "a", 2)
    choices = {site: np.full(rows, OPEN, dtype=np.int16) for site in "abc"}
    return Programs(choices, {node: np.arange(rows, dtype=np.int32)}, np.arange(rows), most, **settings), node


def test_an_open_choice_becomes_a_row_an_alternative():
    programs, node = open_programs()
    rows = programs.choose("a", 3, np.array([1]))
    assert sorted(rows) == [1, 2, 3]
    assert programs.choices["a"].tolist() == [OPEN, 0, 1, 2]
    assert programs.origin.tolist() == [0, 1, 1, 1]
    assert programs.values[node].tolist() == [0, 1, 1, 1]
    assert programs.choices["a"].dtype == np.int16
    assert sorted(programs.choose("a", 3, np.arange(4))) == [0, 1, 2, 3, 4, 5]
    made = list(zip(programs.origin.tolist(), programs.choices["a"].tolist(), strict=True))
    assert sorted(made) == [(origin, integer) for origin in range(2) for integer in range(3)]
    assert (programs.choices["b"] == OPEN).all()
    assert programs.choose("a", 3, np.array([4])).tolist() == [4]  # it is made already


def test_more_rows_than_may_be_are_refused_before_they_are_made():
    programs, _ = open_programs(most=5)
    assert len(programs.choose("a", 2, programs.rows)) == 4
    with pytest.raises(TooManyRowsError):
        programs.choose("b", 2, programs.rows)
    assert len(programs) == 4


def test_where_choices_are_fixed_rows_that_need_one_fall_out():
    programs, _ = open_programs(fixed=True)
    programs.choices["a"][1] = 1
    assert programs.choose("a", 2, programs.rows).tolist() == [1]
    assert programs.choices["a"].tolist() == [OPEN, 1]


def test_some_rows_begin_anew():
    programs, node = open_programs(rows=4)
    part = programs.take(np.array([3, 1]), [node])
    assert (part.values[node].tolist(), part.origin.tolist(), len(part)) == ([3, 1], [3, 1], 2)
    part.choose("a", 2, part.rows)
    assert len(programs) == 4
