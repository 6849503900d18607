"""How many programs explain the data of texts: against simulators of the machines, written here."""

from collections import Counter
from itertools import product

import pytest
import torch

from ntpt_pyro import find_task
from ntpt_pyro.inference import exact_posterior


def counted(name):
    """Programs that explain all data, by the exact posterior; and the data."""
    task = find_task(f"models/terpret/{name}")
    given = task.draw(64, torch.Generator().manual_seed(0)).tensors
    model = task.train.model
    found = exact_posterior(model, given, certain_labels=True)
    return found.posterior, given, model.hypers


def turing_count(hypers, examples):
    """Tables of a Turing machine that turn every tape into the wanted one: entries are chosen when read.

    :param examples: tapes, wanted tapes, and whether to have halted.
    """
    states, symbols, length = hypers["states"], hypers["symbols"], hypers["tape_length"]
    entries = list(product(range(symbols), range(3), range(states)))
    table = {}

    def run(number):
        """Settings of the entries that are not set yet with which the examples from here on come right."""
        if number == len(examples):
            unset = (states - 1) * symbols - len(table)
            return len(entries) ** unset
        tape, _, _ = examples[number]
        return step(number, list(tape), 0, 0, 0)

    def step(number, tape, head, state, time):
        _, wanted, halted = examples[number]
        if time == hypers["steps"] - 1 or state == states - 1:
            right = tape == list(wanted) and (state == states - 1) == bool(halted)
            return run(number + 1) if right else 0
        key = (state, tape[head])
        total = 0
        for write, move, following in [table[key]] if key in table else entries:
            new = key not in table
            table[key] = (write, move, following)
            after = [*tape[:head], write, *tape[head + 1 :]]
            total += step(number, after, (head + (0, 1, -1)[move]) % length, following, time + 1)
            if new:
                del table[key]
        return total

    return run(0)


@pytest.mark.parametrize(("name", "programs"), [("invert", 3), ("prepend", 9)])
def test_turing_machines(name, programs):
    posterior, (tapes, wanted, halted), hypers = counted(f"turing.terpret:{name}")
    examples = sorted(
        {*zip(map(tuple, tapes.tolist()), map(tuple, wanted.tolist()), halted.tolist(), strict=True)}
    )
    assert posterior.settings == programs
    assert turing_count(hypers, examples) == programs


def circuit_count(hypers, given, wanted):
    """Circuits of which every wanted output comes right: by what the wires hold, a bit an example."""
    every = 2 ** len(given) - 1
    held = [sum(bit << place for place, bit in enumerate(column)) for column in given.T.tolist()]
    right = [sum(bit << place for place, bit in enumerate(column)) for column in wanted.T.tolist()]
    ways = Counter({(*held, *[0] * (hypers["wires"] - len(held))): 1})
    for _ in range(hypers["gates"]):
        after = Counter()
        for state, count in ways.items():
            results = Counter(
                result
                for a, b in product(state, repeat=2)
                for result in (a & b, a | b, a ^ b, every & ~a, a)  # each of the five kinds of gate
            )
            for result, times in results.items():
                for out in range(len(state)):
                    after[*state[:out], result, *state[out + 1 :]] += count * times
        ways = after
    return sum(count for state, count in ways.items() if [*state[: len(right)]] == right)


@pytest.mark.parametrize(("name", "programs"), [("swap", 668), ("controlled_swap", 96)])
def test_circuits(name, programs):
    posterior, (given, wanted), hypers = counted(f"circuit.terpret:{name}")
    assert posterior.settings == programs
    pairs = torch.cat([given, wanted], -1).unique(dim=0)
    assert circuit_count(hypers, *pairs.split([given.shape[-1], wanted.shape[-1]], -1)) == programs
