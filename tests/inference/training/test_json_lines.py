"""A log of JSON lines has every step once, whatever happened to the training on its way."""

import json

import pytest
import torch

from ntpt_pyro import induce
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import JsonLines, fit
from tests.two_registers import SUMS, X, Y, model, sum_task


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def steps(file):
    return [line["step"] for line in lines(file)]


def train(file, count, *, checkpoint=None, every=1, restarts=2):
    library = torch.nn.Module() if checkpoint else None
    log = JsonLines(file, every=every)
    options = {"checkpoint": checkpoint, "checkpoint_every": 4} if checkpoint else {}
    return fit(
        model,
        (X, Y, SUMS),
        restarts=restarts,
        library=library,
        steps=count,
        callbacks=[log],
        **options,
    )


def test_a_line_says_what_the_training_says(tmp_path):
    file = tmp_path / "log.jsonl"
    training = train(file, 6, restarts=3)
    assert steps(file) == [1, 2, 3, 4, 5, 6]
    assert [line["loss"] for line in lines(file)] == [pytest.approx(loss / 3) for loss in training.losses]
    last = lines(file)[-1]
    assert list(last) == ["step", "loss", "log_likelihood", "seconds"]
    running = training.restarts.running_log_likelihood
    assert last["log_likelihood"] == pytest.approx(running.tolist(), abs=1e-5)
    seconds = [line["seconds"] for line in lines(file)]
    assert seconds == sorted(seconds)
    assert seconds[0] < 1


def test_lines_are_as_far_apart_as_was_asked_for(tmp_path):
    train(tmp_path / "log.jsonl", 11, every=5)
    assert steps(tmp_path / "log.jsonl") == [5, 10]


def test_a_training_that_goes_on_has_no_step_twice_and_a_line_cut_short_is_mended(tmp_path):
    whole, file, kept = tmp_path / "whole.jsonl", tmp_path / "log.jsonl", tmp_path / "c.safetensors"
    train(whole, 11)
    train(file, 8, checkpoint=kept)
    with file.open("a") as opened:  # as if it had been killed in step 11, after the checkpoint of step 8
        opened.write('{"step": 9, "loss": 0}\n{"step": 10, "loss": 0}\n{"step": 11, "lo')
    train(file, 11, checkpoint=kept)
    assert steps(file) == list(range(1, 12))
    assert [line["loss"] for line in lines(file)] == [line["loss"] for line in lines(whole)]
    before = file.read_text()
    train(file, 11, checkpoint=kept)  # nothing is left to do
    assert file.read_text() == before


def test_a_training_that_begins_anew_takes_the_place_of_the_one_before(tmp_path):
    file = tmp_path / "log.jsonl"
    log = JsonLines(file)
    for count in (5, 3):
        fit(model, (X, Y, SUMS), steps=count, callbacks=[log])
        assert steps(file) == list(range(1, count + 1))


def test_the_trainings_of_a_run_are_phases_of_one_file(tmp_path):
    file = tmp_path / "log.jsonl"
    found = induce(sum_task(), restarts=2, steps=9, rounds=1, search=3, callbacks=[JsonLines(file)])
    logged = [(line["phase"], line["step"]) for line in lines(file)]
    assert logged == [
        *(("search-1", step) for step in range(1, 4)),
        *(("train-on", step) for step in range(1, 7)),
    ]
    assert [len(line["log_likelihood"]) for line in lines(file)] == [2] * 3 + [1] * 6
    unlogged = induce(sum_task(), restarts=2, steps=9, rounds=1, search=3)
    assert unlogged.result.choices == found.result.choices
    assert [one.marginals for one in unlogged.snapshots] == [one.marginals for one in found.snapshots]


def test_a_run_that_goes_on_goes_on_in_the_log(tmp_path):
    class KilledError(Exception):
        pass

    def kill(state):
        if state.step == 5 and state.restarts.size == 1:
            raise KilledError

    words = {"restarts": 2, "steps": 9, "rounds": 1, "search": 3, "out": tmp_path / "run"}
    file = tmp_path / "log.jsonl"
    with pytest.raises(KilledError):
        induce(sum_task(), **words, callbacks=[JsonLines(file), kill])
    assert steps(file) == [1, 2, 3, 1, 2, 3, 4, 5]
    induce(sum_task(), **words, resume=True, callbacks=[JsonLines(file)])
    assert steps(file) == [1, 2, 3, 1, 2, 3, 4, 5, 6]


def test_a_run_may_take_the_place_of_all_that_is_there_but_not_before_its_first_step(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"phase": "search-1", "step": 3}\n')
    log = JsonLines(file, anew=True)
    assert steps(file) == [3]
    induce(sum_task(), restarts=1, steps=3, rounds=1, callbacks=[log])
    assert [(line["phase"], line["step"]) for line in lines(file)] == [
        *(("search-1", step) for step in (1, 2, 3)),
    ]
    file.write_text('{"phase": "search-2", "step": 3}\n')
    induce(sum_task(), restarts=2, steps=6, search=2, rounds=1, callbacks=[JsonLines(file, anew=True)])
    assert steps(file) == [1, 2, 1, 2, 3, 4]


@pytest.mark.parametrize("content", ["hello", "hello\n", '{"a": 1}\n', "[]\n", '{"step": "x"}\n', '{"ste\n'])
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    file = tmp_path / "notes.txt"
    file.write_text(content)
    with pytest.raises(UsageError, match=r"notes.txt: expected lines of a training's steps, or a new file"):
        JsonLines(file)
    assert file.read_text() == content


@pytest.mark.parametrize("cut", ['{"', '{"step": 1, "lo', '{"phase": "search-1", "st'])
def test_a_file_that_is_nothing_but_a_line_cut_short_is_begun_again(tmp_path, cut):
    file = tmp_path / "log.jsonl"
    file.write_text(cut)
    train(file, 2)
    assert steps(file) == [1, 2]


def test_a_file_that_cannot_be_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match=r"log.jsonl: expected a file of lines, in .* got no folder .*none"):
        JsonLines(tmp_path / "none" / "log.jsonl")
    with pytest.raises(UsageError, match="name a file in it"):
        JsonLines(tmp_path)
    with pytest.raises(UsageError, match="every: expected a whole number of at least 1, got 0"):
        JsonLines(tmp_path / "log.jsonl", every=0)
    assert repr(JsonLines("log.jsonl", every=3)) == "JsonLines('log.jsonl', every=3)"
