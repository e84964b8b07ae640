"""A running app and the system's Chromium. Without Chromium these tests skip, unless KANLAB_REQUIRE_BROWSER is set."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from sklearn.datasets import load_diabetes

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Server:
    url: str
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def ui_pid(self) -> int:
        """The Streamlit process, a child of `kanlab app`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("KANLAB_REQUIRE_BROWSER"):
            pytest.fail("Chromium is missing, and KANLAB_REQUIRE_BROWSER asks for it")
        pytest.skip("Chromium is missing")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return browser_type_launch_args | {"executable_path": path, "args": quiet}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The app as a user starts it, with a home of its own."""
    port, home = free_port(), tmp_path / "app-home"
    environment = os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT), "KANLAB_SLOTS": "2"}
    command = [sys.executable, "-m", "kanlab", "app", "--headless", "--port", str(port)]
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2)
            break
        except OSError:
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < deadline, "the app did not come up"
            time.sleep(0.1)
    yield Server(url, home, process)
    if process.poll() is None:  # unless the test has killed it
        os.killpg(process.pid, 15)
    process.wait(20)
    log_text = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log_text, log_text


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    context.close()
    assert not problems


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
