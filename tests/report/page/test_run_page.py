"""The page of a run as a file: complete, small, escaped, and honest about what it cannot show."""

import base64
import hashlib
import html
import json
import re
import shlex
import shutil
import time
from html.parser import HTMLParser

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.report.page import run_page
from tests.small import FLAGS, keep_run, small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")
MOST_BYTES = 3 * 2**20
QUICK = ("--restarts=2", "--steps=3")


@pytest.fixture(scope="module")
def learned():
    """The run and its page that tests take copies of, and what was printed; made by the first of them."""
    return {}


@pytest.fixture
def finished(ntpt, learned, tmp_path, tmp_path_factory):
    """A run and its page."""
    if not learned:
        made = tmp_path_factory.mktemp("learned")
        page = made / "page.html"
        code, printed, error = ntpt("learn", "add2x2/top", *FLAGS, "--out", made / "run", "--html", page)
        assert (code, error) == (0, "")
        assert f"the page is {page}" in printed
        learned["in"] = made
    shutil.copytree(learned["in"], tmp_path, dirs_exist_ok=True)
    return tmp_path / "run", tmp_path / "page.html"


class Tags(HTMLParser):
    """Whether elements are closed as they were opened, and what they are."""

    EMPTY = ("meta", "img", "input", "br", "path", "use", "image")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.EMPTY:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.stack.pop() == tag, self.getpos()


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    assert tags.stack == []
    return tags


