"""Learned functions of integers and tensors in texts (the paper's section 2.2)."""

import itertools
from functools import partial

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.errors import LibraryError, UsageError
from ntpt_pyro.inference import Restarts, marginal
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.decided_programs import with_choices
from ntpt_pyro.terpret import load
from tests.terpret.learned_text import INSTANCES, SIZES, TEXT, by_hand, close, data, library, run, soft

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.fixture
def model():
    return load(TEXT, "text", {})


@pytest.mark.parametrize("way", ["together", "one by one"])
def test_a_text_means_what_the_same_model_written_by_hand_means(model, way):
    networks, program = library(model), model if way == "together" else model.one_by_one
    for seed in range(3):
        mine = run(partial(program, library=networks), soft(seed=seed))
        close(mine, run(partial(by_hand, library=networks), soft(seed=seed)), INSTANCES)


def test_sites_are_those_of_integers(model):
    networks = library(model)
    for program in (model, model.one_by_one):
        sites = model_sites(program, *data(), library=networks)
        assert {name: site.size for name, site in sites.choices.items()} == SIZES
        assert sorted(sites.steps) == ["a", "b", "c"]


@pytest.mark.parametrize("way", ["together", "one by one"])
def test_decided_programs_run_as_the_concrete_interpreter_runs_them(model, way):
    networks, program = library(model), model if way == "together" else model.one_by_one
    programs = {"which": torch.tensor([0, 1, 0, 1, 1]), "mode": torch.tensor([0, 1, 2, 2, 0])}
    fixed = with_choices(partial(program, library=networks), programs, SIZES, ForwardMarginals())
    found = SureReadings()(fixed)(*data())
    images, bits, *_ = data()
    known = model.readings(data(), networks)
    for number, restart in itertools.product(range(INSTANCES), range(5)):
        params = {site: int(integers[restart]) for site, integers in programs.items()}
        given = {"images": images[number].tolist(), "bit": int(bits[number])}
        outputs = model.run(params, given, networks)
        given["images"] = images[number]
        assert outputs == model.run(params, given, networks, known=known[number])
        for site, integer in outputs.items():
            value = found[site].expand(5, INSTANCES, -1)[restart, number]
            assert int(value.argmax()) == integer
            assert float(value.max()) == pytest.approx(1)


def test_what_the_concrete_interpreter_lacks_is_said(model):
    with pytest.raises(UsageError, match="text, run on integers: expected a library with encode, got none"):
        model.run({}, {"images": data()[0][0], "bit": 0})
    with pytest.raises(UsageError, match=r"the numbers of images\[0\], got what functions read in it"):
        model.run({}, {"images": {"see": [0, 1]}, "bit": 0}, library(model))


def test_every_variable_can_be_traced_tensors_too(model):
    networks, (images, bits, *_) = library(model), data()
    values = model.trace({"which": 1, "mode": 2}, {"images": images[0], "bit": int(bits[0])}, networks)
    with torch.no_grad():
        seen = networks["encode"](images[0])
    torch.testing.assert_close(torch.tensor(values["seen"]), seen)
    assert values["kept"] == values["seen"][1]
    assert set(values) == {"seen", "kept", "late", "a", "b", "c", "out", "other"}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("restarts", [2, INSTANCES])
def test_restarts_are_a_batch_of_programs_that_do_not_mix(model, restarts, shared):
    networks, params = library(model, copies=None if shared else restarts), soft(restarts)
    for program in (model, model.one_by_one):
        together = run(Restarts(restarts)(partial(program, library=networks)), params)
        for restart in range(restarts):
            alone = partial(program, library=networks.take(torch.tensor([restart])))
            own = {site: value[restart, 0] for site, value in params.items()}
            mine = {site: value.expand(restarts, INSTANCES, -1)[restart] for site, value in together.items()}
            close(mine, run(alone, own), INSTANCES)


