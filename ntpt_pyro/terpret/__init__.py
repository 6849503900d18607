"""TerpreT and Neural TerpreT as text: parsed, checked, compiled to a Pyro model, run on plain integers."""

from ntpt_pyro.terpret.parser import parse as parse
from ntpt_pyro.terpret.text_model import TerpretModel as TerpretModel
from ntpt_pyro.terpret.text_model import load as load

__all__ = ["TerpretModel", "load", "parse"]