def seen(text: str) -> str:
    """The text of a page without its elements."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_page_is_one_whole_file_that_asks_for_nothing(finished):
    _, page = finished
    text = page.read_text()
    tags = parsed(text)
    assert len(text.encode()) < MOST_BYTES
    outside = [
        (tag, name, value)
        for tag, name, value in tags.attributes
        if name in ("src", "href", "xlink:href", "action") and not (value or "").startswith(("data:", "#"))
    ]
    assert outside == []
    assert not [name for _, name, _ in tags.attributes if name.startswith("on")]
    assert "@import" not in text
    assert "url(http" not in text


def test_a_browser_is_told_to_run_no_script_but_the_pages_own(finished):
    text = finished[1].read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text
    )
    assert script.startswith('"use strict";')


def test_what_a_run_was_made_with_makes_it_again(ntpt, finished, tmp_path):
    run, page = finished
    command = html.unescape(re.search(r'class="command"><code>(.*?)</code>', page.read_text())[1])
    words = shlex.split(command)
    assert words[:3] == ["ntpt", "learn", "add2x2/top"]
    assert ntpt(*words[1:], "--out", tmp_path / "again")[0] == 0
    first, second = (json.loads((one / "result.json").read_text()) for one in (run, tmp_path / "again"))
    changes = ("seconds", "search_seconds", "checksum", "of")
    assert {name: first[name] for name in first if name not in changes} == {
        name: second[name] for name in second if name not in changes
    }


@pytest.mark.usefixtures("finished")
def test_a_page_of_a_run_that_is_kept_is_the_one_that_learning_wrote(ntpt, learned, tmp_path):
    there = learned["in"]  # pages name the folder of their run
    assert ntpt("show", there / "run", "--html", tmp_path / "again.html")[0] == 0
    assert (tmp_path / "again.html").read_text() == (there / "page.html").read_text()


def test_a_page_is_written_over_another_one_but_over_no_folder(ntpt, refused, finished, tmp_path):
    run, page = finished
    assert ntpt("show", run, "--html", page)[0] == 0
    before = page.read_text()
    page.write_text("something else")
    assert ntpt("show", run, "--html", page)[0] == 0
    assert page.read_text() == before
    assert "expected a file in a folder that is there" in refused(
        "show", run, "--html", tmp_path / "no" / "p"
    )
    assert f"expected a file, got the folder {run}" in refused("show", run, "--html", run)


def test_a_page_takes_no_other_files_place(ntpt, refused, finished, tmp_path):
    run, page = finished
    error = refused("show", run, "--html", run / "result.json")
    assert "result.json: expected a page's ending, .html, got .json; rename the file" in error
    same = tmp_path / "same"
    error = refused("show", run, "--plot", same, "--html", tmp_path / "." / "same")
    assert f"--html: expected another file than --plot writes, got {same}; name another" in error
    assert not same.exists()
    assert "expected a file, got -, which is none; name one" in refused("show", run, "--html", "-")
    assert ntpt("show", run, "--html", page)[0] == 0


def test_a_name_that_is_no_utf_8_is_an_escape(ntpt, finished, tmp_path):
    named = tmp_path / "run-\udcff"
    finished[0].rename(named)
    assert ntpt("show", named, "--html", tmp_path / "p.html")[0] == 0
    assert r"run-\udcff" in (tmp_path / "p.html").read_text()


def test_of_a_run_that_is_not_finished_there_is_no_page(refused, finished, tmp_path):
    run, _ = finished
    shutil.copytree(run, tmp_path / "part")
    (tmp_path / "part" / "result.json").unlink()
    error = refused("show", tmp_path / "part", "--html", tmp_path / "part.html")
    assert "got one that is not finished: no result.json in it" in error
    assert not (tmp_path / "part.html").exists()


MINE = """
from tests.two_registers import execute, sum_task
task = sum_task(execute=execute)
"""


def test_a_page_says_that_the_task_is_gone(ntpt, user_file, tmp_path):
    file = user_file("mine.py", MINE)
    assert ntpt("learn", "mine.py:task", *QUICK, "--out", "run", "--html", "before.html")[0] == 0
    file.unlink()
    assert ntpt("show", "run", "--html", "after.html")[0] == 0
    before, after = (seen((tmp_path / f"{name}.html").read_text()) for name in ("before", "after"))
    assert "ntpt evaluate run --instance 0" in before
    assert "ntpt evaluate" not in after
    assert "expected the task mine.py:task, which the run is of, got none" in after
    assert "function = " in after  # what the run itself keeps is there
    assert "training steps in" in after


def test_a_page_says_that_the_networks_are_gone(ntpt, tmp_path):
    keep_run(tmp_path / "run", "add2x2/top", {})
    code, _, error = ntpt("show", tmp_path / "run", "--html", tmp_path / "page.html")
    assert (code, error) == (0, "")
    text = seen((tmp_path / "page.html").read_text())
    assert "The run kept no library: the networks that the program calls are gone." in text
    assert "Nothing was trained" in text


def test_a_page_says_which_files_of_a_run_are_gone(ntpt, refused, finished, tmp_path):
    run, _ = finished
    for name in ("history.json", "library.safetensors"):
        (run / name).unlink()
    assert "got no history.json in it" in refused("show", run)
    assert ntpt("show", run, "--html", tmp_path / "after.html")[0] == 0
    text = seen((tmp_path / "after.html").read_text())
    assert "The run kept no library: the networks that the program calls are gone." in text
    assert "The run kept no history of it, so its way cannot be drawn." in text


def test_a_page_says_that_the_data_are_gone(ntpt, monkeypatch, finished, tmp_path):
    from ntpt_pyro.errors import DataError
    from ntpt_pyro.tasks import image_task

    def gone(*where, **more):
        raise DataError("MNIST", expected="files", got="none", remedy="name their folder")

    monkeypatch.setattr(image_task, "load_digits", gone)
    code, _, error = ntpt("show", finished[0], "--html", tmp_path / "page.html")
    assert (code, error) == (0, "")
    text = seen((tmp_path / "page.html").read_text())
    assert text.count("MNIST: expected files, got none; name their folder") == 2  # examples, networks
    assert "R0 = READ" in text


def test_a_page_says_that_there_are_other_data(ntpt, finished, monkeypatch, tmp_path):
    from ntpt_pyro.tasks import image_task

    before = image_task.load_digits

    def others(*where, **more):
        found = before(*where, **more)
        return type(found)(found.images, found.labels, "images of elsewhere")

    monkeypatch.setattr(image_task, "load_digits", others)
    assert ntpt("show", finished[0], "--html", tmp_path / "page.html")[0] == 0
    assert "The run was made with other data: random images, train; random images, test." in seen(
        (tmp_path / "page.html").read_text()
    )


def test_names_of_users_are_escaped(ntpt, user_file, tmp_path):
    evil = "</script><script>alert(1)</script><b title=\"x\" on='y'>&amp;"
    user_file(
        "mine.py",
        f"from tests.two_registers import execute, sum_task\nEVIL = {evil!r}\n"
        "task = sum_task(execute=execute, words=lambda site, n: f'{EVIL}{n}', name=EVIL,\n"
        "    source=lambda program: [EVIL, f'return {EVIL}2'])\n",
    )
    assert ntpt("learn", "mine.py:task", *QUICK, "--out", "run", "--html", "page.html")[0] == 0
    text = (tmp_path / "page.html").read_text()
    parsed(text)
    assert text.count("<script>") == text.count("</script>") == 1
    assert evil not in text
    assert evil in html.unescape(text)


def test_a_page_is_made_in_time(ntpt, finished, tmp_path):
    """Of a run folder, in less than 5 s; on a machine that does much else it may take thrice as long."""
    began = time.process_time()
    assert ntpt("show", finished[0], "--html", tmp_path / "page.html")[0] == 0
    assert time.process_time() - began < 5


def test_a_page_that_would_be_large_plays_fewer_examples(ntpt, monkeypatch, finished, tmp_path):
    run, page = finished
    most = len(page.read_bytes()) * 3 // 4
    monkeypatch.setattr(run_page, "MOST_BYTES", most)
    assert ntpt("show", run, "--html", tmp_path / "small.html")[0] == 0
    text = (tmp_path / "small.html").read_text()
    assert len(text.encode()) <= most
    assert 1 <= text.count('<article class="example') < page.read_text().count('<article class="example')


@pytest.mark.parametrize(
    "command",
    [
        "posterior mine.py:task --prior fewest-read --seed 3",
        "learn mine.py:task --strategy solver --seed 3 --alternatives 1",
    ],
)
def test_the_command_says_what_is_not_the_default(ntpt, user_file, tmp_path, command):
    user_file("mine.py", MINE)
    assert ntpt(*command.split(), "--html", "page.html")[0] == 0
    text = seen((tmp_path / "page.html").read_text())
    said = re.search(r"makes the run again: ntpt (.*?) task ", text)[1]
    assert set(said.split()) == set(command.split())
    assert "ntpt evaluate" not in text  # there is no folder to evaluate


def test_the_library_of_another_run_is_named(ntpt, library, tmp_path):
    page = tmp_path / "page.html"
    code, _, error = ntpt(
        "learn", "add2x2/top", *FLAGS, "--library", library, "--out", tmp_path / "run", "--html", page
    )
    assert (code, error) == (0, "")
    text = seen(page.read_text())
    assert "ntpt learn add2x2/top --lines 2 --library LIBRARY --strategy marginal" in text
    assert "LIBRARY is the one that the run began with: net_0 for 1 steps, net_1 for 1 steps." in text


def test_a_confusion_table_counts_what_a_network_reads(ntpt, tmp_path):
    from ntpt_pyro.tasks.image_task import digits

    library = Library([net_0], seed=0)
    program = {site: 0 for k in range(1, 5) for site in (f"instr_{k}", f"left_{k}", f"right_{k}")} | {
        "return": 0
    }
    keep_run(tmp_path / "run", "add2x2/top", program, library)
    assert ntpt("show", tmp_path / "run", "--html", tmp_path / "page.html")[0] == 0
    text = (tmp_path / "page.html").read_text()
    (table,) = re.findall(r'<table class="confusion">.*?</table>', text, flags=re.DOTALL)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table, flags=re.DOTALL)
    counts = [[int(cell) for cell in re.findall(r">(\d+)</td>", row)] for _, row in rows]
    images = digits("test", None)
    with torch.no_grad():
        reads = library["net_0"](images.images).argmax(-1)
    by_hand = [[int(((images.labels == i) & (reads == j)).sum()) for j in range(10)] for i in range(10)]
    assert counts == by_hand
    assert [word for word, _ in rows] == [str(n) for n in range(10)]
    right = int((reads == images.labels).sum())
    assert f"It reads {right}.0% of them right." in seen(text)  # of a hundred images
