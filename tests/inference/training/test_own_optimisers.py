"""Optimisers and schedules of one's own, batches by Pyro's means, and updates that would not be finite."""

import math

import pyro
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntpt_pyro import choice, observe, select, stack, switch
from ntpt_pyro.errors import DivergenceError, RunError, UsageError
from ntpt_pyro.inference import Training, fit, marginal
from ntpt_pyro.inference.training.finite_steps import FiniteSteps, NonFiniteError, most_of_adam, not_finite
from tests.inference.training.reader import problem

SCHEDULE = {"optimizer": torch.optim.Adam, "optim_args": {"lr": 0.2}}
OPTIMISERS = {
    "Pyro's": lambda: pyro.optim.Adam({"lr": 0.05}),
    "Pyro's, clipped": lambda: pyro.optim.ClippedAdam({"lr": 0.05}),
    "Pyro's, by name": lambda: pyro.optim.Adam(lambda name: {"lr": 0.1 if "logits" in name else 0.01}),
    "Pyro's schedule": lambda: pyro.optim.ExponentialLR({**SCHEDULE, "gamma": 0.9}),
    "Pyro's plateau": lambda: pyro.optim.ReduceLROnPlateau({**SCHEDULE, "patience": 0}),
    "a class of torch's": lambda: torch.optim.Adagrad,
    "a function": lambda: lambda parameters: torch.optim.SGD(parameters, lr=0.02),
    "a schedule": lambda: (
        lambda parameters: torch.optim.lr_scheduler.ExponentialLR(torch.optim.Adam(parameters, lr=0.2), 0.9)
    ),
    "a plateau": lambda: (
        lambda parameters: torch.optim.lr_scheduler.ReduceLROnPlateau(
            torch.optim.Adam(parameters, lr=0.2), patience=0
        )
    ),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
def test_an_optimiser_of_ones_own_trains_choices_and_library(make):
    model, library, examples = problem()
    before = library["net"].weight_0.detach().clone()
    state = fit(model, examples, library=library, restarts=2, steps=40, optimiser=make())
    assert sum(state.losses[-5:]) < sum(state.losses[:5])
    assert not torch.equal(library["net"].weight_0, before)


def test_a_schedule_moves_on_by_one_a_step():
    made = []

    def optimiser(parameters):
        made.append(torch.optim.lr_scheduler.StepLR(torch.optim.SGD(parameters, lr=1.0), 1, gamma=0.5))
        return made[0]

    model, library, examples = problem()
    fit(model, examples, library=library, steps=3, optimiser=optimiser)
    assert made[0].get_last_lr() == [0.125]
    theirs = pyro.optim.StepLR({**SCHEDULE, "step_size": 1, "gamma": 0.5})
    fit(model, examples, library=library, steps=3, optimiser=theirs)
    assert {one.get_last_lr()[0] for one in theirs.optim_objs.values()} == {0.2 * 0.125}


def test_adam_of_ones_own_is_the_same_as_the_stock_one():
    losses = []
    for own in (False, True):
        model, library, examples = problem()
        rates = {"choice_lr": 0.01, "library_lr": 0.01}
        settings = {"optimiser": lambda some: torch.optim.Adam(some, lr=0.01)} if own else rates
        losses.append(fit(model, examples, library=library, steps=8, **settings).losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimiser": 3}, "optimiser: expected one of Pyro's or torch's, .* got int"),
        ({"optimiser": lambda some: 3}, "expected a function that returns an optimiser of torch, got .* int"),
        ({"optimiser": torch.optim.SGD, "choice_lr": 0.1}, "either an optimiser or choice_lr, got both"),
        ({"optimiser": torch.optim.SGD, "checkpoint": "c"}, "checkpoint: expected no optimiser of one's own"),
    ],
)
def test_what_cannot_be_combined_is_refused(tmp_path, settings, message):
    model, library, examples = problem()
    if "checkpoint" in settings:
        settings = {**settings, "checkpoint": tmp_path / "c"}
    with pytest.raises(UsageError, match=message):
        fit(model, examples, library=library, steps=2, **settings)


def test_an_optimiser_that_does_not_hold_the_guide_is_refused():
    model, library, examples = problem()
    adam = torch.optim.Adam(library.parameters())
    with pytest.raises(
        UsageError, match=r"expected one that holds the parameters of the guide, got one with"
    ):
        fit(model, examples, library=library, optimiser=adam)
    guide = marginal().guide(model, *examples)
    adam = torch.optim.Adam([*guide.parameters(), *library.parameters()])
    before = guide.logits()["flip"].clone()
    fit(model, examples, library=library, optimiser=adam, guide=guide, steps=2)
    assert not torch.equal(guide.logits()["flip"], before)


