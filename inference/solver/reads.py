"""What a program reads: under which conditions the value of a choice goes into a result.

A circuit is a sum of products; a choice is read where the other factors of a product that it stands in are
true. ``write[state, symbol]`` of a Turing machine is read where the machine is in that state and sees that
symbol: a machine that reads fewer of its parameters is a simpler one.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ntpt_pyro.inference.posterior.program_space import Uses
from ntpt_pyro.inference.solver.circuit import TRUE, AnyOf, Circuit, Literals


def reads(
    circuit: Circuit,
    choices: Mapping[str, Literals],
    roots: Literals,
    uses: Uses | None = None,
) -> dict[str, int]:
    """For each choice the literal by which any of some results depends on it.

    :param circuit: takes the gates.
    :param choices: by site its literals ``[size]``.
    :param roots: the results.
    :param uses: for a choice, by its integer, the choices that matter then; others are not counted.
    :returns: by site a literal; false where it is never read.
    """
    owner = np.full(circuit.variables, -1)
    for number, literals in enumerate(choices.values()):
        owner[literals[literals > TRUE] // 2] = number
    table = _leaves(circuit, _sums_below(circuit, roots))
    terms, sites = table.terms, owner[table.leaves // 2]
    with_choice = np.unique(np.stack([terms[sites >= 0], sites[sites >= 0]]), axis=1)
    count = with_choice.shape[1]
    conditions = _conditions(circuit, table, sites, with_choice)
    found = circuit.any_of(conditions, with_choice[1], len(choices)) if count else np.zeros(len(choices), int)
    by_site = dict(zip(choices, found.tolist(), strict=True))
    for head, values in (uses or {}).items():
        for site in {site for sites_ in values.values() for site in sites_} & set(by_site):
            used = [choices[head][integer] for integer, sites_ in values.items() if site in sites_]
            matters = circuit.any_of(np.array(used), np.zeros(len(used), dtype=np.int64), 1)
            by_site[site] = int(circuit.both(np.array([by_site[site]]), matters)[0])
    return by_site


class _Leaves(NamedTuple):
    """Products flattened: a row a factor, with the number of its product."""

    terms: Literals
    leaves: Literals
    products: int


def _sums_below(circuit: Circuit, roots: Literals) -> Literals:
    """Every literal that is added to a sum on the way to the roots, and the roots."""
    wanted = np.zeros(circuit.variables, dtype=bool)
    roots = np.unique(np.asarray(roots).reshape(-1))
    wanted[roots // 2] = True
    added = [roots]
    for block in reversed(circuit.blocks):
        here = np.flatnonzero(wanted[block.gates])
        if isinstance(block, AnyOf):
            _, below = block.of(here)
            added.append(below)
        else:
            below = np.concatenate([block.left[here], block.right[here]])
            negated = (below % 2 == 1) & (circuit.operands[0, below // 2] > 0)
            added.append(below[negated])  # a negated product counts by itself
        wanted[below // 2] = True
    found = np.unique(np.concatenate(added))
    return np.unique(found[found > TRUE] & ~1)


def _leaves(circuit: Circuit, products: Literals) -> _Leaves:
    """The factors of products, none of them a product itself."""
    terms, leaves = np.arange(len(products)), products
    done_terms, done_leaves = [terms[:0]], [leaves[:0]]
    operands = circuit.operands
    while len(leaves):
        left, right = operands[:, leaves // 2]
        product = (left > 0) & (leaves % 2 == 0)
        done_terms.append(terms[~product])
        done_leaves.append(leaves[~product])
        terms = np.concatenate([terms[product], terms[product]])
        leaves = np.concatenate([left[product], right[product]])
    pairs = np.unique(np.stack([np.concatenate(done_terms), np.concatenate(done_leaves)]), axis=1)
    return _Leaves(pairs[0], pairs[1], len(products))


def _conditions(circuit: Circuit, table: _Leaves, sites: Literals, wanted: Literals) -> Literals:
    """For each product and a choice in it what all its other factors come to together."""
    starts = np.searchsorted(table.terms, np.arange(table.products + 1))
    found = np.full(wanted.shape[1], TRUE)
    lengths = starts[wanted[0] + 1] - starts[wanted[0]]
    for place in range(int(lengths.max(initial=0))):
        rows = np.flatnonzero(lengths > place)
        factors = starts[wanted[0, rows]] + place
        other = sites[factors] != wanted[1, rows]
        found[rows[other]] = circuit.both(found[rows[other]], table.leaves[factors[other]])
    return found
