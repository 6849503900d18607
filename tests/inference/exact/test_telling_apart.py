"""Programs told apart on more inputs: the same posterior, setting by setting."""

import numpy as np
import pytest
import torch

from ntpt_pyro import choice, observe, switch
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.inference import Prior, exact_posterior
from ntpt_pyro.inference.exact.telling_apart import told_apart
from tests.inference.exact.every_program import settings_of
from tests.inference.exact.shared_models import data, plate, plus


def table(x, y):
    """An entry for each input: those of inputs that no example has are open."""
    entries = [choice(f"entry_{integer}", 3) for integer in range(3)]
    with plate(y):
        observe("out", switch(x, entries), y, noise=0.1)


def inputs(*integers):
    return torch.eye(3)[list(integers)], torch.zeros(len(integers), dtype=torch.int64)


def test_what_another_input_reads_is_decided():
    prior = Prior({"entry_1": [0.5, 0.25, 0.25]})
    posterior = exact_posterior(table, inputs(0, 0), tolerance=0, prior=prior).posterior
    assert (posterior.programs(), posterior.settings) == (3, 27)
    found = told_apart(posterior, table, inputs(0, 1, 1))
    assert (found.programs(), found.settings) == (9, 27)
    assert bool((found.columns["entry_1"] >= 0).all())
    assert bool((found.columns["entry_2"] == -1).all())
    numbers, _, probs = settings_of(posterior)
    others, _, shares = settings_of(found)
    np.testing.assert_allclose(probs[np.argsort(numbers)], shares[np.argsort(others)], atol=1e-12)
    for site, wanted in posterior.marginals.items():
        torch.testing.assert_close(found.marginals[site], wanted)
    assert (found.log_evidence, found.hidden) == (posterior.log_evidence, posterior.hidden)
    assert told_apart(found, table, inputs(0, 1)).programs() == 9


def test_inputs_of_more_than_one_group():
    posterior = exact_posterior(table, inputs(0), tolerance=0).posterior
    assert told_apart(posterior, table, inputs(*[0] * 20, 1, 2)).programs() == 27


def test_more_than_may_be_are_refused():
    posterior = exact_posterior(table, inputs(0), tolerance=0).posterior
    with pytest.raises(BudgetError, match="told apart: expected at most 10 programs, got more that differ"):
        told_apart(posterior, table, inputs(0, 1, 2), most=10)


def test_labels_of_these_inputs_do_not_matter():
    def sure(x, y):
        entry = choice("entry", 3)
        with plate(y):
            observe("out", plus(entry, x), y, noise=0.0)

    x, _ = data(2, sure=True)
    posterior = exact_posterior(sure, (x, x.argmax(-1)), tolerance=0).posterior
    assert posterior.programs() == 1
    assert told_apart(posterior, sure, (x, (x.argmax(-1) + 1) % 3)).programs() == 1
