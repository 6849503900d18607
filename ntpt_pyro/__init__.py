"""Differentiable programs with neural libraries, as Pyro models.

The language: values on the simplex, functions of them, control flow, sites, libraries, program text. Models
are in :mod:`ntpt_pyro.models`, strategies and training in :mod:`ntpt_pyro.inference`.

The names of the stub beside this file, each loaded when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
