"""Names that look like code, through every page of a study: each shows as it is, none is run, linked or typeset."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Server
from tests.helpers.accessibility import settle

TARGET = "<img src=x onerror=alert(1)> $y^2$ [t](http://example.com) `t` :red[t] *t* a@b.org www.c.org"
FEATURES = ["<script>alert(1)</script>", "[a](http://example.com)", "=cmd|' /C calc'!A0", "$x$ and $z$", "שלום 🙂"]
STUDY = "[study](http:example.com) $s$ *s*"
NOTE = "<b>note</b> [n](http://example.com) $n$ :red[n]"


@pytest.fixture
def study(server: Server, tmp_path: Path) -> Path:
    """A study of such a table, fitted by the command line."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, len(FEATURES))), columns=FEATURES).round(3)
    frame["kind"] = rng.choice(["=1+1", "<i>k</i>", "[k](http://example.com)"], 120)
    frame[TARGET] = np.exp(frame.iloc[:, 0] + 0.1 * rng.normal(size=120)).round(3)
    path = tmp_path / "<b>nasty [f](http:example.com).csv"
    frame.to_csv(path, index=False)
    command = [sys.executable, "-m", "kanlab", "tune", str(path), "--target", TARGET, "--study", STUDY]
    command += ["--neuron-num", "1:2", "--grid", "2:3", "--k", "2:2", "--target-scale", "log"]
    environment = os.environ | {"KANLAB_HOME": str(server.home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return path


def harmless(page: Page, formulas: bool = False) -> None:
    """Nothing of the names has become markup. formulas: the page typesets its own."""
    page.wait_for_timeout(1500)
    links = page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href') || '')")
    assert not [link for link in links if re.match(r"https?:(//)?(example|www)|mailto", link)]
    assert page.locator("img[src='x']").count() == 0
    assert formulas or page.locator(".katex", has_text=re.compile("^[synxz]")).count() == 0
    assert page.get_by_test_id("stException").count() == 0


def test_every_page_shows_them_as_they_are(page: Page, server: Server, study: Path) -> None:
    page.on("dialog", lambda dialog: pytest.fail("a name was executed"))
    page.goto(f"{server.url}/studies")
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
    harmless(page)

    page.goto(f"{server.url}/live?study={STUDY}")
    expect(page.get_by_text(STUDY, exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    harmless(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the trials").click()
    assert "trial" in Path(download.value.path()).read_text() or "number" in Path(download.value.path()).read_text()

    page.goto(f"{server.url}/choose?study={STUDY}")
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    for number in range(tabs.count()):
        tabs.nth(number).click()
        settle(page)  # what is drawn of it arrives
        harmless(page)
    page.get_by_role("tab", name="Predict new rows").click()
    page.locator("input[type=file]").set_input_files(study)
    expect(page.get_by_text("Predicted by")).to_be_visible(timeout=60_000)
    harmless(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the predictions").click()
    header, *rows = Path(download.value.path()).read_text().splitlines()
    assert "'=cmd|" in header
    assert any("'=1+1" in row for row in rows)
    assert not any(cell.startswith(("=", "@")) for row in (header, *rows) for cell in row.split(","))

    page.goto(f"{server.url}/model?study={STUDY}")
    expect(page.get_by_role("link", name="Export this study")).to_be_visible(timeout=60_000)
    harmless(page, formulas=True)
    for number in range(tabs.count()):
        tabs.nth(number).click()
        settle(page)
        harmless(page, formulas=True)
    page.goto(f"{server.url}/export?study={STUDY}")
    expect(page.get_by_role("button", name="Download the bundle")).to_be_visible(timeout=60_000)
    harmless(page)


def test_no_table_has_a_download_that_would_leave_formulas_live(page: Page, server: Server, study: Path) -> None:
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(study)
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    table.hover()
    expect(page.get_by_role("button", name="Search", exact=True).first).to_be_visible()
    assert page.get_by_role("button", name="Download as CSV").count() == 0
