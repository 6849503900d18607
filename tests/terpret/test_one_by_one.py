"""Texts one variable at a time: like compiled texts, and like the concrete interpreter."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyro
import pytest
import torch
from pyro.poutine.messenger import Messenger

from ntpt_pyro import one_hot, step_end
from ntpt_pyro.errors import LibraryError
from ntpt_pyro.inference import marginal
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.posterior.decided_programs import decided, with_choices
from ntpt_pyro.language.runtime_functions import RuntimeFunction
from ntpt_pyro.terpret import load, parse
from ntpt_pyro.terpret.instances import read_batches, read_hypers
from ntpt_pyro.terpret.one_by_one import Branch
from ntpt_pyro.terpret.unrolling import Unrolled

TEXTS = Path(__file__).parents[2] / "models" / "terpret"
FILES = sorted(
    path.stem for path in TEXTS.glob("*.*.json") if not path.stem.endswith((".hypers", "two_scripts.signs"))
)
"""Data of texts; those with functions of tensors and integers have tests of their own."""
LOOKING = {
    "math": {"symbols": 3, "steps": 6},
    "path_len": {"W": 3, "H": 2, "steps": 6},
    "add2x2": {},
    "apply2x2": {},
}
"""Texts that read images, which come without data."""
REVISITED = """
p = Param(3)
q = Param(2)
x = Var(3)
y = Var(2)
c = Var(3)
d = Var(3)
e = Var(3)
given = Input(3)
out = Output(3)
late = Output(3)
@Runtime([3, 3], 3)
def plus(a, b):
    return (a + b) % 3
x.set_to(plus(p, given))
y.set_to(q)
if x == 0:
    c.set_to(0)
    e.set_to(plus(y, 1))
else:
    e.set_to(plus(x, x))
    if y == 0:
        with x as v:
            c.set_to(plus(v, p))
    else:
        c.set_to(plus(2, y))
if y == 0:
    out.set_to(c)
    d.set_to(e)
else:
    d.set_to(plus(e, y))
    out.set_to(d)
late.set_to(x)
"""
"""Branches inside branches on the same variable; ``out`` is set before ``d``, which it reads."""


@pytest.fixture(autouse=True)
def exact_numbers(double_precision):
    """What rounding adds to a total grows from step to step; a compiled text divides it out."""


class Nets:
    """A library whose functions read a symbol that is an image's first pixel, well or surely."""

    def __init__(self, model, sure):
        self.tables = {}
        for function in model.functions:
            symbols = torch.randn(function.out, function.out, generator=torch.Generator().manual_seed(1))
            self.tables[function.name] = torch.eye(function.out) if sure else symbols.softmax(-1)

    def __getitem__(self, name):
        table = self.tables[name]
        return lambda images, **_: table[images.flatten(2)[..., 0].long() % len(table)]


def random_data(model, instances=4):
    """Inputs of every kind, and outputs that are observed in part."""
    source = np.random.default_rng(0)
    data = []
    for one in model.inputs:
        if isinstance(one.size, int):
            data.append(torch.from_numpy(source.integers(0, one.size, (instances, *one.dims))))
        else:
            images = np.zeros((instances, *one.dims, int(np.prod(one.size))))
            images[..., 0] = source.integers(0, 10, images.shape[:-1])
            data.append(torch.from_numpy(images).reshape(instances, *one.dims, *one.size))
    outputs = [source.integers(-1, one.size, (instances, *one.dims)) for one in model.outputs]
    return [*data, *map(torch.from_numpy, outputs)]


def cases():
    for file in FILES:
        name = file.split(".")[0]
        source = parse((TEXTS / f"{name}.terpret").read_text(encoding="utf-8"), name)
        hypers = read_hypers(TEXTS / f"{name}.hypers.json")
        for batch in read_batches(TEXTS / f"{file}.json", hypers, source):
            yield pytest.param(batch.model, batch.tensors, id=f"{file}-{batch.name}")
    for name, hypers in LOOKING.items():
        model = load((TEXTS / f"{name}.terpret").read_text(encoding="utf-8"), name, hypers)
        yield pytest.param(model, random_data(model), id=name)
    revisited = load(REVISITED, "revisited", {})
    yield pytest.param(revisited, random_data(revisited, 6), id="revisited")


EVERY_TEXT = pytest.mark.parametrize(("model", "data"), list(cases()))


def library_of(model, sure):
    return {"library": Nets(model, sure)} if model.functions else {}


def close(mine, theirs):
    assert set(mine) == set(theirs)
    for site, value in mine.items():
        torch.testing.assert_close(*torch.broadcast_tensors(value, theirs[site]), rtol=0, atol=1e-9)


