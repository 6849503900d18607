"""The recipe: the same seed gives the same result, test data decide nothing, libraries stay as they are."""

import importlib
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from ntpt_pyro import Library, Settings, Task, Trial, find_task, induce
from ntpt_pyro.errors import DataError, LibraryError, TaskError, UsageError
from ntpt_pyro.inference import fit, marginal, relaxed
from ntpt_pyro.inference.training import restart_search
from ntpt_pyro.models.nets import net_0, net_1
from ntpt_pyro.runs import (
    METHODS,
    LearnedResult,
    PosteriorResult,
    RunFolder,
    SolvedResult,
    load_library,
    method_names,
)
from ntpt_pyro.runs.methods import restarts_method
from ntpt_pyro.tasks import image_task
from ntpt_pyro.tasks.data.images import Images
from tests.runs.reading import reading_task
from tests.small import settings, small, small_task  # noqa: F401  # a fixture
from tests.two_registers import SIZE, SUM, SUMS, X, Y, execute, model, sum_task

recipe = importlib.import_module("ntpt_pyro.runs.induce")  # where the package has the function
KEYS = {
    "kind",
    "task",
    "strategy",
    "seed",
    "test_accuracy",
    "digit_accuracy",
    "program",
    "choices",
    "program_correct",
    "restarts",
    "restarts_correct",
    "steps",
    "seconds",
    "versions",
}


def timeless(found) -> dict:
    """The content of result.json without what the clock decides."""
    return {
        name: value
        for name, value in found.result.to_json().items()
        if name not in ("seconds", "search_seconds", "cost")
    }


# From Python.


def test_the_smallest_task_is_learned_in_ten_lines():
    task = Task(model, examples=(X, Y, SUMS))
    found = induce(task, restarts=8, steps=150)
    assert found.program == SUM
    assert found.text == "function = 0\nreturn = 2"
    assert found.result.program_correct
    assert found.posterior.top(1)[0][0] == SUM
    assert float(found.posterior.marginals["function"][0]) > 0.8
    assert len(found.library) == 0
    assert repr(found) == "<Induced program of task, right>"


def test_settings_may_be_an_object_or_keywords_or_both():
    quick = Settings(restarts=2, steps=9, strategy="relaxed")
    one = induce(sum_task(), quick)
    same = induce(sum_task(), restarts=2, steps=9, strategy="relaxed")
    changed = induce(sum_task(), quick, steps=12)
    assert timeless(one) == timeless(same)
    assert (one.result.steps, changed.result.steps) == (9, 12)
    assert changed.result.options["strategy"] == "relaxed"


def test_a_task_and_a_method_have_defaults_of_their_own_that_keywords_go_before():
    task = sum_task(defaults={"restarts": 3, "steps": 6, "strategy": "fmgd"})
    found = induce(task, steps=9)
    assert (found.result.strategy, found.result.restarts, found.result.steps) == ("fmgd", 3, 9)
    assert induce(task, Settings(restarts=2, steps=6)).result.strategy == "marginal"
    assert recipe.settled_settings(task, None, {"strategy": "exhaustive"})[1].examples == 64


def test_a_strategy_of_ones_own_trains_restarts():
    own = relaxed(0.5, hard=True)
    found = induce(sum_task(), restarts=2, steps=9, strategy=own)
    assert found.result.strategy == own.describe()
    assert found.result.options["strategy"] == own.describe()
    same = induce(sum_task(), restarts=2, steps=9, strategy=marginal())
    assert same.result.choices == induce(sum_task(), restarts=2, steps=9).result.choices


@pytest.mark.parametrize("strategy", method_names())
def test_every_name_is_one_algorithm_that_finds_the_program(strategy):
    if strategy == "enumeration":  # every choice summed over: its guide has nothing to learn
        strategy = "enumerated-choices"
    steps = 60 if strategy == "em" else 200
    found = induce(sum_task(execute=execute), strategy=strategy, restarts=8, steps=steps)
    assert found.program == SUM
    assert found.result.program_correct
    kinds = {"exhaustive": PosteriorResult, "solver": SolvedResult}
    assert isinstance(found.result, kinds.get(strategy, LearnedResult))
    assert found.result.strategy == strategy
    assert (found.result.restarts is None) == (strategy in kinds)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("exact", ", such as exhaustive"), ("EM", ""), ("", ""), ("marginals", ", such as marginal")],
)
def test_another_name_is_refused_with_those_that_there_are(name, hint):
    with pytest.raises(UsageError) as caught:
        induce(sum_task(), strategy=name)
    assert (
        str(caught.value)
        == f"strategy: expected one of {', '.join(method_names())}, got {name!r}; pick one{hint}"
    )
    assert {"em", "exhaustive", "solver"} == set(METHODS) < set(method_names())


