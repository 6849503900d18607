"""Inference: strategies, guides, restarts, training, posteriors.

The names of the stub beside this file, each loaded when it is first asked for.
"""

if __name__ != "ntpt_pyro.inference":
    raise ImportError("import this package as ntpt_pyro.inference: there must be one copy of its classes")

import warnings

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_RENAMED = {"Exact": "ExactPosterior", "evidence": "mean_log_likelihood"}
"""Old names and what they are called now."""


def __getattr__(name: str) -> object:
    """A public name, also under its old one."""
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(f"{__name__}.{name} is now called {new}", DeprecationWarning, stacklevel=2)
        name = new
    return _load(name)
