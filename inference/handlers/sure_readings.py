"""Networks without doubt: a learnable function yields its most probable integer."""

from pyro.poutine.messenger import Messenger

from ntpt_pyro.language.sites import Message
from ntpt_pyro.language.values import mode, one_hot


class SureReadings(Messenger):
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

    def _pyro_post_ntpt_learned(self, msg: Message) -> None:
        out = msg["args"][0].declaration.out
        if isinstance(out, int):
            assert msg["value"] is not None
            msg["value"] = one_hot(mode(msg["value"]), out)
