"""A program text in TerpreT as a task: its instances are the examples, its concrete interpreter the judge."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import log10, prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ntpt_pyro.bounds import counted
from ntpt_pyro.errors import TaskError, UsageError
from ntpt_pyro.inference.training.checkpoint import digest_of
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.text_run import demonstrate_instance
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.input_space import inputs_of
from ntpt_pyro.tasks.solvable import in_words
from ntpt_pyro.tasks.task import Task
from ntpt_pyro.tasks.task_contents import digest_of_bytes
from ntpt_pyro.tasks.text_defaults import DEFAULTS, WITH_FUNCTIONS
from ntpt_pyro.terpret import TerpretModel, parse
from ntpt_pyro.terpret.instances import Batch, read_batches, read_hypers
from ntpt_pyro.terpret.parser import MOST_CHARACTERS
from ntpt_pyro.terpret.statements import elements
from ntpt_pyro.terpret.text_files import read_text

MOST_ALTERNATIVES = 1_000_000
"""Alternatives of all parameters together: numbers that each restart learns."""
MOST_DIGITS = 4000
"""Digits of the number of programs."""
LEARNED_FROM = 100
"""Instances of which some are held back where functions are learned, which could learn them by heart."""


class TextTask(Task):
    """The parameters of a program text, from instances of it.

    It learns from the batch whose name begins with ``train``, or else from the first; programs are tested on
    the others. A program is right where the concrete interpreter reproduces all that its instances observe;
    where functions are learned and some are not reproduced it is not judged, and the share is told.

    :param name: of the task.
    :param batches: instances, the text compiled for each setting of hypers that they name.
    :param source: where the instances come from, in words.
    :param seconds: that compiling took.
    :raises TaskError: where the text has nothing to learn, or nothing to learn it from.
    """

    judged_with_functions = True
    sure_readings = True
    question_seconds = 5.0

    def __init__(self, name: str, batches: Sequence[Batch], *, source: str, seconds: float = 0.0) -> None:
        self.batches = list(batches)
        self.train = next((one for one in batches if one.name.lower().startswith("train")), batches[0])
        self._instances = source
        self._seconds = seconds
        model = self.train.model
        check_learnable(name, model)
        functions = model.functions
        self.hold_back = bool(functions) and len(self.train.instances) >= LEARNED_FROM
        self.observed = len(model.outputs)
        self._inputs: list[Tensor] | None
        self._inputs, self.told_apart_by = inputs_of(model.inputs, model.outputs) or (None, None)
        super().__init__(
            model,
            examples=self.train.tensors,
            functions=functions,
            execute=partial(_execute, model),
            source=self._written,
            defaults=WITH_FUNCTIONS if functions else DEFAULTS,
            name=name,
            about=f"the parameters of the program text {model.source.name}",
        )

    def _written(self, program: Program) -> list[Line]:
        """A line a parameter."""
        model = self.train.model
        texts = model.program_text(program)
        return [
            Line(text, sites=(cell.site,) if cell.site in program else ())
            for cell, text in zip(model.params, texts, strict=True)
        ]

    @property
    def domain(self) -> str:
        """See :class:`~ntpt_pyro.Task`."""
        return f"the {counted(len(self.train.instances), 'instance')} that it was learned from"

    @property
    def has_tests(self) -> bool:
        """See :class:`~ntpt_pyro.Task`: whether there are other batches."""
        return len(self.batches) > 1

    @property
    def numbered(self) -> int:
        """See :class:`~ntpt_pyro.tasks.drawing.Drawing`: of the batch that is shown where none is named."""
        return len(self._batch_named(None).instances)

    def made_of(self) -> dict[str, str]:
        """See :class:`~ntpt_pyro.tasks.task_contents.Contents`: of the text, its hypers, and all batches."""
        hypers = {one.name: (one.hypers, dict(one.model.hypers)) for one in self.batches}
        return {
            "program text": digest_of_bytes("\n".join(self.train.model.source.lines).encode()),
            "hypers": digest_of_bytes(repr(hypers).encode()),
            "instances": digest_of([tensor for one in self.batches for tensor in one.tensors]),
        }

    def reproduced(self, batch: Batch, program: Program, library: Library | None) -> int:
        """How many instances a program reproduces, by the concrete interpreter.

        :param batch: the instances.
        :param program: the integer of each parameter, by site.
        :param library: learnable functions; the interpreter is given their most probable readings.
        :returns: those whose observed outputs are all right.
        """
        return sum(_fits(batch, program, library))

    def right(self, program: Program, library: Library | None = None) -> bool | None:
        """See :class:`~ntpt_pyro.Task`: with what functions read, which a right program may be wrong for.

        :returns: None where functions are learned and some instance is not reproduced: nobody knows whether
            they misread it.
        """
        return all(_fits(self.train, program, library)) or (None if self.functions else False)

    def accuracy(self, program: Program, library: Library | None, examples: Examples) -> float:
        """See :class:`~ntpt_pyro.Task`: of the instances learned from, by the interpreter.

        Where functions are learned it is of the examples, some of which may be held back.
        """
        if self.functions:
            return super().accuracy(program, library, examples)
        return self.reproduced(self.train, program, library) / len(self.train.instances)

    def test_accuracy(
        self,
        program: Program,
        library: Library | None,
        count: int,
        generator: torch.Generator,
        *,
        held_back: Examples,
    ) -> float | None:
        """See :class:`~ntpt_pyro.Task`: of the instances of other batches; None where there is no other."""
        others = [batch for batch in self.batches if batch is not self.train]
        counts = [self.reproduced(batch, program, library) for batch in others]
        return sum(counts) / sum(len(batch.instances) for batch in others) if others else None

    def fully_observed(self, examples: Examples) -> Examples:
        """See :class:`~ntpt_pyro.Task`: outputs that an instance does not give are compared too."""
        return Examples(tuple(t if t.is_floating_point() else t.clamp_min(0) for t in examples.tensors))

    def facts(self, program: Program, library: Library | None) -> dict[str, str]:
        """See :class:`~ntpt_pyro.Task`: instances reproduced, outputs observed, the text's size."""
        model = self.train.model
        size = f"{model.terms:,} products from {model.statements:,} statements, {self._seconds:.2f} s"
        found = {one.name: self.reproduced(one, program, library) for one in self.batches}
        facts = {
            f"batch {one.name!r}": f"{found[one.name]} of {len(one.instances)} instances reproduced"
            for one in self.batches
        }
        few, count = found[self.train.name], len(self.train.instances)
        if self.functions and few < count:  # said in place of a verdict, see `right`
            told = f"{few:,} of {counted(count, 'instance')} reproduced ({few / count:.1%})"
            facts["program"] = f"not judged: {told}; a wrong program and functions that misread look alike"
        return {**facts, "observed": self.observed_in_words, "compiled to": size}

    @property
    def observed_in_words(self) -> str:
        """How many variables of outputs its instances give, of how many, batch by batch."""
        words = []
        for batch in self.batches:
            each, cells = batch.observed, sum(prod(one.dims) for one in batch.model.outputs)
            told = f"{int(each.sum()):,} of {len(each) * cells:,} outputs"
            if none := int((each == 0).sum()):
                told += f", none in {counted(none, 'instance')}"
            words.append(told if len(self.batches) == 1 else f"{batch.name!r} {told}")
        return "; ".join(words)

    def tells_apart(self, examples: Examples) -> Examples:
        """See :class:`~ntpt_pyro.Task`: all inputs, where they are few, or some at random."""
        return super().tells_apart(examples) if self._inputs is None else Examples(tuple(self._inputs))

    def data_sources(self) -> dict[str, str]:
        """See :class:`~ntpt_pyro.Task`."""
        return {"train": f"{counted(len(self.train.instances), 'instance')} of {self._instances}"}

    def check_solvable(self) -> None:
        """See :class:`~ntpt_pyro.tasks.solvable.Solvable`: functions read what instances give."""
        if self.train.model.beyond_solvers is not None:
            raise self.train.model.beyond_solvers

    def input_words(self, inputs: Sequence[Tensor]) -> list[str]:
        """See :class:`~ntpt_pyro.tasks.solvable.Solvable`: each input by its name."""
        declared = self.train.model.inputs
        return [f"{one.name} = {in_words(tensor[0])}" for one, tensor in zip(declared, inputs, strict=True)]

    def result_words(self, results: Mapping[str, int]) -> str:
        """See :class:`~ntpt_pyro.tasks.solvable.Solvable`: each output by its name."""
        return _assigned({
            one.name: in_words(tensor[0])
            for one, tensor in zip(self.train.model.outputs, self.result_tensors(results), strict=True)
        })  # fmt: skip

    def result_tensors(self, results: Mapping[str, int]) -> list[Tensor]:
        """See :class:`~ntpt_pyro.tasks.solvable.Solvable`: each output as large as it is declared."""
        return [
            torch.tensor([results[cell.site] for cell in elements(one)]).reshape(1, *one.dims)
            for one in self.train.model.outputs
        ]

    def _batch_named(self, name: str | None) -> Batch:
        """A batch by its name; without one the first that it was not learned from."""
        if name is None:
            return next((one for one in self.batches if one is not self.train), self.train)
        for one in self.batches:
            if one.name == name:
                return one
        known = ", ".join(repr(one.name) for one in self.batches)
        raise UsageError("--batch", expected=f"one of {known}", got=repr(name), remedy="name one of them")

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """See :class:`~ntpt_pyro.Task`: every variable of the concrete interpreter, on one instance."""
        asked.allow(self.name, "seed", "instance", "batch")
        batch = self._batch_named(asked.batch)
        count = len(batch.instances)
        if asked.instance is not None and asked.instance >= count:
            raise UsageError(
                "--instance",
                expected=f"a number in 0..{count - 1}, of batch {batch.name!r}",
                got=str(asked.instance),
                remedy="give another, or name another batch (--batch)",
            )
        number = asked.seed % count if asked.instance is None else asked.instance
        return demonstrate_instance(batch, number, _inputs(batch, number), program, library)


