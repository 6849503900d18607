"""Any call from Python is answered rightly or refused by one of our own errors: tried at random.

``make fuzz`` runs these with many more examples, see ``conftest.py``.
"""

import math
from functools import partial

import numpy as np
import pyro
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyro import poutine

from ntpt_pyro import Task, choice, constant, induce, observe, one_hot, runtime, select, switch, var
from ntpt_pyro.errors import NtptError
from ntpt_pyro.inference import (
    enumeration,
    exact_posterior,
    fit,
    marginal,
    marginals,
    mean_log_likelihood,
    most_probable,
    relaxed,
)
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.posterior.decided_programs import vertices

pytestmark = pytest.mark.filterwarnings("error")
RANGE = 3
quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([0, -1, 1e300, -1e300, 10**12, 2**70, 5e-324, math.nan, math.inf, True]),
    st.sampled_from([None, "1", "", [], (1,), {}, object(), np.float64(0.5), np.int64(2), torch.tensor(0.5)]),
)


@runtime([RANGE, RANGE], RANGE)
def plus(a, b):
    return (a + b) % RANGE


@runtime([RANGE], RANGE)
def turned(a):
    return (a + 1) % RANGE


def simple(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("y", switch(line, [one_hot(x, RANGE), turned(one_hot(x, RANGE))]), y)


X = torch.arange(6) % RANGE
Y = (X + 1) % RANGE

SETTINGS = [
    *("steps", "batch_size", "restarts", "seed", "choice_lr", "library_lr", "init_scale", "kl"),
    *("clip_norm", "sharpness", "averaging", "checkpoint_every"),
]


def answered(call):
    """What a call gives; None where it is refused by an error of ours, in one line."""
    try:
        return call()
    except NtptError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 2000
    return None


@quiet
@given(st.dictionaries(st.sampled_from(SETTINGS), NUMBERS, max_size=2))
def test_settings_of_a_fit(some):
    costly = {"steps": 3, "restarts": 4}
    if any(isinstance(some.get(name), (int, np.int64)) and some[name] > 1000 for name in costly):
        return  # long or large, and legal
    found = answered(lambda: fit(simple, (X, Y), **{**costly, **some}))
    if found is not None:
        assert all(map(math.isfinite, found.losses))
        for probs in found.guide.probabilities().values():
            assert torch.isfinite(probs).all()


@quiet
@given(
    st.dictionaries(
        st.sampled_from(
            ["restarts", "steps", "examples", "tolerance", "memory", "seconds", "kl", "look", "seed"]
        ),
        NUMBERS,
        max_size=2,
    )
)
def test_settings_of_a_task(some):
    if any(isinstance(value, (int, np.int64)) and value > 1000 for value in some.values()):
        return
    task = Task(simple, examples=(X, Y))
    found = answered(lambda: induce(task, **{"restarts": 4, "steps": 6, **some}))
    if found is not None:
        assert 0 <= found.result.test_accuracy <= 1


DTYPES = [
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.float32,
]


@st.composite
def given_labels(draw):
    """Labels that are what they should be, and labels that are not."""
    shape = draw(st.sampled_from([(6,), (6, 1), (1, 6), (6, 6), (5,), (), (6, 0), (0,)]))
    values = np.array(draw(st.lists(st.integers(-1, 3), min_size=36, max_size=36)))
    labels = torch.from_numpy(np.resize(values, shape)).to(draw(st.sampled_from(DTYPES)))
    return labels.numpy() if draw(st.booleans()) else labels


ENTRIES = {
    "fit": lambda data: fit(simple, data, steps=1).losses[-1],
    "restarts": lambda data: fit(simple, data, steps=1, restarts=6).losses[-1] / 6,
    "exact": lambda data: exact_posterior(simple, data).posterior.log_evidence,
    "likelihood": lambda data: float(mean_log_likelihood(simple, {"line": 1}, data)),
}


@quiet
@given(given_labels(), st.sampled_from([*ENTRIES]))
def test_labels_are_taken_as_they_are_or_refused(labels, entry):
    integers = torch.as_tensor(labels)
    sound = integers.shape == (6,) and not integers.is_floating_point()
    sound = sound and bool(((integers >= 0) & (integers < RANGE)).all())
    found = answered(lambda: ENTRIES[entry]((X, labels)))
    assert (found is not None) == sound
    if sound:
        assert found == ENTRIES[entry]((X, integers.long()))


@st.composite
def given_programs(draw):
    integers = st.one_of(st.integers(-1, 2), st.floats(0, 1), st.booleans())
    columns = st.one_of(
        integers,
        st.lists(st.integers(-1, 2), max_size=3).map(lambda one: torch.tensor(one, dtype=torch.int64)),
    )
    return draw(st.dictionaries(st.sampled_from(["line", "other"]), columns, max_size=2))


@quiet
@given(given_programs())
def test_programs_are_what_they_say_or_refused(programs):
    found = answered(lambda: mean_log_likelihood(simple, programs, (X, Y)))
    line = programs.get("line")
    sound = set(programs) == {"line"} and not isinstance(line, (bool, float))
    integers = torch.as_tensor(line).reshape(-1) if sound else torch.tensor([-1])
    sound = sound and len(integers) > 0 and bool(((integers >= 0) & (integers < 2)).all())
    assert (found is not None) == sound
    if sound:
        assert [round(one) for one in found.exp().tolist()] == integers.tolist()


@st.composite
def models(draw):
    """A straight-line model: each value is a function of values before it and of choices."""
    choices = {f"c{n}": draw(st.integers(1, 3)) for n in range(draw(st.integers(1, 3)))}
    kinds = st.sampled_from(["plus", "turned", "switch", "select"])
    steps = draw(st.lists(st.tuples(kinds, st.integers(0, 99)), max_size=4))
    noise = draw(st.sampled_from([1e-6, 0.1, 0.5]))

    def model(x, y=None):
        made = {site: choice(site, size) for site, size in choices.items()}
        with pyro.plate("examples", len(x)):
            values = [one_hot(x, RANGE), constant(2, RANGE)]
            for number, (kind, seed) in enumerate(steps):
                values.append(var(f"v{number}", _step(kind, seed, values, made)))
            site = [*made][-1]
            ways = [values[-1 - n % len(values)] for n in range(choices[site])]
            observe("y", switch(made[site], ways) if len(ways) > 1 else ways[0], y, noise=noise)

    return model, {site: size for site, size in choices.items() if size > 1}


def _step(kind, seed, values, made):
    first, second = values[seed % len(values)], values[seed // 7 % len(values)]
    decides = [*made.values()][seed % len(made)]
    if kind == "plus":
        return plus(first, second)
    if kind == "turned":
        return turned(first)
    if kind == "switch":
        return switch(decides, [first, second, turned(first)][: decides.shape[-1]])
    return select(second, [first, turned(first), constant(0, RANGE)])


def brute(model, sizes, data):
    """The log-probability of every program with the data, each run by itself in Pyro's own trace."""
    found = {}
    for program in np.ndindex(*sizes.values()):
        columns = {site: torch.tensor([n]) for site, n in zip(sizes, program, strict=True)}
        fixed = {site: value[0, 0] for site, value in vertices(columns, sizes).items()}
        with ForwardMarginals():
            trace = poutine.trace(poutine.condition(model, data=fixed)).get_trace(*data)
        found[program] = float(trace.log_prob_sum(lambda name, site: site["is_observed"]))
    return found


@quiet
@given(models(), st.integers(1, 5), st.integers(0, 2**16))
def test_the_exact_posterior_is_that_of_every_program(made, examples, seed):
    model, sizes = made
    source = torch.Generator().manual_seed(seed)
    data = tuple(torch.randint(RANGE, (examples,), generator=source) for _ in range(2))
    posterior = exact_posterior(model, data, tolerance=0).posterior
    log_probs = brute(model, sizes, data)
    total = np.logaddexp.reduce([*log_probs.values()])
    for program, log_prob in log_probs.items():
        event = dict(zip(sizes, program, strict=True))
        assert posterior.probability(event) == pytest.approx(math.exp(log_prob - total), abs=1e-5)
    assert posterior.log_evidence == pytest.approx(total, rel=1e-4, abs=1e-4)


STRATEGIES = {"marginal": marginal, "relaxed": partial(relaxed, 0.5), "enumeration": enumeration}


@quiet
@given(models(), st.sampled_from([*STRATEGIES]), st.integers(1, 3), st.integers(1, 6))
def test_every_strategy_learns_every_model_and_names_a_program(made, name, restarts, examples):
    model, sizes = made
    data = (X[:examples], Y[:examples])
    strategy = STRATEGIES[name]()
    training = answered(lambda: fit(model, data, strategy=strategy, restarts=restarts, steps=2, batch_size=4))
    if not sizes:
        return
    assert training is not None
    assert all(map(math.isfinite, training.losses))
    probs = marginals(strategy, model, training.guide, data, restarts=restarts)
    programs = most_probable(strategy, model, training.guide, data, restarts=restarts)
    assert set(probs) == set(programs) == set(sizes)
    for site, size in sizes.items():
        assert probs[site].shape == (restarts, size)
        assert torch.allclose(probs[site].sum(-1), torch.ones(restarts), atol=1e-4)
        assert ((programs[site] >= 0) & (programs[site] < size)).all()
    assert (mean_log_likelihood(model, programs, data) <= 1e-5).all()
