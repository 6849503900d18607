"""Street signs: drawn ones, and the checks of a file of photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data import signs
from ntpt_pyro.tasks.data.signs import CLASSES, load_signs

REAL = Path(__file__).parents[4] / "shared" / "data"


def test_drawn_signs_are_the_same_every_time_and_never_twice():
    train, test = load_signs("train"), load_signs("test")
    signs._drawn.cache_clear()
    assert torch.equal(train.images, load_signs("train").images)
    assert train.images.shape == (750, 28, 28, 3)
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert test.labels.bincount().tolist() == [50] * len(CLASSES)
    together = torch.cat([train.images, test.images]).flatten(1)
    assert len(together.unique(dim=0)) == 1000


def test_what_is_done_to_images_is_not_done_to_the_next_ones():
    one, same = load_signs("test"), load_signs("test")
    one.images.zero_(), one.labels.zero_()
    for drawn in (same, load_signs("test")):
        assert drawn.images.any()
        assert drawn.labels.any()


def test_drawn_signs_can_be_told_apart():
    train, test = load_signs("train"), load_signs("test")
    nearest = torch.cdist(test.images.flatten(1), train.images.flatten(1)).argmin(-1)
    assert (train.labels[nearest] == test.labels).float().mean() > 0.8  # one in five by chance


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
