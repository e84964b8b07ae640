"""New rows predicted in a real browser by a study of the logarithm of its target."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import kanlab


def test_new_rows_are_predicted(page: Page, server: AppServer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    area = rng.uniform(20, 200, 150)
    price = 1000 * area * np.exp(rng.normal(0, 0.1, 150))
    kind = rng.choice(["yes", "no", "unknown"], 150)
    pd.DataFrame({"area": area, "garden": kind, "price": price}).to_csv(tmp_path / "flats.csv", index=False)
    arguments = ["--target", "price", "--neuron-num", "1:2", "--grid", "2:3", "--k", "2:2", "--target-scale", "log"]
    kanlab("tune", str(tmp_path / "flats.csv"), *arguments, "--fill-gaps", "--study", "flats", home=server.home)

    page.goto(f"{server.url}/choose?study=flats")
    expect(page.get_by_role("button", name="Download the models")).to_be_visible(timeout=60_000)  # it is drawn
    page.get_by_role("tab", name="Predict new rows").click()
    new = tmp_path / "new.csv"
    new.write_text("area,garden,who\n50,no,=HYPERLINK(1)\n100,yes,<b>Ann</b>\n9000,never,$x$\n")
    page.locator("input[type=file]").set_input_files(new)
    expect(page.get_by_text("Predicted by")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("levels that were not in the training rows: 'never'")).to_be_visible()
    expect(page.get_by_text("1 of 3 rows lie outside the range of the training rows")).to_be_visible()
    expect(page.get_by_text("'price_lower' to 'price_upper' should hold the target in 90% of rows")).to_be_visible()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/predict.png", full_page=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the predictions").click()
    text = Path(download.value.path()).read_text()
    assert "'=HYPERLINK(1)" in text
    got = pd.read_csv(download.value.path())
    assert got.columns.tolist() == [
        "area",
        "garden",
        "who",
        "price_predicted",
        "price_lower",
        "price_upper",
        "price_extrapolates",
    ]
    np.testing.assert_allclose(got["price_predicted"][:2], [50_000, 100_000], rtol=0.15)
    assert got["price_extrapolates"].tolist() == [False, False, True]

    # a comma where training had a point is said, and one choice reads it
    german = tmp_path / "german.csv"
    german.write_text("area;garden\n50,5;no\n100,25;yes\n")
    page.locator("input[type=file]").set_input_files(german)
    said = "'area' holds '50,5', '100,25', and in training it held numbers with a decimal point"
    expect(page.get_by_text(said)).to_be_visible(timeout=60_000)
    page.get_by_text("Reading: as the training table").click()
    choose(page, "Decimal sign", "Comma, 3,14")
    expect(page.get_by_text("'area' holds '50,5'")).to_have_count(0, timeout=60_000)
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/german.png", full_page=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the predictions").click()
    got = pd.read_csv(download.value.path(), dtype={"area": str})
    assert got["area"].tolist() == ["50,5", "100,25"]
    np.testing.assert_allclose(got["price_predicted"], [50_500, 100_250], rtol=0.15)
    choose(page, "Decimal sign", "As in training")

    broken = tmp_path / "broken.csv"
    broken.write_text("garden\nno\n")
    page.locator("input[type=file]").set_input_files(broken)
    expect(page.get_by_text("There is no column 'area'")).to_be_visible()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/predict2.png", full_page=True)
        page.get_by_role("tab", name="Leaderboard").click()
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{folder}/board.png", full_page=True)
        page.goto(f"{server.url}/live?study=flats")
        page.wait_for_timeout(4000)
        page.screenshot(path=f"{folder}/live.png", full_page=True)
