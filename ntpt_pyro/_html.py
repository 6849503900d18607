"""HTML that objects show themselves with, in a notebook and on a page: everything in it is escaped.

Fragments are made by Jinja2 with autoescape. They have colours of their own only with an alpha, over text in
the colour of what is around them, so that they can be read on white and on black. :func:`block` puts
fragments together with the style that they need; a page writes :data:`STYLE` once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # not every command writes HTML
    from jinja2 import Environment
    from markupsafe import Markup

SURE = 0.9
"""Words of a program that are less probable are shown with what else might stand there."""
HUES = ((0.0, 10), (0.5, 42), (1.0, 165))
"""The hue of a word by its probability, in degrees: red, amber, green."""
STYLE = """
.ntpt { line-height: 1.45; max-width: 60rem; overflow-x: auto; }
.ntpt-head { margin: .2em 0 .5em; }
.ntpt-head b { font-size: 1.08em; }
.ntpt-dim { opacity: .7; font-weight: normal; }
/* no overflow here: what else a word might be hangs over the edge */
.ntpt-program { margin: .3em 0; font-family: ui-monospace, Menlo, Consolas, monospace; }
.ntpt-line { display: flex; gap: 2em; align-items: baseline; white-space: pre; min-height: 1.5em; }
.ntpt-dead > .ntpt-code { opacity: .5; }
.ntpt-word { border-radius: 3px; padding: 0 .15em; margin: 0 -.15em; position: relative; }
.ntpt-word:focus { outline: 2px solid currentColor; outline-offset: 1px; }
.ntpt-word:focus::after { content: attr(title); position: absolute; left: 0; top: 1.7em; z-index: 9;
  padding: .3em .6em; border-radius: 4px; color: #fff; background: #333; line-height: 1.35; }
.ntpt-note { opacity: .75; font-size: .88em; }
.ntpt table { border-collapse: collapse; margin: .4em 0; font-size: .95em; }
.ntpt th, .ntpt td { text-align: left; padding: .15em .9em .15em 0; border: 0; vertical-align: top;
  background: none; max-width: 34rem; overflow-wrap: anywhere; }
.ntpt th { font-weight: 600; border-bottom: 1px solid rgb(128 128 128 / .5); }
.ntpt tr { background: none; }
.ntpt .ntpt-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ntpt-bar { display: inline-block; width: 8em; height: .7em; background: rgb(128 128 128 / .2);
  border-radius: 2px; vertical-align: baseline; }
.ntpt-bar > span { display: block; height: 100%; background: rgb(60 130 200 / .85); border-radius: 2px; }
.ntpt-right, .ntpt-wrong, .ntpt-unknown { border-radius: 3px; padding: .05em .45em; }
.ntpt-right { background: rgb(30 160 110 / .3); }
.ntpt-wrong { background: rgb(215 70 40 / .3); }
.ntpt-unknown { background: rgb(128 128 128 / .25); }
.ntpt details { margin: .25em 0; }
.ntpt summary { cursor: pointer; }
.ntpt details > :not(summary) { margin-left: 1.1em; }
.ntpt svg { max-width: 100%; height: auto; }
@media print { .ntpt-word { outline: none; } }
""".strip()
"""The style of all fragments; every selector begins with a class ``ntpt...``."""


class Word(Protocol):
    """A part of a line of a program: a word that stands for a choice, or the text between words."""

    @property
    def text(self) -> str:
        """The part."""

    @property
    def site(self) -> str | None:
        """The choice; None of text between words."""

    @property
    def probability(self) -> float | None:
        """Of the word; None where it is not known."""

    @property
    def alternatives(self) -> Sequence[tuple[str, float]]:
        """Other words with their probabilities, the most probable first."""


class ProgramLine(Protocol):
    """A line of a program in pieces."""

    @property
    def pieces(self) -> Sequence[Word]:
        """In order."""

    @property
    def dead(self) -> bool:
        """Whether the result is the same without it."""

    @property
    def beside(self) -> Sequence[Word]:
        """Words that do not stand in its text."""


def fragment(template: str, **values: Any) -> "Markup":
    """A template of Jinja2 with values filled in; texts among them are escaped, fragments are not.

    :param template: the template; a constant of the program, never what a user wrote.
    :param values: by name.
    :returns: the fragment.

    >>> print(fragment("<b>{{ name }}</b>", name="<i>"))
    <b>&lt;i&gt;</b>
    """
    from markupsafe import Markup

    return Markup(_environment().from_string(template).render(values))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined

    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"said": said, "notes": notes, "shade": shade, "percent": _percent}
    return made


def block(*parts: "Markup | str") -> str:
    """Fragments one below the other, with the style that they need: what an object shows in a notebook.

    :param parts: the fragments; plain texts among them are escaped.
    :returns: HTML.
    """
    return str(
        fragment(
            '<div class="ntpt"><style>{{ style }}</style>\n'
            "{% for part in parts %}{{ part }}\n{% endfor %}</div>",
            style=_style(),
            parts=parts,
        )
    )


def _style() -> "Markup":
    from markupsafe import Markup

    return Markup(STYLE)


def head(title: str, about: str = "") -> "Markup":
    """What stands first: a name, and what it is.

    :param title: the name.
    :param about: what it is.
    :returns: the fragment.
    """
    return fragment(
        '<div class="ntpt-head"><b>{{ title }}</b>'
        '{% if about %} <span class="ntpt-dim">{{ about }}</span>{% endif %}</div>',
        title=title,
        about=about,
    )


def verdict(right: bool | None, words: str) -> "Markup":
    """Whether something is right, in words on a colour.

    :param right: None where it is not known.
    :param words: the words.
    :returns: the fragment.
    """
    name = {True: "right", False: "wrong", None: "unknown"}[right]
    return fragment('<span class="ntpt-{{ name }}">{{ words }}</span>', name=name, words=words)


def program(lines: Iterable[ProgramLine]) -> "Markup":
    """A program, each word that stands for a choice shaded by its probability.

    A word says on hover and on focus how probable it is and what else might stand there; beside a live line
    stands the same of words that are not sure.

    :param lines: in pieces.
    :returns: the fragment.
    """
    return fragment(_PROGRAM, lines=list(lines), sure=SURE)


_PROGRAM = """
{% macro word(one) %}
<span class="ntpt-word" data-site="{{ one.site }}"
{%- if one.probability is not none %} data-p="{{ '%.4f'|format(one.probability) }}" tabindex="0"
{#- #} style="background:{{ one.probability|shade }}"
{%- endif %} title="{{ one|said }}">{{ one.text }}</span>
{%- endmacro %}
<div class="ntpt-program">
{% for line in lines %}
<div class="ntpt-line{{ ' ntpt-dead' if line.dead }}"><span class="ntpt-code">
{%- for one in line.pieces %}{{ one.text if one.site is none else word(one) }}{% endfor %}</span>
{%- if line|notes or line.beside %}<span class="ntpt-note">{{ line|notes }}
{%- for one in line.beside %}{{ "; " if line|notes or not loop.first }}{{ one.site }}: {{ word(one) }}
{%- endfor %}</span>{% endif %}</div>
{% endfor %}
</div>
"""


def notes(line: ProgramLine) -> str:
    """What stands beside a line: that it is dead, or what else its words might be that are not sure.

    :param line: of a program.
    :returns: in words; empty where there is nothing to say.
    """
    if line.dead:
        return "dead"
    doubted = [(word, word.probability) for word in line.pieces if word.probability is not None]
    return "; ".join(
        f"{word.text} {probability:.2f}" + "".join(f", or {w} {p:.2f}" for w, p in word.alternatives[:1])
        for word, probability in doubted
        if probability < SURE
    )


def said(word: Word) -> str:
    """How probable a word is, and what else might stand there, a line each.

    :param word: of a program.
    :returns: in words.
    """
    if word.probability is None:
        return str(word.site)
    rest = [f"or {text}: {probability:.3f}" for text, probability in word.alternatives]
    return "\n".join([f"{word.site} is {word.text}: {word.probability:.3f}", *rest])


def shade(probability: float) -> str:
    """The background of a word by its probability, a colour of CSS.

    :param probability: in [0, 1].
    :returns: the colour, with an alpha.

    >>> shade(1), shade(0.25)
    ('hsl(165 75% 45% / 0.30)', 'hsl(26 75% 45% / 0.45)')
    """
    (low, first), (high, second) = HUES[:2] if probability < HUES[1][0] else HUES[1:]
    hue = first + (second - first) * (probability - low) / (high - low)
    return f"hsl({hue:.0f} 75% 45% / {0.3 + 0.2 * min(1, max(0, 1 - probability)):.2f})"


def table(
    columns: Sequence[str], rows: Iterable[Sequence["Markup | str"]], *, numbers: Collection[int] = ()
) -> "Markup":
    """A table.

    :param columns: headings; none where there is no row of them.
    :param rows: a cell a column, texts or fragments.
    :param numbers: columns by place whose cells stand at the right.
    :returns: the fragment.
    """
    return fragment(
        """<table>
{% macro kind(place) %}{% if place in numbers %} class="ntpt-number"{% endif %}{% endmacro %}
{% if columns %}<thead><tr>
{% for one in columns %}<th scope="col"{{ kind(loop.index0) }}>{{ one }}</th>{% endfor %}
</tr></thead>{% endif %}
<tbody>{% for row in rows %}<tr>
{% for cell in row %}<td{{ kind(loop.index0) }}>{{ cell }}</td>{% endfor %}
</tr>
{% endfor %}</tbody></table>""",
        columns=columns,
        rows=[list(row) for row in rows],
        numbers=numbers,
    )


def figures(rows: Mapping[str, str]) -> "Markup":
    """Figures, a row each: what it is, and the figure in words.

    :param rows: by what it is.
    :returns: the fragment.
    """
    return table(
        (), ((fragment('<span class="ntpt-dim">{{ name }}</span>', name=n), v) for n, v in rows.items())
    )


def bar(share: float) -> "Markup":
    """A bar for a share, which a table has the number of beside it.

    :param share: in [0, 1].
    :returns: the fragment.
    """
    return fragment(
        '<span class="ntpt-bar" aria-hidden="true"><span style="width:{{ share|percent }}"></span></span>',
        share=share,
    )


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.1f}%"


def opening(summary: "Markup | str", content: "Markup | str", *, opened: bool = False) -> "Markup":
    """Something that opens to more.

    :param summary: that is always seen.
    :param content: that it opens to.
    :param opened: whether it is open at first.
    :returns: the fragment.
    """
    return fragment(
        "<details{{ ' open' if opened }}><summary>{{ summary }}</summary>{{ content }}</details>",
        summary=summary,
        content=content,
        opened=opened,
    )
