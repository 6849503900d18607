"""path_len's data: grids of signs, where an agent starts, and how long its path is."""

import torch

from ntpt_pyro.models.path_len import follow
from ntpt_pyro.tasks.data.path_examples import path_examples, pictured
from ntpt_pyro.tasks.data.signs import load_signs


def test_grids_have_an_image_of_what_each_sign_says():
    signs = load_signs("test")
    mazes = torch.arange(5).repeat(4)[:18].reshape(2, 3, 3)
    images = pictured(mazes, signs, torch.Generator().manual_seed(0))
    same = (images.unsqueeze(3) == signs.images).flatten(4).all(-1)
    assert torch.equal(signs.labels[same.float().argmax(-1)], mazes)


def test_examples_are_grids_starts_and_lengths():
    examples = path_examples(load_signs("test"), 6, torch.Generator().manual_seed(0), height=2, width=4)
    grids, start = examples.inputs
    assert (grids.shape, start.shape) == ((6, 2, 4, 28, 28, 3), (6,))
    assert examples.results.max() <= 4


def test_results_are_the_lengths_of_the_paths():
    signs = load_signs("test")
    examples = path_examples(signs, 6, torch.Generator().manual_seed(1), height=3, width=3)
    grids, starts = examples.inputs
    same = (grids.unsqueeze(3) == signs.images).flatten(4).all(-1)
    says = signs.labels[same.float().argmax(-1)]
    lengths = [len(follow(grid, int(start))) - 1 for grid, start in zip(says, starts, strict=True)]
    assert examples.results.tolist() == lengths
