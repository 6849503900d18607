"""One look at a model and its data, at every entry point: what would be answered wrongly is refused."""

from functools import partial

import pyro
import pyro.distributions as dist
import pytest
import torch

from ntpt_pyro import choice, observe, one_hot, runtime, switch
from ntpt_pyro.errors import NtptError, SiteError
from ntpt_pyro.inference import (
    ProgramSolver,
    enumeration,
    exact_posterior,
    fit,
    marginals,
    mean_log_likelihood,
    most_probable,
)
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.posterior.program_space import ProgramSpace

X = torch.arange(64) % 8
Y = (X + 1) % 8


@runtime([8], 8)
def inc(x):
    return (x + 1) % 8


def result(line, x):
    return switch(line, [inc(one_hot(x, 8)), one_hot(x, 8)])


def sound(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", result(line, x), y)


def chosen_for_each(x, y=None):
    with pyro.plate("examples", len(x)):
        observe("result", result(choice("line", 2), x), y)


def without_a_plate(x, y=None):
    observe("result", result(choice("line", 2), x), y)


def with_another_latent(x, y=None):
    shift = pyro.sample("w", dist.Normal(0.0, 2.0))
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", result(line, x), y)
        pyro.sample("z", dist.Normal(shift, 1.0), obs=x.float())


def half_in_a_plate(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", result(line, x), y)
    pyro.sample("z", dist.Normal(torch.zeros(len(x)), 1.0), obs=x.float())


def an_axis_in_no_plate(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", result(line, x), y)
        pyro.sample("z", dist.Normal(torch.zeros(5, len(x)), 1.0), obs=x.float())


def one_label_for_all(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x)):
        observe("result", result(line, x), y[0])


ENTRIES = {
    "fit": lambda model, data: fit(model, data, steps=2),
    "fit of restarts": lambda model, data: fit(model, data, steps=2, restarts=3),
    "fit of as many restarts as examples": lambda model, data: fit(model, data, steps=2, restarts=64),
    "exact posterior": exact_posterior,
    "solver": ProgramSolver,
    "program space": ProgramSpace.of,
    "decided programs": lambda model, data: mean_log_likelihood(model, {"line": 0}, data),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("model", "labels", "message"),
    [
        (
            chosen_for_each,
            Y,
            "choice 'line': expected a choice outside of plates, .* of the examples; make it",
        ),
        (without_a_plate, Y, "'result': expected one observed in a plate over the 3 examples .* in no plate"),
        (half_in_a_plate, Y, "observed site 'z': expected one observed in a plate over the 3 examples"),
        (
            an_axis_in_no_plate,
            Y,
            "(site 'z': expected every axis of .* in a plate|plates: expected a batch that fits)",
        ),
        (
            one_label_for_all,
            Y,
            r"'result': expected one for each .*, of shape \[3\] .*, got data of shape \[\]",
        ),
        (
            sound,
            Y[:, None],
            r"expected one for each element of .*'examples', of shape \[3\] .* shape \[3, 1\]",
        ),
        (sound, Y[:, None].expand(-1, 64), r"expected one for each element of .*'examples'"),
    ],
)
def test_what_would_be_answered_wrongly_is_refused_everywhere(entry, model, labels, message):
    with pytest.raises(SiteError, match=message):
        ENTRIES[entry](model, (X, labels))


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if not entry.startswith("fit")])
def test_another_latent_is_left_to_fit_which_makes_a_guide_of_it(entry):
    with pytest.raises(SiteError, match="site 'w': expected no latent but choices and steps, got a latent N"):
        ENTRIES[entry](with_another_latent, (X, Y))
    assert fit(with_another_latent, (X, Y), steps=1).guide.covered == {"line", "w"}


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_sound_is_taken(entry):
    ENTRIES[entry](sound, (X, Y))


def test_a_choice_in_a_plate_of_its_own_is_for_those_who_take_it():
    def lines(x, y):
        with pyro.plate("lines", 3, dim=-2):
            choice("line", 2)
        with pyro.plate("examples", len(x), dim=-1):
            observe("result", one_hot(x, 8), y)

    assert examine("test", lines, (X, Y), plated=True).choices["line"].plates == (("lines", 3, -2),)
    with pytest.raises(SiteError, match="got one in plate 'lines'; give each a name of its own"):
        examine("test", lines, (X, Y))


def test_a_latent_that_somebody_integrates_is_taken():
    sites = examine("test", with_another_latent, (X, Y), integrated={"w"})
    assert sites.latents == {"w": "Normal"}


def test_plates_further_out_may_share_labels():
    def judged_twice(x, y):
        line = choice("line", 2)
        with pyro.plate("judges", 2, dim=-2), pyro.plate("examples", len(x), dim=-1):
            observe("result", result(line, x), y)

    assert [*examine("test", judged_twice, (X, Y), plated=True).observed] == ["result"]
    for entry in ("fit", "exact posterior", "solver"):
        with pytest.raises(SiteError, match="plates: expected one level of plates, at dim=-1"):
            ENTRIES[entry](judged_twice, (X, Y))


