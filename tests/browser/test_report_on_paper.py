"""The report in a real browser, from a file without a network: the search played back, and printed on paper."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.export.bundle import bundle
from kanlab.kan.search_space import SearchSpace

SCROLLS = "scrollable-region-focusable"  # browsers have what scrolls in the order of Tab by themselves
NAME = 'Café "Nord" study'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study of eight networks."""
    home = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANLAB_HOME", str(home / "home"))
        rng = np.random.default_rng(0)
        x = rng.uniform(-1, 1, (120, 2))
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.sin(3 * x[:, 0]) + x[:, 1] ** 2})
        frame["y"] += rng.normal(0, 0.1, 120)
        study = tune(Dataset.from_frame(frame, "y"), SearchSpace((1, 2), (2, 5), (2, 2)), name=NAME, workers=1)
        made = bundle(study.handle, study.predictor(use="read"), load_data(study.handle))
    path = home / "report.html"
    path.write_text(made.files["report.html"], encoding="utf-8")
    return path


def test_a_report_plays_the_search_back_without_a_network(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce", offline=True)
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(report.as_uri())
    box = page.locator(".playback")
    shown, slider = box.locator(".trial:not(.later)"), box.get_by_role("slider", name="Trials shown")
    expect(shown).to_have_count(8)
    slider.focus()
    slider.press("Home")
    expect(shown).to_have_count(1)
    slider.press("ArrowRight")
    expect(shown).to_have_count(2)
    said = box.locator("output")
    expect(said).to_have_text(re.compile(r"^2 of 8\. Trial 1: .*Lowest AICc so far: Trial [01]: "))
    low = min(
        box.locator(".trial").evaluate_all("all => all.slice(0, 2).map(p => [+p.dataset.aicc, p.getAttribute('cx')])")
    )
    assert box.locator(".best").get_attribute("cx") == low[1]
    box.get_by_role("button", name="Play").click()
    expect(said).to_have_text(re.compile(r"^8 of 8\."))
    expect(box.get_by_role("button", name="Play")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [v["id"] for v in Axe().run(page).response["violations"] if v["id"] != SCROLLS] == []
    assert not problems
    context.close()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_report_on_paper(page: Page, report: Path, paper: str, tmp_path: Path) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(report.as_uri())
    page.get_by_role("slider", name="Trials shown").fill("1")  # paper shows all
    made = Path(os.environ.get("SHOTS", tmp_path)) / f"{paper}.pdf"
    page.pdf(path=made, format=paper)
    pages = [each.extract_text() for each in PdfReader(made).pages]
    for number, text in enumerate(pages, 1):
        assert NAME in text
        assert f"{number} of {len(pages)}" in text
    whole = "\n".join(pages)
    assert "Play" not in whole.split()
    assert "1 of 8" not in whole
    table = next(text for text in pages if "Models by AICc" in text)
    assert table.count("hidden neuron") >= 8  # not torn apart
    assert all("Each point is a network" in text for text in pages if "The search, trial by trial" in text)
    assert all(
        "training row Cook" in " ".join(text.split()) for text in pages if "most influential training rows" in text
    )
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.bar')).printColorAdjust") == "exact"
    expect(page.locator(".trial:visible")).to_have_count(8)
