"""path_len (Gaunt et al. 2017, Fig. 1): an agent follows street signs to a stop sign and counts its steps.

The model is a text in Neural TerpreT, ``terpret/path_len.terpret``; this module runs it on grids of any size,
and says what is right. The paper shows an agent that leaves a grid at a corner; here a stop sign ends a path,
so that paths of every length, none included, tell something.
"""

from functools import cache, lru_cache
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro import Library, Line, Program
from ntpt_pyro.language.values import Value
from ntpt_pyro.terpret import TerpretModel, load

TEXT = Path(__file__).parent / "terpret" / "path_len.terpret"
BLOCKS = 3
INSTRUCTIONS = ("LOOK", "MOVE", "INC")
SIGNS = ("north", "east", "south", "west", "stop")
"""What signs say; the numbers that LOOK should give."""
STOP = 4
SIDE = 3
"""Width and height of the grids that it is learned from."""

Grids = Float[Tensor, "grids height width 28 28 3"]
Mazes = Int[Tensor, "mazes height width"]


def longest(height: int, width: int) -> int:
    """The longest path on a grid: as many steps as from one corner to the opposite one.

    :param height: of the grid.
    :param width: of the grid.
    :returns: steps.
    """
    return height + width - 2


def compiled(height: int, width: int) -> TerpretModel:
    """The text for grids of one size, with as many steps as the right program takes on the longest path.

    :param height: of the grids.
    :param width: of the grids.
    :returns: the model, on torch's default device.
    """
    return _compiled(height, width, torch.get_default_device())


@lru_cache
def _compiled(height: int, width: int, device: torch.device) -> TerpretModel:
    with device:
        steps = 3 * longest(height, width) + 1
        return load(TEXT.read_text(encoding="utf-8"), TEXT.name, {"W": width, "H": height, "steps": steps})


(LOOK,) = compiled(1, 1).functions
"""The learnable function: what a sign says."""


def path_len(
    grids: Grids,
    start: Int[Tensor, " grids"],
    lengths: Int[Tensor, " grids"] | None,
    *,
    library: Library,
) -> Value:
    """The Pyro program.

    :param grids: images of signs, pixels in [0, 1].
    :param start: the cell that the agent starts from, row by row from 0.
    :param lengths: of the paths, in steps; None draws them.
    :param library: with :data:`LOOK`.
    :returns: the distribution of the length, ``[*batch, grids, height * width]``.
    """
    return compiled(*grids.shape[1:3])(grids, start, lengths, library=library)["length"]


@lru_cache
def moves(height: int, width: int) -> Int[Tensor, "cell heading"]:
    """Where a move from each cell in each direction leads; off the grid the agent stays.

    :param height: of the grid.
    :param width: of the grid.
    :returns: ``[cell, heading]``, cells row by row; headings as in :data:`SIGNS`, without stop.
    """
    cells = torch.arange(height * width, device="cpu")
    row, column = cells // width, cells % width
    return torch.stack(
        [
            torch.where(row > 0, cells - width, cells),
            torch.where(column < width - 1, cells + 1, cells),
            torch.where(row < height - 1, cells + width, cells),
            torch.where(column > 0, cells - 1, cells),
        ],
        -1,
    )


def draw_mazes(
    count: int, height: int, width: int, generator: torch.Generator
) -> tuple[Mazes, Int[Tensor, " mazes"], Int[Tensor, " mazes"]]:
    """Grids of signs, each with a path that never comes back to a cell, from a random one to a stop sign.

    Lengths from none to the longest are as likely; signs beside the path are random directions.

    :param count: how many.
    :param height: of each.
    :param width: of each.
    :param generator: source of the draw, on the CPU.
    :returns: what signs say, the cell of the start, the length of the path.
    """
    with torch.device("cpu"):
        lengths = torch.randint(longest(height, width) + 1, (count,), generator=generator)
        signs = torch.randint(STOP, (count, height * width), generator=generator)
        start = torch.zeros(count, dtype=torch.int64)
        left = torch.arange(count)
        while len(left):
            headings, began, done = _walks(lengths[left], height, width, generator)
            found = left[done]
            signs[found] = torch.where(headings[done] < 0, signs[found], headings[done])
            start[found] = began[done]
            left = left[~done]
    return signs.reshape(count, height, width), start, lengths


