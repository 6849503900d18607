"""What decides a lifetime. The command line reads it before it knows whether torch is needed."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ntpt_pyro.experiments.recording import as_json
from ntpt_pyro.experiments.schedule import DEFAULT, Schedule
from ntpt_pyro.runs.settings import Settings, check_bounds, setting


@dataclass(frozen=True)
class LifetimeSettings:
    """What decides a lifetime; what each setting is stands beside it.

    The paper gives no number of examples of a task of operators. With 1,000 its baselines do not learn what
    it says they do.

    :raises UsageError: where a number is not finite or out of its bounds.
    """

    model: str = setting("ntpt", "the model that lives it")
    seed: int = setting(0, "of everything random", at_least=0)
    batches: int = setting(16_000, "in a lifetime", at_least=1)
    batch_size: int = setting(32, "examples a batch", at_least=1)
    examples: int = setting(1000, "training examples of an add2x2 task", at_least=10)
    operator_examples: int = setting(4000, "training examples of an apply2x2 task", at_least=10)
    schedule: Schedule = setting(DEFAULT, "of tasks")
    augment: bool = setting(
        False, "turn, scale and shift each image a little, another way each time it is shown"
    )
    data: Path | None = setting(None, "folder of data")
    strategy: str = setting("marginal", "of inference of programs")
    restarts: int = setting(16, "programs of a new task trained at once", at_least=1)
    search: int = setting(300, "batches of a new task with all restarts, before the best goes on", at_least=1)
    rounds: int = setting(3, "such searches at most", at_least=1)
    lines: int = setting(4, "lines of a program", at_least=1)
    choice_lr: float = setting(0.1, "learning rate of a program's choices", above=0)
    init_scale: float = setting(3.0, "standard deviation of the choices' initial logits", at_least=0)
    kl: float = setting(0.03, "weight of the KL term in the search", at_least=0)
    baseline_lr: float | None = setting(
        None, "learning rate of what belongs to one task of a baseline; what did best for each", above=0
    )
    shared_ratio: float = setting(
        100.0, "how many times smaller the learning rate of shared networks is", above=0
    )
    dropout: bool = setting(True, "networks that read images drop pixels and hidden units while they learn")
    averaging: float = setting(
        0.999, "decay of the average of weights that is judged and kept; 0 for none", at_least=0, below=1
    )
    every: int = setting(250, "batches between two snapshots of the accuracies", at_least=1)

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_bounds(self)

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON can hold them; paths by their last part only."""
        return {**as_json(self), "schedule": self.schedule.to_json()}

    @property
    def library_lr(self) -> float:
        """Learning rate of the networks that programs share."""
        return self.choice_lr / self.shared_ratio

    def of_a_program(self) -> Settings:
        """The same for the program of one task, as far as they matter there."""
        shared = {one.name: getattr(self, one.name) for one in fields(Settings) if hasattr(self, one.name)}
        return Settings(**shared)
