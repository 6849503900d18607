"""The run of a program on a page: clicked through in a browser, it shows what `ntpt evaluate` prints."""

import json
import shlex

import pytest

from tests.browser.paged_runs import KINDS, command

SHOWN = ".example:not([hidden])"


def evaluated(run, page) -> dict:
    """What the command prints that the page names below the example that is shown."""
    words = shlex.split(page.locator(f"{SHOWN} .same code").inner_text())
    assert words[:2] == ["ntpt", "evaluate"]
    return json.loads(command(run.run.parent, *words[1:], "--json"))


def text_of(page, selector: str) -> str:
    return page.locator(f"{SHOWN} {selector}").inner_text()


def values(page) -> dict[str, str]:
    """The registers and variables that the page shows."""
    names, numbers = (page.locator(f"{SHOWN} .values {kind}").all_inner_texts() for kind in ("dt", "dd"))
    return dict(zip(names, numbers, strict=True))


def changed(page) -> list[str]:
    return page.locator(f"{SHOWN} .values .changed dt").all_inner_texts()


def read_now(page) -> str:
    """What was read in a step, as the command writes it."""
    words = page.locator(f"{SHOWN} .now .reads .bars > span:first-child > *").all_inner_texts()
    return f"{words[0]} ({words[1]})" if words else ""


@pytest.mark.parametrize("kind", ["grid", "operators"])
def test_a_line_after_the_other_is_executed_on_a_grid(opened, paged_run, kind):
    run = paged_run(kind)
    page = opened(run.page)
    told = evaluated(run, page)
    assert values(page) == {}
    for number, step in enumerate(told["steps"], start=1):
        page.locator(f"{SHOWN} [data-does=next]").click()
        assert text_of(page, ".doing") == f"Step {number} of {len(told['steps'])} {step['line']}"
        assert text_of(page, ".listing .here") == step["line"]
        assert read_now(page) == step["reads"]
        assert list(values(page).values())[-1] == step["value"]
        assert changed(page) == list(values(page))[-1:]
        places = page.locator(f"{SHOWN} .place.at")
        assert [one.get_attribute("title").split(", ")[0] for one in places.all()] == (
            [step["head"]] if step["head"] else []
        )
    verdict = "right" if told["right"] else f"not {told['truth']}"
    assert text_of(page, ".outcome") == f"result {told['result']}, {verdict}"


def test_a_loop_is_played_on_its_tape_by_arrow_keys(opened, paged_run):
    run = paged_run("tape")
    page = opened(run.page)
    told = evaluated(run, page)
    registers = [name for name in told["steps"][0] if name.startswith("R")]
    for step in told["steps"]:
        page.keyboard.press("ArrowRight")
        shown = values(page)
        assert {name: shown[name] for name in registers} == {name: step[name] for name in registers}
    assert page.locator(f"{SHOWN} .place").count() == 9
    last = len(told["steps"])
    assert text_of(page, ".doing").startswith(f"Step {last} of {last} ")
    page.keyboard.press("ArrowRight")  # there is no more
    assert text_of(page, ".doing").startswith(f"Step {last} of {last} ")
    page.keyboard.press("ArrowLeft")
    assert text_of(page, ".doing").startswith(f"Step {last - 1} of {last} ")


def test_the_agents_way_is_drawn_and_ends_in_the_length_that_is_told(opened, paged_run):
    run = paged_run("walk")
    page = opened(run.page)
    told = evaluated(run, page)
    page.locator(f"{SHOWN} [data-does=last]").click()
    assert values(page)["reg"] == told["result"]
    assert text_of(page, ".outcome").startswith(f"length {told['result']}, ")
    drawn = page.locator(f"{SHOWN} .way path").last.get_attribute("d").removeprefix("M ").split(" L ")
    cells = [tuple(int(float(number)) for number in point.split()) for point in drawn]
    way = [cell for place, cell in enumerate(cells) if place == 0 or cell != cells[place - 1]]
    assert way == [(int(step["column"]), int(step["row"])) for step in told["steps"]]


def test_a_text_writes_on_the_tape_that_it_is_given(opened, paged_run):
    run = paged_run("text")
    page = opened(run.page)
    told = evaluated(run, page)
    begun = page.locator(f"{SHOWN} .stands").all_inner_texts()
    assert f"initial_tape = [{', '.join(begun)}]" in told["before"][-1]
    page.locator(f"{SHOWN} [data-does=last]").click()
    ended = page.locator(f"{SHOWN} .stands").all_inner_texts()
    assert f"final_tape = [{', '.join(ended)}]" in told["result"]
    page.locator(f"{SHOWN} [data-does=first]").click()
    assert page.locator(f"{SHOWN} .stands").all_inner_texts() == begun


