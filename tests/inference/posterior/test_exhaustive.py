"""The exact posterior program by program against brute force, whole and with improbable programs dropped."""

import itertools
import math
from functools import partial

import pyro
import pytest
import torch

from ntpt_pyro import choice, observe
from ntpt_pyro.errors import BudgetError, DataError, RunError, SiteError, UsageError
from ntpt_pyro.inference import ForwardMarginals, Prior, ProgramSpace, exact_posterior
from ntpt_pyro.inference.posterior import exhaustive as searching
from ntpt_pyro.inference.work.workers import Workers
from tests.inference.posterior.test_program_space import SIZES, USES
from tests.inference.tiny import READ_ONCE, READ_TWICE, REGISTERS, data

one_by_one = partial(exact_posterior, steps=ForwardMarginals())
"""Other steps are asked for, even if the same: so that programs share no work."""
TINY = {"read_once": READ_ONCE, "read_twice": READ_TWICE, "registers": REGISTERS}


def probabilities(posterior):
    """Of every joint setting of the choices; those that do not matter are as likely."""
    found = {}
    for integers in itertools.product(*(range(size) for size in posterior.sizes.values())):
        event = dict(zip(posterior.sizes, integers, strict=True))
        found[integers] = posterior.probability(event)
    return found


@pytest.mark.parametrize("search", [one_by_one, exact_posterior], ids=["one_by_one", "shared"])
@pytest.mark.parametrize("examples", [1, 3, 7])
@pytest.mark.parametrize("name", TINY)
def test_every_program_has_the_probability_of_brute_force(name, examples, search):
    tiny = TINY[name]
    given = data(examples)
    found = search(tiny.model, given, tolerance=0).posterior
    joint = tiny.log_joint(*given)
    assert found.log_evidence == pytest.approx(float(joint.logsumexp(0)), abs=1e-5)
    assert found.hidden == 0
    for program, probability in zip(tiny.programs(), joint.softmax(0).tolist(), strict=True):
        assert found.probability(program) == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("memory", [5_000, 2**20])
def test_chunks_do_not_matter(memory):
    given = data(7)
    whole = one_by_one(REGISTERS.model, given, tolerance=0).posterior
    chunked = one_by_one(REGISTERS.model, given, memory=memory, tolerance=0).posterior
    torch.testing.assert_close(chunked.log_probs, whole.log_probs)


def test_chunks_side_by_side_give_the_same_to_the_bit(monkeypatch):
    monkeypatch.setattr(searching, "MOST_AT_ONCE", 5_000)  # six programs on an example
    monkeypatch.setattr(searching, "CANDIDATES", 1)
    given = data(7)
    whole, found = (
        one_by_one(REGISTERS.model, given, workers=workers) for workers in (Workers(), Workers(2))
    )
    assert torch.equal(found.posterior.log_probs, whole.posterior.log_probs)
    assert found.posterior.log_evidence == whole.posterior.log_evidence
    assert (found.evaluated, found.cost.at_once) == (whole.evaluated, whole.cost.at_once)
    assert found.cost.at_once == 6


def test_side_by_side_are_no_more_programs_than_memory_is_for(monkeypatch):
    asked = []
    monkeypatch.setattr(Workers, "count", lambda workers, units: asked.append(units) or 1)
    one_by_one(REGISTERS.model, data(7), memory=3 * searching.MOST_AT_ONCE, workers=Workers(8))
    assert asked[0] == 3


