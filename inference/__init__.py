"""Inference: strategies, guides, restarts, training, read-out."""

if __name__ != "ntpt_pyro.inference":
    raise ImportError("import this package as ntpt_pyro.inference: there must be one copy of its classes")

from ntpt_pyro.inference.annealing import Annealing as Annealing
from ntpt_pyro.inference.averaging import follow as follow
from ntpt_pyro.inference.budget import Budget as Budget
from ntpt_pyro.inference.choices import EnumeratedChoices as EnumeratedChoices
from ntpt_pyro.inference.choices import MeanChoices as MeanChoices
from ntpt_pyro.inference.choices import RelaxedChoices as RelaxedChoices
from ntpt_pyro.inference.control import JointControl as JointControl
from ntpt_pyro.inference.em import Iteration as Iteration
from ntpt_pyro.inference.em import expectation_maximisation as expectation_maximisation
from ntpt_pyro.inference.exact import Cost as Cost
from ntpt_pyro.inference.exact import Exact as Exact
from ntpt_pyro.inference.exact import exact_posterior as exact_posterior
from ntpt_pyro.inference.expectation import Expectation as Expectation
from ntpt_pyro.inference.fit import Callback as Callback
from ntpt_pyro.inference.fit import EarlyStop as EarlyStop
from ntpt_pyro.inference.fit import fit as fit
from ntpt_pyro.inference.guide import ChoiceGuide as ChoiceGuide
from ntpt_pyro.inference.optim import SplitAdam as SplitAdam
from ntpt_pyro.inference.readings import SureReadings as SureReadings
from ntpt_pyro.inference.readout import decided as decided
from ntpt_pyro.inference.readout import evidence as evidence
from ntpt_pyro.inference.readout import evidence_bound as evidence_bound
from ntpt_pyro.inference.readout import marginals as marginals
from ntpt_pyro.inference.readout import most_probable as most_probable
from ntpt_pyro.inference.readout import program_of as program_of
from ntpt_pyro.inference.readout import programs_of as programs_of
from ntpt_pyro.inference.restarts import Restarts as Restarts
from ntpt_pyro.inference.space import ProgramSpace as ProgramSpace
from ntpt_pyro.inference.space import Uses as Uses
from ntpt_pyro.inference.steps import EnumeratedSteps as EnumeratedSteps
from ntpt_pyro.inference.steps import ForwardMarginals as ForwardMarginals
from ntpt_pyro.inference.strategy import STRATEGIES as STRATEGIES
from ntpt_pyro.inference.strategy import Strategy as Strategy
from ntpt_pyro.inference.strategy import enumeration as enumeration
from ntpt_pyro.inference.strategy import marginal as marginal
from ntpt_pyro.inference.strategy import relaxed as relaxed
from ntpt_pyro.inference.strategy import strategy_named as strategy_named
from ntpt_pyro.inference.training import Training as Training

__all__ = [
    "STRATEGIES",
    "Annealing",
    "Budget",
    "Callback",
    "ChoiceGuide",
    "Cost",
    "EarlyStop",
    "EnumeratedChoices",
    "EnumeratedSteps",
    "Exact",
    "Expectation",
    "ForwardMarginals",
    "Iteration",
    "JointControl",
    "MeanChoices",
    "ProgramSpace",
    "RelaxedChoices",
    "Restarts",
    "SplitAdam",
    "Strategy",
    "SureReadings",
    "Training",
    "Uses",
    "decided",
    "enumeration",
    "evidence",
    "evidence_bound",
    "exact_posterior",
    "expectation_maximisation",
    "fit",
    "follow",
    "marginal",
    "marginals",
    "most_probable",
    "program_of",
    "programs_of",
    "relaxed",
    "strategy_named",
]
