"""Accuracy by length: training of MATH's baselines, and `ntpt generalize` as a user types it."""

import json

import pytest
import torch

from ntpt_pyro import one_hot
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import lengths, sequence_learner
from ntpt_pyro.experiments.lengths import program_on_images, program_on_symbols
from ntpt_pyro.experiments.sequence_learner import SequenceLearner, SequenceSettings, train_baseline
from ntpt_pyro.inference.training.checkpoint import save_checkpoint
from ntpt_pyro.models.baselines import NeuralGPU
from ntpt_pyro.tasks.data.images import Images
from tests.models.test_math_loop import SOLUTION
from tests.small import small  # noqa: F401  # a fixture

TINY = {"steps": 8, "batch_size": 4, "hidden": 8, "filters": 4, "digits": 3}
FLAGS = [
    "--tapes=6",
    "--examples=40",
    "--steps=6",
    "--lstm-steps=4",
    "--hidden=8",
    "--neural-gpu-steps=4",
    "--filters=4",
]


class Readers:
    """A library that reads symbols from first pixels; the first network takes some digits for others."""

    def __init__(self, mistakes):
        self.mistakes = torch.arange(10)
        for digit, mistaken in mistakes.items():
            self.mistakes[digit] = mistaken
        self.steps = {"net_0": 1, "net_1": 1}

    def __len__(self):
        return 2

    def __iter__(self):
        yield lambda tapes: one_hot(self.mistakes[tapes[..., 0, 0].long()], 10)
        yield lambda tapes: one_hot(tapes[..., 0, 0].long() % 4, 4)


@pytest.fixture
def few(monkeypatch):
    """Few lengths, and images that tell their label by their first pixel."""

    def load(classes):
        images = torch.zeros(40, 28, 28)
        images[:, 0, 0] = torch.arange(40) % classes
        return Images(images, torch.arange(40) % classes, "numbers")

    monkeypatch.setattr(lengths, "LENGTHS", {"symbols": (1, 5, 100), "images": (1, 2, 4)})
    return {"net_0": load(10), "net_1": load(4)}


def test_the_right_program_is_exact_on_symbols_at_every_length():
    curve = program_on_symbols(SOLUTION, 1000)
    assert [point.digits for point in curve] == [*range(1, 17), 20, 32, 64, 100]
    assert all(point.right == point.tapes == 1000 for point in curve)


def test_a_program_that_never_halts_or_stops_early_is_not_right():
    assert all(point.right == 0 for point in program_on_symbols({**SOLUTION, "goto_1": 1}, 10))
    first_digit = {**SOLUTION, "left_1": 0, "right_1": 0, "op_1": 1, "return": 0}  # gives the last digit
    assert program_on_symbols(first_digit, 50)[4].right < 25


def test_errors_are_said_to_be_the_networks_that_make_them(few):
    perfect = program_on_images(SOLUTION, Readers({}), 100, few)
    assert all(point.right == 100 for point in perfect)
    assert all(set(point.by_networks.values()) == {100} for point in perfect)
    wrong = program_on_images(SOLUTION, Readers({7: 1, 3: 5}), 100, few)
    for point in wrong:
        shares = point.by_networks
        assert shares["none"] == shares["net_1"] == 100
        assert shares["both"] == shares["net_0"] == point.right < 100


@pytest.mark.parametrize("model", ["lstm", "lstm-last", "neural-gpu"])
def test_a_broken_training_ends_as_an_unbroken_one(tmp_path, monkeypatch, model):
    options = SequenceSettings(model, sets=2, **TINY)
    whole, _ = train_baseline(options, checkpoint=tmp_path / "whole.safetensors", every=1)
    for stop_at in (2, 4, 6):  # before parameters are shared, when they become so, and after
        path = tmp_path / f"{stop_at}.safetensors"

        def kill(path, state, settings, stop_at=stop_at):
            save_checkpoint(path, state, settings)
            if state["learner"]["step"] == stop_at:
                raise KeyboardInterrupt

        monkeypatch.setattr(sequence_learner, "save_checkpoint", kill)
        with pytest.raises(KeyboardInterrupt):
            train_baseline(options, checkpoint=path, every=1)
        monkeypatch.setattr(sequence_learner, "save_checkpoint", save_checkpoint)
        resumed, _ = train_baseline(options, checkpoint=path, every=1)
        for one, other in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
            assert torch.equal(one, other)
        assert (resumed.longest, resumed.recent) == (whole.longest, whole.recent)


