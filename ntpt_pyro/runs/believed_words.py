"""The text of a program in pieces: the words that stand for choices, each with how probable it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.runs.results import ProgramResult, SolvedResult

LEAST = 0.0005
"""Alternatives that are less probable are left out: they would read 0.000."""
MOST = 12
"""Alternatives of a word, at most."""
SIGNS = "+-*/%<>=!&|^~"
"""Characters that make one token with their like, as in ``>=``."""


@dataclass(frozen=True)
class Piece:
    """A part of a line's text.

    :param text: the part.
    :param site: the choice that it is the word for; None of text between words.
    :param probability: of that word; None where it is not known, and of text between words.
    :param alternatives: other words for the choice with their probabilities, the most probable first.
    """

    text: str
    site: str | None = None
    probability: float | None = None
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class BelievedLine:
    """A line of a program in pieces.

    :param pieces: in order; their texts joined are the line's.
    :param dead: whether the result is the same without the line.
    :param beside: words of choices that the line says in another way, so that they do not stand in its text.
    """

    pieces: tuple[Piece, ...]
    dead: bool = False
    beside: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The line's text.

        >>> BelievedLine((Piece("return "), Piece("R3", "return", 0.9))).text
        'return R3'
        """
        return "".join(piece.text for piece in self.pieces)


def believed_lines(result: ProgramResult, posterior: Posterior) -> list[BelievedLine]:
    """The program of a run, with each word how probable it is and what else might stand there.

    A solver knows which program is best, not how probable others are: words of its program have no
    probability.

    :param result: of the run.
    :param posterior: of its choices.
    :returns: a line for each of the program's.
    """
    marginals = {} if isinstance(result, SolvedResult) else posterior.numpy()
    beliefs = {site: probs.tolist() for site, probs in marginals.items()}
    return _in_pieces(result, result.lines, result.choices, beliefs)


def said_lines(result: ProgramResult, lines: Sequence[Line], program: Program) -> list[BelievedLine]:
    """The text of another program of a run in pieces, such as that of a behaviour; without probabilities.

    :param result: of the run.
    :param lines: of the program's text.
    :param program: every choice's integer by site.
    :returns: a line for each.
    """
    return _in_pieces(result, lines, program, {})


def _in_pieces(
    result: ProgramResult, lines: Sequence[Line], program: Program, beliefs: Mapping[str, list[float]]
) -> list[BelievedLine]:
    return [_believed(result, line, program, beliefs) for line in lines]


def _believed(
    result: ProgramResult, line: Line, program: Program, beliefs: Mapping[str, list[float]]
) -> BelievedLine:
    """A line, each word of it that stands for a choice a piece."""
    words = {
        site: _word(result, site, program[site], beliefs.get(site)) for site in line.sites if site in program
    }
    places = _places(line.text, [(site, word.text) for site, word in words.items()])
    pieces, end = [], 0
    for start, site in sorted((start, site) for site, start in places.items()):
        if start > end:
            pieces.append(Piece(line.text[end:start]))
        pieces.append(words[site])
        end = start + len(words[site].text)
    if end < len(line.text):
        pieces.append(Piece(line.text[end:]))
    beside = tuple(word for site, word in words.items() if site not in places)
    return BelievedLine(tuple(pieces), line.dead, beside)


def _word(result: ProgramResult, site: str, said: int, probs: list[float] | None) -> Piece:
    """The word of a choice, with its alternatives where probabilities are known."""
    word = result.word(site, said)
    if probs is None:
        return Piece(word, site)
    others = sorted((-p, n) for n, p in enumerate(probs) if n != said and p >= LEAST)
    alternatives = tuple((result.word(site, n), -p) for p, n in others[:MOST])
    return Piece(word, site, probs[said], alternatives)


def _places(text: str, words: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Where each choice's word begins in a text, of those that are found.

    Words are looked for from the last to the first, each before the one after it: what is on the left of a
    line is its label, or what the line sets, and reads like a word (``write[0, 0] = 0``). A word that is not
    there in this order takes any place that is free.
    """
    found: dict[str, int] = {}
    free = [True] * len(text)

    def take(site: str, word: str, before: int) -> int | None:
        start = _last(text, word, before, free)
        if start is not None:
            found[site] = start
            free[start : start + len(word)] = [False] * len(word)
        return start

    before, left = len(text), []
    for site, word in reversed(words):
        start = take(site, word, before)
        if start is None:
            left.append((site, word))
        else:
            before = start
    for site, word in reversed(left):
        take(site, word, len(text))
    return found


def _last(text: str, word: str, before: int, free: Sequence[bool]) -> int | None:
    """The last place of a word as a whole token that ends before a place; None where there is none."""
    start = text.rfind(word, 0, before) if word else -1
    while start >= 0:
        end = start + len(word)
        if all(free[start:end]) and not _joined(text, start) and not _joined(text, end):
            return start
        start = text.rfind(word, 0, end - 1)
    return None


def _joined(text: str, place: int) -> bool:
    """Whether the characters on both sides of a place are of one token."""
    if not 0 < place < len(text):
        return False
    one, other = text[place - 1], text[place]
    decimal = one.isdigit() and other == "." and text[place + 1 : place + 2].isdigit()
    decimal |= one == "." and other.isdigit() and text[place - 2 : place - 1].isdigit()
    return decimal or all(c.isalnum() or c == "_" for c in one + other) or (one in SIGNS and other in SIGNS)
