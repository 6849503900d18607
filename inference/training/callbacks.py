"""What is called after every step of a training, and may end it."""

from collections.abc import Callable
from statistics import mean
from typing import Any

from ntpt_pyro.bounds import check_count
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


class Halving:
    """A callback that gives up the half of the restarts that explain least, once and again.

    A restart is as good as its running log-likelihood of what it is trained on. Which one explains the data
    in the end is seen early: of 32 restarts it is among the best few long before its program is right, so
    that what is given up saves time and hardly ever the program (``docs/results/learning.md``).

    Where there is no likelihood of a restart, because choices are summed over, nobody is given up; nor where
    restarts cannot be told apart, see :meth:`Training.keep
    <ntpt_pyro.inference.Training.keep>`. It keeps nothing itself, so that a resumed run goes on as an
    unbroken one.

    :param every: steps before the first half is given up, and before the next, at least 1.
    :param times: how often, at least 1.
    :param least: restarts that always go on, at least 1.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe
    >>> def model(bits):
    ...     bit = choice("bit", 2)
    ...     with pyro.plate("examples", len(bits)):
    ...         observe("result", bit, bits)
    >>> from ntpt_pyro.inference import fit
    >>> halving = Halving(10, least=2)
    >>> state = fit(model, (torch.tensor([1, 1]),), restarts=8, steps=50, callbacks=[halving])
    >>> len(state.kept)
    2
    """

    def __init__(self, every: int, *, times: int = 2, least: int = 4) -> None:
        for name, number in (("every", every), ("times", times), ("least", least)):
            check_count(name, number, at_least=1)
        self.every = every
        self.times = times
        self.least = least

    def __repr__(self) -> str:
        """The callback as it could be typed."""
        return f"Halving({self.every}, times={self.times}, least={self.least})"

    def last(self, state: Training, steps: int) -> int:
        """The last step after which restarts are given up: before it no step is worth recording.

        :param state: of the training, before its first step.
        :param steps: that it will take.
        :returns: the step; 0 where none are given up.
        """
        if not state.may_give_up or state.restarts.size <= self.least:
            return 0
        return self.every * min(self.times, max(0, steps - 1) // self.every)

    def __call__(self, state: Training) -> None:
        """Give up a half, where it is time.

        :param state: of the training.
        """
        if state.step % self.every or state.step > self.every * self.times or not state.may_give_up:
            return
        running = state.restarts.running_log_likelihood
        left = max(self.least, (len(running) + 1) // 2)
        if left < len(running) and running.any():
            state.keep(running.argsort(descending=True, stable=True)[:left].sort().values.tolist())


class EarlyStop:
    """A callback that ends the training when the loss has stopped falling.

    It compares the mean loss of the last ``window`` steps with that of the ``window`` steps before, and keeps
    nothing itself, so that a resumed run stops where an unbroken one does. A loss is a sum over restarts:
    where some are given up (:class:`Halving`) it falls by that, and this ends the training a window later.

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