def test_an_unknown_setting_is_refused_with_those_that_there_are():
    with pytest.raises(
        UsageError, match=r"settings: expected names out of strategy, examples, .*got 'restart'"
    ):
        induce(sum_task(), restart=2)
    with pytest.raises(UsageError, match="got 'bogus'"):
        induce(sum_task(defaults={"bogus": 1}))


def test_a_model_and_an_interpreter_that_differ_are_refused_before_any_training():
    with pytest.raises(TaskError, match="expected model and execute to give one result"):
        induce(sum_task(execute=lambda program, x, y: 0))


def test_too_few_examples_to_hold_any_back_are_refused():
    images = torch.zeros(9, 4, 28, 28)
    task = find_task("add2x2/top")
    few = Task(task.model, examples=(images, torch.zeros(9).long()), functions=[net_0])
    with pytest.raises(
        DataError, match=r"examples: expected at least 10, a tenth of them held back .*, got 9"
    ):
        induce(few, restarts=2, steps=3)


def test_few_examples_without_functions_are_learned_from_and_judged_by_alike():
    found = induce(sum_task(), restarts=8, steps=150)
    assert found.result.held_back_accuracy == found.result.test_accuracy == 1


# A result depends on the settings alone.


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("strategy", ["marginal", "relaxed", "enumerated-choices"])
def test_a_result_depends_on_the_settings_alone(strategy):
    one, same = (induce(small_task(), settings(strategy=strategy)) for _ in range(2))
    assert set(one.result.to_json()) >= KEYS
    assert timeless(one) == timeless(same)
    assert one.result.restarts == 2
    assert one.result.steps == 12
    other = induce(small_task(), settings(strategy=strategy, seed=1))
    assert timeless(one) != timeless(other)


@pytest.mark.usefixtures("small")
def test_nothing_global_is_changed():
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    induce(small_task(), settings())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("small")
def test_test_data_decide_nothing(monkeypatch):
    first = induce(small_task(), settings())
    real = image_task.load_digits

    def noise(split, **where):
        loaded = real(split, **where)
        if split == "train":
            return loaded
        return Images(torch.zeros_like(loaded.images), loaded.labels.flip(0), loaded.source)

    monkeypatch.setattr(image_task, "load_digits", noise)
    second = induce(small_task(), settings())
    assert first.result.choices == second.result.choices
    assert first.result.held_back_accuracy == second.result.held_back_accuracy
    for mine, theirs in zip(first.library.parameters(), second.library.parameters(), strict=True):
        assert torch.equal(mine, theirs)


# Searches.


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("enough", "searched"), [(0.0, 2), (1.1, 4)])
def test_a_search_ends_at_the_look_that_finds_a_restart_explaining(monkeypatch, enough, searched):
    monkeypatch.setattr(restart_search, "GOOD_ENOUGH", enough)
    taken = watched(monkeypatch, lambda state, _: state.step)
    found = induce(small_task(), settings(look=2))
    assert taken == [searched, 12 - searched]
    assert found.result.search_steps == searched
    assert found.result.steps == 12


@pytest.mark.usefixtures("small")
def test_after_the_search_networks_learn_with_dropout_and_their_average_is_kept(monkeypatch):
    seen = watched(
        monkeypatch, lambda state, options: (state, [network.dropout for network in options["library"]])
    )
    found = induce(small_task(), settings(dropout=True, averaging=0.9, settle_batch=16))
    (search, before), (settled, after) = seen
    assert before == [(0.0, 0.0)]
    assert after == [(0.2, 0.3)]
    assert search.average is search.library
    assert found.library is settled.average is not settled.library
    assert not found.library.training


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("enough", "after"), [(0.0, "MeanChoices()"), (1.0, "RelaxedChoices(")])
def test_a_program_that_is_found_trains_on_without_samples(enough, after, monkeypatch):
    seen = watched(monkeypatch, lambda state, options: options["strategy"].describe())
    monkeypatch.setattr(restart_search, "GOOD_ENOUGH", enough)
    induce(small_task(), settings(strategy="relaxed"))
    search, settled = seen
    assert search.startswith("choices: RelaxedChoices(")
    assert settled.startswith(f"choices: {after}")


