"""The cost of enumeration is known, and refused, before any of it is paid."""

import pyro
import pytest
import torch

from ntpt_pyro import choice, constant, observe, switch, var
from ntpt_pyro.errors import BudgetError
from ntpt_pyro.inference import EnumeratedChoices, Strategy, enumeration, marginal
from tests.inference.tiny import READ_ONCE, REGISTERS, data


class TestBudget:
    def test_too_many_programs_are_refused_before_any_is_run(self):
        ran = []

        def model(xs):
            sizes = [choice(f"c{n}", 10) for n in range(9)]
            ran.append(sizes[0].shape)
            with pyro.plate("examples", len(xs), dim=-1):
                observe("out", sizes[0], xs)

        with pytest.raises(
            BudgetError, match=r"c0 \(10\).*c8 \(10\).*got 4,000,000,000; .*relax the choices"
        ):
            enumeration().guide(model, torch.zeros(4, dtype=torch.long))
        assert ran == [(10,)]  # once, under forward marginals

    def test_more_dimensions_than_torch_has_are_refused(self):
        def model():
            for n in range(70):
                choice(f"c{n}", 2)

        with pytest.raises(BudgetError, match="at most 64 tensor dimensions, got 71"):
            enumeration(max_cells=2**100).guide(model)

    def test_as_context_manager_the_limit_holds_without_a_guide(self):
        def model():
            for n in range(9):
                choice(f"c{n}", 10)

        with pytest.raises(BudgetError, match=r"enumeration of c0 \(10\), c1 \(10\)"):
            enumeration(max_cells=1000)(model)()

    def test_steps_are_counted_by_what_they_depend_on(self):
        def chain(length):
            state = constant(0, 4)
            for n in range(length):
                state = var(f"s{n}", state.roll(1, -1))
            observe("out", state, torch.tensor(0))

        strategy = enumeration(max_cells=64)  # each step depends on the one before: 16 cells
        elbo = strategy.elbo(max_plate_nesting=0)
        elbo.loss(strategy(lambda: chain(10)), strategy(lambda: None))
        inputs, outputs = data()
        tight = enumeration(max_cells=100)
        with pytest.raises(BudgetError, match=r"r2 \(4\)"):
            tight.elbo(max_plate_nesting=1).loss(
                tight(REGISTERS.model), tight(lambda *_: None), inputs, outputs
            )

    def test_a_budget_is_not_used_up(self):
        strategy, args = enumeration(max_cells=2000), data()
        guide = strategy.guide(READ_ONCE.model, *args)
        elbo = strategy.elbo(max_plate_nesting=1)
        first = elbo.loss(strategy(READ_ONCE.model), strategy(guide), *args)
        assert elbo.loss(strategy(READ_ONCE.model), strategy(guide), *args) == pytest.approx(first)

    def test_enumerating_a_few_choices_of_many_is_within_reach(self):
        def model(xs):
            one = choice("one", 3)
            others = [choice(f"c{n}", 10) for n in range(9)]
            with pyro.plate("examples", len(xs), dim=-1):
                observe("out", switch(one, [others[0], others[1], others[2]]), xs)

        strategy = marginal(sites={"one": EnumeratedChoices()})
        assert isinstance(strategy, Strategy)
        guide = strategy.guide(model, torch.zeros(4, dtype=torch.long))
        assert "one" not in guide.sites
        assert len(guide.sites) == 9
