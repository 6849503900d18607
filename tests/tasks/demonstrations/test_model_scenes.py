"""Scenes of tasks of one's own: inputs as places, what functions read in them, steps as moments."""

import pyro
import pytest
import torch

from ntpt_pyro import Library, Task, Tensor, choice, learn, observe, one_hot, select, stack, switch, var
from ntpt_pyro.tasks.demonstrations.demonstration import Asked
from ntpt_pyro.tasks.demonstrations.input_places import MOST_PLACES, Given, input_places
from ntpt_pyro.tasks.demonstrations.model_scene import Noted, model_scene
from ntpt_pyro.tasks.demonstrations.scene import MOST_MOMENTS
from tests import stack_machine
from tests.runs.reading import SIDE, bright, reading_task
from tests.two_registers import sum_task


def test_variables_of_one_step_make_one_moment():
    program = dict(zip(("instr_0", "instr_1", "instr_2", "instr_3"), (5, 3, 2, 4), strict=True))
    run = stack_machine.task.demonstrate(program, None, Asked(instance=11))
    scene = run.scene
    assert [(place.name, place.word) for place in scene.places] == [("pairs[0]", "1"), ("pairs[1]", "4")]
    assert [moment.text for moment in scene.moments] == ["step 0", "step 1", "step 2", "step 3", "result"]
    table = dict(run.steps)
    for step, moment in enumerate(scene.moments[:4]):
        assert moment.wrote == ("s0", "s1", "s2")
        assert moment.values == {f"s{depth}": table[f"s{depth}_{step}"] for depth in range(3)}
    assert scene.moments[-1].values["result"] == run.result
    assert scene.moments[-1].wrote == ("result",)


def test_a_variable_that_stands_alone_keeps_its_name():
    scene = sum_task().demonstrate({"function": 0, "return": 2}, None, Asked(instance=3)).scene
    assert [moment.text for moment in scene.moments] == ["third", "result"]
    assert [place.begins for place in scene.places] == [True, True]


@pytest.mark.parametrize("seed", range(3))
def test_what_a_function_reads_stands_at_its_image(seed):
    run = reading_task().demonstrate({"which": 1}, Library([bright], seed=0), Asked(seed=seed))
    left, right = run.scene.places
    assert (left.name, right.name) == ("left", "right")
    assert left.image.shape == (SIDE, SIDE)
    assert not left.image.equal(right.image)
    readings = ["{} ({:.2f})".format(*place.reads[0]) for place in (left, right)]
    assert [("bright", reading) for reading in readings] == run.steps
    assert [moment.at for moment in run.scene.moments] == [0, 1, None]
    assert [moment.reads for moment in run.scene.moments] == [left.reads, right.reads, ()]
    assert [moment.values["bright"] for moment in run.scene.moments[:2]] == readings


@learn([Tensor(4, 4)], 3)
def first(image):
    """Anything."""


@learn([Tensor(4, 4)], 3)
def second(image):
    """Anything else."""


def test_an_image_that_two_functions_read_is_taken_for_nothing():
    def model(images, y=None, *, library):
        which = choice("which", 2)
        with pyro.plate("examples", len(images)):
            both = [library["first"](images[:, 0]), library["second"](images, items=1)[..., 1, :]]
            observe("y", switch(which, both), y)

    images = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    task = Task(model, examples=(images, torch.zeros(3).long()), functions=[first, second])
    scene = task.demonstrate({"which": 0}, Library([first, second], seed=0), Asked(instance=1)).scene
    assert [len(place.reads) for place in scene.places] == [0, 3]  # both functions read the first
    assert scene.moments[0].at == 0
    assert len(scene.moments[0].reads) == 3
    assert (scene.moments[1].at, scene.moments[1].reads) == (None, ())  # two at once
    assert [place.name for place in scene.places] == ["images[0]", "images[1]"]


def test_vectors_of_variables_are_written_as_the_table_has_them():
    def model(x, y=None):
        which = choice("which", 2)
        with pyro.plate("examples", len(x)):
            held = var("held", stack([one_hot(x, 3), one_hot(2 - x, 3)]))
            observe("y", select(which, held), y)

    task = Task(model, examples=(torch.tensor([0, 1]), torch.tensor([0, 1])))
    run = task.demonstrate({"which": 0}, None, Asked(instance=0))
    assert run.scene.moments[0].values == dict(run.steps) == {"held": "0, 2"}


