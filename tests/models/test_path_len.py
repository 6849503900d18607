"""path_len against the meaning of signs, and against its own concrete interpreter."""

from itertools import permutations, product

import pytest
import torch

from ntpt_pyro import Library, one_hot
from ntpt_pyro.inference import SureReadings, decided
from ntpt_pyro.models.path_len import (
    LOOK,
    STOP,
    draw_mazes,
    execute,
    follow,
    is_correct,
    longest,
    moves,
    path_len,
    source,
)

SOLUTION = {"instr_0": 0, "goto_0": 1, "instr_1": 1, "goto_1": 2, "instr_2": 2, "goto_2": 0}


class Readings:
    """A library whose network reads what is written into a sign's first pixel, perhaps with some doubt."""

    def __init__(self, sure=1.0):
        self.sure = sure

    def __getitem__(self, name):
        assert name == LOOK.name
        return lambda images, **_: self.sure * one_hot(images[..., 0, 0, 0].long(), 5) + (1 - self.sure) / 5


def images_of(mazes):
    images = torch.zeros(*mazes.shape, 28, 28, 3)
    images[..., 0, 0, 0] = mazes.float()
    return images


@pytest.mark.parametrize(("height", "width"), [(1, 2), (3, 3), (2, 6), (8, 8)])
def test_paths_end_at_the_one_stop_sign_after_their_length(height, width):
    mazes, start, lengths = draw_mazes(200, height, width, torch.Generator().manual_seed(0))
    assert ((mazes == STOP).sum((1, 2)) == 1).all()
    assert sorted(set(lengths.tolist())) == list(range(longest(height, width) + 1))
    for signs, first, length in zip(mazes, start.tolist(), lengths.tolist(), strict=True):
        path = follow(signs, first)
        assert len(path) == len(set(path)) == length + 1


def test_moves_stay_on_the_grid():
    assert moves(2, 3).tolist() == [
        *([0, 1, 3, 0], [1, 2, 4, 0], [2, 2, 5, 1]),
        *([0, 4, 3, 3], [1, 5, 4, 3], [2, 5, 5, 4]),
    ]


def test_the_right_programs_are_those_that_look_then_move_and_count():
    found = set()
    for parts in product(range(3), repeat=6):
        program = dict(zip(SOLUTION, parts, strict=True))
        if is_correct(program):
            found.add(parts)
    expected = set()
    for after, (first, second) in product(permutations((1, 2)), permutations((1, 2))):
        program = {"instr_0": 0, "goto_0": first, f"goto_{first}": second, f"goto_{second}": 0}
        program |= {f"instr_{first}": after[0], f"instr_{second}": after[1]}
        expected.add(tuple(program[site] for site in SOLUTION))
    assert found == expected


@pytest.mark.parametrize("side", [3, 6])
def test_the_model_comes_to_what_the_interpreter_comes_to(side):
    mazes, start, lengths = draw_mazes(30, side, side, torch.Generator().manual_seed(1))
    data = (images_of(mazes), start, lengths)
    drawn = torch.Generator().manual_seed(2)
    for program in (SOLUTION, *({s: int(torch.randint(3, (), generator=drawn)) for s in SOLUTION},) * 5):
        programs = {site: torch.tensor([integer]) for site, integer in program.items()}
        model = decided(lambda *d: path_len(*d, library=Readings()), programs, data)
        expected = [execute(program, signs, int(first))[1] for signs, first in zip(mazes, start, strict=True)]
        assert model(*data)[0].argmax(-1).tolist() == expected


def test_doubts_grow_in_long_loops_but_totals_stay():
    mazes, start, lengths = draw_mazes(40, 8, 8, torch.Generator().manual_seed(3))
    data = (images_of(mazes), start, lengths)
    programs = {site: torch.tensor([integer]) for site, integer in SOLUTION.items()}
    model = decided(lambda *d: path_len(*d, library=Readings(sure=0.95)), programs, data)
    doubted = model(*data)[0]
    torch.testing.assert_close(doubted.sum(-1), torch.ones(40))  # 43 steps after a total of nearly 1
    assert (doubted.argmax(-1) == lengths).float().mean() < 0.9


def test_the_text_says_what_each_block_does():
    assert [str(line) for line in source(SOLUTION | {"goto_1": 0})] == [
        "# initialization: at = start, heading = north, reg = 0",
        "L0: heading = LOOK(img_grid[at])  goto L1",
        "L1: at = MOVE(at, heading)        goto L0",
        "L2: reg = INC(reg)                goto L0 # dead",
        "halt at a stop sign: return reg",
    ]


def test_sure_readings_are_the_most_probable_ones():
    library = Library([LOOK], seed=0)
    images = torch.rand(7, 28, 28, 3)
    with SureReadings():
        sure = library["LOOK"](images)
    assert torch.equal(sure, one_hot(library["LOOK"](images).argmax(-1), 5))