def check_learnable(name: str, model: TerpretModel) -> None:
    """Check that there is something to learn in a text.

    :param name: of the task, for messages.
    :param model: the text.
    :raises TaskError: where there is not, or nothing to learn it from, or more than can be learned.
    """
    sizes = [cell.size for cell in model.open]
    if sum(sizes) > MOST_ALTERNATIVES or sum(map(log10, sizes)) > MOST_DIGITS:
        raise TaskError(
            name,
            expected=f"Params of at most {MOST_ALTERNATIVES:,} alternatives, and fewer than 1e{MOST_DIGITS} "
            "joint settings",
            got=f"{len(sizes):,} Params of {sum(sizes):,} alternatives, the most by {_largest(model)}",
            remedy=model.smaller(_largest(model)),
        )
    missing = [
        kind
        for kind, some in (("Input", model.inputs), ("Output", model.outputs), ("Param", sizes))
        if not some
    ]
    if missing:
        raise TaskError(
            name,
            expected="a Param to learn, and Inputs and Outputs to learn it from",
            got=f"no {' and no '.join(missing)}",
            remedy="declare them",
        )


def _largest(model: TerpretModel) -> str:
    """The name of the parameters that have most alternatives together."""
    counts = Counter[str]()
    for cell in model.open:
        counts[cell.declared.name] += cell.size
    return counts.most_common(1)[0][0]


