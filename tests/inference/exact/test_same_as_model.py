"""Programs that can share no work are run one by one, with the same answer, and it is said why."""

import pyro
import pytest
import torch

from ntpt_pyro import choice, observe
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import JointControl, exact_posterior
from ntpt_pyro.inference.exact.same_as_model import same_as_model
from ntpt_pyro.inference.posterior.priors import UNIFORM
from tests.inference.exact.every_program import agrees, every_program
from tests.inference.exact.shared_models import SHARED, data, plate, plus
from tests.inference.exact.unshared_models import ANOTHER, UNSHARED


@pytest.mark.parametrize("examples", [1, 5])
@pytest.mark.parametrize("model", UNSHARED, ids=lambda model: model.__name__)
def test_what_cannot_be_shared_is_run_one_by_one_and_it_is_said_why(model, examples):
    given = data(examples)
    found = exact_posterior(model, given, tolerance=0)
    agrees(found.posterior, every_program(model, given))
    assert found.way.startswith("every program by itself (")
    assert UNSHARED[model] in found.way
    with pytest.raises(
        UsageError, match=f"certain labels: expected a model whose .* do not, because .*{UNSHARED[model]}"
    ):
        exact_posterior(model, given, certain_labels=True)


def other_distribution(x, y):
    a = choice("a", 3)
    with plate(y):
        pyro.sample("out", pyro.distributions.Categorical(0.9 * plus(a, x) + 0.1 / 3), obs=y)


def test_another_distribution_than_that_of_an_output_is_named():
    given = data(5)
    with pyro.validation_enabled(False):
        found = exact_posterior(other_distribution, given, tolerance=0)
    assert "because of the observed site 'out', a Categorical" in found.way
    agrees(found.posterior, every_program(other_distribution, given))


def only_with_more_examples(x, y):
    a = choice("a", 3)
    with plate(y):
        seen = plus(a, x)
        if len(y) == 2:
            seen[..., 0] = seen[..., 0]
        observe("out", seen, y, noise=0.1)


def test_what_can_be_done_on_one_example_only_is_seen():
    given = data(2)
    found = exact_posterior(only_with_more_examples, given, tolerance=0)
    assert ANOTHER in found.way
    agrees(found.posterior, every_program(only_with_more_examples, given))


@pytest.mark.parametrize("model", SHARED, ids=lambda model: model.__name__)
def test_what_can_be_shared_is(model):
    given = data(4)
    sizes = every_program(model, given).sizes
    tables = {site: table.numpy() for site, table in UNIFORM.tables(sizes).items()}
    assert same_as_model(model, given, tables)
    assert exact_posterior(model, given).way.startswith("programs that begin alike run once")


def test_another_treatment_of_steps_runs_one_by_one():
    given = data(4)
    (model,) = (one for one in SHARED if one.__name__ == "steps_of_a_state")
    found = exact_posterior(model, given, steps=JointControl(), tolerance=0)
    assert found.way == "every program by itself (because of other steps than forward marginals)"
    sure = data(4, sure=True)
    agrees(
        exact_posterior(model, sure, steps=JointControl(), tolerance=0).posterior, every_program(model, sure)
    )
    other = exact_posterior(model, given, tolerance=0).posterior
    assert abs(other.log_evidence - found.posterior.log_evidence) > 1e-3  # uncertain control matters here


def nothing_is_observed(x, y):
    choice("a", 3)
    with plate(y):
        pass


def test_where_nothing_is_observed_all_programs_are_as_likely():
    found = exact_posterior(nothing_is_observed, data(3))
    assert found.way == "every program by itself (because nothing is observed)"
    torch.testing.assert_close(found.posterior.marginals["a"], torch.full((3,), 1 / 3))
