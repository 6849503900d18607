"""The names of the ways in which training steps are run; torch is not needed to know them."""

COMPILE = ("auto", "none", "jit", "inductor")
"""``none``: by the model itself, through Pyro. ``jit``: what one step does is recorded and run again.
``auto``: the same once it pays off. ``inductor``: compiled to C++. See
:class:`~ntpt_pyro.inference.StepSettings`."""
