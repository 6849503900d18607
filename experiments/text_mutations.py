"""Program texts, and files that go with them, changed at random: what `text_fuzz` tries."""

import ast
import keyword
import re
import warnings
from collections.abc import Callable, Sequence
from random import Random

from ntpt_pyro.experiments.odd_pieces import BLOCKS, NAMES, NUMBERS, PIECES, SIMPLE

TOKENS = re.compile(r"[A-Za-z_]\w*|\d+|[=!<>]=|//|\*\*|\S")
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^", "==", "!=", "<", "<=", ">", ">=", "/", "**", "@", ">>")
WORDS = frozenset(keyword.kwlist)
ATTEMPTS = 4
"""To change a text so that it still is Python's syntax."""
COUNTS = (2, 3, 9, 20, 30, 31, 60, 90, 150, 199, 250, 400, 600, 2000, 20000)
"""How many times something is repeated or nested; the first are picked more often."""

Lines = list[str]
Mutation = Callable[[Lines, Random, Sequence[str]], None]
"""Changes lines, and may use lines of another text."""


def mutated(text: str, random: Random, other: str) -> str:
    """A text that was changed.

    :param text: before.
    :param random: decides.
    :param other: a text whose statements may be put in.
    :returns: the changed text.
    """
    changed, others = text, other.splitlines()
    for _ in range(ATTEMPTS):
        lines = text.splitlines()
        for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
            if lines:
                random.choice(MUTATIONS)(lines, random, others)
        changed = "\n".join(lines) + "\n"
        if parses(changed) or random.random() < 0.1:
            break
    text, how = changed, random.random()
    if how < 0.01:
        return text[: random.randrange(len(text))]
    if how < 0.03:
        return with_junk(text, random)
    return text


def parses(text: str) -> bool:
    """Whether a text is Python's syntax, where that can be known."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def with_junk(text: str, random: Random) -> str:
    """A text with some characters that are anything, also none that UTF-8 has.

    :param text: before.
    :param random: decides.
    :returns: the changed text, to be encoded with surrogates escaped.
    """
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(text))
        any_of = (*"\0\t\f\r\n\\\"'()[]{}:;#,\x1b\x7f\u00a0\u2028\ufeff", "\u00e9", "\udcff", "\U0001f600")
        text = text[:place] + random.choice(any_of) + text[place + random.randint(0, 2) :]
    return text


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _end(lines: Sequence[str], start: int) -> int:
    """Where the statement ends that begins at a line."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > _indent(lines[start])):
        end += 1
    return end


def _shifted(lines: Sequence[str], by: int) -> Lines:
    return [" " * max(0, _indent(line) + by) + line.lstrip(" ") for line in lines]


def _statement(lines: Sequence[str], random: Random) -> tuple[int, int]:
    start = random.randrange(len(lines))
    return start, _end(lines, start)


def _put(lines: Lines, block: Sequence[str], random: Random) -> None:
    """Put a statement before a line, as deep as that, or as the one before."""
    place = random.randint(0, len(lines))
    beside = lines[min(max(place - random.randint(0, 1), 0), len(lines) - 1)] if lines else ""
    lines[place:place] = _shifted(block, _indent(beside) - _indent(block[0])) if block else []


def _delete(lines: Lines, random: Random, _: Sequence[str]) -> None:
    start, end = _statement(lines, random)
    del lines[start : random.choice((end, end, start + 1))]


def _duplicate(lines: Lines, random: Random, _: Sequence[str]) -> None:
    start, end = _statement(lines, random)
    _put(lines, lines[start:end], random)


def _move(lines: Lines, random: Random, _: Sequence[str]) -> None:
    start, end = _statement(lines, random)
    block = lines[start:end]
    del lines[start:end]
    _put(lines, block, random)


def _swap(lines: Lines, random: Random, _: Sequence[str]) -> None:
    start, end = _statement(lines, random)
    if end < len(lines):
        after = _end(lines, end)
        lines[start:after] = lines[end:after] + lines[start:end]