@pytest.mark.parametrize("kind", ["user", "posterior", "solved"])
def test_variables_of_a_users_task_come_up_step_by_step(opened, paged_run, kind):
    run = paged_run(kind)
    page = opened(run.page)
    told = evaluated(run, page)
    for number, step in enumerate(told["steps"], start=1):
        page.locator(f"{SHOWN} [data-does=next]").click()
        assert values(page)[step["step"]] == step["value"]
        assert len(values(page)) == number
    page.locator(f"{SHOWN} [data-does=last]").click()
    assert list(values(page).values())[-1] == told["result"]


NAMED = """
import pyro, torch
from ntpt_pyro import Task, choice, observe, one_hot, switch, var
def model(x, y=None):
    kept = choice("kept", 2)
    with pyro.plate("examples", len(x)):
        for number in range({steps}):
            a, b = var(f"a_{{number}}", one_hot(x, 3)), var(f"b_{{number}}", one_hot(2 - x, 3))
        observe("y", switch(kept, [one_hot(2 - x, 3), one_hot(x, 3)]), y)
task = Task(model, examples=(torch.arange(3), torch.arange(3)))
"""


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (0, ["Start, 1 step to go", "Step 1 of 1 result"]),
        (2, ["Start, 3 steps to go", "Step 1 of 3", "Step 2 of 3", "Step 3 of 3 result"]),
    ],
)
def test_a_step_is_counted_once(opened, tmp_path, steps, said):
    (tmp_path / "named.py").write_text(NAMED.format(steps=steps))
    command(tmp_path, "posterior", "named.py:task", "--html", tmp_path / "page.html")
    page = opened(tmp_path / "page.html")
    slider = page.locator(f"{SHOWN} input")
    for number, words in enumerate(said):
        assert text_of(page, ".doing").strip() == words
        told = slider.get_attribute("aria-valuetext")
        assert told.count("step") == (2 if number == 0 else 1)  # "before the first step" is the other
        page.keyboard.press("ArrowRight")


def test_another_example_is_picked_and_plays_from_its_start(opened, paged_run):
    run = paged_run("grid")
    page = opened(run.page)
    chips = page.locator(".picker a")
    first = text_of(page, ".same code")
    page.keyboard.press("ArrowRight")
    chips.nth(1).click()
    assert text_of(page, ".same code") != first
    assert text_of(page, ".doing").startswith("Start, ")
    assert chips.nth(1).get_attribute("aria-current") == "true"
    assert page.locator(SHOWN).count() == 1
    assert chips.nth(1).inner_text() == evaluated(run, page)["result"] + (
        "" if evaluated(run, page)["right"] else f", not {evaluated(run, page)['truth']}"
    )


def test_wrong_results_come_first_and_are_marked(opened, paged_run):
    page = opened(paged_run("grid").page)
    marks = [one.get_attribute("class") for one in page.locator(".picker a").all()]
    assert marks == sorted(marks, key=lambda mark: mark != "chip wrong")
    assert marks[0] == "chip wrong"


def test_a_run_plays_by_itself_and_pauses(opened, paged_run):
    page = opened(paged_run("grid").page)
    page.clock.install()
    play = page.locator(f"{SHOWN} .play")
    play.click()
    assert play.inner_text() == "Pause"
    page.clock.run_for(2000)
    assert text_of(page, ".doing").startswith("Step 2 of ")
    play.click()
    page.clock.run_for(5000)
    assert text_of(page, ".doing").startswith("Step 2 of ")
    assert play.inner_text() == "Play"
    play.click()
    page.clock.run_for(60_000)
    assert page.locator(f"{SHOWN} [data-does=next]").get_attribute("aria-disabled") == "true"
    assert play.inner_text() == "Play"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_script_all_steps_stand_in_tables(opened, paged_run, kind):
    run = paged_run(kind)
    plain, scripted = opened(run.page, script=False), opened(run.page)
    assert plain.locator(".controls:visible, .now:visible").count() == 0
    examples = plain.locator(".example")
    assert examples.count() == scripted.locator(".picker a").count()
    rows = plain.locator(".example").first.locator("tbody tr").all()
    assert rows
    for row in rows:
        assert row.is_visible()
        scripted.keyboard.press("ArrowRight")
        assert row.locator(".text").inner_text() == text_of(scripted, ".doing b")
    assert plain.locator(".program").first.is_visible()
