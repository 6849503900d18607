"""Learnable functions of integers and tensors in models written by hand."""

import itertools
from functools import partial

import pyro
import pytest
import torch
from pyro.poutine.messenger import Messenger

from ntpt_pyro import Library, Tensor, choice, learn, observe, one_hot, select, stack, switch, var
from ntpt_pyro.errors import RangeError, UsageError
from ntpt_pyro.inference import (
    Restarts,
    enumeration,
    exact_posterior,
    fit,
    marginal,
    marginals,
    relaxed,
)
from ntpt_pyro.inference.posterior.decided_programs import decided
from ntpt_pyro.inference.posterior.log_likelihoods import log_likelihood
from ntpt_pyro.inference.solver.circuit import Circuit
from ntpt_pyro.inference.solver.model_circuit import run_on_literals

pytestmark = pytest.mark.usefixtures("double_precision")

EXAMPLES = 5


@learn([Tensor(2, 3)], Tensor(4), hid_sizes=[6])
def encode(image):
    """Numbers that say what is in an image."""


@learn([3, Tensor(4), 2], 3, hid_sizes=[5])
def read(mode, features, bit):
    """What they mean."""


@learn([3, 3], Tensor(2), hid_sizes=[4])
def place(a, b):
    """A tensor from integers."""


@learn([Tensor(2)], 2)
def side(at):
    """An integer from that."""


FUNCTIONS = [encode, read, place, side]


def model(images, bits, seen=None, *, library):
    """Looks at one of two images and reads it; a second reading depends on the first."""
    which, mode = choice("which", 2), choice("mode", 3)
    with pyro.plate("examples", len(images)):
        features = [library["encode"](images[:, n]) for n in range(2)]
        looked = select(which, stack(features))
        first = var("first", library["read"](mode, looked, one_hot(bits, 2)))
        second = var("second", library["read"](first, features[0], switch(which, [one_hot(bits, 2)] * 2)))
        found = var("found", library["side"](library["place"](first, second)))
        observe("seen", found, seen, noise=0.1)
        return found


def library(seed=0, copies=None):
    """Networks that differ in what they make of their arguments."""
    made = Library(FUNCTIONS, seed=seed, copies=copies)
    for parameter in made.parameters():
        parameter.data *= 3
    return made


def data(examples=EXAMPLES):
    source = torch.Generator().manual_seed(0)
    images = torch.randn(examples, 2, 2, 3, generator=source)
    bits = torch.randint(2, (examples,), generator=source)
    return images, bits, torch.randint(2, (examples,), generator=source)


def soft(restarts=None, seed=1):
    source = torch.Generator().manual_seed(seed)
    batch = () if restarts is None else (restarts, 1)
    return {
        site: torch.randn(*batch, n, generator=source).softmax(-1) for site, n in (("which", 2), ("mode", 3))
    }


def run(program, params, strategy=None, examples=EXAMPLES):
    conditioned = pyro.poutine.condition(program, data=params)
    return (strategy or marginal())(conditioned)(*data(examples))


def by_hand(networks, which, mode, image, bit):
    """The equations of forward marginals, one example and one number at a time."""
    one = {"encode": lambda x: networks["encode"](x)}
    features = [one["encode"](image[n]) for n in range(2)]
    looked = which[0] * features[0] + which[1] * features[1]
    first = networks["read"](mode, looked, torch.eye(2)[bit])
    second = networks["read"](first, features[0], torch.eye(2)[bit])
    return networks["side"](networks["place"](first, second))


def test_an_uncertain_argument_enters_as_its_distribution():
    networks, params = library(), soft()
    found = run(partial(model, library=networks), params)
    for number, (image, bit, _) in enumerate(zip(*data(), strict=True)):
        torch.testing.assert_close(found[number], by_hand(networks, *params.values(), image, int(bit)))


def test_inputs_that_are_the_same_for_a_batch_are_as_if_repeated():
    networks = library()
    mode, features, bit = torch.rand(3, 1, 3), torch.rand(5, 4), torch.tensor([1.0, 0.0])
    together = networks["read"](mode, features, bit)
    repeated = networks["read"](mode.expand(3, 5, 3), features.expand(3, 5, 4), bit.expand(3, 5, 2))
    assert together.shape == (3, 5, 3)
    torch.testing.assert_close(together, repeated)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("restarts", [1, 2, 3, EXAMPLES])
