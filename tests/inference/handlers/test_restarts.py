"""R restarts in one batch are R restarts one by one, except for what they share."""

import pyro
import pytest
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, switch
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import ChoiceGuide, Restarts, marginal
from tests.inference.tiny import READ_ONCE, data


@learn([Tensor(6)], 3, hid_sizes=[5])
def net(x):
    """A small network."""


def reader(xs, ys=None, *, library):
    """Reads a label with the network, or its mirror image."""
    flip = choice("flip", 2)
    with pyro.plate("examples", len(xs), dim=-1):
        read = library["net"](xs)
        observe("out", switch(flip, [read, read.flip(-1)]), ys)


def batch():
    generator = torch.Generator().manual_seed(0)
    xs = torch.randn(7, 6, generator=generator)
    return xs, torch.randint(3, (7,), generator=generator)


def gradients(model, guide, args, *, restarts=None, modules=()):
    """Of the loss, for the guide and the modules; and the loss itself."""
    pyro.clear_param_store()
    strategy = marginal()
    program = model if restarts is None else restarts(model)
    elbo = strategy.elbo(max_plate_nesting=2)
    loss = elbo.differentiable_loss(strategy(program), strategy(guide), *args)
    parameters = [*guide.parameters(), *(p for m in modules for p in m.parameters())]
    return loss.detach(), torch.autograd.grad(loss, parameters)


def guide_of(model, args, size) -> ChoiceGuide:
    return marginal().guide(Restarts(size)(model), *args)


def test_the_loss_and_each_programs_gradient_are_those_of_single_restarts():
    args = data()
    guide = guide_of(READ_ONCE.model, args, 4)
    together, grads = gradients(READ_ONCE.model, guide, args, restarts=Restarts(4))
    single = [
        gradients(READ_ONCE.model, guide.take(torch.tensor([r])), args, restarts=Restarts(1))
        for r in range(4)
    ]
    torch.testing.assert_close(together, sum(loss for loss, _ in single))
    for site, gradient in enumerate(grads):
        torch.testing.assert_close(gradient, torch.cat([g[site] for _, g in single]))


def test_a_shared_librarys_gradient_is_the_restarts_mean_weighted_by_likelihood():
    args, library = batch(), Library([net])

    def model(xs, ys=None):
        reader(xs, ys, library=library)

    guide = guide_of(model, args, 3)
    restarts = Restarts(3, sharpness=2.0)
    restarts.running_log_likelihood = torch.tensor([-3.0, -1.0, -2.0])
    weights = (2.0 * restarts.running_log_likelihood).softmax(-1)
    torch.testing.assert_close(restarts.weights, weights)
    _, grads = gradients(model, guide, args, restarts=restarts, modules=[library])
    single = [
        gradients(model, guide.take(torch.tensor([r])), args, restarts=Restarts(1), modules=[library])[1]
        for r in range(3)
    ]
    sites = len(list(guide.parameters()))
    for parameter in range(sites, len(grads)):
        expected = sum(w * g[parameter] for w, g in zip(weights, single, strict=True))
        torch.testing.assert_close(grads[parameter], expected)
    for site in range(sites):  # the choices' gradients are not weighted
        torch.testing.assert_close(grads[site], torch.cat([g[site] for g in single]))


def test_copies_of_a_library_learn_each_from_its_own_restart():
    args, copies = batch(), Library([net], copies=3, seed=5)

    def model(xs, ys=None, library=copies):
        reader(xs, ys, library=library)

    guide = guide_of(model, args, 3)
    _, grads = gradients(model, guide, args, restarts=Restarts(3), modules=[copies])
    sites = len(list(guide.parameters()))
    for r in range(3):
        kept = torch.tensor([r])
        mine = copies.take(kept)
        _, single = gradients(
            lambda xs, ys, library=mine: reader(xs, ys, library=library),
            guide.take(kept),
            args,
            restarts=Restarts(1),
            modules=[mine],
        )
        for together, alone in zip(grads[sites:], single[sites:], strict=True):
            torch.testing.assert_close(together[r], alone)


def test_the_running_mean_is_of_the_log_likelihood_an_example():
    args = data()
    guide = guide_of(READ_ONCE.model, args, 2)
    restarts = Restarts(2, decay=0.75)
    gradients(READ_ONCE.model, guide, args, restarts=restarts)
    kl0 = marginal(kl=0.0)
    for r in range(2):
        one = guide.take(torch.tensor([r]))
        loss = kl0.elbo(2).differentiable_loss(kl0(Restarts(1)(READ_ONCE.model)), kl0(one), *args)
        assert float(restarts.running_log_likelihood[r]) == pytest.approx(
            -0.25 * float(loss.detach()) / len(args[0])
        )


def test_the_running_mean_stays_put_outside_training():
    args = data()
    restarts = Restarts(2)
    with torch.no_grad():
        marginal()(restarts(READ_ONCE.model))(*args)
    assert not restarts.running_log_likelihood.any()


def test_fewer_than_one_restart_is_refused():
    with pytest.raises(UsageError, match="restarts: expected a whole number of at least 1, got 0; give one"):
        Restarts(0)


def test_restarts_are_shown_as_they_could_be_typed():
    assert repr(Restarts(3)) == "Restarts(3, dim=-2, sharpness=10.0, decay=0.9)"
