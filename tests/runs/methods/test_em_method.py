"""Expectation maximisation as a way of inducing a task's program and teaching its functions."""

from functools import partial

import pytest

from ntpt_pyro import Library, induce
from ntpt_pyro.inference import expectation_maximisation
from ntpt_pyro.inference.work.workers import Workers
from ntpt_pyro.runs.methods import em_method, teaching
from ntpt_pyro.tasks.user_files import loaded_files
from tests.runs.reading import bright, reading_task
from tests.two_registers import SUM, execute, sum_task

QUICK = {"strategy": "em", "rounds": 1, "batch_size": 16, "test_examples": 200}


def test_a_function_is_learned_from_nothing_with_the_expectation_over_all_programs():
    found = induce(reading_task(), **QUICK, examples=300, steps=150, library_lr=0.01)
    result = found.result
    assert result.program_correct
    assert result.test_accuracy > 0.9
    assert result.steps == result.search_steps + 100  # a third of 150 steps was for the search
    assert result.search_steps % 50 == 0
    assert result.how == f"all programs tried; networks taught by them, {result.search_steps} steps"
    assert (result.restarts, result.held_back_log_likelihood) == (1, None)


def test_so_many_iterations_at_most(monkeypatch, tmp_path):
    few = partial(expectation_maximisation, iterations=3, steps=5)
    monkeypatch.setattr(em_method, "expectation_maximisation", few)
    monkeypatch.setattr(em_method, "FIRST_EXAMPLES", 2)
    found = induce(reading_task(), **QUICK, examples=100, steps=30, out=tmp_path / "run")
    assert (found.result.search_steps, found.result.rounds, found.result.steps) == (10, 1, 10 + 20)
    from ntpt_pyro.runs import RunFolder

    snapshots = RunFolder(tmp_path / "run").snapshots()
    assert [one.step for one in snapshots[:3]] == [0, 5, 10]
    assert set(snapshots[0].marginals) == {"which"}


def test_with_trained_functions_one_look_at_all_programs_is_enough():
    first = induce(reading_task(), **QUICK, examples=300, steps=150, library_lr=0.01)
    again = induce(reading_task(), **QUICK, examples=100, steps=6, library=first.library)
    assert (again.result.search_steps, again.result.steps) == (0, 6)
    assert again.result.program_correct
    assert again.library.steps["bright"] == first.library.steps["bright"] + 6


def test_without_functions_it_is_a_look_at_all_programs():
    found = induce(sum_task(execute=execute), strategy="em", steps=9)
    assert found.program == SUM
    assert found.result.search_steps == 0


@pytest.mark.parametrize("rounds", [1, 2])
def test_another_search_begins_with_new_weights(monkeypatch, rounds):
    begun = []

    def noted(*args, library, **options):
        begun.append(library["bright"].state_dict())
        return expectation_maximisation(*args, library=library, **options, iterations=2, steps=2)

    monkeypatch.setattr(em_method, "expectation_maximisation", noted)
    monkeypatch.setattr(teaching, "GOOD_ENOUGH", 2.0)
    monkeypatch.setattr("ntpt_pyro.inference.training.restart_search.GOOD_ENOUGH", 2.0)
    given = Library([bright], seed=0)
    found = induce(reading_task(), **{**QUICK, "rounds": rounds}, examples=40, steps=3, library=given)
    assert found.result.rounds == len(begun) == rounds
    if rounds == 2:
        one, other = begun
        assert any(not one[name].equal(other[name]) for name in one)


def test_rounds_follow_each_other_and_their_e_steps_have_the_workers(monkeypatch):
    asked = []

    def noted(*args, workers, **options):
        asked.append((workers.jobs, workers.opening))
        return expectation_maximisation(*args, workers=workers, **options, iterations=2, steps=2)

    monkeypatch.setattr(em_method, "expectation_maximisation", noted)
    monkeypatch.setattr(teaching, "GOOD_ENOUGH", 2.0)
    monkeypatch.setattr("ntpt_pyro.inference.training.restart_search.GOOD_ENOUGH", 2.0)
    settings = {**QUICK, "rounds": 2, "examples": 40, "steps": 3}
    induce(reading_task(), **settings, library=Library([bright], seed=0), workers=Workers(2))
    assert asked == [(2, loaded_files)] * 2
