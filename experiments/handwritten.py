"""One ADD2X2 training step written by hand in plain torch: no Pyro, no handlers, no library.

What a careful person would write for this one model and for forward marginals only. The benchmark measures
the package against it, and the tests compare loss and gradients.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad, softmax

LINES, RANGE, INSTRUCTIONS = 4, 19, 6

Logits = dict[str, Float[Tensor, "restarts 1 size"]]


def sizes() -> dict[str, int]:
    """The choices of a program and how many alternatives each has."""
    found = {}
    for k in range(1, LINES + 1):
        found[f"instr_{k}"] = INSTRUCTIONS
        if k > 1:
            found[f"left_{k}"] = found[f"right_{k}"] = k
    return {**found, "return": LINES + 1}


def network() -> nn.Sequential:
    """The paper's net_0, before its softmax."""
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def tables() -> tuple[Float[Tensor, "361 19"], Float[Tensor, "4 4 4"]]:
    """Addition modulo 19 as ``[a * 19 + b, sum]``, and moves as ``[direction, cell, cell]``."""
    a, b = torch.meshgrid(torch.arange(RANGE), torch.arange(RANGE), indexing="ij")
    add = torch.eye(RANGE)[((a + b) % RANGE).flatten()]
    moves = torch.eye(4)[torch.tensor([[0, 1, 0, 1], [1, 1, 3, 3], [2, 3, 2, 3], [0, 0, 2, 2]])]
    return add, moves


def loss(
    logits: Logits,
    net: nn.Module,
    images: Float[Tensor, "batch 784"],
    sums: Int[Tensor, " batch"],
    add: Float[Tensor, "361 19"],
    moves: Float[Tensor, "4 4 4"],
    kl: float,
) -> Float[Tensor, ""]:
    """Minus the log-likelihood at the mean of the choices, plus the weighted KL, summed over restarts.

    :param logits: of every choice, ``[restarts, 1, size]``.
    :param net: see :func:`network`.
    :param images: ``[batch * 4, 784]``, the cells of a grid after one another.
    :param sums: their results.
    :param add: see :func:`tables`, as for ``moves``.
    :param kl: weight of the KL term.
    :returns: in nats.
    """
    batch, restarts = len(sums), len(logits["return"])
    read = pad(softmax(net(images), -1), (0, RANGE - 10)).view(1, batch, 4, RANGE)
    q = {site: softmax(values, -1) for site, values in logits.items()}
    head = torch.zeros(1, 1, 4)
    head[..., 0] = 1.0
    zero = torch.zeros(RANGE)
    zero[0] = 1.0
    zero = zero.expand(restarts, batch, 1, RANGE)
    registers = [read[:, :, 0].expand(restarts, batch, RANGE)]
    for k in range(1, LINES + 1):
        instruction = q[f"instr_{k}"]
        moved = torch.einsum("rbc,dcn->rbdn", head, moves)
        seen = (moved @ read).expand(restarts, batch, 4, RANGE)
        if k == 1:
            left = right = registers[0]
        else:
            held = torch.stack(registers, -2)
            left = (q[f"left_{k}"].unsqueeze(-1) * held).sum(-2)
            right = (q[f"right_{k}"].unsqueeze(-1) * held).sum(-2)
        total = (left.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2) @ add
        results = torch.cat([zero, seen, total.unsqueeze(-2)], -2)
        registers.append((instruction.unsqueeze(-1) * results).sum(-2))
        stay = instruction[..., :1] + instruction[..., 5:]
        head = stay * head + (instruction[..., 1:5].unsqueeze(-1) * moved).sum(-2)
    result = (q["return"].unsqueeze(-1) * torch.stack(registers, -2)).sum(-2)
    right_sum = result.gather(-1, sums.view(1, batch, 1).expand(restarts, batch, 1))
    likelihood = ((1 - 1e-6) * right_sum + 1e-6 / RANGE).log().sum()
    divergence = torch.zeros(())
    for probs in q.values():
        divergence = divergence + (probs * (probs * probs.shape[-1]).log()).sum()
    return kl * divergence - likelihood


def stepper(
    restarts: int, images: Float[Tensor, "batch 4 28 28"], sums: Int[Tensor, " batch"], *, kl: float = 1.0
) -> Callable[[], float]:
    """A function that takes a training step when it is called, and returns its loss."""
    net, (add, moves) = network(), tables()
    logits = {site: torch.randn(restarts, 1, size).requires_grad_() for site, size in sizes().items()}
    choices, weights = {"params": [*logits.values()], "lr": 0.1}, {"params": [*net.parameters()], "lr": 1e-3}
    adam = torch.optim.Adam([choices, weights])
    pixels = images.reshape(-1, 784)

    def step() -> float:
        value = loss(logits, net, pixels, sums, add, moves, kl)
        value.backward()
        adam.step()
        adam.zero_grad()
        return value.item()

    return step
