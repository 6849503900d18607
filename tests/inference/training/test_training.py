"""A training and its steps, without a loop."""

import pytest
import torch

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import Annealing, StepSettings, Training, fit, marginal
from tests.inference.training.reader import problem


def test_a_resumed_training_keeps_its_moments_before_its_next_step():
    model, library, examples = problem()
    training = fit(model, examples, library=library, steps=3)
    again = Training(model, examples, strategy=marginal(), library=library)
    again.set_state(training.get_state())
    moments = training.get_state()["optimiser"]
    assert moments
    assert again.get_state()["optimiser"].keys() == moments.keys()


def test_a_training_draws_its_logits_from_the_generator_and_nothing_else():
    model, library, examples = problem()
    source, state = torch.Generator().manual_seed(7), torch.get_rng_state()
    training = Training(model, examples, strategy=marginal(), restarts=2, library=library, generator=source)
    assert torch.equal(torch.get_rng_state(), state)
    again = torch.Generator().manual_seed(7)
    drawn = 3.0 * torch.randn(2, 1, 2, generator=again)
    assert torch.equal(training.guide.logits()["flip"], drawn)
    assert torch.equal(source.get_state(), again.get_state())


def test_settings_are_keywords_with_their_defaults():
    model, library, examples = problem()
    training = Training(model, examples, strategy=marginal(), library=library, choice_lr=0.3, kl=0.0)
    assert training.settings == StepSettings(choice_lr=0.3, kl=0.0)
    assert training.kl == 0
    assert Training(model, examples, strategy=marginal(), library=library).kl == 1e-3
    with pytest.raises(UsageError, match=r"clip_norm: .* number above 0 and below 1e\+30, got 0; give None"):
        Training(model, examples, strategy=marginal(), clip_norm=0.0)


def test_the_weight_of_the_kl_term_may_fall():
    schedule = Annealing(0.8, 0.2, 4)
    model, library, examples = problem()
    still = {"choice_lr": 1e-9, "library_lr": 1e-9}  # so that the weight is all that changes
    training = Training(model, examples, strategy=marginal(), library=library, kl=schedule, **still)
    guide = training.guide.probabilities()["flip"].flatten()
    term = float((guide * (2 * guide).log()).sum())
    losses = [training.learn(*examples) for _ in range(6)]
    weights = [0.8 * 0.25 ** (min(step, 4) / 4) for step in range(6)]
    assert training.kl == schedule
    assert term > 0.01
    for weight, loss in zip(weights, losses, strict=True):
        assert losses[0] - loss == pytest.approx((0.8 - weight) * term, abs=1e-5)


def test_a_schedule_that_never_changes_is_its_number():
    found = []
    for kl in (0.25, Annealing(0.25, 0.25, 7)):
        model, library, examples = problem()
        found.append(fit(model, examples, library=library, steps=5, kl=kl).losses)
    assert found[0] == found[1]


def test_a_training_is_shown_in_one_line():
    model, library, examples = problem()
    training = Training(model, examples, strategy=marginal(), restarts=2, library=library)
    assert repr(training) == "<Training: 2 restarts of 1 trained choice, 0 steps>"
    loss = training.learn(*examples)
    assert repr(training) == f"<Training: 2 restarts of 1 trained choice, 1 step, loss {loss:.4g}>"
