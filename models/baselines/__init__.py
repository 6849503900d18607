"""The paper's purely neural baselines (Gaunt et al. 2017, section 5.1): no programs, no choices.

Each takes the same inputs as the programs do and gives the logits of the same 19 results.
"""

from ntpt_pyro.models.baselines.baseline import Baseline as Baseline
from ntpt_pyro.models.baselines.independent import Independent as Independent
from ntpt_pyro.models.baselines.multitask import Multitask as Multitask
from ntpt_pyro.models.baselines.progressive import Progressive as Progressive

__all__ = ["Baseline", "Independent", "Multitask", "Progressive"]
