"""Differentiable programs with neural libraries, as Pyro models.

The language: values on the simplex, functions of them, control flow, sites, libraries, program text. Models
are in :mod:`ntpt_pyro.models`, strategies and training in :mod:`ntpt_pyro.inference`.
"""

from ntpt_pyro.behaviours import Behaviour as Behaviour
from ntpt_pyro.behaviours import by_behaviour as by_behaviour
from ntpt_pyro.carry import carry as carry
from ntpt_pyro.carry import fork as fork
from ntpt_pyro.control import select as select
from ntpt_pyro.control import switch as switch
from ntpt_pyro.functions import RuntimeFunction as RuntimeFunction
from ntpt_pyro.functions import runtime as runtime
from ntpt_pyro.learned import LearnedFunction as LearnedFunction
from ntpt_pyro.learned import NeuralFunction as NeuralFunction
from ntpt_pyro.learned import Tensor as Tensor
from ntpt_pyro.learned import learn as learn
from ntpt_pyro.library import Library as Library
from ntpt_pyro.posterior import MeanFieldPosterior as MeanFieldPosterior
from ntpt_pyro.posterior import Posterior as Posterior
from ntpt_pyro.posterior import Program as Program
from ntpt_pyro.posterior import ProgramPosterior as ProgramPosterior
from ntpt_pyro.program import Line as Line
from ntpt_pyro.sites import choice as choice
from ntpt_pyro.sites import observe as observe
from ntpt_pyro.sites import var as var
from ntpt_pyro.sites import variables as variables
from ntpt_pyro.values import Value as Value
from ntpt_pyro.values import constant as constant
from ntpt_pyro.values import mode as mode
from ntpt_pyro.values import one_hot as one_hot
from ntpt_pyro.values import stack as stack
from ntpt_pyro.values import widen as widen

__all__ = [
    "Behaviour",
    "LearnedFunction",
    "Library",
    "Line",
    "MeanFieldPosterior",
    "NeuralFunction",
    "Posterior",
    "Program",
    "ProgramPosterior",
    "RuntimeFunction",
    "Tensor",
    "Value",
    "by_behaviour",
    "carry",
    "choice",
    "constant",
    "fork",
    "learn",
    "mode",
    "observe",
    "one_hot",
    "runtime",
    "select",
    "stack",
    "switch",
    "var",
    "variables",
    "widen",
]
