"""Functions, constants and terms of random program texts, see `text_grammar`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

Size = int | tuple[int, ...]
"""The range of an integer, or the shape of a tensor."""


@dataclass(frozen=True)
class Known:
    """What can be read: a variable or an array of them.

    :param text: its words.
    :param size: its range, or its shape.
    :param dims: of an array.
    """

    text: str
    size: Size
    dims: tuple[int, ...] = ()


@dataclass(frozen=True)
class Function:
    """A declared function.

    :param name: of it.
    :param inputs: of its arguments.
    :param out: of its results, or of the variable that it sets.
    :param sets: whether it sets its last argument.
    """

    name: str
    inputs: tuple[Size, ...]
    out: Size
    sets: bool = False


@dataclass
class Scope:
    """What is known at a place in the text.

    :param known: variables.
    :param constants: names of constants, each with a bound that it is below.
    """

    known: list[Known] = field(default_factory=list)
    constants: list[tuple[str, int]] = field(default_factory=list)

    def inner(self, *constants: tuple[str, int]) -> "Scope":
        """A scope inside, with more constants."""
        names = {name for name, _ in constants}
        outer = [(name, bound) for name, bound in self.constants if name not in names]
        return Scope(self.known.copy(), [*outer, *constants])


def indented(lines: Sequence[str]) -> list[str]:
    """Lines one level further in."""
    return [f"    {line}" for line in lines]


def fits(size: Size, place: Size) -> bool:
    """Whether a value may stand in a place: an integer in as much room, a tensor of that shape."""
    return size <= place if isinstance(size, int) and isinstance(place, int) else size == place


class FunctionWriter:
    """Writes constants, terms and functions.

    :param random: decides.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.hypers: dict[str, int] = {}
        """Integers that the text is to be loaded with."""
        self._functions: list[Function] = []
        self._names = 0

    def _likely(self, probability: float) -> bool:
        return self.random.random() < probability

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def _constant(self, scope: Scope) -> str:
        name, value = self._name("N"), self.random.randint(0, 4)
        scope.constants.append((name, value + 1))
        if self._likely(0.4):
            self.hypers[name] = value
            return f"{name} = Hyper()"
        return f"{name} = {value}"

    # Terms

    def _integer(self, scope: Scope, below: int) -> str:
        """A constant below a bound, rarely at it."""
        if self._likely(0.005):
            return str(below)
        known = [name for name, bound in scope.constants if bound <= below]
        how = self.random.random()
        if known and how < 0.5:
            return self.random.choice(known)
        if scope.constants and how < 0.7:
            name, _ = self.random.choice(scope.constants)
            return f"{self.random.choice((f'({name} + 1)', name, f'({name} // 2)'))} % {below}"
        if scope.constants and how < 0.75 and below > 1:
            name, _ = self.random.choice(scope.constants)
            return f"int({name} < {self.random.randint(0, 3)})"
        return str(self.random.randrange(below))

    def _cell(self, scope: Scope, most: Size) -> Known | None:
        """A variable that fits, rarely one that does not."""
        wide = most + self._likely(0.005) if isinstance(most, int) else most
        known = [one for one in scope.known if fits(one.size, wide) and 0 not in one.dims]
        if not known:
            return None
        one = self.random.choice(known)
        index = ", ".join(self._integer(scope, length) for length in one.dims)
        return Known(f"{one.text}[{index}]", one.size) if index else one

    def _argument(self, scope: Scope, size: Size) -> str:
        cell = self._cell(scope, size)
        if isinstance(size, tuple):
            return cell.text if cell else "none"
        return cell.text if cell and self._likely(0.8) else self._integer(scope, size)

    def _expression(self, scope: Scope, size: Size) -> str:
        """What a variable may be set to."""
        tensors = {one.size for one in scope.known if isinstance(one.size, tuple)}
        callable_here = [
            one
            for one in self._functions
            if not one.sets
            and fits(one.out, size)
            and all(isinstance(n, int) or n in tensors for n in one.inputs)
        ]
        if callable_here and self._likely(0.5):
            function = self.random.choice(callable_here)
            return f"{function.name}({', '.join(self._argument(scope, n) for n in function.inputs)})"
        if isinstance(size, int) and self._likely(0.05):
            test = f"{self._integer(scope, 3)} == {self._integer(scope, 3)}"
            return f"{self._argument(scope, size)} if {test} else {self._argument(scope, size)}"
        return self._argument(scope, size)

    # Functions

    def _runtime(self, scope: Scope) -> list[str]:
        """A function of integers."""
        ranges = tuple(self.random.randint(1, 4) for _ in range(self.random.choice((1, 2, 2, 3))))
        out, names = self.random.randint(1, 4), ["a", "b", "c"][: len(ranges)]
        terms = [*names, *(name for name, _ in scope.constants)]
        body = []
        if self._likely(0.3):
            body.append(f"t = {self._arithmetic(terms)}")
            terms.append("t")
        if self._likely(0.15):
            body += ["t = 0", f"for j in range({self.random.randint(0, 3)}):"]
            body.append(f"    t = (t + {self._arithmetic([*terms, 'j'])}) % {out}")
            terms.append("t")
        for _ in range(self.random.choice((0, 0, 1, 2))):
            how = self.random.choice(("==", "<", ">=", "!="))
            body.append(f"if {self._arithmetic(terms)} {how} {self._arithmetic(terms)}:")
            body.append(
                f"    return ({self._arithmetic(terms)}) % {out}"
                if self._likely(0.7)
                else f"    t = {self._arithmetic(terms)}"
            )
            if self._likely(0.3):
                body += ["else:", f"    t = {self._arithmetic(terms)}"]
        body.append(f"return ({self._arithmetic(terms)}) % {out}")
        name = self._name("f")
        self._functions.append(Function(name, ranges, out))
        head = f"@Runtime([{', '.join(map(str, ranges))}], {out})"
        return [head, f"def {name}({', '.join(names)}):", *indented(body)]

    def _arithmetic(self, terms: Sequence[str]) -> str:
        """An expression of integers."""
        one, other = (
            self.random.choice(terms) if self._likely(0.7) else str(self.random.randint(0, 4))
            for _ in range(2)
        )
        how = self.random.random()
        if how < 0.4:
            return one
        if how < 0.8:
            return f"{one} {self.random.choice(('+', '-', '*', '&', '|', '^'))} {other}"
        known = [f for f in self._functions if not f.sets and len(f.inputs) == 1 and f.name[0] == "f"]
        if how < 0.84 and known:
            function = self.random.choice(known)
            return f"{function.name}({one} % {function.inputs[0]})"
        return self.random.choice(
            (
                f"{one} // {self.random.randint(1, 3)}",
                f"-{one}",
                f"int({one} == {other})",
                f"min({one}, {other})",
                f"max({one}, {other}, 1)",
                f"abs({one} - {other})",
                f"({one} if {other} else {other})",
                f"({one} and {other})",
                f"(not {one} or {other})",
                f"{one} % {self.random.randint(1, 3)}",
            )
        )

    def _learned(self, shapes: Sequence[tuple[int, ...]]) -> list[str]:
        """A learnable function of integers and tensors."""
        inputs = tuple(
            self.random.choice(shapes) if self._likely(0.6) else self.random.randint(1, 3)
            for _ in range(self.random.choice((1, 1, 2, 3)))
        )
        out: Size = self.random.choice(shapes) if self._likely(0.3) else self.random.randint(1, 4)
        name = self._name("l")
        self._functions.append(Function(name, inputs, out))
        layers = self.random.choice(("", ", hid_sizes=[3]", ", [2, 2]"))
        head = f"@Learn([{', '.join(map(type_of, inputs))}], {type_of(out)}{layers})"
        return [head, f"def {name}({', '.join('abc'[: len(inputs)])}): pass"]


def type_of(size: Size) -> str:
    """A range or a shape as declarations have it."""
    return str(size) if isinstance(size, int) else f"Tensor({', '.join(map(str, size))})"
