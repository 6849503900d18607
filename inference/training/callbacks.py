"""What is called after every step of a training, and may end it."""

from collections.abc import Callable
from statistics import mean
from typing import Any

from ntpt_pyro.inference.training.training import Training

Callback = Callable[[Training], bool | None]
"""Called after every step; True ends the training."""


def in_phase(callback: Callback, phase: str) -> Callback:
    """A callback for one of several trainings that follow each other, each of which counts steps from 1.

    :param callback: where it has a method ``in_phase``, that is asked for one of the phase, as of
        :class:`~ntpt_pyro.inference.JsonLines`; any other is the same for all.
    :param phase: the name of the training, such as ``search-1`` or ``train-on``.
    :returns: the callback to be called after its steps.

    >>> def show(training): print(training.step)
    >>> in_phase(show, "search-1") is show
    True
    """
    own: Any = getattr(callback, "in_phase", None)
    found: Callback = callback if own is None else own(phase)
    return found


class EarlyStop:
    """A callback that ends the training when the loss has stopped falling.

    It compares the mean loss of the last ``window`` steps with that of the ``window`` steps before, and keeps
    nothing itself, so that a resumed run stops where an unbroken one does.

    :param window: steps in each mean, at least 1.
    :param least_gain: the fall of the mean that counts as one, in nats an example.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import fit
    >>> state = fit(model, (torch.tensor([1, 1]),), steps=1000, callbacks=[EarlyStop(50, least_gain=1e-3)])
    >>> len(state.losses) < 1000
    True
    """

    def __init__(self, window: int, *, least_gain: float = 0.0) -> None:
        self.window = window
        self.least_gain = least_gain

    def __repr__(self) -> str:
        """The callback as it could be typed."""
        return f"EarlyStop({self.window}, least_gain={self.least_gain})"

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
