"""Programs merged and unmerged: every way through random lattices, against walking them."""

from itertools import pairwise, product

import numpy as np
import pytest

from ntpt_pyro.inference.exact.end_scores import Kept
from ntpt_pyro.inference.exact.lattice import Lattice, Level
from ntpt_pyro.inference.exact.most_probable import most_probable


def random_lattice(seed, levels=3):
    draw = np.random.default_rng(seed)
    starts = int(draw.integers(1, 4))
    lattice = Lattice(np.ones(starts), ("own", "c2", "c1", "c0"))
    before = starts
    for number in range(levels):
        ways, states = int(draw.integers(3, 12)), int(draw.integers(1, 5))
        settings = {f"c{number}": draw.integers(-1, 3, ways).astype(np.int32)}
        state = np.concatenate([np.arange(states), draw.integers(states, size=ways)])[:ways]
        states = int(state.max()) + 1
        lattice.levels.append(Level(draw.integers(before, size=ways), settings, state, states))
        before = states
    return lattice, before


def walked(lattice):
    """Every way: where it began, what it was set to, where it ends."""
    for way in product(*(range(len(level.state)) for level in lattice.levels)):
        at = list(zip(lattice.levels, way, strict=True))
        if all(b.origin[n] == a.state[m] for (a, m), (b, n) in pairwise(at)):
            settings = [int(level.settings[f"c{k}"][n]) for k, (level, n) in enumerate(at)]
            yield int(at[0][0].origin[at[0][1]]), *settings, int(at[-1][0].state[at[-1][1]])


@pytest.mark.parametrize("seed", range(20))
def test_all_ways_come_back(seed):
    lattice, states = random_lattice(seed)
    every = sorted(walked(lattice))
    ends = np.array([*range(states), 0])  # the first one twice, with another choice of its own
    own = np.array([5] * states + [6], dtype=np.int32)
    origin, found, which = lattice.unmerged(ends, {"own": own})
    assert np.array_equal(own[which], found["own"])
    mine = sorted(
        zip(origin.tolist(), *(found[f"c{k}"].tolist() for k in range(3)), found["own"].tolist(), strict=True)
    )
    assert mine == sorted(
        [(*way[:-1], 5) for way in every] + [(*way[:-1], 6) for way in every if way[-1] == 0]
    )
    assert list(found) == ["own", "c2", "c1", "c0"]
    counts = lattice.ways()
    assert counts.tolist() == [sum(way[-1] == state for way in every) for state in range(states)]


def test_without_levels_programs_are_what_they_began_as():
    lattice = Lattice(np.array([1.0, 4.0, 2.0]), ("a",))
    origin, found, which = lattice.unmerged(np.array([2, 0]), {"a": np.array([7, 8])})
    assert (origin.tolist(), found["a"].tolist(), which.tolist()) == ([2, 0], [7, 8], [0, 1])
    assert lattice.ways().tolist() == [1, 4, 2]
    assert lattice.one_of_each({"a": np.array([5, 6, 7])})["a"].tolist() == [5, 6, 7]


@pytest.mark.parametrize("seed", range(20))
def test_one_program_of_each_state_leads_there(seed):
    lattice, states = random_lattice(seed)
    every = set(walked(lattice))
    one = lattice.one_of_each({"own": np.zeros(states, dtype=np.int32)})
    assert list(one) == ["own", "c2", "c1", "c0"]
    for state in range(states):
        settings = tuple(int(one[f"c{k}"][state]) for k in range(3))
        assert any(way[1:] == (*settings, state) for way in every)


def kept_of(masses):
    return [
        Kept(np.arange(len(one)), -np.arange(len(one), dtype=float), np.array(one), 0.0) for one in masses
    ]


@pytest.mark.parametrize("most", [1, 2, 3, 5, 7])
def test_the_most_probable_programs_are_chosen_over_all_ways_to_end(most):
    masses = [[0.3, 0.1, 0.25], [0.2, 0.05, 0.15]]
    parts, left_out, least = most_probable(kept_of(masses), np.ones(3), most)
    chosen = sorted((m for part in parts for m in part.mass.tolist()), reverse=True)
    assert chosen == sorted([*masses[0], *masses[1]], reverse=True)[:most]
    assert sum(chosen) + left_out == pytest.approx(1.05)
    assert least <= min(chosen)
    for part, all_of_them in zip(parts, masses, strict=True):
        assert part.mass.tolist() == [all_of_them[state] for state in part.states]
        assert part.log_likelihoods.tolist() == [-float(state) for state in part.states]


def test_of_programs_as_probable_as_others_some_are_chosen():
    parts, left_out, _ = most_probable(kept_of([[0.1] * 4, [0.1] * 4]), np.ones(4), 3)
    assert sum(len(part.states) for part in parts) == 3
    assert left_out == pytest.approx(0.5)


def test_a_state_of_many_programs_counts_as_many_each_with_its_share():
    ways = np.array([10.0, 1.0, 1.0])
    parts, _, _ = most_probable(kept_of([[0.5, 0.3, 0.2]]), ways, 5)
    assert parts[0].states.tolist() == [1, 2]
    parts, _, _ = most_probable(kept_of([[0.5, 0.01, 0.001]]), ways, 5)
    assert parts[0].states.tolist() == [0]  # one is kept, however many it stands for
