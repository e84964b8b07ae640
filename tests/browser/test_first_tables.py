"""The first tables people try, in a real browser, with every setting left as it is: iris and mtcars."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect
from sklearn.datasets import load_iris

from tests.browser.conftest import choose
from tests.browser.test_whole_path import open_search, points, start, upload
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import ROOT


def iris(folder: Path) -> Path:
    """As R writes it: four measures and the species in words."""
    content = load_iris()
    names = ["Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width"]
    frame = pd.DataFrame(content.data, columns=names)
    frame.assign(Species=np.array(content.target_names)[content.target]).to_csv(folder / "iris.csv", index=False)
    return folder / "iris.csv"


def mtcars(_: Path) -> Path:
    """32 cars and ten features, with the names of the cars in a column of their own."""
    return ROOT / "tests" / "tables" / "mtcars.csv"


@pytest.mark.parametrize(
    ("table", "target", "said", "prediction"),
    [
        (iris, "Species", "'Species' has 3 classes", "Species_probability_setosa"),
        (mtcars, "mpg", "32 rows", "mpg_predicted"),
    ],
)
def test_from_the_table_to_a_prediction(
    page: Page,
    server: AppServer,
    tmp_path: Path,
    table: Callable[[Path], Path],
    target: str,
    said: str,
    prediction: str,
) -> None:
    """The target chosen and Start pressed; with the first trial the study is stopped, and its model predicts the table."""
    path = table(tmp_path)
    upload(page, server, path)
    if target == "Species":
        expect(page.get_by_text("Guessed, change me.")).to_be_visible()  # rightly
    else:
        choose(page, "Target", target)
    expect(page.get_by_text(said).first).to_be_visible()
    open_search(page)
    study = start(page)
    expect(points(page, 0).first).to_be_attached(timeout=120_000)
    stop = page.get_by_role("button", name="Stop", exact=True)
    if stop.count():  # the study may be done by now
        stop.click()
    expect(page.get_by_text(re.compile("^(Stopped|Finished)$")).first).to_be_visible(timeout=60_000)
    page.goto(f"{server.url}/choose?study={study}")
    expect(page.get_by_text(re.compile("Recommended", re.IGNORECASE)).first).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Predict new rows").click()
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text("Predicted by")).to_be_visible(timeout=60_000)
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{target}.png", full_page=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the predictions").click()
    found, given = pd.read_csv(download.value.path()), pd.read_csv(path)
    pd.testing.assert_frame_equal(found[given.columns], given)
    if target == "Species":
        assert prediction in found.columns
        assert (found["Species_predicted"] == given["Species"]).mean() > 0.8
    else:
        assert np.corrcoef(found[prediction], given["mpg"])[0, 1] > 0.85
