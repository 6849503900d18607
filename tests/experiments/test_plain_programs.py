"""Programs that fit, found on integers: the same as by trying each."""

from itertools import product

import numpy as np
import pytest

from ntpt_pyro.experiments.exact_counts import counted, decremented_by, machine_of, numbers
from ntpt_pyro.experiments.plain_blocks import block_machine, block_sites, right_on_every_memory
from ntpt_pyro.experiments.plain_machines import fitting_circuits, turing_machine, turing_sites
from ntpt_pyro.experiments.plain_programs import OPEN, every_setting, settings
from ntpt_pyro.experiments.solver_determined import text_named
from ntpt_pyro.terpret import TerpretModel

BLOCKS = {"size": 3, "registers": 2, "blocks": 1, "steps": 2}


def every(sizes):
    return np.array(list(product(*map(range, sizes))))


def reproduced(model, sites, programs, given, wanted):
    """Which programs the interpreter of the text finds to fit."""
    pairs = list(zip(given, wanted, strict=True))
    named = [dict(zip(sites, row, strict=True)) for row in programs.tolist()]
    return [all(model.run(program, inputs) == outputs for inputs, outputs in pairs) for program in named]


def test_turing_machines_are_those_of_the_text():
    text = text_named("turing", "invert").train
    hypers = {**text.model.hypers, "symbols": 2, "tape_length": 3, "steps": 4}
    model, sites = TerpretModel(text.model.source, hypers), turing_sites(hypers)
    tapes, ends = [[0, 1, 1], [1, 1, 0]], [[1, 1, 1], [1, 1, 0]]
    machine = turing_machine(hypers, tapes, ends)
    fitting = machine.fitting(machine.all_programs())
    programs = every(machine.sizes)
    given = [{"initial_tape": tape} for tape in tapes]
    wanted = [{"final_tape": tape, "final_halted": 1} for tape in ends]
    fits = reproduced(model, sites, programs, given, wanted)
    assert 0 < sum(fits) < len(programs)
    assert settings(fitting, machine.sizes) == sum(fits)
    found = {tuple(row) for row in every_setting(fitting, machine.sizes).tolist()}
    assert found == {tuple(row) for row, fit in zip(programs.tolist(), fits, strict=True) if fit}


def test_basic_blocks_are_those_of_the_text():
    text = text_named("basic_block", "access").train
    model, sites = TerpretModel(text.model.source, BLOCKS), block_sites(BLOCKS)
    memories, results = [[1, 2, 0], [2, 0, 1]], [1, 2]
    machine = block_machine(BLOCKS, memories, results)
    fitting = machine.fitting(machine.all_programs())
    programs = every(machine.sizes)
    given = [{"memory": memory} for memory in memories]
    wanted = [{"result": result, "halted": 1} for result in results]
    fits = reproduced(model, sites, programs, given, wanted)
    assert 0 < sum(fits) < len(programs)
    assert settings(fitting, machine.sizes) == sum(fits)


def test_what_is_right_on_every_memory_is_right_on_each():
    hypers = {**BLOCKS, "size": 2, "steps": 3, "blocks": 2}
    memories = [list(memory) for memory in product(range(2), repeat=2)]
    machine = block_machine(hypers, memories, [memory[memory[0]] for memory in memories])
    fitting = settings(machine.fitting(machine.all_programs()), machine.sizes)
    assert fitting > 0
    right = right_on_every_memory(hypers, machine.all_programs())
    assert settings(right, machine.sizes) == fitting
    some = block_machine(hypers, memories[:1], [0]).fitting(machine.all_programs())
    assert settings(some, machine.sizes) > fitting
    assert settings(right_on_every_memory(hypers, some), machine.sizes) == fitting


def test_circuits_are_those_of_the_text():
    text = text_named("circuit", "swap").train
    hypers = {"inputs": 2, "outputs": 1, "wires": 2, "gates": 2}
    given = [list(bits) for bits in product(range(2), repeat=2)]
    wanted = [[a & b ^ a] for a, b in given]
    model = TerpretModel(text.model.source, hypers)
    sites = [cell.site for cell in model.params]
    programs = every([cell.size for cell in model.params])
    fits = reproduced(model, sites, programs, [{"given": x} for x in given], [{"wanted": y} for y in wanted])
    assert fitting_circuits(hypers, given, wanted) == sum(fits) > 0


@pytest.mark.parametrize(
    ("text", "name", "fit"), [("turing", "prepend", 9), ("circuit", "controlled_swap", 96)]
)
def test_both_ways_count_the_same(text, name, fit):
    found = counted(text, name)
    assert (found.fit, found.fit_plainly) == (fit, fit)


def test_open_choices_are_counted_in_all_ways():
    sizes = np.array([2, 3, 4])
    rows = np.array([[OPEN, 1, OPEN], [0, 0, 3]])
    assert settings(rows, sizes) == len(every_setting(rows, sizes)) == 9


def test_tapes_of_numbers():
    assert len(numbers(5, leading=False)) == 15
    assert len(numbers(5, leading=True)) == 26
    assert all(tape[-1] == 2 for tape in numbers(5, leading=True))


def test_decrement_is_not_determined_where_numbers_begin_with_zeros():
    machine = machine_of("turing", text_named("turing", "decrement"))
    programs = machine.fitting(machine.all_programs())
    every, without = (decremented_by(programs, leading=leading) for leading in (True, False))
    assert (every.fit, every.inputs, every.behaviours, every.right) == (7875, 26, 89, 387)
    assert (without.fit, without.inputs, without.behaviours, without.right) == (7875, 15, 4, 7860)
