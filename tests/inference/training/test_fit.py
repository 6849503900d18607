"""Training: what it leaves alone, how it stops, how it goes on."""

import itertools
import math

import pyro
import pytest
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, switch
from ntpt_pyro.errors import DataError, DivergenceError, RunError
from ntpt_pyro.inference import Annealing, EarlyStop, Training, fit, follow, marginal, relaxed
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from tests.inference.tiny import READ_ONCE, data


@learn([Tensor(6)], 3, hid_sizes=[5])
def net(x):
    """A small network."""


def problem():
    """Labels that a mirrored reading explains."""
    library = Library([net])

    def model(xs, ys=None):
        flip = choice("flip", 2)
        with pyro.plate("examples", len(xs), dim=-1):
            read = library["net"](xs)
            observe("out", switch(flip, [read, read.flip(-1)]), ys)

    xs = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return model, library, (xs, xs[:, :3].argmax(-1))


def test_it_finds_the_only_program_that_explains_the_data():
    inputs, _ = data(20, certain=True)
    outputs = 3 - (inputs.argmax(-1) + 1) % 4  # by = 1, flip = 1
    state = fit(READ_ONCE.model, (inputs, outputs), restarts=8, steps=200, strategy=marginal())
    best = int(state.restarts.running_log_likelihood.argmax())
    found = {site: int(q[best, 0].argmax()) for site, q in state.guide.probabilities().items()}
    assert found == {"by": 1, "flip": 1}


def test_kl_keeps_choices_undecided_and_fmgd_does_not_look_at_it():
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


@pytest.mark.parametrize("strategy", [marginal(), relaxed(Annealing(2.0, 0.5, 20))])
def test_a_broken_run_goes_on_as_if_it_had_not_been(tmp_path, strategy):
    def run(checkpoint, callbacks=()):
        model, library, examples = problem()
        state = fit(
            model,
            examples,
            strategy=strategy,
            restarts=3,
            library=library,
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
    path.write_bytes(b"something else")
    with pytest.raises(RunError, match="expected a readable checkpoint"):
        fit(model, examples, library=library, steps=2, checkpoint=path)


def test_nan_stops_with_step_and_site_and_leaves_parameters_and_checkpoint(tmp_path):
    model, library, (xs, ys) = problem()
    path = tmp_path / "c.safetensors"
    fit(model, (xs, ys), library=library, steps=4, checkpoint=path)
    saved = path.read_bytes()
    weights = [p.detach().clone() for p in library.parameters()]
    with pytest.raises(DivergenceError, match=r"step 4, site 'out': expected a finite loss"):
        fit(model, (xs * math.nan, ys), library=library, steps=8, checkpoint=path)
    assert path.read_bytes() == saved
    for before, after in zip(weights, library.parameters(), strict=True):
        assert torch.equal(before, after)


def test_an_infinite_choice_is_named():
    def poison(state):
        next(state.guide.parameters()).data.fill_(math.nan)

    model, library, examples = problem()
    with pytest.raises(DivergenceError, match=r"step 1, site 'flip'"):
        fit(model, examples, library=library, steps=3, callbacks=[poison])


def test_callbacks_see_every_step_and_can_stop():
    seen = []

    def stop(state):
        seen.append(state.step)
        return state.step == 3

    model, library, examples = problem()
    state = fit(model, examples, library=library, steps=10, callbacks=[stop])
    assert seen == [1, 2, 3]
    assert state.step == 3 == len(state.losses)


def test_a_fit_that_was_stopped_stays_so_when_resumed(tmp_path):
    asked = []

    def stop(state):
        asked.append(state.step)
        return state.step == 3

    for _ in range(2):
        model, library, examples = problem()
        state = fit(
            model,
            examples,
            library=library,
            steps=10,
            callbacks=[stop],
            checkpoint=tmp_path / "fit.safetensors",
        )
        assert state.step == 3
    assert asked == [1, 2, 3]


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


def test_early_stop_waits_while_the_loss_falls_and_then_stops():
    model, library, examples = problem()
    state = fit(model, examples, library=library, steps=4)
    stop = EarlyStop(window=2, least_gain=0.1)
    verdicts = []
    for losses in ([5, 5, 3, 3], [5, 5, 3, 3, 2.95, 2.95]):
        state.losses, state.step = losses, len(losses)
        verdicts.append(stop(state))
    assert verdicts == [False, True]


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
    with pytest.raises(DataError, match="training data"):
        fit(model, (), library=library)


def test_choices_and_library_have_their_own_learning_rates():
    model, library, examples = problem()
    before = [p.detach().clone() for p in library.parameters()]
    state = fit(model, examples, library=library, steps=3, library_lr=0.0, choice_lr=0.5)
    for mine, theirs in zip(before, library.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    frozen = fit(model, examples, library=library, steps=3, choice_lr=0.0)
    fresh = fit(model, examples, library=library, steps=0)
    assert torch.equal(*(next(s.guide.parameters()) for s in (frozen, fresh)))
    assert not torch.equal(*(next(s.guide.parameters()) for s in (state, fresh)))


def test_a_checkpoint_keeps_the_shape_of_a_state(tmp_path):
    state = {
        "a/b": {"c": torch.arange(3), "d": {}},
        "n": [1, 2.5, None, "text"],
        "t": {"u": torch.tensor(1.5)},
    }
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, state, {"seed": 0})
    found = load_checkpoint(path, {"seed": 0})
    assert torch.equal(found.pop("random"), torch.get_rng_state())
    assert torch.equal(found["a/b"].pop("c"), state["a/b"].pop("c"))
    assert torch.equal(found["t"].pop("u"), state["t"].pop("u"))
    assert found == state


def test_a_resumed_training_keeps_its_moments_before_its_next_step():
    model, library, examples = problem()
    training = fit(model, examples, library=library, steps=3)
    again = Training(model, examples, strategy=marginal(), library=library)
    again.set_state(training.get_state())
    moments = training.get_state()["optimiser"]
    assert moments
    assert again.get_state()["optimiser"].keys() == moments.keys()


def test_an_average_of_weights_is_the_mean_at_first_and_then_follows():
    average, weights = [torch.zeros(2)], [torch.ones(2)]
    follow(average, weights, 0, decay=0.0)
    assert torch.equal(average[0], weights[0])
    follow(average, [torch.zeros(2)], 0, decay=0.99)  # 1 / 10 stays
    torch.testing.assert_close(average[0], torch.full((2,), 0.1))
    average = [torch.zeros(2)]
    for updates in range(5000):
        follow(average, weights, updates, decay=0.999)
    assert torch.allclose(average[0], weights[0], atol=1e-2)
    follow(average, [torch.zeros(2)], 10**6, decay=0.999)
    assert float(average[0][0]) == pytest.approx(0.999, abs=1e-2)
