"""The guide tells the truth: the code of every page runs, and prints what the page says."""

import importlib
import re
import shutil

import pytest
import typer

from ntpt_pyro.cli.main import COMMANDS
from tests.pages import ROOT, blocks, in_a_shell, in_this_process, run_page, surroundings

DOCS = ROOT / "docs"
ALL = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
CHANGES = [page for page in ALL if page.parent.name == "how_to" and page.stem.startswith("add_")]
"""Pages that change files of this project."""
PAGES = [page for page in ALL if page not in CHANGES and blocks(page)]
GUIDE = [page for page in ALL if page.parent.name == "how_to" and page.stem != "index"]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_runs(page, tmp_path):
    with surroundings(tmp_path):
        run_page(page, tmp_path, in_this_process)


def test_a_whole_task_has_less_than_60_lines():
    (file,) = [one for one in blocks(DOCS / "how_to" / "stack_machine.md") if one.file == "stack.py"]
    assert len(file.text.splitlines()) < 60


def test_the_pages_of_the_guide_have_code():
    assert set(GUIDE) <= {*PAGES, *CHANGES}


ROOMS = ("ntpt_pyro", "inference", "models", "experiments")


@pytest.mark.parametrize("page", CHANGES, ids=name)
def test_a_change_touches_the_files_that_its_page_names_and_does_what_the_page_says(page, tmp_path):
    copy = tmp_path / "copy"
    for room in ROOMS:
        leave_out = shutil.ignore_patterns("results")  # what is compiled already need not be once more
        shutil.copytree(ROOT / room, copy / room, symlinks=True, ignore=leave_out)
    with surroundings(copy):
        run_page(page, copy, in_a_shell)
    touched = sorted(changed(copy))
    named = re.findall(r"^- `(\S+)`$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert touched == sorted(named)


def changed(copy):
    """The files of the copy that are new, or are not what they were."""
    for room in ROOMS:
        for file in (copy / room).rglob("*"):
            here = file.relative_to(copy)
            if file.is_file() and "__pycache__" not in here.parts:
                before = ROOT / here
                if not before.is_file() or before.read_bytes() != file.read_bytes():
                    yield str(here)


def test_every_page_is_in_the_contents_of_its_part():
    for part in {page.parent for page in ALL} - {DOCS}:
        named = re.findall(r"(?m)^- \[[^\]]+\]\((\w+)\.md\)", (part / "index.md").read_text(encoding="utf-8"))
        assert sorted(named) == sorted(
            page.stem for page in ALL if page.parent == part and page.stem != "index"
        )


def test_contributing_names_all_changes():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"docs/how_to/(add_\w+)\.md\)", text)) == {page.stem for page in CHANGES}


DOCUMENTS = [*ALL, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
COMMAND = re.compile(r"\bntpt (" + "|".join(COMMANDS) + r")\b([^`#|\n]*)")


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_there_are_the_commands_and_options_that_are_named(page):
    for command, rest in COMMAND.findall(page.read_text(encoding="utf-8").replace("\\\n", "")):
        app = importlib.import_module(f"ntpt_pyro.cli.{command}_command").app
        options = typer.main.get_command(app).params
        known = {word for option in options for word in (*option.opts, *option.secondary_opts)}
        assert set(re.findall(r"--[\w-]+", rest)) <= known | {"--help"}, f"ntpt {command}{rest}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing
