"""Gates against plain Boolean evaluation, over all assignments of their groups."""

import itertools

import numpy as np
import pytest

from ntpt_pyro.errors import BudgetError
from ntpt_pyro.inference.solver.circuit import FALSE, TRUE, Circuit, value_of

SIZES = (1, 2, 2, 3, 4)
OPERATIONS = 60
SEEDS = range(25)


class Table:
    """A circuit of groups of several sizes and a free variable, and all assignments of them."""

    def __init__(self):
        self.circuit = Circuit()
        self.groups = [self.circuit.group((), size) for size in SIZES]
        self.free = self.circuit.variable()
        chosen = [*itertools.product(*map(range, SIZES), range(2))]
        self.true = np.zeros((self.circuit.variables, len(chosen)), dtype=bool)
        self.assigned = chosen
        for column, integers in enumerate(chosen):
            self.true[self.free, column] = integers[-1]
            for group, integer in zip(self.groups, integers[:-1], strict=True):
                if group[integer] > TRUE:
                    self.true[group[integer] // 2, column] = group[integer] % 2 == 0

    def inputs(self):
        """All literals of inputs and the constants, and their values in each assignment."""
        literals = np.concatenate([[FALSE, TRUE, 2 * self.free, 2 * self.free + 1], *self.groups])
        return literals, value_of(self.true, literals)

    def values(self, literals):
        """The circuit's word for literals, ``[n, assignments]``."""
        full = np.zeros((self.circuit.variables, self.true.shape[1]), dtype=bool)
        full[: len(self.true)] = self.true
        return value_of(self.circuit.values(full), np.asarray(literals))


def grown(seed):
    """A random circuit: its table, what was made, and by plain evaluation its values."""
    random = np.random.default_rng(seed)
    table = Table()
    literals, values = table.inputs()
    for _ in range(OPERATIONS):
        kind = random.integers(3)
        if kind == 0:
            left, right = random.integers(len(literals), size=(2, 4))
            flipped = random.integers(2, size=(2, 4))
            made = table.circuit.both(literals[left] ^ flipped[0], literals[right] ^ flipped[1])
            true = (values[left] ^ (flipped[0, :, None] == 1)) & (values[right] ^ (flipped[1, :, None] == 1))
        elif kind == 1:
            count, many = 4, int(random.integers(1, 14))
            some, flipped = random.integers(len(literals), size=many), random.integers(2, size=many)
            places = random.integers(count, size=many)
            made = table.circuit.any_of(literals[some] ^ flipped, places, count)
            true = np.array([
                (values[some] ^ (flipped[:, None] == 1))[places == place].any(0) for place in range(count)
            ])  # fmt: skip
        else:  # noted: what is never true at once, by plain evaluation
            one, other, third = random.integers(len(literals), size=3)
            together = values[[one, other, third]].sum(0).max() <= 1
            if together:
                table.circuit.exclude(literals[[one, other, third]])
            continue
        literals, values = np.concatenate([literals, made]), np.concatenate([values, true])
    return table, literals, values


@pytest.mark.parametrize("seed", SEEDS)
def test_gates_come_to_what_plain_evaluation_says(seed):
    table, literals, values = grown(seed)
    assert table.circuit.gates > 0
    np.testing.assert_array_equal(table.values(literals), values)


def test_only_members_of_groups_decide_what_gates_come_to():
    table, literals, values = grown(0)
    full = np.ones((table.circuit.variables, table.true.shape[1]), dtype=bool)
    full[: len(table.true)] = table.true
    np.testing.assert_array_equal(value_of(table.circuit.values(full), literals), values)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_in_any_order_of_memory_give_the_same_gates(order):
    circuit = Circuit()
    left, right = circuit.group((4,), 3), circuit.group((4,), 3)
    expected = circuit.both(left.T.copy(), right.T.copy())
    found = circuit.both(np.asarray(left.T, order=order), np.asarray(right.T, order=order))
    np.testing.assert_array_equal(found, expected)


def test_operands_broadcast():
    circuit = Circuit()
    left, right = circuit.group((), 3), circuit.group((), 4)
    made = circuit.both(left[:, None], right)
    assert made.shape == (3, 4)
    assert made[1, 2] == circuit.both(left[1], right[2])
    assert circuit.gates == 12


def test_equal_gates_are_made_once():
    circuit = Circuit()
    a, b, c = circuit.group((3,), 4)
    first, second = circuit.both(a, b), circuit.both(b, a)
    np.testing.assert_array_equal(first, second)
    places = np.zeros(3, dtype=np.int64)
    (one,) = circuit.any_of(np.array([a[0], b[1], c[2]]), places, 1)
    (same,) = circuit.any_of(np.array([c[2], a[0], b[1]]), places, 1)
    repeated = np.array([c[2], a[0], b[1], FALSE, a[0]])
    (again,) = circuit.any_of(repeated, np.zeros(5, dtype=np.int64), 1)
    (two,) = circuit.any_of(np.array([a[0], b[1]]), places[:2], 1)
    assert one == same == again != two
    twice = circuit.any_of(np.array([a[0], b[2], b[2], a[0]]), np.array([0, 0, 1, 1]), 2)
    assert twice[0] == twice[1]
    assert circuit.gates == 4 + 3


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_covered_group_is_true_and_under_a_condition_that_condition(size):
    circuit = Circuit()
    group, other = circuit.group((), size), circuit.group((), 5)
    places = np.zeros(size, dtype=np.int64)
    assert circuit.any_of(group, places, 1) == [TRUE]
    condition = circuit.both(other[1], 2 * np.array(circuit.variable()))
    for one in (other[2], condition):
        assert circuit.any_of(circuit.both(group, one), places, 1) == [one]
    if size > 2:
        assert circuit.any_of(group[1:], places[1:], 1)[0] > TRUE


def test_what_is_excluded_is_never_true_at_once_and_does_not_cover():
    circuit = Circuit()
    x, y, z = (2 * circuit.variable() for _ in range(3))
    members = np.array([x, y, z])
    circuit.exclude(members)
    assert circuit.both(np.array(x), np.array(y)) == FALSE
    assert circuit.both(circuit.both(np.array(x), np.array(2 * circuit.variable())), np.array(z)) == FALSE
    assert circuit.any_of(members, np.zeros(3, dtype=np.int64), 1)[0] > TRUE


def test_results_without_literals_are_false():
    circuit = Circuit()
    die = circuit.group((), 3)
    nothing = np.zeros(0, dtype=np.int64)
    np.testing.assert_array_equal(circuit.any_of(nothing, nothing, 2), [FALSE, FALSE])
    np.testing.assert_array_equal(circuit.any_of(die[:1], np.array([1]), 3), [FALSE, die[0], FALSE])


def test_a_circuit_that_would_become_too_large_is_refused_before_it_grows():
    circuit = Circuit(most_gates=20)
    circuit.place = "site 'here'"
    a, b = circuit.group((2,), 5)
    assert len(np.unique(circuit.both(a[:4, None], b[:4]))) == 16
    before = circuit.variables, circuit.gates
    with pytest.raises(BudgetError, match=r"solver, site 'here': expected a circuit of at most 20 gates"):
        circuit.both(a[:, None], b)
    with pytest.raises(BudgetError, match=r"got 16, and up to 21 more by one operation; give fewer examples"):
        circuit.group((7,), 3)
    assert (circuit.variables, circuit.gates) == before
    assert sum(len(block.left) for block in circuit.blocks) == 16


def pairs(circuit, count):
    """Different sums of two literals, as `any_of` takes them."""
    a, b = circuit.group((2,), count)
    return np.stack([a, b], -1).reshape(-1), np.repeat(np.arange(count), 2), count


def test_sums_are_refused_before_any_is_made():
    circuit = Circuit()
    asked = pairs(circuit, 6)
    circuit.most_gates = 5
    for _ in range(2):
        with pytest.raises(BudgetError, match="got 0, and up to 6 more"):
            circuit.any_of(*asked)
        assert circuit.gates == 0


def test_as_many_sums_are_made_as_are_allowed():
    circuit = Circuit()
    asked = pairs(circuit, 6)
    circuit.most_gates = 6
    circuit.any_of(*asked)
    assert circuit.gates == 6