@EVERY_TEXT
def test_inner_choices_have_the_marginals_of_the_compiled_text(model, data):
    source = torch.Generator().manual_seed(0)
    options = library_of(model, sure=False)
    for _ in range(3):
        params = {cell.site: torch.randn(cell.size, generator=source).softmax(-1) for cell in model.params}
        both = []
        for program in (model, model.one_by_one):
            trace = pyro.poutine.trace(marginal()(pyro.poutine.condition(program, data=params)))
            found = trace.get_trace(*data, **options)
            found.compute_log_prob()
            observed = {n: node["log_prob"] for n, node in found.nodes.items() if node.get("is_observed")}
            both.append((found.nodes["_RETURN"]["value"], observed))
        for mine, theirs in zip(*both, strict=True):
            close(mine, theirs)


@EVERY_TEXT
def test_decided_programs_run_as_compiled_and_as_the_concrete_interpreter_runs_them(model, data):
    source = torch.Generator().manual_seed(0)
    sizes = {cell.site: cell.size for cell in model.params}
    programs = {site: torch.randint(size, (5,), generator=source) for site, size in sizes.items()}
    options = library_of(model, sure=True)
    mine, theirs = (
        with_choices(program, programs, sizes, ForwardMarginals())(*data, **options)
        for program in (model.one_by_one, model)
    )
    close(mine, theirs)
    for number in range(min(6, len(data[0]))):
        given = {}
        for one, tensor in zip(model.inputs, data, strict=False):
            here = tensor[number]
            if not isinstance(one.size, int):
                pixels = here.flatten(len(one.dims))[..., 0].long()
                here = {function.name: (pixels % function.out).tolist() for function in model.functions}
            given[one.name] = here if isinstance(here, dict) else here.tolist()
        for restart in range(5):
            program = {site: int(integers[restart]) for site, integers in programs.items()}
            for name, wanted in model.run(program, given).items():
                for index in np.ndindex(np.shape(wanted)):
                    value = mine["_".join([name, *map(str, index)])].expand(5, len(data[0]), -1)
                    assert int(value[restart, number].argmax()) == np.array(wanted)[index]


@EVERY_TEXT
def test_sites_are_those_of_the_compiled_text(model, data):
    options = library_of(model, sure=True)
    mine, theirs = (model_sites(program, *data, **options) for program in (model.one_by_one, model))
    assert mine.choices == theirs.choices
    assert list(mine.choices) == list(theirs.choices)
    assert sorted(mine.steps) == sorted(theirs.steps)
    assert (mine.largest_plate, mine.plate_nesting) == (theirs.largest_plate, theirs.plate_nesting)


@EVERY_TEXT
def test_every_variable_comes_after_what_it_reads_else_in_the_order_of_the_text(model, data):
    order = list(model.one_by_one.trees)
    text = list(Unrolled(model.source, model.hypers).assignments)
    if model.source.name != "revisited":
        assert order == text
    else:
        assert [cell.site for cell in text] == ["x", "y", "c", "e", "out", "d", "late"]
        assert [cell.site for cell in order] == ["x", "y", "c", "e", "d", "out", "late"]


class Noting(Messenger):
    """Notes variables and ends of steps in their order."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def _note(self, msg):
        self.seen.append(msg["args"][0])

    _pyro_ntpt_var = _pyro_ntpt_step_end = _note


def noted(program, *data):
    noting = Noting()
    with marginal(), noting:
        program(*data)
    return noting.seen


def test_steps_end_with_the_iterations_of_loops_at_the_top_of_the_text():
    text = (TEXTS / "turing.terpret").read_text(encoding="utf-8")
    model = load(text, "turing", {"tape_length": 3, "symbols": 3, "states": 2, "steps": 3})
    seen = noted(model.one_by_one, torch.tensor([[0, 1, 2]]), None, None)
    lines = {line.strip(): number for number, line in enumerate(text.splitlines(), 1)}
    loops = [
        number for number, line in enumerate(text.splitlines(), 1) if line == "for p in range(tape_length):"
    ]
    loop = lines["for t in range(steps - 1):"]
    assert [step for step in seen if "line" in step] == [
        *(f"p={p}, line {loops[0]}" for p in range(3)),
        *(f"t={t}, line {loop}" for t in range(2)),
        *(f"p={p}, line {loops[1]}" for p in range(3)),
    ]
    assert seen[:2] == ["tape_0_0", f"p=0, line {loops[0]}"]
    ends = [
        seen.index(step) for step in (f"p=2, line {loops[0]}", *(f"t={t}, line {loop}" for t in range(2)))
    ]
    for t in range(2):
        kept = [f"tape_{t + 1}_0", f"tape_{t + 1}_1", f"tape_{t + 1}_2"]
        state = [f"position_{t + 1}", f"state_{t + 1}", f"halted_{t + 1}"]
        own = [f"seen_{t}", f"new_symbol_{t}", f"new_direction_{t}", *kept, *state]
        within = seen[ends[t] + 1 : ends[t + 1]]
        assert set(own + ["position_0", "state_0", "halted_0"][: 3 * (t == 0)]) == set(within)
    assert len(seen) == len(set(seen))


def test_steps_end_where_nothing_is_set_too():
    text = "x = Var(2)\ny = Output(2)\nfor i in range(2):\n    pass\nx.set_to(1)\n"
    model = load(text + "for j in range(2):\n    if j == 1:\n        y.set_to(x)\n", "empty", {})
    assert noted(model.one_by_one, None) == [
        "i=0, line 3", "i=1, line 3", "x", "j=0, line 6", "j=1, line 6"
    ]  # fmt: skip


TURNED = """
p = Param(2)
a = Var(2)[3]
b = Var(2)[3]
y = Output(2)
a[0].set_to(0)
for t in range(2):
    if p == 0:
        a[t + 1].set_to(0)
        b[t].set_to(a[t])
    else:
        b[t].set_to(a[t])
        a[t + 1].set_to(b[t])
