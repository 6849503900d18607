"""A step of a training without Pyro and Python: its operations, recorded once and run again.

A recording is made anew where shapes, types, strategy or the mode of a network change. What the model decides
by a value (``observe`` by its labels) is compared every time: where it comes out otherwise the step is taken
by the model itself. Now and then a step is taken both ways; from step to step a model must do the same.
"""

import logging
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from pyro import poutine
from pyro.infer import SVI
from pyro.infer.util import zero_grads
from torch import Tensor
from torch.jit._fuser import optimized_execution
from torch.jit._trace import TracerWarning

from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.annealing import Annealing, held, number_at
from ntpt_pyro.inference.training.finite_steps import finite_loss
from ntpt_pyro.inference.training.objective import Terms, terms_of
from ntpt_pyro.inference.training.step_recording import NotRecordableError, Recording
from ntpt_pyro.language.runtime_functions import only_matrix_products

WAIT = 30
"""Steps that the model takes itself before one is recorded, which costs as much as about so many of them."""
MISSES = 16
"""So many steps more that did something else than what was recorded than steps that did the same, and the
recording is forgotten. The next one is made after twice as many steps as the last."""
CHECKS = 256
"""A recorded step is compared with the model's own where its number is a power of two or divided by this."""
NEAR = 1e-4
"""How far gradients may be apart, as a share of the largest one. On a CPU they are equal."""
NEAR_COMPILED = 1e-3
"""The same for compiled code, which rounds otherwise: 6e-5 apart at most, and 2e-3 at least where wrong."""
EXACT = frozenset({"cpu"})
"""Devices on which the same operations have the same result; others may add in another order each time."""
NOISE = 10.0
"""On those how much further gradients may be apart than the model's own are when a step is taken again."""
AGAIN = 4
"""How often it is."""

SEARCHES_CUDA = logging.getLogger("torch.utils.cpp_extension")
"""Torch's logger of the module that looks for CUDA when inductor first compiles."""

Run = Callable[..., tuple[Tensor, ...]]
"""Runs what was recorded: takes the tensors that were there, gives terms, gradients, guards."""
Programs = Callable[[int, int], tuple[Callable[..., Any], Callable[..., Any]]]
"""Model and guide under their strategy, at a training step with a batch of so many examples."""


@dataclass(eq=False, repr=False)
class _Recorded:
    """A recorded step."""

    run: Run
    given: list[Tensor]
    inputs: int
    written: list[int]
    guards: list[int]
    terms: Terms
    parameters: list[Tensor]
    learned: list[Tensor]
    schedules: dict[Annealing, Tensor]
    taken: int = 0
    misses: int = 0
    """Steps that did something else, less those since that did the same."""

    def __call__(self, batch: Sequence[Tensor], step: int) -> tuple[list[float], list[Tensor]] | None:
        """The objective's terms and the gradients; None where the model would have done something else."""
        for schedule, value in self.schedules.items():
            value.fill_(number_at(schedule, step))
        with torch.no_grad():
            try:
                values, *found = self.run(*batch, *self.given[self.inputs :])
            except RuntimeError:  # of a value that an operation does not take; the model tells of it
                return None
            gradients, guards = found[: len(self.learned)], found[len(self.learned) :]
            if guards and torch.stack([one.long() for one in guards]).tolist() != self.guards:
                return None
        return values.tolist(), gradients

    def undoing(self) -> Callable[[], None]:
        """What puts torch's random state, and what a run writes into, back to where they are now."""
        before = [self.given[number].detach().clone() for number in self.written]
        random = _random_state(self.given)

        def undo() -> None:
            _set_random_state(random)
            with torch.no_grad():
                for number, kept in zip(self.written, before, strict=True):
                    self.given[number].detach().copy_(kept)

        return undo


