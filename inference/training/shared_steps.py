"""What processes tell each other in every step of a training whose restarts they share.

A step has two meetings. Once the loss is known: the losses are added up, and each learns how well the
restarts of the others do, by which the gradient of a library is weighted in the next step. Before the
optimiser moves anything: the gradients of what all restarts share are added up, and their norms. All else is
a process's own.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from ntpt_pyro.errors import RunError, UsageError
from ntpt_pyro.inference.handlers.restarts import Restarts
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.finite_steps import NonFiniteError
from ntpt_pyro.inference.training.ranks import Share
from ntpt_pyro.inference.training.split_adam import SplitAdam
from ntpt_pyro.language.networks import Network

OF_LOGITS = -3
"""The axis of restarts in the logits of a guide."""
NOWHERE = "the gradient"
"""What is said where no site is to blame."""


class SharedSteps:
    """The steps of a training that has a share of the restarts.

    :param share: of this process.
    :param restarts: the handler.
    :param guide: made for the restarts of this process.
    :param library: networks that all restarts share, or copies for the restarts of this process.
    :raises UsageError: where something cannot be shared.
    """

    def __init__(self, share: Share, restarts: Restarts, guide: object, library: torch.nn.Module) -> None:
        self.share = share
        self.restarts = restarts
        if type(guide) is not ChoiceGuide:
            raise UsageError(
                "guide",
                expected="where ranks share restarts, one that a strategy made of a model whose latents are "
                "all choices",
                got=type(guide).__name__,
                remedy="train it in one process",
            )
        self._of_guide = dict.fromkeys((name for name, _ in guide.named_parameters()), OF_LOGITS)
        self._of_library = axes_of_copies(library)
        own = [(guide, self._of_guide), (library, self._of_library)]
        self._axes = {
            id(tensor): axes[name]
            for module, axes in own
            for name, tensor in module.named_parameters()
            if name in axes
        }
        """By parameters that are of some restarts only, the axis of restarts."""

    def loss(self, own: float) -> float:
        """The loss of all restarts, once it is known of those of this process.

        :param own: of these, in nats.
        :returns: of all.
        :raises NonFiniteError: in all processes, where it is not finite in one.
        """
        finite, everywhere = math.isfinite(own), self.restarts.everywhere
        assert everywhere is not None
        told = everywhere.new_zeros(2 + len(everywhere), dtype=torch.float64)
        told[0], told[1] = (own, 0.0) if finite else (0.0, 1.0)
        self.share.part.of(told[2:]).copy_(self.restarts.running_log_likelihood)
        self.share.ranks.add_up(told)
        everywhere.copy_(told[2:])
        total, wrong = told[:2].tolist()
        if wrong:
            raise NonFiniteError("loss")
        return float(total)

    @torch.no_grad()
    def norms(self, groups: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Add up the gradients of what all restarts share, in place.

        :param groups: of parameters.
        :returns: the norm of the gradient of each group, that of all restarts together.
        """
        shared: list[list[Tensor]] = [[] for _ in groups]
        own: list[list[Tensor]] = [[] for _ in groups]
        for number, group in enumerate(groups):
            for one in group:
                if one.grad is not None:
                    (own if id(one) in self._axes else shared)[number].append(one.grad)
        device = self.restarts.running_log_likelihood.device
        squares = torch.stack([get_total_norm(gradients).square().to(device) for gradients in own])
        together = torch.cat([squares, *(one.reshape(-1) for group in shared for one in group)])
        self.share.ranks.add_up(together)
        squares, rest = together.split([len(groups), len(together) - len(groups)])
        for gradient in (one for group in shared for one in group):
            gradient.copy_(rest[: gradient.numel()].view_as(gradient))
            rest = rest[gradient.numel() :]
        pairs = zip(squares, shared, strict=True)
        return [(square + get_total_norm(gradients).square()).sqrt() for square, gradients in pairs]

    def where(self, own: str) -> str:
        """What is not finite, the same in all processes.

        :param own: what this one found.
        :returns: the first site that one of them found.
        """
        found = self.share.ranks.all_of(own)
        return next((one for one in found if one != NOWHERE), NOWHERE)

    def ended(self, own: bool) -> bool:
        """Whether a callback of any process ends the training.

        :param own: whether one of this process does.
        :returns: the same in all of them.
        """
        votes = self.restarts.running_log_likelihood.new_tensor([float(own)])
        self.share.ranks.add_up(votes)
        return bool(votes.item())

    def own(self, tensor: Tensor, like: Tensor) -> Tensor:
        """Of what an optimiser keeps for a parameter of all restarts, that of this process.

        :param tensor: kept for a parameter of all restarts.
        :param like: the parameter here.
        :returns: for this one.
        """
        axis = self._axes.get(id(like))
        return tensor if axis is None or not tensor.ndim else self.share.part.of(tensor, axis)

    def whole_state(self, state: State, optimiser: object) -> State:
        """The state of the training of all restarts, as one process would have it.

        :param state: of this process.
        :param optimiser: that a part of it is of.
        :returns: of all.
        """
        found = {**state}
        for part, axes in self._parts():
            found[part] = {name: self._whole(one, axes.get(name)) for name, one in state[part].items()}
        if isinstance(optimiser, SplitAdam):
            found["optimiser"] = {
                name: self._whole(one, self._axes.get(id(optimiser.parameter_of(name))))
                for name, one in state["optimiser"].items()
            }
        found["running_log_likelihood"] = self.share.whole(state["running_log_likelihood"])
        found["kept"] = [*range(self.share.part.whole)]
        return found

    def own_state(self, state: State) -> State:
        """Of the state of the training of all restarts, that of this process.

        :param state: of all; what an optimiser keeps stays as it is, see :meth:`own`.
        :returns: of this one.
        :raises RunError: where some of the restarts were given up.
        """
        found, part = {**state}, self.share.part
        if (left := len(state.get("kept", range(part.whole)))) < part.whole:
            raise RunError(
                "state of a training",
                expected=f"{part.whole} restarts, which processes share",
                got=f"{left}: the others were given up",
                remedy="go on in one process",
            )
        for name, axes in self._parts():
            found[name] = {
                key: part.of(one, axes[key]) if key in axes and _is_of(one, axes[key], part.whole) else one
                for key, one in state[name].items()
            }
        assert self.restarts.everywhere is not None
        self.restarts.everywhere.copy_(state["running_log_likelihood"])
        found["running_log_likelihood"] = part.of(state["running_log_likelihood"])
        return found

    def _parts(self) -> list[tuple[str, dict[str, int]]]:
        return [("guide", self._of_guide), ("library", self._of_library), ("average", self._of_library)]

    def _whole(self, tensor: Tensor, axis: int | None) -> Tensor:
        return tensor if axis is None or not tensor.ndim else self.share.whole(tensor.detach(), axis)


def axes_of_copies(library: torch.nn.Module) -> dict[str, int]:
    """The axis of restarts in the weights of networks that have a copy for each.

    :param library: the networks.
    :returns: by the names of weights; those that all restarts share are not among them.
    :raises UsageError: where a network that they share has running statistics: these would be other ones in
        each process.
    """
    axes: dict[str, int] = {}
    for prefix, network in library.named_modules():
        if not isinstance(network, Network):
            continue
        if network.copies is not None:
            axes |= {f"{prefix}.{name}" if prefix else name: 0 for name in network.state_dict()}
        elif network.taught and any(True for _ in network.buffers()):
            raise UsageError(
                f"network {network.declaration.name!r}",
                expected="no running statistics, such as those of batch normalisation, where ranks share it",
                got=", ".join(name for name, _ in network.named_buffers()),
                remedy="train it in one process",
            )
    return axes


def _is_of(tensor: Tensor, axis: int, whole: int) -> bool:
    return tensor.ndim >= (axis + 1 if axis >= 0 else -axis) and tensor.shape[axis] == whole
