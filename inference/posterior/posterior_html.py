"""What a posterior shows itself with in a notebook: its choices in a table, its most probable programs."""

from typing import TYPE_CHECKING

from ntpt_pyro import _html
from ntpt_pyro.bounds import in_digits
from ntpt_pyro.inference.posterior.posterior_drawing import Words

if TYPE_CHECKING:
    from markupsafe import Markup

    from ntpt_pyro.inference.posterior.posterior import Posterior

MOST_CHOICES = 40
"""Choices that the table has."""
TOP = 5
"""Programs that are listed."""


def posterior_html(posterior: "Posterior") -> str:
    """A posterior in HTML.

    :param posterior: the posterior.
    :returns: with the style that it needs.
    """
    parts = [_html.head(type(posterior).__name__, _about(posterior)), marginals_table(posterior)]
    if posterior.marginals and posterior.programs() > 1:
        parts.append(_html.opening(*_top(posterior)))
    return _html.block(*parts)


def _about(posterior: "Posterior") -> str:
    programs, choices = posterior.programs(), len(posterior.marginals)
    over = f"{in_digits(programs)} program" + "s" * (programs != 1)
    known = "unknown" if posterior.log_evidence is None else f"{posterior.log_evidence:.6g} nats"
    return (
        f"over {over} of {choices} choice{'s' * (choices != 1)}, "
        f"log-evidence {known}, entropy {abs(posterior.entropy()):.3g} nats"
    )


def marginals_table(posterior: "Posterior", words: Words | None = None) -> "Markup":
    """The most probable alternative of each choice by itself.

    :param posterior: of the choices.
    :param words: for alternatives; None takes the posterior's own.
    :returns: a table, and how many choices it leaves out.
    """
    words = words or posterior.word
    entropies, rows = posterior.entropies(), []
    marginals = posterior.numpy()
    for site, probs in list(marginals.items())[:MOST_CHOICES]:
        best = int(probs.argmax())
        share = float(probs[best])
        rows.append(
            (site, words(site, best), f"{share:.3f}", _html.bar(share), f"{abs(entropies[site]):.3f}")
        )
    table = _html.table(("choice", "most probable", "probability", "", "entropy"), rows, numbers={2, 4})
    left = len(marginals) - len(rows)
    return _html.fragment(
        "{{ table }}{% if left %}<div class='ntpt-dim'>and {{ left }} more</div>{% endif %}",
        table=table,
        left=left,
    )


def _top(posterior: "Posterior") -> "tuple[str, Markup]":
    """The most probable programs, and what they are headed by."""
    best = posterior.top(min(TOP, posterior.programs()))
    rows = [
        (f"{probability:.4g}", ", ".join(f"{site} = {posterior.word(site, n)}" for site, n in one.items()))
        for one, probability in best
    ]
    title = f"the {len(best)} most probable programs"
    return title, _html.table(("probability", "program"), rows, numbers={0})
