"""Networks without doubt: a learnable function yields its most probable integer."""

from ntpt_pyro.inference.handlers.other_readings import OtherReadings
from ntpt_pyro.language.values import Value, mode, one_hot


class SureReadings(OtherReadings):
    """Learnable functions yield the vertex of their most probable integer; those to tensors are left alone.

    A program with fixed choices then runs as on plain integers, a batch at a time: forward marginals of
    vertices are exact. Otherwise small doubts about readings can add up over the many steps of a loop until
    its control is wrong. No gradient passes.

    >>> import torch
    >>> from ntpt_pyro import Library, Tensor, learn
    >>> @learn([Tensor(2)], 3)
    ... def read(image): "Anything."
    >>> library = Library([read], seed=0)
    >>> with SureReadings():
    ...     sorted(library["read"](torch.ones(2)).tolist())
    [0.0, 0.0, 1.0]
    """

    def __repr__(self) -> str:
        """The handler as it could be typed."""
        return "SureReadings()"

    def instead_of(self, name: str, read: Value) -> Value:
        """See :class:`~ntpt_pyro.inference.handlers.other_readings.OtherReadings`."""
        return one_hot(mode(read), read.shape[-1])
