"""From the Model page to a bundle on disk that predicts, in a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import kanlab


def test_a_network_is_looked_at_and_taken_away(page: Page, server: AppServer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 2))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y})
    frame.to_csv(tmp_path / "paper.csv", index=False)
    ranges = ["--neuron-num", "1:1", "--grid", "5:6", "--k", "3:3"]
    kanlab("tune", str(tmp_path / "paper.csv"), "--target", "y", "--study", "paper", *ranges, home=server.home)
    page.goto(f"{server.url}/model?study=paper")
    expect(page.get_by_test_id("stImage").locator("img")).to_be_visible(timeout=60_000)
    assert page.get_by_test_id("stImage").locator("img").evaluate("i => i.complete && i.naturalWidth > 200")
    with page.expect_download() as diagram:
        page.get_by_role("button", name="Download the diagram").click()
    assert diagram.value.path().read_text().startswith("<svg")
    with page.expect_download() as diagram:
        page.get_by_role("button", name="As PNG").click()
    assert diagram.value.suggested_filename == "network.png"
    with Image.open(diagram.value.path()) as picture:
        assert picture.width == 3 * page.get_by_test_id("stImage").locator("img").evaluate("i => i.naturalWidth")
        assert len(picture.convert("L").getcolors(256) or ()) > 10  # something is drawn

    page.get_by_role("tab", name="Edges").click()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    page.get_by_role("tab", name="Features").click()
    expect(page.get_by_text("Permutation importance").first).to_be_attached()
    page.get_by_role("tab", name="Diagnostics").click()
    expect(page.get_by_text("The most influential rows", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(7)
    for title in ("Normal quantiles", "Scale-location", "Influence of", "Residuals along"):
        expect(page.locator(f'[role="graphics-document"][aria-label*="{title}"]')).to_have_count(1)
    expect(page.get_by_role("button", name="Fit without the selected rows")).to_be_disabled()
    page.get_by_role("tab", name="Formula").click()
    expect(page.locator(".katex").first).to_be_visible()
    expect(page.get_by_text("The formula is an approximation of the network")).to_be_visible()
    page.get_by_text("As Python").click()
    expect(page.get_by_test_id("stCode").first).to_contain_text(re.compile(r"np\.exp\(.*np\.sin\(3\.14159\d* \* x1\)"))

    page.get_by_role("link", name="Export this study").click()
    expect(page.get_by_role("heading", name=re.compile("^Export: paper"))).to_be_visible()
    assert "study=paper" in page.url
    choose(page, "Model", "the recommended model to read")  # an average of two predicts better, and has no formula
    expect(page.get_by_role("button", name="Diagram")).to_be_visible(timeout=60_000)
    with page.expect_download() as bundle:
        page.get_by_role("button", name="Download the bundle").click()
    with zipfile.ZipFile(bundle.value.path()) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / bundle.value.suggested_filename.removesuffix(".zip")
    done = subprocess.run(
        [sys.executable, "-I", "predict.py", str(tmp_path / "paper.csv"), "out.csv"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(folder / "out.csv")["y_predicted"]
    assert np.sqrt(np.mean((predicted - y) ** 2)) < 0.1
    with page.expect_download() as report:
        page.get_by_role("button", name="Report").click()
    page.goto(report.value.path().rename(tmp_path / "report.html").as_uri())
    expect(page.get_by_role("heading", name="paper", exact=True)).to_be_visible()
    curves = page.locator('figure svg[aria-label^="Partial dependence"]').count()
    assert 1 <= curves <= 4
    of_figures = page.locator("figure:not(.playback) svg").count()
    of_rows = of_figures - curves  # predicted vs observed, residuals, quantiles, leverage
    assert of_rows == 4
    assert page.locator("svg").count() == 3 + curves + of_rows  # with the network, the playback, and AICc against K
