"""A model run once on recorded values: its choices, its steps, and what it observes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from ntpt_pyro.errors import SiteError
from ntpt_pyro.inference.exact.nodes import Choice, Node
from ntpt_pyro.inference.exact.recorded_tensors import NotSharedError, RecordedTensor, Recorder
from ntpt_pyro.inference.handlers.model_sites import Model, claim
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.sites import Message, notes_a_value, role_of


@dataclass(frozen=True)
class Observed:
    """A result that was observed.

    :param value: its distribution, a node or data ``[*batch, examples, n]``.
    :param integers: ``[examples]``.
    :param noise: of the labels.
    """

    value: Node | Tensor
    integers: Tensor
    noise: float


@dataclass
class Recording:
    """What a model computes on some examples.

    :param nodes: in the order of computation.
    :param choices: by site.
    :param observed: by site.
    :param steps: numbers of nodes at which a step of the program ends, by the model's own word.
    :param variables: numbers of nodes at which a variable is done.
    :param reads: whether a learned function is called: then values are uncertain.
    """

    nodes: list[Node]
    choices: dict[str, Choice] = field(default_factory=dict)
    observed: dict[str, Observed] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    variables: list[int] = field(default_factory=list)
    reads: bool = False


def record(model: Model, data: Sequence[Tensor]) -> Recording:
    """Run a model on recorded values; one that computes many variables at a time says how to do it by one.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: its arguments.
    :returns: what it computes.
    :raises NotSharedError: where it does with values what cannot be done for many programs at once.
    """
    if isinstance(model, partial) and hasattr(model.func, "one_by_one"):
        model = partial(model.func.one_by_one, *model.args, **model.keywords)
    model = getattr(model, "one_by_one", model)
    recorder = Recorder()
    recording = Recording(recorder.nodes)
    with torch.no_grad(), poutine.block(), ForwardMarginals(), _OnRecords(recorder, recording):
        model(*data)
    return recording


class _OnRecords(Messenger):
    """Yields recorded values at choices, and notes where variables are done and what is observed."""

    def __init__(self, recorder: Recorder, recording: Recording) -> None:
        super().__init__()
        self.recorder = recorder
        self.recording = recording
        self._taken: set[str] = set()

    def _pyro_sample(self, msg: Message) -> None:
        if isinstance(msg["fn"], _Subsample):  # a plate
            return
        if notes_a_value(msg):
            return
        site, role = str(msg["name"]), role_of(msg)
        claim(site, self._taken)
        if role == "choice" and not msg["is_observed"]:
            prior: Any = msg["fn"]
            made = self.recorder.choice(site, prior.event_shape[-1])
            assert isinstance(made.node, Choice)
            self.recording.choices[site] = made.node
            msg["value"] = made
            msg["done"] = True
        elif msg["is_observed"] and isinstance(msg["fn"], Output):
            observed: Any = msg["value"]
            value = msg["fn"].probs
            self.recording.observed[site] = Observed(
                value.node if isinstance(value, RecordedTensor) else value, observed, msg["fn"].noise
            )
            msg["done"] = True
        elif role is None and not msg["is_observed"]:
            raise SiteError(
                f"exact posterior, site {site!r}",
                expected="no latent but choices and steps",
                got=f"a latent {type(msg['fn']).__name__}",
                remedy="condition the model on it (poutine.condition), or take another strategy",
            )
        elif role is None:
            raise NotSharedError(f"the observed site {site!r}, a {type(msg['fn']).__name__}")

    def _pyro_ntpt_var(self, msg: Message) -> None:
        self.recording.variables.append(len(self.recorder.nodes))

    def _pyro_ntpt_carry(self, msg: Message) -> None:
        msg["value"] = dict(msg["args"][1])
        msg["done"] = msg["stop"] = True
        self._step()

    def _pyro_ntpt_step_end(self, msg: Message) -> None:
        self._step()

    def _pyro_ntpt_learned(self, msg: Message) -> None:
        self.recording.reads = True
        if any(isinstance(one, RecordedTensor) for one in msg["args"][1:]):
            raise NotSharedError(f"the learned function {msg['args'][0].declaration.name!r} of a value")

    def _step(self) -> None:
        self.recording.steps.append(len(self.recorder.nodes))