def test_restarts_are_a_batch_of_programs_that_do_not_mix(restarts, shared):
    networks, params = library(copies=None if shared else restarts), soft(restarts)
    together = run(Restarts(restarts)(partial(model, library=networks)), params)
    assert together.shape == (restarts, EXAMPLES, 2)
    for restart in range(restarts):
        alone = partial(model, library=networks.take(torch.tensor([restart])))
        found = run(alone, {site: value[restart, 0] for site, value in params.items()})
        torch.testing.assert_close(together[restart], found)


@pytest.mark.parametrize("shared", [True, False])
def test_gradients_are_those_of_single_restarts(shared):
    networks, params = library(copies=None if shared else 3), soft(3)
    for value in params.values():
        value.requires_grad_()
    handler = Restarts(3, sharpness=2.0)
    handler.running_log_likelihood = torch.tensor([-3.0, -1.0, -2.0])
    weights = handler.weights
    run(handler(partial(model, library=networks)), params)[..., 0].log().sum().backward()
    for restart in range(3):
        mine = networks.take(torch.tensor([restart]))
        own = {site: value[restart, 0].detach().requires_grad_() for site, value in params.items()}
        before = [p.grad.clone() for p in mine.parameters()] if shared else []
        for parameter in mine.parameters():
            parameter.grad = None
        run(partial(model, library=mine), own)[..., 0].log().sum().backward()
        for site, value in own.items():
            torch.testing.assert_close(params[site].grad[restart, 0], value.grad)
        for number, parameter in enumerate(mine.parameters()):
            if shared:  # what the others are to contribute is left
                parameter.grad = before[number] - weights[restart] * parameter.grad
            else:
                theirs = list(networks.parameters())[number].grad[restart]
                torch.testing.assert_close(theirs, parameter.grad)
    if shared:
        for parameter in networks.parameters():
            torch.testing.assert_close(parameter.grad, torch.zeros_like(parameter), atol=1e-9, rtol=0)


def test_enumeration_sums_over_programs_and_steps():
    networks, (images, bits, seen) = library(), data()
    program, strategy = partial(model, library=networks), enumeration()
    found = marginals(strategy, program, strategy.guide(program, *data()), data())
    exact = torch.zeros(2, 3)
    eye = {n: torch.eye(n) for n in (2, 3)}
    with torch.no_grad():
        for which, mode in itertools.product(range(2), range(3)):
            likelihood = 1.0
            for image, bit, label in zip(images, bits.tolist(), seen.tolist(), strict=True):
                features, total = networks["encode"](image), 0.0
                first = networks["read"](eye[3][mode], features[which], eye[2][bit])
                for a in range(3):
                    second = networks["read"](eye[3][a], features[0], eye[2][bit])
                    for b in range(3):
                        last = networks["side"](networks["place"](eye[3][a], eye[3][b]))
                        total += first[a] * second[b] * (0.9 * last[label] + 0.05)
                likelihood *= float(total)
            exact[which, mode] = likelihood
    exact /= exact.sum()
    torch.testing.assert_close(found["which"][0], exact.sum(1))
    torch.testing.assert_close(found["mode"][0], exact.sum(0))


def test_the_exact_posterior_weighs_programs_by_their_likelihoods():
    program = partial(model, library=library().eval().requires_grad_(False))
    found = exact_posterior(program, data()).posterior
    programs = list(itertools.product(range(2), range(3)))
    columns = {
        "which": torch.tensor([p[0] for p in programs]),
        "mode": torch.tensor([p[1] for p in programs]),
    }
    scores = log_likelihood(decided(program, columns, data()), data())
    wanted = scores.softmax(0).reshape(2, 3)
    torch.testing.assert_close(found.marginals["which"], wanted.sum(1), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found.marginals["mode"], wanted.sum(0), atol=1e-6, rtol=1e-4)