@pytest.mark.parametrize(
    ("tensor", "shape", "count", "image"),
    [
        (torch.rand(5, 6), None, 1, (5, 6)),
        (torch.rand(3, 5, 6), None, 3, (5, 6)),
        (torch.rand(2, 3, 5, 6, 3), None, 6, (5, 6, 3)),
        (torch.rand(3, 2, 2), (2, 2), 3, (2, 2)),  # declared
        (torch.rand(3, 2, 2), None, 1, None),
        (torch.rand(5, 6) * 2, None, 1, None),  # no pixels
        (torch.full((5, 6), torch.nan), None, 1, None),
        (torch.ones(5, 6).long(), None, 30, None),
        (torch.full((2, 4, 4), 255, dtype=torch.uint8), (4, 4), 2, (4, 4)),
        (torch.rand(300, 300), None, 1, None),  # too large to show
        (torch.zeros(MOST_PLACES + 1).long(), None, 1, None),
        (torch.zeros(0, 3).long(), None, 0, None),
        (torch.tensor(3), None, 1, None),
    ],
)
def test_inputs_are_images_or_words(tensor, shape, count, image):
    places = input_places([Given("x", tensor, shape)]).places
    assert len(places) == count
    for place in places:
        assert (place.image is None) == (image is None)
        assert (place.word == "") == (image is not None)
        if image is not None:
            assert place.image.shape == image
            assert place.image.min() >= 0
            assert place.image.max() <= 1


def test_real_numbers_are_shown_where_they_are_few():
    made = input_places([Given("x", torch.tensor([0.5, -1.25])), Given("y", torch.ones(9))])
    assert [place.word for place in made.places] == ["0.50, -1.25", "9 numbers"]
    made = input_places([Given("z", torch.arange(6).reshape(2, 3)), Given("v", torch.arange(2))])
    assert made.columns == 3
    assert [place.begins for place in made.places] == [True, False, False, True, False, False, True, False]
    assert made.places[5].name == "z[1, 2]"


@pytest.mark.parametrize(("steps", "moments"), [(MOST_MOMENTS - 1, MOST_MOMENTS), (MOST_MOMENTS, None)])
def test_a_model_of_too_many_steps_has_no_scene(steps, moments):
    noted = [Noted(f"v{number}", "0") for number in range(steps)]
    scene = model_scene([], noted, {"result": "0"})
    assert (None if scene is None else len(scene.moments)) == moments


def two_letters(masked=()):
    """A task whose two letters are compared with data, each at a site of its own; some are no data."""

    def model(x, y=None):
        flipped = choice("flipped", 2)
        with pyro.plate("examples", len(x)):
            for number in range(2):
                letter = one_hot(x[:, number], 3)
                with pyro.poutine.mask(mask=torch.tensor(number not in masked)):
                    observed = None if y is None else y[:, number]
                    observe(f"letter_{number}", switch(flipped, [letter, letter.flip(-1)]), observed)

    x = torch.tensor([[0, 1], [2, 1], [1, 1]])
    return Task(model, examples=(x, x))


@pytest.mark.parametrize("flipped", [0, 1])
def test_several_observed_sites_are_judged_together(flipped):
    runs = [two_letters().demonstrate({"flipped": flipped}, None, Asked(instance=n)) for n in range(3)]
    assert [run.right for run in runs] == [not flipped, not flipped, True]
    assert runs[1].truth == "{'letter_0': 2, 'letter_1': 1}"
    words = "{'letter_0': 0, 'letter_1': 1}, not {'letter_0': 2, 'letter_1': 1}"
    assert runs[1].verdict == (words if flipped else "{'letter_0': 2, 'letter_1': 1}, right")


def test_what_is_masked_is_no_data_and_not_judged():
    def right(masked):
        return two_letters(masked).demonstrate({"flipped": 1}, None, Asked(instance=1)).right

    assert [right(()), right((0,)), right((1,)), right((0, 1))] == [False, True, False, None]


def test_a_single_site_of_several_columns_is_judged_by_its_own():
    def model(x, y=None):
        flipped = choice("flipped", 2)
        with pyro.plate("examples", len(x)):
            observe("y", switch(flipped, [one_hot(x, 3), one_hot(2 - x, 3)]), None if y is None else y[:, 1])

    task = Task(model, examples=(torch.tensor([0, 1]), torch.tensor([[1, 2], [0, 1]])))
    run = task.demonstrate({"flipped": 1}, None, Asked(instance=0))
    assert (run.result, run.truth) == ("2", "2")
