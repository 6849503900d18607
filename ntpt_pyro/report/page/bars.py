"""Words with their probabilities, as a page draws them: a bar each."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A word and how probable it is.

    :param word: the word.
    :param share: its probability, as CSS takes a number.
    :param number: the same as a person reads it.
    :param marked: whether it is the one that is meant: the word of the program, or what an image really is.
    """

    word: str
    share: str
    number: str
    marked: bool = False


def bar(word: str, probability: float, *, marked: bool = False) -> Bar:
    """A bar.

    :param word: the word.
    :param probability: its own, in [0, 1].
    :param marked: see :class:`Bar`.
    :returns: it.

    >>> bar("ADD", 0.98765)
    Bar(word='ADD', share='0.988', number='0.99', marked=False)
    """
    share = min(max(probability, 0.0), 1.0)
    return Bar(word, f"{share:.3f}", f"{share:.2f}", marked)


def bars(words: Iterable[tuple[str, float]]) -> list[Bar]:
    """A bar for each word.

    :param words: with their probabilities.
    :returns: in the same order.
    """
    return [bar(word, probability) for word, probability in words]
