"""The place of an error in a text as people find it: its line, with a caret below."""

import unicodedata

WIDTH = 70
"""Columns of a line at most; a longer one is cut around the place."""
TAB = 8
"""Columns that a tab takes at most."""
CUT = "..."


def excerpt(line: str, column: int) -> str:
    r"""A line of a text, and below it a caret under a place in it.

    Tabs stay, and stand before the caret too, so that it is under its place however wide they are. What a
    terminal would obey in place of showing it is shown as another character.

    :param line: of the text.
    :param column: of the place: a character, from 1.
    :returns: both, with a line break between; nothing where the line is blank.

    >>> print(excerpt("漢 = Var(2)[0, 'x']", 14))
    漢 = Var(2)[0, 'x']
                   ^
    >>> excerpt("x\x1b[2J = 1", 2).splitlines()[0]
    'x␛[2J = 1'
    """
    place = min(max(column - 1, 0), len(line))
    begin = max(0, place - WIDTH)
    shown = [_shown(character) for character in line[begin : place + WIDTH]]
    if not "".join(shown).strip():
        return ""
    widths, place = [_width(character) for character in shown], place - begin
    first, last = 0, len(shown)
    if sum(widths) > WIDTH:
        first = place - _reached(widths[:place][::-1], WIDTH * 2 // 3)
        last = place + _reached(widths[place:], WIDTH - sum(widths[first:place]))
    before, after = CUT * (begin + first > 0), CUT * (begin + last < len(line))
    under = (
        "\t" if one == "\t" else " " * width
        for one, width in zip(shown[first:place], widths[first:place], strict=True)
    )
    return f"{before}{''.join(shown[first:last])}{after}\n{' ' * len(before)}{''.join(under)}^"


def _reached(widths: list[int], room: int) -> int:
    """How many characters of these widths there is room for."""
    for number, width in enumerate(widths):
        room -= width
        if room < 0:
            return number
    return len(widths)


def _shown(character: str) -> str:
    """A character; in place of one that a terminal obeys, or cannot show, another."""
    if character != "\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        code = ord(character)
        return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"
    return character


def _width(character: str) -> int:
    """The columns that a terminal gives a character."""
    if character == "\t":
        return TAB
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
