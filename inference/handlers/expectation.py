"""Expectation over programs as a handler: several programs of a model at once, each with a weight."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.handlers.plated import Plated
from ntpt_pyro.language.sites import Message, role_of
from ntpt_pyro.language.values import one_hot

PLATE = "programs"


class Expectation(Plated):
    """Fix a model's choices to several programs at once, and weight the likelihood of each.

    The model's log-density becomes ``sum over k of weights[k] * log p(data | program k)``, up to a constant.
    Where the weights are the programs' posterior (:func:`~ntpt_pyro.inference.exact_posterior`), its gradient
    in the weights of networks is that of the log-evidence of the data (Fisher's identity): the M step of
    expectation maximisation. A guide has nothing to do.

    Inside, every choice has a batch axis of programs at ``dim``, and the same network outputs serve all.

    :param programs: by site the integer of each, ``[programs]``; where one does not matter
        (:data:`~ntpt_pyro.inference.posterior.program_posterior.UNUSED`) it is taken to be 0.
    :param weights: ``[programs]``, probabilities.
    :param dim: the batch dimension of the plate of programs, left of every other plate, that of
        :class:`~ntpt_pyro.inference.Restarts` included.
    :raises SiteError: in a run of a model that makes a choice not in ``programs``.

    >>> import pyro
    >>> import torch
    >>> from ntpt_pyro import choice, constant, observe, switch
    >>> def flipper(bits):
    ...     flip = choice("flip", 2)
    ...     with pyro.plate("bits", len(bits)):
    ...         return observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits, noise=0.5)
    >>> both = Expectation({"flip": torch.tensor([0, 1])}, torch.tensor([0.9, 0.1]))(flipper)
    >>> trace = pyro.poutine.trace(both).get_trace(torch.tensor([1]))
    >>> trace.compute_log_prob(lambda name, site: name == "bit")
    >>> trace.nodes["bit"]["log_prob"].flatten().exp()  # 0.25 ** 0.9 and 0.75 ** 0.1
    tensor([0.2872, 0.9716])
    """

    def __init__(
        self,
        programs: Mapping[str, Int[Tensor, " programs"]],
        weights: Float[Tensor, " programs"],
        *,
        dim: int = -3,
    ) -> None:
        super().__init__(PLATE, len(weights), dim)
        self.programs = dict(programs)
        self.weights = weights

    def __repr__(self) -> str:
        """Of how many programs it is, in one line."""
        return f"<Expectation over {self.size} programs of {', '.join(self.programs)}>"

    def _along(self, values: Tensor) -> Tensor:
        """Values of the programs, along their axis."""
        return values.reshape(-1, *(1,) * (-self.dim - 1), *values.shape[1:])

    def _pyro_sample(self, msg: Message) -> None:
        role = role_of(msg)
        if role is None and msg["is_observed"]:
            msg["scale"] = msg["scale"] * self._along(self.weights)
        elif role == "choice" and not msg["is_observed"]:
            site = str(msg["name"])
            if site not in self.programs:
                raise SiteError(
                    f"choice {site!r}",
                    expected=f"one of {', '.join(self.programs)}, which the programs decide",
                    got="a choice that they leave open",
                    remedy="give programs of this model",
                )
            prior: Any = msg["fn"]
            integers = self.programs[site].clamp_min(0)
            msg["value"] = self._along(one_hot(integers, prior.event_shape[-1]))
            msg["is_observed"] = True
