"""A model run on literals: its choices and readings are one-hot groups, what it observes are literals.

On vertices a product of probabilities is AND and a sum of disjoint cases is OR, so that the multilinear
program of a model is a Boolean circuit. Nothing in the model is changed for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor

from ntpt_pyro.errors import SiteError, UsageError
from ntpt_pyro.inference.handlers.model_sites import Model, claim
from ntpt_pyro.inference.solver.circuit import TRUE, Circuit, Literals
from ntpt_pyro.inference.solver.clauses import some_true
from ntpt_pyro.inference.solver.literal_tensors import LiteralTensor, literals_of
from ntpt_pyro.inference.solver.readings import Readings
from ntpt_pyro.language.distributions import Output
from ntpt_pyro.language.sites import Message, notes_a_value, role_of


@dataclass
class ModelRun:
    """What a model came to on some examples.

    :param choices: by site its literals ``[size]``.
    :param results: by observed site the literals of its distribution, ``[examples, n]``.
    :param explained: by observed site the literal of the observed integer, ``[examples]``.
    :param noise: by observed site its label noise.
    """

    choices: dict[str, Literals]
    results: dict[str, Literals] = field(default_factory=dict)
    explained: dict[str, Literals] = field(default_factory=dict)
    noise: dict[str, float] = field(default_factory=dict)


def run_on_literals(
    model: Model,
    data: Sequence[Tensor],
    circuit: Circuit,
    *,
    choices: dict[str, Literals] | None = None,
    readings: Readings | None = None,
) -> ModelRun:
    """Run a model on literals.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: its arguments, tensors with a common first axis of examples; integers may be free ones.
    :param circuit: takes the gates.
    :param choices: by site the literals of choices; what is missing is added, for further runs to share.
    :param readings: what learned functions yield; by default every integer is possible.
    :returns: the literals of what it observes.
    :raises UsageError: where the model does what values do not: the message names it.
    :raises SiteError: where a choice is in a plate, or something else is observed than an integer an example.
    :raises BudgetError: where the circuit would become too large.
    """
    run = ModelRun({} if choices is None else choices)
    if readings is not None:
        readings.begin()
    handler = _OnLiterals(circuit, run, readings or Readings(circuit))
    with torch.no_grad(), poutine.block(), handler:
        model(*data)
    if not run.results:
        raise SiteError(
            "model", expected="an observed result", got="none", remedy="compare its result with data"
        )
    return run


class _OnLiterals(Messenger):
    """Yields literals at choices and readings, lets steps pass, and notes what is observed."""

    def __init__(self, circuit: Circuit, run: ModelRun, readings: Readings) -> None:
        super().__init__()
        self.circuit = circuit
        self.run = run
        self.readings = readings
        self._taken: set[str] = set()

    def _pyro_sample(self, msg: Message) -> None:
        if isinstance(msg["fn"], _Subsample):  # a plate
            return
        if notes_a_value(msg):
            return
        site, role = str(msg["name"]), role_of(msg)
        claim(site, self._taken)
        self.circuit.place = f"site {site!r}"
        if role == "choice" and not msg["is_observed"]:
            msg["value"] = self._choice(site, msg["fn"])
        elif msg["is_observed"] and isinstance(msg["fn"], Output):
            observed: Any = msg["value"]
            self._observed(site, msg["fn"], observed)
        elif role is None:
            raise SiteError(
                f"solver, site {site!r}",
                expected="choices, steps, and integers that are observed",
                got=f"{'an observed' if msg['is_observed'] else 'a latent'} {type(msg['fn']).__name__}",
                remedy="make choices by ntpt_pyro.choice, observe by observe, or take another strategy",
            )

    def _choice(self, site: str, prior: Any) -> Tensor:
        shape = (*prior.batch_shape, prior.event_shape[-1])
        if prod(prior.batch_shape) > 1:
            raise SiteError(
                f"solver, choice {site!r}",
                expected="choices in no plate",
                got=f"one of shape {list(prior.batch_shape)}",
                remedy="give each a name of its own",
            )
        if site not in self.run.choices:
            self.run.choices[site] = self.circuit.group((), shape[-1])
        return LiteralTensor(torch.from_numpy(self.run.choices[site].reshape(shape)), self.circuit)

    def _observed(self, site: str, output: Output, observed: Tensor) -> None:
        literals = literals_of(output.probs, self.circuit, "observe")
        if observed.ndim != 1:
            raise SiteError(
                f"solver, observed site {site!r}",
                expected="one result for each example, of shape [examples]",
                got=f"{[*observed.shape]}",
                remedy="observe labels [examples] within one pyro.plate over the examples",
            )
        literals = np.broadcast_to(literals, (len(observed), literals.shape[-1]))
        integers = observed.cpu().numpy().astype(np.int64)
        self.run.results[site] = literals
        self.run.explained[site] = np.take_along_axis(literals, integers[:, None], -1)[:, 0]
        self.run.noise[site] = output.noise

    def _pyro_ntpt_var(self, msg: Message) -> None:
        site, msg["value"] = msg["args"]
        self._step(site, msg["value"])
        msg["done"] = msg["stop"] = True

    def _pyro_ntpt_variables(self, msg: Message) -> None:
        (values,) = msg["args"]
        for site, value in values.items():
            self._step(site, value)
        msg["value"] = values
        msg["done"] = msg["stop"] = True

    def _step(self, site: str, value: Any) -> None:
        claim(site, self._taken)
        self.circuit.place = f"site {site!r}"
        if isinstance(value, LiteralTensor):
            self.circuit.exclude(value.array)

    def _pyro_ntpt_learned(self, msg: Message) -> None:
        function, *inputs = msg["args"]
        self.circuit.place = f"function {function.declaration.name!r}"
        if any(isinstance(one, LiteralTensor) for one in inputs):
            raise UsageError(
                f"solver, function {function.declaration.name!r}",
                expected="inputs that are given with the examples: a solver does not follow networks",
                got="an integer that the program decides, or that a function has read",
                remedy="read tensors first and compute with what is read, or take another strategy",
            )

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        declaration = msg["args"][0].declaration
        if isinstance(declaration.out, int):
            read: Any = msg["value"]
            found = self.readings(declaration.name, read)
            msg["value"] = LiteralTensor(torch.from_numpy(found), self.circuit)


def together(explained: dict[str, Literals], circuit: Circuit) -> Literals:
    """Which examples have all their results explained.

    :param explained: by observed site ``[examples]``.
    :param circuit: takes the gates.
    :returns: ``[examples]``.
    """
    found: Literals = np.full(len(next(iter(explained.values()))), TRUE)
    for one in explained.values():
        found = circuit.both(found, one)
    return found


def program_in(true: NDArray[np.bool_], choices: dict[str, Literals]) -> dict[str, int]:
    """The program of an answer.

    :param true: ``[variables]``.
    :param choices: by site its literals ``[size]``.
    :returns: by site its integer.
    """
    return {site: int(some_true(true, own)) for site, own in choices.items()}
