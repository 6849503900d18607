"""Inputs of `text_fuzz` that go wrong, made smaller."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from ntpt_pyro.experiments.text_checks import Case, Outcome
from ntpt_pyro.experiments.text_mutations import TOKENS

TRIES = 2000
"""To make a text smaller."""
SECONDS = 60.0
"""To make a text smaller."""


def smaller(case: Case, outcome: Outcome, check: Callable[[Case, str], Outcome]) -> Case:
    """An input that goes wrong in the same way, with less of text.

    :param case: that goes wrong.
    :param outcome: how.
    :param check: gives the outcome of others, by the seed of what they are run on.
    :returns: the smallest that was found.
    """
    seed, left, ends = "smaller", TRIES, time.monotonic() + SECONDS

    def same(text: str, hypers: Mapping[str, int] = case.hypers) -> bool:
        nonlocal left
        left -= 1
        if left < 0 or time.monotonic() > ends:
            return False
        found = check(replace(case, text=text, hypers=hypers), seed)
        return found.way == outcome.way

    if case.files is not None or not same(case.text):
        return case
    before, text = "", case.text
    while text != before and left > 0:
        before, text = text, _without_lines(text, same)
        text = _without(re.split(r"(?<=[,():=\[\] \n])", text), "", same)
        text = _without(re.split(f"({TOKENS.pattern})", text), "", same)
        text = _simpler(text, same)
    needed = {name: value for name, value in case.hypers.items() if re.search(rf"\b{name}\b", text)}
    return replace(case, text=text, hypers=needed if same(text, needed) else case.hypers)


def _without_lines(text: str, same: Callable[[str], bool]) -> str:
    """Statements taken away, and blocks whose heads are."""
    text = _without(text.splitlines(keepends=True), "", same)
    for start in range(text.count("\n") - 1, -1, -1):
        lines = text.splitlines(keepends=True)
        if start >= len(lines):
            continue
        indent = len(lines[start]) - len(lines[start].lstrip())
        end = start + 1
        while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > indent:
            end += 1
        inside = [line[4:] for line in lines[start + 1 : end]]
        for block in ([], inside):
            changed = "".join([*lines[:start], *block, *lines[end:]])
            if changed != text and same(changed):
                text = changed
                break
    return text


def _simpler(text: str, same: Callable[[str], bool]) -> str:
    """Calls, elements and names in a text made constants."""
    for pattern in (r"\w+\([^()]*\)", r"\w+\[[^\[\]]*\]", r"\b[A-Za-z_]\w*\b"):
        for match in reversed(list(re.finditer(pattern, text))):
            changed = text[: match.start()] + "0" + text[match.end() :]
            if same(changed):
                text = changed
    return text


def _without(parts: list[str], joint: str, same: Callable[[str], bool]) -> str:
    """Parts of a text taken away, many together first."""
    size = max(1, len(parts) // 2)
    while True:
        start = 0
        while start < len(parts):
            fewer = parts[:start] + parts[start + size :]
            if same(joint.join(fewer)):
                parts = fewer
            else:
                start += size
        if size == 1:
            return joint.join(parts)
        size = max(1, size // 2)
