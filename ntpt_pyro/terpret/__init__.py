"""TerpreT and Neural TerpreT as text: parsed, checked, compiled to a Pyro model, run on plain integers."""

from ntpt_pyro.terpret.model import TerpretModel as TerpretModel
from ntpt_pyro.terpret.model import load as load
from ntpt_pyro.terpret.source import parse as parse

__all__ = ["TerpretModel", "load", "parse"]
