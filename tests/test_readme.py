"""The README tells the truth: its model runs and finds its program; its figures are the recorded ones."""

import contextlib
import io
import re
from pathlib import Path

import torch

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_model_in_the_readme_learns_its_program():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    finally:
        torch.set_num_threads(threads)
    assert printed.getvalue().strip() in (
        "{'left': 0, 'right': 2, 'operation': 0}",
        "{'left': 2, 'right': 0, 'operation': 0}",
    )
