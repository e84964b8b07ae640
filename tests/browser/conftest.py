"""A running app and the system's Chromium. Without Chromium these tests skip, unless KANLAB_REQUIRE_BROWSER is set."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from sklearn.datasets import load_diabetes

from tests.helpers import fake_worker
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import use_it

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("KANLAB_REQUIRE_BROWSER"):
            pytest.fail("Chromium is missing, and KANLAB_REQUIRE_BROWSER asks for it")
        pytest.skip("Chromium is missing")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return browser_type_launch_args | {"executable_path": path, "args": quiet}


@pytest.fixture(scope="package", autouse=True)
def forked_programs() -> Iterator[None]:
    """What a test itself does with kanlab starts no program anew."""
    with pytest.MonkeyPatch.context() as patch:
        use_it(patch.setattr)
        yield


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app, with a home of its own."""
    started = AppServer(tmp_path / "app-home", KANLAB_SLOTS="2")
    yield started
    started.close()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    """The app whose fits are made up, of which all but six end only once the test says so. None takes the pages' time."""
    log = tmp_path / "fits.log"
    log.touch()
    plan = fake_worker.environment(log=str(log), hold_after=6)
    app = AppServer(tmp_path / "app-home", worker=[fake_worker.__file__], KANLAB_SLOTS="2", **plan)
    yield Held(app, log)
    app.close()


@dataclass(frozen=True)
class Held:
    """app: whose fits are held.  log: of those fits, for tests.helpers.fits."""

    app: AppServer
    log: Path


@pytest.fixture
def command(tmp_path: Path) -> Iterator[AppServer]:
    """The app as a user starts it, with a home of its own."""
    started = AppServer(tmp_path / "app-home", command=True, KANLAB_SLOTS="2")
    yield started
    started.close()


@pytest.fixture(scope="session")
def window(browser: Browser) -> Iterator[BrowserContext]:
    """One for all tests, which keeps what every server serves: its scripts and style sheets."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context
    context.close()


LOADED_AGAIN = "Bad delta path"  # of Streamlit's, now and then; kanlab/ui/half_drawn.js loads such a page again


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed, of a browser that knows nothing of the tests before."""
    opened = window.new_page()
    problems: list[str] = []
    seen: set[str] = set()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("framenavigated", lambda frame: seen.add(frame.url))
    yield opened
    forget(window, seen)
    assert not [problem for problem in problems if not problem.startswith(LOADED_AGAIN)]


def forget(window: BrowserContext, seen: set[str]) -> None:
    """Close its pages; of what they have left, only files that never change stay. seen: their addresses."""
    window.set_offline(False)
    blank = window.new_page()
    for page in window.pages:
        if page is not blank:
            page.close()
    devtools = window.new_cdp_session(blank)
    for origin in {f"{at.scheme}://{at.netloc}" for at in map(urlsplit, seen) if at.scheme == "http"}:
        devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _STORED})
    window.clear_cookies()
    blank.close()


_STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """442 patients: ten features and the progress of their diabetes."""
    path = tmp_path / "patients.csv"
    load_diabetes(as_frame=True).frame.to_csv(path, index=False)
    return path


def choose(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    """Choose an option of a select box whose label begins so."""
    labelled = re.compile(f"^{re.escape(label)}")
    box = page.get_by_test_id("stSelectbox").filter(has_text=labelled).get_by_role("combobox")
    wanted = page.get_by_role("option", name=option, exact=isinstance(option, str))
    for _ in range(8):  # a click on a page that is being drawn goes astray
        box.click()
        with contextlib.suppress(PlaywrightTimeout):
            wanted.click(timeout=2000)
            return
    pytest.fail(f"'{label}' offers no '{option}'")