def _walks(
    lengths: Int[Tensor, " walks"], height: int, width: int, generator: torch.Generator
) -> tuple[Int[Tensor, "walks cell"], Int[Tensor, " walks"], Tensor]:
    """Random walks that avoid themselves: signs on the way, -1 elsewhere; the start; which came through."""
    count, walk = len(lengths), torch.arange(len(lengths))
    leads = moves(height, width)
    signs = torch.full((count, height * width), -1)
    start = at = torch.randint(height * width, (count,), generator=generator)
    done = torch.ones(count, dtype=torch.bool)
    signs[walk, at] = STOP
    for step in range(longest(height, width)):
        free = signs.gather(1, leads[at]) < 0
        on = (step < lengths) & done & free.any(-1)
        done &= (step >= lengths) | on
        heading = torch.multinomial((free | ~on.unsqueeze(-1)).float(), 1, generator=generator).squeeze(-1)
        going = walk[on]
        signs[going, at[going]] = heading[going]
        at = torch.where(on, leads[at, heading], at)
        signs[going, at[going]] = STOP
    return signs, start, done


def follow(signs: Int[Tensor, "height width"], start: int) -> list[int]:
    """The cells of a path, by the meaning of signs alone.

    :param signs: what they say.
    :param start: its first cell.
    :returns: its cells, the stop sign's last; the length of the path is one less.
    """
    height, width = signs.shape
    says, leads = signs.flatten().tolist(), moves(height, width).tolist()
    path = [start]
    while says[path[-1]] != STOP:
        path.append(leads[path[-1]][says[path[-1]]])
    return path


def execute(program: Program, signs: Int[Tensor, "height width"], start: int) -> tuple[list[int], int]:
    """Run a decided program on a grid whose signs are read: the text's concrete interpreter.

    :param program: every choice's integer by site.
    :param signs: what LOOK reads in each cell.
    :param start: the agent's first cell.
    :returns: the agent's cell at each step of the program, and the length that it comes to.
    """
    values = compiled(*signs.shape).trace(
        program, {"img_grid": {LOOK.name: signs.tolist()}, "start": int(start)}
    )
    return list(values["at"]), int(values["length"])


def is_correct(program: Program) -> bool:
    """Whether a program measures every path of 60 grids of each of two sizes, one larger than trained on.

    :param program: every choice's integer by site.
    :returns: the oracle's word.
    """
    return _is_correct(tuple(sorted(program.items())))


@cache
def _is_correct(program: tuple[tuple[str, int], ...]) -> bool:
    return all(
        execute(dict(program), signs, int(start))[1] == length
        for mazes in _tried()
        for signs, start, length in zip(*mazes, strict=True)
    )


@lru_cache
def _tried() -> list[tuple[Mazes, Int[Tensor, " mazes"], Int[Tensor, " mazes"]]]:
    generator = torch.Generator().manual_seed(0)
    return [draw_mazes(60, side, side, generator) for side in (SIDE, SIDE + 2)]


def results(program: Program) -> tuple[int, ...]:
    """What a program comes to on the grids of :func:`is_correct`.

    :param program: every choice's integer by site.
    :returns: the lengths; programs of equal ones behave alike there.
    """
    any_where_dead = {
        f"{part}_{b}": program[f"{part}_{b}"] if b in _reached(program) else 0
        for part in ("instr", "goto")
        for b in range(BLOCKS)
    }
    return _results(tuple(any_where_dead.items()))


@cache
def _results(program: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    return tuple(
        execute(dict(program), signs, int(start))[1]
        for mazes, starts, _ in _tried()
        for signs, start in zip(mazes, starts, strict=True)
    )


def _reached(program: Program) -> set[int]:
    """The blocks that control comes to."""
    reached, block = set[int](), 0
    while block not in reached:
        reached.add(block)
        block = program[f"goto_{block}"]
    return reached


def source(program: Program) -> list[Line]:
    """The text of a program.

    :param program: every choice's integer by site.
    :returns: its lines; blocks that control never reaches are marked as dead.
    """
    text = {"LOOK": "heading = LOOK(img_grid[at])", "MOVE": "at = MOVE(at, heading)", "INC": "reg = INC(reg)"}
    reached = _reached(program)
    lines = [Line("# initialization: at = start, heading = north, reg = 0")]
    for b in range(BLOCKS):
        line = f"L{b}: {text[INSTRUCTIONS[program[f'instr_{b}']]]}"
        said = (f"instr_{b}", f"goto_{b}")
        lines.append(Line(f"{line:<34}goto L{program[f'goto_{b}']}", b not in reached, said))
    return [*lines, Line("halt at a stop sign: return reg")]
