"""A task with functions to be learned: bright or dark, of two small images, one of which counts."""

import pyro
import torch

from ntpt_pyro import Task, Tensor, choice, learn, observe, switch

SIDE = 6


@learn([Tensor(SIDE, SIDE)], 2, hid_sizes=[8])
def bright(image):
    """Whether an image is bright."""


def model(left, right, seen=None, *, library):
    """Which image to look at."""
    which = choice("which", 2)
    with pyro.plate("examples", len(left)):
        observe("seen", switch(which, [library["bright"](left), library["bright"](right)]), seen)


def execute(program, left, right, *, library):
    """The same on plain integers."""
    return library["bright"](right if program["which"] else left)


def draw(count, generator):
    """Two images, and whether the right one is bright."""
    labels = torch.randint(2, (count, 2), generator=generator)
    noise = torch.rand(count, 2, SIDE, SIDE, generator=generator)
    images = 0.5 * noise + 0.5 * labels[..., None, None]
    return images[:, 0], images[:, 1], labels[:, 1]


def reading_task(function=bright, **more) -> Task:
    return Task(
        model,
        examples=draw,
        test=draw,
        functions=[function],
        execute=execute,
        judge=lambda program: program["which"] == 1,
        **more,
    )
