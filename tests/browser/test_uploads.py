"""An upload that is cancelled, replaced, removed or left behind ends its reader at once; a hostile one gets a sentence."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from kanlab.data.reading.messages import PROGRAM
from tests.browser.test_any_table import metric
from tests.data.reading.test_reader_process import large
from tests.helpers.app_server import AppServer
from tests.helpers.hostile import HOSTILE

SECONDS = 5.0  # on a busy machine; the tick is a tenth of a second


def at_work(server: AppServer) -> list[int]:
    """Readers of the server that have had more to do than to start."""
    found = []
    for child in psutil.Process(server.ui_pid).children():
        try:
            if PROGRAM in child.cmdline() and sum(child.cpu_times()[:2]) > 1.2:
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


def until(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slow") / "slow.csv"
    path.write_bytes(large(600_000))
    return path


def uploaded(page: Page, path: Path) -> None:
    page.locator("input[type=file]").set_input_files(path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AppServer]:
    """The app, whose readers can be looked at: they are processes of their own."""
    started = AppServer(tmp_path / "app-home", own_programs=True)
    yield started
    started.close()


@pytest.mark.parametrize("how", ["cancel", "replace", "remove", "leave", "close"])
def test_a_reader_nobody_waits_for_ends(page: Page, server: AppServer, slow: Path, tmp_path: Path, how: str) -> None:
    page.goto(server.url)
    expect(page.get_by_text("Nothing is chosen yet")).to_be_visible()
    uploaded(page, slow)
    until(lambda: len(at_work(server)) == 1, 60)
    os.kill(at_work(server)[0], signal.SIGSTOP)  # it would go on for long, however slow the page is
    if how == "cancel":
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_test_id("stAlertContentError")).to_contain_text("Reading slow.csv was cancelled")
    elif how == "replace":
        path = tmp_path / "small.csv"
        path.write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(50)))
        uploaded(page, path)
        metric(page, "Training rows n", "40")
    elif how == "remove":
        page.get_by_test_id("stFileUploader").get_by_role("button", name="Remove").click()
        expect(page.get_by_text("Nothing is chosen yet")).to_be_visible()
    elif how == "leave":
        page.get_by_role("link", name="Studies").first.click()
    else:
        page.close()
    until(lambda: not at_work(server), SECONDS)


def test_hostile_files_get_a_sentence_and_the_page_goes_on(page: Page, server: AppServer, tmp_path: Path) -> None:
    page.goto(server.url)
    for case in [c for c in HOSTILE if c.sentence][::2]:
        path = tmp_path / f"{case.name}{case.suffix}"
        path.write_bytes(case.content())
        uploaded(page, path)
        error = page.get_by_test_id("stAlertContentError")
        expect(error).to_contain_text(f"{case.name}{case.suffix} ", timeout=60_000)
        expect(error).to_contain_text(case.sentence)
    (tmp_path / "honest.xlsx").write_bytes(next(c for c in HOSTILE if c.name.startswith("declares")).content())
    uploaded(page, tmp_path / "honest.xlsx")
    metric(page, "Training rows n", "32")
    until(lambda: not at_work(server), SECONDS)
