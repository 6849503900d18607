"""What the 2x2 models share: cells, moves of the head, instructions, and which lines of a program matter.

A read head starts at the top-left cell of a 2x2 grid of images. Each line of a program executes one
instruction and keeps its result in a register of its own (Gaunt et al. 2017, section 4.2).
"""

from collections.abc import Callable, Sequence

from ntpt_pyro import Line, Program, runtime

LINES = 4
RANGE = 19
"""Registers hold 0..18 (the paper's M = 18)."""
NOOP, MOVE_NORTH, MOVE_EAST, MOVE_SOUTH, MOVE_WEST, COMPUTE = range(6)
MOVES = ("MOVE_NORTH", "MOVE_EAST", "MOVE_SOUTH", "MOVE_WEST")
# Cells are numbered row by row: 0 top left, 1 top right, 2 bottom left, 3 bottom right.
CELLS, TOP_LEFT = 4, 0
SIDES = {"top": (0, 1), "left": (0, 2), "bottom": (2, 3), "right": (1, 3)}
"""The two cells that each task is about, in order."""


@runtime([4, CELLS], CELLS)
def move(direction: int, cell: int) -> int:
    """The cell north, east, south or west (0 to 3) of a cell; at the edge of the grid the head stays."""
    row, column = divmod(cell, 2)
    down, right = ((-1, 0), (0, 1), (1, 0), (0, -1))[direction]
    row, column = row + down, column + right
    return 2 * row + column if row in (0, 1) and column in (0, 1) else cell


def live_lines(
    program: Program, lines: int, given: int, arguments: Callable[[int], Sequence[int]]
) -> tuple[set[int], set[int]]:
    """The registers and lines that a program's result depends on.

    A line matters where its register is used, or where it leaves the head for a later reading that matters.

    :param program: every choice's integer by site.
    :param lines: the number of lines.
    :param given: registers before line 1; line k writes register ``given + k - 1``.
    :param arguments: the registers that line k reads where it computes.
    :returns: the registers used, and the lines that matter.
    """
    heads = [TOP_LEFT]
    for k in range(1, lines + 1):
        direction = program[f"instr_{k}"] - MOVE_NORTH
        heads.append(move.function(direction, heads[-1]) if 0 <= direction < 4 else heads[-1])
    used, live, head_is_read = {program["return"]}, set(), False
    for k in range(lines, 0, -1):
        instruction = program[f"instr_{k}"]
        if given + k - 1 not in used and not (head_is_read and heads[k] != heads[k - 1]):
            continue
        live.add(k)
        if instruction == COMPUTE:
            used |= set(arguments(k))
        head_is_read = head_is_read or instruction not in (NOOP, COMPUTE)
    return used, live


def heading(program: Program) -> Line:
    """The first line of a program's text, with the network that it reads with where it has a choice.

    :param program: every choice's integer by site.
    :returns: a comment.
    """
    if "net_choice" not in program:
        return Line("# initialization:")
    text = f"# initialization, READ and MOVE with net_{program['net_choice']}:"
    return Line(text, sites=("net_choice",))
