"""The stream of a lifetime: every batch in its order, the same for every model that lives it."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from ntpt_pyro.errors import DataError
from ntpt_pyro.experiments.lifetime_results import Presented
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.models.grid import CELLS
from ntpt_pyro.models.nets import net_0
from ntpt_pyro.tasks import Examples, find_task
from ntpt_pyro.tasks.data.augmentation import augmented
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.image_task import ImageTask

TEST_EXAMPLES = 10_000


@dataclass(frozen=True)
class Batch:
    """One batch of a lifetime: examples of one task, and their places among its training examples."""

    task: str
    rows: Int[Tensor, " examples"]
    examples: Examples


class Stream:
    """The batches of a lifetime, drawn from its schedule; examples of one with replacement from its task's.

    :raises UsageError: where the schedule leaves a task without a batch.
    :raises DataError: where the data hold too few digits.
    """

    def __init__(self, settings: LifetimeSettings) -> None:
        self.settings = settings
        self.names = settings.schedule.draw(settings.batches, settings.seed)
        """Each batch's task."""
        self.tasks: dict[str, ImageTask] = {}
        self.readers: dict[str, ImageTask] = {}
        """For each network a task that brings it, with labelled images of what it reads."""
        self.functions: dict[str, LearnedFunction] = {}
        """What tasks bring to the library, by name."""
        self.training: dict[str, Examples] = {}
        self.test: dict[str, Examples] = {}
        """Test examples, of images from the test split: nothing that is learned depends on them."""
        generator = torch.Generator().manual_seed(settings.seed)
        for name in settings.schedule.tasks:
            task = find_task(name, lines=settings.lines, data=settings.data)
            assert isinstance(task, ImageTask)
            (function,) = task.functions
            self.functions[function.name] = function
            first = self.readers.setdefault(function.name, task)
            task.images = first.images  # loaded once
            count = settings.examples if function is net_0 else settings.operator_examples
            if function is net_0:
                _check_enough(task.images["train"][net_0.name], count)
            self.tasks[name] = task
            self.training[name] = task.draw(count, generator)
            test = task.draw_test(TEST_EXAMPLES, generator)
            assert test is not None
            self.test[name] = test
        shape = (settings.batches, settings.batch_size)
        self._places = torch.rand(shape, generator=generator, device="cpu", dtype=torch.float64)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> Batch:
        """The batch at a position, the same whenever it is asked for."""
        name = self.names[position]
        rows = (self._places[position] * len(self.training[name])).long()
        examples = self.training[name].take(rows)
        if self.settings.augment:
            source = torch.Generator().manual_seed(self.settings.seed * len(self) + position)
            grids, *others = examples.tensors
            examples = Examples((augmented(grids, source), *others))
        return Batch(name, rows, examples)

    @property
    def sources(self) -> dict[str, dict[str, str]]:
        """For each network where its images come from, by split."""
        return {network: task.data_sources() for network, task in self.readers.items()}

    def presented(self) -> dict[str, Presented]:
        """When every task is presented."""
        found = {}
        for name in self.tasks:
            places = [position for position, task in enumerate(self.names) if task == name]
            found[name] = Presented(places[0], places[-1], len(places))
        return found


def _check_enough(digits: Images, examples: int) -> None:
    """Grids of digits must not share images; operators are few and used again, as in the paper."""
    available = len(digits.labels) // CELLS
    if examples > available:
        raise DataError(
            "examples",
            expected=f"at most {available} grids, for {len(digits.labels)} images ({digits.source})",
            got=str(examples),
            remedy="ask for fewer examples, or name a folder with more images (--data)",
        )
