"""Upload, overrule and prepare in a real browser, and names that look like code."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer

NASTY = [
    "<script>alert(1)</script>",
    "$x^2$",
    "[a](http://example.com)",
    "`code`",
    ":red[no]",
    "🙂",
    "שלום",
    "n" * 10_000,
]


@pytest.fixture
def flats() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    area = rng.lognormal(4, 1, 200).round(1)
    frame = pd.DataFrame({"area": area, "rooms": rng.integers(1, 6, 200), "kind": rng.choice(["a", "b", "c"], 200)})
    frame["price"] = (12 * area * np.exp(rng.normal(0, 0.1, 200))).round(2)
    frame.loc[:9, "area"] = np.nan
    return frame


def upload(page: Page, server: AppServer, path: Path) -> None:
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(path)


def metric(page: Page, label: str, value: str) -> None:
    expect(page.get_by_test_id("stMetric").filter(has_text=label)).to_contain_text(value)


def test_upload_overrule_prepare_go(page: Page, server: AppServer, flats: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "flats.csv"
    path.write_text("A list of flats\n\n" + flats.to_csv(sep=";", decimal=",", index=False), encoding="utf-16")
    upload(page, server, path)
    expect(page.get_by_text("200 rows, 4 columns (semicolon-separated, utf-16, decimal comma)")).to_be_visible()
    expect(page.get_by_text("1 line before the table is left out")).to_be_visible()
    metric(page, "Training rows n", "152")

    page.get_by_text("Reading: what was recognised").click()
    choose(page, "Names of columns", "There are none")
    expect(page.get_by_text("201 rows, 4 columns")).to_be_visible()
    choose(page, "Names of columns", "In one row")
    expect(page.get_by_text("200 rows, 4 columns")).to_be_visible()

    page.get_by_text("Prepare: missing values, categories").click()
    choose(page, "Rows with missing values", "Fill (10 cells)")
    metric(page, "Training rows n", "160")
    choose(page, "Predict the target", "Logarithm")
    expect(page.get_by_text("of the variance of log(price) in the")).to_be_visible()
    choose(page, "Test rows", "Stratified by the target")
    page.get_by_role("button", name="Go to the search").click()
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    page.get_by_role("link", name="Data").click()
    metric(page, "Training rows n", "160")


@pytest.mark.parametrize("kind", ["csv.gz", "zip", "parquet", "xlsx"])
def test_every_container(page: Page, server: AppServer, flats: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    text = flats.to_csv(index=False).encode()
    content = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("flats.csv", text)
    elif kind == "parquet":
        flats.to_parquet(content)
    elif kind == "xlsx":
        flats.to_excel(content, index=False)
    else:
        content.write(gzip.compress(text))
    path = tmp_path / f"flats.{kind}"
    path.write_bytes(content.getvalue())
    upload(page, server, path)
    expect(page.get_by_text("200 rows, 4 columns")).to_be_visible()
    metric(page, "Training rows n", "152")


def test_names_that_look_like_code_are_shown(page: Page, server: AppServer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, len(NASTY))), columns=NASTY).assign(y=rng.normal(size=400))
    frame["kind"] = [NASTY[i % 7] for i in range(400)]
    path = tmp_path / "nasty.csv"
    frame.to_csv(path, index=False)
    page.on("dialog", lambda dialog: pytest.fail("a name of the file was executed"))
    upload(page, server, path)
    choose(page, "Target", "y")  # the last column is guessed
    metric(page, "Training rows n", "320")
    expect(page.get_by_text("'kind' is a category: one column for each level")).to_be_visible()
    for name in NASTY[:7]:
        choose(page, "Target", name)
        shown = name.replace("http:", "http:\u2060")  # a joiner keeps the address from becoming a link
        expect(page.get_by_text(f"of the variance of {shown} in the")).to_be_visible()
        assert page.locator("a[href*='example.com']").count() == 0
    assert page.locator(".katex").count() == 0
