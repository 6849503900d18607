"""The exact posterior against brute force over all programs: users' models, interpreters, texts."""

from functools import partial
from pathlib import Path

import pyro
import pytest
import torch

from ntpt_pyro import choice, observe, one_hot
from ntpt_pyro.errors import DataError, SiteError, UsageError
from ntpt_pyro.inference import Prior, ProgramSpace, exact_posterior
from ntpt_pyro.models.add2x2 import add2x2, uses
from ntpt_pyro.models.apply2x2 import APPLY, apply2x2
from ntpt_pyro.models.math_loop import math_loop
from ntpt_pyro.terpret import load
from tests.inference.exact.every_program import agrees, every_program, settings_of
from tests.inference.exact.shared_models import SHARED, data, lines, plate, turned

TEXTS = Path(__file__).parents[3] / "models" / "terpret"
by_name = {model.__name__: model for model in SHARED}
noisy = partial(exact_posterior, tolerance=0, certain_labels=False)


@pytest.fixture(params=[torch.float64, torch.float32], ids=str)
def dtype(request):
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@pytest.mark.parametrize("sure", [False, True], ids=["uncertain", "certain"])
@pytest.mark.parametrize("examples", [1, 9])
@pytest.mark.parametrize("name", by_name)
def test_users_models_have_the_posterior_of_brute_force(dtype, name, examples, sure):
    given = data(examples, sure=sure)
    found = noisy(by_name[name], given).posterior
    brute = every_program(by_name[name], given)
    agrees(found, brute)
    assert found.hidden == 0
    assert found.settings == len(brute.log_likelihoods)


@pytest.mark.parametrize("name", by_name)
def test_what_is_not_read_is_open_and_masses_sum_to_one(name):
    given = data(3)
    found = noisy(by_name[name], given).posterior
    log_prior = Prior().log_probs(found.columns, found.sizes)
    if found.sizes:
        assert float(log_prior.exp().sum()) == pytest.approx(1)
    numbers, rows, _ = settings_of(found)
    assert sorted(numbers) == list(range(found.settings))
    brute = every_program(by_name[name], given)
    for row in range(found.programs()):  # all settings of a cube explain alike
        inside = brute.log_likelihoods[torch.from_numpy(numbers[rows == row])]
        assert float(inside.max() - inside.min()) < 1e-5


def test_choices_that_nothing_reads_are_one_program():
    assert noisy(by_name["no_choice_matters"], data(3)).posterior.programs() == 1
    assert noisy(by_name["choice_is_observed"], data(3)).posterior.programs() == 3
    found = noisy(by_name["branches"], data(3)).posterior
    assert found.programs() == 1 + 1 + 1 + 3  # x; 0; the inner branches: turned, and three items


