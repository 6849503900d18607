"""Recorded execution of large models against their own, at random programs; and what a recording notes."""

from functools import partial

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import LearnedFunction, Library, Tensor, choice, constant, observe, select, step_end, var
from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference import ForwardMarginals
from ntpt_pyro.inference.exact.model_record import record
from ntpt_pyro.inference.exact.recorded_tensors import NotSharedError
from ntpt_pyro.inference.exact.shared_pass import SharedPass
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.apply2x2 import apply2x2
from ntpt_pyro.models.math_loop import math_loop
from tests.inference.exact.shared_models import SHARED, data, plate, plus
from tests.inference.exact.test_exact_posterior import SoftReadings, images, labels, text_data, text_of

PROGRAMS, EXAMPLES = 60, 4
TEXTS = {
    "turing": {"tape_length": 5, "symbols": 3, "states": 3, "steps": 6},
    "circuit": {"inputs": 3, "outputs": 2, "wires": 4, "gates": 5},
    "basic_block": {"size": 4, "registers": 3, "blocks": 4, "steps": 6},
}


def grids(model, networks, sure):
    integers = [labels(3 * EXAMPLES, 10).reshape(EXAMPLES, 3)] if model is apply2x2 else []
    cells = 3 if model is math_loop else 4
    given = images(EXAMPLES, cells, highest=4), *integers, labels(EXAMPLES)
    return partial(model, library=SoftReadings(networks, sure)), given


def text(name):
    model = text_of(name, TEXTS[name])
    return model, text_data(model, EXAMPLES)


LARGE = {
    f"{model.__name__}-{'sure' if sure else 'unsure'}": partial(grids, model, networks, sure)
    for model, networks in ((add2x2, [10, 4]), (apply2x2, [4, 4]), (math_loop, [10, 4]))
    for sure in (False, True)
} | {name: partial(text, name) for name in TEXTS}


def random_programs(sizes, programs=PROGRAMS):
    draw = np.random.default_rng(0)
    return {site: draw.integers(size, size=programs).astype(np.int32) for site, size in sizes.items()}


def sizes_of(model, given):
    return {name: site.size for name, site in model_sites(model, *(one[:1] for one in given)).choices.items()}


@pytest.mark.parametrize("name", LARGE)
def test_decided_programs_explain_as_much_as_on_their_own(name):
    model, given = LARGE[name]()
    sizes = sizes_of(model, given)
    programs = random_programs(sizes)
    uniform = {site: np.full(size, -np.log(size)) for site, size in sizes.items()}
    run = SharedPass(record(model, given), uniform, most=10**6, certain=False, report=lambda words: None)
    leaves = run(programs, np.zeros(PROGRAMS), -np.inf)
    assert sorted(leaves.origin) == list(range(PROGRAMS))  # nothing is open, so that none becomes two
    for site, column in programs.items():
        assert (leaves.choices[site] == column[leaves.origin]).all()
    integers = {site: torch.from_numpy(column).long() for site, column in programs.items()}
    with torch.no_grad():
        own = log_likelihood(with_choices(model, integers, sizes, ForwardMarginals()), given)
    np.testing.assert_allclose(leaves.log_likelihoods, own.double().numpy()[leaves.origin], atol=1e-4)


@pytest.mark.parametrize("model", SHARED, ids=lambda model: model.__name__)
def test_a_recording_has_the_models_choices_and_results(model):
    given = data(3)
    recording = record(model, given)
    assert {site: node.size for site, node in recording.choices.items()} == sizes_of(model, given)
    assert recording.nodes == sorted(recording.nodes, key=lambda node: node.number)
    assert all(other.number < node.number for node in recording.nodes for other in node.read())
    for one in recording.observed.values():
        assert isinstance(one.value, torch.Tensor) or one.value in recording.nodes
        assert not one.integers.is_floating_point()
    assert not recording.reads


def test_equal_computations_are_one_node():
    def model(x, y):
        a = choice("a", 3)
        with plate(y):
            one, other = plus(a, x), plus(a, x)
            assert one is other
            assert (a + one) is (a + other)
            assert plus(x, a) is not one
            observe("out", plus(one, other), y, noise=0.1)

    assert len(record(model, data(2)).nodes) == 5


def test_steps_and_variables_are_noted_where_they_end():
    def model(x, y):
        a = choice("a", 3)
        with plate(y):
            first = var("first", plus(a, x))
            step_end("1")
            second = var("second", plus(first, constant(1, 3)))
            observe("out", second, y, noise=0.1)

    recording = record(model, data(2))
    assert (recording.variables, recording.steps) == ([2, 3], [2])


def test_a_library_that_reads_is_noted():
    given = images(2, 4), labels(2)
    library = Library([LearnedFunction("look", (Tensor(3),), 3, (4,))], seed=0)

    def looks(x, y):
        a = choice("a", 2)
        with plate(y):
            observe("out", select(a, [library["look"](x), constant(0, 3)]), y)

    assert record(looks, data(2)).reads
    assert not record(partial(add2x2, library=SoftReadings([10])), given).reads


def test_a_name_that_is_used_twice_is_refused():
    def model(x, y):
        choice("a", 2)
        choice("a", 2)

    with pytest.raises(SiteError, match="site 'a': expected a name used once"):
        record(model, data(2))


def test_a_latent_that_is_no_choice_is_refused():
    def model(x, y):
        a = choice("a", 3)
        pyro.sample("z", pyro.distributions.Normal(0.0, 1.0))
        with plate(y):
            observe("out", plus(a, x), y)

    with pytest.raises(
        SiteError, match="site 'z': expected no latent but choices and steps, got a latent Norm"
    ):
        record(model, data(2))
    with pytest.raises(NotSharedError, match="the observed site 'z', a Normal"):
        record(pyro.poutine.condition(model, data={"z": torch.tensor(0.5)}), data(2))


def test_recording_leaves_the_models_own_execution_alone():
    """A text is recorded one variable at a time; the model itself stays as it is."""
    model = text_of("circuit", TEXTS["circuit"])
    given = text_data(model, 2)
    record(model, given)
    assert "one_by_one" in vars(model)
    assert len(model_sites(model, *given).choices) == len(record(partial(model), given).choices)
