"""What loggers say of a training after a step: its loss, how likely the restarts make the data, the time."""

import math
import time

from ntpt_pyro.bounds import check_count
from ntpt_pyro.inference.training.training import Training


class StepLogger:
    """A callback that notes a training every so many steps; where to is for the classes below it to say.

    :param every: steps between two notes, at least 1.
    :raises UsageError: where that is less.
    """

    def __init__(self, every: int) -> None:
        check_count("every", every, at_least=1)
        self.every = int(every)
        self._last = 0
        self._began = 0.0

    def __call__(self, state: Training) -> None:
        """Note a step, where it is time.

        :param state: of the training.
        """
        if not self._last or state.step <= self._last:  # the first step, or that of another training
            self._began = time.monotonic()
            self._begin(state.step)
        self._last = state.step
        if state.step % self.every == 0:
            self._note(state, time.monotonic() - self._began)

    def _begin(self, step: int) -> None:
        """Make ready for a step and those after it; what is noted of them is of a training cut short."""
        raise NotImplementedError

    def _note(self, state: Training, seconds: float) -> None:
        """Note a step, so many seconds after the first of this session."""
        raise NotImplementedError


def log_likelihoods_of(state: Training) -> list[float | None]:
    """How likely each restart makes the data.

    :param state: of a training, after a step.
    :returns: by restart, the running mean of an example's log-likelihood, in nats; None where it is infinite.
    """
    running = state.restarts.running_log_likelihood.detach().double().tolist()
    return [round(one, 6) if math.isfinite(one) else None for one in running]
