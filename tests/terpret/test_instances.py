"""What files of hypers and of instances may hold, and what is said about one that holds something else."""

import json

import pytest
import torch

from ntpt_pyro.errors import DataError, TerpretError
from ntpt_pyro.terpret import instances as instances_of_texts
from ntpt_pyro.terpret import parse
from ntpt_pyro.terpret.instances import read_batches, read_hypers

TEXT = """n = Hyper()
tape = Input(n)[2]
image = Input(Tensor(2))
p = Param(2)
seen = Output(n)
final = Output(n)[2]
@Learn([Tensor(2)], 2)
def LOOK(sign): pass
for i in range(2):
    final[i].set_to(tape[i])
seen.set_to(LOOK(image))
"""
INSTANCE = {"tape": [0, 2], "image": [0.5, 1], "seen": 1, "final": [2, None]}
LONG = "1" * 5000


@pytest.fixture
def read(tmp_path):
    """Reads a batch of instances, given as JSON or as what JSON is made of."""

    def run(*instances, hypers='{"a": {"n": 3}}', **batch):
        data = {"batch_name": "train", "hypers": "a", "instances": list(instances), **batch}
        content = instances[0] if isinstance(instances[0], str) else json.dumps([data])
        (tmp_path / "data.json").write_text(content.replace("LONG", LONG))
        (tmp_path / "hypers.json").write_text(hypers.replace("LONG", LONG))
        settings = read_hypers(tmp_path / "hypers.json")
        return read_batches(tmp_path / "data.json", settings, parse(TEXT, "text.py"))

    return run


def whole(instances: str) -> str:
    """A file of one batch, its instances as JSON."""
    return '[{"batch_name": "train", "hypers": "a", "instances": ' + instances + "}]"


