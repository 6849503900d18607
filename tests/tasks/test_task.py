"""A task: the smallest form, and what judges its programs, against all programs tried by hand."""

import numpy as np
import pyro
import pytest
import torch

from ntpt_pyro import Library, Line, Task, Tensor, choice, learn, observe, one_hot, switch
from ntpt_pyro.errors import TaskError
from ntpt_pyro.tasks.examples import Examples
from tests.two_registers import PROGRAMS, SIZE, SUM, SUMS, X, Y, execute, model, results, sum_task


@learn([Tensor(2)], 3, hid_sizes=[4])
def read(image):
    """A sign."""


def reading(images, turn, seen=None, *, library):
    """Which sign to read."""
    which = choice("which", 2)
    with pyro.plate("examples", len(images)):
        signs = library["read"](images)
        observe("seen", switch(which, [signs, one_hot(turn, 3)]), seen)


def reading_task(**more) -> Task:
    source = torch.Generator().manual_seed(0)
    images = torch.rand(30, 2, generator=source)
    return Task(
        reading, examples=(images, torch.arange(30) % 3, torch.arange(30) % 3), functions=[read], **more
    )


def test_the_smallest_task_is_a_model_and_its_examples():
    task = Task(model, examples=(X, Y, SUMS))
    assert task.draw(3, torch.Generator()).tensors[0].equal(X)  # all that there are, however many are wanted
    assert task.draw_test(3, torch.Generator()) is None
    assert [str(line) for line in task.lines(SUM)] == ["function = 0", "return = 2"]
    assert [line.sites for line in task.lines(SUM)] == [("function",), ("return",)]
    assert task.about == "A function of two registers, and the register that is returned."
    assert repr(task) == "<Task task>"


def test_examples_can_be_drawn():
    def draw(count, generator):
        x = torch.randint(SIZE, (count,), generator=generator)
        return x, x, 2 * x % SIZE

    task = Task(model, examples=draw, test=draw)
    one, same = (task.draw(7, torch.Generator().manual_seed(3)) for _ in range(2))
    assert len(one) == 7
    assert all(map(torch.equal, one.tensors, same.tensors))
    test = task.draw_test(4, torch.Generator().manual_seed(4))
    assert test is not None
    assert len(test) == 4


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "int64", "bool"])
def test_numpy_arrays_and_small_integers_do(kind):
    x = np.arange(2, dtype=kind)
    task = Task(model, examples=(x, x, x))
    assert task.draw(2, torch.Generator()).results.dtype == torch.int64
    assert task.accuracy({"function": 0, "return": 0}, None, task.draw(2, torch.Generator())) == 1
    assert task.check() == 0


def test_programs_are_judged_as_by_hand():
    task, truth = sum_task(), SUMS.tolist()
    examples = Examples((X, Y, SUMS))
    for program in PROGRAMS:
        mine = results(program)
        share = sum(map(int.__eq__, mine, truth)) / len(truth)
        assert task.accuracy(program, None, examples) == pytest.approx(share)
        assert task.right(program) == (mine == truth)
        assert sum_task(execute=execute).right(program) == (mine == truth)
    assert task.right(SUM)


@pytest.mark.parametrize("seen", [len(X), 2])
def test_programs_that_compute_the_same_have_one_behaviour(seen):
    # Two examples are not enough to tell the programs apart: then all that the task has are used.
    examples = Examples((X, Y, SUMS)).split(seen)[0]
    found = sum_task().behaviours(PROGRAMS, None, examples)
    for one, mine in zip(PROGRAMS, found, strict=True):
        for other, theirs in zip(PROGRAMS, found, strict=True):
            assert (mine == theirs) == (results(one) == results(other))


def test_more_programs_than_run_at_once_have_the_same_behaviours():
    examples = Examples((X, Y, SUMS))
    few = sum_task().behaviours(PROGRAMS, None, examples)
    assert sum_task().behaviours(PROGRAMS * 40, None, examples) == few * 40


def test_a_judge_has_the_last_word():
    judged = sum_task(judge=lambda program: program["return"] == 1)
    assert [judged.right(program) for program in PROGRAMS] == [p["return"] == 1 for p in PROGRAMS]


def test_test_examples_judge_where_there_are_any():
    wrong = sum_task(test=(X, Y, X))
    assert wrong.right({"function": 0, "return": 0})
    assert not wrong.right(SUM)
    held_back = Examples((X, Y, SUMS))
    generator = torch.Generator()
    assert wrong.test_accuracy(SUM, None, 9, generator, held_back=held_back) < 1
    assert sum_task().test_accuracy(SUM, None, 9, generator, held_back=held_back) == 1


def test_lines_may_be_texts_lines_or_one_text():
    lines = [Line("x = 1", sites=("function",)), "return x"]
    assert [str(one) for one in sum_task(source=lambda _: lines).lines(SUM)] == ["x = 1", "return x"]
    assert sum_task(source=lambda _: lines).lines(SUM)[0].sites == ("function",)
    assert [str(one) for one in sum_task(source=lambda _: "x = 1\nreturn x").lines(SUM)] == lines_of(lines)


def test_lines_that_are_none_are_refused():
    with pytest.raises(TaskError, match="source: expected a text, or lines, got NoneType; return that"):
        sum_task(source=lambda _: None).lines(SUM)


def lines_of(lines):
    return list(map(str, lines))


def test_alternatives_have_the_words_of_the_task():
    words = sum_task(words=lambda site, integer: f"{site}{integer}").alternatives(
        None, Examples((X, Y, SUMS))
    )
    assert words == {
        "function": ["function0", "function1", "function2"],
        "return": ["return0", "return1", "return2"],
    }


# Learnable functions.


def test_a_library_is_given_only_where_functions_are():
    library = Library([read], seed=0)
    assert sum_task().with_library(library) is model
    bound = reading_task().with_library(library)
    assert bound.keywords == {"library": library}


def test_an_interpreter_is_given_functions_of_plain_integers():
    seen = []

    def run(program, image, turn, *, library):
        seen.append((image.shape, turn, library["read"](image), library["read"](image[None, None])))
        return [seen[-1][2], turn][program["which"]]

    assert reading_task(execute=run).check(programs=2, examples=3) == 6
    for shape, turn, symbol, symbols in seen:
        assert shape == (2,)
        assert type(turn) is int
        assert type(symbol) is int
        assert symbols == [[symbol]]


def test_whether_a_program_that_reads_is_right_is_not_known_without_a_judge():
    task, library = reading_task(), Library([read], seed=0)
    assert task.right({"which": 0}, library) is None
    assert reading_task(judge=lambda program: True).right({"which": 0}, library)
    examples = task.draw(30, torch.Generator())
    assert task.accuracy({"which": 1}, library, examples) == 1
    assert 0 <= task.accuracy({"which": 0}, library, examples) < 1


# What a task must not be made of.


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"source": lambda: "x"}, r"source: expected a function of \(program\), got one of \(\)"),
        (
            {"words": lambda site: "x"},
            r"words: expected a function of \(site, integer\), got one of \(site\)",
        ),
        ({"judge": True}, r"judge: expected a function of \(program\), got bool"),
        ({"test": lambda count: None}, r"test: expected a function of \(count, generator\), got one of"),
    ],
)
def test_a_function_that_cannot_be_called_so_is_refused_at_once(more, message):
    with pytest.raises(TaskError, match=message):
        sum_task(**more)


def test_draws_that_cannot_be_called_so_are_refused_at_once():
    with pytest.raises(TaskError, match=r"examples: expected a function of \(count, generator\)"):
        Task(model, examples=lambda: None)
