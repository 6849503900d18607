"""Fitting: what it finds, what it leaves alone, how it goes on."""

import itertools
import math

import pyro
import pytest
import torch

from ntpt_pyro.errors import DataError, DivergenceError, RunError, UsageError
from ntpt_pyro.inference import Annealing, fit, marginal, relaxed
from tests.inference.tiny import READ_ONCE, data
from tests.inference.training.reader import problem


def test_it_finds_the_only_program_that_explains_the_data():
    inputs, _ = data(20, certain=True)
    outputs = 3 - (inputs.argmax(-1) + 1) % 4  # by = 1, flip = 1
    state = fit(READ_ONCE.model, (inputs, outputs), restarts=8, steps=200, strategy=marginal())
    best = int(state.restarts.running_log_likelihood.argmax())
    found = {site: int(q[best, 0].argmax()) for site, q in state.guide.probabilities().items()}
    assert found == {"by": 1, "flip": 1}


def test_kl_keeps_choices_undecided_and_fmgd_has_none():
    inputs, _ = data(20, certain=True)
    outputs = (inputs.argmax(-1) + 1) % 4
    entropies = []
    for kl in (0.0, 0.5, 50.0):
        state = fit(READ_ONCE.model, (inputs, outputs), steps=300, kl=kl, init_scale=0.1)
        entropies.append(float(torch.special.entr(state.guide.probabilities()["by"]).sum()))
    assert entropies == sorted(entropies)
    assert entropies[0] < 0.05
    assert entropies[2] == pytest.approx(math.log(3), abs=0.05)


def test_nothing_global_changes():
    model, library, examples = problem()
    pyro.param("mine", torch.zeros(3))
    states = torch.get_rng_state(), pyro.settings.get()
    fit(model, examples, library=library, steps=3, strategy=relaxed())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert pyro.settings.get() == states[1]
    assert list(pyro.get_param_store()) == ["mine"]


def test_same_seed_same_result_other_seed_another():
    def run(seed):
        model, library, examples = problem()
        state = fit(model, examples, library=library, steps=5, seed=seed, strategy=relaxed())
        return state.losses

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_second_library_of_the_same_name_has_its_own_weights():
    losses = []
    for _ in range(2):
        model, library, examples = problem()
        before = library["net"].weight_0.clone()
        losses.append(fit(model, examples, library=library, steps=5).losses)
        assert not torch.equal(before, library["net"].weight_0)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("kl", [None, Annealing(0.5, 0.01, 20)])
@pytest.mark.parametrize("strategy", [marginal(), relaxed(Annealing(2.0, 0.5, 20))])
def test_a_broken_run_goes_on_as_if_it_had_not_been(tmp_path, strategy, kl):
    def run(checkpoint, callbacks=()):
        model, library, examples = problem()
        state = fit(
            model,
            examples,
            strategy=strategy,
            restarts=3,
            library=library,
            kl=kl,
            steps=25,
            checkpoint=checkpoint,
            checkpoint_every=4,
            callbacks=callbacks,
        )
        return state, library

    def killed(state):
        if state.step == 14:
            raise KeyboardInterrupt

    whole, expected = run(None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "c.safetensors", [killed])
    resumed, library = run(tmp_path / "c.safetensors")
    assert resumed.losses == whole.losses
    assert torch.equal(resumed.restarts.running_log_likelihood, whole.restarts.running_log_likelihood)
    for mine, theirs in itertools.chain(
        zip(resumed.guide.parameters(), whole.guide.parameters(), strict=True),
        zip(library.parameters(), expected.parameters(), strict=True),
    ):
        assert torch.equal(mine, theirs)


def test_a_checkpoint_of_other_settings_or_another_file_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    model, library, examples = problem()
    fit(model, examples, library=library, steps=2, checkpoint=path)
    with pytest.raises(RunError, match=r"expected seed=0 as before, got 1"):
        fit(model, examples, library=library, steps=2, seed=1, checkpoint=path)
    with pytest.raises(RunError, match=r"expected kl=0.025 as before, got \{'start': 0.5"):
        fit(model, examples, library=library, steps=2, kl=Annealing(0.5, 0.025, 2), checkpoint=path)
    path.write_bytes(b"something else")
    with pytest.raises(RunError, match=r"expected a file of ntpt_pyro checkpoint \d+, got a damaged one"):
        fit(model, examples, library=library, steps=2, checkpoint=path)


