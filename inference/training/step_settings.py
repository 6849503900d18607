"""How the steps of a training are taken: rates, weights, bounds, each with its default and its range."""

from dataclasses import dataclass, fields
from numbers import Real
from typing import TypedDict

from ntpt_pyro.bounds import check_count, check_number
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing
from ntpt_pyro.inference.training.own_optimiser import Optimiser, check_optimiser
from ntpt_pyro.inference.training.ways_to_run import COMPILE

MOST = 1e30
"""Below which rates, weights and scales must be: more are a slip, and products of them overflow."""


class StepOptions(TypedDict, total=False):
    """The fields of :class:`StepSettings` as keyword arguments, any of which may be left out."""

    choice_lr: float
    library_lr: float
    init_scale: float
    kl: float | Annealing | None
    clip_norm: float | None
    sharpness: float
    averaging: float
    checkpoint_every: int
    optimiser: Optimiser | None
    compile: str


@dataclass(frozen=True)
class StepSettings:
    """How the steps of a training are taken.

    :param choice_lr: learning rate of the guide's parameters, the choices' logits, above 0. It and the others
        are below 1e30.
    :param library_lr: learning rate of everything else, above 0.
    :param init_scale: standard deviation of the logits of a fresh guide, see
        :class:`~ntpt_pyro.inference.ChoiceGuide`.
    :param kl: weight of the KL term against the log-likelihood of one example, at least 0; 0 is TerpreT's
        FMGD. None leaves it to the caller: :func:`~ntpt_pyro.inference.fit` takes one over the number of
        examples, :class:`~ntpt_pyro.inference.Training` 0.001. With an
        :class:`~ntpt_pyro.inference.Annealing` that falls the choices begin undecided, which is a bonus for
        their entropy, and decide as it is withdrawn; see ``docs/results/why_gradients_miss.md``.
    :param clip_norm: the most the norm of a gradient may be, above 0, see
        :class:`~ntpt_pyro.inference.SplitAdam`; None does not clip.
    :param sharpness: how strongly better restarts are preferred by a shared library, at least 0, see
        :class:`~ntpt_pyro.inference.Restarts`.
    :param averaging: decay of the average of the library's weights that is kept along the way, from 0 to
        below 1, see :func:`~ntpt_pyro.inference.follow`; 0 keeps none.
    :param checkpoint_every: steps between two writes of a checkpoint, at least 1.
    :param optimiser: one of one's own instead of :class:`~ntpt_pyro.inference.SplitAdam`, with or without a
        schedule: ``pyro.optim.Adam({"lr": 0.1})``, ``torch.optim.SGD``, or a function from parameters to an
        optimiser or schedule of torch, which moves on by one after each step. It has learning rates of its
        own, so that ``choice_lr`` and ``library_lr`` do not go with it, and no checkpoints.
    :param compile: how steps are run. ``none``: by the model itself. ``jit``: the operations of one step are
        recorded and run again, without Pyro and Python, with the same result bit for bit. ``auto``: the same
        once it pays off, after 30 steps. ``inductor``: compiled to C++, which takes minutes and a compiler,
        and is equal up to rounding. In a recorded step the model's own Python is not run. See
        :mod:`ntpt_pyro.inference.training.compiled_step`.
    :raises UsageError: names the first field that is out of its range.

    >>> StepSettings(choice_lr=0.0)
    Traceback (most recent call last):
      ...
    ntpt_pyro.errors.UsageError: choice_lr: expected a finite number above 0 and below 1e+30, got 0; \
    the default is 0.1
    """

    choice_lr: float = 0.1
    library_lr: float = 1e-3
    init_scale: float = 3.0
    kl: float | Annealing | None = None
    clip_norm: float | None = None
    sharpness: float = 10.0
    averaging: float = 0.0
    checkpoint_every: int = 100
    optimiser: Optimiser | None = None
    compile: str = "auto"

    def __post_init__(self) -> None:
        """Check the ranges."""
        defaults = {one.name: f"the default is {one.default}" for one in fields(self)}
        for name in ("choice_lr", "library_lr"):
            check_number(name, getattr(self, name), above=0, below=MOST, remedy=defaults[name])
        for name in ("init_scale", "sharpness"):
            check_number(name, getattr(self, name), at_least=0, below=MOST, remedy=defaults[name])
        if self.kl is not None and not isinstance(self.kl, Annealing):
            check_number("kl", self.kl, at_least=0, below=MOST, remedy="leave it out")
        if self.clip_norm is not None:
            check_number("clip_norm", self.clip_norm, above=0, below=MOST, remedy="give None not to clip")
        check_number("averaging", self.averaging, at_least=0, below=1, remedy=defaults["averaging"])
        check_count(
            "checkpoint_every", self.checkpoint_every, at_least=1, remedy=defaults["checkpoint_every"]
        )
        if self.compile not in COMPILE:
            raise UsageError(
                "compile",
                expected=f"one of {', '.join(COMPILE)}",
                got=repr(self.compile),
                remedy="leave it out",
            )
        if self.optimiser is not None:
            check_optimiser(self.optimiser)
        for name in ("choice_lr", "library_lr", "init_scale", "sharpness", "averaging", "kl", "clip_norm"):
            if isinstance(getattr(self, name), Real):  # torch multiplies by no integers of any length
                object.__setattr__(self, name, float(getattr(self, name)))
