"""Where programs may be merged: what is read later, by walking a recording."""

from functools import partial
from itertools import pairwise

import pytest

from ntpt_pyro import choice, constant, observe, select, stack, step_end, switch, var
from ntpt_pyro.inference.exact.model_record import record
from ntpt_pyro.inference.exact.nodes import Choice
from ntpt_pyro.inference.exact.segments import segments
from tests.inference.exact.shared_models import SHARED, data, lines, plate, plus, turned
from tests.inference.exact.test_exact_posterior import text_data, text_of


def straight(x, y):
    a, b, c = choice("a", 3), choice("b", 3), choice("c", 2)
    with plate(y):
        first = var("first", plus(a, x))
        second = var("second", plus(b, first))
        last = var("last", turned(second))
        observe("out", select(c, [plus(last, second), last]), y, noise=0.1)


def test_a_straight_program_is_cut_after_each_choice_that_is_done():
    recording = record(straight, data(2))
    found = segments(recording)
    assert [sorted(one.dead) for one in found] == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert [sorted(one.unread) for one in found] == [["b", "c"], ["c"], []]
    assert [len(one.live) for one in found] == [1, 1, 1]
    assert found[-1].live == (recording.observed["out"].value,)


def said(x, y):
    a, b = choice("a", 3), choice("b", 3)
    with plate(y):
        first = plus(a, x)
        second = plus(b, first)
        step_end("1")
        observe("out", turned(plus(second, x)), y, noise=0.1)


def test_cuts_are_where_a_model_says_that_steps_end():
    found = segments(record(said, data(2)))
    assert [sorted(one.dead) for one in found] == [["a", "b"], ["a", "b"]]


def again(x, y):
    a, b = choice("a", 3), choice("b", 3)
    with plate(y):
        value = x
        for number in range(3):
            value = var(f"v{number}", plus(plus(a, value), b))
        observe("out", value, y, noise=0.1)


def test_choices_that_are_read_until_the_end_are_never_dead_before():
    *before, last = segments(record(again, data(2)))
    assert all(not one.dead for one in before)
    assert sorted(last.dead) == ["a", "b"]


def every_model():
    for model in SHARED:
        yield pytest.param(model, lambda: data(2), id=model.__name__)
    text = text_of("turing", {"tape_length": 3, "symbols": 2, "states": 2, "steps": 3})
    yield pytest.param(text, partial(text_data, text, 2), id="turing")
    text = text_of("circuit", {"inputs": 2, "outputs": 1, "wires": 2, "gates": 3})
    yield pytest.param(text, partial(text_data, text, 2), id="circuit")


@pytest.mark.parametrize(("model", "given"), list(every_model()))
def test_what_a_later_part_needs_is_live_or_a_choice_that_is_not_dead(model, given):
    recording = record(model, given())
    found = segments(recording)
    results = [one.value for one in recording.observed.values() if one.value in recording.nodes]
    assert found[-1].dead == set(recording.choices)
    for part in found[:-1]:
        waiting, choices = list(results), set()
        seen = set()
        while waiting:  # back from the results, as far as what is live
            node = waiting.pop()
            if node in seen or node in part.live:
                continue
            seen.add(node)
            if isinstance(node, Choice):
                choices.add(node.site)
            waiting.extend(node.read())
        assert not choices & part.dead
        assert part.unread <= set(recording.choices) - part.dead
    for one, following in pairwise(found):
        assert one.dead <= following.dead
        assert following.unread <= one.unread


def test_lines_of_a_program_are_parts():
    assert len(segments(record(lines, data(2)))) == 3


def test_the_last_part_computes_more_than_it_picks():
    def picked(x, y):
        a, b = choice("a", 3), choice("b", 2)
        with plate(y):
            first = var("first", plus(a, x))
            second = var("second", plus(first, first))
            observe("out", switch(b, stack([second, constant(0, 3)]).unbind(-2)), y, noise=0.1)

    assert [sorted(one.dead) for one in segments(record(picked, data(2)))][-1] == ["a", "b"]