y.set_to(a[2])
"""


def test_a_step_ends_after_what_is_set_in_it_also_where_the_order_is_not_that_of_the_text():
    seen = noted(load(TURNED, "turned", {}).one_by_one, None)
    assert seen == ["a_0", "b_0", "a_1", "t=0, line 7", "b_1", "a_2", "t=1, line 7"]


def test_the_end_of_a_step_does_nothing_by_itself():
    assert step_end("1") is None
    noting = Noting()
    with noting:
        assert step_end("1") is None
    assert noting.seen == ["1"]


def test_integers_that_lead_to_the_same_place_share_a_case():
    text = (TEXTS / "turing.terpret").read_text(encoding="utf-8")
    model = load(text, "turing", {"tape_length": 5, "symbols": 3, "states": 2, "steps": 3})
    trees = {cell.site: tree for cell, tree in model.one_by_one.trees.items()}
    moving = trees["tape_1_2"].cases[0]
    assert isinstance(moving, Branch)
    assert moving.cell.site == "position_0"
    assert [case.site for case in moving.cases] == [
        "tape_0_2",
        "tape_0_2",
        "new_symbol_0",
        "tape_0_2",
        "tape_0_2",
    ]
    twice = load(REVISITED, "revisited", {}).one_by_one.trees
    (tree,) = (tree for cell, tree in twice.items() if cell.site == "e")
    assert tree.cases[1:] == (2, 1)  # x + x, where the way says what x is


@pytest.mark.parametrize("runs", [1, 3])
def test_a_function_with_its_constants_is_one_object(runs, monkeypatch):
    calls = Counter()
    run = RuntimeFunction.__call__

    def counted(function, *arguments):
        calls[function] += 1
        return run(function, *arguments)

    monkeypatch.setattr(RuntimeFunction, "__call__", counted)
    text = (TEXTS / "add2x2.terpret").read_text(encoding="utf-8")
    model = load(text, "add2x2", {})
    for _ in range(runs):
        marginal()(model.one_by_one)(*random_data(model), library=Nets(model, sure=True))
    shapes = sorted((one.name, one.ranges, number) for one, number in calls.items())
    assert shapes == [("sum", (19, 19), 4 * runs), *[("towards", (4,), 4 * runs)] * 4]
    tables = {tuple(one.table.tolist()) for one in calls if one.name == "towards"}
    assert tables == {(0, 1, 0, 1), (1, 1, 3, 3), (2, 3, 2, 3), (0, 0, 2, 2)}


def test_without_a_strategy_it_simulates():
    text = (TEXTS / "circuit.terpret").read_text(encoding="utf-8")
    model = load(text, "circuit", {"inputs": 2, "outputs": 2, "wires": 3, "gates": 2})
    (given, _) = random_data(model, 5)
    program = {cell.site: 1 for cell in model.params}
    params = {cell.site: one_hot(torch.tensor(1), cell.size) for cell in model.params}
    found = pyro.poutine.condition(model.one_by_one, data=params)(given, None)
    for number, bits in enumerate(given.tolist()):
        outputs = [int(found[f"wanted_{o}"].expand(5, -1)[number].argmax()) for o in range(2)]
        assert outputs == model.run(program, {"given": bits})["wanted"]


def test_what_is_not_observed_is_drawn_and_a_parameter_decided_by_the_text_is_no_choice():
    text = REVISITED.replace("q = Param(2)\n", "q = Param(2)\nq.set_to_constant(1)\n")
    model = load(text, "revisited", {})
    given = torch.tensor([0, 1, 2])
    sites = model_sites(model.one_by_one, given, None, None)
    assert list(sites.choices) == ["p"]
    found = decided(model.one_by_one, {"p": torch.tensor([2, 1])}, [given, given, given])(given, None, None)
    for restart, p in enumerate((2, 1)):
        for number, x in enumerate(given.tolist()):
            wanted = model.run({"p": p}, {"given": x})
            assert {site: int(value[restart, number].argmax()) for site, value in found.items()} == wanted


def test_a_library_that_is_missing_is_named():
    text = (TEXTS / "add2x2.terpret").read_text(encoding="utf-8")
    with pytest.raises(LibraryError, match="expected one with net_0, got none"):
        marginal()(load(text, "add2x2", {}).one_by_one)(torch.zeros(1, 4, 28, 28), None)
