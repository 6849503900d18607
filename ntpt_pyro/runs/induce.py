"""Inducing a task's program, and the functions that it calls: one recipe, whatever the task and the method.

Some training examples are held back, and the method searches in rounds until a program explains them. What it
found is then trained on, alone and on all examples, where there is anything to train. The test examples are
looked at once, at the end.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ntpt_pyro.errors import DataError, UsageError
from ntpt_pyro.inference.posterior.choice_marginals import marginals, most_probable
from ntpt_pyro.inference.posterior.decided_programs import program_of
from ntpt_pyro.inference.posterior.mean_field import MeanFieldPosterior
from ntpt_pyro.inference.posterior.posterior import Posterior
from ntpt_pyro.inference.training.callbacks import Callback
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide
from ntpt_pyro.inference.training.fit import fit
from ntpt_pyro.inference.training.ranks import ranks_now
from ntpt_pyro.inference.training.restart_search import POSTERIOR_EXAMPLES, best_alone
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.language.library import Library
from ntpt_pyro.runs.answers import Oracle
from ntpt_pyro.runs.history import History, Snapshots
from ntpt_pyro.runs.induced import Induced
from ntpt_pyro.runs.libraries import check_chosen_networks, library_of
from ntpt_pyro.runs.looks_at_training import LooksAtTraining
from ntpt_pyro.runs.methods.method import IMAGE_DROPOUT, Found, Method, Work, untrained
from ntpt_pyro.runs.methods.named import method_of
from ntpt_pyro.runs.methods.restarts_method import search_steps
from ntpt_pyro.runs.run_folder import LIBRARY, RunFolder, load_library
from ntpt_pyro.runs.search_rounds import check_workers, search_in_rounds
from ntpt_pyro.runs.settings import Settings
from ntpt_pyro.runs.shared_work import check_shared
from ntpt_pyro.runs.verdict import result_of
from ntpt_pyro.tasks.checking import check_choices
from ntpt_pyro.tasks.examples import Examples
from ntpt_pyro.tasks.task import Task
from ntpt_pyro.tasks.task_contents import contents_of

MOST_HELD_BACK = 500
"""Examples that a search is judged by are a tenth of all, at most so many."""
FEW = 100
"""Where functions are not learned, so few examples are learned from and judged by alike."""
CHECKED = {"programs": 8, "examples": 4}
"""How much a task's model and interpreter are compared before a run."""


@dataclass(frozen=True)
class Ended:
    """What training ends with: the posterior, the functions, steps and snapshots of both phases.

    ``lost`` is the share of the examples held back that training on ended with, where the search had
    explained more of them: then what the search found is kept.
    """

    posterior: Posterior
    program: dict[str, int]
    library: Library
    steps: int
    snapshots: Snapshots
    lost: float | None = None


