"""Learn the parameters of a program text from instances, many restarts at once: `ntpt terpret`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro import (
    Library,
    Line,
    MeanFieldPosterior,
    NeuralFunction,
    Posterior,
    Program,
    Tensor,
    mode,
)
from ntpt_pyro.errors import DataError, UsageError
from ntpt_pyro.inference import (
    evidence,
    exact_posterior,
    fit,
    marginals,
    most_probable,
    program_of,
    strategy_named,
)
from ntpt_pyro.runs.exact import cost_of, programs_kept
from ntpt_pyro.runs.provenance import versions
from ntpt_pyro.runs.run_folder import Run, load_library
from ntpt_pyro.runs.settings import EXACT, as_json, check_at_least, check_positive
from ntpt_pyro.runs.statistics import success_rate
from ntpt_pyro.terpret import TerpretModel, parse
from ntpt_pyro.terpret.instances import Batch, read_batches, read_hypers


@dataclass(frozen=True)
class TerpretOptions:
    """What decides a run.

    :param model: file of the program text.
    :param hypers: file of its hypers.
    :param data: file of its instances.
    :param strategy: see :data:`~ntpt_pyro.inference.STRATEGIES`; or
        :data:`~ntpt_pyro.runs.settings.EXACT`.
    :param restarts: programs trained at once.
    :param steps: training steps, each on all instances of the training batch.
    :param choice_lr: learning rate of the parameters.
    :param init_scale: standard deviation of their initial logits.
    :param kl: weight of the KL term against the log-likelihood of one instance.
    :param seed: of everything random.
    :param library_lr: learning rate of learnable functions, where the text has any.
    :param library: run folder or file of a trained library to begin with.
    """

    model: Path
    hypers: Path
    data: Path
    strategy: str = "relaxed"
    restarts: int = 64
    steps: int = 800
    choice_lr: float = 0.1
    init_scale: float = 0.5
    kl: float = 0.07
    seed: int = 0
    library_lr: float = 1e-3
    library: Path | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_at_least(self, {"restarts": 1, "steps": 1})
        check_positive(self, ("choice_lr", "library_lr"))

    def settings(self) -> dict[str, Any]:
        """The options as JSON can hold them; paths by their last part only."""
        return as_json(self)


class ProgramText:
    """What a run shows of a program: each parameter with its integer."""

    def source(self, program: Program) -> list[Line]:
        """The text of a program.

        :param program: the integer of each parameter, by site.
        :returns: a line a parameter.
        """
        return [Line(f"{site} = {integer}") for site, integer in program.items()]

    def alternative(self, site: str, integer: int) -> str:
        """The word for a value of a parameter: the integer itself.

        :param site: the parameter.
        :param integer: its value.
        :returns: the word.
        """
        return str(integer)


def learn_text(
    options: TerpretOptions, *, run: Run | None = None, progress: bool = False
) -> tuple[dict[str, Any], Posterior]:
    """Learn a text's parameters from its training batch.

    That is the batch whose name begins with ``train``, or else the first. A restart is right where the
    concrete interpreter reproduces everything that its instances observe. Where the text has learnable
    functions each restart learns its own, and the interpreter is given what they read.

    :param options: what to do.
    :param run: a folder, already claimed, to keep checkpoints and the outcome in; None keeps nothing.
    :param progress: show a progress bar.
    :returns: the content of result.json (the best restart's program, by evidence, and how many restarts are
        right, or the most probable program of all; how many instances of each batch it reproduces), and the
        posterior of its parameters.
    :raises NtptError: for whatever is wrong with the options or the files.
    """
    began = time.monotonic()
    batches = batches_of(options)
    compiled = time.monotonic() - began
    train = next((batch for batch in batches if batch.name.lower().startswith("train")), batches[0])
    if not train.model.outputs or len(train.model.constants) == len(train.model.params):
        raise UsageError(
            options.model.name,
            expected="a Param to learn and an Output to learn it from",
            got="a text without",
            remedy="declare them",
        )
    find = _enumerated if options.strategy == EXACT else _trained
    found = find(train, options, run, options.model.stem if progress else None)
    tried = {
        batch.name: [reproduced(batch, found.program, found.library), len(batch.instances)]
        for batch in batches
    }
    held_out = [counts for name, counts in tried.items() if name != train.name]
    result = {
        "task": options.model.stem,
        "strategy": options.strategy,
        "seed": options.seed,
        "test_accuracy": sum(n for n, _ in held_out) / sum(n for _, n in held_out) if held_out else None,
        "digit_accuracy": None,
        "program": train.model.program_text(found.program),
        "choices": found.program,
        "program_correct": tried[train.name][0] == len(train.instances),
        "reproduced": tried,
        "compiled": {
            "seconds": round(compiled, 3),
            "statements": train.model.statements,
            "products": train.model.terms,
        },
        **found.how,
        "seconds": round(time.monotonic() - began, 2),
        "data": {"train": f"{len(train.instances)} instances of {options.data.name}"},
        "options": options.settings(),
        "versions": versions(),
    }
    if run is not None:
        run.finish(result, found.posterior, found.library if len(found.library) else None)
    return result, found.posterior


@dataclass(frozen=True)
class _Found:
    """A program, the functions it goes with, what is believed of its parameters, and how it was found."""

    program: dict[str, int]
    library: Library
    posterior: Posterior
    how: dict[str, Any]


def _trained(train: Batch, options: TerpretOptions, run: Run | None, progress: str | None) -> _Found:
    """The best of many restarts, by evidence."""
    strategy = strategy_named(options.strategy)
    library = library_of(train.model, options).copied(options.restarts, options.seed)
    model = partial(train.model, library=library)
    training = fit(
        model,
        train.tensors,
        strategy=strategy,
        restarts=options.restarts,
        steps=options.steps,
        batch_size=len(train.instances),
        library=library,
        choice_lr=options.choice_lr,
        library_lr=options.library_lr,
        init_scale=options.init_scale,
        kl=options.kl,
        seed=options.seed,
        progress=f"{progress}, {options.restarts} restarts" if progress else None,
        checkpoint=run.checkpoint("fit") if run else None,
    )
    library.count_steps(options.steps)
    programs = most_probable(strategy, model, training.guide, train.tensors, restarts=options.restarts)
    found = [program_of(programs, restart) for restart in range(options.restarts)]
    libraries = [library.take(torch.tensor([restart])) for restart in range(options.restarts)]
    right = sum(
        reproduced(train, program, its) == len(train.instances)
        for program, its in zip(found, libraries, strict=True)
    )
    weights = evidence(model, programs, train.tensors)
    best = int(weights.argmax())
    believed = marginals(strategy, model, training.guide, train.tensors, restarts=options.restarts)
    return _Found(
        found[best],
        libraries[best],
        MeanFieldPosterior({site: probs[best] for site, probs in believed.items()}),
        {
            "restarts": options.restarts,
            "restarts_correct": right,
            "restarts_rate": success_rate(right, options.restarts),
            "evidence": float(weights[best]),
            "steps": options.steps,
        },
    )


def _enumerated(train: Batch, options: TerpretOptions, run: Run | None, progress: str | None) -> _Found:
    """The most probable of all programs; functions that the text calls must be trained already."""
    library = library_of(train.model, options).eval()
    for function in train.model.functions:
        if not library.steps[function.name]:
            raise UsageError(
                "--strategy exact",
                expected=f"a library with {function.name}, trained",
                got="none",
                remedy="learn the text with another strategy first, and give its run as --library",
            )
    exact = exact_posterior(
        partial(train.model, library=library),
        train.tensors,
        progress=progress,
        checkpoint=run.checkpoint("exact") if run else None,
    )
    return _Found(
        exact.posterior.mode(),
        library,
        exact.posterior,
        {
            "restarts": None,
            "restarts_correct": None,
            "log_evidence": exact.posterior.log_evidence,
            "hidden": exact.posterior.hidden,
            "entropy": exact.posterior.entropy(),
            "programs": programs_kept(exact.posterior),
            "steps": 0,
            "cost": cost_of(exact),
        },
    )


def batches_of(options: TerpretOptions) -> list[Batch]:
    """The batches of the data, the text compiled for each setting of hypers that they name.

    :param options: what names the files.
    :returns: at least one.
    :raises NtptError: for whatever is wrong with the files.
    """
    source = parse(_read_text(options.model), options.model.name)
    return read_batches(options.data, read_hypers(options.hypers), source)


def library_of(model: TerpretModel, options: TerpretOptions) -> Library:
    """The learnable functions of a text: those of a given library, new ones beside.

    :param model: the text.
    :param options: of the run.
    :returns: a library; empty where the text has none.
    :raises LibraryError: where a given library does not fit, or two untrained functions would be in it.
    """
    library = load_library(options.library) if options.library else Library(seed=options.seed)
    for function in model.functions:
        library.ensure(function)
    return library


def reproduced(batch: Batch, program: Mapping[str, int], library: Library) -> int:
    """How many instances a program reproduces, by the concrete interpreter.

    :param batch: the instances.
    :param program: the integer of each parameter, by site.
    :param library: learnable functions, without copies; the interpreter is given what is most probable.
    :returns: those whose observed outputs all come out.
    """
    read = {
        declared.name: {
            function.name: mode(_quietly(library[function.name], tensor)).tolist()
            for function in batch.model.functions
            if function.inputs == (Tensor(*declared.size),)
        }
        for declared, tensor in zip(batch.model.inputs, batch.tensors, strict=False)
        if not isinstance(declared.size, int)
    }
    right = 0
    for number, instance in enumerate(batch.instances):
        readings = {
            name: {function: symbols[number] for function, symbols in functions.items()}
            for name, functions in read.items()
        }
        right += _fits(batch.model, {**instance, **readings}, program)
    return right


def _quietly(function: NeuralFunction, tensor: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = function(tensor)
        return found


def _fits(model: TerpretModel, instance: Mapping[str, Any], program: Mapping[str, int]) -> bool:
    outputs = model.run(program, instance)
    return all(_agrees(outputs[one.name], instance.get(one.name)) for one in model.outputs)


def _agrees(output: Any, observed: Any) -> bool:
    """Whether an output is the observed one wherever that is not null."""
    if observed is None:
        return True
    if isinstance(observed, Sequence):
        return all(_agrees(one, other) for one, other in zip(output, observed, strict=True))
    return bool(output == observed)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(
            str(path), expected="a program text", got="no such file", remedy="name a file"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            str(path), expected="a program text", got=" ".join(str(error).split()), remedy="name another file"
        ) from error
