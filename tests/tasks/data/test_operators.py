"""Operators: drawn ones, and the checks of a file of real ones."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.models.apply2x2 import target
from ntpt_pyro.models.grid import SIDES
from ntpt_pyro.tasks.data import operators
from ntpt_pyro.tasks.data.grid_examples import apply2x2_examples
from ntpt_pyro.tasks.data.images import Images
from ntpt_pyro.tasks.data.operators import PER_CLASS, load_operators

SHARED = Path(__file__).parents[4] / "shared" / "data"


def arrays(per_class=220):
    """A valid file's content: training and test images alternate."""
    labels = np.repeat(np.arange(4, dtype=np.uint8), per_class * 2)
    split = np.tile(np.array([0, 1], np.uint8), per_class * 4)
    numbers = np.arange(len(labels))
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, :2] = np.stack([numbers // 256, numbers % 256], -1)
    return {"images": images, "labels": labels, "split": split}


def folder(path, content):
    (path / "operators").mkdir(exist_ok=True)
    np.savez(path / "operators" / "operators.npz", **content)
    return path


@pytest.mark.parametrize("split", ["train", "test"])
def test_drawn_operators_are_balanced_in_range_and_always_the_same(split):
    state = torch.get_rng_state(), np.random.get_state()[1].copy()  # the global one is meant
    one = load_operators(split)
    operators._drawn.cache_clear()
    same = load_operators(split)
    assert torch.equal(one.images, same.images)
    assert torch.bincount(one.labels).tolist() == [PER_CLASS[split]] * 4
    assert one.images.min() == 0
    assert 0.9 < one.images.max() <= 1
    assert len(one.images.flatten(1).unique(dim=0)) == len(one.images)
    ys, xs = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    mass = one.images.sum((1, 2))
    for axis in (ys, xs):
        centre = (one.images * axis).sum((1, 2)) / mass
        assert (centre - 14).abs().max() < 0.75
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.array_equal(np.random.get_state()[1], state[1])
    assert "drawn" in one.source


def test_what_is_done_to_images_is_not_done_to_the_next_ones():
    one, same = load_operators("test"), load_operators("test")
    one.images.zero_(), one.labels.zero_()
    for drawn in (same, load_operators("test")):
        assert drawn.images.any()
        assert drawn.labels.any()


def test_training_and_test_operators_are_different_drawings():
    train, test = load_operators("train").images.flatten(1), load_operators("test").images.flatten(1)
    assert len(torch.cat([train, test]).unique(dim=0)) == len(train) + len(test)


def test_a_file_gives_the_papers_numbers_of_each_part(tmp_path):
    path = folder(tmp_path, arrays())
    for split, part in (("train", 0), ("test", 1)):
        found = load_operators(split, data=path)
        assert torch.bincount(found.labels).tolist() == [PER_CLASS[split]] * 4
        numbers = (found.images[:, 0, :2] * 255).round().long() @ torch.tensor([256, 1])
        assert set((numbers % 2).tolist()) == {part}
        assert len(numbers.unique()) == len(numbers)
        assert str(tmp_path) not in found.source


def wrong(**changes):
    return {**arrays(), **changes}


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (wrong(images=np.zeros((5, 28, 28), np.uint8)), r"got uint8 of shape \(5, 28, 28\)"),
        (wrong(images=np.zeros((1760, 28, 28))), "got float64 of shape"),
        (wrong(labels=np.full(1760, 9, np.uint8)), "got 9 and 1"),
        (arrays(per_class=60), r"expected 150 train images of '\+', got 60"),
        ({"images": np.zeros((2, 28, 28), np.uint8)}, "expected arrays images, labels, split"),
        (dict.fromkeys(("images", "labels", "split"), np.uint8(3)), r"got uint8 of shape \(\)"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_one_line(tmp_path, content, got):
    with pytest.raises(DataError, match=got) as caught:
        load_operators("train", data=folder(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_missing_cut_short_and_foreign_files_are_one_line(tmp_path):
    with pytest.raises(
        DataError, match=r"operators\.npz: expected a file of operators, got no such file; name"
    ):
        load_operators("train", data=tmp_path)
    path = folder(tmp_path, arrays()) / "operators" / "operators.npz"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"hello", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match="expected arrays images, labels, split") as caught:
            load_operators("train", data=tmp_path)
        assert "\n" not in str(caught.value)


def test_a_header_that_promises_petabytes_is_refused_before_memory_is_asked_for(tmp_path):
    path = folder(tmp_path, arrays()) / "operators" / "operators.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("images", "labels", "split"):
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(
                header, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)}
            )
            archive.writestr(f"{name}.npy", header.getvalue())
    with pytest.raises(DataError, match=r"expected images of at most 128 bytes, got 931,322\.6 GiB"):
        load_operators("train", data=tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="the real operators are not beside this checkout")
def test_real_operators_are_read_in_place():
    assert load_operators("train", data=SHARED).source == "handwritten operators, train (600 of 4288)"
    assert len(load_operators("test", data=SHARED).labels) == 200


@pytest.mark.parametrize("side", SIDES)
def test_examples_have_the_tasks_results(side):
    images = torch.zeros(40, 28, 28)
    images[:, 0, 0] = torch.arange(40).float()
    operators = Images(images, torch.arange(40) % 4, "numbers")
    examples = apply2x2_examples(side, operators, 25, torch.Generator().manual_seed(0))
    cells = operators.labels[examples.inputs[0][:, :, 0, 0].long()]
    integers = examples.inputs[1]
    assert integers.min() >= 0
    assert integers.max() <= 9
    expected = [
        int(target(tuple(cell), tuple(given), side))
        for cell, given in zip(cells.tolist(), integers.tolist(), strict=True)
    ]
    assert examples.results.tolist() == expected
