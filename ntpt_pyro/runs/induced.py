"""What inducing gives: the program, how well it does, its posterior, its functions."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ntpt_pyro.inference.posterior.panels import Panels
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.history import Snapshots
from ntpt_pyro.runs.results import ProgramResult
from ntpt_pyro.runs.run_drawing import draw_run
from ntpt_pyro.runs.run_html import run_html

if TYPE_CHECKING:
    from xarray import DataTree


@dataclass(frozen=True, repr=False)
class Induced:
    """A program that was induced.

    :param result: the program, how well it does, and what it was found with.
    :param posterior: over the choices: of the best restart's guide, or over all programs.
    :param library: the functions, as they are then; empty where the task has none.
    :param snapshots: of the training on its way; none where nothing was trained.
    """

    result: ProgramResult
    posterior: Posterior
    library: Library
    snapshots: Snapshots = field(default_factory=list)

    @property
    def program(self) -> dict[str, int]:
        """Every choice's integer by site."""
        return self.result.choices

    @property
    def text(self) -> str:
        """The text of the program."""
        return "\n".join(map(str, self.result.lines))

    def __repr__(self) -> str:
        """Of which task it is and whether it is right, in one line."""
        verdict = {True: "right", False: "wrong", None: "not judged"}[self.result.program_correct]
        return f"<Induced program of {self.result.task}, {verdict}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return run_html(self.result, self.posterior)

    def plot(self) -> Panels:
        """Draw the run: the marginals of the choices, what programs compute, the course of the training.

        Nothing is shown and nothing of pyplot changes; the panels show themselves in a notebook, and
        ``panels.figure.savefig(file)`` writes them.

        :returns: the panels from top to bottom, those that there is anything for.
        """
        figure, panels = draw_run(self.result, self.posterior, self.snapshots)
        return Panels(panels, figure)

    def to_xarray(self, draws: int = 1000, *, chains: int = 4, seed: int = 0) -> "DataTree":
        """The posterior as a tree of data sets, alternatives by the task's words.

        :param draws: see :meth:`~ntpt_pyro.Posterior.to_xarray`.
        :param chains: see there.
        :param seed: see there.
        :returns: see there.
        :raises UsageError: see there.
        """
        return self.posterior.to_xarray(draws, chains=chains, seed=seed, words=self.result.word)
