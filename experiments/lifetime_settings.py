"""What decides a lifetime. The command line reads it before it knows whether torch is needed."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ntpt_pyro.bounds import MOST_LINES
from ntpt_pyro.experiments.recording import as_json
from ntpt_pyro.experiments.schedule import DEFAULT, Schedule
from ntpt_pyro.runs.known_names import gradient_names
from ntpt_pyro.runs.settings import Settings, check_bounds, counted, like, setting


@dataclass(frozen=True)
class LifetimeSettings:
    """What decides a lifetime; what each setting is stands beside it.

    The paper gives no number of examples of a task of operators. With 1,000 its baselines do not learn what
    it says they do.

    :raises UsageError: where a number is not finite or out of its bounds.
    """

    model: str = setting("ntpt", "the model that lives it")
    seed: int = like("seed")
    batches: int = counted(16_000, "in a lifetime", at_most=10**7)
    batch_size: int = counted(32, "examples a batch", at_most=10**6)
    examples: int = counted(1000, "training examples of an add2x2 task", at_least=10, at_most=10**6)
    operator_examples: int = counted(
        4000, "training examples of an apply2x2 task", at_least=10, at_most=10**6
    )
    schedule: Schedule = setting(DEFAULT, "of tasks")
    augment: bool = setting(
        False, "turn, scale and shift each image a little, another way each time it is shown"
    )
    data: Path | None = setting(None, "folder of data")
    strategy: str = setting("marginal", "the way of inference of programs", values=gradient_names)
    restarts: int = like("restarts", about="programs of a new task trained at once")
    search: int = counted(300, "batches of a new task with all restarts, before the best goes on")
    look: int | None = like(
        "look", 25, about="batches between looks at examples held back, which end a search"
    )
    halve: int | None = like(
        "halve",
        25,
        about="batches after which half of the programs are given up; after as many again another half goes",
    )
    rounds: int = like("rounds", about="such searches at most")
    lines: int = counted(4, "lines of a program", at_most=MOST_LINES)
    choice_lr: float = like("choice_lr", about="learning rate of a program's choices")
    init_scale: float = like("init_scale")
    kl: float = like("kl")
    baseline_lr: float | None = setting(
        None,
        "learning rate of what belongs to one task of a baseline",
        above=0,
        below=1e30,
        unset="what did best for each",
    )
    shared_ratio: float = setting(
        100.0, "how many times smaller the learning rate of shared networks is", above=0, below=1e30
    )
    dropout: bool = setting(True, "networks that read images drop pixels and hidden units while they learn")
    averaging: float = like(
        "averaging", 0.999, "decay of the average of weights that is judged and kept; 0 for none"
    )
    every: int = counted(250, "batches between two snapshots of the accuracies")

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