def picker(numbers, results=None):
    which = choice("which", 3)
    with pyro.plate("examples", len(numbers), subsample_size=8) as rows:
        read = select(which, stack([numbers[rows, 0], numbers[rows, 1], numbers[rows, 2]]))
        observe("result", read, None if results is None else results[rows])


@pytest.mark.parametrize("restarts", [1, 4])
def test_batches_by_subsampling_are_batches(restarts):
    numbers = torch.eye(5)[torch.randint(5, (64, 3), generator=torch.Generator().manual_seed(1))]
    data = numbers, numbers[:, 2].argmax(-1)
    state = fit(picker, data, batch_size=None, steps=120, restarts=restarts)
    assert (state.guide.probabilities()["which"].argmax(-1) == 2).any()
    # The mean of the loss is that of all examples: Pyro scales the few up.
    still = Training(picker, data, strategy=marginal(), kl=0.0, choice_lr=1e-30, init_scale=1.0)

    def whole(numbers, results=None):
        which = choice("which", 3)
        with pyro.plate("examples", len(numbers)):
            observe("result", select(which, numbers), results)

    of_all = Training(whole, data, strategy=marginal(), kl=0.0, choice_lr=1e-30, guide=still.guide)
    losses = torch.tensor([still.learn(*data) for _ in range(400)])
    assert abs(float(losses.mean()) - of_all.learn(*data)) < 4 * float(losses.std()) / 20  # standard errors


def test_a_plate_over_a_number_of_examples_wants_all_of_them():
    def model(numbers, results=None):
        which = choice("which", 3)
        with pyro.plate("examples", 64, subsample_size=8) as rows:
            observe("result", select(which, numbers[rows]), results[rows])

    numbers = torch.eye(5)[torch.randint(5, (64, 3), generator=torch.Generator().manual_seed(1))]
    data = numbers, numbers[:, 2].argmax(-1)
    fit(model, data, batch_size=None, steps=2)
    with pytest.raises(UsageError, match=r"batch_size: expected None: .*got 4, so that rows are missing"):
        fit(model, data, batch_size=4, steps=2)


def test_all_examples_in_their_order_where_no_batches_are_drawn():
    model, library, (xs, ys) = problem()
    seen = []

    def watched(xs, ys=None):
        seen.append(xs)
        model(xs, ys)

    fit(watched, (xs, ys), library=library, steps=2, batch_size=None)
    assert torch.equal(seen[-1], xs)
    with torch.inference_mode():
        made = xs.clone()
    fit(watched, (made, ys), library=library, steps=2, batch_size=None)
    assert torch.equal(seen[-1], xs)


def until_it_ends(training, examples, note):
    for _ in range(60):
        training.learn(*examples)
        note(training)


def test_a_rate_that_overflows_is_said_and_undone():
    for size in (1e308, 3e307):
        rate = {"optimiser": lambda some, size=size: torch.optim.Adam(some, lr=size)}
        model, library, examples = problem()
        seen = []

        def note(training, library=library, seen=seen):
            seen[:] = [one.detach().clone() for one in (*training.guide.parameters(), *library.parameters())]

        training = Training(model, examples, strategy=marginal(), library=library, **rate)
        note(training)
        with pytest.raises(
            DivergenceError, match=r"finite (numbers after the update|loss), got NaN or infinity"
        ):
            until_it_ends(training, examples, note)
        now = [*training.guide.parameters(), *library.parameters()]
        for before, after in zip(seen, now, strict=True):
            assert torch.equal(before, after)
            assert after.isfinite().all()


def test_a_parameter_that_overflows_is_named():
    model, library, examples = problem()
    with pytest.raises(
        DivergenceError, match=r"step 0, parameter '.*': expected finite numbers after the upd"
    ):
        fit(model, examples, library=library, steps=2, optimiser=pyro.optim.Adam({"lr": 1e308}))


def test_the_stock_optimiser_undoes_what_overflows_too():
    model, library, examples = problem()
    training = Training(model, examples, strategy=marginal(), library=library)
    training.learn(*examples)
    for adam in training.optimiser._adams:
        adam.param_groups[0]["lr"] = 1e307
    seen = []
    with pytest.raises(DivergenceError, match=r"finite (loss|numbers after the update)"):
        until_it_ends(training, examples, lambda _: seen.append(library["net"].weight_0.detach().clone()))
    if seen:
        assert torch.equal(library["net"].weight_0, seen[-1])
    training.check_finite()