def _shift(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Move a statement into the block above it or out of its own."""
    start, end = _statement(lines, random)
    lines[start:end] = _shifted(lines[start:end], random.choice((-4, -4, 4, 1)))


def _wrap(lines: Lines, random: Random, others: Sequence[str]) -> None:
    """Put a statement into a branch, a loop or a `with`, perhaps of many items."""
    start, end = _statement(lines, random)
    names = [_name(lines, random) for _ in range(2)]
    integer = random.choice(("0", "0", "1", "2", _name(lines, random)))
    inside, indent = _shifted(lines[start:end], 4), _indent(lines[start])
    block = random.choice(
        (
            [f"with {names[0]} as {names[1]}:", "*"],
            [f"if {names[0]} == {integer}:", "*"],
            [f"if {names[0]} == {integer}:", "*", "else:", "*"],
            [f"if {names[0]} == {integer}:", "*", "else:", "    pass"],
            [f"if {names[0]} == {integer}:", "    pass", "else:", "*"],
            [f"for {names[1]} in range({random.choice(('0', '1', '2', '3', names[0]))}):", "*"],
            [f"with {', '.join([f'{names[0]} as {names[1]}'] * _count(random))}:", "*"],
            ["@Inline()", f"def {names[1]}():", "*", f"{names[1]}()"],
            [f"def {names[1]}({names[0]}):", "*"],
        )
    )
    made: Lines = []
    for line in block:
        made += inside if line == "*" else [" " * indent + line]
    lines[start:end] = made


def _change_integer(lines: Lines, random: Random, _: Sequence[str]) -> None:
    _replace(lines, random, r"\b\d+\b", random.choice(NUMBERS[: random.choice((8, len(NUMBERS)))]))


def _change_name(lines: Lines, random: Random, _: Sequence[str]) -> None:
    _replace(lines, random, r"\b[A-Za-z_]\w*\b", _name(lines, random))


def _change_operator(lines: Lines, random: Random, _: Sequence[str]) -> None:
    _replace(lines, random, r"[=!<>]=|//|[-+*%&|^<>]", random.choice(OPERATORS))


def _change_token(lines: Lines, random: Random, _: Sequence[str]) -> None:
    _replace(
        lines, random, TOKENS.pattern, random.choice((*PIECES, *OPERATORS, ",", ":", "(", "[", "", ";", "="))
    )


def _change_expression(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Another expression in place of what is in brackets, or of a number or a name."""
    pattern = random.choice((r"\((?:[^()]*)\)", r"\[(?:[^\[\]]*)\]", r"\b\d+\b", r"\b[A-Za-z_]\w*\b"))
    _replace(lines, random, pattern, _named(random.choice(PIECES), lines, random))


def _rename(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Give a name another one everywhere: one that means something, or that of an element."""
    name = _name(lines, random)
    other = random.choice(
        (*NAMES, *[f"{_name(lines, random)}_{place}" for place in "01"] * 8, _name(lines, random))
    )
    lines[:] = [re.sub(rf"\b{re.escape(name)}\b", lambda _: other, line) for line in lines]


def _deepen(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Nest or lengthen an expression."""
    count, term = _count(random), random.choice(("1", "0", _name(lines, random)))
    name = _name(lines, random)
    made = random.choice(
        (
            "(" * count + term + ")" * count,
            "not " * count + term,
            "-" * count + term,
            f"{term} + " * count + term,
            f"{term} or " * count + term,
            f"{term} == " * count + term,
            f"{term} if {term} else " * count + term,
            f"{name}(" * count + term + ")" * count,
            f"{name}[" * count + term + "]" * count,
            f"{name}, " * count + name,
            f"{name}." * count + name,
            f"{term} * " * count + term,
        )
    )
    _replace(lines, random, r"\b\d+\b|\b[A-Za-z_]\w*\b", made)


def _nest(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Nest or repeat statements."""
    start, end = _statement(lines, random)
    count, name, indent = _count(random), _name(lines, random), _indent(lines[start])
    how = random.randrange(4)
    if how == 0:
        head = random.choice((f"if {name} == 0:", "if 1:", f"with {name} as {name}:", "for i in range(2):"))
        count = min(count, 150)
        made = [" " * (indent + level) + head for level in range(count)] + _shifted(lines[start:end], count)
    elif how == 1:
        made = [" " * indent + f"if {name} == 0:", *_shifted(lines[start:end], 4)]
        for place in range(1, min(count, 2000)):
            made += [" " * indent + f"elif {name} == {place}:", *_shifted(lines[start:end], 4)]
    else:
        made = lines[start:end] * min(count, 20000 // (end - start))
    lines[start:end] = made


def _put_statement(lines: Lines, random: Random, _: Sequence[str]) -> None:
    _put(lines, _named(random.choice((*SIMPLE, *BLOCKS)), lines, random).splitlines(), random)


def _splice(lines: Lines, random: Random, others: Sequence[str]) -> None:
    """Put in a statement of another text."""
    if others:
        start, end = _statement(others, random)
        _put(lines, others[start:end], random)


def _drop_branch(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Take the last branch away, or what one sets."""
    found = [place for place, line in enumerate(lines) if re.match(r" *(else|elif)\b", line)]
    if found:
        start = random.choice(found)
        del lines[start + random.randint(0, 1) : _end(lines, start)]


def _bind_in_branch(lines: Lines, random: Random, _: Sequence[str]) -> None:
    """Bind a name in front of a statement that is perhaps in a branch, and read it elsewhere."""
    start = random.randrange(len(lines))
    name, value = (
        random.choice(("bound", _name(lines, random))),
        random.choice(("0", "1", _name(lines, random))),
    )
    lines.insert(start, " " * _indent(lines[start]) + f"{name} = {value}")
    _replace(lines, random, r"\b\d+\b|\b[A-Za-z_]\w*\b", name)


MUTATIONS: tuple[Mutation, ...] = (
    *(
        _delete,
        _duplicate,
        _move,
        _swap,
        _shift,
        _shift,
        _wrap,
        _wrap,
        _splice,
        _put_statement,
        _put_statement,
    ),
    *(_change_integer, _change_integer, _change_name, _change_name, _change_operator, _change_token, _rename),
    *(_change_expression, _deepen, _nest, _drop_branch, _bind_in_branch, _bind_in_branch),
)


def _count(random: Random) -> int:
    return random.choice(COUNTS[: random.choice((3, 6, 11, len(COUNTS)))])


def _name(lines: Sequence[str], random: Random) -> str:
    """A name or an element of the text, rarely another."""
    pattern = random.choice((r"\b[A-Za-z_]\w*\b", r"\b[A-Za-z_]\w*\[[^\[\]]*\]")[: random.randint(1, 2)])
    for _ in range(5):
        found = re.findall(pattern, random.choice(lines))
        found = [name for name in found if name.rstrip("[") not in WORDS]
        if found:
            return str(random.choice(found)) if random.random() < 0.97 else random.choice(NAMES)
    return "x"


def _named(piece: str, lines: Sequence[str], random: Random) -> str:
    """Some names of the text in place of x and y."""
    for letter in "xy":
        name = re.sub(r"\[.*", "", _name(lines, random)) if random.random() < 0.8 else letter
        piece = re.sub(rf"\b{letter}\b", name, piece)
    return piece


def _replace(lines: Lines, random: Random, pattern: str, by: str) -> None:
    """Put something in place of one match of a pattern."""
    for _ in range(5):
        place = random.randrange(len(lines))
        found = list(re.finditer(pattern, lines[place]))
        if found:
            match = random.choice(found)
            lines[place] = lines[place][: match.start()] + by + lines[place][match.end() :]
            return
