"""A real browser that looks at pages: the one that is installed; without one these tests are left out."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEFT_OUT = "left out: the pages were looked at in no browser, since there is no {}"


@pytest.fixture(scope="session")
def browser():
    """The browser, headless."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason=LEFT_OUT.format("playwright (pip install playwright)")
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(LEFT_OUT.format(f"{' or '.join(BROWSERS)} (apt-get install chromium)"))
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


Opens = Callable[..., object]


@pytest.fixture
def opened(browser) -> Iterator[Opens]:
    """Opens a file; at the end no script may have complained, and nothing have been asked of a network."""
    wrong: list[str] = []
    with ExitStack() as stack:

        def look(file: Path, *, width: int = 1100, script: bool = True):
            context = browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme="light",
                java_script_enabled=script,
                reduced_motion="reduce",
                offline=True,
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda said: wrong.append(f"console: {said.type}: {said.text}"))
            page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
            page.on("request", lambda asked: wrong.append(asked.url) if leaves(asked.url, file) else None)
            page.set_default_timeout(5000)
            page.goto(file.as_uri())
            return page

        yield look
    assert wrong == []


def leaves(url: str, file: Path) -> bool:
    """Whether a request is for more than the file itself."""
    return url.partition("#")[0] != file.as_uri() and not url.startswith("data:")


@pytest.fixture(scope="session")
def paged_run(tmp_path_factory):
    """The run of a kind with its page, made when it is first asked for."""
    from tests.browser.paged_runs import paged

    made = {}

    def run_of(kind: str):
        if kind not in made:
            made[kind] = paged(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return run_of
