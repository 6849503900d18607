"""Posteriors of both kinds, from the same weights."""

import itertools

import torch
from hypothesis import strategies as st

from ntpt_pyro import MeanFieldPosterior, ProgramPosterior

weights = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4), min_size=1, max_size=4)


def posterior_of(rows):
    marginals = {f"c{n}": torch.tensor(row).double() / sum(row) for n, row in enumerate(rows)}
    return MeanFieldPosterior(marginals)


def table_of(rows):
    """The same posterior, program by program."""
    independent = posterior_of(rows)
    every = list(itertools.product(*(range(len(row)) for row in rows)))
    columns = {f"c{n}": torch.tensor([program[n] for program in every]) for n in range(len(rows))}
    logs = [sum(float(independent.marginals[f"c{n}"][i].log()) for n, i in enumerate(p)) for p in every]
    sizes = {f"c{n}": len(row) for n, row in enumerate(rows)}
    return ProgramPosterior(columns, torch.tensor(logs, dtype=torch.float64), sizes)
