"""A figure of a run in a file, in the format that its ending names."""

from collections.abc import Sequence
from pathlib import Path

from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.report.figure_files import write_figure
from ntpt_pyro.runs.history import Snapshot
from ntpt_pyro.runs.results import ProgramResult
from ntpt_pyro.runs.run_drawing import draw_run


def draw_posterior(
    result: ProgramResult, posterior: Posterior, file: Path, *, snapshots: Sequence[Snapshot] = ()
) -> None:
    """Draw the marginals of the choices; below them what programs compute, and how the marginals came about.

    :param result: of the run.
    :param posterior: of the choices.
    :param file: where to; its ending gives the format (png, svg, pdf).
    :param snapshots: of the training.
    :raises UsageError: where the ending is no format.
    """
    figure, _ = draw_run(result, posterior, snapshots)
    write_figure(figure, file)
