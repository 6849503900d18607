"""The paper's purely neural baselines (Gaunt et al. 2017, section 5.1): no programs, no choices.

Each takes the same inputs as the programs do and gives the logits of the same 19 results: a ``Baseline`` on
the 2x2 tasks, a ``SequenceBaseline`` on MATH.
"""

from ntpt_pyro.models.baselines.baseline import Baseline as Baseline
from ntpt_pyro.models.baselines.independent import Independent as Independent
from ntpt_pyro.models.baselines.lstm import LSTM as LSTM
from ntpt_pyro.models.baselines.multitask import Multitask as Multitask
from ntpt_pyro.models.baselines.neural_gpu import NeuralGPU as NeuralGPU
from ntpt_pyro.models.baselines.progressive import Progressive as Progressive
from ntpt_pyro.models.baselines.sequence import Perceiving as Perceiving
from ntpt_pyro.models.baselines.sequence import SequenceBaseline as SequenceBaseline
from ntpt_pyro.models.baselines.sequence import symbol_vectors as symbol_vectors

__all__ = [
    "LSTM",
    "Baseline",
    "Independent",
    "Multitask",
    "NeuralGPU",
    "Perceiving",
    "Progressive",
    "SequenceBaseline",
    "symbol_vectors",
]
