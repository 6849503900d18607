"""A page is for everybody: by keyboard only, on a phone, in the dark, without a network."""

import pytest

from tests.browser.paged_runs import KINDS

PHONE = 360


def focused(page) -> str:
    """What the keyboard is on, in words."""
    return page.evaluate(
        "(({tagName, className, textContent, dataset}) => `${tagName} ${className} ${dataset.does ?? ''} "
        "${textContent.trim().slice(0, 40)}`)(document.activeElement)"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_shows_it_without_scrolling_sideways(opened, paged_run, kind):
    page = opened(paged_run(kind).page, width=PHONE)
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true }")
    assert page.evaluate(widths) == [PHONE, PHONE]
    if page.locator(".word").count():
        page.locator(".word").first.focus()
        box = page.locator(".word:focus .tip").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_as_readable_in_the_dark(opened, paged_run, kind):
    """Text stands out from what is behind it, as WCAG 2.2 asks: 4.5 to 1."""
    page = opened(paged_run(kind).page)
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        ground, *texts = page.evaluate(
            "['body', 'h1', '.soft', '.mark', 'a', '.kind'].map((name) => {"
            " const one = document.querySelector(name); if (!one) return null;"
            " const style = getComputedStyle(one);"
            " return name === 'body' ? style.backgroundColor : style.color; })"
        )
        assert (luminance(ground) < 0.2) == dark
        for text in filter(None, texts):
            assert contrast(text, ground) >= 4.5, (text, ground)


def test_bars_are_seen_in_forced_colours(opened, paged_run):
    page = opened(paged_run("posterior").page)
    page.emulate_media(forced_colors="active")
    filled = "one => getComputedStyle(one, '::after').backgroundColor"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bar = page.locator(".behaviours .bar").first.evaluate(filled)
    assert contrast(bar, ground) >= 4.5, (bar, ground)


def luminance(colour: str) -> float:
    """Of a colour as a browser tells it, ``rgb(1, 2, 3)``."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(", ")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_keyboard_alone_reaches_everything(opened, paged_run):
    page = opened(paged_run("grid").page)
    wanted = page.evaluate(
        "[...document.querySelectorAll('a, button, input, summary')]"
        ".filter((one) => one.checkVisibility() && !one.disabled).length"
    )
    seen = []
    for _ in range(3 * wanted):
        page.keyboard.press("Tab")
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert ring != "none", focused(page)
        seen.append(focused(page))
    assert len([one for one in seen if one.split()[0] in ("A", "BUTTON", "INPUT", "SUMMARY")]) == wanted


def test_the_keyboard_alone_plays_a_run(opened, paged_run):
    page = opened(paged_run("grid").page)
    doing = page.locator(".example:not([hidden]) .doing")
    page.locator(".example:not([hidden]) [data-does=next]").focus()
    page.keyboard.press("Enter")
    assert doing.inner_text().startswith("Step 1 of ")
    page.keyboard.press("End")
    count = doing.inner_text().split()[3]
    assert doing.inner_text().startswith(f"Step {count} of {count} ")
    page.keyboard.press("Home")
    assert doing.inner_text().startswith("Start, ")
    slider = page.locator(".example:not([hidden]) input")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert doing.inner_text().startswith("Step 2 of ")
    assert slider.get_attribute("aria-valuetext").startswith(f"step 2 of {count}: ")
    page.locator(".picker a").nth(1).focus()
    page.keyboard.press("Enter")
    assert doing.inner_text().startswith("Start, ")


def test_alternatives_of_a_word_are_shown_on_hover_and_on_focus(opened, paged_run):
    page = opened(paged_run("tape").page)
    word = page.locator(".word").first
    tip = word.locator(".tip")
    assert not tip.is_visible()
    word.hover()
    assert tip.is_visible()
    words, numbers = (
        tip.locator(f".bars > span > {kind}").all_inner_texts() for kind in ("span:first-child", "i")
    )
    assert (words[0], numbers[0]) == ("MOVE", "0.70")
    assert all(numbers[0] > number for number in numbers[1:])
    assert word.get_attribute("aria-label").startswith("MOVE, 0.70; or ")
    page.mouse.move(0, 0)
    assert not tip.is_visible()
    word.focus()
    assert tip.is_visible()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_dead_lines_are_dimmed_and_say_so(opened, paged_run):
    page = opened(paged_run("operators").page)
    dead = page.locator("#program .dead")
    assert [one.inner_text().split("does")[0].strip() for one in dead.all()] == [
        *("R0 = InputInt[0]", "R3 = READ", "R6 = NOOP", "R7 = NOOP"),
    ]
    assert float(dead.first.evaluate("one => getComputedStyle(one).opacity")) < 1


def test_a_behaviour_opens_to_its_shortest_program(opened, paged_run):
    page = opened(paged_run("posterior").page)
    first = page.locator(".behaviours details").first
    assert "right on every example" in first.locator("summary").inner_text()
    assert not first.locator(".program").is_visible()
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.locator(".program").inner_text().split("\n") == ["function = 0", "return = 2"]
