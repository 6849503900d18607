"""Networks of one's own in a task: a CNN with dropout and batch normalisation, learned, kept, read again."""

import copy

import pytest
import torch
from torch import nn

from ntpt_pyro import Library, Tensor, find_task, induce, learn
from ntpt_pyro.errors import LibraryError, RangeError
from ntpt_pyro.runs import load_library
from tests.runs.reading import SIDE, reading_task

TASK = """
from tests.runs.reading import reading_task
from tests.runs.test_own_networks import bright

task = reading_task(bright)
"""


class CNN(nn.Module):
    """A network with layers that have a mode, and statistics of their own."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(16, 2)

    def forward(self, images):
        hidden = nn.functional.max_pool2d(self.norm(self.conv(images[:, None])).relu(), 2)
        return self.out(self.drop(hidden.flatten(1)))


@learn([Tensor(SIDE, SIDE)], 2, module=CNN)
def bright(image):
    """Whether an image is bright."""


SETTINGS = {
    "restarts": {"restarts": 4, "steps": 240, "rounds": 1, "examples": 200, "library_lr": 0.01},
    "em": {"strategy": "em", "steps": 150, "rounds": 1, "examples": 200, "library_lr": 0.01},
}


@pytest.mark.parametrize("way", SETTINGS)
def test_it_is_learned_kept_and_read_again(tmp_path, way):
    task = reading_task(bright)
    found = induce(task, **SETTINGS[way], test_examples=200, out=tmp_path / "run")
    assert found.program == {"which": 1}
    assert found.result.program_correct
    assert found.result.test_accuracy > 0.9  # half by chance; images of 36 pixels leave no doubt
    assert found.library.steps["bright"] > 0
    assert not found.library.training
    statistics = found.library.state_dict()["bright.network.norm.running_mean"]
    assert not torch.equal(statistics, torch.zeros(4))
    again = load_library(tmp_path / "run", [bright])
    assert {n: t.tolist() for n, t in again.state_dict().items()} == {
        n: t.tolist() for n, t in found.library.state_dict().items()
    }
    images = torch.rand(5, SIDE, SIDE)
    assert torch.equal(again.eval()["bright"](images), found.library["bright"](images))
    kept = induce(task, **SETTINGS[way], test_examples=200, out=tmp_path / "run", resume=True)
    assert torch.equal(kept.library.eval()["bright"](images), found.library["bright"](images))


def test_its_posterior_over_all_programs_is_found_with_its_library(tmp_path):
    task = reading_task(bright)
    found = induce(task, **SETTINGS["restarts"])
    before = copy.deepcopy(found.library.state_dict())
    exact = induce(task, strategy="exhaustive", library=found.library)
    assert exact.program == {"which": 1}
    assert exact.result.right_behaviours > 0.99
    assert all(torch.equal(tensor, before[name]) for name, tensor in found.library.state_dict().items())
    with pytest.raises(LibraryError, match="expected one with bright, trained, got one with nothing trained"):
        induce(task, strategy="exhaustive")


def test_a_library_that_is_gone_on_with_is_not_changed(tmp_path):
    first = induce(reading_task(bright), restarts=2, steps=9, rounds=1, examples=40)
    before = copy.deepcopy(first.library.state_dict())
    second = induce(reading_task(bright), restarts=2, steps=9, rounds=1, examples=40, library=first.library)
    assert second.library.steps == {"bright": 18}
    assert all(torch.equal(tensor, before[name]) for name, tensor in first.library.state_dict().items())


def test_without_its_class_a_library_is_not_read(tmp_path):
    induce(reading_task(bright), restarts=2, steps=9, rounds=1, examples=40, out=tmp_path / "run")
    with pytest.raises(
        LibraryError, match=r"'bright': expected the declaration of .*CNN, which computes it, got none"
    ):
        load_library(tmp_path / "run")


def test_the_commands_know_it_by_the_users_file(ntpt, refused, user_file):
    user_file("mine.py", TASK)
    flags = ["--examples=40", "--rounds=1", "--restarts=2", "--steps=9", "--test-examples=50"]
    code, printed, error = ntpt("learn", "mine.py:task", *flags, "--out", "run")
    assert (code, error) == (0, "")
    code, printed, error = ntpt("posterior", "run", "--examples", 20, "--out", "posterior")
    assert (code, error) == (0, "")
    assert "the exact posterior of 2 programs given 20 examples" in printed
    code, printed, error = ntpt("evaluate", "run", "--seed", 3)
    assert (code, error) == (0, "")
    assert "bright" in printed
    assert ntpt("posterior", "mine.py:task", "--examples", 20, "--library", "run")[0] == 0
    assert "'bright': expected the declaration of" in refused("learn", "add2x2/top", "--library", "run")
    assert isinstance(find_task("mine.py:task").functions[0].module, type)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), "logits of shape .* from its module .*got"),
        (lambda: nn.Linear(7, 2), "to make a network of inputs"),
        (lambda: 3, "expected a torch module from .*got an object of class int"),
    ],
)
def test_a_module_that_gives_something_else_is_refused_before_anything_is_learned(module, message):
    declared = learn([Tensor(SIDE, SIDE)], 2, module=module)(bright_again)
    with pytest.raises((LibraryError, RangeError), match=message) as caught:
        induce(reading_task(declared), restarts=2, steps=3)
    assert "bright" in str(caught.value)
    assert "\n" not in str(caught.value)


def bright_again(image):
    """Whether an image is bright."""


bright_again.__name__ = "bright"


def test_a_library_of_the_same_names_but_other_inputs_is_refused():
    other = learn([Tensor(SIDE, SIDE)], 3, hid_sizes=[4])(bright_again)
    with pytest.raises(
        LibraryError, match=r"library function 'bright': expected inputs .* and output 2, got"
    ):
        induce(reading_task(bright), library=Library([other]), restarts=2, steps=3)
