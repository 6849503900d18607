"""Restarts that are given up: those that go on learn what they would have learned beside the others."""

import json
from copy import deepcopy
from functools import partial

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, select
from ntpt_pyro.errors import RunError, UsageError
from ntpt_pyro.inference import Halving, JsonLines, Training, fit, marginal, relaxed
from ntpt_pyro.inference.handlers.strategies import strategy_named
from tests.inference.training.test_compiled_step import Normed, is_recorded

RESTARTS = 8


@learn([Tensor(6)], 3, hid_sizes=[5])
def plain(x):
    """A small network."""


normed = learn([Tensor(6)], 3, module=Normed)(lambda x: None)


def model(xs, ys=None, *, library):
    which, how = choice("which", 3), choice("how", 2)
    with pyro.plate("examples", len(xs), dim=-1):
        read = next(iter(library))(xs[..., :6])
        observe("out", select(how, [read, select(which, [read, read.flip(-1), read.roll(1, -1)])]), ys)


def data():
    xs = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
    return xs, xs[:, :3].argmax(-1)


def fitted(callbacks=(), *, function=plain, copies=RESTARTS, **how):
    library = Library([function], copies=copies)
    how = {"strategy": marginal(), "restarts": RESTARTS, "steps": 60, "batch_size": 8, **how}
    training = fit(partial(model, library=library), data(), library=library, callbacks=callbacks, **how)
    return training, library


