"""The loop of a training: what it draws from where, how it stops and goes on."""

import pytest
import torch

from ntpt_pyro.errors import DataError, RunError, UsageError
from ntpt_pyro.inference import Training, fit, marginal, relaxed, train
from tests.inference.training.reader import problem


def begun(source, **settings):
    model, library, examples = problem()
    training = Training(
        model, examples, strategy=marginal(), restarts=2, library=library, generator=source, **settings
    )
    return training, library, examples


def test_fit_is_a_training_and_its_loop():
    source = torch.Generator().manual_seed(3)
    training, library, examples = begun(source, kl=1 / 40)
    assert train(training, examples, steps=12, batch_size=8, source=source) is training
    model, other, examples = problem()
    whole = fit(model, examples, restarts=2, library=other, steps=12, batch_size=8, seed=3)
    assert training.losses == whole.losses
    for mine, theirs in zip(library.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_step_draws_the_rows_of_its_batch_and_nothing_else():
    source = torch.Generator().manual_seed(3)
    training, _, (xs, ys) = begun(source)
    expected, seen = torch.Generator(), []
    expected.set_state(source.get_state())
    state, learn = torch.get_rng_state(), training.learn

    def watched(*batch):
        seen.append(batch)
        return learn(*batch)

    training.learn = watched
    train(training, (xs, ys), steps=3, batch_size=8, source=source)
    for batch in seen:
        rows = torch.randint(40, (8,), generator=expected)
        assert torch.equal(batch[0], xs[rows])
        assert torch.equal(batch[1], ys[rows])
    assert torch.equal(source.get_state(), expected.get_state())
    assert torch.equal(torch.get_rng_state(), state)


def test_steps_are_counted_in_all():
    source = torch.Generator().manual_seed(3)
    training, _, examples = begun(source)
    for steps, taken in ((4, 4), (6, 6), (5, 6)):
        train(training, examples, steps=steps, batch_size=8, source=source)
        assert training.step == taken


def test_it_goes_on_from_a_checkpoint_its_generators_included(tmp_path):
    path = tmp_path / "training.safetensors"

    def run(steps, checkpoint=None):
        source = torch.Generator().manual_seed(5)
        torch.manual_seed(6)
        model, library, examples = problem()
        training = Training(
            model, examples, strategy=relaxed(), library=library, generator=source, checkpoint_every=2
        )
        train(training, examples, steps=steps, batch_size=8, source=source, checkpoint=checkpoint)
        return training.losses, source.get_state(), torch.get_rng_state()

    whole = run(9)
    run(5, path)
    resumed = run(9, path)
    assert resumed[0] == whole[0]
    assert torch.equal(resumed[1], whole[1])
    assert torch.equal(resumed[2], whole[2])


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    path, source = tmp_path / "training.safetensors", torch.Generator()
    training, _, examples = begun(source)
    train(training, examples, steps=2, batch_size=8, source=source, checkpoint=path, settings={"round": 1})
    for changed, message in (
        ({"batch_size": 9}, "expected batch_size=8 as before, got 9"),
        ({"settings": {"round": 2}}, "expected round=1 as before, got 2"),
    ):
        given = {"batch_size": 8, "settings": {"round": 1}, **changed}
        with pytest.raises(RunError, match=message):
            train(training, examples, steps=2, source=source, checkpoint=path, **given)
    other, _, _ = begun(source, kl=0.5)
    with pytest.raises(RunError, match=r"expected kl=0.001 as before, got 0.5"):
        train(other, examples, steps=2, batch_size=8, source=source, checkpoint=path, settings={"round": 1})


def test_what_cannot_be_trained_on_is_refused():
    source = torch.Generator()
    training, _, (xs, ys) = begun(source)
    with pytest.raises(DataError, match="same number of examples"):
        train(training, (xs, ys[1:]), steps=1, batch_size=8, source=source)
    with pytest.raises(UsageError, match="batch_size: expected a whole number of at least 1, got 0"):
        train(training, (xs, ys), steps=1, batch_size=0, source=source)
    with pytest.raises(UsageError, match="steps: expected a whole number of at least 0, got -1"):
        train(training, (xs, ys), steps=-1, batch_size=8, source=source)


def test_callbacks_may_be_given_once():
    source, seen = torch.Generator(), []
    training, _, examples = begun(source)
    callbacks = (seen.append for _ in range(1))
    train(training, examples, steps=3, batch_size=8, source=source, callbacks=callbacks)
    assert len(seen) == 3
