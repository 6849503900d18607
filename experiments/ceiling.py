"""How well the networks read when they are shown labels: what results alone cannot be expected to beat.

``python -m ntpt_pyro.experiments.ceiling --data DIR --out FILE``. The same networks, dropout and average of
weights as in a lifetime, trained by cross-entropy on labelled images: for ``net_1`` the 600 operators that a
lifetime learns from, for ``net_0`` as many digits as the grids of its four ADD2X2 tasks have cells.
"""

import argparse
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch.nn.functional import nll_loss

from ntpt_pyro import LearnedFunction
from ntpt_pyro.experiments.lifetime import image_dropout
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.recording import main_of, parser_of, record
from ntpt_pyro.inference import follow
from ntpt_pyro.inference.training.without_compiler import Adam
from ntpt_pyro.models.grid import CELLS, SIDES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.statistics import mean_and_range
from ntpt_pyro.tasks.data.augmentation import augmented
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.image_task import SPLITS, Split, digits, operators

BATCH = 64


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train both networks on labels, with and without augmentation.

    :param arguments: of the command line; None takes those of the process.
    :returns: what was written: for each network and way of showing images the share that is read right.
    """
    options = parsed(arguments)
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    sources, seeds = {}, range(options.seeds)
    for function, load in ((net_0, digits), (net_1, operators)):
        images = {split: load(split, options.data) for split in SPLITS}
        sources[function.name] = {split: images[split].source for split in SPLITS}
        for way, augment in (("as they are", False), ("augmented", True)):
            how: dict[str, Any] = {"augment": augment, "steps": options.steps}
            shares = [accuracy(function, images, seed, **how) for seed in seeds]
            found.setdefault(function.name, {})[way] = mean_and_range(shares)
    return record("ceiling", options, seeds=list(seeds), data=sources, accuracy=found)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The options of a command line."""
    return parser_of(__doc__, seeds=5, steps=4000).parse_args(arguments)


def accuracy(
    function: LearnedFunction, images: Mapping[Split, Images], seed: int, *, augment: bool, steps: int
) -> float:
    """The share of test images that a network reads right which was shown labels for so many batches."""
    settings = LifetimeSettings()
    source = torch.Generator().manual_seed(seed)
    train, test = images["train"], images["test"]
    shown = torch.randperm(len(train.labels), generator=source)[: len(SIDES) * settings.examples * CELLS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = function.build(source, None)
        network.dropout = image_dropout(settings)
        average = deepcopy(network).eval()
        adam = Adam(network.parameters(), lr=settings.library_lr)
        for step in range(steps):
            rows = shown[torch.randint(len(shown), (BATCH,), generator=source)]
            batch = train.images[rows]
            if augment:
                batch = augmented(batch.unsqueeze(1), source).squeeze(1)
            nll_loss(network(batch).clamp_min(1e-6).log(), train.labels[rows]).backward()
            adam.step()
            adam.zero_grad()
            follow(average.parameters(), network.parameters(), step, decay=settings.averaging)
    with torch.no_grad():
        return float((average(test.images).argmax(-1) == test.labels).float().mean())


if __name__ == "__main__":
    main_of(__spec__)