def test_a_step_is_undone_where_something_is_not_finite_or_it_fails():
    parameters = [torch.zeros(3, requires_grad=True), torch.ones(2, requires_grad=True)]
    steps = FiniteSteps()

    def moves(value):
        def step():
            with torch.no_grad():
                parameters[0].add_(1.0)
                parameters[1].add_(value)

        return step

    steps.take(parameters, moves(1.0))
    assert parameters[1].tolist() == [2.0, 2.0]
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(NonFiniteError) as raised:
            steps.take(parameters, moves(value))
        assert raised.value.tensors == [parameters[1]]

    def fails():
        moves(1.0)()
        raise KeyError

    with pytest.raises(KeyError):
        steps.take(parameters, fails)
    assert [one.tolist() for one in parameters] == [[1.0] * 3, [2.0] * 2]


def test_a_step_of_known_size_is_taken_without_a_copy_while_nothing_can_overflow():
    parameters, steps = [torch.zeros(3, requires_grad=True)], FiniteSteps()

    def add(number):
        def step():
            with torch.no_grad():
                parameters[0].add_(number)

        return step

    steps.take(parameters, add(1.0), most=1.0)
    assert not steps._before
    with torch.no_grad():
        parameters[0].fill_(1.7e308)  # by someone else
    with pytest.raises(NonFiniteError):
        steps.take(parameters, add(1e308), most=1e308)
    assert parameters[0].tolist() == [1.7e308] * 3


@settings(max_examples=40)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30),
    st.sampled_from([1e-30, 1e-6, 1.0, 1e6]),
)
def test_adam_moves_no_number_further_than_is_reckoned(gradients, unit):
    parameter = torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([parameter], lr=0.5)
    for gradient in gradients:
        before = parameter.detach().clone()
        parameter.grad = torch.tensor([gradient * unit])
        adam.step()
        assert abs(float(parameter.detach() - before)) <= most_of_adam(adam)
    assert most_of_adam(torch.optim.Adam([parameter], lr=0.5, betas=(0.99, 0.9))) == math.inf


def test_what_someone_else_breaks_is_never_kept(tmp_path):
    model, library, examples = problem()
    unused = torch.nn.Linear(2, 2)
    library.unused = unused

    def breaks(training):
        unused.weight.data.fill_(math.nan)

    path = tmp_path / "c.safetensors"
    with pytest.raises(DivergenceError, match=r"step 1, library, 'unused.weight': expected finite numbers"):
        fit(model, examples, library=library, callbacks=[breaks], checkpoint=path, checkpoint_every=1)
    assert not path.exists()


def test_numbers_that_only_their_sum_overflows_are_finite():
    large = torch.full((4,), 1e308)
    assert large.sum().isinf()
    assert not_finite([large, torch.arange(3)]) == []
    assert (
        not_finite([large, torch.tensor([1.0, math.inf]), torch.tensor([math.inf, -math.inf])])[0].ndim == 1
    )


def test_a_checkpoint_of_another_model_or_other_data_is_refused_in_our_words(tmp_path):
    path = tmp_path / "c.safetensors"
    model, library, (xs, ys) = problem()
    fit(model, (xs, ys), library=library, steps=2, checkpoint=path)

    def other(xs, ys=None):
        flip = choice("turn", 2)
        with pyro.plate("examples", len(xs)):
            read = library["net"](xs)
            observe("out", switch(flip, [read, read.flip(-1)]), ys)

    with pytest.raises(RunError, match=r"expected choices=\{'flip': 2\} as before, got \{'turn': 2\}"):
        fit(other, (xs, ys), library=library, steps=4, checkpoint=path)
    with pytest.raises(RunError, match=r"expected data="):
        fit(model, (xs, 2 - ys), library=library, steps=4, checkpoint=path)
    fit(model, (xs, ys), library=library, steps=4, checkpoint=path)


def test_a_state_of_another_model_is_refused_and_changes_nothing():
    model, library, examples = problem()
    state = fit(model, examples, library=library, steps=2).get_state()
    training = Training(model, examples, strategy=marginal(), restarts=2)
    before = training.guide.logits()["flip"].clone()
    message = "state of a training, restarts: expected some of those that are left, 0, 1, got 0, 1, 2"
    with pytest.raises(RunError, match=message):
        training.set_state(fit(model, examples, library=library, restarts=3, steps=2).get_state())
    assert torch.equal(training.guide.logits()["flip"], before)
    training = Training(model, examples, strategy=marginal())
    with pytest.raises(
        RunError, match=r"library, 'net.weight_0': expected no tensor of this name, got shape"
    ):
        training.set_state(state)
