"""A table of counts in a real browser, from the upload to a bundle that predicts."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer
from tests.helpers.counts import table


def test_counts_from_the_upload_to_the_export(page: Page, server: AppServer, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    table(80)[["a", "b", "events"]].to_csv(path, index=False)
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text("It holds whole numbers from 0 to")).to_be_visible()
    expect(page.get_by_text("Poisson regression already explains")).to_be_visible()
    page.get_by_role("button", name="Predict it as a number instead").click()  # one click refuses it
    expect(page.get_by_text("of the variance of events in the")).to_be_visible()
    choose(page, "Predict it as", "A count")
    expect(page.get_by_text("Poisson regression already explains")).to_be_visible()

    page.get_by_role("button", name="Go to the search").click()
    thumb = page.get_by_role("slider", name="Hidden neurons").last
    thumb.focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(re.compile(r"Of 27 configurations"))).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/live\?study="))
    expect(page.get_by_text(re.compile("^Recommended"))).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("stMetric").filter(has_text="Mean deviance, test")).to_be_visible()
    page.get_by_role("button", name="Next: choose a model").click()
    expect(page.get_by_role("heading", name=re.compile("^Take "))).to_be_visible()
    expect(page.get_by_text(re.compile("of the deviance of the test rows")).first).to_be_visible()
    page.get_by_role("button", name="Next: look into the model").click()
    expect(page.get_by_role("heading", name="Model: visits-1")).to_be_visible()
    page.get_by_role("tab", name="Diagnostics").click()
    expect(page.get_by_text("Counts vary more where their mean is larger")).to_be_visible()
    page.get_by_role("button", name="Next: export the model").click()
    expect(page.get_by_role("heading", name="Export: visits-1")).to_be_visible()
    with page.expect_download() as bundle:
        page.get_by_role("button", name="Download the bundle").click()
    with zipfile.ZipFile(bundle.value.path()) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / bundle.value.suggested_filename.removesuffix(".zip")
    command = [sys.executable, "-I", "predict.py", str(path), "out.csv"]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert (pd.read_csv(folder / "out.csv")["events_predicted"] > 0).all()
