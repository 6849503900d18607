"""Where a program text looks: variables whose values are indices of an array, as the text writes them."""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import add, floordiv, mod, mul, sub

OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
}


@dataclass(frozen=True)
class Look:
    """A look at an array: ``with head[t] as place: ... tape[t, place] ...``.

    :param array: its name.
    :param index: of the element, an expression for each axis.
    :param names: for each name bound by ``with`` in these expressions the variable whose value it is.
    """

    array: str
    index: tuple[ast.expr, ...]
    names: Mapping[str, str]


def looks(tree: ast.AST, bound: Mapping[str, str] | None = None) -> Iterator[Look]:
    """The looks at arrays by indices that variables hold.

    :param tree: of a text, or a part of it.
    :param bound: names bound around it, with the variables whose values they are.
    :yields: them, in order of the text.

    >>> [look] = looks(ast.parse("with head[t] as place: seen.set_to(tape[t, place])"))
    >>> look.array, [ast.unparse(one) for one in look.index], look.names
    ('tape', ['t', 'place'], {'place': 'head'})
    """
    bound = dict(bound or {})
    if isinstance(tree, ast.With):
        for item in tree.items:
            yield from looks(item.context_expr, bound)
            if isinstance(item.optional_vars, ast.Name):
                bound[item.optional_vars.id] = _base(item.context_expr)
        for statement in tree.body:
            yield from looks(statement, bound)
        return
    if isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name):
        index = tuple(tree.slice.elts) if isinstance(tree.slice, ast.Tuple) else (tree.slice,)
        read = [one.id for one in ast.walk(tree.slice) if isinstance(one, ast.Name)]
        names = {name: bound[name] for name in read if name in bound}
        if names:
            yield Look(tree.value.id, index, names)
    for child in ast.iter_child_nodes(tree):
        yield from looks(child, bound)


def _base(expression: ast.expr) -> str:
    """The name of the variable in ``x`` or ``x[...]``; empty where it is something else."""
    inner = expression.value if isinstance(expression, ast.Subscript) else expression
    return inner.id if isinstance(inner, ast.Name) else ""


def evaluated(expression: ast.expr, names: Mapping[str, int]) -> int | None:
    """An index of constants and known names.

    :param expression: of the text.
    :param names: what names stand for.
    :returns: the integer; None where it takes more than that.

    >>> evaluated(ast.parse("p // W", mode="eval").body, {"p": 7, "W": 3})
    2
    """
    if isinstance(expression, ast.Constant):
        return expression.value if type(expression.value) is int else None
    if isinstance(expression, ast.Name):
        return names.get(expression.id)
    if isinstance(expression, ast.BinOp) and type(expression.op) in OPERATIONS:
        left, right = evaluated(expression.left, names), evaluated(expression.right, names)
        if (
            left is None
            or right is None
            or (right == 0 and isinstance(expression.op, ast.FloorDiv | ast.Mod))
        ):
            return None
        return OPERATIONS[type(expression.op)](left, right)
    return None
