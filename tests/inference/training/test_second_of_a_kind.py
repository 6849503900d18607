"""A second guide, library, strategy or thread in one process is as the first; nothing stays of an error."""

import copy
import math
import pickle
import threading

import pyro
import pytest
import torch
from pyro.infer import SVI
from pyro.poutine.runtime import _PYRO_STACK

from ntpt_pyro import Library, choice, constant, observe, switch
from ntpt_pyro.errors import DivergenceError, UsageError
from ntpt_pyro.inference import Training, fit, marginal, relaxed, train
from tests.inference.tiny import READ_ONCE, data
from tests.inference.training.reader import net, problem


def flipper(bits):
    flip = choice("flip", 2)
    with pyro.plate("bits", len(bits)):
        observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits)


def trained(strategy, bits, steps=80):
    """The guide's recipe."""
    guide = strategy.guide(flipper, bits)
    adam = pyro.optim.Adam({"lr": 0.1})
    svi = SVI(strategy(flipper), strategy(guide), adam, strategy.elbo())
    losses = [svi.step(bits) for _ in range(steps)]
    assert losses[-1] < losses[0]
    return guide


def test_the_recipe_trains_a_second_time_with_other_data_and_another_strategy():
    one = trained(marginal(), torch.tensor([1, 1, 1]))
    other = trained(relaxed(0.5), torch.tensor([0, 0, 0]))
    again = trained(marginal(), torch.tensor([0, 0, 0]))
    assert [int(guide.probabilities()["flip"].argmax()) for guide in (one, other, again)] == [1, 0, 0]
    assert {name.split(".")[1] for name in pyro.get_param_store()} == {"logits_0"}
    assert len(list(pyro.get_param_store())) == 3


def test_parameters_may_be_local_to_modules_by_pyros_setting():
    wanted = [fit(*_small_problem(), steps=3).losses for _ in range(2)]
    with pyro.settings.context(module_local_params=True):
        assert [fit(*_small_problem(), steps=3).losses for _ in range(2)] == wanted
        strategy, bits = marginal(), torch.tensor([1, 1, 1])
        guide = strategy.guide(flipper, bits)
        objective = strategy.elbo()(strategy(flipper), strategy(guide))
        adam = torch.optim.Adam(objective.parameters(), lr=0.1)
        for _ in range(60):
            adam.zero_grad()
            objective(bits).backward()
            adam.step()
        assert int(guide.probabilities()["flip"].argmax()) == 1
        assert not list(pyro.get_param_store())


def _small_problem():
    model, _, examples = problem()
    return model, examples


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda guide: pickle.loads(pickle.dumps(guide))])
def test_a_copy_of_a_guide_is_a_guide_of_its_own(copied):
    strategy, bits = marginal(), torch.tensor([1, 1, 1])
    guide = trained(strategy, bits)
    twin, before = copied(guide), guide.logits()["flip"].clone()
    assert torch.equal(twin.logits()["flip"], before)
    adam = pyro.optim.Adam({"lr": 0.1})
    svi = SVI(strategy(flipper), strategy(twin), adam, strategy.elbo())
    for _ in range(150):
        svi.step(1 - bits)
    assert int(twin.probabilities()["flip"].argmax()) == 0
    assert torch.equal(guide.logits()["flip"], before)


def test_two_libraries_of_the_same_functions_learn_apart():
    strategy, learned = marginal(), []
    for _ in range(2):
        model, library, examples = problem()
        guide = strategy.guide(model, *examples)
        before = library["net"].weight_0.detach().clone()
        svi = SVI(strategy(model), strategy(guide), pyro.optim.Adam({"lr": 0.05}), strategy.elbo())
        losses = [svi.step(*examples) for _ in range(20)]
        assert losses[-1] < losses[0]
        assert not torch.equal(library["net"].weight_0, before)
        learned.append((losses[0], before))
    assert torch.equal(learned[0][1], learned[1][1])  # both began with the weights of their seed
    twin = copy.deepcopy(library)
    svi.step(*examples)
    assert not torch.equal(twin["net"].weight_0, library["net"].weight_0)
    assert twin["net"]._pyro_name == f"{twin._pyro_name}.net" != library["net"]._pyro_name


def test_two_libraries_may_be_in_one_model():
    one, other = Library([net], seed=0), Library([net], seed=1)

    def model(xs, ys=None):
        which = choice("which", 2)
        with pyro.plate("examples", len(xs)):
            observe("out", switch(which, [one["net"](xs), other["net"](xs)]), ys)

    _, _, examples = problem()
    before = [library["net"].weight_0.detach().clone() for library in (one, other)]
    fit(model, examples, steps=3)
    assert not torch.equal(one["net"].weight_0, other["net"].weight_0)
    for library, weights in zip((one, other), before, strict=True):
        assert not torch.equal(library["net"].weight_0, weights)


