"""What a solver finds and proves: what is measured, by one command."""

import json

import pytest
import torch

from ntpt_pyro import Library
from ntpt_pyro.errors import UsageError
from ntpt_pyro.experiments import solver_determined, solver_figures, solver_scale, solver_texts
from ntpt_pyro.experiments.solver_determined import FUNCTIONS, MEANT, positive, text_named, written
from ntpt_pyro.experiments.solver_scale import add, follow_chain, sort
from ntpt_pyro.experiments.solver_texts import text_figures
from ntpt_pyro.terpret import TerpretModel
from tests.test_readme import MEASURED, recorded, share


def test_what_is_measured_is_kept_and_an_interrupted_recording_goes_on(tmp_path, monkeypatch):
    made = []

    def figures(*names):
        return {name: lambda name=name: made.append(name) or {"name": name} for name in names}

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(solver_figures, "scale_figures", lambda: figures("small") | {"large": interrupted})
    monkeypatch.setattr(solver_figures, "parity_figures", lambda seeds: figures("16 bits"))
    words = ["--part=scale,parity", f"--out={tmp_path / 'out.json'}"]
    with pytest.raises(KeyboardInterrupt):
        solver_figures.main(words)
    monkeypatch.setattr(solver_figures, "scale_figures", lambda: figures("small", "large"))
    found = solver_figures.main(words)
    assert made == ["small", "large", "16 bits"]
    assert found == json.loads((tmp_path / "out.json").read_text())
    assert found["scale"] == {"small": {"name": "small"}, "large": {"name": "large"}}
    assert found["parity"] == {"16 bits": {"name": "16 bits"}}
    assert found["command"].endswith("solver_figures --seeds 5 --out OUT --part scale,parity")
    assert solver_figures.main(words) == found
    with pytest.raises(UsageError, match=r"a recording of this command.* got another one"):
        solver_figures.main([*words, "--seeds=2"])
    with pytest.raises(UsageError, match=r"expected some of texts, .* got chess"):
        solver_figures.main(["--part=chess", f"--out={tmp_path / 'other.json'}"])
    with pytest.raises(UsageError, match="expected trained networks, got none"):
        solver_figures.main(["--part=trained", f"--out={tmp_path / 'other.json'}"])


def test_a_text_is_solved_in_every_order_of_its_instances(monkeypatch):
    monkeypatch.setattr(solver_texts, "TASKS", {"turing": ("invert",)})
    found = text_figures(range(2))["turing invert"]()
    assert (found.instances, found.choices, found.programs) == (5, 9, 3.8)
    assert found.first_right.successes == found.simplest_right.successes == 2
    assert found.simplest_proved.successes == 2
    assert found.reads.min == found.reads.max == 9
    assert 0 < found.seconds_found.min <= found.seconds.min


def test_a_right_machine_decrements_all_numbers_and_one_that_halts_at_once_none(monkeypatch):
    model = text_named("turing", "decrement").train.model
    larger = TerpretModel(model.source, {**model.hypers, "tape_length": 12, "steps": 40})
    right = dict.fromkeys((cell.site for cell in model.params), 0)
    table = {  # right to the blank, then left until a 1
        (0, 0): (0, 1, 0), (0, 1): (1, 1, 0), (0, 2): (2, 2, 1), (1, 0): (1, 2, 1), (1, 1): (0, 0, 2),
    }  # fmt: skip
    for (state, symbol), values in table.items():
        for name, value in zip(("write", "direction", "following"), values, strict=True):
            right[f"{name}_{state}_{symbol}"] = value
    monkeypatch.setattr(solver_texts, "NUMBERS", (1, 2, 8, 100, 255))
    assert solver_texts._decremented(larger, right) == 5
    assert solver_texts._decremented(larger, {**right, "following_0_1": 2}) == 0


def test_a_row_left_out_leaves_a_circuit_open():
    every = solver_determined._known("circuit", "swap")
    less = solver_determined._known("circuit", "swap", left_out=1)
    assert (every.instances, every.among_all, every.among_simplest) == (4, "determined", "determined")
    assert (less.instances, less.among_all, less.proved) == (3, "undetermined", True)


def test_a_function_is_asked_until_it_is_determined():
    found = solver_determined._asked("turing", "prepend", instances=1)
    assert (found.instances, found.status, found.right) == (1, "determined", True)
    assert found.questions >= 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_give_what_the_instances_give(name):
    task = text_named("basic_block" if name == "access" else "turing", name)
    for batch in task.batches:
        inputs, *outputs = batch.tensors
        for row, *results in zip(inputs, *outputs, strict=True):
            assert list(FUNCTIONS[name](row.tolist())) == [one.tolist() for one in results]
        if name in MEANT:
            assert MEANT[name](inputs).argmax(-1).all()


