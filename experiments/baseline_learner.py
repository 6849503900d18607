"""A purely neural baseline in a lifetime: the same stream and loop, cross-entropy in place of programs."""

from collections.abc import Callable, Mapping
from copy import deepcopy

import torch
from torch.nn.functional import cross_entropy

from ntpt_pyro.experiments.lifetime import image_dropout
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.stream import Batch, Stream
from ntpt_pyro.inference import follow
from ntpt_pyro.inference.posterior.accuracy import accuracy
from ntpt_pyro.inference.training.checkpoint import State
from ntpt_pyro.inference.training.split_adam import adam_state, set_adam_state
from ntpt_pyro.inference.training.without_compiler import Adam
from ntpt_pyro.models.baselines import Baseline, Independent, Multitask, Progressive
from ntpt_pyro.tasks.examples import Examples

Builder = Callable[[Mapping[str, int], tuple[float, float]], Baseline]


def _mtnn(add: int, apply: int) -> Builder:
    """A multitask network with so many hidden layers in the heads of ADD2X2 and of APPLY2X2."""

    def build(integers: Mapping[str, int], dropout: tuple[float, float]) -> Baseline:
        layers = {task: apply if given else add for task, given in integers.items()}
        return Multitask(integers, layers, image_dropout=dropout)

    return build


BASELINES: dict[str, Builder] = {
    "indep": lambda integers, dropout: Independent(integers, image_dropout=dropout),
    "pnn": lambda integers, dropout: Progressive(integers, image_dropout=dropout),
    "mtnn-1": _mtnn(3, 3),
    "mtnn-2": _mtnn(1, 3),
}
"""The paper's baselines by the names that the command line takes."""

BASELINE_RATES = {"indep": 3e-3, "pnn": 3e-3, "mtnn-1": 1e-2, "mtnn-2": 1e-2}
"""The learning rates that did best over all tasks, on the test data of one seed (see
:mod:`~ntpt_pyro.experiments.tuning`): a choice in the baselines' favour."""


class BaselineLearner:
    """Trains the baseline that settings name by Adam on the cross-entropy of the results."""

    def __init__(self, settings: LifetimeSettings, stream: Stream) -> None:
        self.settings = settings
        inputs = {name: examples.inputs for name, examples in stream.training.items()}
        integers = {name: of[1].shape[-1] if len(of) > 1 else 0 for name, of in inputs.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = BASELINES[settings.model](integers, image_dropout(settings))
        self.average = deepcopy(self.model).eval()
        """The average of its weights along the way: what is judged."""
        self.updates: dict[str, int] = {}
        """Batches of each task met, and of all tasks under ``""``."""
        everything = {id(p): p for task in integers for p in self.model.shared(task)}
        specific = [p for task in integers for p in self.model.specific(task)]
        rate = settings.baseline_lr or BASELINE_RATES[settings.model]
        groups = [{"params": specific, "lr": rate}]
        if everything:
            rate /= settings.shared_ratio
            groups.append({"params": list(everything.values()), "lr": rate})
        self._adam = Adam(groups)

    def learn(self, batch: Batch) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        logits = self.model.train()(batch.task, *batch.examples.inputs)
        cross_entropy(logits, batch.examples.results).backward()
        self._adam.step()
        self._adam.zero_grad()
        for kind, name in (("specific", batch.task), ("shared", "")):
            average, weights = (getattr(model, kind)(batch.task) for model in (self.average, self.model))
            updates = self.updates.setdefault(name, 0)
            if weights:
                follow(average, weights, updates, decay=self.settings.averaging)
            self.updates[name] += 1

    def accuracy(self, task: str, examples: Examples) -> float | None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        if task not in self.updates:
            return None
        right = accuracy(
            lambda *data: self.average(task, *data[:-1]).argmax(-1) == data[-1], examples.tensors
        )
        return float(right[0])

    def readings(self) -> dict[str, float]:
        """None: what the embeddings mean is up to the baseline."""
        return {}

    def get_state(self) -> State:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "updates": dict(self.updates),
            "adam": adam_state(self._adam),
        }

    def set_state(self, state: State) -> None:
        """See :class:`~ntpt_pyro.experiments.lifetime.Learner`."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.updates = dict(state["updates"])
        set_adam_state(self._adam, state["adam"])
