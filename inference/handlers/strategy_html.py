"""What a strategy shows itself with in a notebook: its treatments, and what each of them does."""

from collections.abc import Mapping
from inspect import getdoc
from typing import TYPE_CHECKING

from ntpt_pyro import _html

if TYPE_CHECKING:
    from ntpt_pyro.inference.handlers.strategy import Strategy


def strategy_html(strategy: "Strategy") -> str:
    """A strategy in HTML.

    :param strategy: the strategy.
    :returns: with the style that it needs.
    """
    own = strategy.sites
    treated = {"every choice": strategy.choices, "every step": strategy.steps}
    if isinstance(own, Mapping):
        treated |= {f"site {site}": treatment for site, treatment in own.items()}
    rows = [(what, repr(treatment), _about(treatment)) for what, treatment in treated.items()]
    if callable(own):
        rows.append(("some sites", "by a function", "what it returns for a site's name, where it does"))
    weight = "left out of the objective" if not strategy.kl else f"times {strategy.kl:g} in the objective"
    return _html.block(
        _html.head("Strategy", "what a site yields"),
        _html.table(("", "treatment", "what that is"), [*rows, ("KL of the choices", weight, "")]),
    )


def _about(treatment: object) -> str:
    """The first sentence of what is said of a treatment."""
    return (getdoc(type(treatment)) or "").split("\n\n")[0].replace("\n", " ").replace("``", "")