def text_task(model: Path, hypers: Path, data: Path) -> TextTask:
    """The task of a program text.

    :param model: file of the text.
    :param hypers: file of its hypers, JSON ``{setting: {hyper: integer}}``.
    :param data: file of its instances, JSON ``[{"batch_name", "hypers", "instances"}]``.
    :returns: the task.
    :raises NtptError: for whatever is wrong with the files.
    """
    began = time.monotonic()
    text = read_text(model, what="a program text", most=MOST_CHARACTERS)
    source = parse(text, model.name)
    batches = read_batches(data, read_hypers(hypers), source, check=partial(check_learnable, model.stem))
    made = TextTask(model.stem, batches, source=data.name, seconds=time.monotonic() - began)
    made.found_by = f"{model}:{hypers}:{data}"
    return made


def text_task_named(name: str) -> TextTask:
    """The task of ``FILE.terpret:DATA``, or of ``FILE.terpret:HYPERS.json:DATA.json``.

    With ``FILE.terpret:swap`` the instances are in ``FILE.swap.json`` and the hypers in
    ``FILE.hypers.json``, both beside the text.

    :param name: of the task.
    :returns: the task.
    :raises NtptError: for whatever is wrong with the name or the files.
    """
    file, *parts = name.split(":")
    model = Path(file)
    if len(parts) == 2:
        return text_task(model, Path(parts[0]), Path(parts[1]))
    if len(parts) != 1 or not parts[0]:
        raise TaskError(
            "task",
            expected="FILE.terpret:DATA or FILE.terpret:HYPERS.json:DATA.json",
            got=repr(name),
            remedy="name the data of the text",
        )
    data = Path(parts[0]) if parts[0].endswith(".json") else model.with_suffix(f".{parts[0]}.json")
    return text_task(model, model.with_suffix(".hypers.json"), data)


def _execute(model: TerpretModel, program: Program, *inputs: Any, library: Any = None) -> dict[str, int]:
    """The concrete interpreter on one instance: by site of every output its integer."""
    given = {declared.name: value for declared, value in zip(model.inputs, inputs, strict=False)}
    outputs = model.run(program, given, library)
    return {
        f"{name}{''.join(f'_{place}' for place in index)}": value
        for name, found in outputs.items()
        for index, value in _elements(found)
    }


def _elements(value: Any, index: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], int]]:
    """The integers of nested lists, with their places."""
    if not isinstance(value, Sequence):
        return [(index, int(value))]
    return [one for place, inner in enumerate(value) for one in _elements(inner, (*index, place))]


def _fits(batch: Batch, program: Program, library: Library | None) -> Iterator[bool]:
    """Whether the concrete interpreter comes to what is observed, for one instance after the other."""
    model = batch.model
    known = [None] * len(batch.instances) if library is None else model.readings(batch.tensors, library)
    for number, instance in enumerate(batch.instances):
        outputs = model.run(program, _inputs(batch, number), library, known=known[number])
        yield all(_agrees(outputs[one.name], instance.get(one.name)) for one in model.outputs)


def _inputs(batch: Batch, number: int) -> dict[str, Any]:
    """What an instance gives: tensors as such, integers and nested lists of them."""
    given = zip(batch.model.inputs, batch.tensors, strict=False)
    return {one.name: t[number].tolist() if isinstance(one.size, int) else t[number] for one, t in given}


def _agrees(output: Any, observed: Any) -> bool:
    """Whether an output is the observed one wherever that is not null."""
    if observed is None:
        return True
    if isinstance(observed, Sequence):
        return all(_agrees(one, other) for one, other in zip(output, observed, strict=True))
    return bool(output == observed)


def _assigned(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
