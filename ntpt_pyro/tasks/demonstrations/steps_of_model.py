"""Any model step by step: what its functions read, and the value of every variable on the way."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import Parameter, signature
from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ntpt_pyro.bounds import check_count
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.accuracy import compared
from ntpt_pyro.inference.posterior.decided_programs import decided, programs_of
from ntpt_pyro.language.program import Program
from ntpt_pyro.language.sites import Message
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.model_scene import Noted, model_scene
from ntpt_pyro.tasks.examples import Examples

LONGEST = 60
"""Characters of an input that are shown."""
BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class NotedSteps(Messenger):
    """Notes what learnable functions read and what variables are, in the order of a run on one example."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Noted] = []
        """What was read or set, with its value in words."""

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        declaration = msg["args"][0].declaration
        if isinstance(declaration.out, int):
            assert msg["value"] is not None
            sure, read = (found.flatten().tolist() for found in msg["value"].max(-1))
            words = ", ".join(f"{int(r)} ({s:.2f})" for r, s in zip(read, sure, strict=True))
            value = msg["value"].detach()
            self.noted.append(Noted(declaration.name, words, declaration, tuple(msg["args"][1:]), value))

    def _pyro_post_ntpt_var(self, msg: Message) -> None:
        self._note(msg["args"][0], msg["value"])

    def _pyro_post_ntpt_variables(self, msg: Message) -> None:
        found: Any = msg["value"]
        if isinstance(found, Mapping):
            for site, value in found.items():
                self._note(site, value)

    def _note(self, site: str, value: Any) -> None:
        if isinstance(value, Tensor):
            words = ", ".join(map(str, value.argmax(-1).flatten().tolist()))
            self.noted.append(Noted(site, words))


def demonstrate_model(
    model: Callable[..., Any], program: Program, example: Examples, *, noted: NotedSteps | None = None
) -> Demonstration:
    """Run a decided model on one example, networks taken at their most probable reading.

    :param model: with the functions that it calls.
    :param program: every choice's integer by site.
    :param example: one.
    :param noted: what notes its steps.
    :returns: the run; its table has a row for each reading and each variable.
    """
    noted = noted or NotedSteps()
    fixed = decided(noted(SureReadings()(model)), programs_of(program), example.tensors)
    noted.noted.clear()  # of the look that found the choices
    with torch.no_grad():
        results = compared(fixed, example.tensors)
    found = {site: int(one.found.flatten()[0]) for site, one in results.items()}
    masked = {site for site, one in results.items() if one.masked[0]}  # right whatever comes out
    truth = {site: found[site] if site in masked else int(one.truth[0]) for site, one in results.items()}
    single = len(found) == 1
    return Demonstration(
        columns=("step", "value"),
        steps=[(one.name, one.words) for one in noted.noted],
        result=_in_words(found),
        truth=None if masked == set(found) else _in_words(truth),
        before=[
            f"input   {_shown(tensor[0])}" for tensor in example.inputs if not tensor.is_floating_point()
        ],
        scene=model_scene(
            list(zip(_names(model, len(example.inputs)), (one[0] for one in example.inputs), strict=True)),
            noted.noted,
            {"result" if single else site: str(value) for site, value in found.items()},
        ),
        no_steps="no steps: name them with var(...) in the model",
    )


def _in_words(results: Mapping[str, int]) -> str:
    """Results by site; where there is one site its integer."""
    return str(next(iter(results.values())) if len(results) == 1 else dict(results))


def _names(model: Callable[..., Any], inputs: int) -> list[str]:
    """What a model calls its inputs; their numbers where that is not known."""
    with suppress(TypeError, ValueError):  # what is written in C has no signature
        named = [one.name for one in signature(model).parameters.values() if one.kind in BY_PLACE]
        if len(named) >= inputs:
            return named[:inputs]
    return [f"input {number}" for number in range(1, inputs + 1)]


def chosen_example(examples: Examples, asked: Asked, generator: torch.Generator) -> Examples:
    """The example that is asked for, by its number or at random.

    :param examples: that there are.
    :param asked: which.
    :param generator: of the draw.
    :returns: one.
    :raises UsageError: where there is none of that number.
    """
    if asked.instance is None:
        return examples.take(torch.randint(len(examples), (1,), generator=generator, device="cpu"))
    check_count("--instance", asked.instance, at_least=0, at_most=len(examples) - 1)
    return examples.take(torch.tensor([asked.instance]))


def _shown(tensor: Tensor) -> str:
    text = str(tensor.tolist())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
