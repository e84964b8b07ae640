"""The app on a Dask cluster: chosen on Search, fitted by its workers, watched and stopped as on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from tests.browser.test_whole_path import make_it_slow, open_search, upload
from tests.helpers.app_server import AppServer
from tests.helpers.dask_programs import DaskPrograms
from tests.helpers.studies import wait_for


def fits_here(server: AppServer) -> bool:
    """Whether the app has started a worker program of its own since it runs."""
    children = psutil.Process(server.ui_pid).children(recursive=True)
    return any("kanlab.execution.worker" in " ".join(c.cmdline()) for c in children)


def test_a_study_of_the_app_runs_on_a_cluster(page: Page, server: AppServer, programs: DaskPrograms, csv: Path) -> None:
    programs.ready(2)
    upload(page, server, csv)
    open_search(page)
    expect(page.get_by_text("Where to run")).to_have_count(0)  # no cluster is named
    make_it_slow(page)  # and opens More settings
    field = page.get_by_role("textbox", name="Dask scheduler")
    field.fill(programs.address)
    field.press("Enter")
    expect(page.get_by_test_id("stRadio").filter(has_text="Where to run")).to_be_visible()
    expect(page.get_by_text(f"{programs.address} has 2 workers.")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Worker processes")).to_be_disabled()
    expect(page.get_by_text(re.compile("with 2 workers"))).to_be_visible(timeout=60_000)
    wait_for(lambda: not fits_here(server))  # those that timed a few fits
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible(timeout=60_000)
    there = [psutil.Process(w.pid) for w in programs.living()]
    wait_for(lambda: all(p.children() for p in there), 60)
    assert not fits_here(server)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile(r"Stopped after \d+ trial"))).to_be_visible()
    maps = Path(f"/proc/{server.ui_pid}/maps").read_text()
    assert "libtorch" not in maps
