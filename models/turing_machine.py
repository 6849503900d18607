"""A Turing machine with a table to be learned, which says what joint control may keep.

It is the machine of models/terpret/turing.terpret. The text keeps every cell, the position and the state by
themselves. Here ``fork`` and ``carry`` say that position and state belong together.
"""

from collections.abc import Callable
from functools import partial

import pyro
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.language.branching import select, switch
from ntpt_pyro.language.carry import carry, fork
from ntpt_pyro.language.runtime_functions import runtime
from ntpt_pyro.language.sites import choice, observe
from ntpt_pyro.language.values import Value, constant, one_hot, stack

TABLE = ("write", "direction", "following")
"""What the table says for each running state and each symbol: three choices, ``write_0_2`` and so on."""


def turing_machine(*, tape_length: int, symbols: int, states: int, steps: int) -> Callable[..., None]:
    """The machine.

    :param tape_length: cells of the tape, which is a ring.
    :param symbols: that a cell holds.
    :param states: of the head; the last one halts.
    :param steps: states that are seen in all, the first one included.
    :returns: the model: tapes ``[n, tape_length]``, and final tapes with 1 where the machine halted.
    """
    halt, cells = states - 1, range(tape_length)
    sizes = dict(zip(TABLE, (symbols, 3, states), strict=True))
    halted = runtime([states], 2)(lambda state: int(state == halt))
    moved = runtime([tape_length, 3], tape_length)(lambda at, way: (at + (0, 1, -1)[way]) % tape_length)
    is_at = [runtime([tape_length], 2)(partial(_equal, cell)) for cell in cells]

    def model(tapes: Int[Tensor, "n cells"], results: Int[Tensor, "n seen"] | None = None) -> None:
        table = {
            name: [
                stack([choice(f"{name}_{s}_{seen}", size) for seen in range(symbols)]) for s in range(halt)
            ]
            for name, size in sizes.items()
        }
        with pyro.plate("examples", len(tapes)):
            state = {"at": constant(0, tape_length), "state": constant(0, states)}
            state |= {f"cell{cell}": one_hot(tapes[:, cell], symbols) for cell in cells}
            for step in range(steps - 1):
                seen = fork(f"seen_{step}", select(state["at"], [state[f"cell{cell}"] for cell in cells]))
                stays = {"write": seen, "direction": constant(0, 3), "following": constant(halt, states)}
                do: dict[str, Value] = {
                    name: switch(state["state"], [*(select(seen, row) for row in rows), stays[name]])
                    for name, rows in table.items()
                }
                here = state["at"]
                tape = {
                    f"cell{cell}": switch(is_at[cell](here), [state[f"cell{cell}"], do["write"]])
                    for cell in cells
                }
                following = {"at": moved(here, do["direction"]), "state": do["following"], **tape}
                state = carry(str(step), following, control=["at", "state"])
            end = carry("end", {name: value for name, value in state.items() if name != "at"})
            outputs = [*(end[f"cell{cell}"] for cell in cells), halted(end["state"])]
            for number, output in enumerate(outputs):
                observe(f"seen_at_the_end_{number}", output, None if results is None else results[:, number])

    return model


def _equal(cell: int, at: int) -> int:
    return int(at == cell)
