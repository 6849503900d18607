"""``ntpt tasks``: the tasks and the strategies that there are, a line each."""

from collections.abc import Mapping
from typing import Any

from ntpt_pyro.cli import options

app = options.command_app()


@app.command()
def tasks() -> None:
    """List the tasks that can be learned by name, and the strategies."""
    from ntpt_pyro.runs.methods.named import method_names
    from ntpt_pyro.tasks.registry import find_task, task_names

    known = [find_task(name) for name in task_names()]
    rows = {task.name: f"{task.about}{_suited(task.defaults)}" for task in known}
    rows["FILE.py:NAME"] = "a task of your own: NAME = Task(model, examples=(inputs, results))"
    rows["FILE.terpret:DATA"] = "a program text, with FILE.hypers.json and FILE.DATA.json beside it"
    width = max(map(len, rows)) + 2
    for name, about in rows.items():
        print(f"{name:<{width}}{about}")
    print(f"\nstrategies: {', '.join(method_names())}")


def _suited(defaults: Mapping[str, Any]) -> str:
    return f" ({defaults['strategy']})" if "strategy" in defaults else ""
