"""Program text in TerpreT: parsed, and refused where it is more than the language has.

The text is data, perhaps a stranger's: it is parsed by Python's ``ast`` and walked, never run by Python.
"""

import ast
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ntpt_pyro.bounds import in_digits
from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret.excerpt import excerpt
from ntpt_pyro.terpret.integer_functions import LARGEST_INTEGER, shown
from ntpt_pyro.terpret.refused_syntax import as_written, called, instead

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
MOST_CHARACTERS = 1_000_000
"""Characters of a text at most."""
MOST_NODES = 200_000
"""Names, constants, operations and statements of a text at most."""
LONGEST = 200
"""Characters of a message's part at most: a name may be as long as a text."""
REFUSED = {
    bytes: "bytes",
    float: "a fraction",
    complex: "a complex number",
    type(None): "None",
    type(...): "...",
}
"""Constants that are nowhere of use, in words; where a text is of use depends on the function around it."""


@dataclass(frozen=True)
class Source:
    """A parsed text.

    :param name: of the file, for messages.
    :param tree: what was parsed.
    :param lines: of the text.
    """

    name: str
    tree: ast.Module
    lines: Sequence[str] = field(default=(), repr=False, compare=False)

    def error(self, node: ast.AST, *, expected: str, got: str, remedy: str) -> TerpretError:
        """What to raise about a place in the text.

        :param node: the place.
        :param expected: what would have been right there.
        :param got: what was found instead.
        :param remedy: what the reader can do about it.
        :returns: the error, which names file, line and column (from 1, in characters), and shows the place.
        """
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        column = len(_line(self.lines, line).encode()[:offset].decode(errors="ignore")) + 1
        return _error(self.name, self.lines, (line, column), expected=expected, got=got, remedy=remedy)


def parse(text: str, name: str) -> Source:
    r"""Parse a text, and check that it is made of what the language has.

    :param text: the program.
    :param name: of its file, for messages.
    :returns: the parsed text.
    :raises TerpretError: where it is no Python syntax, or uses something else, or is too large.

    >>> parse("x = Var(2)[3]\nx[0] **= 2", "model.py")
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.TerpretError: model.py:2:1: expected what TerpreT has, got an assignment ...
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MOST_CHARACTERS:
        raise _error(
            name,
            (),
            (1, 1),
            expected=f"a text of at most {MOST_CHARACTERS:,} characters",
            got=f"{in_digits(len(text))}",
            remedy="write what repeats as a loop",
        )
    lines = text.split("\n")
    source = Source(name, _parsed(text, name, lines), lines)
    _check(source)
    return source


def bounds_of(loop: ast.For, source: Source) -> Sequence[ast.expr]:
    """The bounds of a loop over a range.

    :param loop: in the text.
    :param source: the text.
    :returns: one to three expressions.
    :raises TerpretError: where it is another loop than ``for i in range(...)``.
    """
    call = loop.iter
    if (
        not isinstance(loop.target, ast.Name)
        or not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Name)
        or call.func.id != "range"
        or not 1 <= len(call.args) <= 3
        or call.keywords
        or loop.orelse
    ):
        head = f"for {as_written(loop.target)} in {as_written(call)}" + " with an else" * bool(loop.orelse)
        remedy = "loop over integers, as `for i in range(n):`"
        raise source.error(loop, expected="for i in range(...)", got=head, remedy=remedy)
    return call.args


def range_of(loop: ast.For, source: Source, integer: Callable[[ast.expr], int]) -> range:
    """What the variable of a loop runs through.

    :param loop: in the text.
    :param source: the text.
    :param integer: evaluates a bound.
    :returns: the range.
    :raises TerpretError: where it is another loop, a bound is no constant, or the step is 0.
    """
    bounds = [integer(node) for node in bounds_of(loop, source)]
    if len(bounds) == 3 and not bounds[2]:
        raise source.error(loop.iter, expected="a step other than 0", got="0", remedy="give another step")
    return range(*bounds)


def _parsed(text: str, name: str, lines: Sequence[str]) -> ast.Module:
    """What Python's parser makes of a text."""
    if "\0" in text:
        before = text[: text.index("\0")].split("\n")
        place = len(before), len(before[-1]) + 1
        raise _error(name, lines, place, expected="a text", got="a null byte", remedy="give a text file")
    try:
        with warnings.catch_warnings():  # of the text, which the reader of a message does not see
            warnings.simplefilter("ignore")
            return ast.parse(text, name)
    except SyntaxError as error:
        place = error.lineno or 1, error.offset or 1
        expected, got, remedy = _syntax_in_words(error.msg, _line(lines, place[0])[place[1] - 1 :])
        raise _error(name, lines, place, expected=expected, got=got, remedy=remedy) from error
    except (RecursionError, MemoryError) as error:
        raise _error(
            name,
            (),
            (1, 1),
            expected=f"at most {DEEPEST} levels of nesting",
            got="more than Python's parser takes",
            remedy="split long expressions and long chains of elif, or write what repeats as a loop",
        ) from error
    except ValueError as error:
        raise _error(
            name, (), (1, 1), expected="a program text", got=str(error), remedy="give another file"
        ) from error


