"""path_len's data, and its run as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data.path_examples import path_examples, pictured
from ntpt_pyro.tasks.data.signs import CLASSES, load_signs

REAL = Path(__file__).parents[3] / "shared" / "data"
SMALL = ("--examples=40", "--restarts=2", "--steps=6", "--batch-size=8", "--rounds=1")


def test_drawn_signs_are_the_same_every_time_and_never_twice():
    train, test = load_signs("train"), load_signs("test")
    assert torch.equal(train.images, load_signs("train").images)
    assert train.images.shape == (750, 28, 28, 3)
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert test.labels.bincount().tolist() == [50] * len(CLASSES)
    together = torch.cat([train.images, test.images]).flatten(1)
    assert len(together.unique(dim=0)) == 1000


def test_drawn_signs_can_be_told_apart():
    train, test = load_signs("train"), load_signs("test")
    nearest = torch.cdist(test.images.flatten(1), train.images.flatten(1)).argmin(-1)
    assert (train.labels[nearest] == test.labels).float().mean() > 0.8  # one in five by chance


def test_grids_have_an_image_of_what_each_sign_says():
    signs = load_signs("test")
    mazes = torch.arange(5).repeat(4)[:18].reshape(2, 3, 3)
    images = pictured(mazes, signs, torch.Generator().manual_seed(0))
    same = (images.unsqueeze(3) == signs.images).flatten(4).all(-1)
    assert torch.equal(signs.labels[same.float().argmax(-1)], mazes)


def test_examples_are_grids_starts_and_lengths():
    examples = path_examples(load_signs("test"), 6, torch.Generator().manual_seed(0), height=2, width=4)
    grids, start = examples.inputs
    assert (grids.shape, start.shape) == ((6, 2, 4, 28, 28, 3), (6,))
    assert examples.results.max() <= 4


@pytest.mark.skipif(not REAL.exists(), reason="drawn signs stand in for photographs above")
def test_photographs_for_tests_are_not_those_for_training():
    train, test = load_signs("train", data=REAL), load_signs("test", data=REAL)
    assert (len(train.labels), len(test.labels)) == (1943, 717)
    assert (
        not (train.images.flatten(1).unsqueeze(0) == test.images[:20].flatten(1).unsqueeze(1)).all(-1).any()
    )


def folder(tmp_path, **changes):
    arrays = {
        "images": np.zeros((10, 28, 28, 3), np.uint8),
        "labels": np.repeat(np.arange(5, dtype=np.uint8), 2),
        "split": np.tile(np.array([0, 1], np.uint8), 5),
        "class_names": np.array(CLASSES),
        **changes,
    }
    (tmp_path / "street_signs").mkdir()
    np.savez(tmp_path / "street_signs" / "street_signs.npz", **arrays)
    return tmp_path


def test_a_folder_of_signs_is_read(tmp_path):
    assert load_signs("train", data=folder(tmp_path)).labels.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"class_names": np.array(["stop"])}, "expected train images of 'ahead only', got none"),
        ({"images": np.zeros((10, 28, 28), np.uint8)}, "expected images as bytes of shape"),
        ({"split": np.ones(10, np.uint8)}, "expected train images of 'ahead only'"),
        ({"labels": np.array([{}] * 10)}, "expected arrays images"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, changes, wrong):
    with pytest.raises(DataError, match=wrong):
        load_signs("train", data=folder(tmp_path, **changes))
    with pytest.raises(DataError, match="no such file"):
        load_signs("train", data=tmp_path / "elsewhere")


def test_path_len_is_learned_kept_shown_and_followed(ntpt, tmp_path):
    run, picture = tmp_path / "run", tmp_path / "path.png"
    code, printed, error = ntpt("learn", "path_len", *SMALL, "--out", run)
    assert (code, error) == (0, "")
    assert "on 8x8" in printed
    assert "LOOK on signs" in printed
    result = json.loads((run / "result.json").read_text())
    assert set(result["beyond"]) == {"5x5", "8x8"}
    assert result["data"]["train"] == "drawn street signs, train (750)"
    code, printed, _ = ntpt("show", run, "--top", 2, "--example", 7)
    assert code == 0
    assert "on input 7" in printed
    code, printed, _ = ntpt("evaluate", run, "--length", 4, "--seed", 1, "--plot", picture)
    assert code == 0
    assert "length" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_library_of_other_networks_is_left_as_it_is(ntpt, library, tmp_path):
    run = tmp_path / "run"
    assert ntpt("learn", "path_len", *SMALL, "--library", library, "--out", run)[0] == 0
    before, after = Library.load(library), Library.load(run / "library.safetensors")
    assert list(after.steps) == ["net_0", "net_1", "LOOK"]
    assert (after.steps["net_0"], after.steps["LOOK"]) == (1, 6)
    for name in ("net_0", "net_1"):
        for mine, theirs in zip(after[name].parameters(), before[name].parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert ntpt("evaluate", run)[0] == 0


def test_what_does_not_fit_a_run_is_refused(ntpt, tmp_path):
    run = tmp_path / "run"
    assert ntpt("learn", "path_len", *SMALL, "--out", run)[0] == 0
    for words, wrong in (
        (["3+4"], "got what is for one of math"),
        (["--length", 1], "a grid of 2 to 20 signs a side"),
        (["--plot", tmp_path / "path.words"], "a picture's ending"),
    ):
        code, _, error = ntpt("evaluate", run, *words)
        assert (code, error.count("\n")) == (2, 1)
        assert wrong in error
