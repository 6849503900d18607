"""`ntpt tasks`: what there is to learn, a line each, and the strategies."""

from importlib.metadata import EntryPoint

from ntpt_pyro.runs import method_names
from ntpt_pyro.runs.methods.named import ABOUT
from ntpt_pyro.tasks import registry, task_names


def test_there_is_a_line_for_each_task_and_each_way_to_name_one(ntpt):
    code, printed, error = ntpt("tasks")
    assert (code, error) == (0, "")
    tasks, strategies = printed.split("\n\n")
    names = [line.split()[0] for line in tasks.splitlines()]
    assert names == [*task_names(), "FILE.py:NAME", "FILE.terpret:DATA"]
    assert all(len(line.split()) > 3 for line in tasks.splitlines())
    title, *lines = strategies.splitlines()
    assert title == "strategies (--strategy):"
    assert [line.split()[0] for line in lines] == method_names() == list(ABOUT)
    assert all(line.split(maxsplit=1)[1] == ABOUT[line.split()[0]] for line in lines)
    assert max(map(len, printed.splitlines())) <= 80


def test_installed_tasks_are_listed_and_a_broken_one_does_not_hide_the_others(ntpt, monkeypatch):
    points = {"sums": "tests.two_registers:sum_task", "broken": "no_such_package:task"}
    made = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: made)
    code, printed, error = ntpt("tasks")
    assert (code, error) == (0, "")
    lines = {line.split()[0]: line for line in printed.splitlines() if line}
    assert lines["sums"].endswith("A function of two registers, and the register that is returned.")
    assert "(cannot be loaded: ModuleNotFoundError: No module named 'no_such_package')" in lines["broken"]
    assert "path_len" in lines