@pytest.mark.parametrize("tolerance", [1e-9, 1e-3, 0.3])
def test_what_is_dropped_is_within_the_bound(monkeypatch, tolerance):
    monkeypatch.setattr(searching, "CANDIDATES", 1)
    torch.manual_seed(0)
    inputs = torch.eye(4)[torch.randint(4, (40,))]
    outputs = (inputs.argmax(-1) + 1) % 4
    whole = one_by_one(READ_ONCE.model, (inputs, outputs), tolerance=0).posterior
    pruned = one_by_one(READ_ONCE.model, (inputs, outputs), tolerance=tolerance).posterior
    assert pruned.programs() < whole.programs()
    assert 0 < pruned.hidden <= tolerance
    assert pruned.mode() == whole.mode()
    missing = 1 - sum(whole.probability(program) for program, _ in pruned.top(pruned.programs()))
    assert missing <= pruned.hidden + 1e-12
    assert whole.log_evidence - pruned.log_evidence == pytest.approx(-math.log1p(-missing), abs=1e-4)


def program_of_uses(results):
    """Only what matters has an effect, so that it may be left out."""
    values = {site: choice(site, size) for site, size in SIZES.items()}
    instr, left, right = values["instr"], values["left"], values["right"]
    wide = torch.nn.functional.pad(left, (0, 2))
    read = (
        instr[..., 0:1] * torch.eye(4)[0]
        + instr[..., 1:2] * wide
        + instr[..., 2:3] * (0.75 * right + 0.25 * wide)
    )
    read = values["back"][..., 0:1] * read + values["back"][..., 1:2] * read.flip(-1)
    with pyro.plate("examples", len(results), dim=-1):
        observe("out", read, results, noise=0.1)


def test_leaving_out_what_does_not_matter_changes_no_probability():
    results = torch.tensor([0, 0, 3, 1, 0])
    model = program_of_uses
    every = one_by_one(model, [results], tolerance=0).posterior
    fewer = one_by_one(model, [results], space=ProgramSpace(SIZES, USES), tolerance=0).posterior
    assert (every.programs(), fewer.programs()) == (48, 22)
    assert fewer.log_evidence == pytest.approx(every.log_evidence)
    assert probabilities(fewer) == pytest.approx(probabilities(every), abs=1e-6)
    for site in SIZES:
        torch.testing.assert_close(fewer.marginals[site], every.marginals[site])
    event = {"left": [1], "right": [0, 2, 3]}
    assert fewer.probability(event) == pytest.approx(every.probability(event))
    assert probabilities(fewer.given(event)) == pytest.approx(probabilities(every.given(event)), abs=1e-6)
    twice = fewer.given({"right": [0, 2]}).given({"right": [2, 3]})
    assert twice.marginals["right"].tolist() == pytest.approx([0, 0, 1, 0])
    drawn = fewer.sample(20_000, torch.Generator().manual_seed(0))
    for site, size in SIZES.items():  # 5 standard deviations: fails once in 10^5 seeds
        shares = torch.bincount(drawn[site], minlength=size) / 20_000
        torch.testing.assert_close(shares.double(), fewer.marginals[site], atol=0.018, rtol=0)


def test_weights_need_programs_that_show_what_they_read():
    prior = Prior(weights=lambda columns: torch.zeros(len(columns["left"])))
    with pytest.raises(UsageError, match="prior's weights: expected a model whose programs share work, got"):
        one_by_one(REGISTERS.model, data(5), prior=prior)


@pytest.mark.parametrize(("search", "weight"), [(one_by_one, 0), (exact_posterior, 0), (exact_posterior, 1)])
def test_priors_weigh_programs(search, weight):
    choices = {"left": [0.25, 0.75], "return": [0.5, 0.0, 0.5]}
    given = data(5)
    weights = (lambda columns: torch.where(columns["return"] == 2, -1.0, 0.0)) if weight else None
    prior = Prior(choices, weights)
    found = search(REGISTERS.model, given, tolerance=0, prior=prior).posterior
    joint = REGISTERS.log_joint(*given) + math.log(12)
    for number, program in enumerate(REGISTERS.programs()):
        joint[number] += math.log(choices["left"][program["left"]] * 0.5)
        joint[number] += math.log(choices["return"][program["return"]] or 1e-300)
        joint[number] -= weight * int(program["return"] == 2)
    assert found.log_evidence == pytest.approx(float(joint.logsumexp(0)), abs=1e-5)
    for program, probability in zip(REGISTERS.programs(), joint.softmax(0).tolist(), strict=True):
        assert found.probability(program) == pytest.approx(probability, abs=1e-5)