@pytest.mark.parametrize("name", by_name)
def test_the_order_of_examples_does_not_matter(name):
    x, y = data(12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    one, other = noisy(by_name[name], (x, y)).posterior, noisy(by_name[name], (x[order], y[order])).posterior
    assert other.log_evidence == pytest.approx(one.log_evidence, abs=1e-5)
    for site, probs in one.marginals.items():
        torch.testing.assert_close(other.marginals[site], probs, atol=1e-5, rtol=0)


def longer(x, y):
    """Four lines, of which more than 900,000 programs are made."""
    lines(x, y, 4, after=partial(_turned_often, choice("again", 4)))


def _turned_often(times, value):
    found, total = value, 0
    for often in range(4):
        total = total + times[..., often : often + 1] * found
        found = turned(found)
    return total


def test_a_million_programs():
    given = data(3)
    found = noisy(longer, given).posterior
    brute = every_program(longer, given)
    assert len(brute.log_likelihoods) == 933_120
    agrees(found, brute)
    assert found.programs() < 0.2 * found.settings


class SoftReadings:
    """Networks that read what an image's first pixel says, well or surely."""

    def __init__(self, outs, sure=False):
        self.tables = []
        for number, out in enumerate(outs):
            logits = 2 * torch.randn(10, out, generator=torch.Generator().manual_seed(number))
            self.tables.append(torch.eye(10)[:, :out] if sure else logits.softmax(-1))

    def __len__(self):
        return len(self.tables)

    def __iter__(self):
        for table in self.tables:
            yield lambda images, table=table: table[images[..., 0, 0].long()]


def images(*shape, highest=10):
    found = torch.zeros(*shape, 28, 28)
    found[..., 0, 0] = torch.randint(highest, shape, generator=torch.Generator().manual_seed(7))
    return found


def labels(count, highest=19):
    return torch.randint(highest, (count,), generator=torch.Generator().manual_seed(8))


def deciding(model, **choices):
    """The model with some choices decided: site to its integer and its size."""
    vertices = {site: one_hot(torch.tensor(at), size) for site, (at, size) in choices.items()}
    return pyro.poutine.condition(model, data=vertices)


@pytest.mark.parametrize(("count", "outs"), [(1, [10]), (1, [10, 10]), (2, [10, 10]), (3, [10])])
def test_add2x2(count, outs):
    model = partial(add2x2, library=SoftReadings(outs), lines=count)
    given = images(3, 4), labels(3)
    brute = every_program(model, given)
    agrees(noisy(model, given).posterior, brute)
    texts = ProgramSpace(brute.sizes, uses(count))
    agrees(noisy(model, given, space=texts).posterior, brute)


def test_programs_of_one_text_are_one():
    model = partial(add2x2, library=SoftReadings([10, 10]), lines=2)
    given = images(3, 4), labels(3)
    space = ProgramSpace.of(model, given, uses(2))
    found = noisy(model, given, space=space).posterior
    head = found.columns["instr_2"]
    assert bool((found.columns["left_2"][head != 5] == -1).all())
    assert found.programs() <= space.size


def test_apply2x2_of_one_line():
    model = partial(apply2x2, library=SoftReadings([4, 4]), lines=1)
    given = images(3, 4, highest=4), labels(9, 10).reshape(3, 3), labels(3)
    agrees(noisy(model, given).posterior, every_program(model, given))


def test_apply2x2_of_two_lines():
    model = deciding(
        partial(apply2x2, library=SoftReadings([4]), lines=2),
        instr_2=(APPLY, 6),
        left_2=(4, 5),
        left_1=(1, 4),
    )
    given = images(2, 4, highest=4), labels(6, 10).reshape(2, 3), labels(2)
    brute = every_program(model, given)
    assert len(brute.log_likelihoods) == 6 * 4 * 4 * 5 * 5 * 6
    agrees(noisy(model, given).posterior, brute)


@pytest.mark.parametrize("sure", [False, True], ids=["uncertain", "certain"])
@pytest.mark.parametrize("digits", [1, 2])
def test_math_loop(digits, sure):
    fixed = {"instr_0": (0, 2), "net_choice_0": (0, 2), "left_0": (0, 3), "right_0": (0, 3), "op_0": (0, 3)}
    fixed |= {"left_2": (0, 3), "right_2": (1, 3), "op_2": (2, 3), "right_1": (0, 3)}
    model = deciding(partial(math_loop, library=SoftReadings([10, 4], sure)), **fixed)
    given = images(2, 2 * digits - 1, highest=4), labels(2)
    brute = every_program(model, given)
    assert len(brute.log_likelihoods) == 3 * (2 * 2 * 3 * 3 * 3) * (2 * 2 * 3) * 3
    agrees(noisy(model, given).posterior, brute)


def text_of(name, hypers):
    return load((TEXTS / f"{name}.terpret").read_text(encoding="utf-8"), name, hypers)


def text_data(model, count):
    source = torch.Generator().manual_seed(5)
    every = [*model.inputs, *model.outputs]
    return [torch.randint(one.size, (count, *one.dims), generator=source) for one in every]


@pytest.mark.parametrize(
    ("name", "hypers"),
    [
        ("turing", {"tape_length": 2, "symbols": 2, "states": 2, "steps": 3}),
        ("turing", {"tape_length": 3, "symbols": 2, "states": 3, "steps": 3}),
        ("circuit", {"inputs": 2, "outputs": 1, "wires": 2, "gates": 2}),
        ("circuit", {"inputs": 1, "outputs": 2, "wires": 3, "gates": 2}),
        ("basic_block", {"size": 2, "registers": 2, "blocks": 1, "steps": 2}),
    ],
    ids=str,
)
def test_texts(name, hypers):
    model = text_of(name, hypers)
    given = text_data(model, 3)
    found = noisy(model, given)
    agrees(found.posterior, every_program(model, given))
    assert found.way.startswith("programs that begin alike")


@pytest.mark.parametrize("seen", [False, True])
def test_a_text_with_choices_decided(seen):
    model = text_of("basic_block", {"size": 2, "registers": 2, "blocks": 2, "steps": 3})
    if seen:
        assert model.one_by_one is not None  # kept with the model from here on
    halved = deciding(model, instruction_0=(1, 8), first_0=(1, 2), second_1=(0, 2), tested_0=(1, 2))
    given = text_data(model, 2)
    brute = every_program(halved, given)
    assert len(brute.log_likelihoods) == (2 * 2 * 9) * (8 * 2 * 2 * 2 * 9)
    agrees(noisy(halved, given).posterior, brute)


def in_a_plate(x, y):
    with pyro.plate("lines", 2, dim=-2):
        choice("line", 2)
    with plate(y):
        observe("out", x, y)


def test_what_cannot_be_asked_is_said():
    given = data(3)
    model = by_name["branches"]
    for wrong in (1.0, -0.1, float("nan")):
        with pytest.raises(UsageError, match="tolerance: expected a finite number of at least 0"):
            exact_posterior(model, given, tolerance=wrong)
    with pytest.raises(DataError, match=r"at least 1, got \[0, 0\]"):
        exact_posterior(model, data(0))
    with pytest.raises(DataError, match=r"at least 1, got \[\]"):
        exact_posterior(model, [])
    with pytest.raises(SiteError, match="programs: expected those of the model's choices: outer"):
        exact_posterior(model, given, space=ProgramSpace({"outer": 3, "inner": 2}))
    with pytest.raises(SiteError, match="prior of 'other': expected choices out of outer, inner, item"):
        exact_posterior(model, given, prior=Prior({"other": [0.5, 0.5]}))
    with pytest.raises(SiteError, match="choice 'line': expected a choice outside of plates"):
        exact_posterior(in_a_plate, given)
