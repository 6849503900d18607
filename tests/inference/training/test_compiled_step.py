"""Recorded steps: the same training bit for bit; the model itself wherever a recording would not be it."""

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pyro
import pytest
import torch
from torch._inductor.exc import InductorError, InvalidCxxCompiler

from ntpt_pyro import Library, Tensor, choice, guide_choice, learn, observe, switch
from ntpt_pyro.errors import DivergenceError, RangeError, UsageError
from ntpt_pyro.inference import (
    Annealing,
    EnumeratedChoices,
    ForwardMarginals,
    JointControl,
    Strategy,
    Training,
    enumeration,
    fit,
    marginal,
    relaxed,
)
from ntpt_pyro.inference.training.compiled_step import MISSES, SEARCHES_CUDA, WAIT
from ntpt_pyro.language import runtime_functions
from tests.inference.tiny import READ_ONCE, READ_TWICE, REGISTERS, data
from tests.inference.training.reader import problem

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "marginal": marginal,
    "relaxed": lambda: relaxed(Annealing(2.0, 0.5, 6)),
    "straight-through": lambda: relaxed(0.7, hard=True),
    "marginal-joint": lambda: marginal(steps=JointControl()),
    "enumeration": enumeration,
    "enumerated choices": lambda: Strategy(choices=EnumeratedChoices(), steps=ForwardMarginals()),
}


def is_recorded(training: Training) -> bool:
    """Whether a step has been recorded, so that what follows is run from there."""
    return any(hasattr(one, "guards") for one in training._take._known.values())


def trained(model: Any, batches: Any, how: str, seed: int = 0, **more: Any) -> Training:
    """A training after a step on each batch, from a seed."""
    torch.manual_seed(seed)
    source = torch.Generator().manual_seed(1)
    training = Training(model, batches[0], generator=source, compile=how, **more)
    for batch in batches:
        training.learn(*batch)
    return training


def check_equal(one: Training, other: Training) -> None:
    """Two trainings are equal bit for bit."""
    assert one.losses == other.losses
    mine, its = one.get_state(), other.get_state()
    for part in ("guide", "library", "average", "optimiser"):
        assert mine[part].keys() == its[part].keys()
        for name, tensor in mine[part].items():
            assert torch.equal(tensor, its[part][name]), (part, name)
    assert torch.equal(mine["running_log_likelihood"], its["running_log_likelihood"])


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize("tiny", [READ_ONCE, READ_TWICE, REGISTERS], ids=lambda tiny: tiny.model.__name__)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_recorded_steps_are_the_models_own(strategy, tiny, restarts):
    batches = [data()] * 10
    runs = [
        trained(tiny.model, batches, how, strategy=STRATEGIES[strategy](), restarts=restarts)
        for how in ("none", "jit")
    ]
    check_equal(*runs)
    assert is_recorded(runs[1]) == bool(runs[1].guide.covered)  # else there is nothing to learn


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("strategy", ["relaxed", "enumeration"])
def test_networks_learn_the_same(strategy, averaging, restarts):
    def run(how):
        model, library, examples = problem()
        kl = Annealing(1.0, 0.1, 5)
        more = {"kl": kl, "averaging": averaging, "clip_norm": 0.5, "restarts": restarts}
        more["strategy"] = STRATEGIES[strategy]()
        return trained(model, [examples] * 10, how, library=library, **more)

    one, other = run("none"), run("jit")
    check_equal(one, other)
    assert is_recorded(other)


def test_draws_of_networks_that_drop_out_are_the_same():
    def run(how):
        model, library, examples = problem()
        for network in library:
            network.dropout = (0.5, 0.5)
        library.train()
        return trained(model, [examples] * 9, how, strategy=relaxed(), library=library)

    one, other = run("none"), run("jit")
    check_equal(one, other)
    assert is_recorded(other)
    assert len(set(other.losses)) == 9


