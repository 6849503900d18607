"""The tutorials: seven notebooks in plain text, which the site runs whenever it is built (``make docs``).

Here only their form is looked at, and the quick beginning of one is run.
"""

import ast
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "tutorials"
INDEX = (FOLDER / "index.md").read_text(encoding="utf-8")
TUTORIALS = (
    "learn_from_sums",
    "your_own_interpreter",
    "strategies_side_by_side",
    "how_sure",
    "a_library_over_a_lifetime",
    "solve_and_prove",
    "with_the_rest_of_pyro",
)
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
WIDTH = 88
"""Characters of a line of code, which the site shows without a scroll bar."""
LONGEST = 110
"""Words of a paragraph or an item of a list; more are a wall of text."""

each = pytest.mark.parametrize("name", TUTORIALS)


def page(name):
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_all_tutorials_are_there_and_on_their_page_in_order():
    assert {file.stem for file in FOLDER.glob("*.md")} == {*TUTORIALS, "index"}
    assert re.findall(r"\((\w+)\.md\)", INDEX) == list(TUTORIALS)


@each
def test_a_tutorial_is_a_notebook(name):
    header, *_ = re.fullmatch(r"---\n(.*?)\n---\n(.*)", page(name), re.DOTALL).groups()
    assert "format_name: myst" in header
    assert "name: python3" in header
    assert page(name).count("```{code-cell}") == len(CELL.findall(page(name))) > 5


@each
def test_cells_are_python_of_lines_that_can_be_read(name):
    for cell in CELL.findall(page(name)):
        ast.parse(cell)
        assert max(map(len, cell.splitlines())) <= WIDTH, cell


@each
def test_what_cells_import_is_there(name):
    for cell in CELL.findall(page(name)):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "ntpt_pyro":
                module = importlib.import_module(node.module)
                assert [one.name for one in node.names if not hasattr(module, one.name)] == []


@each
def test_it_says_first_what_one_will_have_and_last_what_to_try(name):
    prose = CELL.sub("", page(name)).split("---\n", 2)[2]
    opening, *sections = prose.split("\n## ")
    assert "At the end of this notebook you have" in " ".join(opening.split())
    assert sections[-1].startswith("Try next\n")
    assert len(LINK.findall(sections[-1])) >= 2


@each
def test_links_lead_somewhere(name):
    for target in LINK.findall(CELL.sub("", page(name))):
        assert (FOLDER / target).exists(), target


@each
def test_there_is_no_leftover_and_no_path_of_one_machine(name):
    assert not re.search(r"TODO|FIXME|/work/|/tmp/|/root/|/home/|NTPT_DATA", page(name))


@each
def test_there_is_no_wall_of_text(name):
    for block in re.split(r"\n\n", CELL.sub("\n\n", page(name))):
        for part in re.split(r"(?m)^- ", block):
            assert len(part.split()) <= LONGEST, part


def test_what_learn_from_sums_says_of_other_runs_is_recorded():
    record = (ROOT / "experiments/results/rates/sample.json").read_text(encoding="utf-8")
    rate = json.loads(record)["summary"]["top, from scratch"]["right_programs"]
    text = " ".join(page("learn_from_sums").split())
    assert f"{rate['successes']} of {rate['trials']} recorded runs" in text


def test_the_machine_of_your_own_interpreter_and_its_plain_twin_agree():
    """Run all cells before the first that looks for a program."""
    names = {}
    for cell in CELL.findall(page("your_own_interpreter")):
        if "induce(" in cell:
            break
        exec(compile(cell, "your_own_interpreter", "exec"), names)
    assert names["trace"].nodes["R4"]["value"].argmax().item() == 1  # 4 + 4 + 2 * 2 on a clock of 11 hours
    assert names["task"].check() == 160
