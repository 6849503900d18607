"""Random program texts in TerpreT, most of which mean something: what `text_fuzz` begins with.

A text is written from the variables that are to be set: each is set once on every way, from what is known
there, alone or with others in a branch, a loop or a function. Now and then it is not, or what a branch binds
is used after it: such texts may be refused, or else all ways of computing them must agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from ntpt_pyro.experiments.text_functions import (
    Function,
    FunctionWriter,
    Known,
    Scope,
    Size,
    fits,
    indented,
    type_of,
)

DEEPEST = 3
"""Branches and loops in each other at most."""
SHAPES = ((2,), (2, 2), (3,))
"""Of tensors."""


@dataclass(frozen=True)
class Target:
    """What is to be set: a variable, or all of an array from some index on.

    :param name: declared.
    :param size: its range, or its shape.
    :param dims: axes that are left.
    :param index: of the axes before these.
    """

    name: str
    size: Size
    dims: tuple[int, ...] = ()
    index: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As the text writes it."""
        return f"{self.name}[{', '.join(self.index)}]" if self.index else self.name

    def at(self, place: str) -> "Target":
        """An element along its first axis."""
        return replace(self, dims=self.dims[1:], index=(*self.index, place))

    @property
    def known(self) -> list[Known]:
        """What can be read once it is set; a part of an array cannot be by itself."""
        return [] if self.dims and self.index else [Known(self.text, self.size, self.dims)]