class Normed(torch.nn.Module):
    """A network whose running statistics are written into in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(x.reshape(-1, 6))).reshape(*x.shape[:-1], 3)


def test_running_statistics_are_kept():
    def run(how):
        torch.manual_seed(0)
        net = learn([Tensor(6)], 3, module=Normed)(lambda x: None)
        library = Library([net])

        def model(xs, ys=None):
            flip = choice("flip", 2)
            with pyro.plate("examples", len(xs), dim=-1):
                read = next(iter(library))(xs)
                observe("out", switch(flip, [read, read.flip(-1)]), ys)

        _, _, examples = problem()
        return trained(model, [examples] * 9, how, strategy=marginal(), library=library)

    one, other = run("none"), run("jit")
    check_equal(one, other)
    assert is_recorded(other)
    assert int(dict(other.library.named_buffers())[counter(other)]) == 9


def counter(training: Training) -> str:
    """The buffer that counts the batches that were seen."""
    return next(name for name, _ in training.library.named_buffers() if name.endswith("num_batches_tracked"))


def test_batches_of_another_size_are_recorded_anew():
    inputs, outputs = data(12)
    sizes = [5, 5, 5, 5, 7, 7, 5, 7, 7, 7, 5, 12]
    batches = [(inputs[:size], outputs[:size]) for size in sizes]
    one, other = (trained(READ_ONCE.model, batches, how, strategy=marginal()) for how in ("none", "jit"))
    check_equal(one, other)
    assert len(other._take._known) == 3


def test_a_label_that_cannot_be_is_refused_as_ever():
    inputs, outputs = data()
    training = trained(READ_ONCE.model, [(inputs, outputs)] * 6, "jit", strategy=marginal())
    assert is_recorded(training)
    before = {name: one.clone() for name, one in training.get_state()["guide"].items()}
    with pytest.raises(RangeError, match=r"observations in 0\.\.3, got 9"):
        training.learn(inputs, torch.full_like(outputs, 9))
    assert all(torch.equal(one, before[name]) for name, one in training.get_state()["guide"].items())
    assert training.learn(inputs, outputs) == pytest.approx(training.losses[-2], rel=0.2)


def test_what_python_decides_by_a_value_is_decided_each_time():
    inputs, outputs = data(6)

    def model(x, y=None):
        turned = choice("flip", 2)
        with pyro.plate("examples", len(x), dim=-1):
            wanted = x if bool((x[0].argmax() % 2) == 0) else x.flip(-1)
            observe("out", switch(turned, [wanted, wanted.flip(-1)]), y)

    batches = [(inputs.roll(step, 0), outputs.roll(step, 0)) for step in range(12)]
    assert len({int(x[0].argmax()) % 2 for x, _ in batches}) == 2
    one, other = (trained(model, batches, how, strategy=marginal()) for how in ("none", "jit"))
    check_equal(one, other)
    assert is_recorded(other)


def of_ones(bits):
    """A model of the ones among its examples, however many there are."""
    bit = choice("bit", 2)
    chosen = CHOOSING[of_ones.by](bits)
    with pyro.plate("ones", len(chosen)):
        result = switch(bit, [torch.tensor([0.9, 0.1]), torch.tensor([0.3, 0.7])])
        observe("result", result.expand(*result.shape[:-2], len(chosen), 2), chosen)


CHOOSING = {
    "nonzero": lambda bits: bits[bits.nonzero()[:, 0]],
    "masked_select": lambda bits: bits.masked_select(bits == 1),
    "a mask": lambda bits: bits[bits == 1],
}
ONE, THREE = (torch.tensor([0, 1, 0, 0]),), (torch.tensor([1, 1, 0, 1]),)


@pytest.mark.parametrize("by", CHOOSING)
@pytest.mark.parametrize("first", [ONE, THREE], ids=["fewer first", "more first"])
def test_a_size_that_values_decide_is_decided_each_time(first, by, monkeypatch):
    monkeypatch.setattr(of_ones, "by", by, raising=False)
    other = THREE if first is ONE else ONE
    batches = [first] * 3 + [other, first, other, other]
    one, recorded = (trained(of_ones, batches, how, strategy=marginal()) for how in ("none", "jit"))
    check_equal(one, recorded)
    (known,) = recorded._take._known.values()
    assert (known.taken, known.misses) == (5, 2)  # of two before the first change, and one between


def two_or_three(bits):
    """Two bits, and a third one at random."""
    return torch.cat([bits[:2], bits[2:][(torch.rand(1) < 0.5).nonzero()[:, 0]]])


def test_a_size_that_draws_decide_is_recorded_with_the_draws_of_its_step(monkeypatch):
    monkeypatch.setitem(CHOOSING, "drawn", two_or_three)
    monkeypatch.setattr(of_ones, "by", "drawn", raising=False)
    batches = [(torch.tensor([0, 1, 1]),)] * 4
    for seed in range(16):  # one in four has other draws where the recording is first run than before
        one, other = (trained(of_ones, batches, how, seed, strategy=marginal()) for how in ("none", "jit"))
        check_equal(one, other)
        assert is_recorded(other)


def test_a_size_that_cannot_be_known_is_not_recorded():
    def model(bits):
        bit = choice("bit", 2)
        bit = bit * len(bits.unique())
        with pyro.plate("examples", len(bits)):
            observe("result", bit / bit.sum(-1, keepdim=True), bits)

    one, other = (trained(model, [ONE] * 4, how, strategy=marginal()) for how in ("none", "jit"))
    check_equal(one, other)
    assert not is_recorded(other)


def test_a_recording_that_no_longer_fits_is_forgotten_and_another_made(monkeypatch):
    monkeypatch.setattr(of_ones, "by", "nonzero", raising=False)
    batches = [ONE] * 3 + [THREE] * (MISSES + 8)
    one, other = (trained(of_ones, batches, how, strategy=marginal()) for how in ("none", "jit"))
    check_equal(one, other)
    (known,) = other._take._known.values()
    assert known.taken == 8 - 2 - 1  # two steps by the model, one that is recorded
    assert known.misses == 0
    assert [*other._take._forgotten.values()] == [1]


def test_a_model_that_reads_a_real_number_takes_its_steps_itself():
    inputs, outputs = data()

    def model(x, y=None):
        turned = choice("flip", 2)
        sharp = 1.0 + float(x.max())  # becomes a constant of Python
        with pyro.plate("examples", len(x), dim=-1):
            held = (sharp * x).softmax(-1)
            observe("out", switch(turned, [held, held.flip(-1)]), y)

    batches = [(inputs.roll(step, -1), outputs) for step in range(6)]
    one, other = (trained(model, batches, how, strategy=relaxed()) for how in ("none", "jit"))
    check_equal(one, other)
    assert not is_recorded(other)


def test_a_model_that_counts_its_runs_is_found_out_before_a_recording_is_used():
    inputs, outputs = data()
    runs = []

    def model(x, y=None):
        runs.append(None)
        turned = choice("flip", 2)
        with pyro.plate("examples", len(x), dim=-1):
            held = ((1.0 + len(runs)) * x).softmax(-1)
            observe("out", switch(turned, [held, held.flip(-1)]), y)

    training = trained(model, [(inputs, outputs)] * 6, "jit", strategy=marginal())
    assert list(training._take._known.values()) == [None]
    assert len(set(training.losses)) == 6


def test_a_model_that_changes_later_is_refused():
    inputs, outputs = data()
    sharp = [1.0]

    def model(x, y=None):
        turned = choice("flip", 2)
        with pyro.plate("examples", len(x), dim=-1):
            held = (sharp[0] * x).softmax(-1)
            observe("out", switch(turned, [held, held.flip(-1)]), y)

    training = trained(model, [(inputs, outputs)] * 5, "jit", strategy=marginal())
    sharp[0] = 9.0
    with pytest.raises(UsageError, match=r"compile: expected a model that does the same in every.*'none'"):
        learn_on(training, inputs, outputs)


def test_a_device_that_adds_in_another_order_each_time_is_borne_with(monkeypatch):
    monkeypatch.setattr("ntpt_pyro.inference.training.compiled_step.EXACT", frozenset())
    inputs, outputs = data()
    noise = torch.Generator().manual_seed(0)

    class Noisy(torch.autograd.Function):
        """The identity, whose gradient is a little off, each time otherwise."""

        @staticmethod
        def forward(ctx, value):
            return value.view_as(value)

        @staticmethod
        def backward(ctx, gradient):
            return gradient * (1 + 1e-3 * float(torch.rand((), generator=noise)))

    def model(x, y=None):
        turned = Noisy.apply(choice("flip", 2))
        with pyro.plate("examples", len(x), dim=-1):
            observe("out", switch(turned, [x, x.flip(-1)]), y)

    training = trained(model, [(inputs, outputs)] * 40, "jit", strategy=marginal())
    assert len(training.losses) == 40


def learn_on(training: Training, *batch: torch.Tensor) -> None:
    """More steps than there can be between two comparisons so early."""
    for _ in range(8):
        training.learn(*batch)


def test_a_guide_whose_sites_are_scored_is_not_recorded():
    inputs, outputs = data()

    def model(x, y=None):
        turned = choice("flip", 2)
        with pyro.plate("examples", len(x), dim=-1):
            observe("out", switch(turned, [x, x.flip(-1)]), y)
        pyro.sample("coin", pyro.distributions.Bernoulli(0.5))

    def guide(x, y=None):
        guide_choice("flip", pyro.param("logits", torch.zeros(2)))
        pyro.sample("coin", pyro.distributions.Bernoulli(logits=pyro.param("heads", torch.zeros(()))))

    runs = []
    for how in ("none", "jit"):
        pyro.clear_param_store()
        more = {"strategy": marginal(), "guide": guide, "kl": 1 / len(inputs)}
        runs.append(trained(model, [(inputs, outputs)] * 5, how, **more))
    check_equal(*runs)
    assert not is_recorded(runs[1])


def test_what_is_not_finite_is_named_as_ever():
    model, library, (xs, ys) = problem()
    training = trained(model, [(xs, ys)] * 5, "jit", strategy=marginal(), library=library)
    assert is_recorded(training)
    before = {name: one.clone() for name, one in library.state_dict().items()}
    with pytest.raises(DivergenceError, match="step 5, site 'out': expected a finite loss, got NaN"):
        training.learn(xs * float("nan"), ys)
    assert all(torch.equal(one, before[name]) for name, one in library.state_dict().items())
    training.learn(xs, ys)


def test_a_training_is_gone_on_from_the_middle_of_recorded_steps(tmp_path):
    def run(steps, checkpoint=None):
        model, library, examples = problem()
        more = {"strategy": relaxed(), "restarts": 2, "batch_size": 8, "checkpoint_every": 5}
        return fit(model, examples, library=library, steps=steps, checkpoint=checkpoint, **more)

    whole, file = run(2 * WAIT + 5), tmp_path / "kept.safetensors"
    run(WAIT + 10, file)
    check_equal(whole, run(2 * WAIT + 5, file))
    assert is_recorded(whole)


def test_ways_that_there_are_not_are_refused():
    with pytest.raises(UsageError, match="compile: expected one of auto, none, jit, inductor, got 'fast'"):
        fit(READ_ONCE.model, data(), steps=1, compile="fast")


@pytest.mark.skipif(shutil.which("g++") is None, reason="left out: inductor needs a C++ compiler")
def test_inductor_is_equal_up_to_rounding_with_large_batches_too(monkeypatch):
    monkeypatch.setattr(runtime_functions, "FEWEST_PAIRS", 1)
    batches = [data()] * 4
    one, other = (trained(READ_ONCE.model, batches, how, strategy=relaxed()) for how in ("none", "inductor"))
    assert other.losses == pytest.approx(one.losses, rel=1e-9)
    assert is_recorded(other)


@pytest.mark.parametrize("inner", [InvalidCxxCompiler(), RuntimeError("of torch")])
def test_inductor_without_a_compiler_is_told_and_errors_of_torch_are_not(monkeypatch, caplog, inner):
    def compiled(module, **options):
        def run(*tensors):
            SEARCHES_CUDA.warning("No CUDA runtime is found, using CUDA_HOME='%s'", "/usr/local")
            SEARCHES_CUDA.warning("something else")
            raise InductorError(inner, sys._getframe())

        return run

    monkeypatch.setattr("torch.compile", compiled)
    told = (
        "compile: expected a C\\+\\+ compiler for inductor, such as g\\+\\+, got none that works; install one"
    )
    expected = (UsageError, told) if isinstance(inner, InvalidCxxCompiler) else (InductorError, "of torch")
    with pytest.raises(expected[0], match=expected[1]):
        trained(READ_ONCE.model, [data()] * 3, "inductor", strategy=marginal())
    assert [record.getMessage() for record in caplog.records] == ["something else"]
    assert not SEARCHES_CUDA.filters
