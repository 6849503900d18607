"""Functions of integers in program texts mean what Python means, or are refused before they cost much."""

import itertools
import random
import re
import runpy
import tracemalloc

import pytest

from ntpt_pyro.errors import TerpretError
from ntpt_pyro.terpret import function_tables
from ntpt_pyro.terpret.origins import Origins
from ntpt_pyro.terpret.parser import parse
from ntpt_pyro.terpret.unrolling import Unrolled


def declared(text):
    """The functions and constants that a text declares, by name."""
    return Unrolled(parse(text, "text.py"), {"n": 3} if "Hyper()" in text else {}).names.top


def refusal(text):
    with pytest.raises(TerpretError) as caught:
        declared(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class WrongError(Exception):
    """What the reference raises where a range is wrong."""


def checked(ranges, out_range):
    """``Runtime`` for Python itself: a decorator that checks ranges."""

    def decorate(function):
        def run(*arguments):
            if any(not 0 <= argument < size for argument, size in zip(arguments, ranges, strict=True)):
                raise WrongError
            result = function(*arguments)
            if result is None or not 0 <= result < out_range:
                raise WrongError
            return int(result)

        run.domain = list(itertools.product(*map(range, ranges)))
        return run

    return decorate


@pytest.fixture
def run_by_python(tmp_path):
    """The functions of a text, when Python runs it."""

    def run(text):
        (tmp_path / "text.py").write_text(text)
        return runpy.run_path(str(tmp_path / "text.py"), {"Runtime": checked, "n": 3})

    return run


# fmt: off
BODIES = {
    "a local variable": ["u", "w = u + 1", "return w * w"],
    "one that a branch sets": ["u, v", "w = u", "if u > v:", "    w = v", "return w"],
    "one of one branch": ["u, v", "if u > v:", "    w = u - v", "    return w", "return 0"],
    "arguments that are assigned": ["u, v", "u = u + v", "v = u + v", "return u * v"],
    "an exchange": ["u, v", "w = u", "u = v", "v = w + 1", "w = 9", "return 10 * u + v"],
    "builtins": ["u, v", "return min(u, v, 2) * 7 + max(u + 1, v) + abs(u - v) + int(u < v)"],
    "a loop": ["u, v", "w = 0", "for i in range(n):", "    w = w + i * u", "return w"],
    "a loop that returns": ["u", "for i in range(5):", "    if i * u > 2:", "        return i", "return 9"],
    "what a loop leaves": ["u, v", "for i in range(7, 0, -3):", "    w = i", "return 10 * w + i"],
    "a loop of no turns": ["u", "i = u", "for i in range(4, 0):", "    w = 1", "return i"],
    "a loop in a loop": [
        "u, v", "w = u", "for i in range(4):", "    for j in range(i, 2 * i):", "        if (u + j) % 2:",
        "            w = w + j", "        elif v == i:", "            w = w + 1", "return w % 50"],
    "loops in branches": [
        "u, v", "w = 0", "if u < v:", "    for i in range(n if True else u):", "        w = w + v", "else:",
        "    for i in range(abs(2 - 5)):", "        w = w + 1", "return w + i"],
    "greatest common divisor": [
        "u, v", "for i in range(5):", "    if v != 0:", "        w = u % v", "        u = v", "        v = w",
        "return u"],
    "bits": [
        "u, v", "w = 0", "for i in range(3):", "    w = w * 2 + (u & 1)", "    u = u // 2", "return w ^ v"],
    "another function": ["u, v", "return g(u, v) + g(max(u, v) - min(u, v), 0)"],
    "another in a loop": ["u, v", "for i in range(g(1, 2)):", "    u = g(u, v)", "return u"],
    "one of no arguments": ["u", "return z() + u"],
    "negative operands": [
        "u, v", "w = u - 3", "v = v - 2", "return 20 + w // (2 * v - 1) + w % (2 * v - 1)"],
    "negative bits": ["u, v", "return 40 + ((u - 3) | (v - 2)) + ((u - 3) & -v) + (-u ^ v)"],
    "a chain that stops": ["u, v", "return 5 if 0 < u <= 6 // u < 4 != v else 2"],
    "and, or, not": ["u, v", "return (u and 6 // u) + (v or not u or 4 // u) + (u and v and 3)"],
    "a choice": ["u, v", "return 6 // u if u else (v if v > 2 else 7 // (v + 1))"],
    "Booleans": ["u, v", "w = u == v", "return (w + True) * 3 - (u < v < 4) + (not v) * 2 + False"],
    "a text": ["u", "'What it does.'", "if u == 0:", "    pass", "else:", "    u = 4", "return u"],
    "code that is not reached": ["u", "return u", "return q(1) // 0"],
}
# fmt: on
ABOVE = """
@Runtime([5, 5], 9)
def g(u, v):
    k = u + v
    return k if k < 4 else 4
@Runtime([], 3)
def z():
    return 2
k = 1000
"""


def function(name, argument_names, lines, ranges=None, out_range=100):
    sizes = ranges or [5] * (argument_names.count(",") + 1)
    body = "".join(f"    {line}\n" for line in lines)
    return f"@Runtime({sizes}, {out_range})\ndef {name}({argument_names}):\n{body}"


@pytest.mark.parametrize("body", BODIES)
def test_a_body_means_what_python_means(body, run_by_python):
    text = ABOVE + function("f", BODIES[body][0], BODIES[body][1:])
    wanted, table = run_by_python("n = 3\n" + text)["f"], declared("n = Hyper()\n" + text)["f"].table
    assert {place: int(table[place]) for place in wanted.domain} == {
        place: wanted(*place) for place in wanted.domain
    }


@pytest.mark.parametrize(
    ("lines", "line", "column", "message"),
    [
        (["if u > 1:", "    w = 1", "return w"], 5, 12, "w to be set before it is read, got no value in f(0"),
        (["if u != 2:", "    w = 1", "elif v == 1:", "    v = w"], 6, 13, "got no value in f(2, 1)"),
        (["k = k + 1", "return k"], 3, 9, "expected k to be set before it is read"),
        (["for i in range(0):", "    pass", "return i"], 5, 12, "expected i to be set before it is read"),
        (["return g(u + 3, v)"], 3, 14, "expected 0..4 as argument 1 of g, got 5 in f(2, 0)"),
        (["return g(u, v - 1)"], 3, 17, "expected 0..4 as argument 2 of g, got -1 in f(0, 0)"),
        (["return g(u)"], 3, 12, "expected 2 arguments of g, got 1"),
        (["return f(u, v)"], 3, 12, "got 'f'; declare it above; a function cannot call itself"),
        (["return h(u)"], 3, 12, "a @Runtime function that is declared above, or one of int, abs"),
        (["return k(u)"], 3, 12, "got 'k'"),
        (["g = 2", "return g(u, v)"], 4, 12, "got 'g'"),
        (["max = 2", "return max(u, v)"], 4, 12, "got 'max'"),
        (["return g"], 3, 12, "got 'g'"),
        (["return min(u)"], 3, 12, "expected at least two arguments of min, got 1"),
        (["return abs(u, v)"], 3, 12, "expected one argument of abs, got 2"),
        (["return max()"], 3, 12, "expected at least two arguments of max, got 0"),
        (["for i in range(u):", "    pass", "return 1"], 3, 20, "constants and variables of loops around"),
        (["w = 2", "for i in range(w):", "    pass", "return 1"], 4, 20, "got 'w'; loop over constants"),
        (["for i in range(3):", "    i = 2", "return 1"], 4, 9, "got i, the variable of a loop around it"),
        (["for i in range(3):", "    for i in range(n):", "        i = 1"], 4, 13, "use another name"),
        (["for i in range(1, 2, 0):", "    pass", "return 1"], 3, 14, "expected a step other than 0, got 0"),
        (["for i in range(1 // 0):", "    pass", "return 1"], 3, 25, "a divisor other than 0, got 0 in f"),
        (["for i in g:", "    pass", "return 1"], 3, 5, "expected for i in range(...)"),
        (["for i in range(2):", "    pass", "else:", "    pass", "return 1"], 3, 5, "with an else; loop"),
        (["a, b = u, v", "return a"], 3, 5, "got a tuple; a @Runtime function can do nothing else"),
        (["w = x = u", "return w"], 3, 5, "got an assignment of several names"),
        (["w += u", "return w"], 3, 5, "such as +=; write x = x + 1"),
        (["return 'u'"], 3, 12, "got a text in quotes"),
        (["return u[0]"], 3, 12, "got an element; a @Runtime"),
        (["return min(u, v, key=u)"], 3, 12, "got a call that is not"),
        (["print(u)", "return u"], 3, 5, "got an expression that nothing uses"),
        (["return"], 3, 5, "got return without a value"),
        (["w = u + 1"], 2, 1, "expected a return on every way through the body, got none for f(0, 0)"),
        (["return 2 // (v - 1)"], 3, 18, "expected a divisor other than 0, got 0 in f(0, 1)"),
        (["return v * 3 % (u - 2)"], 3, 21, "got 0 in f(2, 0)"),
        (["return u - v"], 3, 12, "in their ranges, got f(0, 1) = -1; enlarge"),
        (["w = u + 9", "for i in range(4):", "    w = w * w * w"], 5, 13, "integers up to 2147483648"),
        (["return -u * 2000000000"], 3, 12, "integers up to 2147483648, got -4000000000; compute"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_body_is_said_with_line_column_and_arguments(lines, line, column, message):
    text = ABOVE + function("f", "u, v", lines, [3, 3])
    found = refusal(text)
    assert found.startswith(f"text.py:{ABOVE.count(chr(10)) + line}:{column}: ")
    assert message in found


@pytest.mark.parametrize("digits", [11, 20, 401, 4000])
def test_integers_of_any_length_are_refused_and_not_wrapped(digits):
    large = 10 ** (digits - 1) + 7
    source = parse(function("f", "u", ["return u + k"]), "text.py")
    for value in (large, -large):  # such as a hyper may be
        functions = function_tables.RuntimeFunctions(source, Origins(source, {"k": value}))
        with pytest.raises(TerpretError, match=r"text.py:3:16: expected integers up to 2147483648, got"):
            functions.declare(source.tree.body[0], (5,), 100, {"k": value})
    for ranges, out_range in (((large,), 2), ((2,), large), ((2**40,), 2)):
        with pytest.raises(
            TerpretError, match=r"text.py:1:2: expected at most (1,048,576 comb|2,147,483,648 as the range)"
        ):
            functions.declare(source.tree.body[0], ranges, out_range, {"k": 0})


def test_arguments_have_names_of_their_own_and_are_not_too_many():
    assert "expected arguments of different names, got u, u" in refusal(function("f", "u, u", ["return u"]))
    many = ", ".join(f"u{i}" for i in range(70))
    assert "expected at most 20 arguments" in refusal(function("f", many, ["return 0"], [1] * 70))


def test_a_function_cannot_call_itself_nor_one_of_its_name():
    above = ABOVE + function("f", "u, v", ["return 1"])
    assert "expected a free name for what is declared, got the function f; take another name" in refusal(
        above + function("f", "u, v", ["return f(u, v)"])
    )


def test_the_largest_product_does_not_wrap():
    lines = ["w = 2147483648 - u", "return w * w // 2147483648 // 2147483648"]
    assert "expected integers up to 2147483648, got 4611686018427387904" in refusal(function("f", "u", lines))


@pytest.mark.parametrize(
    ("arguments", "size", "lines", "line"),
    [
        ("u, v", 1024, ["w = 0", "for i in range(64):", "    for j in range(64):", "        w = w ^ i"], 6),
        ("u", 2, ["w = 1", "for i in range(1000000000):", "    w = w * i % 7", "return w"], 5),
        ("u", 2, ["for i in range(2147483648):", "    pass", "return u"], 3),
        ("u", 2, ["for i in range(100000):", "    for j in range(100000 * i):", "        pass"], 4),
        ("u, v", 1024, [f"w = u * {i} % 13" for i in range(500)], 3),
    ],
)  # fmt: skip
def test_too_much_work_is_refused_before_any_is_done(arguments, size, lines, line, monkeypatch):
    monkeypatch.setattr(function_tables, "Body", None)
    ranges = [size] * (1 + arguments.count(","))
    found = refusal(function("f", arguments, lines, ranges))
    assert found.startswith(f"text.py:{line}:")
    assert "at most 1,000,000,000 operations to tabulate the functions of a text, got at least 1,0" in found
    assert f"for {size ** len(ranges):,} combinations of arguments, the most by this statement" in found


def test_the_work_of_all_functions_of_a_text_is_bounded():
    every = [function(f"f{i}", "u, v", [f"return {i % 2}"], [1024, 1024]) for i in range(60)]
    tracemalloc.start()
    found = refusal("".join(every))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "with that of functions above f2" in found
    assert "; make the ranges of f2" in found
    assert peak < 200e6


def test_many_local_variables_take_little_memory():
    lines = [*(f"w{i} = u + {i}" for i in range(600)), "return w7"]
    tracemalloc.start()
    table = declared(function("f", "u", lines, [2**14], 2**16))["f"].table
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (table == range(7, 2**14 + 7)).all()
    assert peak < 30e6


def test_a_table_is_made_once_for_what_the_body_names():
    source = parse(
        "n = Hyper()\nm = Hyper()\n" + ABOVE + function("f", "u, v", ["return g(u, v) + n"]), "text.py"
    )
    first, same, other = (
        Unrolled(source, hypers).names.top["f"]
        for hypers in ({"n": 1, "m": 1}, {"n": 1, "m": 2}, {"n": 2, "m": 1})
    )
    assert first is same
    assert first is not other
    assert (first.table + 1 == other.table).all()
    assert first.table.nbytes == 100


def test_a_function_is_used_in_constant_expressions_of_the_text():
    found = declared(ABOVE + function("f", "u, v", ["return g(u, v) * 10"]) + "a = f(1, 2) + 1\nb = Var(a)\n")
    assert (found["a"], found["b"].size) == (31, 31)


class Bodies:
    """Random bodies, most of which mean something."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one_of(self, *choices):
        return self.random.choice(choices)

    def expression(self, depth):
        if depth == 0 or self.random.random() < 0.15:
            return self.one_of("u", "v", "u", "v", "a", "b", "n", str(self.random.randrange(-2, 6)))
        one, two, three = (self.expression(depth - 1) for _ in range(3))
        operator = self.one_of("+", "-", "*", "//", "%", "&", "|", "^", "==", "<", "and", "or", "<=", "!=")
        return self.one_of(
            *[f"({one} {operator} {two})"] * 4,
            f"({one} if {two} else {three})",
            f"{self.one_of('min', 'max')}({one}, {two})",
            f"({one} < {two} <= {three})",
            f"{self.one_of('abs', 'int')}({one})",
            f"g({one} % 5, {two} & 3)",
            f"(not {one})",
            f"g({one}, {two})" if self.random.random() < 0.2 else f"(-{one})",
        )

    def block(self, depth, loops=""):
        lines = []
        for _ in range(self.random.randrange(1, 4)):
            kind = self.random.random()
            if depth == 0 or kind < 0.5:
                lines.append(f"{self.one_of('a', 'b', 'a', 'u', 'v')} = {self.expression(2)}")
            elif kind < 0.75:
                lines += [f"if {self.expression(2)}:", *self.inside(depth, loops)]
                if self.random.random() < 0.6:
                    lines += ["else:", *self.inside(depth, loops)]
            elif kind < 0.9 and len(loops) < 2:
                name = "ij"[len(loops)]
                bounds = self.one_of(
                    "3", "n", "1, 4", "2, -2, -2", "abs(n - 5)", *[f"{one} + 1" for one in loops]
                )
                lines += [
                    f"for {name} in range({bounds}):",
                    *self.inside(depth, loops + name),
                    f"    a = {name}",
                ]
            else:
                lines.append(f"return ({self.expression(2)}) % 7")
        return lines

    def inside(self, depth, loops):
        return [f"    {line}" for line in self.block(depth - 1, loops)]

    def text(self, name):
        lines = (
            ["a = 1"] * (self.random.random() < 0.7) + self.block(2) + [f"return ({self.expression(3)}) % 7"]
        )
        return function(name, "u, v", lines, [4, 3], 7)


def tried(text):
    """What a text declares, and what is said about it otherwise."""
    try:
        return declared(text), ""
    except TerpretError as error:
        return {}, str(error)


def came_to(function, place):
    """What a call comes to by Python; the error, where it is one."""
    try:
        return function(*place)
    except (ZeroDivisionError, NameError, WrongError) as error:
        return type(error)


def test_random_bodies_mean_what_python_means_or_are_refused(run_by_python):
    bodies = Bodies(0)
    texts = {f"f{number}": bodies.text(f"f{number}") for number in range(200)}
    functions = run_by_python("n = 3\n" + ABOVE + "".join(texts.values()))
    accepted = 0
    for name, text in texts.items():
        wanted = {place: came_to(functions[name], place) for place in functions[name].domain}
        wrong = any(isinstance(result, type) for result in wanted.values())
        found, error = tried("n = 3\n" + ABOVE + text)
        if error:
            assert wrong or "integers up to" in error, f"{error}\n{text}"
        else:
            assert {place: int(found[name].table[place]) for place in wanted} == wanted, text
            accepted += 1
    assert 40 < accepted < 160


# fmt: off
ODD = [
    "f", "g", "z", "k", "q", "i", "min", "range", "int", "u", "v", "a", "0", "1", "-1", "2147483648",
    "9" * 20, "True", "None", "1.5", "'s'", "u[0]", "[u]", "g(u)", "f(u, v)", "g(u, 9)", "max()", "abs(u, v)",
    "range(u)", "(u, v)", "(1 // 0)", "(not (u))", "Var(2)", "u.v", "(k * k * k * k)", "min(u, v, u)",
]
# fmt: on


def mutated(text, chance):
    """A text with some of its words replaced, and some of its lines removed or doubled."""
    for _ in range(chance.randrange(1, 4)):
        words = list(re.finditer(r"\w+", text))
        word, lines = chance.choice(words), text.splitlines(keepends=True)
        text = text[: word.start()] + chance.choice(ODD) + text[word.end() :]
        if chance.random() < 0.3:
            place = chance.randrange(len(lines))
            text = "".join([*lines[:place], *[lines[place]] * chance.choice([0, 2]), *lines[place + 1 :]])
    return text


def test_mutated_bodies_are_accepted_or_refused_in_one_line():
    chance, bodies = random.Random(1), Bodies(1)
    errors = [tried("n = 3\n" + ABOVE + mutated(bodies.text("f"), chance))[1] for _ in range(600)]
    assert all(error.startswith("text.py:") and "\n" not in error for error in errors if error)
    said = {error.split(" expected ")[1].split(",")[0] for error in errors if error}
    assert len(said) > 20