def test_gradients_reach_parameters_and_all_networks(model):
    networks, params = library(model), soft()
    for value in params.values():
        value.requires_grad_()
    gradients = []
    for program in (model, model.one_by_one, by_hand):
        found = run(partial(program, library=networks), params)
        loss = found["out"][:, 0].log().sum() + found["other"][:, 1].log().sum()
        gradients.append(torch.autograd.grad(loss, [*params.values(), *networks.parameters()]))
    assert all(gradient.abs().sum() > 0 for gradient in gradients[0])
    for other in gradients[1:]:
        for mine, theirs in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(mine, theirs)


CONDITIONAL = """
p = Param(3)
q = Param(2)
x = Input(Tensor(2))
y = Input(Tensor(2))
t = Var(Tensor(2))
out = Output(3)
@Learn([Tensor(2)], 3)
def f(x): pass
if p == 0:
    t.set_to(x)
elif p == 1:
    t.set_to(y)
else:
    pass
if p == 0:
    out.set_to(f(t))
elif p == 1:
    out.set_to(f(t))
else:
    out.set_to(q)
"""


def test_a_tensor_that_is_set_on_some_ways_only_is_weighted_given_that_it_is_set():
    model = load(CONDITIONAL, "conditional", {})
    networks = library(model)
    x, y = torch.randn(4, 2), torch.randn(4, 2)
    p, q = torch.tensor([0.1, 0.3, 0.6]), torch.tensor([0.25, 0.75])
    never = torch.tensor([0.0, 0.0, 1.0])
    for program in (model, model.one_by_one):
        read = networks["f"]((0.1 * x + 0.3 * y) / 0.4)
        found = run(partial(program, library=networks), {"p": p, "q": q}, (x, y, None))["out"]
        torch.testing.assert_close(found, 0.4 * read + 0.6 * torch.tensor([0.25, 0.75, 0.0]))
        sure = run(partial(program, library=networks), {"p": never, "q": q}, (x, y, None))["out"]
        torch.testing.assert_close(sure.expand(4, 3), torch.tensor([0.25, 0.75, 0.0]).expand(4, 3))


def test_at_vertices_a_tensor_is_one_of_those_that_it_may_be():
    text = CONDITIONAL.replace("out.set_to(q)", "out.set_to(f(t))").replace(
        "    pass\nif", "    t.set_to(x)\nif"
    )
    model, x, y = load(text, "sure", {}), torch.randn(4, 2), torch.randn(4, 2)
    networks = library(model)
    for program, p in itertools.product((model, model.one_by_one), range(3)):
        params = {"p": torch.eye(3)[p], "q": torch.eye(2)[0]}
        found = run(partial(program, library=networks), params, (x, y, None))["out"]
        torch.testing.assert_close(found, networks["f"]((x, y, x)[p]), atol=1e-15, rtol=1e-15)


@pytest.mark.parametrize(
    ("names", "ones"),
    [
        (("steps", "train"), ("forward", "copies")),
        (("save", "training"), ("add", "_modules")),
        (("items", "restarts"), ("library", "self")),
    ],
)
def test_functions_may_be_called_as_a_library_calls_its_own(names, ones):
    text = "p = Param(2)\nx = Input(Tensor(2))\ny = Output(3)\n"
    for name in (*names, *ones):
        text += f"@Learn([Tensor(2)], 3)\ndef {name}(x): pass\nv_{name} = Var(3)\n"
        text += f"v_{name}.set_to({name}(x))\n"
    text += f"if p == 0:\n    y.set_to(v_{names[0]})\nelse:\n    y.set_to(v_{ones[1]})\n"
    model = load(text, "names", {})
    networks, x = Library(model.functions, seed=0), torch.randn(3, 2)
    for p, name in enumerate((names[0], ones[1])):
        found = run(partial(model, library=networks), {"p": torch.eye(2)[p]}, (x, None))["y"]
        torch.testing.assert_close(found, networks[name](x))


def test_a_library_that_is_missing_is_named(model):
    with pytest.raises(LibraryError, match="expected one with encode, got none"):
        marginal()(model)(*data())
    with pytest.raises(LibraryError, match="got 'encode'"):
        marginal()(model)(*data(), library=Library())