def test_a_solver_refuses_functions_of_what_a_program_decides_by_name():
    with pytest.raises(UsageError, match="where a program chooses between tensors, let functions"):
        run_on_literals(partial(model, library=library()), data(), Circuit())

    def reading(images, bits, seen, *, library):
        mode = choice("mode", 3)
        with pyro.plate("examples", len(images)):
            features = library["encode"](images[:, 0])
            observe("seen", library["read"](mode, features, one_hot(bits, 2)), seen)

    with pytest.raises(UsageError, match="solver, function 'read': expected inputs that are given with the"):
        run_on_literals(partial(reading, library=library()), data(), Circuit())


@pytest.mark.parametrize("copies", [None, 4])
def test_they_are_trained_with_a_library(copies):
    networks = library(copies=copies)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = fit(
            partial(model, library=networks),
            data(40),
            strategy=relaxed(),
            restarts=4,
            library=networks,
            steps=60,
            library_lr=0.02,
        )
    assert state.guide.probabilities()["mode"].shape == (4, 1, 3)
    assert state.losses[-1] < 0.8 * state.losses[0]


class Shapes(Messenger):
    """Notes the shape of each function's results."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def _pyro_post_ntpt_learned(self, msg):
        self.seen[msg["args"][0].declaration.name] = tuple(msg["value"].shape)


@pytest.mark.parametrize("examples", [1, 2, 3, 4])
@pytest.mark.parametrize("cells", [1, 2, 3])
def test_cells_of_a_grid_and_restarts_are_told_apart(examples, cells):
    networks, shapes = library(copies=3), Shapes()

    def grids(images):
        with pyro.plate("examples", len(images)):
            features = networks["encode"](images)
            networks["side"](networks["place"](torch.eye(3)[0], torch.eye(3)[1]))
            networks["read"](torch.eye(3)[0], features[:, :, 0], torch.eye(2)[1])

    with shapes:
        Restarts(3)(grids)(torch.zeros(examples, cells, 2, 3))
    assert shapes.seen == {
        "encode": (3, examples, cells, 4),
        "place": (3, 1, 2),
        "side": (3, 1, 2),
        "read": (3, examples, 3),
    }


def test_where_sizes_do_not_tell_axes_apart_it_can_be_said_which_they_are():
    networks, images = library(copies=3), torch.zeros(3, 3, 2, 3)
    with Restarts(3), pyro.plate("examples", 3):
        assert networks["encode"](images, items=1).shape == (3, 3, 3, 4)
        assert networks["encode"](images, items=0).shape == (3, 3, 4)
        with pytest.raises(RangeError, match="encode: expected an axis of 3 restarts, got one of length 4"):
            networks["encode"](torch.zeros(4, 3, 2, 3), items=0)


class Halves(torch.nn.Module):
    """A network of one's own of an integer and a tensor."""

    def __init__(self):
        super().__init__()
        self.of_tensor, self.of_integer = torch.nn.Linear(4, 3), torch.nn.Linear(2, 3)

    def forward(self, features, bit):
        return self.of_tensor(features) * self.of_integer(bit)


class Looping(Halves):
    """One that cannot be evaluated for all restarts at once."""

    def forward(self, features, bit):
        return super().forward(features, bit) * (1.0 if float(bit.sum()) > -1 else 2.0)


@pytest.mark.parametrize("module", [Halves, Looping])
def test_networks_of_ones_own_take_values_of_restarts(module):
    @learn([Tensor(4), 2], 3, module=module)
    def halves(features, bit):
        pass

    networks = Library([encode, halves], copies=3, seed=0)
    images, bits = torch.randn(EXAMPLES, 2, 3), torch.rand(3, 1, 2)
    with Restarts(3), pyro.plate("examples", EXAMPLES):
        features = networks["encode"](images)
        together = networks["halves"](features, bits)
    assert together.shape == (3, EXAMPLES, 3)
    for restart in range(3):
        mine = networks.take(torch.tensor([restart]))
        alone = mine["halves"](mine["encode"](images), bits[restart, 0])
        torch.testing.assert_close(together[restart], alone)