def test_tapes_that_are_meant_end_in_blanks():
    tapes = torch.cartesian_prod(*[torch.arange(3)] * 4)
    meant, above = (one(tapes).argmax(-1).bool() for one in (written, positive))
    assert meant.sum() == 1 + 2 + 4 + 8
    assert above.sum() == 1 + 2 + 4
    assert not (above & ~meant).any()
    assert (tapes[above][:, 0] == 1).all()


def test_the_smallest_sizes_are_solved():
    assert add(1).status == "optimal"
    assert sort(3, 3).status == "optimal"
    none = sort(3, 2)
    assert (none.status, none.solved, none.examples) == ("infeasible", True, 8)
    found = follow_chain(8, range(3))
    assert (found.bits, found.right.successes, found.right.trials) == (8, 3, 3)


def test_time_that_is_over_is_no_answer():
    found = solver_scale.add(1, seconds=0.0)
    assert (found.status, found.solved) == ("unknown", False)


def test_runs_with_trained_networks_are_counted(monkeypatch, tmp_path):
    task = text_named("circuit", "swap")
    monkeypatch.setattr(solver_figures, "find_task", lambda name, data: task)
    monkeypatch.setattr(solver_figures, "load_library", lambda path, functions: Library())
    figures = solver_figures.trained_figures(None, tmp_path, range(2))
    assert list(figures) == ["math", "apply2x2", "add2x2"]
    found = figures["add2x2"]()
    assert len(found.tasks) == 4
    assert (found.right.successes, found.proved.successes, found.closed.successes) == (8, 8, 8)
    assert (found.gap.max, found.right.trials) == (0, 8)
    assert 0 < found.seconds.min < 5


TRAINED = {"math": "MATH (every program by itself: 114 s; restarts: 158 s)", "add2x2": "ADD2X2, four tasks"}
TRAINED["apply2x2"] = (
    "APPLY2X2, four tasks, 6.1e12 programs a network (every program by itself: out of reach)"
)


def short(seconds):
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"


def spread(found):
    low, high = short(found["min"]), short(found["max"])
    return f"{short(found['median'])} s" + (f" ({low} to {high})" if low != high else "")


def test_the_table_of_texts_is_the_recorded_one():
    texts = recorded("solver/texts.json")["texts"]
    assert len(texts) == 9
    for name, one in texts.items():
        proved = one["simplest_proved"]["successes"] == one["simplest_proved"]["trials"]
        read = f"{one['reads']['median']:.0f} of {one['choices']}" if proved else "not proved in 10 s"
        assert (
            f"| {name} | 10^{one['programs']:.0f} | {share(one['first_right'])} "
            f"| {share(one['simplest_right'])} "
            f"| {spread(one['seconds_found'])} | {spread(one['seconds'])} | {read} |"
        ) in MEASURED
    tapes = texts["turing decrement, 4 states"]
    assert [tapes[which]["min"] for which in ("first_tapes", "simplest_tapes")] == [255, 255]


def test_what_is_determined_is_as_recorded():
    found = recorded("solver/texts.json")
    for name, one in found["determined"].items():
        if "any tape" in name or "asked" in name or name == "circuit controlled_swap, last row left out":
            continue
        asked = found["determined"].get(f"{name}, asked from the first instance on")
        answers = "-" if asked is None else f"{asked['questions']} questions, {asked['seconds']:.0f} s"
        assert (
            f"| {name.replace('last row', 'a row')} | {one['among_all']}, {one['seconds_all']:.1f} s "
            f"| {one['among_simplest']}, {one['seconds_simplest']:.1f} s | {answers} |"
        ) in MEASURED
    chains = [spread(one["seconds"]) for one in found["parity"].values()]
    assert f"in {chains[0]}, {chains[1]} and {chains[2]}." in MEASURED


def test_what_was_proved_and_taught_is_as_recorded():
    for name, one in recorded("solver/trained.json")["trained"].items():
        rates = " | ".join(share(one[which]) for which in ("right", "proved", "closed"))
        row = f"| {TRAINED[name]} | {rates} | {one['gap']['median']:.1f} | {spread(one['seconds'])} |"
        assert row in MEASURED
    for file in ("solver-2x2", "solver-apply", "solver-math"):
        for name, one in recorded(f"rates/{file}.json")["summary"].items():
            times = f"{spread(one['search_seconds'])} | {spread(one['seconds'])}"
            figures = f"| {share(one['right_programs'])} | {one['test_accuracy']['median']:.1%} | {times} |"
            assert (figures in MEASURED) == (file == "solver-2x2" or not name.startswith("top")), name


def test_how_cost_grows_is_as_recorded():
    words = {"optimal": "found", "infeasible": "proved that there is none", "unknown": "not found"}
    for name, one in recorded("solver/scale.json")["scale"].items():
        figures = f"{one['clauses']:,} | {words[one['status']]} | {one['seconds']:.1f} s"
        assert f"| {name} | 10^{one['programs']:.0f} | {figures} |" in MEASURED
