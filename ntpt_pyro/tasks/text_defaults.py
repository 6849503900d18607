"""Settings that suit program texts. The command line shows them before it knows whether torch is needed."""

DEFAULTS = {
    "strategy": "relaxed",
    "restarts": 64,
    "steps": 800,
    "search": None,
    "rounds": 1,
    "batch_size": None,
    "init_scale": 0.5,
    "kl": 0.07,
}
"""Settings of :class:`~ntpt_pyro.runs.Settings` that suit program texts: all steps search, all instances."""
WITH_FUNCTIONS = {**DEFAULTS, "restarts": 16, "batch_size": 64}
"""Where functions are learned, each restart its own."""


def shown_defaults() -> dict[str, str]:
    """What the help of a command shows as the defaults of a text.

    :returns: by name of a setting, in words; those that differ where functions are learned say so.
    """
    found = {}
    for name, value in DEFAULTS.items():
        other = WITH_FUNCTIONS[name]
        if value is not None:
            found[name] = f"{value}" if other == value else f"{value}; where functions are learned {other}"
    return found
