"""ADD2X2's data: the sums are those of the cells, and every image is used before one is used again."""

import pytest
import torch

from ntpt_pyro.models.grid import SIDES
from ntpt_pyro.tasks.data.grid_examples import add2x2_examples
from ntpt_pyro.tasks.data.images import Images


def numbered(count: int) -> Images:
    """Images that tell their number by their first pixel."""
    images = torch.zeros(count, 28, 28)
    images[:, 0, 0] = torch.arange(count).float()
    return Images(images, torch.arange(count) * 7 % 10, "numbers")


@pytest.mark.parametrize("task", SIDES)
def test_sums_are_those_of_the_tasks_two_cells(task):
    digits = numbered(50)
    grids = add2x2_examples(task, digits, 30, torch.Generator().manual_seed(1))
    numbers = grids.inputs[0][:, :, 0, 0].long()
    first, second = SIDES[task]
    assert torch.equal(grids.results, digits.labels[numbers[:, first]] + digits.labels[numbers[:, second]])
    assert len(grids) == 30


def test_an_image_is_used_again_only_when_all_have_been():
    grids = add2x2_examples("top", numbered(50), 30, torch.Generator().manual_seed(1))
    uses = torch.bincount(grids.inputs[0][:, :, 0, 0].long().flatten(), minlength=50)
    assert set(uses.tolist()) == {2, 3}  # 120 cells of 50 images


def test_the_generator_alone_decides():
    state = torch.get_rng_state()
    one, same, other = (
        add2x2_examples("top", numbered(50), 10, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(one.inputs[0], same.inputs[0])
    assert not torch.equal(one.inputs[0], other.inputs[0])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_split_keeps_the_order():
    grids = add2x2_examples("top", numbered(50), 10, torch.Generator().manual_seed(1))
    first, rest = grids.split(3)
    assert (len(first), len(rest)) == (3, 7)
    assert torch.equal(torch.cat([first.results, rest.results]), grids.results)
