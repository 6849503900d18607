"""The exact posterior over programs that share no work: every one of them is run, many at a time.

Nothing is learned: the library stays as it is, and each program of a
:class:`~ntpt_pyro.inference.ProgramSpace` is run with its choices fixed and its steps at their forward
marginals.

Programs are run on some of the examples, then on more, and so on. The log-likelihood of an example is at most
0, so a program's log-likelihood of the examples so far is an upper bound on that of all. The best programs so
far are run on all examples, which gives a lower bound on the log-evidence. A program is dropped where its
bound is so far below that one that all dropped programs together are less probable than a tolerance.
"""

import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm.auto import tqdm

from ntpt_pyro.bounds import in_digits, in_units
from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.inference.posterior.priors import Prior
from ntpt_pyro.inference.posterior.program_chunks import Chunk, ChunkRuns
from ntpt_pyro.inference.posterior.program_chunks import in_units as in_pieces
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.training.checkpoint import digest_of, load_checkpoint, save_checkpoint
from ntpt_pyro.inference.training.without_compiler import DispatchMode
from ntpt_pyro.inference.work.side_by_side import each
from ntpt_pyro.inference.work.workers import ALONE, Workers

ROUNDING = 1e-4
"""How far rounding may raise the log-likelihood of an example."""
BYTES_KEPT = 40
"""Of memory that a program takes until it is dropped."""
MOST_AT_ONCE = 2**28
"""Bytes of programs that run at the same time: more are slower."""
MOST_SECONDS = 24 * 3600
"""The longest that running all programs may take, by the estimate."""
ONE_BY_ONE = "every program by itself"
"""The way of this module, in words."""
LARGEST_TENSORS = 6
"""About how many tensors as large as its largest one a model holds at a time."""
TRIED = 6
"""Programs, and examples, by which it is found out whether programs may run beside others."""
CANDIDATES = 64
"""Programs that are run on all examples after each group, for a bound on the log-evidence; where no more are
left none is dropped."""


@dataclass(frozen=True)
class Cost:
    """An estimate of what an exact posterior costs.

    :param programs: the number of programs.
    :param examples: the number of examples that each is run on, unless it is dropped.
    :param bytes_each: memory of one program on one example while it runs.
    :param at_once: how many of them fit the memory; of programs that share work so many may be kept apart.
    :param seconds: the time where no program is dropped, from a trial of a few; None where it is not known.
    """

    programs: int
    examples: int
    bytes_each: int
    at_once: int
    seconds: float | None


@dataclass(frozen=True)
class ExactPosterior:
    """An exact posterior, and what it cost.

    :param posterior: over the programs that were not dropped; its ``hidden`` bounds the probability of the
        others.
    :param cost: the estimate that was made before.
    :param evaluated: how many programs times examples were run.
    :param seconds: the time that it took.
    :param way: in which it was found, in words.
    :param certain_labels: whether labels were taken as certain: it is over the programs that explain all.
    """

    posterior: ProgramPosterior
    cost: Cost
    evaluated: int
    seconds: float
    way: str
    certain_labels: bool = False

    def __repr__(self) -> str:
        """The posterior and what it cost, in one line."""
        labels = ", certain labels" if self.certain_labels else ""
        return f"<ExactPosterior {self.posterior!r}, {self.seconds:.1f} s: {self.way}{labels}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self.posterior._repr_html_()