@dataclass(eq=False)
class CompiledStep:
    """Takes the steps of a training, recorded ones where they can be.

    :param svi: takes the steps of the model itself; its model and guide are set for each of them.
    :param elbo: its objective, a stock one.
    :param programs: see :data:`Programs`.
    :param library: whose mode decides which recording is run.
    :param compile: out of :data:`~ntpt_pyro.inference.training.ways_to_run.COMPILE`.
    :param total: checks a loss, and gives that of all processes that take the step together.
    """

    svi: SVI
    elbo: Any
    programs: Programs
    library: torch.nn.Module
    compile: str
    total: Callable[[float], float] = finite_loss
    first: int = 0
    """The first step that may be recorded, where it is left open when that pays off."""
    _known: dict[Any, "int | _Recorded | None"] = field(default_factory=dict)
    """By shapes and modes: how many steps the model took, what was recorded, or None where nothing can be."""
    _forgotten: dict[Any, int] = field(default_factory=dict)
    """By shapes and modes: how many recordings were."""

    def __call__(self, batch: tuple[Tensor, ...], step: int) -> float:
        """Take a step.

        :param batch: the model's arguments.
        :param step: its number, from 0.
        :returns: the loss in nats.
        :raises NonFiniteError: where the loss is not finite; nothing has moved then.
        :raises UsageError: where the model has done something else than what was recorded of it.
        """
        with only_matrix_products() if self.compile == "inductor" else nullcontext():
            return self._step(batch, step)

    def _step(self, batch: tuple[Tensor, ...], step: int) -> float:
        key = self._key(batch)
        known = self._known.get(key, 0)
        if isinstance(known, _Recorded):
            return self._replay(known, key, batch, step)
        if known is None or self.compile == "none" or (self.compile == "auto" and step < self.first):
            return self._plain(batch, step)
        if known < self._wait << self._forgotten.get(key, 0):  # the first step is validated
            self._known[key] = known + 1
            return self._plain(batch, step)
        return self._record(key, batch, step)

    def forget(self) -> None:
        """Forget what was recorded: the parameters have other shapes from now on."""
        self._known.clear()
        self._forgotten.clear()

    @property
    def _wait(self) -> int:
        """Steps that the model takes itself before the first recording."""
        return WAIT if self.compile == "auto" else 1

    def _key(self, batch: tuple[Tensor, ...]) -> Any:
        shapes = tuple((one.shape, one.stride(), one.dtype, one.device) for one in batch)
        modes = tuple(one.training for one in self.library.modules())
        return shapes, modes, tuple(one.requires_grad for one in self.library.parameters())

    def _plain(self, batch: tuple[Tensor, ...], step: int) -> float:
        """A step that the model takes itself."""
        self.svi.model, self.svi.guide = self.programs(step, len(batch[0]))
        return float(self.svi.step(*batch))

    def _gradients(self, batch: tuple[Tensor, ...], step: int) -> tuple[float, list[Tensor]]:
        """The loss, and the parameters with the model's own gradients."""
        programs = self.programs(step, len(batch[0]))
        with poutine.trace(param_only=True) as capture:
            loss = float(self.svi.loss_and_grads(*programs, *batch))
        return loss, _parameters(capture)

    def _move(self, parameters: Sequence[Tensor]) -> None:
        self.svi.optim(set(parameters))
        zero_grads(parameters)

    def _record(self, key: Any, batch: tuple[Tensor, ...], step: int) -> float:
        """A step that is recorded while it is taken; by the model itself where it cannot be."""
        random, schedules = _random_state(batch), dict[Annealing, Tensor]()
        recording = Recording(batch)
        try:
            with held(schedules), poutine.trace(param_only=True) as capture, recording:
                model, guide = self.programs(step, len(batch[0]))
                terms = terms_of(self.elbo, model, guide, batch)
                (-terms.surrogate).backward()
                values = torch.stack(terms.tensors)
        except (NotRecordableError, RuntimeError):  # in an error of the model too: it raises it again itself
            recording.undo()
            _set_random_state(random)
            zero_grads(recording.given)
            self._known[key] = None
            return self._plain(batch, step)
        parameters = _parameters(capture)
        learned = [one for one in parameters if one.grad is not None]
        outputs = [values, *(one.grad for one in learned if one.grad is not None)]
        recorded = _Recorded(
            recording.graph(outputs),
            recording.given,
            len(batch),
            list(recording.written),
            [known for _, known in recording.guards],
            terms,
            parameters,
            learned,
            schedules,
        )
        loss = self.total(terms.loss(values.tolist()))
        self._known[key] = self._built(recorded, random)
        self._move(parameters)
        return loss

    def _built(self, recorded: _Recorded, random: dict[torch.device, Tensor]) -> _Recorded:
        """A recorded step, to be run by an engine, which tries it with the draws of that step."""
        given = tuple(one.detach() for one in recorded.given)
        undo, build = recorded.undoing(), _inductor if self.compile == "inductor" else _jit
        try:
            with torch.no_grad():
                recorded.run = build(recorded.run, given, lambda: _set_random_state(random))
        finally:
            undo()
        return recorded

    def _replay(self, recorded: _Recorded, key: Any, batch: tuple[Tensor, ...], step: int) -> float:
        """A recorded step; by the model itself where that would do something else, or to compare the two."""
        recorded.taken += 1
        undo = recorded.undoing()
        found = recorded(batch, step)
        if found is None:
            undo()
            recorded.misses += 1
            if recorded.misses == MISSES:
                self._known[key] = 0
                self._forgotten[key] = self._forgotten.get(key, 0) + 1
            return self._plain(batch, step)
        recorded.misses = max(0, recorded.misses - 1)
        if _is_checked(recorded.taken):
            undo()
            return self._compared(recorded, found[1], key, batch, step, undo)
        loss = self.total(recorded.terms.loss(found[0]))
        for parameter, gradient in zip(recorded.learned, found[1], strict=True):
            parameter.grad = gradient
        self._move(recorded.parameters)
        return loss

    def _compared(
        self,
        recorded: _Recorded,
        gradients: list[Tensor],
        key: Any,
        batch: tuple[Tensor, ...],
        step: int,
        undo: Callable[[], None],
    ) -> float:
        """A step that the model takes, once its gradients are what was recorded."""
        loss, parameters = self._gradients(batch, step)
        near = NEAR_COMPILED if self.compile == "inductor" else NEAR
        own = [one.grad for one in recorded.learned]
        gaps = _gaps(own, gradients)
        if _apart(own, gaps) > near and not EXACT.issuperset(one.device.type for one in recorded.learned):
            again = [self._again(recorded, parameters, batch, step, undo) for _ in range(AGAIN)]
            noise = [max(each) for each in zip(*(_gaps(own, one) for one in again), strict=True)]
            gaps = [gap - NOISE * n if math.isfinite(n) else gap for gap, n in zip(gaps, noise, strict=True)]
        if _apart(own, gaps) > near:
            self._known[key] = None
            if recorded.taken > 1:
                zero_grads(parameters)
                raise UsageError(
                    f"step {step}, compile",
                    expected="a model that does the same in every step",
                    got="gradients other than those of the step that was recorded",
                    remedy="train with compile='none', or let nothing but tensors change from step to step",
                )
        self._move(parameters)
        return loss

    def _again(
        self,
        recorded: _Recorded,
        parameters: Sequence[Tensor],
        batch: tuple[Tensor, ...],
        step: int,
        undo: Callable[[], None],
    ) -> list[Tensor | None]:
        """The model's own gradients of a step once more, by the same draws and in this process alone."""
        zero_grads(parameters)
        undo()
        self.elbo.loss_and_grads(*self.programs(step, len(batch[0])), *batch)
        return [one.grad for one in recorded.learned]


