"""Program texts that ask for much: loops, tables, arrays, cases and calls of any size. For `text_fuzz`.

Most must be refused before they cost what they ask for; those that are small enough are computed.
"""

from collections.abc import Callable, Sequence
from random import Random

BODY = "p = Param({n})\nx = Var({m})\no = Output({m})\n"


def heavy(random: Random) -> str:
    """A text of one or two parts that may be large.

    :param random: decides.
    :returns: the text.
    """
    digits = {"n": (1, 2, 4), "m": (1, 2, 4), "k": (1, 2, 4, 6, 9), "l": (1, 2, 4, 6, 9)}
    sizes = {name: _size(random, most) for name, most in digits.items()}
    parts = [random.choice(PARTS)(random) for _ in range(random.randint(1, 2))]
    text = BODY + "\n".join(parts) + "\nx.set_to(0)\no.set_to(x)\n"
    for name, size in sizes.items():
        text = text.replace("{" + name + "}", str(size))
    return text


def _size(random: Random, digits: Sequence[int]) -> int:
    """A number of any size, small ones as often as large ones."""
    return int(10 ** (random.random() * random.choice(digits))) + random.randint(0, 1)


def _sum(random: Random, term: str) -> str:
    count = random.choice((1, 10, 100, 1000))
    return random.choice((" + ", " * ", " or ", " & ", " - ")).join([term] * count)


def _loops(random: Random) -> str:
    depth = random.randint(1, 4)
    lines = [
        f"{' ' * level}for i{level} in range({random.choice(('{k}', '{l}', '{n}'))}):"
        for level in range(depth)
    ]
    body = random.choice((f"y = {_sum(random, '1')}", "pass", "f(1)", "y = f(1)", "y = x", "y = p"))
    return "\n".join(["@Runtime([2], 2)", "def f(a): return a", *lines, " " * depth + body])


def _table(random: Random) -> str:
    ranges = random.choice(("[{k}]", "[{k}, {l}]", "[{k}, {k}, {l}]", "[{n}, {m}, {k}, {l}]"))
    names = ", ".join("abcd"[: ranges.count("{")])
    body = random.choice(
        (
            "return 0",
            "return a % {m}",
            f"return ({_sum(random, 'a')}) % 2",
            f"return {_sum(random, 'abs(a)')} % 2",
            "t = 0\n    for i in range({l}):\n        t = (t + a) % 5\n    return t % 2",
            "for i in range({l}):\n        for j in range({k}):\n            t = i\n    return 0",
            "if a == 0:\n        return 0\n    return f(a - 1) if a > 0 else 0",
        )
    )
    made = f"@Runtime({ranges}, {{m}})\ndef f({names}):\n    {body}"
    if random.random() < 0.4:
        made = "for t in range({n}):\n    " + made.replace("\n", "\n    ")
    calls = random.choice(("", f"o.set_to(f({', '.join(['p'] * len(names.split(', ')))}))"))
    return f"{made}\n{calls}"


def _arrays(random: Random) -> str:
    kind = random.choice(("Var({m})", "Param({m})", "Input({m})", "Output({m})", "Var(Tensor({m}, {n}))"))
    axes = random.choice(("[{k}]", "[{k}, {l}]", "[{k}, {k}, {k}]", ""))
    if random.random() < 0.3:
        return f"for i in range({{k}}):\n    a[i] = {random.choice(('Param(2 + i)', 'Var({m})'))}"
    return "\n".join(f"a{number} = {kind}{axes}" for number in range(random.choice((1, 2, 20))))


def _cases(random: Random) -> str:
    depth = random.randint(1, random.choice((3, 8, 40)))
    head = random.choice(("with {v} as i{d}:", "if {v} == 0:", "if {v} == 1:\n{s} pass\n{s}else:"))
    params = [f"q{level} = Param({random.choice(('{n}', '{m}', '{k}', '2', '3'))})" for level in range(depth)]
    lines = []
    for level in range(depth):
        name = random.choice((f"q{level}", "p"))
        lines.append(
            " " * level + head.replace("{v}", name).replace("{d}", str(level)).replace("{s}", " " * level)
        )
    body = random.choice(("y0.set_to(0)", "y0.set_to(p)", "y0.set_to(q0)", "y0.set_to(f(p, q0))", "z = 1"))
    tables = ["@Runtime([{n}, {m}], 2)", "def f(a, b): return 0"] * (body.startswith("y0.set_to(f"))
    return "\n".join([*params, "y0 = Var({k})", *tables, *lines, " " * depth + body])


def _calls(random: Random) -> str:
    """Inline functions that call each other twice."""
    depth, times = random.randint(1, 40), random.randint(1, 3)
    lines = ["@Inline()", "def g0(a):", f"    {random.choice(('pass', 'return a', 'y = a'))}"]
    for level in range(1, depth):
        lines += ["@Inline()", f"def g{level}(a):", *[f"    g{level - 1}(a)"] * times]
        lines += [f"    return g{level - 1}({_sum(random, 'a')})"] * random.randint(0, 1)
    return "\n".join([*lines, f"g{depth - 1}(1)"])


def _chain(random: Random) -> str:
    """A variable a step, each set from those before."""
    arguments = random.randint(1, 3)
    ranges, names = ", ".join(["{m}"] * arguments), ", ".join("abc"[:arguments])
    given = ", ".join(random.choice(("c[t]", "p", "c[0]")) for _ in range(arguments))
    return "\n".join(
        [
            "c = Var({m})[{k}]",
            f"@Runtime([{ranges}], {{m}})",
            f"def h({names}): return a",
            "c[0].set_to(0)",
            "for t in range({k} - 1):",
            f"    c[t + 1].set_to(h({given}))",
        ]
    )


def _learned(random: Random) -> str:
    layers = random.choice(("", ", hid_sizes=[{k}, {l}]", ", hid_sizes=[{n}]"))
    inputs = random.choice(("Tensor({k})", "{k}", "Tensor({k}, {l}), {n}"))
    return f"@Learn([{inputs}], {{m}}{layers})\ndef net({', '.join('ab'[: inputs.count('), ') + 1])}): pass"


def _lines(random: Random) -> str:
    count = random.choice((10, 1000, 30000, 300000))
    line = random.choice(("y = 1", "pass", "# nothing", "y = x", "'words'", "y{c} = Var(2)", "y{c} = 1"))
    return "\n".join(line.replace("{c}", str(number)) for number in range(count))


PARTS: tuple[Callable[[Random], str], ...] = (
    *(_loops, _table, _table, _arrays, _cases, _cases, _calls, _chain, _learned, _lines),
)