def test_it_goes_on_from_where_it_was(tmp_path, monkeypatch):
    given, path = data(7), tmp_path / "exact.safetensors"
    whole = one_by_one(REGISTERS.model, given)
    advance, advanced = searching._Search.advance, []

    def interrupted(search, bar):
        if len(advanced) == 3:
            raise KeyboardInterrupt
        advanced.append(search.done)
        advance(search, bar)

    monkeypatch.setattr(searching._Search, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one_by_one(REGISTERS.model, given, checkpoint=path)
    advanced.clear()
    again = one_by_one(REGISTERS.model, given, checkpoint=path)
    assert advanced[0] > 0
    assert torch.equal(again.posterior.log_probs, whole.posterior.log_probs)
    with pytest.raises(RunError, match="tolerance"):
        one_by_one(REGISTERS.model, given, checkpoint=path, tolerance=0.5)
    with pytest.raises(RunError, match="prior"):
        one_by_one(REGISTERS.model, given, checkpoint=path, prior=Prior({"left": [0.25, 0.75]}))


def dense(x):
    choice("a", 2)
    with pyro.plate("examples", len(x), dim=-1):
        pyro.sample("x", pyro.distributions.Normal(0.0, 0.01), obs=x)


def in_a_plate(results):
    with pyro.plate("lines", 2, dim=-2):
        choice("line", 2)
    with pyro.plate("examples", len(results), dim=-1):
        observe("out", torch.full((2,), 0.5), results)


def test_what_cannot_be_done_is_said():
    given = data()
    with pytest.raises(BudgetError, match=r"at most 0 programs, in 10 bytes, where none share work, got 12;"):
        one_by_one(REGISTERS.model, given, memory=10)
    with pytest.raises(BudgetError, match=r"bytes of memory, for one program on one example, got 480;"):
        one_by_one(REGISTERS.model, given, memory=480)
    with pytest.raises(BudgetError, match="at most 1 programs to keep apart, in 10 bytes, got more than 1"):
        exact_posterior(REGISTERS.model, given, memory=10)
    with pytest.raises(UsageError, match="tolerance: expected a finite number of at least 0 and below 1"):
        exact_posterior(REGISTERS.model, given, tolerance=1.0)
    with pytest.raises(DataError, match=r"the same number of examples, at least 1, got \[0, 0\]"):
        exact_posterior(REGISTERS.model, [torch.zeros(0, 4), torch.zeros(0).long()])
    with pytest.raises(UsageError, match="observations of probability at most 1"):
        exact_posterior(dense, [torch.zeros(3)])
    flat = exact_posterior(dense, [torch.zeros(3)], tolerance=0)
    assert flat.posterior.marginals["a"].tolist() == pytest.approx([0.5, 0.5])
    assert flat.way == "every program by itself (because of the observed site 'x', a Normal)"
    with pytest.raises(SiteError, match="programs: expected those of the model's choices: left"):
        exact_posterior(REGISTERS.model, given, space=ProgramSpace(dict.fromkeys("abcdefghij", 6)))
    with pytest.raises(SiteError, match="programs: expected those of the model's choices: left"):
        exact_posterior(REGISTERS.model, given, space=ProgramSpace({"left": 2, "right": 2}))
    with pytest.raises(SiteError, match="choice 'line': expected a choice outside of plates"):
        exact_posterior(in_a_plate, [torch.zeros(3).long()])


def test_what_would_take_too_long_is_said(monkeypatch):
    monkeypatch.setattr(searching, "MOST_SECONDS", 0)
    with pytest.raises(
        BudgetError, match=r"at most 0 hours for programs that share no work, got 12 programs"
    ):
        one_by_one(REGISTERS.model, data())
