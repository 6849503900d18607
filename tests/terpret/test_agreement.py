"""The paper's interpreters in the language: the same output marginals as the models written by hand."""

from pathlib import Path

import pyro
import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.inference import marginal
from ntpt_pyro.models.add2x2 import add2x2
from ntpt_pyro.models.apply2x2 import apply2x2
from ntpt_pyro.models.math_loop import is_correct, math_loop, steps_needed
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.terpret import load
from tests.models.test_math_loop import SOLUTION

TEXTS = Path(__file__).parents[2] / "models" / "terpret"


def text(name, **hypers):
    return load((TEXTS / f"{name}.terpret").read_text(encoding="utf-8"), name, hypers)


def library(*functions):
    made = Library(seed=0)
    for function in functions:
        made.add(function)
        made.steps[function.name] = 1
    return made


def soft(model, seed=0):
    source = torch.Generator().manual_seed(seed)
    drawn = {cell.site: 2 * torch.randn(cell.size, generator=source) for cell in model.params}
    return {site: logits.softmax(-1) for site, logits in drawn.items()}


def outputs(model, params, *data, **options):
    renamed = {"returned": "return"} if model in (math_loop, add2x2, apply2x2) else {}
    given = {renamed.get(site, site): value for site, value in params.items()}
    return marginal()(pyro.poutine.condition(model, data=given))(*data, **options)


@pytest.mark.parametrize("symbols", [1, 3])
def test_math_has_the_marginals_of_the_model_written_by_hand(symbols):
    steps = steps_needed(symbols)
    written, networks = text("math", symbols=symbols, steps=steps), library(net_0, net_1)
    tapes = torch.rand(5, symbols, 28, 28, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        params = soft(written, seed)
        mine = outputs(written, params, tapes, None, library=networks)["result"]
        theirs = outputs(math_loop, params, tapes, library=networks)
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_math_runs_its_solution_on_plain_integers():
    assert is_correct(SOLUTION)
    program = {**SOLUTION, "returned": SOLUTION["return"]}
    written = text("math", symbols=5, steps=steps_needed(5))
    digits, signs = [9, 7, 9, 0, 2], [3, 2, 0, 1, 3]
    assert written.run(program, {"tape": {"net_0": digits, "net_1": signs}}) == {"result": 3}
    assert written.run({**program, "goto_1": 1}, {"tape": {"net_0": digits, "net_1": signs}}) == {
        "result": 19
    }


def test_add2x2_has_the_marginals_of_the_model_written_by_hand():
    written, networks = text("add2x2"), library(net_0)
    grids = torch.rand(5, 4, 28, 28, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        params = soft(written, seed)
        mine = outputs(written, params, grids, None, library=networks)["result"]
        theirs = outputs(add2x2, params, grids, library=networks)
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_apply2x2_has_the_marginals_of_the_model_written_by_hand():
    written, networks = text("apply2x2"), library(net_0, net_1)
    source = torch.Generator().manual_seed(0)
    grids, integers = torch.rand(5, 4, 28, 28, generator=source), torch.randint(10, (5, 3), generator=source)
    for seed in range(3):
        params = soft(written, seed)
        mine = outputs(written, params, grids, integers, None, library=networks)["result"]
        theirs = outputs(apply2x2, params, grids, integers, library=networks)
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-4)


def test_add2x2_runs_a_solution_on_plain_integers():
    written = text("add2x2")
    program = {"instr_1": 2, "instr_4": 5, "left_4": 0, "right_4": 1, "returned": 4}
    assert written.run(program, {"grid": {"net_0": [3, 9, 1, 2]}}) == {"result": 12}
