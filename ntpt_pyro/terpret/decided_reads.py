"""Where a text goes beyond what a solver can do: a learnable function reads what the program decides.

A solver has integers of programs as unknowns of logic. What functions make of instances it is told
beforehand; what they would make of something that a program decides it cannot know, as networks are no logic.
"""

import ast

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.symbols import Call, Cell, cells_of
from ntpt_pyro.terpret.unrolling import Unrolled, read_at

REMEDY = (
    "let functions read each alternative into a Var of its own, and branch between these integers; or take "
    "another strategy"
)


def decided_read(unrolled: Unrolled) -> TerpretError | None:
    """The first place where a learnable function reads what a program decides.

    :param unrolled: the text.
    :returns: what to raise about it where a solver is asked; None where there is no such place.
    """
    if not unrolled.learned:
        return None
    decided = _decided(unrolled)
    for cell, ways in unrolled.assignments.items():
        for call in {way.expression for way in ways}:
            if isinstance(call, Call) and isinstance(call.function, LearnedFunction):
                for read in cells_of(call):
                    if read in decided:
                        node, what = read_at(read, call, unrolled.set_at[cell]), f"{call.function.name} of "
                        return _refused(unrolled, node, f"{what}{read.text}", decided[read])
    for cell, ways in unrolled.assignments.items():
        if not cell.size and cell in decided and len({way.expression for way in ways}) > 1:
            return _refused(unrolled, unrolled.set_at[cell], f"the tensor {cell.text}", decided[cell])
    return None


def _decided(unrolled: Unrolled) -> dict[Cell, str]:
    """Variables that a program decides, each with what does: a parameter, or what a function reads."""
    found: dict[Cell, str] = {}
    for declared in unrolled.declared.values():
        for cell in elements(declared) if declared.kind == "Param" else ():
            if cell not in unrolled.constants:
                found[cell] = declared.name
    waiting = dict(unrolled.assignments)
    grown = True
    while grown:
        grown = False
        for cell, ways in list(waiting.items()):
            by = None
            for way in ways:
                read = [*(one for one, _ in way.conditions), *cells_of(way.expression)]
                by = by or next((found[one] for one in read if one in found), None)
                call = way.expression
                if by is None and cell.size and isinstance(call, Call):
                    by = call.function.name if isinstance(call.function, LearnedFunction) else None
            if by is not None:
                found[cell], grown = by, True
                del waiting[cell]
    return found


def _refused(unrolled: Unrolled, node: ast.AST, what: str, by: str) -> TerpretError:
    return unrolled.source.error(
        node,
        expected="functions that read what instances give, for a solver",
        got=f"{what}, which the program decides by {by}",
        remedy=REMEDY,
    )
