"""What each network of a run sees: how it reads labelled test images, and those that it is least sure of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ntpt_pyro.errors import NtptError
from ntpt_pyro.language.library import Library
from ntpt_pyro.report.page.bars import Bar, bar
from ntpt_pyro.report.page.pictures import picture
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.demonstrations.demonstration import Demonstration
from ntpt_pyro.tasks.task import Task

MOST_IMAGES = 10_000
"""Labelled images that a network is tried on."""
LEAST_SURE = 12
"""Images that are shown."""
READ = 3
"""Words that are shown of what an image is taken for."""
MOST_WORDS = 30
"""Of a network that tells more apart there is no table."""


@dataclass(frozen=True)
class Count:
    """A cell of a confusion table.

    :param count: of images.
    :param share: of the images of its row, as CSS takes it.
    :param style: ``hit`` where they are read right, ``none`` where there are none.
    """

    count: int
    share: str
    style: str


@dataclass(frozen=True)
class Seen:
    """An image, and what it is taken for.

    :param picture: of it.
    :param reads: what it is taken for, what it is marked.
    :param says: what it is; empty where that is not known.
    :param misread: whether it is taken for something else.
    """

    picture: str
    reads: list[Bar]
    says: str
    misread: bool

    @property
    def label(self) -> str:
        """All this in words."""
        read = f"read as {self.reads[0].word} with probability {self.reads[0].number}"
        return f"{read}, it is {self.says}" if self.says else read


@dataclass(frozen=True)
class ShownNetwork:
    """A network.

    :param name: of the function.
    :param about: in words, what it reads and how it was trained.
    :param accuracy: how well it reads; empty where there are no labels.
    :param words: that it tells apart.
    :param table: a row for each of them: how its images are read.
    :param seen: the images that it is least sure of.
    :param note: what cannot be shown, and why.
    """

    name: str
    about: str
    accuracy: str
    words: list[str] = field(default_factory=list)
    table: list[list[Count]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class NetworksPart:
    """The part of the page on networks.

    :param shown: a network each.
    :param why_not: what cannot be shown, and why.
    """

    shown: list[ShownNetwork] = field(default_factory=list)
    why_not: str = ""


def networks_of(
    task: Task | None, library: Library | None, shown: Sequence[Demonstration], why_not: str
) -> NetworksPart:
    """What each network of a run sees.

    :param task: that knows labelled images, of which nothing is learned; None where it cannot be found.
    :param library: the networks; None where there are none.
    :param shown: runs on examples, for images of networks without labelled ones.
    :param why_not: why there is no task or library.
    :returns: the contents; empty where the task has no networks.
    """
    if task is None or library is None:
        return NetworksPart(why_not=why_not)
    found = []
    try:
        labelled = task.labelled(library.steps)
    except NtptError as error:
        return NetworksPart(why_not=str(error))
    for name, steps in library.steps.items():
        trained = f"trained for {steps:,} steps" if steps else "untrained"
        images = labelled.get(name)
        if images is None or not len(images.images):
            found.append(_unlabelled(name, trained, shown, alone=len(library.steps) == 1))
        else:
            found.append(_labelled(name, trained, library, images))
    return NetworksPart(found)


def _labelled(name: str, trained: str, library: Library, images: Images) -> ShownNetwork:
    """How a network reads labelled images."""
    some, labels = images.images[:MOST_IMAGES], images.labels[:MOST_IMAGES]
    with torch.no_grad():
        probs = library[name](some.to(torch.get_default_device())).cpu()
    reads = probs.argmax(-1)
    size = max(probs.shape[-1], int(labels.max()) + 1)
    words = [_word(images, n) for n in range(size)]
    accuracy = float((reads == labels).float().mean())
    note = "" if size <= MOST_WORDS else f"It tells {size} apart: too many for a table."
    return ShownNetwork(
        name=name,
        about=f"reads {images.what}; {trained}. Tried on {len(some):,} labelled images "
        f"({images.source}); no label was ever shown to it.",
        accuracy=f"{accuracy:.1%}",
        words=words if size <= MOST_WORDS else [],
        table=_confusion(reads, labels, size) if size <= MOST_WORDS else [],
        seen=_least_sure(some, probs, labels, words),
        note=note,
    )


def _word(images: Images, integer: int) -> str:
    """The word for a label."""
    return images.names[integer] if integer < len(images.names) else str(integer)


def _confusion(reads: Int[Tensor, " n"], labels: Int[Tensor, " n"], size: int) -> list[list[Count]]:
    """A row for each label: how often it is read as what."""
    counts = torch.bincount(labels * size + reads, minlength=size * size).reshape(size, size)
    shares = counts / counts.sum(-1, keepdim=True).clamp_min(1)
    return [
        [
            Count(n, f"{float(shares[i, j]):.3f}", "" if n and i != j else "hit" if n else "none")
            for j, n in enumerate(row)
        ]
        for i, row in enumerate(counts.tolist())
    ]


def _least_sure(
    images: Float[Tensor, "n 28 28 ..."],
    probs: Float[Tensor, "n size"],
    labels: Int[Tensor, " n"],
    words: Sequence[str],
) -> list[Seen]:
    """The images whose most probable reading is least probable."""
    rows = probs.max(-1).values.argsort()[:LEAST_SURE]
    found = []
    for row in rows.tolist():
        label = int(labels[row])
        best = probs[row].topk(min(READ, probs.shape[-1]))
        pairs = list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
        found.append(
            Seen(
                picture(images[row]),
                [bar(words[n], p, marked=n == label) for n, p in pairs],
                words[label],
                pairs[0][0] != label,
            )
        )
    return found


def _unlabelled(name: str, trained: str, shown: Sequence[Demonstration], *, alone: bool) -> ShownNetwork:
    """The images of the examples above that are read least surely; what they are nobody says."""
    places = [
        place
        for one in shown
        if one.scene is not None
        for place in one.scene.places
        if place.image is not None and place.reads
    ]
    places.sort(key=lambda place: place.reads[0][1])
    seen = [
        Seen(picture(place.image), [bar(word, p) for word, p in place.reads[:READ]], "", False)
        for place in (places[:LEAST_SURE] if alone else [])
        if place.image is not None
    ]
    note = "There are no labelled images of what it reads, so nothing says how well it reads them."
    if seen:
        note += " These are the images of the examples above that it is least sure of."
    return ShownNetwork(name=name, about=f"{trained}.", accuracy="", seen=seen, note=note)
