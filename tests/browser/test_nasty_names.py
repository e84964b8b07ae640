"""Names that look like code, through every page of a study: each shows as it is, none is run, linked or typeset."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.helpers.accessibility import settle
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import kanlab

TARGET = "<img src=x onerror=alert(1)> $y^2$ [t](http://example.com) `t` :red[t] *t* a@b.org www.c.org"
FEATURES = ["<script>alert(1)</script>", "[a](http://example.com)", "=cmd|' /C calc'!A0", "$x$ and $z$", "שלום 🙂"]
STUDY = "[study](http:example.com) $s$ *s*"
NOTE = "<b>note</b> [n](http://example.com) $n$ :red[n]"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of such names."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, len(FEATURES))), columns=FEATURES).round(3)
    frame["kind"] = rng.choice(["=1+1", "<i>k</i>", "[k](http://example.com)"], 120)
    frame[TARGET] = np.exp(frame.iloc[:, 0] + 0.1 * rng.normal(size=120)).round(3)
    path = tmp_path / "<b>nasty [f](http:example.com).csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def study(server: AppServer, table: Path) -> Path:
    """A study of that file, fitted by the command line."""
    ranges = ["--neuron-num", "1:2", "--grid", "2:3", "--k", "2:2", "--target-scale", "log"]
    kanlab("tune", str(table), "--target", TARGET, "--study", STUDY, *ranges, home=server.home)
    return table


def harmless(page: Page, formulas: bool = False) -> None:
    """Nothing of the names has become markup. formulas: the page typesets its own."""
    settle(page)
    links = page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href') || '')")
    assert not [link for link in links if re.match(r"https?:(//)?(example|www)|mailto", link)]
    assert page.locator("img[src='x']").count() == 0
    assert formulas or page.locator(".katex", has_text=re.compile("^[synxz]")).count() == 0
    assert page.get_by_test_id("stException").count() == 0


def test_every_page_shows_them_as_they_are(page: Page, server: AppServer, study: Path) -> None:
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
        harmless(page, formulas=True)
    page.goto(f"{server.url}/export?study={STUDY}")
    expect(page.get_by_role("button", name="Download the bundle")).to_be_visible(timeout=60_000)
    harmless(page)


def test_no_table_has_a_download_that_would_leave_formulas_live(page: Page, server: AppServer, table: Path) -> None:
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(table)
    shown = page.get_by_test_id("stDataFrame").first
    expect(shown).to_be_visible()
    shown.hover()
    expect(page.get_by_role("button", name="Search", exact=True).first).to_be_visible()
    assert page.get_by_role("button", name="Download as CSV").count() == 0