def _is_checked(taken: int) -> bool:
    return taken & (taken - 1) == 0 or taken % CHECKS == 0


def _gaps(own: Sequence[Tensor | None], gradients: Sequence[Tensor | None]) -> list[float]:
    """How far numbers of each gradient are apart at most; NaN equals NaN."""
    found = []
    for mine, other in zip(own, gradients, strict=True):
        if mine is None or other is None or mine.shape != other.shape:
            found.append(math.inf)
            continue
        first, second = mine.nan_to_num(), other.nan_to_num()
        found.append(0.0 if torch.equal(first, second) else float((first - second).abs().max()))
    return found


def _apart(own: Sequence[Tensor | None], gaps: Sequence[float]) -> float:
    """The largest gap, each as a share of the largest number in its gradient."""
    most = 0.0
    for mine, gap in zip(own, gaps, strict=True):
        if gap > 0:
            largest = 0.0 if mine is None else float(mine.nan_to_num().abs().max())
            most = max(most, gap / largest if largest else math.inf)
    return most


def _parameters(capture: Any) -> list[Tensor]:
    """What Pyro's parameter statements gave in a run, each once, without constraints."""
    nodes = capture.trace.nodes.values()
    return list({id(one): one for one in (node["value"].unconstrained() for node in nodes)}.values())


