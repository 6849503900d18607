"""Clauses against plain evaluation: what satisfies them is what the circuit says."""

import itertools

import numpy as np
import pytest

from ntpt_pyro.inference.solver.circuit import TRUE, Circuit, value_of
from ntpt_pyro.inference.solver.clauses import (
    PAIRWISE,
    ClauseWriter,
    exactly_one,
    signed,
    some_true,
    unit_clauses,
)
from ntpt_pyro.inference.solver.engine import Engine


def split(flat):
    """Clauses as sets of literals."""
    found, own = [], []
    for literal in flat.tolist():
        if literal:
            own.append(literal)
        else:
            found.append(own)
            own = []
    assert not own
    return found


def models(clauses, variables):
    """All satisfying assignments of clauses, ``[assignments, variables + 1]``, by trying all."""
    table = np.array([*itertools.product([False, True], repeat=variables)])
    table = np.concatenate([np.zeros((len(table), 1), dtype=bool), table], 1)
    holds = [
        np.any([table[:, abs(x)] == (x > 0) for x in clause], 0) if clause else np.zeros(len(table), bool)
        for clause in clauses
    ]
    return table[np.all(holds, 0)]


def small_circuit(seed):
    """A random circuit of few variables; its input groups and a root."""
    random = np.random.default_rng(seed)
    circuit = Circuit()
    groups = [circuit.group((), size) for size in (3, 2, 3)]
    literals = np.concatenate(groups)
    while circuit.variables < 14:
        some = random.choice(literals, size=3) ^ random.integers(2, size=3)
        made = circuit.both(some[:1], some[1:2])
        made = np.append(made, circuit.any_of(np.append(made, some[2]), np.zeros(2, dtype=np.int64), 1))
        literals = np.append(literals, made[made > TRUE])
    return circuit, groups, int(literals[-1] ^ random.integers(2))


def by_evaluation(circuit, groups, root):
    """The integers of the groups at which the root is true."""
    found = set()
    for integers in itertools.product(*(range(len(group)) for group in groups)):
        true = np.zeros(circuit.variables, dtype=bool)
        for group, integer in zip(groups, integers, strict=True):
            true[group[integer] // 2] = group[integer] % 2 == 0
        if value_of(circuit.values(true), np.array([root])):
            found.add(integers)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_what_satisfies_the_clauses_is_what_evaluation_says(seed):
    circuit, groups, root = small_circuit(seed)
    writer = ClauseWriter(circuit)
    clauses = split(writer.needed(np.array([root])))
    asserted = [*clauses, *split(unit_clauses(signed(np.array([root]))))]
    satisfying = models(asserted, circuit.variables - 1)
    found = {tuple(int(some_true(true, group)) for group in groups) for true in satisfying}
    assert found == by_evaluation(circuit, groups, root)


@pytest.mark.parametrize("seed", range(4))
def test_the_values_of_gates_that_were_asked_for_follow_from_the_inputs(seed):
    circuit, _groups, root = small_circuit(seed)
    satisfying = models(split(ClauseWriter(circuit).needed(np.array([root]))), circuit.variables - 1)
    assert len(satisfying)
    for true in satisfying:
        assert value_of(circuit.values(true), np.array([root])) == value_of(true, np.array([root]))


def test_clauses_are_written_once_and_only_those_of_what_is_needed():
    circuit = Circuit()
    a, b = circuit.group((2,), 4)
    gates = circuit.both(a, b)
    writer = ClauseWriter(circuit)
    first = split(writer.needed(gates[:1]))
    assert {abs(x) for clause in first for x in clause} == {*range(1, 9), gates[0] // 2}
    assert split(writer.needed(gates[:1])) == []
    assert split(writer.needed(gates[:1] ^ 1)) == []
    assert len(split(writer.needed(gates))) == 3 * 3
    some = circuit.any_of(gates[:2], np.zeros(2, dtype=np.int64), 1)
    assert len(split(writer.needed(some))) == 3
    assert split(writer.needed(gates)) == []


@pytest.mark.parametrize("size", [3, PAIRWISE, PAIRWISE + 1, 2 * PAIRWISE, 3 * PAIRWISE + 5])
def test_exactly_one_member_is_true_however_many_there_are(size):
    circuit = Circuit()
    members = signed(circuit.group((), size))
    with Engine() as engine:
        engine.add(exactly_one(members, circuit).astype(np.int32))
        for place in range(size):  # each may be the one; then no other is
            answer = engine.solve([int(members[place])])
            assert answer.true is not None
            assert answer.true[members].nonzero()[0].tolist() == [place]
        assert engine.solve([-int(one) for one in members]).status == "unsatisfiable"
        pairs = itertools.combinations(members.tolist(), 2)
        for pair in itertools.islice(pairs, 0, None, 1 + size // 10):
            assert engine.solve(pair).status == "unsatisfiable"


def test_signed_literals_of_a_large_group_are_read_back():
    circuit = Circuit()
    die, coin = circuit.group((), 2 * PAIRWISE), circuit.group((), 2)
    with Engine() as engine:
        engine.add(ClauseWriter(circuit).needed(coin))
        engine.add(unit_clauses(signed(np.array([die[37], coin[0]]))))
        answer = engine.solve()
        assert answer.true is not None
        assert some_true(answer.true, np.stack([die, die[::-1]])).tolist() == [37, 2 * PAIRWISE - 38]
        assert some_true(answer.true, coin) == 0
