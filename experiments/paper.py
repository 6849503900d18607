"""Figures that the paper publishes, to lay ours beside (Gaunt et al. 2017)."""

MODEL_NAMES = {
    "indep": "indep",
    "pnn": "PNN",
    "mtnn-1": "MTNN-1",
    "mtnn-2": "MTNN-2",
    "ntpt": "NTPT",
    "lstm": "LSTM, told prefixes",
    "lstm-last": "LSTM",
    "neural-gpu": "Neural GPU",
}
"""The models of Figs. 7 and 8 by our models' names."""

FINAL_ACCURACY = {
    "add2x2/top": {"indep": 0.35, "pnn": 0.35, "mtnn-1": 0.26, "mtnn-2": 0.24, "ntpt": 0.87},
    "add2x2/left": {"indep": 0.32, "pnn": 0.36, "mtnn-1": 0.38, "mtnn-2": 0.47, "ntpt": 0.87},
    "add2x2/bottom": {"indep": 0.34, "pnn": 0.33, "mtnn-1": 0.40, "mtnn-2": 0.56, "ntpt": 0.86},
    "add2x2/right": {"indep": 0.32, "pnn": 0.35, "mtnn-1": 0.44, "mtnn-2": 0.60, "ntpt": 0.86},
    "apply2x2/top": {"indep": 0.38, "pnn": 0.39, "mtnn-1": 0.40, "mtnn-2": 0.38, "ntpt": 0.98},
    "apply2x2/left": {"indep": 0.39, "pnn": 0.51, "mtnn-1": 0.41, "mtnn-2": 0.39, "ntpt": 1.00},
    "apply2x2/bottom": {"indep": 0.39, "pnn": 0.48, "mtnn-1": 0.41, "mtnn-2": 0.40, "ntpt": 1.00},
    "apply2x2/right": {"indep": 0.39, "pnn": 0.51, "mtnn-1": 0.42, "mtnn-2": 0.37, "ntpt": 1.00},
}
"""Fig. 7: accuracy at the end of the lifetime, by task and model."""

MEASURES = ("backward_transfer", "forgetting", "forward_transfer")
"""What section 6.1 shows of transfer, by the names of :mod:`~ntpt_pyro.experiments.transfer`'s measures."""
