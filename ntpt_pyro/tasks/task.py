"""A task: a model, its examples, and what judges its programs."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from ntpt_pyro.errors import TaskError
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.accuracy import predicted, program_accuracy
from ntpt_pyro.inference.posterior.decided_programs import columns_of, decided, programs_of
from ntpt_pyro.inference.posterior.program_space import ProgramSpace, Uses
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Line, Program
from ntpt_pyro.tasks.checking import check_fields, check_functions, check_task, executes_right
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.demonstrations.demonstration import Asked, Demonstration
from ntpt_pyro.tasks.demonstrations.steps_of_model import chosen_example, demonstrate_model
from ntpt_pyro.tasks.drawing import Drawing
from ntpt_pyro.tasks.examples import Examples, Given, checked_examples, drawn_examples
from ntpt_pyro.tasks.solvable import Solvable
from ntpt_pyro.tasks.task_html import task_html

UNNAMED = "task"
"""What a task is called that is given no name; the name that finds it takes its place."""
BEHAVIOUR_EXAMPLES = 256
"""Examples that programs are told apart by, where a task does not say what they compute."""
PROGRAMS_AT_ONCE = 256
"""Programs that are run together to tell them apart."""


@dataclass(frozen=True)
class Trial:
    """A further test of a task's programs, on examples unlike those that they are learned from.

    :param examples: those that there are, or how to draw some.
    :param model: the model that runs them, where it is not the task's.

    >>> Trial((torch.tensor([[2, 3]]), torch.tensor([5]))).examples[1]
    tensor([5])
    """

    examples: Given
    model: Callable[..., Any] | None = None


class Task(Drawing, Solvable):
    """Something to learn a program for.

    The smallest task is a model and its examples; everything else is optional. A model takes ``library=``
    where ``functions`` are given, and only then; so does ``execute``, whose library has for each function one
    that gives a plain integer. To say more of a task (how to draw it, further tests, data of its own) make a
    subclass, as the paper's tasks are.

    :param model: a Pyro program of the arguments that examples have; it makes choices and observes a result.
    :param examples: a tuple of tensors with a common first axis, the last one observed, or a callable
        ``(count, generator) -> tensors``.
    :param test: test examples, likewise. Without them a program is tested on the examples that its search
        was not trained on.
    :param functions: learnable functions that the model calls.
    :param execute: the concrete interpreter, ``execute(program, *inputs)`` from a program and one example's
        inputs (integers, nested lists of them, or tensors of reals) to the integer that is observed; where
        several are, to a mapping by site. Without it a decided model is its own interpreter.
    :param source: from a program to the lines of its text, each a text or a :class:`~ntpt_pyro.Line`; or to
        its whole text.
    :param words: ``(site, integer) -> text``, the word for an alternative of a choice.
    :param uses: which choices matter when, see :class:`~ntpt_pyro.inference.ProgramSpace`.
    :param judge: from a program to whether it is right, judged by execution. Without it a program is right
        where it reproduces every test example, unless learned functions stand between (then it is unknown).
    :param defaults: settings of :class:`~ntpt_pyro.runs.Settings` that suit the task.
    :param name: what it is called.
    :param about: the task in one line.

    >>> import pyro
    >>> from ntpt_pyro import choice, observe, one_hot, runtime, switch
    >>> @runtime([5], 5)
    ... def double(x): return 2 * x % 5
    >>> def model(x, y=None):
    ...     line = choice("line", 2)
    ...     with pyro.plate("examples", len(x)):
    ...         observe("y", switch(line, [one_hot(x, 5), double(one_hot(x, 5))]), y)
    >>> x = torch.arange(5)
    >>> task = Task(model, examples=(x, 2 * x % 5), execute=lambda program, x: x if not program["line"]
    ...             else 2 * x % 5)
    >>> task.check()  # comparisons of the model with `execute`
    10
    >>> task.right({"line": 1}), task.right({"line": 0})
    (True, False)
    """

    chooses: bool | None = None
    """Whether its programs choose between all networks of a library; None finds it out."""
    sure_readings = False
    """Whether its programs are tested on the networks' most probable readings rather than on their marginals,
    see :class:`~ntpt_pyro.inference.SureReadings`."""
    hold_back: bool | None = None
    """Whether a search must not learn from the examples that it is judged by. None: where functions are
    learned, which could learn them by heart, or where there are examples enough."""
    judged_with_functions = False
    """Whether what its functions read decides whether a program is right."""
    checked = False
    """Whether model and interpreter are known to agree, so that a run need not compare them first."""

    def __init__(
        self,
        model: Callable[..., Any],
        examples: Given,
        *,
        test: Given | None = None,
        functions: Sequence[LearnedFunction] = (),
        execute: Callable[..., Any] | None = None,
        source: Callable[[Program], str | Sequence[str | Line]] | None = None,
        words: Callable[[str, int], str] | None = None,
        uses: Uses | None = None,
        judge: Callable[[Program], bool] | None = None,
        defaults: Mapping[str, Any] | None = None,
        name: str = UNNAMED,
        about: str = "",
    ) -> None:
        check_fields(name, model, functions, uses)
        self.model = model
        self.name = str(name)
        self.about = about or (model.__doc__ or "").strip().split("\n")[0]
        self.functions = tuple(functions)
        self.execute = execute
        self.uses = uses or {}
        self.defaults = dict(defaults or {})
        self.found_by = name
        """The name that finds it again, see :func:`~ntpt_pyro.tasks.find_task`."""
        self.parameters: dict[str, Any] = {}
        """What it was made with, where that is not the default."""
        draws = {what: one for what, one in (("examples", examples), ("test", test)) if callable(one)}
        check_functions(name, source=source, words=words, judge=judge, **draws)
        self._source = source
        self._words = words
        self._judge = judge
        self._examples = examples if callable(examples) else checked_examples(name, examples)
        self._test = test if test is None or callable(test) else checked_examples(name, test)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return task_html(self)

    def with_library(self, library: Library | None) -> Callable[..., Any]:
        """The model with the functions that it calls.

        :param library: the functions; not looked at where it calls none.
        :returns: a Pyro program of the examples' tensors.
        """
        return partial(self.model, library=library) if self.functions else self.model

    @property
    def trials(self) -> Mapping[str, Trial]:
        """Further tests, by name."""
        return {}

    @property
    def has_judge(self) -> bool:
        """Whether a function of its own judges programs."""
        return self._judge is not None

    @property
    def domain(self) -> str:
        """What its programs are judged on, in words."""
        if self.has_judge:
            return "what its judge tries"
        return "every test example" if self.has_tests else "every example"

    def lines(self, program: Program) -> list[Line]:
        """The text of a program.

        :param program: every choice's integer by site.
        :returns: its lines; where the task gives no text, a line a choice.
        :raises TaskError: where ``source`` gives something else than a text or lines.
        """
        if self._source is None:
            return [
                Line(f"{site} = {self.word(site, integer)}", sites=(site,))
                for site, integer in program.items()
            ]
        text = self._source(program)
        if not isinstance(text, Iterable):
            raise TaskError(
                f"task {self.name}, source",
                expected="a text, or lines",
                got=type(text).__name__,
                remedy="return that",
            )
        lines = text.splitlines() if isinstance(text, str) else text
        return [line if isinstance(line, Line) else Line(str(line)) for line in lines]

    def word(self, site: str, integer: int) -> str:
        """The word for an alternative of a choice.

        :param site: the choice.
        :param integer: the alternative.
        :returns: the word; the integer where the task gives none.
        """
        return str(integer if self._words is None else self._words(site, integer))

    def right(self, program: Program, library: Library | None = None) -> bool | None:
        """Whether a program is right, judged by execution.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :returns: None where it is not known: no judge is given, and what functions read stands between.
        """
        if self._judge is not None:
            verdict = self._judge(program)
            return None if verdict is None else bool(verdict)
        if self.functions:
            return None
        tried = self.draw_test(BEHAVIOUR_EXAMPLES, _seeded()) or self.draw(BEHAVIOUR_EXAMPLES, _seeded())
        if self.execute is not None:
            return executes_right(self, program, library, tried)
        return self.accuracy(program, library, tried) == 1.0

    def accuracy(self, program: Program, library: Library | None, examples: Examples) -> float:
        """The share of examples that a program gets right.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :param examples: the examples.
        :returns: in [0, 1].
        """
        return self._accuracy(self.with_library(library), program, examples)

    def test_accuracy(
        self,
        program: Program,
        library: Library | None,
        count: int,
        generator: torch.Generator,
        *,
        held_back: Examples,
    ) -> float | None:
        """The share of test examples that a program gets right.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :param count: test examples at most.
        :param generator: source of the draw.
        :param held_back: examples that stand in where the task has none for tests.
        :returns: in [0, 1]; None where there is nothing to test on.
        """
        return self.accuracy(program, library, self.draw_test(count, generator) or held_back)

    def _accuracy(self, model: Callable[..., Any], program: Program, examples: Examples) -> float:
        fixed = decided(model, programs_of(program), examples.tensors)
        if self.sure_readings:
            fixed = SureReadings()(fixed)
        return float(program_accuracy(fixed, examples.tensors)[0])

    def trial_accuracies(
        self, program: Program, library: Library | None, count: int, generator: torch.Generator
    ) -> dict[str, float]:
        """The share of each further test's examples that a program gets right.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :param count: examples of each, at most.
        :param generator: source of the draw.
        :returns: by name of the test, in [0, 1].
        """
        found = {}
        for name, trial in self.trials.items():
            examples = drawn_examples(self.name, trial.examples, count, generator)
            model = trial.model or self.model
            bound = partial(model, library=library) if self.functions else model
            found[name] = self._accuracy(bound, program, examples)
        return found

    def behaviours(
        self, programs: Sequence[Program], library: Library | None, examples: Examples
    ) -> list[Hashable]:
        """What programs compute: equal for those that compute the same.

        :param programs: every choice's integer by site.
        :param library: the functions that they call.
        :param examples: that they are told apart by, where the task has no more of them.
        :returns: for each program something that can be compared.
        """
        some = self.tells_apart(examples).split(BEHAVIOUR_EXAMPLES)[0].tensors
        model, found = self.with_library(library), list[Hashable]()
        for first in range(0, len(programs), PROGRAMS_AT_ONCE):
            chunk = programs[first : first + PROGRAMS_AT_ONCE]
            fixed = SureReadings()(decided(model, columns_of(chunk), some))
            with torch.no_grad():
                results = torch.stack(list(predicted(fixed, some).values()), -1)
            rows = results if results.ndim > 2 else results.unsqueeze(0)
            found += [row.numpy().tobytes() for row in rows.expand(len(chunk), *rows.shape[1:]).cpu()]
        return found

    def tells_apart(self, examples: Examples) -> Examples:
        """What programs are told apart by: their inputs count, their results do not.

        :param examples: that were given.
        :returns: these, or more of them.
        """
        drawn = self.draw(BEHAVIOUR_EXAMPLES, _seeded())  # or what fits few examples would seem to be one
        test = None if self.functions else self.draw_test(BEHAVIOUR_EXAMPLES, _seeded())
        return max(examples, drawn, test or examples, key=len)

    def taught(self, program: Program, library: Library) -> list[str]:
        """The functions that a program calls, and goes on teaching once it is found.

        :param program: every choice's integer by site.
        :param library: what it may call.
        :returns: their names.
        """
        return [function.name for function in self.functions]

    def labelled(self, functions: Iterable[str]) -> Mapping[str, Images]:
        """Labelled test images of what functions read; nothing is learned from them.

        :param functions: their names.
        :returns: by name, of those that there are any for.
        """
        return {}

    def fully_observed(self, examples: Examples) -> Examples:
        """Examples of which every result is observed, for comparing the model with its interpreter.

        :param examples: the examples.
        :returns: these, with any results where some are not observed.
        """
        return examples

    def facts(self, program: Program, library: Library | None) -> dict[str, str]:
        """What else is worth knowing of a program: a run keeps it and shows it.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :returns: by what it is, in words.
        """
        return {}

    def data_sources(self) -> dict[str, str]:
        """Where training and test examples come from, in words, by split."""
        return {"train": "examples of its own"}

    def space(self, library: Library | None, examples: Examples) -> ProgramSpace:
        """All programs of the task.

        :param library: the functions that it calls.
        :param examples: of which one is looked at.
        :returns: the programs.
        """
        return ProgramSpace.of(self.with_library(library), examples.tensors, self.uses)

    def alternatives(self, library: Library | None, examples: Examples) -> dict[str, list[str]]:
        """The words of every choice.

        :param library: the functions that it calls.
        :param examples: of which one is looked at.
        :returns: by site the word of each integer.
        """
        one = [tensor[:1] for tensor in examples.tensors]
        choices = model_sites(self.with_library(library), *one).choices
        return {name: [self.word(name, i) for i in range(site.size)] for name, site in choices.items()}

    def demonstrate(self, program: Program, library: Library | None, asked: Asked) -> Demonstration:
        """Run a program on one input, step by step.

        :param program: every choice's integer by site.
        :param library: the functions that it calls.
        :param asked: which input.
        :returns: what it read and did.
        :raises UsageError: where something is asked for that the task does not have.
        """
        asked.allow(self.name, "seed", *([] if self.numbered is None else ["instance"]))
        generator = torch.Generator().manual_seed(asked.seed)
        examples = self.draw_test(1, generator) or self.draw(1, generator)
        example = chosen_example(examples, asked, generator)
        return demonstrate_model(self.with_library(library), program, example)

    def check(self, *, programs: int = 20, examples: int = 8, seed: int = 0) -> int:
        """Compare the model with ``execute``, on random programs and inputs.

        :param programs: drawn at random, all where there are fewer.
        :param examples: that each is tried on.
        :param seed: of the draws.
        :returns: how many results were compared; 0 where there is no ``execute``.
        :raises TaskError: where the model makes no choice or observes nothing, or the two differ: names the
            first program and input.
        :raises DataError: where examples are no tensors of one length.
        """
        return check_task(self, programs=programs, examples=examples, seed=seed)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