def check_same(some, every, *, rows):
    """The restarts that were kept have learned what they learn beside the others, but for rounding."""
    for name, logits in some.guide.logits().items():
        torch.testing.assert_close(logits, every.guide.logits()[name][rows])
    for (name, mine), theirs in zip(
        some.library.state_dict().items(), every.library.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(mine, theirs[rows], msg=name)
    kept, of_all = some.optimiser.get_state(), every.optimiser.get_state()
    assert kept.keys() == of_all.keys()
    for name, moment in kept.items():
        if moment.ndim:
            torch.testing.assert_close(moment, of_all[name][rows], msg=name)


@pytest.mark.parametrize("compile", ["none", "jit"])
@pytest.mark.parametrize("function", [plain, normed], ids=["plain", "a module"])
def test_restarts_that_are_kept_learn_as_if_all_were(function, compile):
    every, _ = fitted(function=function, compile=compile)
    some, library = fitted([Halving(10, least=2)], function=function, compile=compile)
    assert (some.restarts.size, len(some.kept), library.copies) == (2, 2, 2)
    assert is_recorded(some) == (compile == "jit")
    check_same(some, every, rows=some.kept)


def test_those_are_kept_that_explain_most():
    seen = []

    def note(state):
        seen.append((state.step, list(state.kept), state.restarts.running_log_likelihood.tolist()))

    fitted([note, Halving(10, times=2, least=3)], steps=21)
    before, after = (dict(zip(kept, running, strict=True)) for _, kept, running in (seen[9], seen[10]))
    assert sorted(before, key=before.get)[-4:] == sorted(after, key=before.get)
    assert [len(kept) for _, kept, _ in seen] == [8] * 10 + [4] * 10 + [3]
    assert seen[-1][1] == sorted(seen[-1][1])


def test_networks_that_restarts_share_stay_whole():
    some, library = fitted([Halving(10)], copies=None, strategy=relaxed())
    assert (some.restarts.size, library.copies) == (4, None)
    assert library["plain"].weight_0.shape == (6, 5)
    assert float(some.restarts.weights.sum()) == pytest.approx(1)


@pytest.mark.parametrize("compile", ["none", "auto"])
def test_a_training_that_gave_restarts_up_is_gone_on_from(compile, tmp_path):
    def stop(state):
        return state.step == 25

    halving, how = Halving(10, least=2), {"compile": compile, "strategy": relaxed()}
    whole, _ = fitted([halving], **how)
    kept = {"checkpoint": tmp_path / "fit.safetensors", "checkpoint_every": 5}

    def interrupted(state):
        if stop(state):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted([halving, interrupted], **how, **kept)
    again, library = fitted([halving], **how, **kept)
    assert again.kept == whole.kept
    assert (again.losses, library.copies) == (whole.losses, 2)
    check_same(again, whole, rows=[0, 1])


def test_nobody_is_given_up_where_choices_are_summed_over():
    some, _ = fitted([Halving(5)], strategy=strategy_named("enumerated-choices"), steps=10)
    assert some.kept == [*range(RESTARTS)]


def test_nobody_is_given_up_where_restarts_cannot_be_told_apart(monkeypatch):
    adam = torch.optim.Adam
    own, _ = fitted([Halving(5)], steps=10, optimiser=pyro.optim.PyroOptim(adam, {"lr": 0.01}))
    assert own.kept == [*range(RESTARTS)]
    with pytest.raises(UsageError, match="a guide and an optimiser that fit made"):
        own.keep([0, 1])
    monkeypatch.setattr(Training, "may_give_up", False)
    shared, _ = fitted([Halving(5)], steps=10)
    assert shared.kept == [*range(RESTARTS)]


@pytest.mark.parametrize(
    "restarts",
    [[], [1, 0], [0, 0], [-1], [0, RESTARTS], None, 3, [[0]], ["a"], [0.0], [True], torch.tensor(1)],
)
def test_restarts_that_there_are_not_are_refused(restarts):
    some, _ = fitted(steps=2)
    with pytest.raises(UsageError, match="keep: expected restarts out of 0 to 7, ascending, got "):
        some.keep(restarts)
    assert some.restarts.size == RESTARTS


def test_a_state_of_more_restarts_than_there_are_is_refused():
    some, _ = fitted([Halving(5)], steps=10)
    other, _ = fitted(steps=0, restarts=2, copies=2)
    with pytest.raises(RunError, match=r"state of a training, restarts: expected some of .* left, 0, 1, got"):
        other.set_state(some.get_state())


def test_a_state_of_some_restarts_is_set_whole_or_not_at_all():
    some, _ = fitted(steps=10)
    of_all = deepcopy(some.get_state())
    some.keep([2, 6])
    of_two = deepcopy(some.get_state())
    other, _ = fitted(steps=3)
    other.set_state(of_two)
    assert other.kept == [2, 6]
    check_same(other, some, rows=[0, 1])
    with pytest.raises(RunError, match="restarts: expected some of those that are left, 2, 6, got 0, 1, 2"):
        other.set_state(of_all)
    three, _ = fitted(steps=1)
    three.keep([0, 1, 4])
    with pytest.raises(RunError, match="restarts: expected some of those that are left, 0, 1, 4, got 2, 6"):
        three.set_state(of_two)
    assert three.kept == [0, 1, 4]
    whole, _ = fitted(steps=1)
    with pytest.raises(RunError, match="guide, 'logits_0': expected shape"):
        whole.set_state({**of_two, "guide": {"logits_0": torch.zeros(2, 1, 9)}})
    assert whole.kept == [*range(RESTARTS)]


def test_moments_that_wait_for_a_step_are_not_cut():
    some, _ = fitted(steps=5)
    other, _ = fitted(steps=0)
    other.set_state(some.get_state())
    with pytest.raises(UsageError, match="keep: expected a step after set_state"):
        other.keep([0, 1])
    assert other.restarts.size == RESTARTS
    other.learn(*data())
    other.keep([0, 1])


def test_networks_that_the_training_was_not_given_shrink_too():
    library = Library([plain], copies=RESTARTS)
    how = {"restarts": RESTARTS, "steps": 30, "callbacks": [Halving(10)]}
    training = fit(partial(model, library=library), data(), **how)
    assert (training.restarts.size, library.copies) == (4, 4)
    assert library["plain"].weight_0.shape == (4, 6, 5)


@pytest.mark.parametrize(
    ("halving", "restarts", "first"),
    [
        (Halving(10), RESTARTS, 20),
        (Halving(40), RESTARTS, 40),
        (Halving(60), RESTARTS, 0),
        (Halving(10), 4, 0),
    ],
)
def test_steps_are_recorded_from_where_all_that_are_left_go_on(halving, restarts, first):
    training, _ = fitted([halving], restarts=restarts, copies=restarts)
    assert training._take.first == first


def test_a_loss_is_the_mean_of_the_restarts_that_there_were(tmp_path):
    fitted([Halving(5, times=1), JsonLines(tmp_path / "log.jsonl")], steps=8)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    every, _ = fitted(steps=8)
    for line, loss in zip(lines[:5], every.losses, strict=False):
        assert line["loss"] == pytest.approx(loss / RESTARTS)
    assert [len(line.get("restarts", range(RESTARTS))) for line in lines] == [8] * 4 + [4] * 4
    assert all(len(line["log_likelihood"]) == len(line.get("restarts", range(8))) for line in lines)


def test_choices_in_several_plates_shrink_each_along_its_axis():
    def plated(xs, ys=None):
        with pyro.plate("registers", 3, dim=-1):
            each = choice("each", 2)
        one = choice("one", 3)
        with pyro.plate("examples", len(xs), dim=-1):
            mixed = each.select(-2, 0).unsqueeze(-2)
            observe("out", select(one, [xs, xs.flip(-1), xs.roll(1, -1)]) * mixed[..., :1] + 1e-3, ys)

    xs = torch.eye(3)[torch.arange(30) % 3]
    given = (xs, torch.arange(30) % 3)
    every, some = (
        fit(plated, given, restarts=RESTARTS, steps=30, callbacks=callbacks)
        for callbacks in ([], [Halving(10, least=2)])
    )
    shapes = {name: tuple(one.shape) for name, one in some.guide.logits().items()}
    assert shapes == {"each": (2, 3, 2), "one": (2, 1, 3)}
    for name, logits in some.guide.logits().items():
        torch.testing.assert_close(logits, every.guide.logits()[name][some.kept])


@pytest.mark.parametrize("like", [list, tuple, torch.tensor, np.array])
def test_restarts_are_named_by_any_whole_numbers(like):
    some, _ = fitted(steps=2)
    some.keep(like([1, 5]))
    assert some.kept == [1, 5]


@pytest.mark.parametrize("name", ["every", "times", "least"])
def test_numbers_that_make_no_sense_are_refused(name):
    with pytest.raises(UsageError, match=f"{name}: expected .* at least 1"):
        Halving(**{"every": 5, name: 0})