def induce(
    task: Task,
    settings: Settings | None = None,
    *,
    library: Library | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    progress: bool = False,
    oracle: Oracle | None = None,
    callbacks: Iterable[Callback] = (),
    workers: Workers = ALONE,
    **changes: Any,
) -> Induced:
    """Find a task's program, and learn the functions that it calls.

    :param task: what to learn.
    :param settings: how; by default those that suit method and task.
    :param library: functions to begin with, which stay as they are; what the task lacks is added to a copy.
    :param out: a folder to keep the run in; None keeps nothing. Where processes share the restarts, see
        :func:`~ntpt_pyro.inference.sharing_restarts`, the first of them keeps it.
    :param resume: go on with the run in ``out``. Going on gives the same result as never having stopped, on
        the same machine; a finished run gives its result again.
    :param progress: show progress bars.
    :param oracle: answers a solver's questions, see :data:`~ntpt_pyro.runs.answers.Oracle`: where examples
        leave open what their program does, it is asked for the result on an input that tells.
    :param callbacks: called after every step of each training of the run, such as
        :class:`~ntpt_pyro.inference.JsonLines`; see :func:`~ntpt_pyro.inference.in_phase`. They are no part
        of the settings: one that ends a training early changes the result, and nothing says so.
    :param workers: who searches, such as ``Workers(2)``: rounds run side by side, and the programs
        of an exhaustive search and of the E steps of ``em``. The result does not depend on it, but for what
        :func:`~ntpt_pyro.inference.exact_posterior` says of programs that share work; by a
        solver, which of the programs that are as good it is may depend on it.
    :param changes: single settings by name, such as ``restarts=32``.
    :returns: the program, its posterior, the functions.
    :raises NtptError: for whatever is wrong with the task, the settings, the library or the folder.

    >>> import pyro, torch
    >>> from ntpt_pyro import Task, choice, observe, one_hot, runtime, switch
    >>> @runtime([5], 5)
    ... def double(x): return 2 * x % 5
    >>> def model(x, y=None):
    ...     line = choice("line", 2)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", switch(line, [one_hot(x, 5), double(one_hot(x, 5))]), y)
    >>> x = torch.arange(5)
    >>> found = induce(Task(model, examples=(x, 2 * x % 5)), restarts=4, steps=60)
    >>> found.program, found.result.program_correct
    ({'line': 1}, True)
    """
    if not isinstance(task, Task):
        raise UsageError(
            "induce",
            expected="a Task",
            got=type(task).__name__,
            remedy="make one: Task(model, examples=...), or find one by its name: find_task(name)",
        )
    if oracle is not None and not callable(oracle):
        raise UsageError(
            "oracle",
            expected="a function from an input to its result",
            got=type(oracle).__name__,
            remedy="give a function of the model's inputs, see ntpt_pyro.runs.answers.Oracle",
        )
    method, settings = settled_settings(task, settings, changes, library)
    if resume and out is None:
        raise UsageError("resume", expected="a folder to go on in", got="none", remedy="name it (out)")
    ranks, callbacks = ranks_now(), tuple(callbacks)
    check_workers(workers, ranks, told=bool(callbacks) or oracle is not None)
    options = {} if out is None and ranks is None else options_of(task, settings, library)
    if ranks is not None:
        check_shared(ranks, method, settings, options)
    run = None if out is None or not (ranks is None or ranks.first) else RunFolder(Path(out))
    with ExitStack() as work:

        def begin() -> Induced | None:
            if run is None:
                return None
            work.enter_context(run.at_work(options, resume=resume))
            return kept(run, task) if run.complete else None

        before = begin() if ranks is None else ranks.of_first(begin)
        if before is not None:
            return before
        work.enter_context(torch.random.fork_rng(devices=[]))  # torch's random state is as it was afterwards
        return _induce(
            task,
            method,
            settings,
            library,
            run,
            progress=progress,
            oracle=oracle,
            callbacks=callbacks,
            workers=workers,
        )


def kept(run: RunFolder, task: Task) -> Induced:
    """What a finished run found.

    :param run: its folder.
    :param task: that it was of, whose functions may be modules of one's own.
    :returns: the program, the marginals of its choices, the functions.
    :raises RunError: where the run is not finished, damaged or of another version.
    """
    library = load_library(run.folder, task.functions) if (run.folder / LIBRARY).exists() else Library()
    result = run.program_result()
    return Induced(result, run.posterior().worded(result.words), library, run.snapshots())


def settled_settings(
    task: Task, settings: Settings | None, changes: Mapping[str, Any], library: Library | None = None
) -> tuple[Method, Settings]:
    """The method, and all settings: what is given, what suits the method, what suits the task.

    :param task: the task.
    :param settings: all of them, where they are given.
    :param changes: single ones.
    :param library: functions to begin with.
    :returns: both.
    :raises UsageError: where a name is unknown or a number out of its bounds.
    """
    base = settings if settings is not None else Settings().changed(task.defaults)
    strategy = changes.get("strategy", base.strategy)
    method = method_of(strategy, untrained(task, library))
    suited = method.defaults if settings is None else {}
    return method, base.changed({**suited, **changes})


def options_of(task: Task, settings: Settings, library: Library | None) -> dict[str, Any]:
    """What decides the result of a run, as JSON can hold it.

    :param task: the task.
    :param settings: all settings.
    :param library: functions to begin with.
    :returns: by name; under ``inputs``, by what they are, digests of contents.
    """
    inputs = contents_of(task, settings.examples, settings.test_examples, settings.seed)
    if library is not None:
        inputs["library"] = library.digest()
    steps = None if library is None else library.steps
    return {
        "task": task.found_by,
        **task.parameters,
        "library": steps,
        **settings.to_json(),
        "inputs": inputs,
    }


def _induce(
    task: Task,
    method: Method,
    settings: Settings,
    library: Library | None,
    run: RunFolder | None,
    *,
    progress: bool,
    oracle: Oracle | None,
    callbacks: tuple[Callback, ...],
    workers: Workers,
) -> Induced:
    began = time.monotonic()
    if not task.checked:
        task.check(**CHECKED)
    source = torch.Generator().manual_seed(settings.seed)
    work = prepared(task, method, settings, library, source, run, progress=progress)
    answers = None if run is None else run.answers
    work = replace(work, oracle=oracle, answers=answers, callbacks=callbacks, workers=workers)
    method.prepare(work)
    searching = time.monotonic()
    found, rounds, searched = search_in_rounds(method, work)
    found = replace(found, seconds=time.monotonic() - searching)
    ended = _settled(work, found)
    total = replace(ended, steps=searched + ended.steps)
    result = result_of(work, found, total, rounds, source, seconds=time.monotonic() - began)
    if run is not None:
        run.finish(result, ended.posterior, ended.library, ended.snapshots)
    return Induced(result, ended.posterior.worded(result.words), ended.library, ended.snapshots)