def test_instances_become_tensors_and_what_is_missing_or_null_is_not_observed(read):
    (batch,) = read(INSTANCE, {"tape": [1, 1], "image": [0, -1e3], "final": None})
    tape, image, seen, final = batch.tensors
    assert tape.tolist() == [[0, 2], [1, 1]]
    assert (image.dtype, image.tolist()) == (torch.float32, [[0.5, 1.0], [0.0, -1000.0]])
    assert seen.tolist() == [1, -1]
    assert final.tolist() == [[2, -1], [-1, -1]]
    assert batch.observed.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"tap": 1},
            "an Input or Output of the text (final, image, seen, tape), got 'tap'; did you mean 'tape'?",
        ),
        ({"Seen": 1}, "got 'Seen'; did you mean 'seen'?"),
        ({"p": 1}, "got 'p', a Param; leave it out: instances give Inputs and Outputs"),
        ({"tape": None}, "tape: expected an input, got none; give 'tape' a value"),
        (
            {"tape": [0, None]},
            "tape[1]: expected an integer in 0..2, got null; give it a value: only Outputs",
        ),
        ({"tape": [0, 3]}, "tape[1]: expected an integer in 0..2, got 3; correct it, or declare tape with"),
        ({"tape": [0, -1]}, "tape[1]: expected an integer in 0..2, got -1; integers count from 0"),
        ({"tape": [0, "1"]}, 'tape[1]: expected an integer in 0..2, got "1"; write it without quotes'),
        ({"tape": ["1.0", 0]}, 'tape[0]: expected an integer in 0..2, got "1.0"; correct it'),
        ({"tape": [True, 0]}, "tape[0]: expected an integer in 0..2, got true; write 1"),
        ({"tape": [1.0, 0]}, "tape[0]: expected an integer in 0..2, got 1.0; write 1"),
        ({"tape": [0.5, 0]}, "tape[0]: expected an integer in 0..2, got 0.5"),
        ({"tape": [{}, 0]}, "tape[0]: expected an integer in 0..2, got an object of 0 names"),
        ({"tape": 1}, "tape: expected a list of 2 values, of shape [2] in all, got 1; write it in brackets"),
        ({"tape": [1]}, "of shape [2] in all, got 1; tape[1] is missing; give tape[1]"),
        (
            {"tape": [1, 0, 0]},
            "tape: expected a list of 2 values, of shape [2] in all, got 3; leave some out",
        ),
        ({"tape": [[1, 0], [1]]}, "tape[0]: expected a number, not a list, got a list of 2 values"),
        ({"tape": {"a": 1}}, "of shape [2] in all, got an object of 1 name"),
        ({"seen": "1"}, 'seen: expected an integer in 0..2, got "1"; write it without quotes'),
        ({"seen": -1}, "seen: expected an integer in 0..2, got -1; write null where it is not observed"),
        ({"seen": [1]}, "seen: expected a number, not a list, got a list of 1 value"),
        ({"final": [None, True]}, "final[1]: expected an integer in 0..2, got true"),
        ({"final": [2]}, "got 1; final[1] is missing; give final[1], null where it is not observed"),
        ({"image": [0, float("nan")]}, "image[1]: expected a finite number, got NaN"),
        ({"image": [0, float("inf")]}, "image[1]: expected a finite number, got Infinity"),
        ({"image": [0, 1e39]}, "image[1]: expected a finite number, got 1e+39"),
        ({"image": [0, False]}, "image[1]: expected a finite number, got false"),
        ({"image": [0, "0"]}, 'image[1]: expected a finite number, got "0"'),
        ({"tape": ["x" * 99, 0]}, f'got "{"x" * 39}...; correct'),
    ],
)
def test_what_is_wrong_with_an_instance_is_said_by_batch_instance_and_name(read, changed, message):
    with pytest.raises(DataError) as caught:
        read(INSTANCE, {**INSTANCE, **changed})
    found = str(caught.value)
    assert "data.json, batch 'train', instance 1" in found
    assert message in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            whole('[{"tape": [0, LONG], "image": [0, 0], "seen": 1}]'),
            "instance 0, tape[1]: expected an integer in 0..2, got an integer of 5,000 digits",
        ),
        (
            whole('[{"tape": [0, 0], "image": [0, -LONG], "seen": 1}]'),
            "instance 0, image[1]: expected a finite number, got an integer of 5,000 digits",
        ),
        (
            whole('[{"tape": [0, 0], "tape": [0, 1], "image": [0, 0], "seen": 1}]'),
            "batch 'train', instance 0: expected each name once, got 'tape' twice",
        ),
        (
            '[{"batch_name": "a", "batch_name": "b", "hypers": "a", "instances": []}]',
            "got 'batch_name' twice",
        ),
        (whole("[3]"), "batch 'train', instance 0: expected an instance {name: value}, got 3"),
        (whole("[]"), "batch 'train', instances: expected a list of at least one instance, got a list of 0"),
        ("[]", "data.json: expected a list of at least one batch, got a list of 0 values; write"),
        ("{}", "data.json: expected a list of at least one batch, got an object of 0 names; write"),
        ("[7]", "batch 0: expected an object of batch_name, hypers, instances, got 7"),
        (
            '[{"batch_name": "a", "hyper": "a"}]',
            "expected 'hypers', got none among batch_name, hyper; rename 'hyper',",
        ),
        (
            whole("{}"),
            "batch 'train', instances: expected a list of at least one instance, got an object of 0",
        ),
        (
            whole("[" * 5000 + "]" * 5000),
            "data.json: expected JSON, got an error in it (lists inside lists, too deep)",
        ),
        ("[}", "data.json: expected JSON, got an error in it (Expecting value: line 1 column 2"),
    ],
)
def test_what_is_wrong_with_a_file_of_instances_is_said_with_its_place(read, content, message):
    with pytest.raises(DataError) as caught:
        read(content)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hypers": []}, "batch 'train': expected hypers out of a, got a list of 0 values"),
        ({"hypers": None}, "batch 'train': expected hypers out of a, got null"),
        ({"hypers": "A"}, "batch 'train': expected hypers out of a, got 'A'; did you mean 'a'?"),
        ({"batch_name": 3}, "batch 0, batch_name: expected a text in quotes, got 3"),
    ],
)
def test_a_batch_must_name_itself_and_its_hypers(tmp_path, changed, message):
    batch = {"batch_name": "train", "hypers": "a", "instances": [INSTANCE], **changed}
    (tmp_path / "data.json").write_text(json.dumps([batch]))
    with pytest.raises(DataError) as caught:
        read_batches(tmp_path / "data.json", {"a": {"n": 3}}, parse(TEXT, "text.py"))
    assert message in str(caught.value)


