"""The parity chain: k hidden bits, each a choice of 2, known by the XOR of every neighbouring pair.

The first bit is given, so that exactly one setting of the bits explains what is seen; going from bit to bit
finds it.
"""

import time
from dataclasses import dataclass

import pyro
import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro import choice, observe, runtime
from ntpt_pyro.experiments.gradient_noise import GradientNoise
from ntpt_pyro.inference import Annealing, Training, strategy_named
from ntpt_pyro.runs.statistics import Rate, Spread, spread, success_rate


@runtime([2, 2], 2)
def xor(a: int, b: int) -> int:
    """Whether two bits differ."""
    return a ^ b


@dataclass(frozen=True)
class ChainWay:
    """A way to train the bits of a chain.

    :param strategy: a name, see :data:`~ntpt_pyro.inference.STRATEGIES`.
    :param kl: weight of the KL term against one XOR's log-likelihood times their number; 1 gives the evidence
        lower bound.
    :param kl_start: that it begins with, to fall to ``kl`` over the first four fifths of the steps.
    :param noise: see :class:`~ntpt_pyro.experiments.gradient_noise.GradientNoise`.
    :param steps: training steps.
    """

    strategy: str = "marginal"
    kl: float = 1.0
    kl_start: float | None = None
    noise: float = 0.0
    steps: int = 2000


@dataclass(frozen=True)
class ChainFound:
    """What restarts found.

    :param xors_right: share of the XORs that a restart's most probable bits give, over restarts.
    :param right: restarts with all bits right.
    :param seconds: of the processor.
    """

    bits: int
    way: ChainWay
    xors_right: Spread
    right: Rate
    seconds: float


def chain(xors: Int[Tensor, " pairs"], first: Int[Tensor, " 1"]) -> None:
    """The bits as one choice in a plate, and what is seen of them."""
    with pyro.plate("bits", len(xors) + 1):
        bit = choice("bit", 2)
    with pyro.plate("given", 1):
        observe("first", bit[..., :1, :], first)
    with pyro.plate("pairs", len(xors)):
        observe("xor", xor(bit[..., :-1, :], bit[..., 1:, :]), xors)


def learn_chain(bits: int, way: ChainWay, *, restarts: int, seed: int = 0) -> ChainFound:
    """Train the bits of a random chain.

    :param bits: how many, at least 2.
    :param way: how.
    :param restarts: trained at once, each from other logits.
    :param seed: of the chain, the logits and what is sampled.
    :returns: what they found.
    """
    source = torch.Generator().manual_seed(seed)
    hidden = torch.randint(2, (bits,), generator=source)
    pairs = bits - 1
    seen = hidden[1:] ^ hidden[:-1], hidden[:1]
    kl: float | Annealing = way.kl / pairs
    if way.kl_start is not None:
        kl = Annealing(way.kl_start / pairs, way.kl / pairs, max(1, way.steps * 4 // 5))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        training = Training(
            chain,
            seen,
            strategy=strategy_named(way.strategy),
            restarts=restarts,
            init_scale=0.5,
            kl=kl,
            generator=source,
        )
        noise = GradientNoise(way.noise, examples=pairs)
        began = time.process_time()
        for _ in range(way.steps):
            training.learn(*seen)
            noise(training)
        seconds = time.process_time() - began
    found = training.guide.probabilities()["bit"].argmax(-1).reshape(restarts, bits)
    agree = ((found[:, 1:] ^ found[:, :-1]) == seen[0]).float().mean(-1)
    right = int((found == hidden).all(-1).sum())
    shares = spread([round(float(share), 4) for share in agree])
    return ChainFound(bits, way, shares, success_rate(right, restarts), round(seconds, 1))
