"""Programs that leave choices open, told apart by what they compute on more inputs than they were given."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ntpt_pyro.errors import BudgetError, UsageError
from ntpt_pyro.inference.exact.model_record import Recording, record
from ntpt_pyro.inference.exact.programs import OPEN, TooManyRowsError, add_prior_made
from ntpt_pyro.inference.exact.recorded_tensors import NotSharedError
from ntpt_pyro.inference.exact.shared_pass import SharedPass
from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.posterior.program_posterior import ProgramPosterior

MOST = 50_000
"""Programs that there may be by default: each is run on every input."""
AT_ONCE = 8
"""Inputs that are run together."""


def _recorded(model: Model, examples: Sequence[Tensor]) -> Recording:
    try:
        return record(model, examples)
    except NotSharedError as error:
        raise UsageError(
            "told apart",
            expected="a model whose programs share work",
            got=f"one whose programs do not, {error}",
            remedy="compare what programs compute by by_behaviour",
        ) from None


def told_apart(
    posterior: ProgramPosterior, model: Model, examples: Sequence[Tensor], *, most: int = MOST
) -> ProgramPosterior:
    """The same posterior, over programs that read no open choice on any of some inputs.

    A choice that no example reads may matter for other inputs. Here it is decided, every alternative by
    itself, where a program reads it on one of these.

    :param posterior: over programs, some of whose choices are open.
    :param model: a Pyro program whose programs share work.
    :param examples: inputs, with any results: these do not count.
    :param most: programs that there may be.
    :returns: the posterior.
    :raises BudgetError: where there are more.
    :raises UsageError: where programs of the model share no work.

    >>> import pyro, torch
    >>> from ntpt_pyro import choice, observe, one_hot, select
    >>> from ntpt_pyro.inference import exact_posterior
    >>> def table(places, signs=None):
    ...     held = [choice(f"sign_{place}", 2) for place in range(2)]
    ...     with pyro.plate("examples", len(places)):
    ...         observe("sign", select(one_hot(places, 2), held), signs)
    >>> seen = torch.tensor([0]), torch.tensor([1])  # nothing is known of place 1
    >>> found = exact_posterior(table, seen, certain_labels=True).posterior
    >>> found.programs(), told_apart(found, table, (torch.arange(2), torch.zeros(2).long())).programs()
    (1, 2)
    """
    choices = {site: column.numpy().astype(np.int32) for site, column in posterior.columns.items()}
    log_probs = posterior.log_probs.numpy()
    log_prior = {site: probs.log().numpy() for site, probs in posterior.unused.items()}
    for first in range(0, len(examples[0]), AT_ONCE):
        if not any((column == OPEN).any() for column in choices.values()):
            break
        recording = _recorded(model, [tensor[first : first + AT_ONCE] for tensor in examples])
        run = SharedPass(recording, log_prior, most=most, certain=False, scored=False)
        try:
            leaves = run(choices, log_probs, -np.inf)
        except TooManyRowsError:
            raise BudgetError(
                "told apart",
                expected=f"at most {most:,} programs",
                got="more that differ on these inputs",
                remedy="give fewer inputs, or allow more programs (most)",
            ) from None
        log_probs = log_probs[leaves.origin]
        add_prior_made(log_probs, choices, leaves.choices, leaves.origin, log_prior)
        possible = log_probs > -np.inf
        choices = {site: column[possible] for site, column in leaves.choices.items()}
        log_probs = log_probs[possible]
    columns = {site: torch.from_numpy(column).long() for site, column in choices.items()}
    return ProgramPosterior(
        columns,
        torch.from_numpy(log_probs),
        posterior.sizes,
        posterior.log_evidence,
        posterior.hidden,
        posterior.unused,
    )