def test_a_batch_in_which_nothing_is_observed_is_refused(read):
    blind = {"tape": [0, 0], "image": [0, 0], "final": [None, None]}
    with pytest.raises(DataError, match="batch 'train': expected an instance that gives an output, got none"):
        read(blind, {**blind, "final": None})
    assert read(blind, INSTANCE)  # one that does is enough


@pytest.mark.parametrize(
    ("hypers", "message"),
    [
        ('{"a": {"n": 3.0}}', "setting 'a', n: expected an integer of at most 2147483648, got 3.0; write 3"),
        (
            '{"a": {"n": "3"}}',
            "setting 'a', n: expected an integer of at most 2147483648, got \"3\"; write it",
        ),
        ('{"a": {"n": true}}', "setting 'a', n: expected an integer of at most 2147483648, got true"),
        ('{"a": {"n": 2147483649}}', "n: expected an integer of at most 2147483648, got 2147483649"),
        ('{"a": {"n": LONG}}', "got an integer of 5,000 digits"),
        ('{"a": {"n": 3, "n": 4}}', "setting 'a': expected each name once, got 'n' twice"),
        ('{"a": {"n": 3}, "a": {"n": 4}}', "hypers.json: expected each name once, got 'a' twice"),
        ('{"a": [3]}', "setting 'a': expected {hyper: integer}, as the file is {setting: {hyper: integer}}"),
        ('{"n": 3}', 'got 3; put hypers under a name of their own: {"first": {"n": ...}}'),
        ("[]", "expected {setting: {hyper: integer}}, got a list of 0 values; name the file of hypers, then"),
    ],
)
def test_what_is_wrong_with_hypers_is_said_by_setting_and_name(read, hypers, message):
    with pytest.raises(DataError) as caught:
        read(INSTANCE, hypers=hypers)
    assert message in str(caught.value)


def test_a_hyper_that_a_setting_lacks_is_named_where_the_text_declares_it(read):
    with pytest.raises(TerpretError) as caught:
        read(INSTANCE, hypers='{"a": {"N": 3, "other": 4}}')
    assert str(caught.value) == (
        "text.py:1:5: expected a value for the hyper n in setting 'a', got none among N, other; "
        "rename 'N', if that is meant, to 'n'"
    )
    with pytest.raises(TerpretError, match="got none; add 'n' to it in the file of hypers"):
        read(INSTANCE, hypers='{"a": {}}')


def test_files_that_are_too_large_are_not_read(read, monkeypatch):
    monkeypatch.setattr(instances_of_texts, "MOST_BYTES_OF_DATA", 100)
    with pytest.raises(DataError, match=r"data\.json: expected JSON of at most 100 bytes, got more"):
        read(INSTANCE)
    monkeypatch.undo()
    monkeypatch.setattr(instances_of_texts, "MOST_BYTES_OF_HYPERS", 10)
    with pytest.raises(DataError, match=r"hypers\.json: expected JSON of at most"):
        read(INSTANCE)


def test_a_byte_order_mark_is_no_part_of_a_file(read, tmp_path):
    assert read("\ufeff" + whole(json.dumps([INSTANCE])), hypers='\ufeff{"a": {"n": 3}}')
