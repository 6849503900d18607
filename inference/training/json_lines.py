"""A log of a training as JSON, a line every so many steps."""

import json
from pathlib import Path
from typing import Any

from ntpt_pyro._files import write_bytes
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.logged_step import StepLogger, log_likelihoods_of
from ntpt_pyro.inference.training.training import Training


class JsonLines(StepLogger):
    """A callback that adds a line of JSON to a file every so many steps.

    A line has ``step``, ``loss`` (in nats an example, the mean of the restarts), ``log_likelihood`` (by
    restart the running mean of an example's, in nats) and ``seconds`` since the first step of this session.
    Where several trainings follow each other, as in :func:`~ntpt_pyro.induce`, it also has ``phase``; where
    restarts were given up, ``restarts``, the numbers of those that are left.

    A training that goes on from a checkpoint goes on in the file: lines of steps that it takes again are
    replaced, and a line that was cut short is taken away. So a file has every step once, in order. A training
    that begins anew takes the place of what the file holds of an earlier one.

    :param path: the file; its folder is there.
    :param every: steps between two lines, at least 1.
    :param anew: take the place of all that the file holds, when the first step is taken; without it lines of
        other phases stay, as for a run that goes on.
    :param phase: the name of the training, where it is one of several.
    :raises UsageError: where the folder is missing, or the file holds something else than such lines.

    >>> import pyro, tempfile, torch
    >>> from ntpt_pyro import choice, observe, one_hot, select
    >>> from ntpt_pyro.inference import fit
    >>> def model(x, y=None):
    ...     place = choice("place", 3)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", select(place, one_hot(x, 5)), y)
    >>> x = torch.randint(5, (20, 3))
    >>> file = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> trained = fit(model, (x, x[:, 1]), restarts=2, steps=20, callbacks=[JsonLines(file, every=10)])
    >>> lines = [json.loads(line) for line in file.read_text().splitlines()]
    >>> [line["step"] for line in lines], len(lines[-1]["log_likelihood"])
    ([10, 20], 2)
    """

    def __init__(self, path: Path | str, *, every: int = 1, anew: bool = False, phase: str = "") -> None:
        super().__init__(every)
        self._anew = [anew]
        """Whether nothing was written yet that is to stay; the phases of a run share it."""
        self.path = Path(path)
        self.phase = phase
        if self.path.is_dir() or not self.path.parent.is_dir():
            there = self.path.is_dir()
            raise UsageError(
                str(self.path),
                expected="a file of lines, in a folder that is there",
                got="a folder" if there else f"no folder {self.path.parent}",
                remedy="name a file in it" if there else "make the folder first",
            )
        self._lines()

    def __repr__(self) -> str:
        """Where to, and how often."""
        return f"JsonLines({str(self.path)!r}, every={self.every})"

    def in_phase(self, phase: str) -> "JsonLines":
        """The same for one of several trainings.

        :param phase: its name.
        :returns: a callback that writes to the same file.
        """
        found = JsonLines(self.path, every=self.every, phase=phase)
        found._anew = self._anew
        return found

    def _begin(self, step: int) -> None:
        kept = []
        for line, content in [] if self._anew[0] else self._lines():
            if content.get("phase", "") == self.phase and content["step"] >= step:
                break
            kept.append(line)
        self._anew[0] = False
        write_bytes(self.path, "".join(f"{line}\n" for line in kept).encode())

    def _note(self, state: Training, seconds: float) -> None:
        line: dict[str, Any] = {"phase": self.phase} if self.phase else {}
        line |= {"step": state.step, "loss": state.mean_loss, "log_likelihood": log_likelihoods_of(state)}
        if state.kept != [*range(len(state.kept))]:
            line["restarts"] = state.kept
        line["seconds"] = round(seconds, 3)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _lines(self) -> list[tuple[str, dict[str, Any]]]:
        """The lines of the file with what they hold, without one that was cut short."""
        found = []
        text = self.path.read_bytes().decode(errors="replace") if self.path.exists() else ""
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            try:
                content = json.loads(line)
                known = isinstance(content, dict) and isinstance(content.get("step"), int)
            except ValueError:
                known = False
            if known:
                found.append((line.rstrip("\n"), content))
            elif not _cut_short(line):
                raise UsageError(
                    str(self.path),
                    expected="lines of a training's steps, or a new file",
                    got=f"line {number}: {line.strip()!r:.60}",
                    remedy="name another file",
                )
        return found


def _cut_short(line: str) -> bool:
    """Whether a line is the beginning of one that was being written when all ended."""
    begin = tuple(f'{{"{name}": ' for name in ("phase", "step"))
    return not line.endswith("\n") and any(line.startswith(one) or one.startswith(line) for one in begin)
