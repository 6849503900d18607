"""What makes a place in a program text as large as it is: hypers behind it, loops and cases around it.

Nothing is kept while a text is walked: the text itself tells, and is asked only where a message says so. A
name may be bound in several places; all of them count.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from ntpt_pyro.terpret.integer_functions import shown
from ntpt_pyro.terpret.parser import Source

MOST_NAMED = 3
"""Hypers that a message names."""
LONGEST_HEAD = 40
"""Characters of a loop that a message shows."""
Repeats = ast.For | ast.With


class Origins:
    """Looks up in a text what a place in it depends on.

    :param source: the text.
    :param hypers: integers by name.
    """

    def __init__(self, source: Source, hypers: Mapping[str, int]) -> None:
        self._source = source
        self._hypers = hypers

    def told(self, *nodes: ast.AST) -> str:
        """The hypers that places depend on, each with its integer.

        :param nodes: the places.
        :returns: as ``n is 0, steps is 4``; nothing where there is none.
        """
        return ", ".join(f"{name} is {shown(self._hypers[name])}" for name in self._behind(nodes))

    def change(self, *nodes: ast.AST, how: str, otherwise: str) -> str:
        """What to do about hypers that places depend on.

        :param nodes: the places.
        :param how: what to make them, such as ``smaller``.
        :param otherwise: what to do where no hyper is behind it.
        :returns: a remedy.
        """
        names = [f"{name} (now {shown(self._hypers[name])})" for name in self._behind(nodes)]
        if not names:
            return otherwise
        which = f"the hyper {names[0]}" if len(names) == 1 else f"one of the hypers {', '.join(names)}"
        return f"make {which} {how}"

    def where(self, node: ast.AST) -> str:
        """A line of the text, and what repeats it.

        :param node: in that line.
        :returns: as ``line 7, inside for t in range(steps) (line 5)``.
        """
        heads = [f"{_head(one)} (line {one.lineno})" for one in self.around(node)]
        inside = f", inside {' and '.join(heads)}" if heads else ""
        return f"line {getattr(node, 'lineno', 1)}{inside}"

    def around(self, node: ast.AST) -> list[Repeats]:
        """Loops and cases of ``with`` around a place, and around calls of the function that it is in.

        :param node: the place.
        :returns: them, outer ones first.
        """
        return list(dict.fromkeys(self._around(node, set())))

    def bounds(self, node: ast.AST) -> list[ast.expr]:
        """What decides how often a place is repeated.

        :param node: the place.
        :returns: bounds of loops and variables of ``with``, inner ones first.
        """
        found: list[ast.expr] = []
        for one in reversed(self.around(node)):
            found += [one.iter] if isinstance(one, ast.For) else [item.context_expr for item in one.items]
        return found

    def _around(self, node: ast.AST, functions: set[str]) -> Iterator[Repeats]:
        """See :meth:`around`; calls of each function are looked at once."""
        parents, inner = [], node
        while inner in self._parents:
            inner = self._parents[inner]
            parents.append(inner)
        for parent in reversed(parents):
            if isinstance(parent, (ast.For, ast.With)):
                yield parent
            elif isinstance(parent, ast.FunctionDef) and parent.name not in functions:
                functions.add(parent.name)
                for call in self._calls.get(parent.name, ()):
                    yield from self._around(call, functions)

    def _behind(self, nodes: Iterable[ast.AST]) -> list[str]:
        """The hypers that places depend on, near ones first."""
        waiting = [name for node in nodes for name in _names(node)]
        seen = dict.fromkeys(waiting)
        for name in waiting:  # grows
            for other in self._made_of.get(name, ()):
                if other not in seen:
                    seen[other] = None
                    waiting.append(other)
        return [name for name in seen if name in self._hypers][:MOST_NAMED]

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        nodes = ast.walk(self._source.tree)
        return {child: node for node in nodes for child in ast.iter_child_nodes(node)}

    @cached_property
    def _calls(self) -> dict[str, list[ast.Call]]:
        """Calls by the name of the function."""
        found: dict[str, list[ast.Call]] = {}
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.setdefault(node.func.id, []).append(node)
        return found

    @cached_property
    def _made_of(self) -> dict[str, dict[str, None]]:
        """By name those that it is made of."""
        found: dict[str, dict[str, None]] = {}

        def note(name: str, *nodes: ast.AST) -> None:
            for node in nodes:
                found.setdefault(name, {}).update(dict.fromkeys(_names(node)))

        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    for name in _names(target)[:1]:
                        note(name, node.value)
            elif isinstance(node, ast.For):
                for name in _names(node.target)[:1]:
                    note(name, node.iter)
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                note(node.optional_vars.id, node.context_expr)
            elif isinstance(node, ast.FunctionDef):
                note(node.name, *node.decorator_list)
                for call in self._calls.get(node.name, ()):
                    for argument, given in zip(node.args.args, call.args, strict=False):
                        note(argument.arg, given)
        return found


def _names(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def _head(one: Repeats) -> str:
    """The first line of a loop or a ``with``, shortened."""
    if isinstance(one, ast.For):
        text = f"for {ast.unparse(one.target)} in {ast.unparse(one.iter)}"
    else:
        text = f"with {', '.join(map(ast.unparse, one.items))}"
    return text if len(text) <= LONGEST_HEAD else f"{text[:LONGEST_HEAD]}..."
