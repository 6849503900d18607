"""How a decided program does on all examples at once: what tells a search which examples to look at next."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ntpt_pyro.inference.handlers.model_sites import Model
from ntpt_pyro.inference.handlers.steps import ForwardMarginals
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.accuracy import predicted, reproduced
from ntpt_pyro.inference.posterior.decided_programs import choice_sizes, columns_of, with_choices
from ntpt_pyro.inference.posterior.log_likelihoods import example_log_likelihoods
from ntpt_pyro.inference.solver.supposed_readings import SampledReadings
from ntpt_pyro.language.given_data import in_batches
from ntpt_pyro.language.program import Program


class Scores:
    """Runs decided programs on all examples.

    :param model: a Pyro program, not wrapped.
    :param data: tensors with a common first axis of examples.
    """

    def __init__(self, model: Model, data: Sequence[Tensor]) -> None:
        self.model = model
        self.data = tuple(data)
        self.sizes = choice_sizes(model, data)
        """By choice how many alternatives it has."""

    def fixed(self, programs: Sequence[Program]) -> Model:
        """The model with its choices decided.

        :param programs: every choice's integer by site.
        :returns: a program of the same arguments, in the plate of restarts.
        """
        return with_choices(self.model, columns_of(programs), self.sizes, ForwardMarginals())

    def right(self, program: Mapping[str, int]) -> Bool[Tensor, " examples"]:
        """Which examples a program reproduces, its functions' readings taken at their most probable.

        :param program: every choice's integer by site.
        :returns: ``[examples]``.
        """
        fixed = SureReadings()(self.fixed([program]))
        with torch.no_grad():
            parts = [reproduced(fixed, batch).reshape(-1) for batch in in_batches(self.data)]
        return torch.cat(parts)

    def results(self, program: Mapping[str, int]) -> dict[str, Int[Tensor, " examples"]]:
        """What a program gives, its functions' readings taken at their most probable.

        :param program: every choice's integer by site.
        :returns: by observed site ``[examples]``.
        """
        fixed = SureReadings()(self.fixed([program]))
        with torch.no_grad():
            parts = [predicted(fixed, batch) for batch in in_batches(self.data)]
        return {site: torch.cat([part[site].reshape(-1) for part in parts]) for site in parts[0]}

    def log_likelihoods(self, programs: Sequence[Program]) -> Float[Tensor, "programs examples"]:
        """The log-likelihood of each example given each program.

        :param programs: every choice's integer by site.
        :returns: ``[programs, examples]``, in nats.
        """
        fixed = self.fixed(programs)
        with torch.no_grad():
            parts = [example_log_likelihoods(fixed, batch) for batch in in_batches(self.data)]
        return torch.cat([part.expand(len(programs), -1) for part in parts], -1)

    def exact_where_drawn(self, program: Program, *, draws: int = 400, seed: int = 0) -> bool:
        """Whether forward marginals give a program's likelihood, as far as drawn readings show.

        They do where each reading is read once. A program that reads one twice is run on vertices drawn from
        what the functions read, and what it then gives is compared with its marginals.

        :param program: every choice's integer by site.
        :param draws: how often each example is run.
        :param seed: of the draws.
        :returns: False where an example's likelihood is off by more than five standard errors.
        """
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for batch in in_batches(self.data):
                marginal = example_log_likelihoods(self.fixed([program]), batch).exp().reshape(-1)
                drawn = SampledReadings(draws)(self.fixed([program] * draws))
                each = example_log_likelihoods(drawn, batch).exp().expand(draws, -1)
                error = (marginal * (1 - marginal) / draws).clamp_min(0).sqrt()
                if bool(((each.mean(0) - marginal).abs() > 5 * error + 5 / draws).any()):
                    return False
        return True