def _random_state(tensors: Sequence[Tensor]) -> dict[torch.device, Tensor]:
    """Torch's global random states of the CPU and of the devices of some tensors."""
    devices = {one.device for one in tensors if one.is_cuda}
    states = {device: torch.cuda.get_rng_state(device) for device in devices}
    return {torch.device("cpu"): torch.get_rng_state(), **states}


def _set_random_state(states: dict[torch.device, Tensor]) -> None:
    for device, state in states.items():
        if device.type == "cpu":
            torch.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state, device)


def _jit(module: Run, given: tuple[Tensor, ...], draw_again: Callable[[], None]) -> Run:
    """Run by torch's own interpreter, operation by operation, with the same result bit for bit.

    Where it does not know an operation, Python runs them. Other draws may give tensors of other sizes, which
    is an error in a run, so that each one here draws again what was drawn.
    """
    with warnings.catch_warnings(), optimized_execution(False):
        warnings.filterwarnings("ignore", ".*torch.jit.*deprecated", FutureWarning)
        warnings.filterwarnings("ignore", category=TracerWarning)
        draw_again()
        try:
            traced = torch.jit.trace(module, given, check_trace=False)
        except RuntimeError:
            return module
        draw_again()
        traced(*given)  # plans the execution

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        with optimized_execution(False):
            found: tuple[Tensor, ...] = traced(*tensors)
        return found

    return run


def _inductor(module: Run, given: tuple[Tensor, ...], draw_again: Callable[[], None]) -> Run:
    """Compiled by torch's inductor, which needs a C++ compiler and minutes; equal up to rounding.

    :raises UsageError: where there is no compiler that works.
    """
    from torch._inductor.exc import InductorError, InvalidCxxCompiler  # heavy; few ask for it

    run: Run = torch.compile(module, fullgraph=True, dynamic=False, options={"fallback_random": True})
    draw_again()
    SEARCHES_CUDA.addFilter(_no_cuda_is_fine)
    try:
        run(*given)
    except InductorError as error:
        if not isinstance(error.inner_exception, InvalidCxxCompiler):
            raise
        raise UsageError(
            "compile",
            expected="a C++ compiler for inductor, such as g++",
            got="none that works",
            remedy="install one, name it in the variable CXX, or leave compile out",
        ) from error
    finally:
        SEARCHES_CUDA.removeFilter(_no_cuda_is_fine)
    return run


def _no_cuda_is_fine(record: logging.LogRecord) -> bool:
    """Whether torch may log something: that it finds no GPU is nothing to be told where none is asked for."""
    return not str(record.msg).startswith("No CUDA runtime is found")
