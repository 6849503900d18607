"""A small problem with a network, to train on."""

import pyro
import torch

from ntpt_pyro import Library, Tensor, choice, learn, observe, switch


@learn([Tensor(6)], 3, hid_sizes=[5])
def net(x):
    """A small network."""


def problem():
    """Labels that a mirrored reading explains."""
    library = Library([net])

    def model(xs, ys=None):
        flip = choice("flip", 2)
        with pyro.plate("examples", len(xs), dim=-1):
            read = library["net"](xs)
            observe("out", switch(flip, [read, read.flip(-1)]), ys)

    xs = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return model, library, (xs, xs[:, :3].argmax(-1))
