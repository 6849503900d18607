"""A program as a page writes it: each word that stands for a choice with what else might stand there."""

from collections.abc import Sequence
from dataclasses import dataclass

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.report.page.bars import Bar, bar
from ntpt_pyro.runs.believed_words import BelievedLine, Piece, believed_lines, said_lines
from ntpt_pyro.runs.results import ProgramResult

SURE = 0.9
"""A word that is less probable is marked."""
MOST_LINES = 400
"""Lines that are shown of a program."""


@dataclass(frozen=True)
class ShownPiece:
    """A part of a line.

    :param text: it says.
    :param site: the choice that it stands for; empty of text between words.
    :param share: its probability as CSS takes it; empty where that is not known.
    :param sure: whether it is as good as certain.
    :param label: the word and its alternatives, for those who do not see the bars.
    :param bars: the word, then its alternatives; none where probabilities are not known.
    """

    text: str
    site: str = ""
    share: str = ""
    sure: bool = False
    label: str = ""
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True)
class ShownLine:
    """A line of a program.

    :param pieces: in order.
    :param dead: whether the result is the same without it.
    :param remark: whether it says nothing that is executed.
    :param beside: words that it says in another way.
    """

    pieces: tuple[ShownPiece, ...]
    dead: bool = False
    remark: bool = False
    beside: tuple[ShownPiece, ...] = ()

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(piece.text for piece in self.pieces)


def shown_lines(result: ProgramResult, posterior: Posterior) -> list[ShownLine]:
    """The program of a run, shaded by how probable each word is.

    :param result: of the run.
    :param posterior: of its choices.
    :returns: its lines.
    """
    return _shown(believed_lines(result, posterior))


def written_lines(result: ProgramResult, lines: Sequence[Line], program: Program) -> list[ShownLine]:
    """Another program of a run, not shaded.

    :param result: of the run.
    :param lines: of the program.
    :param program: every choice's integer by site.
    :returns: its lines.
    """
    return _shown(said_lines(result, lines, program))


def _shown(lines: Sequence[BelievedLine]) -> list[ShownLine]:
    return [
        ShownLine(
            tuple(map(_piece, line.pieces)),
            line.dead,
            line.text.lstrip().startswith("#"),
            tuple(map(_piece, line.beside)),
        )
        for line in lines[:MOST_LINES]
    ]


def _piece(piece: Piece) -> ShownPiece:
    if piece.site is None or piece.probability is None:
        return ShownPiece(piece.text, piece.site or "")
    here = bar(piece.text, piece.probability, marked=True)
    others = tuple(bar(word, probability) for word, probability in piece.alternatives)
    label = f"{piece.text}, {here.number}"
    if others:
        label += "; or " + ", ".join(f"{one.word} {one.number}" for one in others)
    return ShownPiece(piece.text, piece.site, here.share, piece.probability >= SURE, label, (here, *others))
