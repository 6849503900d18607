"""The distributions that the language and its strategies put on sites.

All have event shape ``[n]``, a value on the simplex, except :class:`Output`, whose event is an integer.
They do less than Pyro's own (no argument checks, no second parameterisation), because a training step makes
and expands dozens of them; the sites check what a user can get wrong.
"""

from copy import copy
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import biject_to, constraints, transform_to

from ntpt_pyro.errors import SiteError
from ntpt_pyro.language.objectives import check_drawn
from ntpt_pyro.language.parts import drawn
from ntpt_pyro.language.values import Value, one_hot

Shape = torch.Size | list[int] | tuple[int, ...]


class _Vertex(constraints.Constraint):
    """Of a discrete site, whatever point of the simplex it yields: no density over the simplex fits it."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Value) -> Tensor:
        """Whether values are on the simplex, where strategies put them."""
        on_simplex: Tensor = constraints.simplex.check(value)
        return on_simplex


VERTEX = _Vertex()


def _no_density(constraint: _Vertex) -> None:
    """What automatic guides and HMC ask of a site that they take for a continuous one."""
    raise SiteError(
        "a choice or step",
        expected="a guide of choices, or enumeration",
        got="one that takes it for continuous, such as an AutoGuide, HMC or NUTS",
        remedy="make the guide by strategy.guide(model, ...), which covers other latents too, hide choices "
        "from it (poutine.block(model, hide=[...])), or run HMC on enumeration()(model)",
    )


biject_to.register(_Vertex, _no_density)
transform_to.register(_Vertex, _no_density)


class _Vertices(TorchDistribution):
    """What distributions over the vertices of a simplex share: one parameter ``[*batch, n]``."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support: ClassVar[Any] = VERTEX
    has_enumerate_support = True

    def __init__(self, parameter: Float[Tensor, "*batch n"]) -> None:
        self._parameter = parameter
        super().__init__(parameter.shape[:-1], parameter.shape[-1:], validate_args=False)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> "_Vertices":
        """The same distribution over a larger batch, as Pyro's plates ask."""
        larger = copy(self)
        larger._parameter = self._parameter.expand(tuple(batch_shape) + self.event_shape)
        larger._batch_shape = torch.Size(batch_shape)
        return larger

    def _draw(self, probs: Value, sample_shape: Shape) -> Value:
        categorical = torch.distributions.Categorical(probs, validate_args=False)
        return one_hot(categorical.sample(torch.Size(sample_shape)), probs.shape[-1], probs.dtype)

    def enumerate_support(self, expand: bool = True) -> Value:
        """Every vertex, ``[n, *batch, n]``, the batch of size 1 where ``expand`` is False."""
        size, like = self._parameter.shape[-1], self._parameter
        vertices = torch.eye(size, dtype=like.dtype, device=like.device)
        vertices = vertices.reshape(size, *(1,) * len(self.batch_shape), size)
        return vertices.expand(size, *self.batch_shape, size) if expand else vertices


class OneHot(_Vertices):
    """A one-hot categorical: the distribution that a choice has where no strategy says otherwise.

    Its log-probability is the multilinear extension ``sum_i x[i] * log p[i]``: at a vertex it is the
    categorical's, and it is defined inside the simplex too, where :class:`MeanOneHot` and
    :class:`RelaxedOneHot` put their values.

    :param normalised: log-probabilities ``[*batch, n]``.
    :param logits: in place of them log-probabilities that may lack a constant, as Pyro's own marginals give.

    >>> OneHot(logits=torch.tensor([-1.0, -1.0])).probs
    tensor([0.5000, 0.5000])
    """

    def __init__(
        self,
        normalised: Float[Tensor, "*batch n"] | None = None,
        *,
        logits: Float[Tensor, "*batch n"] | None = None,
    ) -> None:
        if normalised is None:
            assert logits is not None
            normalised = logits.log_softmax(-1)
        super().__init__(normalised)

    @property
    def probs(self) -> Value:
        """The probabilities."""
        return self._parameter.exp()

    @property
    def logits(self) -> Float[Tensor, "*batch n"]:
        """The normalised log-probabilities."""
        return self._parameter

    def sample(self, sample_shape: Shape = ()) -> Value:
        """Vertices drawn from torch's global random state, ``[*sample_shape, *batch, n]``."""
        check_drawn()
        return self._draw(self.logits.exp(), sample_shape)

    def log_prob(self, value: Value) -> Float[Tensor, "*batch"]:
        """The multilinear extension of the categorical's log-probability, ``[*batch]``."""
        return (value * self.logits).sum(-1)


class MeanOneHot(OneHot):
    """The point mass at the mean of a one-hot categorical, scored by the multilinear log-probability.

    At the mean of a guide ``q`` the prior's score is minus the cross-entropy, so that under
    :class:`pyro.infer.Trace_ELBO` model minus guide is exactly ``-KL(q || prior)``. Deterministic and
    reparameterised: gradients reach the logits through the mean.

    :param logits: normalised log-probabilities ``[*batch, n]``.
    """

    has_rsample = True
    has_enumerate_support = False

    def rsample(self, sample_shape: Shape = ()) -> Value:
        """The mean, ``[*sample_shape, *batch, n]``."""
        mean = self.logits.exp()
        return mean.expand(tuple(sample_shape) + mean.shape) if sample_shape else mean


