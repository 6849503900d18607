"""What a program text declares, and the expressions that variables are set to."""

import ast
from dataclasses import dataclass
from math import prod
from typing import Literal

from ntpt_pyro.language.learned_functions import LearnedFunction, Tensor
from ntpt_pyro.terpret.integer_functions import Integers

Kind = Literal["Param", "Var", "Input", "Output"]
KINDS: tuple[Kind, ...] = ("Param", "Var", "Input", "Output")


@dataclass(frozen=True)
class Declared:
    """A declared variable or array of variables.

    :param kind: what it is for.
    :param name: in the text.
    :param size: the range of each element: ``0..size-1``; of a tensor its shape.
    :param dims: lengths of the array's axes; none for a single variable.
    :param at: the place of a variable that was declared by itself among others of its name.
    """

    kind: Kind
    name: str
    size: int | tuple[int, ...]
    dims: tuple[int, ...]
    at: tuple[int, ...] = ()


@dataclass(frozen=True)
class Family:
    """Variables of one name that are declared one by one: ``x[i] = Param(n + i)``.

    :param name: in the text.
    :param members: by place.
    """

    name: str
    members: dict[tuple[int, ...], Declared]


@dataclass(frozen=True)
class Cell:
    """One variable: an element of what is declared.

    :param declared: the declaration.
    :param index: of the element, one integer for each axis.
    """

    declared: Declared
    index: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Its range; of a tensor 0."""
        return self.declared.size if isinstance(self.declared.size, int) else 0

    @property
    def width(self) -> int:
        """How many numbers its value has: its range, or those of a tensor."""
        return self.declared.size if isinstance(self.declared.size, int) else prod(self.declared.size)

    @property
    def site(self) -> str:
        """The name of its Pyro site."""
        return "_".join([self.declared.name, *map(str, self.index)])

    @property
    def text(self) -> str:
        """As the text writes it."""
        return (
            f"{self.declared.name}[{', '.join(map(str, self.index))}]" if self.index else self.declared.name
        )


@dataclass(frozen=True, eq=False)
class RuntimeDeclared:
    """A declared function of integers.

    :param name: in the text.
    :param ranges: of its arguments.
    :param out_range: of its results.
    :param table: its results, ``[*ranges]``.
    """

    name: str
    ranges: tuple[int, ...]
    out_range: int
    table: Integers


@dataclass(frozen=True)
class Inline:
    """A declared function whose body is expanded where it is called.

    :param function: in the text.
    """

    function: ast.FunctionDef


Function = RuntimeDeclared | LearnedFunction


@dataclass(frozen=True)
class Call:
    """A function applied to cells and constants.

    :param function: a declared function.
    :param arguments: of it.
    """

    function: Function
    arguments: tuple["Cell | int", ...]

    @property
    def size(self) -> int:
        """The range of its results; of tensors 0."""
        if isinstance(self.function, RuntimeDeclared):
            return self.function.out_range
        return self.function.out if isinstance(self.function.out, int) else 0

    @property
    def width(self) -> int:
        """How many numbers its value has."""
        return self.size or prod(tensor_shape(self) or ())


Expression = int | Cell | Call
"""What a variable may be set to."""


def tensor_shape(expression: Expression) -> tuple[int, ...] | None:
    """The shape of an expression that is a tensor.

    :param expression: the expression.
    :returns: the length of each axis; None where it is an integer.
    """
    if isinstance(expression, Cell):
        return None if isinstance(expression.declared.size, int) else expression.declared.size
    if isinstance(expression, Call) and isinstance(expression.function, LearnedFunction):
        return expression.function.out.shape if isinstance(expression.function.out, Tensor) else None
    return None


def cells_of(expression: Expression) -> tuple[Cell, ...]:
    """The variables that an expression reads.

    :param expression: the expression.
    :returns: them, one for each time that it does.
    """
    if isinstance(expression, Cell):
        return (expression,)
    if isinstance(expression, Call):
        return tuple(argument for argument in expression.arguments if isinstance(argument, Cell))
    return ()