def _syntax_in_words(message: str, rest: str) -> tuple[str, str, str]:
    """What Python's parser says about a place, as what is expected there, what there is, and a remedy.

    :param message: of Python's parser.
    :param rest: of the line, from the place on.
    """
    here = repr(rest.strip()[:20]) if rest.strip() else "the end of the line"
    if "integer string conversion" in message:
        expected, got = f"integers up to {LARGEST_INTEGER}", "an integer of thousands of digits"
        return expected, got, "write a smaller one"
    if message.startswith("expected an indented block"):
        return message.removeprefix("expected "), "none", "indent what belongs to it; `pass` does nothing"
    if message.startswith("expected "):
        return message.removeprefix("expected "), here, "correct the text"
    if message == "invalid syntax":
        return "Python's syntax", f"{here}, which does not fit here", "correct the text"
    return "Python's syntax", f"an error in it ({message})", "correct the text"


def _check(source: Source) -> None:
    """Raise where a text is made of something that the language does not have, or of too much."""
    waiting: list[tuple[ast.AST, ast.AST, int]] = [(source.tree, source.tree, 0)]
    nodes = 0
    while waiting:
        node, parent, depth = waiting.pop()
        place, nodes = node if hasattr(node, "lineno") else parent, nodes + 1
        if not isinstance(node, ACCEPTED):
            raise source.error(place, expected="what TerpreT has", got=called(node), remedy=instead(node))
        if depth > DEEPEST:
            raise source.error(
                place,
                expected=f"at most {DEEPEST} levels of nesting",
                got="more",
                remedy="split long expressions and long chains of elif, or write what repeats as a loop",
            )
        if nodes > MOST_NODES:
            raise source.error(
                place,
                expected=f"at most {MOST_NODES:,} names, constants, operations and statements",
                got="more",
                remedy="write what repeats as a loop",
            )
        if isinstance(node, ast.Constant):
            _check_constant(source, node, parent)
        children = [(child, node, depth + 1) for child in ast.iter_child_nodes(node)]
        waiting += reversed(children)  # so that what comes first is met first


def _check_constant(source: Source, node: ast.Constant, parent: ast.AST) -> None:
    value = node.value
    if type(value) in REFUSED and not (value is ... and isinstance(parent, ast.Expr)):
        raise source.error(
            node, expected="an integer", got=REFUSED[type(value)], remedy="write an integer, or a name"
        )
    if isinstance(value, int) and value > LARGEST_INTEGER:
        raise source.error(
            node,
            expected=f"integers up to {LARGEST_INTEGER}",
            got=shown(value),
            remedy="write a smaller one",
        )


def _error(
    name: str, lines: Sequence[str], place: tuple[int, int], *, expected: str, got: str, remedy: str
) -> TerpretError:
    """What to raise about a line and a column, from 1."""
    line, column = place
    return TerpretError(
        f"{name}:{line}:{column}",
        expected=_short(expected),
        got=_short(got),
        remedy=_short(remedy),
        excerpt=excerpt(_line(lines, line), column),
    )


def _line(lines: Sequence[str], number: int) -> str:
    """A line by its number, from 1; nothing where there is none."""
    return lines[number - 1] if 1 <= number <= len(lines) else ""


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