class Likelihood:
    """The log-likelihood of programs of a model, many at a time.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param space: its programs.
    :param data: tensors with a common first axis of examples.
    :param memory: bytes that running programs may take.
    :param steps: treatment of interpreter steps; forward marginals by default.
    :param workers: who runs programs; each takes so much memory.
    :raises BudgetError: where one program on one example takes more.
    """

    def __init__(
        self,
        model: Model,
        space: ProgramSpace,
        data: Sequence[Tensor],
        *,
        memory: int,
        steps: StepTreatment | None = None,
        workers: Workers = ALONE,
    ) -> None:
        self.space = space
        self.data = tuple(data)
        self.memory = memory
        self.workers = workers
        self._runs = ChunkRuns(model, space, self.data, steps or ForwardMarginals())
        self.evaluated = 0
        """Programs times examples that were run."""
        self.bytes_each = self._bytes_each()
        """Memory that one program takes on one example."""
        self.together = self._may_run_together()
        """Whether programs give beside others what they give by themselves."""
        if self.bytes_each > memory:
            raise BudgetError(
                "exact posterior",
                expected=f"at least {self.bytes_each:,} bytes of memory, for one program on one example",
                got=f"{memory:,}",
                remedy="give more memory",
            )

    def __call__(
        self, numbers: Int[Tensor, " programs"], first: int, last: int, progress: "tqdm[Any] | None" = None
    ) -> Float[Tensor, " programs"]:
        """The log-likelihood of some programs on some examples.

        :param numbers: of the programs in their space.
        :param first: of the examples.
        :param last: of the examples, not included.
        :param progress: a bar of programs times examples.
        :returns: ``[programs]``, float64, in nats, summed over the examples.
        """
        return self._run(numbers, first, last, self.workers, progress)

    def _run(
        self, numbers: Tensor, first: int, last: int, workers: Workers, progress: "tqdm[Any] | None" = None
    ) -> Tensor:
        found = torch.zeros(len(numbers), dtype=torch.float64, device="cpu")
        pieces = in_pieces(self._chunks(numbers, first, last), workers)
        with closing(each(self._runs, pieces, workers=workers)) as results:
            for piece, result in zip(pieces, results, strict=True):
                for chunk, log_likelihoods in zip(piece, result, strict=True):
                    found[chunk.start : chunk.start + len(chunk.numbers)] += log_likelihoods
                    self.evaluated += chunk.size
                    if progress is not None:
                        progress.update(chunk.size)
        return found

    def _chunks(self, numbers: Tensor, first: int, last: int) -> list[Chunk]:
        """Programs and examples so many at a time as memory is for; the same, whoever runs them."""
        at_once = max(1, self.memory // self.bytes_each)
        examples = min(last - first, at_once)
        found = []
        for begin in range(first, last, examples):
            end = min(begin + examples, last)
            programs = max(1, at_once // (end - begin)) if self.together else 1
            found += [
                Chunk(numbers[start : start + programs].clone(), start, begin, end)
                for start in range(0, len(numbers), programs)
            ]
        return found

    def _may_run_together(self) -> bool:
        """Whether a few programs are the same by themselves: a model may look at a choice in Python."""
        source = torch.Generator().manual_seed(0)
        numbers = torch.randint(self.space.size, (TRIED,), generator=source, device="cpu")
        few = self._runs.batch(0, TRIED)
        together = self._runs.run(numbers, few)
        alone = torch.cat([self._runs.run(number, few).expand(1) for number in numbers.split(1)])
        return torch.allclose(together.expand(len(alone)), alone, rtol=1e-3, atol=1e-2, equal_nan=True)

    def _bytes_each(self, programs: int = 16) -> int:
        """By the largest tensor of a trial run."""
        numbers = torch.arange(min(programs, self.space.size), device="cpu")
        with _Largest() as largest:
            self._runs.run(numbers, self._runs.batch(0, 1))
        return max(1, LARGEST_TENSORS * int(largest.bytes) // len(numbers))

    def cost(self, trial: int = 512) -> Cost:
        """An estimate of what all programs on all examples cost.

        :param trial: how many programs are run for it, on one example.
        :returns: the estimate.
        """
        numbers = torch.linspace(0, self.space.size - 1, min(trial, self.space.size), device="cpu").long()
        began = time.monotonic()
        self._run(numbers, 0, 1, ALONE)
        each = (time.monotonic() - began) / len(numbers)
        examples = len(self.data[0])
        return Cost(
            programs=self.space.size,
            examples=examples,
            bytes_each=self.bytes_each,
            at_once=self.memory // self.bytes_each,
            seconds=each * self.space.size * examples,
        )


class _Largest(DispatchMode):
    """Notes the size of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, Tensor):
                self.bytes = max(self.bytes, tensor.numel() * tensor.element_size())
        return made


def run_every_program(
    model: Model,
    data: Sequence[Tensor],
    space: ProgramSpace,
    *,
    prior: Prior,
    memory: int,
    tolerance: float,
    steps: StepTreatment | None = None,
    progress: str | None = None,
    checkpoint: Path | None = None,
    workers: Workers = ALONE,
) -> ExactPosterior:
    """The posterior over all programs of a model, each of them run by itself, many at a time.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: tensors with a common first axis of examples, in no particular order.
    :param space: its programs.
    :param prior: over them.
    :param memory: bytes that programs may take.
    :param tolerance: the posterior probability that dropped programs may have together; 0 drops none.
    :param steps: treatment of interpreter steps; forward marginals by default.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date after each group of examples, and gone on from where it exists.
    :param workers: who runs the programs; of this machine so many as the memory is for.
    :returns: the posterior.
    :raises BudgetError: where the programs, or one of them, take more memory, or all too much time.
    """
    began = time.monotonic()
    examples = len(data[0])
    if space.size * BYTES_KEPT > memory:
        raise BudgetError(
            "exact posterior",
            expected=f"at most {memory // BYTES_KEPT:,} programs, in {in_units(memory)}, where none share "
            "work",
            got=in_digits(space.size),
            remedy="take fewer lines, say which choices do not matter, decide some with poutine.condition, "
            "or ask a solver",
        )
    at_once = min(memory, MOST_AT_ONCE)
    if not workers.alone and workers.cluster is None:
        workers = replace(workers, jobs=workers.count(memory // at_once))
    likelihood = Likelihood(model, space, data, memory=at_once, steps=steps, workers=workers)
    cost = likelihood.cost()
    assert cost.seconds is not None
    if cost.seconds > MOST_SECONDS:
        raise BudgetError(
            "exact posterior",
            expected=f"at most {MOST_SECONDS / 3600:.0f} hours for programs that share no work",
            got=f"{in_digits(space.size)} programs, about {cost.seconds / 3600:,.0f} hours",
            remedy="take fewer lines or examples, say which choices do not matter, or ask a solver",
        )
    search = _Search(likelihood, prior, tolerance)
    settings = {
        "programs": space.size,
        "examples": examples,
        "tolerance": tolerance,
        "prior": [table.tolist() for table in prior.tables(space.sizes).values()],
        "data": digest_of(data),
    }
    if checkpoint is not None and checkpoint.exists():
        search.set_state(load_checkpoint(checkpoint, settings))
    label = f"{progress}, at most {cost.seconds:.0f} s" if progress else None
    with tqdm(total=space.size * examples, desc=label, disable=progress is None, leave=False) as bar:
        while search.done < examples:
            search.advance(bar)
            if checkpoint is not None:
                save_checkpoint(checkpoint, search.get_state(), settings)
    return ExactPosterior(
        search.posterior(), cost, likelihood.evaluated, time.monotonic() - began, ONE_BY_ONE
    )


class _Search:
    """The programs that are not dropped, and their log-probabilities with some of the examples."""

    def __init__(self, likelihood: Likelihood, prior: Prior, tolerance: float) -> None:
        self.likelihood = likelihood
        self.prior = prior
        self.tolerance = tolerance
        space = likelihood.space
        self.numbers: Int[Tensor, " programs"] = torch.arange(space.size, device="cpu")
        self.log_weights = torch.cat(
            [prior.log_probs(space.programs(some), space.sizes) for some in self.numbers.split(2**18)]
        )
        """The log-probability of each program together with the examples so far."""
        self.done = 0
        """Examples so far."""
        self.certain = -math.inf
        """A lower bound on the log-evidence of all examples."""
        self.dropped = -math.inf
        """The log of a bound on the probability of all dropped programs, together with all examples."""

    def advance(self, bar: "tqdm[Any]") -> None:
        """Run the programs that are left on some more examples, and drop those that are too improbable."""
        examples = len(self.likelihood.data[0])
        last = min(examples, self.done + max(1, self.done // 2))
        found = self.likelihood(self.numbers, self.done, last, bar)
        self.log_weights = self.log_weights + found
        self.done = last
        if self.tolerance and found.max() > ROUNDING * last:
            raise UsageError(
                "exact posterior",
                expected="observations of probability at most 1, by which programs may be dropped",
                got=f"a log-likelihood of {float(found.max()):g}",
                remedy="drop none (tolerance=0)",
            )
        if not self.tolerance or self.done == examples or len(self.numbers) <= CANDIDATES:
            return
        best = self.log_weights.topk(min(CANDIDATES, len(self.numbers)))
        final = best.values + self.likelihood(self.numbers[best.indices], last, examples)
        self.certain = max(self.certain, float(final.logsumexp(0)))
        least = self.certain + math.log(self.tolerance / self.likelihood.space.size)
        improbable = self.log_weights < least
        if improbable.any():
            self.dropped = float(
                torch.logaddexp(
                    torch.tensor(self.dropped, device="cpu"), self.log_weights[improbable].logsumexp(0)
                )
            )
            bar.update(int(improbable.sum()) * (examples - last))
            self.numbers, self.log_weights = self.numbers[~improbable], self.log_weights[~improbable]

    def posterior(self) -> ProgramPosterior:
        """The posterior after all examples."""
        log_evidence = float(self.log_weights.logsumexp(0))
        space = self.likelihood.space
        return ProgramPosterior(
            space.programs(self.numbers),
            self.log_weights,
            space.sizes,
            log_evidence=log_evidence,
            hidden=min(1.0, math.exp(min(0.0, self.dropped - log_evidence)))
            if self.dropped > -math.inf
            else 0.0,
            unused={site: table.exp() for site, table in self.prior.tables(space.sizes).items()},
        )

    def get_state(self) -> dict[str, Any]:
        """Everything that :meth:`advance` changes."""
        return {
            "numbers": self.numbers,
            "log_weights": self.log_weights,
            "done": self.done,
            "bounds": torch.tensor([self.certain, self.dropped], dtype=torch.float64),
            "evaluated": self.likelihood.evaluated,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`get_state` gave."""
        self.numbers, self.log_weights, self.done = state["numbers"], state["log_weights"], state["done"]
        self.certain, self.dropped = state["bounds"].tolist()
        self.likelihood.evaluated = state["evaluated"]