def test_gradients_of_an_error_do_not_reach_the_next_training():
    def run(broken):
        model, library, (xs, ys) = problem()
        if broken:
            training = Training(model, (xs, ys), strategy=marginal(), library=library)
            with pytest.raises(DivergenceError):
                training.learn(xs * math.nan, ys)
            library["net"].weight_0.grad = torch.full_like(library["net"].weight_0, math.nan)
        losses = fit(model, (xs, ys), library=library, steps=4).losses
        assert all(parameter.grad is None for parameter in library.parameters())
        return losses

    assert run(True) == run(False)


def test_an_error_of_the_model_leaves_nothing_behind():
    model, library, (xs, ys) = problem()
    calls = []

    def breaks(xs, ys=None):
        calls.append(None)
        if len(calls) > 8:
            raise KeyError("of the user")
        model(xs, ys)

    with pytest.raises(KeyError, match="of the user"):
        fit(breaks, (xs, ys), library=library, steps=20)
    assert not _PYRO_STACK
    assert not list(pyro.get_param_store())
    assert all(parameter.grad is None for parameter in library.parameters())
    fit(model, (xs, ys), library=library, steps=1)


@pytest.mark.parametrize(
    ("around", "message"),
    [
        (torch.no_grad, r"expected gradients, which it learns by, got torch.no_grad\(\); call it outside"),
        (torch.inference_mode, r"expected gradients, .* got torch.inference_mode\(\)"),
        (
            marginal,
            "expected no handler of Pyro's around it, got Strategy; call (fit|train) outside of `with`",
        ),
        (pyro.poutine.trace, "expected no handler of Pyro's around it, got TraceMessenger"),
    ],
)
def test_training_where_nothing_can_be_learned_is_refused(around, message):
    model, library, examples = problem()
    training = Training(model, examples, strategy=marginal(), library=library)
    source = torch.Generator()
    with around(), pytest.raises(UsageError, match=f"fit: {message}"):
        fit(model, examples, library=library, steps=1)
    with around(), pytest.raises(UsageError, match=f"train: {message}"):
        train(training, examples, steps=1, batch_size=8, source=source)
    with torch.no_grad(), pytest.raises(UsageError, match="training step: expected gradients"):
        training.learn(*examples)
    fit(model, examples, library=library, steps=1)


def in_a_thread(run):
    """What another thread raises."""
    raised = []

    def caught():
        try:
            run()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=caught)
    thread.start()
    thread.join()
    return raised


def test_two_threads_that_train_at_once_are_refused_and_the_first_goes_on():
    model, library, examples = problem()
    raised = []

    def second(_):
        raised.extend(in_a_thread(lambda: fit(model, examples, library=library, steps=1)))

    whole = fit(model, examples, library=problem()[1], steps=3)
    state = fit(model, examples, library=library, steps=3, callbacks=[second])
    assert state.step == whole.step == 3
    assert [type(error) for error in raised] == [UsageError] * 3
    assert "fit: expected one thread that runs Pyro models, got another thread" in str(raised[0])
    assert not in_a_thread(lambda: fit(model, examples, library=library, steps=1))  # one after the other


def test_two_threads_that_run_models_at_once_are_refused():
    strategy = marginal()

    def meanwhile():
        strategy(READ_ONCE.model)(*data())

    with marginal():
        first, *_ = in_a_thread(meanwhile)
        # A site of a thread without a strategy of its own reaches the strategy of this one.
        second, *_ = in_a_thread(lambda: choice("by", 3))
    assert str(first).startswith("strategy: expected one thread that runs Pyro models")
    assert str(second).startswith("site 'by': expected one thread that runs Pyro models")
    assert isinstance(first, UsageError)
    meanwhile()


@pytest.mark.usefixtures("double_precision")
def test_everything_is_in_double_precision_where_that_is_the_default():
    library = Library([net])

    def model(xs, ys=None):
        flip = choice("flip", 2)
        with pyro.plate("examples", len(xs)):
            read = library["net"](xs)
            observe("out", switch(flip, [read, read.flip(-1)]), ys)

    xs = torch.randn(20, 6)
    state = fit(model, (xs, xs[:, :3].argmax(-1)), library=library, steps=3, restarts=2)
    assert {one.dtype for one in (*state.guide.parameters(), *library.parameters())} == {torch.float64}
