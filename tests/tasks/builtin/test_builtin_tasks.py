"""The paper's tasks, as tasks: model and interpreter agree, programs have words, the right ones are known."""

import pytest
import torch

from ntpt_pyro import Library, find_task
from ntpt_pyro.errors import UsageError
from ntpt_pyro.inference.handlers.model_sites import model_sites
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs.behaviour_groups import grouped
from ntpt_pyro.tasks import task_names
from ntpt_pyro.tasks.builtin.path_len_task import LARGER_GRIDS
from ntpt_pyro.tasks.checking import executed
from tests.small import small  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("small")


def one_example(task):
    return task.draw(10, torch.Generator().manual_seed(0)).split(1)[0]


@pytest.mark.parametrize("name", task_names())
def test_model_and_interpreter_agree(name):
    assert find_task(name).check(programs=6, examples=3) == 6 * 3


@pytest.mark.parametrize("name", task_names())
def test_every_choice_has_words_and_every_line_says_its_choices(name):
    task = find_task(name)
    library = Library(task.functions, seed=0)
    choices = model_sites(task.with_library(library), *one_example(task).tensors).choices
    words = task.alternatives(library, one_example(task))
    assert {site: len(found) for site, found in words.items()} == {s: c.size for s, c in choices.items()}
    program = dict.fromkeys(choices, 0)
    said = {site for line in task.lines(program) for site in line.sites}
    assert said <= set(choices)
    assert any(site.startswith("instr") for site in said)
    assert task.about
    assert task.domain


def test_a_library_with_more_networks_is_chosen_from():
    task = find_task("add2x2/top")
    for functions, chosen in (([net_0], False), ([net_0, net_1], True)):
        found = task.alternatives(Library(functions, seed=0), one_example(task))
        assert ("net_choice" in found) == chosen


@pytest.mark.parametrize(
    ("name", "programs"),
    [("add2x2/top", 79_380), ("apply2x2/left", 69 * 130 * 221 * 348 * 8), ("path_len", 729)],
)
def test_programs_that_are_told_apart(name, programs):
    task = find_task(name)
    library = Library(task.functions, seed=0)
    space = task.space(library, one_example(task))
    assert space.size == programs
    assert list(space.sizes) == list(
        model_sites(task.with_library(library), *one_example(task).tensors).choices
    )


def test_math_has_as_many_programs_as_texts():
    task = find_task("math")
    library = Library(task.functions, seed=0)
    assert task.space(library, one_example(task)).size == 1_975_509


def test_behaviours_of_a_task_are_led_by_their_shortest_program():
    task = find_task("add2x2/top")

    class Two:
        def programs(self):
            return 2

        def top(self, k):
            east = {f"instr_{n}": 0 for n in (3, 4)} | {"instr_1": 2, "instr_2": 5, "left_2": 0, "right_2": 1}
            long = {**east, "instr_4": 5, "left_4": 2, "right_4": 3, "return": 4}  # R4 = R2 + 0
            return [(long, 0.6), ({**east, "return": 2}, 0.3)]

    (found,) = grouped(task, None, one_example(task), Two())
    assert (found.programs, found.probability) == (2, pytest.approx(0.9))
    assert found.program["return"] == 2
    assert task.right(found.program)


@pytest.mark.parametrize("name", ["add2x2/right", "apply2x2/bottom"])
def test_programs_of_one_behaviour_give_the_same_on_every_example(name):
    task = find_task(name, lines=1)
    library = Library(task.functions, seed=0)
    words = task.alternatives(library, one_example(task))
    source = torch.Generator().manual_seed(0)
    draws = {
        site: torch.randint(len(found), (60,), generator=source).tolist() for site, found in words.items()
    }
    programs = [dict(zip(draws, row, strict=True)) for row in zip(*draws.values(), strict=True)]
    examples, known = task.draw(20, source), {}
    for program, behaviour in zip(
        programs, task.behaviours(programs, library, one_example(task)), strict=True
    ):
        results = [executed(task, program, library, examples, row) for row in range(20)]
        assert known.setdefault(behaviour, results) == results
    assert 1 < len(known) < len(programs)


def test_path_len_is_tried_on_larger_grids():
    task = find_task("path_len")
    library = Library(task.functions, seed=0).eval()
    program = dict.fromkeys(task.alternatives(library, one_example(task)), 0)
    found = task.trial_accuracies(program, library, 2, torch.Generator().manual_seed(0))
    assert set(found) == {f"{side}x{side}" for side in LARGER_GRIDS}
    assert all(0 <= share <= 1 for share in found.values())


def test_the_networks_that_a_program_chose_are_taught():
    library = Library([net_0, net_1], seed=0)
    task = find_task("add2x2/top")
    assert task.taught({"net_choice": 1}, library) == ["net_1"]
    assert task.taught({}, library) == ["net_0"]
    math = find_task("math")
    assert math.taught({"net_choice_0": 1, "net_choice_1": 0}, library) == ["net_0", "net_1"]
    assert find_task("path_len").taught({}, library) == ["LOOK"]


def test_labelled_images_are_known_of_what_other_tasks_brought():
    assert set(find_task("add2x2/top").labelled(["net_0", "net_1", "LOOK"])) == {"net_0", "net_1"}
    assert set(find_task("path_len").labelled(["net_0", "LOOK"])) == {"LOOK"}


def test_a_program_has_a_line():
    with pytest.raises(
        UsageError, match="lines: expected a whole number of at least 1 and at most 100, got 0"
    ):
        find_task("apply2x2/top", lines=0)
