"""A lifetime: what learns, what is shared, and going on after a break."""

from dataclasses import replace

import pytest
import torch

from ntpt_pyro.errors import LibraryError, UsageError
from ntpt_pyro.experiments import lifetime as lifetimes
from ntpt_pyro.experiments import stream as streams
from ntpt_pyro.experiments.lifelong import ALONE, newborn
from ntpt_pyro.experiments.lifetime import live
from ntpt_pyro.experiments.lifetime_settings import LifetimeSettings
from ntpt_pyro.experiments.program_learner import ProgramLearner
from ntpt_pyro.experiments.schedule import Knot, Schedule, in_turn
from ntpt_pyro.experiments.stream import Stream
from ntpt_pyro.inference.training.restart_search import Verdict
from ntpt_pyro.tasks import Examples
from tests.small import random_images

TASKS = ("add2x2/top", "apply2x2/top", "add2x2/left")
SMALL = LifetimeSettings(
    schedule=in_turn(TASKS, overlap=0.4),
    batches=60,
    batch_size=8,
    examples=20,
    restarts=2,
    search=6,
    rounds=1,
    lines=2,
    every=10,
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Random images, and few test examples."""
    random_images(monkeypatch)
    monkeypatch.setattr(streams, "TEST_EXAMPLES", 40)
    monkeypatch.setattr(lifetimes, "CURVE_EXAMPLES", 20)


@pytest.fixture(scope="module")
def unbroken():
    """What lifetimes come to that nothing breaks off, each lived once: results, and what is learned."""
    lived = {}

    def come_to(options, stream):
        if (key := (options.model, options.strategy)) not in lived:
            learner = newborn(options, stream)
            lived[key] = live(learner, stream, options)[0], learner.get_state()
        return lived[key]

    return come_to


def assert_same(mine, theirs):
    if isinstance(mine, torch.Tensor):
        assert torch.equal(mine, theirs)
    elif isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert_same(mine[key], theirs[key])
    else:
        assert mine == theirs


# In the first search, in the second, and when all three tasks have been met.
BREAKS = [("ntpt", 5), ("ntpt", 24), ("ntpt", 45), (ALONE, 24), ("indep", 24), ("pnn", 24), ("mtnn-2", 45)]


@pytest.mark.parametrize(
    ("model", "stop_at", "strategy"), [*((*b, "marginal") for b in BREAKS), ("ntpt", 24, "relaxed")]
)
def test_a_broken_lifetime_ends_as_an_unbroken_one(tmp_path, monkeypatch, unbroken, model, stop_at, strategy):
    options = replace(SMALL, model=model, every=4, strategy=strategy)
    stream = Stream(options)
    expected, learned = unbroken(options, stream)

    dying = newborn(options, stream)
    learn, taken = dying.learn, 0

    def die(batch):
        nonlocal taken
        taken += 1
        if taken == stop_at:
            raise KeyboardInterrupt
        learn(batch)

    monkeypatch.setattr(dying, "learn", die)
    checkpoint = tmp_path / "lifetime.safetensors"
    with pytest.raises(KeyboardInterrupt):
        live(dying, stream, options, checkpoint=checkpoint)
    reborn = newborn(options, Stream(options))
    found, _ = live(reborn, stream, options, checkpoint=checkpoint)
    assert found == expected
    assert_same(reborn.get_state(), learned)


def test_a_lifetime_leaves_torchs_random_state_alone():
    options = replace(SMALL, batches=12, schedule=in_turn(["add2x2/top"]))
    before = torch.get_rng_state()
    stream = Stream(options)
    live(newborn(options, stream), stream, options)
    assert torch.equal(torch.get_rng_state(), before)


def grown(**changes):
    """A learner that has met all three tasks, and its stream."""
    options = replace(SMALL, **changes)
    stream = Stream(options)
    learner = ProgramLearner(options, stream)
    for position in range(len(stream)):
        learner.learn(stream[position])
    return learner, stream


def batch_of(stream, task):
    return stream[len(stream) - 1 - stream.names[::-1].index(task)]


def test_the_first_task_sees_net_0_alone_and_later_ones_both():
    learner, _ = grown()
    assert learner.programs["add2x2/top"].reads == ["net_0"]
    assert learner.programs["apply2x2/top"].reads == ["net_0", "net_1"]
    assert "net_1" in learner.library.steps


def test_programs_share_networks_by_identity_and_teach_the_one_they_read_with():
    learner, stream = grown()
    top, left = learner.programs["add2x2/top"], learner.programs["add2x2/left"]
    if left.network is None:
        learner.settle()
    for program in (top, left):
        program.network = "net_0"
        before = {name: p.detach().clone() for name, p in learner.library.named_parameters()}
        average = {name: p.detach().clone() for name, p in learner.average.named_parameters()}
        learner.learn(batch_of(stream, program.work.task.name))
        moved = {name for name, p in learner.library.named_parameters() if not torch.equal(p, before[name])}
        assert moved
        assert all(name.startswith("net_0.") for name in moved)
        followed = {n for n, p in learner.average.named_parameters() if not torch.equal(p, average[n])}
        assert followed == moved


def test_a_search_does_not_move_the_networks_of_others():
    options = replace(SMALL, search=100)
    stream = Stream(options)
    learner = ProgramLearner(replace(options, search=6), stream)
    position = 0
    while learner.programs.get("add2x2/top") is None or learner.programs["add2x2/top"].network is None:
        learner.learn(stream[position])
        position += 1
    learner.settings = options
    before = [p.detach().clone() for p in learner.average.parameters()]
    batch = batch_of(stream, "add2x2/left")
    for _ in range(3):
        learner.learn(batch)
    assert learner.programs["add2x2/left"].network is None
    for mine, theirs in zip(before, learner.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_the_search_never_learns_from_examples_held_back():
    learner, stream = grown(search=1000, look=None, schedule=in_turn(["add2x2/top"]))
    again = ProgramLearner(learner.settings, stream)
    held_back = learner.settings.examples // 10
    for position in range(len(stream)):
        batch = stream[position]
        results = torch.where(batch.rows < held_back, 0, batch.examples.results)
        again.learn(replace(batch, examples=Examples((*batch.examples.inputs, results))))
    mine, theirs = (one.programs["add2x2/top"].training.get_state() for one in (learner, again))
    assert_same(mine, theirs)


def test_a_search_ends_at_a_look_that_finds_what_explains_and_gives_restarts_up_before(monkeypatch):
    options = replace(SMALL, restarts=8, search=20, look=6, halve=2, schedule=in_turn(["add2x2/top"]))
    learner, stream = ProgramLearner(options, Stream(options)), Stream(options)
    monkeypatch.setattr(Verdict, "good_enough", property(lambda own: True))
    seen = []
    for position in range(7):
        learner.learn(stream[position])
        program = learner.programs["add2x2/top"]
        seen.append((program.network, program.training.restarts.size))
    assert seen == [(None, 8), *[(None, 4)] * 4, ("net_0", 1), ("net_0", 1)]
    assert program.searched.rounds == 1
    copies = learner.library["net_0"].weight_0
    assert copies.shape == (784, 256)  # those of the best restart alone


def test_a_search_that_explains_nothing_begins_again_with_other_programs():
    options = replace(SMALL, rounds=2, schedule=in_turn(["add2x2/top"]))
    stream = Stream(options)
    learner = ProgramLearner(options, stream)
    starts = []
    for position in range(13):
        learner.learn(stream[position])
        program = learner.programs["add2x2/top"]
        starts.append((program.rounds.number, program.network))
    assert starts[4:7] == [(0, None), (1, None), (1, None)]  # random images explain nothing
    assert starts[12][1] == "net_0"
    assert program.searched.rounds == 2


def test_a_network_that_its_task_did_not_choose_stays_untrained_for_the_next():
    stream = Stream(SMALL)
    learner = ProgramLearner(SMALL, stream)
    for position in range(SMALL.search + 1):  # all of the first task
        learner.learn(stream[position])
    program = learner._meet("apply2x2/top")
    assert program.brings == "net_1"
    verdict = program.judge()
    wrong = {**verdict.programs, "net_choice": torch.zeros(2, dtype=torch.int64)}
    learner._settle(program, Verdict(0, 0.0, wrong))
    assert program.network == "net_0"
    assert learner.updates == {"net_0": 1, "net_1": 0}
    assert learner._meet("apply2x2/top").brings == "net_1"


def test_two_untrained_networks_at_once_are_refused_with_the_papers_reason():
    both = {"add2x2/top": 0.5, "apply2x2/top": 0.5}
    options = replace(SMALL, schedule=Schedule((Knot(0, both), Knot(1, both))))
    with pytest.raises(LibraryError, match=r"expected net_\d trained by 6 batches of .* split apart \(Gaunt"):
        ProgramLearner(options, Stream(options))


@pytest.mark.parametrize("name", ["batches", "batch_size", "restarts", "search", "rounds", "lines", "every"])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(
        UsageError, match=f"{name}: expected a finite number of at least 1 and at most .*, got 0"
    ):
        LifetimeSettings(**{name: 0})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shared_ratio": 0.0}, "shared_ratio: expected a finite number above 0 and below .*, got 0"),
        ({"baseline_lr": -1.0}, "baseline_lr: expected a finite number above 0 and below .*, got -1"),
        ({"averaging": 1.0}, "averaging: expected a finite number of at least 0 and below 1, got 1"),
        ({"examples": 9}, "examples: expected a finite number of at least 10 and at most .*, got 9"),
    ],
)
def test_numbers_out_of_range_are_refused(changes, message):
    with pytest.raises(UsageError, match=message):
        LifetimeSettings(**changes)


def test_learning_alone_knows_nothing_of_other_tasks():
    options = replace(SMALL, model=ALONE)
    stream = Stream(options)
    learner = newborn(options, stream)
    live(learner, stream, options)
    alone = replace(SMALL, model=ALONE)
    other = newborn(alone, stream)
    for position, task in enumerate(stream.names):
        if task == "apply2x2/top":
            other.learn(stream[position])
    mine, theirs = (one.learners["apply2x2/top"] for one in (learner, other))
    assert list(mine.library.steps) == ["net_1"]
    assert mine.programs["apply2x2/top"].program() == theirs.programs["apply2x2/top"].program()
