"""Training MATH's baselines: purely neural models of sequences, on symbols given or on images."""

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from tqdm.auto import tqdm

from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments.recording import as_json
from ntpt_pyro.inference import follow
from ntpt_pyro.inference.training.checkpoint import load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.split_adam import adam_state, set_adam_state
from ntpt_pyro.inference.training.without_compiler import Adam
from ntpt_pyro.models.baselines import LSTM, NeuralGPU, Perceiving, SequenceBaseline, symbol_vectors
from ntpt_pyro.models.math_loop import evaluate_prefixes
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.methods.method import IMAGE_DROPOUT
from ntpt_pyro.runs.run_folder import load_library
from ntpt_pyro.runs.settings import check_bounds, counted, like, setting
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.tape_examples import draw_symbols, draw_tapes
from ntpt_pyro.tasks.image_task import digits, operators

SEQUENCE_MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"steps": 10_000, "lr": 2e-3, "dropout": 0.1},
    "lstm-last": {"steps": 10_000, "lr": 2e-3, "dropout": 0.1},
    "neural-gpu": {"steps": 10_000, "lr": 1e-3, "dropout": 0.05},
}
"""The baselines by the names that the command line takes, with settings that suit them, chosen by the loss on
lengths that they are trained on. ``lstm`` is told the results of all prefixes of an expression, ``lstm-last``
only its own."""
CLIP_NORM = 1.0
MASTERED = 0.3
"""Loss, in nats, below which a curriculum goes on to longer expressions."""
RECENT = 0.95
"""Decay of the mean loss on the longest expressions so far."""


@dataclass(frozen=True)
class SequenceSettings:
    """What decides the training of a baseline of MATH; what each setting is stands beside it.

    :raises UsageError: where a model is unknown, or a number is not finite or out of its bounds.
    """

    model: str
    images: bool = setting(False, "whether it reads images, with networks given; else symbols are given")
    seed: int = like("seed")
    steps: int = counted(10_000, "training steps")
    batch_size: int = counted(64, "tapes a step, each drawn anew")
    digits: int = counted(5, "of the longest expressions that it is trained on")
    lr: float = setting(2e-3, "learning rate", above=0, below=1e30)
    network_lr: float = setting(1e-4, "learning rate of the networks", above=0, below=1e30)
    averaging: float = setting(
        0.999, "decay of the average of weights that is kept; 0 for none", at_least=0, below=1
    )
    hidden: int = counted(256, "numbers in the state of each LSTM", at_most=8192)
    layers: int = counted(3, "LSTMs on top of each other", at_most=100)
    filters: int = counted(32, "of the Neural GPU", at_most=8192)
    sets: int = counted(6, "sets of its parameters in the first half of the training")
    pull: float = setting(1e-2, "weight of what draws them together at the end of that half; it rises from 0")
    dropout: float = setting(0.1, "of the LSTM, or of the Neural GPU's steps", at_least=0, below=1)
    library: Path | None = setting(None, "run folder or file of the networks that read images at first")
    data: Path | None = setting(None, "folder of data")

    def __post_init__(self) -> None:
        """Check the name and the numbers."""
        if self.model not in SEQUENCE_MODELS:
            raise UsageError(
                "model", expected=f"one of {', '.join(SEQUENCE_MODELS)}", got=self.model, remedy="pick one"
            )
        check_bounds(self)


