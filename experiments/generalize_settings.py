"""What decides a comparison of models of MATH. The command line reads it before it knows of torch."""

from dataclasses import dataclass

from ntpt_pyro.runs.settings import check_bounds, counted


@dataclass(frozen=True)
class GeneralizeSettings:
    """What decides a comparison of models of MATH; what each setting is stands beside it.

    :raises UsageError: where a number is out of its bounds.
    """

    tapes: int = counted(2000, "expressions of each length that models are tried on", at_most=10**6)
    examples: int = counted(
        30_000, "two-digit expressions that a program is learned from", at_least=10, at_most=10**6
    )
    steps: int = counted(2500, "training steps of a program and its networks")
    lstm_steps: int = counted(10_000, "training steps of the LSTM")
    hidden: int = counted(256, "of each of its three layers; the paper's has 1024", at_most=8192)
    neural_gpu_steps: int = counted(10_000, "training steps of the Neural GPU")
    filters: int = counted(32, "of the Neural GPU; the paper's has 512", at_most=8192)

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_bounds(self)