def watched(monkeypatch, note) -> list:
    """What is noted of each training of a run."""
    seen = []

    def watching(*args, **options):
        state = fit(*args, **options)
        seen.append(note(state, options))
        return state

    monkeypatch.setattr(restarts_method, "fit", watching)
    monkeypatch.setattr(recipe, "fit", watching)
    return seen


@pytest.mark.usefixtures("small")
def test_searches_are_repeated_until_one_is_good_enough(monkeypatch):
    assert induce(small_task(), settings(rounds=3)).result.rounds == 3  # noise cannot be explained
    monkeypatch.setattr(restart_search, "GOOD_ENOUGH", 0.0)
    assert induce(small_task(), settings(rounds=3)).result.rounds == 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("search", [None, 100])
def test_without_a_limit_all_steps_search(search):
    found = induce(small_task(), settings(search=search))
    assert (found.result.search_steps, found.result.steps) == ((12, 12) if search is None else (4, 12))


# Libraries.


@pytest.mark.usefixtures("small")
def test_a_library_is_gone_on_with_and_what_was_given_stays(tmp_path):
    first = induce(small_task(), settings(), out=tmp_path / "run")
    file = (tmp_path / "run" / "library.safetensors").read_bytes()
    given, before = first.library, deepcopy(first.library)
    second = induce(small_task("add2x2/left"), settings(), library=given)
    assert second.library.copies is None
    assert second.library.steps == {"net_0": 24}
    assert given.steps == load_library(tmp_path / "run").steps == {"net_0": 12}
    assert (tmp_path / "run" / "library.safetensors").read_bytes() == file
    assert any(map(differ, second.library.parameters(), given.parameters()))
    assert not any(map(differ, given.parameters(), before.parameters()))


def differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    return not torch.equal(one, other)


@pytest.mark.usefixtures("small")
def test_a_library_grows_by_one_network_and_spoils_none():
    first = induce(small_task(), settings())
    before = deepcopy(first.library)
    outcome = induce(small_task("apply2x2/left"), settings(), library=first.library)
    assert list(outcome.library.steps) == ["net_0", "net_1"]
    assert list(first.library.steps) == ["net_0"]
    assert {"net_choice", "op_1"} <= set(outcome.program)
    assert set(outcome.result.readings) == {"net_0", "net_1"}
    used = ["net_0", "net_1"][outcome.program["net_choice"]]
    if used == "net_1":  # then net_0 was only called
        for mine, theirs in zip(outcome.library["net_0"].parameters(), before.parameters(), strict=True):
            assert torch.equal(mine, theirs)
    else:
        assert outcome.library.steps["net_1"] == 0


@pytest.mark.usefixtures("small")
def test_a_first_task_brings_its_network_alone():
    outcome = induce(small_task("apply2x2/top"), settings())
    assert list(outcome.library.steps) == ["net_1"]
    assert outcome.result.digit_accuracy is None


@pytest.mark.usefixtures("small")
def test_two_untrained_networks_that_a_choice_chooses_between_are_refused():
    with pytest.raises(LibraryError, match="at most one untrained function, got net_1 and net_0"):
        induce(small_task(), settings(), library=Library([net_1]))


def test_a_library_whose_function_has_another_type_is_refused():
    with pytest.raises(
        LibraryError, match=r"library function 'net_0': expected inputs .* output 10, got .* output 5"
    ):
        induce(find_task("add2x2/top"), library=Library([replace(net_0, out=5)]))


# Runs that are kept.


