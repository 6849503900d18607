"""A training as TensorBoard shows it."""

import weakref
from pathlib import Path
from typing import Any

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.training.logged_step import StepLogger, log_likelihoods_of
from ntpt_pyro.inference.training.training import Training


class TensorBoard(StepLogger):
    """A callback that writes to a folder what TensorBoard shows; look with ``tensorboard --logdir FOLDER``.

    Every so many steps it writes ``loss`` (in nats an example, the mean of the restarts) and
    ``log_likelihood/best``, ``/median`` and ``/worst``: of the restarts, the running mean of an example's, in
    nats. Where several trainings follow each other, as in :func:`~ntpt_pyro.induce`, each has a folder of its
    own inside. A training that goes on from a checkpoint goes on in the picture.

    It needs the package tensorboard: ``pip install 'ntpt-pyro[tensorboard]'``.

    :param folder: where to; it is made.
    :param every: steps between two points, at least 1.
    :raises UsageError: where tensorboard is not installed, or there is a file of that name.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from tempfile import mkdtemp
    >>> from ntpt_pyro.inference import fit
    >>> folder = Path(mkdtemp())
    >>> state = fit(model, (torch.tensor([1, 1]),), steps=20, callbacks=[TensorBoard(folder, every=10)])
    >>> len(list(folder.glob("events.*")))
    1
    """

    def __init__(self, folder: Path | str, *, every: int = 1) -> None:
        super().__init__(every)
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(
                "TensorBoard",
                expected="a folder",
                got=f"the file {self.folder}",
                remedy="name a folder, or log lines to the file by JsonLines",
            )
        self._make = _writer()
        self._writer: Any = None

    def __repr__(self) -> str:
        """Where to, and how often."""
        return f"TensorBoard({str(self.folder)!r}, every={self.every})"

    def in_phase(self, phase: str) -> "TensorBoard":
        """The same for one of several trainings.

        :param phase: its name.
        :returns: a callback that writes to a folder inside.
        """
        return TensorBoard(self.folder / phase, every=self.every)

    def _begin(self, step: int) -> None:
        self._writer = self._make(str(self.folder), purge_step=step)
        weakref.finalize(self, self._writer.close)

    def _note(self, state: Training, seconds: float) -> None:
        self._writer.add_scalar("loss", state.mean_loss, state.step)
        known = sorted(one for one in log_likelihoods_of(state) if one is not None)
        if known:
            of = {"best": known[-1], "median": known[len(known) // 2], "worst": known[0]}
            for name, value in of.items():
                self._writer.add_scalar(f"log_likelihood/{name}", value, state.step)
        self._writer.flush()


def _writer() -> Any:
    """The class that writes; raises where its package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "TensorBoard",
            expected="the package tensorboard",
            got="none installed",
            remedy="pip install 'ntpt-pyro[tensorboard]', or log lines of JSON by JsonLines",
        ) from error
    return SummaryWriter