class SequenceLearner:
    """Trains a baseline by Adam on expressions drawn anew at each step.

    A model that reads prefixes is trained on the longest expressions, which have all the shorter ones in
    them; another on all lengths, each as likely. For the Neural GPU the longest one grows when the loss on it
    is low (Kaiser and Sutskever 2016, section 3.2).

    :raises NtptError: where the library or the data are missing or damaged.
    """

    def __init__(self, settings: SequenceSettings) -> None:
        self.settings = settings
        self._images: dict[str, Images] | None = None
        if settings.images:
            loaders = {net_0.name: digits, net_1.name: operators}
            self._images = {name: load("train", settings.data) for name, load in loaders.items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = build(settings)
        self.average = deepcopy(self.model).eval()
        """The average of its weights along the way: what is judged and kept."""
        self._adam = self._optimiser()
        self._source = torch.Generator().manual_seed(settings.seed)
        self.step = 0
        self.longest = 1 if isinstance(self._sequence, NeuralGPU) else settings.digits
        """Digits of the longest expressions so far."""
        self.recent: float | None = None
        """Mean loss on these."""

    @property
    def _sequence(self) -> SequenceBaseline:
        return _without_networks(self.model)

    def _optimiser(self) -> torch.optim.Adam:
        networks = list(self.model.networks.parameters()) if isinstance(self.model, Perceiving) else []
        groups = [{"params": list(self._sequence.parameters()), "lr": self.settings.lr}]
        if networks:
            groups.append({"params": networks, "lr": self.settings.network_lr})
        return Adam(groups)

    def learn(self) -> float:
        """Take one step; gives its loss, in nats a result."""
        self._share_parameters()
        length = self.longest
        if not self._sequence.reads_prefixes:
            length = int(torch.randint(1, self.longest + 1, (), generator=self._source, device="cpu"))
        loss = self.model.train().loss(*self._draw(length))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self._adam.step()
        self._adam.zero_grad()
        follow(self.average.parameters(), self.model.parameters(), self.step, decay=self.settings.averaging)
        self.step += 1
        if length == self.longest:
            self._lengthen(loss.item())
        return loss.item()

    def _draw(self, length: int) -> tuple[Tensor, Int[Tensor, "tapes digits"]]:
        """Tapes of one length, and the results of their prefixes."""
        drawing = self.settings.batch_size, length, self._source
        if self._images is None:
            symbols = draw_symbols(*drawing)
            tapes = symbol_vectors(symbols)  # on the CPU, as they are drawn
        else:
            drawn = draw_tapes(self._images["net_0"], self._images["net_1"], *drawing)
            symbols, tapes = drawn.symbols, drawn.images
        results = torch.from_numpy(evaluate_prefixes(symbols.numpy()))
        device = torch.get_default_device()
        return tapes.to(device), results.to(device)

    def _lengthen(self, loss: float) -> None:
        """Go on to longer expressions where the longest so far are mastered."""
        self.recent = loss if self.recent is None else RECENT * self.recent + (1 - RECENT) * loss
        if self.recent < MASTERED and self.longest < self.settings.digits:
            self.longest, self.recent = self.longest + 1, None

    def _share_parameters(self) -> None:
        """Parameter-sharing relaxation: sets drawn together in the first half, one set from then on."""
        half = self.settings.steps // 2
        if not isinstance(self._sequence, NeuralGPU) or self.settings.sets == 1:
            return
        self._sequence.pull = self.settings.pull * self.step / max(half, 1) if self.step < half else 0.0
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
        """Go on from a state that :meth:`get_state` gave."""
        if isinstance(self._sequence, NeuralGPU) and state["step"] > self.settings.steps // 2:
            self._unite()
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        set_adam_state(self._adam, state["adam"])
        self._source.set_state(state["source"])
        self.step, self.longest, self.recent = state["step"], state["longest"], state["recent"]


def _without_networks(model: SequenceBaseline | Perceiving) -> SequenceBaseline:
    """What reads symbols, whoever reads them off images."""
    return model.model if isinstance(model, Perceiving) else model


def build(settings: SequenceSettings) -> SequenceBaseline | Perceiving:
    """The model that settings name, as it begins.

    :raises NtptError: where it needs a library that is missing or does not fit.
    """
    model: SequenceBaseline
    if settings.model == "neural-gpu":
        model = NeuralGPU(filters=settings.filters, sets=settings.sets, dropout=settings.dropout)
    else:
        size = {"hidden": settings.hidden, "layers": settings.layers}
        model = LSTM(**size, dropout=settings.dropout, prefixes=settings.model == "lstm")
    if not settings.images:
        return model
    if settings.library is None:
        remedy = "give the run of a lifetime (--library)"
        raise UsageError("library", expected="a trained library", got="none", remedy=remedy)
    library = load_library(settings.library)
    for function in (net_0, net_1):
        library.ensure(function)
    for network in library:
        network.dropout = IMAGE_DROPOUT
    return Perceiving(library, model)


def train_baseline(
    settings: SequenceSettings, *, checkpoint: Path | None = None, every: int = 250, progress: bool = False
) -> tuple[SequenceLearner, float]:
    """Train a baseline, or go on with it; torch's random state is as it was afterwards.

    :param checkpoint: a file kept up to date, and gone on from where it exists. Going on gives the same
        result as never having stopped, on the same machine.
    :param every: steps between writes.
    :param progress: show a progress bar.
    :returns: the learner, and the seconds that its steps took in all sessions.
    """
    before = as_json(settings)
    seconds = 0.0
    with torch.random.fork_rng(devices=[]):
        learner = SequenceLearner(settings)
        torch.manual_seed(settings.seed)
        if checkpoint is not None and checkpoint.exists():
            state = load_checkpoint(checkpoint, before)
            learner.set_state(state["learner"])
            seconds = state["seconds"]
            torch.set_rng_state(state["random"])
        label = f"{settings.model} on {'images' if settings.images else 'symbols'}, seed {settings.seed}"
        with tqdm(total=settings.steps, initial=learner.step, desc=label, disable=not progress) as bar:
            while learner.step < settings.steps:
                began = time.perf_counter()
                loss = learner.learn()
                seconds += time.perf_counter() - began
                if checkpoint is not None and (learner.step % every == 0 or learner.step == settings.steps):
                    state = {"learner": learner.get_state(), "seconds": seconds}
                    save_checkpoint(checkpoint, state, before)
                if learner.step % 10 == 0:
                    bar.set_postfix_str(f"loss {loss:.2f}, to {learner.longest} digits", refresh=False)
                bar.update()
    return learner, seconds
