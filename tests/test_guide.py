"""The guide tells the truth: every page's code runs, and prints what the page says."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

PAGES = sorted((Path(__file__).parents[1] / "docs" / "guide").glob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_of_the_guide_runs(page):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    threads, names = torch.get_num_threads(), {"__name__": "guide"}
    torch.set_num_threads(1)
    try:
        for code, expected in blocks:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, page.name, "exec"), names)
            assert printed.getvalue() == expected
    finally:
        torch.set_num_threads(threads)


def test_there_are_the_pages_that_the_readme_names():
    readme = (PAGES[0].parents[2] / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"docs/guide/(\w+)\.md\)", readme))
    assert sorted(named) == [page.stem for page in PAGES]