class RelaxedOneHot(OneHot):
    """A Gumbel-softmax sample, scored by the multilinear log-probability.

    ``rsample`` is ``softmax((logits + Gumbel noise) / temperature)`` (Jang et al. 2017; Maddison et al.
    2017); with ``hard`` the value is the nearest vertex and the gradient the soft sample's
    (straight-through). The density of the relaxed sample is not used, but the score ``sum_i x[i] * log p[i]``
    of guide and prior: their difference tends to an unbiased estimate of ``-KL(q || prior)`` of the discrete
    choice as the temperature falls, and cannot underflow there as the relaxed density does.

    :param logits: normalised log-probabilities ``[*batch, n]``.
    :param temperature: above zero; towards zero the samples tend to one-hot samples of the categorical.
    :param hard: straight-through samples.
    """

    has_rsample = True
    has_enumerate_support = False

    def __init__(self, logits: Float[Tensor, "*batch n"], temperature: float, hard: bool = False) -> None:
        super().__init__(logits)
        self.temperature = temperature
        self.hard = hard

    def rsample(self, sample_shape: Shape = ()) -> Value:
        """A relaxed sample, ``[*sample_shape, *batch, n]``, from torch's global random state."""
        like = self.logits
        noise = drawn(
            tuple(sample_shape) + like.shape,
            lambda shape: torch.empty(shape, dtype=like.dtype, device=like.device).exponential_(),
        )
        gumbel = -noise.clamp_min_(torch.finfo(noise.dtype).tiny).log_()
        soft = ((self.logits + gumbel) / self.temperature).softmax(-1)
        if not self.hard:
            return soft
        vertex = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
        return vertex + soft - soft.detach()


class Step(_Vertices):
    """A one-hot categorical given by its probabilities: the distribution of an interpreter step.

    Scored by ``log(sum_i x[i] * p[i])``, which at a vertex is the categorical's log-probability, exact where
    the step is certain, and finite (the logarithm of the smallest positive number) where it is impossible.

    :param probs: ``[*batch, n]``, a value on the simplex.
    :param logits: in place of them log-probabilities that may lack a constant, as Pyro's own marginals give.
    """

    def __init__(
        self, probs: Value | None = None, *, logits: Float[Tensor, "*batch n"] | None = None
    ) -> None:
        if probs is None:
            assert logits is not None
            probs = logits.softmax(-1)
        super().__init__(probs)

    @property
    def probs(self) -> Value:
        """The probabilities."""
        return self._parameter

    def sample(self, sample_shape: Shape = ()) -> Value:
        """Vertices drawn from torch's global random state, ``[*sample_shape, *batch, n]``."""
        check_drawn()
        return self._draw(self.probs, sample_shape)

    def log_prob(self, value: Value) -> Float[Tensor, "*batch"]:
        """The log-probability of vertices, ``[*batch]``."""
        probability = (value * self.probs).sum(-1)
        return probability.clamp_min(torch.finfo(probability.dtype).tiny).log()


class Output(TorchDistribution):
    """An observed integer whose distribution is a value on the simplex, with a little label noise.

    ``log_prob(y) = log((1 - noise) * value[y] + noise / n)``: with probability ``noise`` the label is drawn
    uniformly. This bounds the log-probability by ``log(noise / n)``, so that a program that excludes a
    label outright is very unlikely instead of impossible, under every strategy alike.

    :param probs: ``[*batch, n]``.
    :param noise: in ``[0, 1]``.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support: ClassVar[Any] = constraints.nonnegative_integer

    def __init__(self, probs: Value, noise: float) -> None:
        self.probs = probs
        self.noise = noise
        super().__init__(probs.shape[:-1], validate_args=False)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> "Output":
        """The same distribution over a larger batch, as Pyro's plates ask."""
        return Output(self.probs.expand(tuple(batch_shape) + self.probs.shape[-1:]), self.noise)

    def sample(self, sample_shape: Shape = ()) -> Int[Tensor, "*batch"]:
        """Integers drawn from the noisy distribution, ``[*sample_shape, *batch]``."""
        noisy = (1 - self.noise) * self.probs + self.noise / self.probs.shape[-1]
        categorical = torch.distributions.Categorical(noisy, validate_args=False)
        integers: Tensor = categorical.sample(torch.Size(sample_shape))
        return integers

    def log_prob(self, value: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """The log-probability of integers ``[*batch]`` in ``0..n-1``, broadcast against the batch."""
        batch = self.batch_shape
        if batch[len(batch) - value.ndim :] != value.shape:  # torch's own is slow, and rarely needed
            batch = torch.broadcast_shapes(value.shape, batch)
        probs = self.probs.expand(batch + self.probs.shape[-1:])
        labelled = probs.gather(-1, value.expand(batch).unsqueeze(-1)).squeeze(-1)
        return ((1 - self.noise) * labelled + self.noise / self.probs.shape[-1]).log()
