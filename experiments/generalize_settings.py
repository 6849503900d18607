"""What decides a comparison of models of MATH. The command line reads it before it knows of torch."""

from dataclasses import dataclass

from ntpt_pyro.runs.settings import check_bounds, setting


@dataclass(frozen=True)
class GeneralizeSettings:
    """What decides a comparison of models of MATH; what each setting is stands beside it.

    :raises UsageError: where a number is out of its bounds.
    """

    tapes: int = setting(2000, "expressions of each length that models are tried on", at_least=1)
    examples: int = setting(30_000, "two-digit expressions that a program is learned from", at_least=10)
    steps: int = setting(2500, "training steps of a program and its networks", at_least=1)
    lstm_steps: int = setting(10_000, "training steps of the LSTM", at_least=1)
    hidden: int = setting(256, "of each of its three layers; the paper's has 1024", at_least=1)
    neural_gpu_steps: int = setting(10_000, "training steps of the Neural GPU", at_least=1)
    filters: int = setting(32, "of the Neural GPU; the paper's has 512", at_least=1)

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_bounds(self)
