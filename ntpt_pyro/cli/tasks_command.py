"""``ntpt tasks``: the tasks and the strategies that there are, a line each."""

from collections.abc import Mapping

from ntpt_pyro.cli import options
from ntpt_pyro.cli.outputs import Outputs, print_json, with_outputs
from ntpt_pyro.errors import NtptError

app = options.command_app()


@app.command()
@with_outputs("json", about={"json": "print one JSON document: names, and what they are"})
def tasks(outputs: Outputs) -> None:
    """List the tasks that can be learned by name, and the strategies."""
    from ntpt_pyro.runs.methods.named import about, method_names
    from ntpt_pyro.tasks.registry import task_names

    rows = {name: _about(name) for name in task_names()}
    ways = {name: about(name) for name in method_names()}
    if outputs.json:
        print_json({"tasks": rows, "strategies": ways})
        return
    rows["FILE.py:NAME"] = "a task of your own: NAME = Task(model, examples=...)"
    rows["FILE.terpret:DATA"] = "a program text; FILE.hypers.json and FILE.DATA.json beside it"
    _print_rows(rows)
    print("\nstrategies (--strategy):")
    _print_rows(ways)


def _print_rows(rows: Mapping[str, str]) -> None:
    """Names, each with what it is."""
    width = max(map(len, rows)) + 2
    for name, about in rows.items():
        print(f"{name:<{width}}{about}".rstrip())


def _about(name: str) -> str:
    """What a task is, and the strategy that suits it where it is none of all tasks'."""
    from ntpt_pyro.tasks.registry import find_task

    try:
        task = find_task(name)
    except NtptError as error:  # a package that brings a task may be broken
        return f"(cannot be loaded: {error.got})"
    return f"{task.about} ({task.defaults['strategy']})" if "strategy" in task.defaults else task.about