def test_a_plate_of_fixed_size_is_for_all_data():
    def of_64(x, y):
        line = choice("line", 2)
        with pyro.plate("examples", 64):
            observe("result", result(line, x), y)

    assert (
        fit(of_64, (X, Y), batch_size=None, steps=30, choice_lr=0.5).guide.probabilities()["line"][0, 0, 0]
        > 0.9
    )
    with pytest.raises(SiteError, match="plates: expected plates as large as the data"):
        exact_posterior(of_64, (X, Y))


def test_one_example_is_enough():
    assert examine("test", sound, (X[:1], Y[:1])).choices["line"].size == 2


def test_nothing_is_left_behind():
    def learns(x, y):
        pyro.param("p", torch.zeros(()))
        pyro.sample("w", dist.Normal(0.0, 1.0), obs=torch.rand(()).new_zeros(()))
        sound(x, y)

    state = torch.get_rng_state()
    with pytest.raises(NtptError):
        examine("test", learns, (X, Y))  # w is in no plate
    assert not [*pyro.get_param_store()]
    assert torch.equal(torch.get_rng_state(), state)


PROGRAMS = {
    "without a choice": ({}, "choice 'line': expected all choices of the model .* a program without it"),
    "with one too many": ({"line": 0, "other": 1}, "choice 'other': .* got a program that decides it"),
    "with probabilities": (
        {"line": torch.tensor([0.5, 0.5])},
        "expected integers, one a program, got .*float",
    ),
    "out of range": ({"line": 2}, r"expected integers in 0\.\.1, got 2"),
}


@pytest.mark.parametrize(("programs", "message"), PROGRAMS.values(), ids=PROGRAMS)
def test_programs_name_all_choices_and_no_others(programs, message):
    with pytest.raises(NtptError, match=message):
        mean_log_likelihood(sound, programs, (X, Y))


def test_programs_decide_as_many_of_each_choice():
    def two(x, y):
        choice("other", 3)
        sound(x, y)

    with pytest.raises(SiteError, match=r"as many integers for each choice, .* got 2 for other, 1 for line"):
        mean_log_likelihood(two, {"line": torch.tensor([0]), "other": torch.tensor([0, 1])}, (X, Y))


def test_a_single_program_is_what_a_posterior_gives():
    mode = exact_posterior(sound, (X, Y)).posterior.mode()
    right = partial(mean_log_likelihood, sound)
    assert torch.equal(right(mode, (X, Y)), right({"line": torch.tensor([0])}, (X, Y)))


def drawn(x, y=None):
    line = choice("line", 2)
    with pyro.plate("examples", len(x), subsample_size=8) as rows:
        observe("result", result(line, x[rows]), y[rows])


@pytest.mark.parametrize("entry", [name for name in ENTRIES if not name.startswith("fit")])
def test_a_plate_that_draws_its_elements_is_for_fit_only(entry):
    with pytest.raises(SiteError, match="plate 'examples': expected a plate of all its elements"):
        ENTRIES[entry](drawn, (X, Y))


@pytest.mark.parametrize("model", [drawn, with_another_latent], ids=["drawn", "with another latent"])
def test_what_fit_learned_of_choices_is_read_from_its_guide(model):
    training = fit(model, (X, Y), steps=30, batch_size=None, choice_lr=0.5)
    probs = marginals(training.strategy, model, training.guide, (X, Y))
    assert probs["line"].argmax(-1).tolist() == [0]
    assert most_probable(training.strategy, model, training.guide, (X, Y))["line"].tolist() == [0]


def test_exact_marginals_leave_nothing_to_chance():
    training = fit(with_another_latent, (X, Y), steps=1, strategy=enumeration())
    with pytest.raises(SiteError, match="exact marginals, site 'w': expected no latent but choices"):
        marginals(training.strategy, with_another_latent, training.guide, (X, Y))


def test_nothing_is_summed_over_across_a_plate_that_draws_its_elements():
    with pytest.raises(
        SiteError, match="plate 'examples': expected a plate of all its elements, where choice"
    ):
        fit(drawn, (X, Y), steps=1, batch_size=None, strategy=enumeration())


@pytest.mark.parametrize(
    ("changed", "got"),
    [
        (lambda v: v + 1, "a total of 9"),
        (lambda v: 1.5 * v - 0.0625, "-0.0625"),
    ],
)
@pytest.mark.parametrize("entry", ENTRIES)
def test_arithmetic_on_probabilities_is_noticed(entry, changed, got):
    def model(x, y=None):
        line = choice("line", 2)
        with pyro.plate("examples", len(x)):
            observe("result", changed(result(line, x)), y)

    with pytest.raises(SiteError, match=f"'result': expected a value: .* sum to 1, got {got}.* @runtime"):
        ENTRIES[entry](model, (X, Y))
