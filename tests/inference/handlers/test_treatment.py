"""A strategy asks its treatments what they do; it knows none of them by name."""

from dataclasses import dataclass

import pyro
import pytest
import torch
from pyro.infer import Trace_ELBO, TraceEnum_ELBO

from ntpt_pyro.inference import (
    Annealing,
    ChoiceTreatment,
    EnumeratedChoices,
    EnumeratedSteps,
    ForwardMarginals,
    JointControl,
    MeanChoices,
    RelaxedChoices,
    Strategy,
    fit,
    marginal,
    marginals,
)
from ntpt_pyro.inference.handlers.strategies import STRATEGIES
from ntpt_pyro.inference.handlers.treatment import is_free_choice
from ntpt_pyro.language.distributions import MeanOneHot, OneHot
from tests.inference.tiny import READ_ONCE, data


@dataclass(eq=False)
class Sharpened(ChoiceTreatment):
    """A gradient strategy that the package does not know: the mean, of logits that grow with the step."""

    step: int = 0
    runs: int = 0

    def __post_init__(self):
        super().__init__()

    def at(self, step):
        return Sharpened(step, self.runs)

    def reset(self):
        self.runs += 1

    def _pyro_sample(self, msg):
        if is_free_choice(msg) and type(msg["fn"]) is OneHot:
            msg["fn"] = MeanOneHot((msg["fn"].logits * (1 + self.step)).log_softmax(-1))


@pytest.mark.parametrize(
    ("treatment", "enumerates", "kl_applies"),
    [
        (MeanChoices(), False, True),
        (RelaxedChoices(), False, True),
        (EnumeratedChoices(), True, False),
        (ForwardMarginals(), False, True),
        (EnumeratedSteps(), True, True),
        (JointControl(), False, True),
    ],
    ids=repr,
)
def test_a_treatment_says_what_a_strategy_must_know(treatment, enumerates, kl_applies):
    assert (treatment.enumerates is not None) == enumerates
    assert treatment.kl_applies == kl_applies
    assert treatment.at(10) is treatment  # nothing changes along the training


def test_only_annealing_changes_along_the_training():
    annealed = RelaxedChoices(Annealing(2.0, 0.5, 100), hard=True)
    assert annealed.at(100)._now == pytest.approx(0.5)
    assert annealed.at(100).hard
    assert annealed._now == pytest.approx(2.0)


def test_what_a_run_enumerated_is_forgotten_after_it():
    treatment = EnumeratedChoices()
    strategy = Strategy(choices=treatment, steps=ForwardMarginals())
    strategy(READ_ONCE.model)(*data())
    assert not treatment.budget.sites


def test_a_new_treatment_needs_no_change_of_the_strategy(monkeypatch):
    made = Strategy(choices=Sharpened(), steps=ForwardMarginals())
    monkeypatch.setitem(STRATEGIES, "sharpened", lambda: made)
    assert isinstance(made.elbo(), Trace_ELBO)
    assert not isinstance(made.elbo(), TraceEnum_ELBO)
    inputs, _ = data(20, certain=True)
    outputs = 3 - (inputs.argmax(-1) + 1) % 4
    state = fit(READ_ONCE.model, (inputs, outputs), strategy=made, steps=100, kl=0.0, init_scale=0.0)
    found = marginals(made, READ_ONCE.model, state.guide, (inputs, outputs))
    assert {site: int(probs.argmax()) for site, probs in found.items()} == {"by": 1, "flip": 1}
    made(READ_ONCE.model)(inputs, outputs)
    assert made.choices.runs >= 2  # before a run and after it
    assert made.at(7).choices.step == 7


def test_the_weight_of_the_kl_term_reaches_what_says_it_applies():
    inputs, outputs = data()
    scales = {}
    for treatment in (Sharpened(), EnumeratedChoices()):
        strategy = marginal(kl=0.25, sites={"by": treatment})
        with pyro.poutine.trace() as tracer, strategy:
            READ_ONCE.model(inputs, outputs)
        scales[type(treatment)] = float(torch.as_tensor(tracer.trace.nodes["by"]["scale"]))
    assert scales == {Sharpened: 0.25, EnumeratedChoices: 1.0}
