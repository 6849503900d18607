"""Callbacks see every step of a training and can end it."""

import math

import pytest

from ntpt_pyro.errors import DivergenceError
from ntpt_pyro.inference import EarlyStop, fit
from tests.inference.training.reader import problem


def test_an_infinite_choice_is_named():
    def poison(state):
        next(state.guide.parameters()).data.fill_(math.nan)

    model, library, examples = problem()
    with pytest.raises(DivergenceError, match=r"step 1, site 'flip'"):
        fit(model, examples, library=library, steps=3, callbacks=[poison])


def test_callbacks_see_every_step_and_can_stop():
    seen = []

    def stop(state):
        seen.append(state.step)
        return state.step == 3

    model, library, examples = problem()
    state = fit(model, examples, library=library, steps=10, callbacks=[stop])
    assert seen == [1, 2, 3]
    assert state.step == 3 == len(state.losses)


def test_a_fit_that_was_stopped_stays_so_when_resumed(tmp_path):
    asked = []

    def stop(state):
        asked.append(state.step)
        return state.step == 3

    for _ in range(2):
        model, library, examples = problem()
        state = fit(
            model,
            examples,
            library=library,
            steps=10,
            callbacks=[stop],
            checkpoint=tmp_path / "fit.safetensors",
        )
        assert state.step == 3
    assert asked == [1, 2, 3]


def test_early_stop_waits_while_the_loss_falls_and_then_stops():
    model, library, examples = problem()
    state = fit(model, examples, library=library, steps=4)
    stop = EarlyStop(window=2, least_gain=0.1)
    verdicts = []
    for losses in ([5, 5, 3, 3], [5, 5, 3, 3, 2.95, 2.95]):
        state.losses, state.step = losses, len(losses)
        verdicts.append(stop(state))
    assert verdicts == [False, True]
