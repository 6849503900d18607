"""Inference: strategies, guides, restarts, training, read-out."""

if __name__ != "ntpt_pyro.inference":
    raise ImportError("import this package as ntpt_pyro.inference: there must be one copy of its classes")

from ntpt_pyro.inference.handlers.annealing import Annealing as Annealing
from ntpt_pyro.inference.handlers.budget import Budget as Budget
from ntpt_pyro.inference.handlers.choices import EnumeratedChoices as EnumeratedChoices
from ntpt_pyro.inference.handlers.choices import MeanChoices as MeanChoices
from ntpt_pyro.inference.handlers.choices import RelaxedChoices as RelaxedChoices
from ntpt_pyro.inference.handlers.expectation import Expectation as Expectation
from ntpt_pyro.inference.handlers.joint_control import JointControl as JointControl
from ntpt_pyro.inference.handlers.restarts import Restarts as Restarts
from ntpt_pyro.inference.handlers.steps import EnumeratedSteps as EnumeratedSteps
from ntpt_pyro.inference.handlers.steps import ForwardMarginals as ForwardMarginals
from ntpt_pyro.inference.handlers.strategy import STRATEGIES as STRATEGIES
from ntpt_pyro.inference.handlers.strategy import Strategy as Strategy
from ntpt_pyro.inference.handlers.strategy import enumeration as enumeration
from ntpt_pyro.inference.handlers.strategy import marginal as marginal
from ntpt_pyro.inference.handlers.strategy import relaxed as relaxed
from ntpt_pyro.inference.handlers.strategy import strategy_named as strategy_named
from ntpt_pyro.inference.handlers.sure_readings import SureReadings as SureReadings
from ntpt_pyro.inference.posterior.exhaustive import Cost as Cost
from ntpt_pyro.inference.posterior.exhaustive import Exact as Exact
from ntpt_pyro.inference.posterior.exhaustive import exact_posterior as exact_posterior
from ntpt_pyro.inference.posterior.program_space import ProgramSpace as ProgramSpace
from ntpt_pyro.inference.posterior.program_space import Uses as Uses
from ntpt_pyro.inference.posterior.readout import decided as decided
from ntpt_pyro.inference.posterior.readout import evidence as evidence
from ntpt_pyro.inference.posterior.readout import evidence_bound as evidence_bound
from ntpt_pyro.inference.posterior.readout import marginals as marginals
from ntpt_pyro.inference.posterior.readout import most_probable as most_probable
from ntpt_pyro.inference.posterior.readout import program_of as program_of
from ntpt_pyro.inference.posterior.readout import programs_of as programs_of
from ntpt_pyro.inference.training.averaging import follow as follow
from ntpt_pyro.inference.training.choice_guide import ChoiceGuide as ChoiceGuide
from ntpt_pyro.inference.training.expectation_maximisation import Iteration as Iteration
from ntpt_pyro.inference.training.expectation_maximisation import (
    expectation_maximisation as expectation_maximisation,
)
from ntpt_pyro.inference.training.fit import Callback as Callback
from ntpt_pyro.inference.training.fit import EarlyStop as EarlyStop
from ntpt_pyro.inference.training.fit import fit as fit
from ntpt_pyro.inference.training.split_adam import SplitAdam as SplitAdam
from ntpt_pyro.inference.training.training import Training as Training

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