class Writer(FunctionWriter):
    """Writes one text.

    :param random: decides.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.observed: list[Target] = []
        """Inputs and outputs of the text."""
        self._spare: list[Target] = []
        self._sometimes: list[tuple[Known, str, int]] = []
        """Variables that are set on one branch, with the variable and the value that lead there."""

    def text(self) -> str:
        """Write it."""
        pick = self.random.randint
        lines = ["from dummy import Param, Var, Input, Output, Runtime, Inline"] * self._likely(0.8)
        scope, targets = Scope(), list[Target]()
        shapes = SHAPES[: pick(1, 3)] if self._likely(0.25) else ()
        lines += [self._constant(scope) for _ in range(pick(0, 2))]
        declarations = [line for _ in range(pick(1, 3)) for line in self._param(scope)]
        declarations += [self._input(scope, pick(1, 4)) for _ in range(pick(0, 2))]
        declarations += [self._input(scope, shape) for shape in shapes]
        for kind, most in (("Var", 4), ("Output", 2)):
            for _ in range(pick(1, most)):
                tensor = kind == "Var" and bool(shapes) and self._likely(0.3)
                targets.append(self._target(kind, self.random.choice(shapes) if tensor else pick(1, 4)))
        self._spare = [self._target("Var", pick(1, 3), ()) for _ in range(pick(0, 2))]
        declarations += [self._declaration(one) for one in (*targets, *self._spare)]
        functions = [line for _ in shapes for line in self._learned(shapes)]
        functions += [line for _ in range(pick(0, 3)) for line in self._runtime(scope)]
        functions += [line for _ in range(pick(0, 2)) for line in self._inline(scope)]
        self.random.shuffle(declarations)
        lines += [*declarations, *functions] if self._likely(0.5) else [*functions, *declarations]
        outputs = [one for one in targets if one.name.startswith("o")]
        self.observed += outputs
        first = [one for one in targets if one not in outputs]
        lines += self._fill(first, scope, 0) + self._fill(outputs, scope, 0)
        return "\n".join(lines) + "\n"

    def _dims(self) -> tuple[int, ...]:
        axes = self.random.choices((0, 1, 2), (5, 4, 1))[0]
        return tuple(self.random.choices((0, 1, 2, 3), (1, 6, 10, 8))[0] for _ in range(axes))

    def _declaration(self, target: Target) -> str:
        kind = "Output" if target.name.startswith("o") else "Var"
        axes = f"[{', '.join(map(str, target.dims))}]" if target.dims else ""
        return f"{target.name} = {kind}({type_of(target.size)}){axes}"

    def _target(self, kind: str, size: Size, dims: tuple[int, ...] | None = None) -> Target:
        return Target(self._name(kind[0].lower()), size, self._dims() if dims is None else dims)

    def _input(self, scope: Scope, size: Size) -> str:
        one = self._target("Input", size)
        self.observed.append(one)
        scope.known.append(Known(one.name, size, one.dims))
        return self._declaration(one).replace("Var", "Input")

    def _param(self, scope: Scope) -> list[str]:
        """A parameter or an array of them, perhaps declared one by one, or one of them a constant."""
        one = self._target("Param", self.random.choice((1, 2, 2, 2, 3, 3, 4)))
        assert isinstance(one.size, int)
        if len(one.dims) == 1 and one.dims[0] and self._likely(0.15):
            scope.known.append(Known(one.name, one.size + one.dims[0] - 1, one.dims))
            return [f"for i in range({one.dims[0]}):\n    {one.name}[i] = Param({one.size} + i)"]
        scope.known.append(Known(one.name, one.size, one.dims))
        line = self._declaration(one).replace("Var", "Param")
        if 0 not in one.dims and self._likely(0.05):
            at = f"[{', '.join('0' for _ in one.dims)}]" if one.dims else ""
            line += f"\n{one.name}{at}.set_to_constant({self.random.randrange(one.size)})"
        return [line]

    # Statements

    def _fill(self, targets: Sequence[Target], scope: Scope, depth: int) -> list[str]:
        """Statements that set all targets."""
        lines: list[str] = []
        waiting = self.random.sample(targets, len(targets))
        while waiting:
            target = waiting.pop()
            how = self.random.random()
            if target.dims and how < 0.4:
                waiting += [target.at(str(place)) for place in range(target.dims[0])]
                scope.known += target.known * (0 in target.dims)
                continue
            if target.dims:
                lines += self._loop(target, scope, depth)
            elif depth < DEEPEST and how < 0.4:
                others = [waiting.pop() for _ in range(self.random.randint(0, 2)) if waiting]
                lines += self._branch([target, *others], scope, depth)
                scope.known += [known for one in others for known in one.known]
            else:
                lines += self._set(target, scope, how)
            scope.known += target.known
            if self._likely(0.1):
                lines += self._noise(scope)
        return lines or ["pass"]

    def _set(self, target: Target, scope: Scope, how: float) -> list[str]:
        if how < 0.5 and scope.constants:
            test = (
                f"{self._integer(scope, 3)} {self.random.choice(('==', '<', '!='))} {self._integer(scope, 3)}"
            )
            one, other = (self._set(target, scope.inner(), 1.0) for _ in range(2))
            return [f"if {test}:", *indented(one), "else:", *indented(other)]
        inline = [one for one in self._functions if one.sets and fits(one.out, target.size)]
        if inline and how < 0.7:
            function = self.random.choice(inline)
            given = [self._argument(scope, n) for n in function.inputs]
            return [f"{function.name}({', '.join([*given, target.text])})"]
        return [f"{target.text}.set_to({self._expression(scope, target.size)})"]

    def _index(self, scope: Scope) -> str:
        """A name for the integers of a loop or of a variable, rarely one that is taken."""
        taken = {name for name, _ in scope.constants}
        free = [name for name in ("i", "j", "k", "v", "w") if name not in taken]
        return self.random.choice(free) if free and self._likely(0.97) else "i"

    def _loop(self, target: Target, scope: Scope, depth: int) -> list[str]:
        """All elements along an axis."""
        name, length = self._index(scope), target.dims[0]
        if length > 1 and self._likely(0.4):
            first = self._fill([target.at("0")], scope.inner(), depth + 1)
            inner = scope.inner((name, length - 1))
            inner.known += target.at(name).known
            body = self._fill([target.at(f"{name} + 1")], inner, depth + 1)
            return [*first, f"for {name} in range({length - 1}):", *indented(body)]
        body = self._fill([target.at(name)], scope.inner((name, length)), depth + 1)
        return [f"for {name} in range({length}):", *indented(body)]

    def _branch(self, targets: Sequence[Target], scope: Scope, depth: int) -> list[str]:
        """The same targets on every branch on a variable."""
        cell, first = self._cell(scope, 4), None
        if self._sometimes and self._likely(0.4):
            _, text, first = self.random.choice(self._sometimes)
            cell = next((one for one in scope.known if one.text == text), cell)
        if cell is None or not isinstance(cell.size, int):
            return self._fill(targets, scope.inner(), DEEPEST)
        if first is None and self._likely(0.4):
            name = self._index(scope)
            body = self._fill(targets, scope.inner((name, cell.size)), depth + 1)
            return [f"with {cell.text} as {name}:", *indented(body), *self._used_after(scope, name, 0.03)]
        values = self.random.sample(range(cell.size), self.random.randint(1, cell.size))
        if first is not None and first < cell.size:
            values = [first, *(value for value in values if value != first)]
        lines, bound = list[str](), self._name("b") if self._likely(0.15) else ""
        same, tests = self._argument(scope, 3), [*values, *[None] * (len(values) < cell.size)]
        for number, value in enumerate(tests):
            inner = scope.inner()
            inner.known += [one for one, *when in self._sometimes if when == [cell.text, value]]
            before = self._on_this_branch(cell.text, value, inner)
            if bound and self._likely(0.95):
                before.append(f"{bound} = {same if self._likely(0.8) else self._argument(scope, 3)}")
            word = "else:" if value is None else f"{'el' if number else ''}if {cell.text} == {value}:"
            lines += [word, *indented(before + self._fill(targets, inner, depth + 1))]
        return lines + (self._used_after(scope, bound, 0.7) if bound else [])

    def _on_this_branch(self, cell: str, value: int | None, inner: Scope) -> list[str]:
        """A variable that is set here only."""
        if not self._spare or value is None or self._likely(0.7):
            return []
        target = self._spare[-1] if self._likely(0.03) else self._spare.pop()
        lines = [f"{target.text}.set_to({self._expression(inner, target.size)})"]
        inner.known += target.known
        self._sometimes.append((target.known[0], cell, value))
        return lines

    def _used_after(self, scope: Scope, name: str, probability: float) -> list[str]:
        """What a branch binds is perhaps used after it."""
        if not self._likely(probability):
            return []
        scope.constants.append((name, 3))
        if self._sometimes and self._likely(0.1):
            scope.known.append(self._sometimes[-1][0])
        return ["pass"]

    def _noise(self, scope: Scope) -> list[str]:
        """A statement that sets nothing."""
        name, cell, how = self._name("n"), self._cell(scope, 4), self.random.random()
        if how < 0.3 and cell:
            scope.known.append(Known(name, cell.size))
            return [f"{name} = {cell.text}"]
        if how < 0.6:
            integer = self._integer(scope, 3)
            scope.constants.append((name, 3))
            return [f"{name} = {integer}"]
        return self.random.choice(
            (["pass"], ['"words"'], ["# a remark"], [f"for {name} in range(2):", "    pass"])
        )

    def _inline(self, scope: Scope) -> list[str]:
        """A function that is expanded where it is called."""
        ranges = tuple(self.random.randint(1, 3) for _ in range(self.random.randint(1, 2)))
        names, out = ["a", "b"][: len(ranges)], self.random.randint(1, 3)
        function = Function(self._name("g"), ranges, out, sets=self._likely(0.7))
        inner = scope.inner()
        inner.known = [Known(name, size) for name, size in zip(names, ranges, strict=True)]
        if function.sets:
            body = self._fill([Target("result", out)], inner, 1)
            names = [*names, "result"]
        else:
            body = [f"return {self._argument(inner, out)}"]
        self._functions.append(function)
        return ["@Inline()", f"def {function.name}({', '.join(names)}):", *indented(body)]
