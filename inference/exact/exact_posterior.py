"""The exact posterior over the programs of a model: in which way it is found, and what it costs."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ntpt_pyro.bounds import check_count, check_number
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.exact.model_record import Recording, record
from ntpt_pyro.inference.exact.programs import Log
from ntpt_pyro.inference.exact.recorded_tensors import NotSharedError
from ntpt_pyro.inference.exact.same_as_model import same_as_model
from ntpt_pyro.inference.exact.shared_search import NoProgramError, SharedSearch
from ntpt_pyro.inference.handlers.all_examples import look_at_all
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.treatment import StepTreatment
from ntpt_pyro.inference.posterior.apart_examples import check_apart
from ntpt_pyro.inference.posterior.exhaustive import (
    ONE_BY_ONE,
    Cost,
    ExactPosterior,
    run_every_program,
)
from ntpt_pyro.inference.posterior.priors import UNIFORM, Prior
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace
from ntpt_pyro.inference.training.checkpoint import digest_of
from ntpt_pyro.inference.work.workers import ALONE, Workers
from ntpt_pyro.language.given_data import Data, given_data

ON_GPU = "because it is to run on a GPU"
"""Why programs are run by themselves there."""
MEMORY = 2**31
"""Bytes that programs may take."""
NEGLIGIBLE = 1e-6
"""Label noise that is there to keep logarithms finite."""


def exact_posterior(
    model: Model,
    data: Data,
    *,
    space: ProgramSpace | None = None,
    prior: Prior = UNIFORM,
    certain_labels: bool | None = False,
    keep: int | None = None,
    memory: int = MEMORY,
    tolerance: float = 1e-6,
    steps: StepTreatment | None = None,
    progress: str | None = None,
    checkpoint: Path | None = None,
    workers: Workers = ALONE,
) -> ExactPosterior:
    """The posterior over all programs of a model, given data and the library as it is.

    Programs that begin alike share work, whatever the model: values that are computed from equal ones are
    computed once, a choice that a program does not read is not tried, and programs whose values are equal at
    the end of a line are one from there on, where no later line reads the choices that they differ in. Where
    lines end is seen from what the model reads (:mod:`~ntpt_pyro.inference.exact.segments`), or said by
    :func:`~ntpt_pyro.carry` or :func:`~ntpt_pyro.step_end`. A model that cannot be run on values of many
    programs at once is run program by program.

    :param model: a Pyro program, not wrapped, whose choices are in no plate.
    :param data: tensors with a common first axis of examples, in no particular order.
    :param space: its programs; by default every joint setting of its choices.
    :param prior: over programs; by default every joint setting is as likely.
    :param certain_labels: take label noise to be 0: what fails an example is impossible, and dropped at
        once. None does so where no learned function reads, the noise is negligible, and a program explains
        all examples.
    :param keep: where programs merge, keep so many of them, the most probable ones by the first examples,
        however probable the others are: ``hidden`` says how probable they may be. None keeps all that the
        tolerance asks for.
    :param memory: bytes that programs may take, of all workers of this machine together; those of a cluster
        may take as many each.
    :param tolerance: the posterior probability that dropped programs may have together; 0 drops none.
    :param steps: treatment of interpreter steps, for which programs share no work; forward marginals by
        default, which are exact where an uncertain reading is read once.
    :param progress: the label of a progress bar on standard error; None shows none.
    :param checkpoint: a file kept up to date after each group of examples, and gone on from where it exists.
    :param workers: who runs programs: chunks of them where they share no work; where they do, parts of those
        that are many after some lines, in passes of more than some seconds. The parts are the same whoever
        runs them. Against one process the posterior differs by rounding, by which programs are dropped or,
        with ``keep``, kept: by no more than ``hidden``.
    :returns: the posterior, over programs that leave open what they do not read; its ``log_evidence`` is
        exact up to what was dropped, which its ``hidden`` bounds.
    :raises BudgetError: where programs take too much memory or time: says how much.
    :raises SiteError: where the space or the prior is of other choices than the model, or a choice is in a
        plate.
    :raises UsageError: where the tolerance is not in 0..1 or out of reach, there are no examples, or labels
        are certain and no program explains them all.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, constant, observe, switch
    >>> def flipper(bits):
    ...     flip = choice("flip", 2)
    ...     with pyro.plate("bits", len(bits)):
    ...         observe("bit", switch(flip, [constant(0, 2), constant(1, 2)]), bits, noise=0.5)
    >>> found = exact_posterior(flipper, [torch.tensor([1, 1])]).posterior
    >>> [round(p, 4) for p in found.marginals["flip"].tolist()]  # 0.75 against 0.25, twice
    [0.1, 0.9]
    """
    began = time.monotonic()
    data = given_data("exact posterior, data", data)
    examples = len(data[0])
    check_number("tolerance", tolerance, at_least=0, below=1)
    if keep is not None:
        check_count("keep", keep, at_least=1)
    sites = examine("exact posterior", model, data)
    space = space or ProgramSpace({name: site.size for name, site in sites.choices.items()})
    space.check(sites)
    weighted = look_at_all("exact posterior", model, data, space.sizes)
    check_apart(model, data, space.sizes)
    tables = {site: table.numpy() for site, table in prior.tables(space.sizes).items()}
    recording, why_not = _recorded(model, data, tables, steps=steps, weighted=weighted)
    if recording is None:
        _check_by_itself(prior, why_not, certain_labels=certain_labels)
        found = run_every_program(
            model,
            data,
            space,
            prior=prior,
            memory=memory,
            tolerance=tolerance,
            steps=steps,
            progress=progress and f"{progress}, {ONE_BY_ONE} ({why_not})",
            checkpoint=checkpoint,
            workers=workers,
        )
        return replace(found, way=f"{ONE_BY_ONE} ({why_not})")
    certain = _may_be_certain(recording) if certain_labels is None else certain_labels
    settings = {
        "programs": hex(space.size),  # may have more digits than Python writes
        "examples": examples,
        "tolerance": tolerance,
        "shared": True,
        "certain_labels": certain_labels,
        "keep": keep,
        "prior": [table.tolist() for table in tables.values()],
        "data": digest_of(data),
    }
    with tqdm(desc=progress, disable=progress is None, leave=False, bar_format="{desc}{postfix}") as bar:
        search = SharedSearch(
            model,
            data,
            space,
            tables,
            weights=prior.log_weights,
            memory=memory,
            tolerance=tolerance,
            keep=keep,
            report=bar.set_postfix_str,
            workers=workers,
        )
        find = partial(search.posterior, checkpoint, settings)
        posterior = find(certain=certain) if certain_labels is not None else _either(find, certain)
    seconds = time.monotonic() - began
    cost = Cost(space.size, examples, search.bytes_each, search.most, None)
    none = "; no program explains all examples" if certain and not search.certain else ""
    return ExactPosterior(posterior, cost, search.evaluated, seconds, search.way + none, search.certain)


def _check_by_itself(prior: Prior, why_not: str, *, certain_labels: bool | None) -> None:
    """Refuse what programs that are run one by one cannot have: they do not show what they read."""
    if certain_labels or prior.weights is not None:
        otherwise = "let labels be noisy" if certain_labels else "give probabilities of choices only"
        raise UsageError(
            "certain labels" if certain_labels else "prior's weights",
            expected="a model whose programs share work",
            got=f"one whose programs do not, {why_not}",
            remedy="take the CPU" if why_not == ON_GPU else otherwise,
        )


def _either(find: Callable[..., ProgramPosterior], certain: bool) -> ProgramPosterior:
    """The posterior; labels are noisy where no program explains them all."""
    try:
        return find(certain=certain)
    except NoProgramError:
        return find(certain=False)


def _recorded(
    model: Model,
    data: Sequence[Tensor],
    log_prior: Mapping[str, Log],
    *,
    steps: StepTreatment | None,
    weighted: bool,
) -> tuple[Recording | None, str]:
    """A model on an example, or why its programs share no work."""
    if steps is not None:
        return None, "because of other steps than forward marginals"
    if weighted:
        return None, "because examples are masked or scaled"
    if torch.get_default_device().type != "cpu":
        return None, ON_GPU
    try:
        recording = record(model, [tensor[:1] for tensor in data])
    except NotSharedError as error:
        return None, str(error)
    if not recording.observed:
        return None, "because nothing is observed"
    if not same_as_model(model, data, log_prior):
        return None, "because run together they come to something else: the model looks at values"
    return recording, ""


def _may_be_certain(recording: Recording) -> bool:
    """Whether nothing is uncertain but for a noise that is there to keep logarithms finite."""
    noise = max(observed.noise for observed in recording.observed.values())
    return not recording.reads and noise <= NEGLIGIBLE
