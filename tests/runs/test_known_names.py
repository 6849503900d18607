"""Names that are read from sources are those that there are."""

import subprocess
import sys
from importlib.metadata import EntryPoint

from ntpt_pyro.inference import STRATEGIES
from ntpt_pyro.runs import known_names, method_names
from ntpt_pyro.runs.known_names import gradient_names, known_tasks, strategy_names, table_of
from ntpt_pyro.runs.methods.named import ABOUT
from ntpt_pyro.tasks import registry, task_names


def test_they_are_the_registered_ones():
    assert known_tasks() == task_names()
    assert list(strategy_names()) == method_names()
    assert strategy_names() == ABOUT
    assert gradient_names() == list(STRATEGIES)


def test_those_of_installed_packages_are_among_them(monkeypatch):
    made = [EntryPoint("sums", "tests.two_registers:sum_task", registry.GROUP)]
    monkeypatch.setattr(known_names, "entry_points", lambda group: made if group == registry.GROUP else [])
    assert known_tasks()[-1] == "sums"


def test_nothing_heavy_is_imported_for_them():
    script = "import sys; from ntpt_pyro.runs.known_names import *; known_tasks(); strategy_names()"
    script += "; print(sorted({'torch', 'pyro', 'numpy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_table_that_is_not_written_out_is_imported(tmp_path, monkeypatch):
    (tmp_path / "made_up_tasks.py").write_text('TASKS = {f"made/{n}": n for n in range(2)}\n')
    (tmp_path / "written_out.py").write_text('TASKS: dict = {"one": "a text", "two": 2}\nraise ValueError\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert table_of("made_up_tasks", "TASKS") == {"made/0": "", "made/1": ""}
    assert table_of("written_out", "TASKS") == {"one": "a text", "two": ""}
    monkeypatch.delitem(sys.modules, "made_up_tasks")
