"""What is called after every step of a training, and may end it."""

from collections.abc import Callable
from statistics import mean

from ntpt_pyro.inference.training.training import Training

Callback = Callable[[Training], bool | None]
"""Called after every step; True ends the training."""


class EarlyStop:
    """A callback that ends the training when the loss has stopped falling.

    It compares the mean loss of the last ``window`` steps with that of the ``window`` steps before, and keeps
    nothing itself, so that a resumed run stops where an unbroken one does.

    :param window: steps in each mean, at least 1.
    :param least_gain: the fall of the mean that counts as one, in nats an example.
    """

    def __init__(self, window: int, *, least_gain: float = 0.0) -> None:
        self.window = window
        self.least_gain = least_gain

    def __call__(self, state: Training) -> bool:
        """Compare the losses so far, once a window.

        :param state: of the training.
        :returns: True where the training should end.
        """
        if state.step < 2 * self.window or state.step % self.window:
            return False
        recent = state.losses[-self.window :]
        before = state.losses[-2 * self.window : -self.window]
        return mean(before) - mean(recent) <= self.least_gain