@pytest.mark.usefixtures("small")
def test_a_finished_run_gives_its_result_again(tmp_path, monkeypatch):
    first = induce(small_task(), settings(), out=tmp_path / "run")

    def never(*args, **options):
        raise AssertionError("a finished run is made again")

    monkeypatch.setattr(restarts_method, "fit", never)
    again = induce(small_task(), settings(), out=str(tmp_path / "run"), resume=True)
    assert again.result == first.result == RunFolder(tmp_path / "run").program_result()
    for site, probs in first.posterior.marginals.items():
        torch.testing.assert_close(again.posterior.marginals[site], probs)
    for mine, theirs in zip(again.library.parameters(), first.library.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_going_on_needs_a_folder():
    with pytest.raises(UsageError, match=r"resume: expected a folder to go on in, got none; name it \(out\)"):
        induce(sum_task(), resume=True)


# Examples that are held back.


def drawn(count, generator):
    x, y = torch.randint(SIZE, (2, count), generator=generator)
    return x, y, (x + y) % SIZE


class Never(Task):
    hold_back = False


class Always(Task):
    hold_back = True


@pytest.mark.parametrize(
    ("kind", "count", "strategy", "sizes"),
    [
        (Task, 99, "marginal", (99, 99)),  # few: nothing could be learned by heart
        (Task, 100, "marginal", (10, 90)),
        (Task, 6000, "em", (500, 5500)),
        (Never, 200, "marginal", (200, 200)),
        (Always, 20, "marginal", (2, 18)),
        (Task, 200, "exhaustive", (200, 200)),  # nothing is learned
    ],
)
def test_so_many_examples_are_held_back(kind, count, strategy, sizes):
    task = kind(model, drawn)
    method, chosen = recipe.settled_settings(task, None, {"strategy": strategy, "examples": count})
    work = recipe.prepared(task, method, chosen, None, torch.Generator().manual_seed(0))
    assert (len(work.held_back), len(work.training)) == sizes
    assert len(work.examples) == count
    apart = sum(sizes) == count
    together = [*work.held_back.results, *work.training.results] if apart else work.training.results.tolist()
    assert list(map(int, together)) == work.examples.results.tolist()


def test_where_functions_are_learned_few_examples_are_held_back_too():
    method, chosen = recipe.settled_settings(reading_task(), None, {"examples": 20})
    work = recipe.prepared(reading_task(), method, chosen, None, torch.Generator().manual_seed(0))
    assert (len(work.held_back), len(work.training)) == (2, 18)


def test_further_tests_are_made_with_the_model_that_they_name():
    def turned(x, y, z=None):
        return model(y, x, z)

    class Tried(Task):
        trials = {  # noqa: RUF012  # never changed
            "as it is": Trial((X, Y, SUMS)),
            "turned": Trial((X, Y, 2 * Y % SIZE), model=turned),
            "drawn": Trial(drawn),
        }

    task = Tried(model, (X, Y, SUMS))
    found = task.trial_accuracies({"function": 1, "return": 2}, None, 50, torch.Generator().manual_seed(0))
    assert found["as it is"] == pytest.approx(1 / 5)  # 2x is x + y where x is y
    assert found["turned"] == 1
    assert 0 < found["drawn"] < 1
    result = induce(task, restarts=8, steps=150).result
    assert result.trials == {"as it is": 1.0, "turned": pytest.approx(1 / 5), "drawn": 1.0}


@pytest.fixture
def training_on_that_destroys(monkeypatch):
    """Training on turns every choice round; gives the trainings."""
    real, calls = recipe.fit, []

    def destroying(*args, **settings):
        state = real(*args, **settings)
        for logits in state.guide.logits().values():
            logits.copy_(-50 * logits.sign())
        calls.append(state)
        return state

    monkeypatch.setattr(recipe, "fit", destroying)
    return calls


def test_what_the_search_explained_is_not_lost_by_training_on(training_on_that_destroys):
    found = induce(sum_task(), restarts=8, steps=300, search=100, seed=1)
    assert training_on_that_destroys
    assert found.result.held_back_accuracy == found.result.test_accuracy == 1.0
    assert found.result.program_correct
    assert found.result.lost is not None
    assert found.result.lost < 1.0


def test_the_functions_of_a_program_that_is_kept_count_as_trained(training_on_that_destroys):
    found = induce(reading_task(), restarts=4, steps=240, rounds=1, examples=200, library_lr=0.01)
    assert training_on_that_destroys
    assert found.result.lost is not None
    assert found.result.program_correct
    assert found.result.test_accuracy > 0.9
    assert found.library.steps["bright"] == found.result.search_steps
