"""Differentiable programs with neural libraries, as Pyro models.

The language: values on the simplex, functions of them, control flow, sites, libraries, program text. Models
are in :mod:`ntpt_pyro.models`, strategies and training in :mod:`ntpt_pyro.inference`.
"""

from ntpt_pyro.inference.posterior.behaviours import Behaviour as Behaviour
from ntpt_pyro.inference.posterior.behaviours import by_behaviour as by_behaviour
from ntpt_pyro.inference.posterior.posterior import MeanFieldPosterior as MeanFieldPosterior
from ntpt_pyro.inference.posterior.posterior import Posterior as Posterior
from ntpt_pyro.inference.posterior.posterior import Program as Program
from ntpt_pyro.inference.posterior.posterior import ProgramPosterior as ProgramPosterior
from ntpt_pyro.language.branching import select as select
from ntpt_pyro.language.branching import switch as switch
from ntpt_pyro.language.carry import carry as carry
from ntpt_pyro.language.carry import fork as fork
from ntpt_pyro.language.learned_functions import LearnedFunction as LearnedFunction
from ntpt_pyro.language.learned_functions import NeuralFunction as NeuralFunction
from ntpt_pyro.language.learned_functions import Tensor as Tensor
from ntpt_pyro.language.learned_functions import learn as learn
from ntpt_pyro.language.library import Library as Library
from ntpt_pyro.language.program import Line as Line
from ntpt_pyro.language.runtime_functions import RuntimeFunction as RuntimeFunction
from ntpt_pyro.language.runtime_functions import runtime as runtime
from ntpt_pyro.language.sites import choice as choice
from ntpt_pyro.language.sites import observe as observe
from ntpt_pyro.language.sites import var as var
from ntpt_pyro.language.sites import variables as variables
from ntpt_pyro.language.values import Value as Value
from ntpt_pyro.language.values import constant as constant
from ntpt_pyro.language.values import mode as mode
from ntpt_pyro.language.values import one_hot as one_hot
from ntpt_pyro.language.values import stack as stack
from ntpt_pyro.language.values import widen as widen

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
