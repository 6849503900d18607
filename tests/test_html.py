"""Fragments of HTML: everything in them is escaped, and nothing is seen by colour alone."""

import re
from dataclasses import dataclass

import pytest

from ntpt_pyro import _html

BAD = "<script>alert(\"1\" & '2')</script>"


@dataclass
class Word:
    text: str
    site: str | None = None
    probability: float | None = None
    alternatives: tuple = ()


@dataclass
class ShownLine:
    pieces: tuple
    dead: bool = False
    beside: tuple = ()


def every_fragment(text):
    word = Word(text, text, 0.5, ((text, 0.25),))
    return {
        "head": _html.head(text, text),
        "verdict": _html.verdict(True, text),
        "program": _html.program([ShownLine((Word(text), word), beside=(word,))]),
        "table": _html.table((text, "number"), [(text, "1")], numbers={1}),
        "figures": _html.figures({text: text}),
        "opening": _html.opening(text, text),
        "block": _html.block(text),
    }


@pytest.mark.parametrize("name", every_fragment(""))
def test_what_a_user_wrote_is_escaped(name):
    fragment = every_fragment(BAD)[name]
    assert "<script" not in fragment
    assert "&lt;script&gt;alert(&#34;1&#34; &amp; &#39;2&#39;)&lt;/script&gt;" in fragment
    for value in re.findall(r'="([^"]*)"', str(fragment).split("</style>")[-1]):
        assert "<" not in value


def test_fragments_within_fragments_stay_what_they_are():
    inner = _html.head("<i>")
    assert "<b>&lt;i&gt;</b>" in _html.opening(inner, inner)
    assert _html.block(inner).count("<b>&lt;i&gt;</b>") == 1


def test_a_word_says_how_probable_it_is_and_what_else_might_stand_there():
    word = Word("R1", "left", 0.62, (("R2", 0.3), ("R0", 0.08)))
    text = str(_html.program([ShownLine((Word("return "), word))]))
    assert 'tabindex="0"' in text
    assert 'title="left is R1: 0.620\nor R2: 0.300\nor R0: 0.080"' in text
    assert '<span class="ntpt-note">R1 0.62, or R2 0.30</span>' in text
    assert re.sub(r"<span class=\"ntpt-note\">.*?</span>|<[^>]*>", "", text).strip() == "return R1"


def test_of_sure_and_of_dead_lines_no_alternatives_stand_beside():
    sure, unsure = Word("a", "x", 0.99, (("b", 0.01),)), Word("a", "x", 0.5, (("b", 0.5),))
    assert "ntpt-note" not in _html.program([ShownLine((sure,))])
    dead = str(_html.program([ShownLine((unsure,), dead=True)]))
    assert '<span class="ntpt-note">dead</span>' in dead
    assert "ntpt-line ntpt-dead" in dead


def test_a_word_of_unknown_probability_has_no_colour():
    text = str(_html.program([ShownLine((Word("a", "x"),))]))
    assert "style=" not in text
    assert 'title="x"' in text


def test_a_bar_is_as_long_as_its_share():
    assert [re.search(r"width:([^\"]*)", str(_html.bar(share)))[1] for share in (0, 0.25, 1.0001)] == [
        "0.0%",
        "25.0%",
        "100.0%",
    ]


def test_the_style_is_of_these_classes_only():
    rules = re.sub(r"/\*.*?\*/|@media print \{(.*)\}$", r"\1", _html.STYLE, flags=re.DOTALL)
    selectors = [one.strip() for rule in re.findall(r"([^{}]+)\{", rules) for one in rule.split(",")]
    assert len(selectors) > 20
    assert all(one.startswith(".ntpt") for one in selectors)
    assert "url(" not in _html.STYLE


def test_without_headings_a_table_has_no_row_of_them():
    assert "<thead" not in _html.table((), [("a", "b")])
    assert _html.table(("n",), [("1",)], numbers={0}).count('class="ntpt-number"') == 2
