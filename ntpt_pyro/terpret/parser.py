"""Program text in TerpreT: parsed, and refused where it is more than the language has.

The text is data, perhaps a stranger's: it is parsed by Python's ``ast`` and walked, never run by Python.
"""

import ast
from dataclasses import dataclass

from ntpt_pyro.errors import TerpretError

ACCEPTED = (
    # statements
    *(ast.Module, ast.ImportFrom, ast.alias, ast.Assign, ast.Expr, ast.FunctionDef, ast.arguments, ast.arg),
    *(ast.Return, ast.For, ast.If, ast.With, ast.withitem, ast.Pass),
    # expressions
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call, ast.keyword, ast.Attribute, ast.Subscript),
    *(ast.Tuple, ast.List, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.BitXor),
    *(ast.USub, ast.Not, ast.And, ast.Or, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
)
"""What a text may be made of."""
DEEPEST = 200
"""Nested expressions and blocks at most, so that walking them cannot exhaust Python's stack."""


@dataclass(frozen=True)
class Source:
    """A parsed text.

    :param name: of the file, for messages.
    :param tree: what was parsed.
    """

    name: str
    tree: ast.Module

    def error(self, node: ast.AST, *, expected: str, got: str, remedy: str) -> TerpretError:
        """What to raise about a place in the text.

        :param node: the place.
        :param expected: what would have been right there.
        :param got: what was found instead.
        :param remedy: what the reader can do about it.
        :returns: the error, which names file, line and column (from 1).
        """
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        return TerpretError(f"{self.name}:{line}:{column}", expected=expected, got=got, remedy=remedy)


def parse(text: str, name: str) -> Source:
    r"""Parse a text, and check that it is made of what the language has.

    :param text: the program.
    :param name: of its file, for messages.
    :returns: the parsed text.
    :raises TerpretError: where it is no Python syntax, or uses something else.

    >>> parse("x = Var(2)[3]\nx[0] **= 2", "model.py")
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.TerpretError: model.py:2:1: expected TerpreT, got AugAssign; see docs/terpret.md for ...
    """
    try:
        tree = ast.parse(text, name)
    except SyntaxError as error:
        where = f"{name}:{error.lineno or 1}:{error.offset or 1}"
        raise TerpretError(
            where, expected="Python's syntax", got=error.msg, remedy="correct the text"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise TerpretError(
            f"{name}:1:1", expected="a program text", got=str(error), remedy="give another file"
        ) from error
    source = Source(name, tree)
    waiting: list[tuple[ast.AST, ast.AST, int]] = [(tree, tree, 0)]
    while waiting:
        node, place, depth = waiting.pop()
        place = node if hasattr(node, "lineno") else place
        if not isinstance(node, ACCEPTED) or depth > DEEPEST:
            got = type(node).__name__ if depth <= DEEPEST else f"more than {DEEPEST} levels of nesting"
            raise source.error(
                place, expected="TerpreT", got=got, remedy="see docs/terpret.md for what the language has"
            )
        waiting += [(child, place, depth + 1) for child in ast.iter_child_nodes(node)]
    return source
