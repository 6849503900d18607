"""A program of a text on one instance: what every variable of its concrete interpreter came to."""

from collections.abc import Mapping
from typing import Any

from ntpt_pyro.language.concrete_library import ConcreteLibrary
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
from ntpt_pyro.tasks.demonstrations.input_places import Given
from ntpt_pyro.tasks.demonstrations.noted_execution import NotedExecution
from ntpt_pyro.tasks.demonstrations.text_scene import text_scene
from ntpt_pyro.terpret.instances import Batch
from ntpt_pyro.terpret.symbols import Declared


def demonstrate_instance(
    batch: Batch, number: int, given: Mapping[str, Any], program: Program, library: Library | None
) -> Demonstration:
    """Run a program on an instance.

    :param batch: the instances.
    :param number: of the instance.
    :param given: its inputs by name, as the interpreter takes them.
    :param program: the integer of each parameter, by site.
    :param library: learnable functions.
    :returns: the run; its table has a row for each variable.
    """
    model, instance = batch.model, batch.instances[number]
    functions = None if library is None else ConcreteLibrary(library)
    run = NotedExecution(model.source, model.hypers, program, given, functions)
    values = run.values("Var", "Output")
    outputs = {one.name: values.pop(one.name) for one in model.outputs}
    observed = {name: instance.get(name) for name in outputs}
    known = all(value is not None for value in observed.values())
    inputs = (f"input   {one.name} = {_shown(one, given[one.name])}" for one in model.inputs)
    return Demonstration(
        columns=("variable", "value"),
        steps=[(name, _shown(model.declared[name], value)) for name, value in values.items()],
        result=_assigned(outputs),
        truth=_assigned(observed) if known else None,
        before=[f"instance {number} of batch {batch.name!r}", *inputs],
        scene=text_scene(run, list(_given(batch, number)), model.params),
    )


def _given(batch: Batch, number: int) -> list[Given]:
    """The inputs of an instance."""
    return [
        Given(one.name, tensor[number], None if isinstance(one.size, int) else one.size)
        for one, tensor in zip(batch.model.inputs, batch.tensors, strict=False)
    ]


def _shown(declared: Declared, value: Any) -> str:
    """A value in words; of a tensor its shape."""
    return str(value) if isinstance(declared.size, int) else f"a tensor of shape {list(declared.size)}"


def _assigned(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