def test_nan_stops_with_step_and_site_and_leaves_parameters_and_checkpoint(tmp_path):
    model, library, (xs, ys) = problem()
    path = tmp_path / "c.safetensors"
    fit(model, (xs, ys), library=library, steps=4, checkpoint=path)
    saved = path.read_bytes()
    weights = [p.detach().clone() for p in library.parameters()]
    with pytest.raises(DivergenceError, match=r"step 4, site 'out': expected a finite loss"):
        fit(lambda x, y: model(x * math.nan, y), (xs, ys), library=library, steps=8, checkpoint=path)
    assert path.read_bytes() == saved
    for before, after in zip(weights, library.parameters(), strict=True):
        assert torch.equal(before, after)


def test_an_average_of_the_library_is_kept_and_resumed(tmp_path):
    path = tmp_path / "fit.safetensors"
    model, library, examples = problem()
    whole = fit(model, examples, library=library, steps=6, averaging=0.9)
    assert not whole.average.training
    pairs = list(zip(whole.average.parameters(), library.parameters(), strict=True))
    assert not any(torch.equal(average, last) for average, last in pairs)
    for steps in (4, 6):
        model, library, examples = problem()
        parts = fit(model, examples, library=library, steps=steps, averaging=0.9, checkpoint=path)
    for mine, theirs in zip(parts.average.parameters(), whole.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    model, library, examples = problem()
    assert fit(model, examples, library=library, steps=1).average is library


def test_clipping_bounds_the_first_step_of_plain_gradient():
    # Adam's first step does not depend on the gradient's scale, so clipping must not change it.
    results = []
    for clip in (None, 1e-3):
        model, library, examples = problem()
        fit(model, examples, library=library, steps=1, clip_norm=clip)
        results.append([p.detach().clone() for p in library.parameters()])
    for free, clipped in zip(*results, strict=True):
        torch.testing.assert_close(free, clipped, rtol=1e-4, atol=1e-5)


def test_data_of_different_lengths_are_refused():
    model, library, (xs, ys) = problem()
    with pytest.raises(DataError, match=r"same number of examples, at least 1, got \[40, 39\]"):
        fit(model, (xs, ys[:-1]), library=library)
    with pytest.raises(DataError, match=r"fit, data: .* at least 1, got \[\]"):
        fit(model, (), library=library)


@pytest.mark.parametrize("rate", ["choice_lr", "library_lr"])
def test_choices_and_library_have_their_own_learning_rates(rate):
    def moved(**rates):
        model, library, examples = problem()
        fresh = fit(model, examples, library=library, steps=0).guide
        before = [p.detach().clone() for p in library.parameters()]
        guide = fit(model, examples, library=library, steps=1, **rates).guide
        pairs = zip(before, library.parameters(), strict=True)
        of_library = max(float((one - other).detach().abs().max()) for one, other in pairs)
        of_choices = float((guide.logits()["flip"] - fresh.logits()["flip"]).abs().max())
        return {"choice_lr": of_choices, "library_lr": of_library}

    rates = {"choice_lr": 0.1, "library_lr": 0.1}
    some, more = moved(**rates), moved(**{**rates, rate: 0.2})
    (other,) = some.keys() - {rate}
    assert more[other] == some[other]
    assert more[rate] == pytest.approx(2 * some[rate], rel=1e-4)  # Adam's first step is the rate


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"restarts": 0}, "restarts: expected a whole number of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1, got 0"),
        ({"steps": -1}, "steps: expected a whole number of at least 0, got -1"),
        ({"steps": 1.5}, "steps: expected a whole number of at least 0, got 1.5"),
        ({"kl": -0.1}, r"kl: expected a finite number of at least 0 and below 1e\+30, got -0.1"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, message):
    model, library, examples = problem()
    with pytest.raises(UsageError, match=message):
        fit(model, examples, library=library, **wrong)
