"""Does a task hold together? Its model against its concrete interpreter, on random programs and inputs."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from operator import index
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ntpt_pyro.errors import NtptError, TaskError
from ntpt_pyro.inference.handlers.model_examination import examine
from ntpt_pyro.inference.handlers.model_sites import ChoiceSite
from ntpt_pyro.inference.handlers.sure_readings import SureReadings
from ntpt_pyro.inference.posterior.accuracy import predicted
from ntpt_pyro.inference.posterior.decided_programs import decided, program_of
from ntpt_pyro.language.concrete_library import ConcreteLibrary
from ntpt_pyro.language.learned_functions import LearnedFunction
from ntpt_pyro.language.library import Library
from ntpt_pyro.language.program import Program
from ntpt_pyro.tasks.examples import Examples

if TYPE_CHECKING:
    from ntpt_pyro.tasks.task import Task

ALONE = 4
"""Programs that are run by themselves, too."""

CALLED_WITH = {
    "source": ("program",),
    "words": ("site", "integer"),
    "judge": ("program",),
    "examples": ("count", "generator"),
    "test": ("count", "generator"),
}
"""What the functions of a task are called with."""


def check_task(task: "Task", *, programs: int, examples: int, seed: int) -> int:
    """See :meth:`~ntpt_pyro.tasks.Task.check`.

    :param task: the task.
    :param programs: see there.
    :param examples: see there.
    :param seed: see there.
    :returns: how many results were compared.
    :raises TaskError: see there.
    """
    source = torch.Generator().manual_seed(seed)
    some = task.fully_observed(task.draw(examples, source).split(examples)[0])
    library = Library(task.functions, seed=seed).eval() if task.functions else None
    with torch.random.fork_rng(devices=[]):
        choices = check_choices(task, library, some)
        columns = _random_programs(choices, programs, source)
        model = SureReadings()(decided(task.with_library(library), columns, some.tensors))
        with torch.no_grad():
            results = predicted(model, some.tensors)
        _compare_alone(task, library, columns, some, results)
    check_lines(task, program_of(columns, 0))
    if task.execute is None:
        return 0
    compared = 0
    for number in range(len(next(iter(columns.values())))):
        program = program_of(columns, number)
        for row in range(len(some)):
            of_model = {site: int(_at(found, number, row)) for site, found in results.items()}
            _compare(task, program, library, some, row, of_model)
            compared += 1
    return compared


def check_fields(name: str, model: Any, functions: Any, uses: Any) -> None:
    """Check that what a task is made of is what it should be.

    :param name: of the task.
    :param model: a callable.
    :param functions: declarations of learnable functions.
    :param uses: a mapping.
    :raises TaskError: names the first that is not.
    """
    wrong = None
    if not callable(model):
        wrong = ("model", "a Pyro program: a function", model)
    elif not isinstance(functions, Sequence) or isinstance(functions, str):
        wrong = ("functions", "a list of what @learn declares", functions)
    elif others := [one for one in functions if not isinstance(one, LearnedFunction)]:
        wrong = ("functions", "what @learn declares", others[0])
    elif uses is not None and not isinstance(uses, Mapping):
        wrong = ("uses", "a mapping from choices to what matters when", uses)
    if wrong is not None:
        what, expected, got = wrong
        raise TaskError(
            f"task {name}, {what}", expected=expected, got=type(got).__name__, remedy="correct the task"
        )


def _compare_alone(
    task: "Task",
    library: Library | None,
    columns: Mapping[str, Tensor],
    examples: Examples,
    together: Mapping[str, Tensor],
) -> None:
    """Raise where a program alone gives other results than beside others: Python looked at a choice."""
    for number in range(min(ALONE, len(next(iter(columns.values()))))):
        one = {site: column[number : number + 1] for site, column in columns.items()}
        fixed = SureReadings()(decided(task.with_library(library), one, examples.tensors))
        with torch.no_grad():
            alone = predicted(fixed, examples.tensors)
        for site, found in alone.items():
            for row in range(len(examples)):
                expected, got = int(_at(found, 0, row)), int(_at(together[site], number, row))
                if expected != got:
                    raise TaskError(
                        f"task {task.name}, program {program_of(columns, number)}, site {site!r}",
                        expected=f"{expected}, as the program gives by itself",
                        got=f"{got} where it is run beside others",
                        remedy="let no `if`, index or argmax of Python, nor chance, look at a choice: "
                        "use switch and select",
                    )


def check_choices(task: "Task", library: Library | None, examples: Examples) -> dict[str, ChoiceSite]:
    """Check that a task's model makes choices.

    :param task: the task.
    :param library: the functions that it calls.
    :param examples: of which a few are looked at.
    :returns: the choices by site.
    :raises TaskError: where it makes none, or does not take the examples' tensors.
    :raises SiteError: where model and examples do not go together, see
        :func:`~ntpt_pyro.inference.handlers.model_examination.examine`.
    """
    check_model(task, examples)
    choices = examine(f"task {task.name}", task.with_library(library), examples.tensors).choices
    if not choices:
        raise TaskError(
            f"task {task.name}",
            expected="a model that makes a choice",
            got="one without",
            remedy="write what is to be learned as choice(site, size)",
        )
    return choices


def check_lines(task: "Task", program: Program) -> None:
    """Check that the text of a program is about its choices.

    :param task: the task.
    :param program: every choice's integer by site.
    :raises TaskError: where a line says that it is about a choice that there is not.
    """
    for line in task.lines(program):
        for site in line.sites:
            if site not in program:
                raise TaskError(
                    f"task {task.name}, source, line {line.text!r}",
                    expected=f"sites out of {', '.join(program)}",
                    got=repr(site),
                    remedy="name the choices that the line says",
                )


def check_model(task: "Task", examples: Examples) -> None:
    """Check that a task's model takes the tensors that its examples have, and a library where it calls one.

    :param task: the task.
    :param examples: its examples.
    :raises TaskError: where it does not; says what it takes.
    """
    tensors, library = len(examples.tensors), bool(task.functions)
    if not _takes(task.model, *examples.tensors, **({"library": None} if library else {})):
        raise TaskError(
            f"task {task.name}, model",
            expected=f"a function of the {tensors} tensors of its examples{' and library=' * library}",
            got=f"one of {inspect.signature(task.model)}",
            remedy="a model takes what its examples have, and library= where functions are given",
        )


def check_functions(task: str, **functions: Any) -> None:
    """Check that the functions of a task take what they are called with.

    :param task: its name, for messages.
    :param functions: by what they are, see :data:`CALLED_WITH`; None where there is none.
    :raises TaskError: where one does not.
    """
    for what, function in functions.items():
        arguments = CALLED_WITH[what]
        if function is not None and not (callable(function) and _takes(function, *arguments)):
            found = f"one of {inspect.signature(function)}" if callable(function) else type(function).__name__
            raise TaskError(
                f"task {task}, {what}",
                expected=f"a function of ({', '.join(arguments)})",
                got=found,
                remedy="write it so",
            )


def _takes(function: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C do not say
        return True
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


def executed(
    task: "Task",
    program: Program,
    library: Library | None,
    examples: Examples,
    row: int,
    *,
    sites: Sequence[str] = (),
) -> int | Mapping[str, int]:
    """The result of the concrete interpreter on one example.

    :param task: a task that has one.
    :param program: every choice's integer by site.
    :param library: the functions that it calls.
    :param examples: the examples.
    :param row: which of them.
    :param sites: that the model observes, where they are known, for messages.
    :returns: an integer, or one for each observed site.
    :raises TaskError: where the interpreter fails, or gives something else.
    """
    assert task.execute is not None
    inputs = [_plain(tensor[row]) for tensor in examples.inputs]
    functions = {"library": ConcreteLibrary(library)} if task.functions and library is not None else {}
    try:
        result = task.execute(program, *inputs, **functions)
        if isinstance(result, Mapping):
            return {site: index(one) for site, one in result.items()}
        if hasattr(result, "__index__"):
            return index(result)
    except NtptError:
        raise
    except Exception as error:  # the user's own code: anything may go wrong in it
        raise TaskError(
            f"task {task.name}, execute on {_shown(inputs)}",
            expected=f"an integer, the result of program {dict(program)}",
            got=f"{type(error).__name__}: {error}",
            remedy="correct execute",
        ) from error
    kind = "None" if result is None else f"a {type(result).__name__}"
    mapping = f"{{{sites[0]!r}: ...}}" if sites else "{site: integer}"
    raise TaskError(
        f"task {task.name}, execute on {_shown(inputs)}",
        expected=f"an integer, or where several sites observe a mapping by site, {mapping}",
        got=kind,
        remedy="correct execute",
    )


def executes_right(task: "Task", program: Program, library: Library | None, examples: Examples) -> bool:
    """Whether the concrete interpreter gives the observed result on every example.

    :param task: a task that has one.
    :param program: every choice's integer by site.
    :param library: the functions that it calls.
    :param examples: the examples.
    :returns: whether all are right.
    :raises TaskError: where the interpreter fails.
    """
    for row, truth in enumerate(examples.results.tolist()):
        result = executed(task, program, library, examples, row)
        if isinstance(result, Mapping):  # the model knows what each of its sites is compared with
            return task.accuracy(program, library, examples) == 1.0
        if result != truth:
            return False
    return True


def _random_programs(
    choices: Mapping[str, ChoiceSite], most: int, source: torch.Generator
) -> dict[str, Tensor]:
    """Programs drawn uniformly; where there are no more than asked for, every one."""
    sizes = [site.size for site in choices.values()]
    total = 1
    for size in sizes:
        total *= size
        if total > most:
            rows = [torch.randint(size, (most,), generator=source, device="cpu") for size in sizes]
            return dict(zip(choices, rows, strict=True))
    every = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).reshape(total, len(sizes))
    return dict(zip(choices, every.unbind(-1), strict=True))


def _compare(
    task: "Task",
    program: dict[str, int],
    library: Library | None,
    examples: Examples,
    row: int,
    of_model: Mapping[str, int],
) -> None:
    """Raise where the interpreter gives another result than the model."""
    result = executed(task, program, library, examples, row, sites=tuple(of_model))
    of_execute = result if isinstance(result, Mapping) else dict.fromkeys(of_model, result)
    if dict(of_execute) != dict(of_model):
        single = len(of_model) == 1
        one, other = (next(iter(of_model.values())), result) if single else (dict(of_model), dict(of_execute))
        raise TaskError(
            f"task {task.name}, program {program}, input {_shown([_plain(t[row]) for t in examples.inputs])}",
            expected="model and execute to give one result",
            got=f"{one} from the model, {other} from execute",
            remedy="correct one of them",
        )


def _at(results: Tensor, program: int, row: int) -> Tensor:
    """A result of one program on one example; where no choice matters all programs have the same."""
    return results[row] if results.ndim == 1 else results[min(program, len(results) - 1), row]


def _plain(value: Tensor) -> Any:
    """An input as a concrete interpreter takes it."""
    return value if value.is_floating_point() else value.tolist()


def _shown(inputs: list[Any]) -> str:
    """Inputs in a message: tensors by their shape."""
    parts = [f"tensor of shape {list(one.shape)}" if isinstance(one, Tensor) else repr(one) for one in inputs]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
