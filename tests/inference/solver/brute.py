"""Brute force over all programs: what solvers must agree with."""

import itertools
import math
from pathlib import Path

import numpy as np
import torch

from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.posterior.accuracy import predicted
from ntpt_pyro.inference.posterior.decided_programs import decided
from ntpt_pyro.inference.solver.program_solver import ProgramSolver
from ntpt_pyro.terpret import TerpretModel, load

TEXTS = Path(__file__).parents[3] / "models" / "terpret"


def text(name: str, **hypers: int) -> TerpretModel:
    """One of our texts."""
    return load((TEXTS / f"{name}.terpret").read_text(encoding="utf-8"), name, hypers)


def programs_of(model, data) -> list[dict[str, int]]:
    """All programs of a model, the last choice fastest."""
    sizes = {site: one.size for site, one in model_sites(model, *data).choices.items()}
    ranges = [range(size) for size in sizes.values()]
    assert math.prod(sizes.values()) <= 50_000
    return [dict(zip(sizes, integers, strict=True)) for integers in itertools.product(*ranges)]


def columns_of(programs) -> dict[str, torch.Tensor]:
    """Programs as one column a choice."""
    return {site: torch.tensor([one[site] for one in programs]) for site in programs[0]}


def results_of(model, programs, data, *, at_once: int = 2000) -> dict[str, torch.Tensor]:
    """What decided programs give on floats: by observed site ``[programs, examples]``."""
    parts = []
    with torch.no_grad():
        for first in range(0, len(programs), at_once):
            some = programs[first : first + at_once]
            found = predicted(decided(model, columns_of(some), data), data)
            parts.append({site: one.expand(len(some), -1) for site, one in found.items()})
    return {site: torch.cat([part[site] for part in parts]) for site in parts[0]}


def right_of(results, labels) -> torch.Tensor:
    """Which examples programs explain: ``[programs, examples]``; labels by observed site, -1 is none."""
    right = [(found == labels[site]) | (labels[site] < 0) for site, found in results.items()]
    return torch.stack(right).all(0)


def set_programs(circuit, choices, programs) -> np.ndarray:
    """An assignment a program, as `Circuit.values` takes it."""
    true = np.zeros((circuit.variables, len(programs)), dtype=bool)
    for site, literals in choices.items():
        for column, program in enumerate(programs):
            literal = literals[program[site]]
            if literal > 1:
                true[literal // 2, column] = literal % 2 == 0
    return true


def satisfying(solver: ProgramSolver, examples) -> set[tuple[int, ...]]:
    """All programs by which the solver explains some examples, one after the other."""
    solver.add(examples)
    solver.require(np.array([solver.explained[one] for one in examples]))
    solver.write(np.concatenate([*solver.choices.values()]))
    found = set()
    while True:
        answer = solver.engine.solve()
        if answer.true is None:
            assert answer.status == "unsatisfiable"
            return found
        program = solver.program(answer.true)
        assert tuple(program.values()) not in found
        found.add(tuple(program.values()))
        chosen = [int(own[program[site]]) for site, own in solver.choices.items()]
        signed = [-(one // 2) if one % 2 == 0 else one // 2 for one in chosen if one > 1]
        solver.engine.add(np.array([*signed, 0], dtype=np.int32))
