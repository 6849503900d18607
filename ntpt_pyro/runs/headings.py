"""What a table or a figure of the choices' probabilities is headed by: a guide's are not the posterior's."""

from ntpt_pyro.runs.methods.named import has_guide
from ntpt_pyro.runs.results import LearnedResult, ProgramResult

GUIDE = "the guide's probabilities of the choices, each by itself"
"""Of what training ends with: of programs that explain the examples as well a guide settles for one."""
POSTERIOR = "posterior of the choices, each by itself"
"""Of what is exact."""


def heading_of(result: ProgramResult) -> str:
    """What the probabilities of a run's choices are.

    :param result: of the run.
    :returns: in words.
    """
    return GUIDE if isinstance(result, LearnedResult) and has_guide(result.strategy) else POSTERIOR