def prepared(
    task: Task,
    method: Method,
    settings: Settings,
    library: Library | None,
    source: torch.Generator,
    run: RunFolder | None = None,
    *,
    progress: bool = False,
) -> Work:
    """What a method is given.

    :param task: the task.
    :param method: what is given it.
    :param settings: all settings.
    :param library: functions to begin with.
    :param source: of the examples.
    :param run: the run's folder.
    :param progress: show progress bars.
    :returns: the library with all that the task needs, and the examples, some of them held back.
    :raises DataError: where there are too few examples to hold any back.
    """
    examples = task.draw(settings.examples, source)
    full = library_of(task, library, settings.seed)
    held_back, training = _held_back(task, examples) if method.holds_back else (examples, examples)
    choices = check_choices(task, full, examples)
    if run is not None:
        run.note_choices({name: site.size for name, site in choices.items()})
    check_chosen_networks(task, full, examples)
    return Work(
        task=task,
        settings=settings,
        library=full,
        examples=examples,
        held_back=held_back,
        training=training,
        checkpoint=run.checkpoint if run else lambda _: None,
        history=run.history if run else lambda _: None,
        progress=progress,
    )


def _held_back(task: Task, examples: Examples) -> tuple[Examples, Examples]:
    """The examples that a search is judged by, and those that it learns from: apart, or all of them twice."""
    apart = task.hold_back
    if apart is None:
        apart = bool(task.functions) or len(examples) >= FEW
    if not apart:
        return examples, examples
    if len(examples) < 10:
        raise DataError(
            "examples",
            expected="at least 10, a tenth of them held back to choose the best restart",
            got=str(len(examples)),
            remedy="give more",
        )
    return examples.split(min(len(examples) // 10, MOST_HELD_BACK))


def _settled(work: Work, found: Found) -> Ended:
    """Train the best restart on, alone and on all examples; nothing where the search is all there is."""
    if found.posterior is not None:
        return Ended(found.posterior, found.verdict.program, found.library, 0, [])
    assert found.guide is not None
    task, settings = work.task, work.settings
    guide, library = best_alone(found.guide, found.library, found.verdict.best)
    library.teach(task.taught(found.verdict.program, library))
    searched = found.guide.take(torch.tensor([found.verdict.best])), deepcopy(library)
    if settings.dropout:
        for network in library:
            network.dropout = IMAGE_DROPOUT
    steps = settings.steps - min(found.steps, search_steps(settings))
    sure = found.verdict.good_enough  # samples are for looking about
    strategy = found.strategy.without_samples() if sure else found.strategy
    history = History(steps, work.history("settle"), LooksAtTraining(task, work.held_back))
    if steps > 0:
        state = fit(
            task.with_library(library),
            work.examples.tensors,
            strategy=strategy,
            library=library,
            guide=guide,
            steps=steps,
            batch_size=settings.settle_batch or settings.batch_size or len(work.examples),
            choice_lr=settings.choice_lr,
            library_lr=settings.library_lr,
            averaging=settings.averaging,
            seed=settings.seed,
            callbacks=[history, *work.callbacks_of("train-on")],
            progress=work.label("train on"),
            checkpoint=work.checkpoint("settle"),
            compile=settings.compile,
        )
        assert isinstance(state.average, Library)
        guide, library = state.guide, state.average
    library.count_steps(settings.steps)
    ended = _read_off(work, found, guide, library)
    if found.verdict.good_enough:
        share = task.accuracy(ended.program, ended.library, work.held_back)
        if share < found.verdict.accuracy:
            searched[1].count_steps(found.steps)
            lost = _read_off(work, found, *searched)
            return replace(lost, steps=steps, snapshots=found.snapshots, lost=share)
    return replace(ended, steps=steps, snapshots=[*found.snapshots, *history.of(0, after=found.steps)])


def _read_off(work: Work, found: Found, guide: ChoiceGuide, library: Library) -> Ended:
    """The posterior and the most probable program of a guide."""
    model = work.task.with_library(library.eval())
    some = work.examples.split(POSTERIOR_EXAMPLES)[0].tensors
    believed = marginals(found.strategy, model, guide, some)
    posterior = MeanFieldPosterior({site: probs[0] for site, probs in believed.items()})
    return Ended(posterior, program_of(most_probable(found.strategy, model, guide, some)), library, 0, [])
