"""Gradient noise (Neelakantan et al. 2015), measured here and not kept as a setting: it helped nowhere."""

import math

import torch
from torch import Tensor

from ntpt_pyro.inference import Training


class GradientNoise:
    """A callback that adds normal noise to the gradient of the choices' logits, from the second step on.

    Its variance is ``eta / (1 + t)^0.55`` at step t, for the gradient of one example's log-likelihood; drawn
    from torch's global random state.

    :param eta: of that variance; 0 adds none.
    :param examples: of a step.
    """

    def __init__(self, eta: float, *, examples: int) -> None:
        self._eta, self._examples = eta, examples
        self._size = 0.0
        self._begun = False

    def __call__(self, training: Training) -> bool:
        """See :func:`~ntpt_pyro.inference.train`.

        :param training: under way.
        :returns: False: it never ends a training.
        """
        self._size = self._examples * math.sqrt(self._eta / (1 + training.step) ** 0.55)
        if self._eta and not self._begun:
            for parameter in training.guide.parameters():
                parameter.register_hook(self._noisy)
            self._begun = True
        return False

    def _noisy(self, gradient: Tensor) -> Tensor:
        return gradient + self._size * torch.randn_like(gradient)
