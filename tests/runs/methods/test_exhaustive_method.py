"""The exact posterior of a task's programs, against all of them tried by hand."""

import math

import pytest
import torch
from pyro import poutine

from ntpt_pyro import Library, induce, one_hot
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.inference import ForwardMarginals
from ntpt_pyro.models.nets import net_1
from tests.runs.reading import bright, reading_task
from tests.small import small, small_task  # noqa: F401  # a fixture
from tests.two_registers import FUNCTIONS, PROGRAMS, REGISTERS, SUM, SUMS, X, Y, execute, model, sum_task

SIZES = {"function": FUNCTIONS, "return": REGISTERS}


def log_likelihood(program) -> float:
    """Of all examples given a program."""
    fixed = {site: one_hot(torch.tensor(integer), SIZES[site]) for site, integer in program.items()}
    decided = ForwardMarginals()(poutine.condition(model, data=fixed))
    trace = poutine.trace(decided).get_trace(X, Y, SUMS)
    trace.compute_log_prob()
    return float(trace.nodes["z"]["log_prob"].double().sum())


def test_it_is_that_of_all_programs_tried_by_hand():
    joint = torch.tensor([log_likelihood(p) for p in PROGRAMS], dtype=torch.float64) - math.log(len(PROGRAMS))
    posterior = joint.softmax(0)
    found = induce(sum_task(execute=execute), strategy="exhaustive", tolerance=0)
    result = found.result
    assert result.log_evidence == pytest.approx(float(joint.logsumexp(0)), rel=1e-5)
    ranked = {tuple(one.choices.items()): one.probability for one in result.programs}
    assert result.certain_labels  # so that only programs that explain all examples are there
    for program, probability in zip(PROGRAMS, posterior.tolist(), strict=True):
        assert ranked.get(tuple(program.items()), 0) == pytest.approx(probability, abs=1e-6)
    for site, marginal in found.posterior.marginals.items():
        for integer, probability in enumerate(marginal.tolist()):
            mine = sum(p for one, p in zip(PROGRAMS, posterior.tolist(), strict=True) if one[site] == integer)
            assert probability == pytest.approx(mine, abs=1e-6)
    entropy = -float((posterior * posterior.clamp_min(1e-300).log()).sum())
    assert result.entropy == pytest.approx(entropy, abs=1e-6)
    assert result.right_behaviours == pytest.approx(float(posterior[PROGRAMS.index(SUM)]), abs=1e-6)
    assert (result.cost.programs, result.cost.examples) == (9, 25)
    assert result.hidden == 0


def test_nothing_is_trained_and_no_restart_is_counted():
    result = induce(sum_task(), strategy="exhaustive").result
    assert (result.steps, result.restarts, result.restarts_correct) == (0, None, None)


def test_a_library_is_only_called():
    library = Library([bright], seed=0)
    library.count_steps(1)
    before = [parameter.clone() for parameter in library.parameters()]
    found = induce(reading_task(), strategy="exhaustive", library=library, examples=20)
    assert found.result.cost.examples == 20  # none is held back
    assert found.library.steps == {"bright": 1}
    for mine, theirs in zip(found.library.parameters(), before, strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.usefixtures("small")
def test_a_library_that_has_not_learned_is_refused():
    for library in (None, Library([bright], seed=0)):
        with pytest.raises(
            LibraryError, match="expected one with bright, trained, got one with nothing trained"
        ):
            induce(reading_task(), strategy="exhaustive", library=library)
    trained = Library([net_1], seed=0)
    trained.count_steps(1)
    with pytest.raises(
        LibraryError, match=r"expected one with net_0, trained, got one with net_1 trained; .* em"
    ):
        induce(small_task(), strategy="exhaustive", library=trained)
