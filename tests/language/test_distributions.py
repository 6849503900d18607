"""What the sites' distributions promise, against torch's and closed forms."""

import math

import pyro
import pytest
import torch
from pyro import poutine
from torch.distributions import OneHotCategorical

from ntpt_pyro.language.distributions import MeanOneHot, OneHot, Output, RelaxedOneHot, Step

LOGITS = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.0, -4.0]]).log_softmax(-1)
SAMPLES = 20_000
"""Bounds on frequencies below are five standard errors: a right implementation fails once in 10^5 runs."""


def close_to(frequencies, probs):
    error = (probs * (1 - probs) / SAMPLES).sqrt()
    return bool(((frequencies - probs).abs() < 5 * error + 1e-9).all())


def test_one_hot_is_the_categorical_at_vertices():
    mine, theirs = OneHot(LOGITS), OneHotCategorical(logits=LOGITS)
    support = mine.enumerate_support()
    assert torch.equal(support, theirs.enumerate_support())
    assert mine.enumerate_support(expand=False).shape == (3, 1, 3)
    torch.testing.assert_close(mine.log_prob(support), theirs.log_prob(support))
    assert close_to(mine.sample((SAMPLES,)).mean(0), LOGITS.exp())


@pytest.mark.parametrize(
    "make", [OneHot, MeanOneHot, lambda x: RelaxedOneHot(x, 0.7), lambda x: Step(x.exp())]
)
def test_expanding_repeats_the_distribution(make):
    wide = make(LOGITS).expand((4, 2))
    assert (wide.batch_shape, wide.event_shape) == ((4, 2), (3,))
    assert wide().shape == (4, 2, 3)
    vertex = torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(wide.log_prob(vertex), make(LOGITS).log_prob(vertex).expand(4, 2))


def test_the_mean_scores_itself_so_that_the_difference_is_minus_kl():
    q, p = MeanOneHot(LOGITS), OneHot(torch.full((3,), 1 / 3).log())
    mean = q.rsample()
    torch.testing.assert_close(mean, LOGITS.exp())
    divergence = (LOGITS.exp() * (LOGITS - math.log(1 / 3))).sum(-1)
    torch.testing.assert_close(p.log_prob(mean) - q.log_prob(mean), -divergence)


@pytest.mark.parametrize("temperature", [1e-3, 0.5, 5.0])
@pytest.mark.parametrize("hard", [False, True])
def test_relaxed_samples_are_on_the_simplex_with_finite_gradients_at_any_temperature(temperature, hard):
    logits = LOGITS.clone().requires_grad_()
    relaxed = RelaxedOneHot(logits, temperature, hard)
    samples = relaxed.rsample((SAMPLES,))
    assert torch.isfinite(samples).all()
    torch.testing.assert_close(samples.sum(-1), torch.ones(SAMPLES, 2))
    assert (samples >= -1e-6).all()
    frequencies = torch.nn.functional.one_hot(samples.argmax(-1), 3).double().mean(0)
    assert close_to(frequencies, LOGITS.exp().double())
    (gradient,) = torch.autograd.grad(relaxed.log_prob(samples).mean(), logits)
    assert torch.isfinite(gradient).all()
    if hard:
        torch.testing.assert_close(samples.detach().max(-1).values, torch.ones(SAMPLES, 2))


def test_a_step_scores_vertices_and_stays_finite_where_it_is_impossible():
    step = Step(torch.tensor([0.25, 0.75, 0.0]))
    scores = step.log_prob(torch.eye(3))
    torch.testing.assert_close(scores[:2], torch.tensor([0.25, 0.75]).log())
    assert torch.isfinite(scores).all()
    assert float(scores[2]) < -80
    assert close_to(step.sample((SAMPLES,)).mean(0), step.probs)


def test_an_output_is_normalised_and_bounded_below():
    probs = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    output = Output(probs, noise=0.03)
    scores = torch.stack([output.log_prob(torch.tensor(y)) for y in range(3)])
    torch.testing.assert_close(scores.exp().sum(0), torch.ones(2))
    assert float(scores.min()) == pytest.approx(math.log(0.01))
    exact = Output(probs, noise=0.0).log_prob(torch.tensor([1, 0]))
    torch.testing.assert_close(exact, torch.tensor([0.5, 1.0]).log())
    drawn = torch.nn.functional.one_hot(output.sample((SAMPLES,)), 3).double().mean(0)
    assert close_to(drawn, (0.97 * probs + 0.01).double())


def test_an_output_does_not_broadcast_into_a_square():
    output = Output(torch.full((4, 3), 1 / 3), noise=0.0)
    assert output.log_prob(torch.zeros(4, dtype=torch.long)).shape == (4,)
    with pytest.raises(RuntimeError):
        output.log_prob(torch.zeros(5, dtype=torch.long))


def test_pyro_accepts_them_as_sites():
    def model():
        with pyro.plate("two", 2):
            for name, fn in (("a", OneHot(LOGITS)), ("b", Step(LOGITS.exp())), ("c", MeanOneHot(LOGITS))):
                pyro.sample(name, fn)
            pyro.sample("y", Output(LOGITS.exp(), 0.01), obs=torch.tensor([0, 2]))

    trace = poutine.trace(model).get_trace()
    trace.compute_log_prob()
    assert all(trace.nodes[name]["log_prob"].shape == (2,) for name in "abcy")