def test_training_leaves_torchs_random_state_alone_and_depends_on_the_seed():
    state = torch.get_rng_state()
    one, other = (train_baseline(SequenceSettings("lstm", seed=seed, **TINY))[0].average for seed in (0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(*(next(model.parameters()) for model in (one, other)))


def test_a_curriculum_grows_when_its_longest_expressions_are_mastered(monkeypatch):
    learner = SequenceLearner(SequenceSettings("neural-gpu", **TINY))
    assert learner.longest == 1
    learner.learn()
    assert learner.longest == 1
    monkeypatch.setattr(sequence_learner, "MASTERED", 100.0)
    learner.learn()
    assert (learner.longest, learner.recent) == (2, None)
    for _ in range(20):
        learner.learn()
    assert learner.longest == TINY["digits"]
    assert SequenceLearner(SequenceSettings("lstm", **TINY)).longest == TINY["digits"]


def test_relaxed_parameters_become_one_set_halfway():
    learner = SequenceLearner(SequenceSettings("neural-gpu", sets=3, **TINY))
    seen = []
    while learner.step < 8:
        learner.learn()
        assert isinstance(learner.model, NeuralGPU)
        seen.append((len(learner.model.gates_weight), learner.model.pull > 0))
    assert seen == [(3, False), (3, True), (3, True), (3, True), *[(1, False)] * 4]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "gru"}, "model: expected one of lstm, lstm-last, neural-gpu, got gru"),
        ({"steps": 0}, "steps: expected a finite number of at least 1 and at most .*, got 0"),
        ({"lr": -1.0}, "lr: expected a finite number above 0 and below .*, got -1"),
        ({"dropout": 1.0}, "dropout: expected a finite number of at least 0 and below 1, got 1"),
        ({"averaging": 1.0}, "averaging: expected a finite number of at least 0 and below 1, got 1"),
    ],
)
def test_options_of_baselines_are_checked(wrong, message):
    with pytest.raises(UsageError, match=message):
        SequenceSettings(**{"model": "lstm", **wrong})


@pytest.mark.usefixtures("small")
def test_one_command_gives_both_figures_with_their_numbers(ntpt, tmp_path, library, monkeypatch):
    monkeypatch.setattr(lengths, "LENGTHS", {"symbols": (1, 2, 6), "images": (1, 3)})
    out = tmp_path / "out"
    command = ["generalize", *FLAGS, "--seeds=2", "--library", library, "--out", out]
    code, printed, _ = ntpt(*command)
    assert code == 0
    assert "symbols: accuracy by digits" in printed
    assert "right at 3 digits with the readings of both" in printed
    assert max(map(len, printed.replace(str(out), "OUT").splitlines())) <= 80
    result = json.loads((out / "result.json").read_text())
    assert {what: list(models) for what, models in result["inputs"].items()} == {
        "symbols": ["ntpt", "lstm", "lstm-last", "neural-gpu"],
        "images": ["ntpt", "lstm", "lstm-last"],
    }
    for name, what in (("figure-8a", "symbols"), ("figure-8b", "images")):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        numbers = json.loads((out / f"{name}.json").read_text())
        for model, one in result["inputs"][what].items():
            assert numbers[model]["curve"] == one["curve"]
            assert [point["digits"] for point in one["curve"]] == list(lengths.LENGTHS[what])
            assert all(len(point["values"]) == 2 for point in one["curve"])
    assert result["inputs"]["images"]["ntpt"]["right_programs"]["trials"] == 2
    assert (out / "lstm-1-images" / "model.safetensors").exists()
    assert result["command"].endswith("--library LIBRARY --out OUT")

    code, _, error = ntpt(*command)
    assert code == 2
    assert "--resume" in error
    (out / "lstm-1-images" / "result.json").unlink()
    assert ntpt(*command, "--resume")[0] == 0
    again = json.loads((out / "result.json").read_text())
    for what in result["inputs"]:
        for model, one in result["inputs"][what].items():
            assert again["inputs"][what][model]["curve"] == one["curve"]
    code, _, error = ntpt(*command, "--resume", "--hidden=16")
    assert code == 2
    assert "expected hidden=8, as the run was begun, got 16" in error


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--models=lstm,gru"], "models: expected some of ntpt, lstm, lstm-last, neural-gpu, got 'gru'"),
        (["--models="], "generalize: expected a model and a seed, got none"),
        (["--seeds=0"], "seeds: expected a whole number of at least 1 and at most 10,000, got 0"),
        (["--tapes=0"], "tapes: expected a finite number of at least 1 and at most 1,000,000, got 0"),
        (["--filters=0"], "filters: expected a finite number of at least 1 and at most 8,192, got 0"),
        (["--models=lstm"], "expected at most one untrained function, got net_0 and net_1"),
        (["--models=ntpt"], "expected at most one untrained function, got net_0 and net_1"),
    ],
)
def test_what_is_wrong_is_one_line(ntpt, tmp_path, words, message):
    code, _, error = ntpt("generalize", *FLAGS, *words, "--out", tmp_path / "out")
    assert code == 2
    assert error.count("\n") == 1
    assert message in error
