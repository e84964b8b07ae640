"""Why, and what if, in a real browser: the waterfall of a row, a slider that moves all of it, a link that shows the same."""

from __future__ import annotations

import os
import re
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from kanlab.api import open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.explain.what_if import controls_of, row_of
from kanlab.kan.search_space import SearchSpace
from tests.helpers.app_server import AppServer


def test_a_row_is_explained_and_changed(page: Page, server: AppServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(server.home))
    rng = np.random.default_rng(0)
    size, age = rng.uniform(20, 200, 120).round(), rng.uniform(0, 80, 120)
    town = rng.choice(["Aarau", "Bern"], 120)
    frame = pd.DataFrame({"size": size, "age": age, "town": town})
    frame["price"] = 10 * size + 3 * np.sqrt(size) * age * (town == "Bern") + rng.normal(size=120)
    data = Dataset.from_frame(frame, "price")
    tune(data, SearchSpace((2, 2), (3, 3), (2, 2)), name="flats", workers=1)
    model = open_study("flats").predictor(use="read")
    folder = os.environ.get("SHOTS")

    page.goto(f"{server.url}/model?study=flats")
    page.get_by_role("tab", name="Why").click(timeout=60_000)
    chart = page.locator(".stVegaLiteChart").first
    expect(chart).to_be_visible(timeout=60_000)
    first = model.fitted.predict_flagged(data.X_test[:1])[0][0]
    expect(page.get_by_text(f"Predicted price: {first:,.5g}.")).to_be_visible()
    page.get_by_label("Row, 1 to").fill("2")
    page.get_by_label("Row, 1 to").press("Enter")
    second = model.fitted.predict_flagged(data.X_test[1:2])[0][0]
    expect(page.get_by_text(f"Predicted price: {second:,.5g}.")).to_be_visible()
    expect(page.get_by_text("Shapley values against")).to_be_visible()
    if folder:
        page.screenshot(path=f"{folder}/why.png", full_page=True)

    page.get_by_role("tab", name="What if").click()
    answer = page.locator(".st-key-what-if-answer")
    controls = controls_of(data, ["size", "age", "town"])
    typical = [c.start for c in controls]

    def predicted(values: list[object]) -> str:
        return f"{model.predict(row_of(data, controls, values)).frame['price_predicted'][0]:,.5g}"  # type: ignore[arg-type]

    expect(answer).to_contain_text(predicted(typical))
    slider = page.get_by_role("slider", name="size")
    slider.focus()
    slider.press("End")
    most = [controls[0].high, *typical[1:]]
    expect(answer).to_contain_text(predicted(most))
    expect(page).to_have_url(re.compile(r"study=flats&x\.size=\d+$"))
    link = page.url
    page.get_by_role("button", name="The typical row").click()
    expect(answer).to_contain_text(predicted(typical))
    expect(page).to_have_url(re.compile(r"study=flats$"))

    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{link}&x.town=Bern&x.age=oldest&x.none=1")  # nonsense is left out
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true", timeout=60_000)
    expect(answer).to_contain_text(predicted([*most[:2], "Bern"]))
    page.get_by_text("Large type").click()
    figure = page.locator(".st-key-what-if-large [data-testid=stMetricValue]")
    expect(figure).to_be_visible()
    assert float(figure.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) > 80
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if folder:
        page.screenshot(path=f"{folder}/what-if.png", full_page=True)

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{link}&model=linear")  # a link says which model as well
    linear = open_study("flats").predict(row_of(data, controls, most), family="linear").frame["price_predicted"][0]
    expect(answer).to_contain_text(f"{linear:,.5g}", timeout=60_000)
    expect(page).to_have_url(re.compile("model=linear"))

    page.get_by_role("tab", name="Diagnostics").click()  # a click on a row of the influence chart selects it
    points = page.locator(".st-key-influence .stVegaLiteChart")
    expect(points).to_be_visible(timeout=60_000)
    without = page.get_by_role("button", name="Fit without the selected rows")
    expect(without).to_be_disabled()
    for _ in range(10):  # until the chart listens
        points.click()
        with suppress(AssertionError):
            expect(without).to_be_enabled(timeout=6_000)
            break
    expect(without).to_be_enabled()
    a_formula_is_clicked(page, server)


def a_formula_is_clicked(page: Page, server: AppServer) -> None:
    """A click on a point of the front shows the formula of that point, and its ring."""
    front = open_study("flats").formulas(minutes=0.005, workers=1)
    assert len(front) > 1
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{server.url}/model?study=flats")
    page.get_by_role("tab", name="Formula").click(timeout=60_000)
    chart = page.locator('[role="graphics-document"][aria-label*="The front of formulas"]')
    box = page.get_by_role("combobox", name="Formula", exact=True)
    expect(box).to_have_value(re.compile(r"\(recommended\)$"), timeout=60_000)
    other = next(f for f in front if str(f) != str(open_study("flats").formula))
    clicked = re.compile(rf"complexity {other.complexity}( \(tied\))?$")
    point = chart.locator(f'[aria-roledescription="point"][aria-label*="complexity: {other.complexity};"]').first
    for _ in range(4):  # a click on a page that is being drawn goes astray
        point.click()
        with suppress(AssertionError):
            expect(box).to_have_value(clicked, timeout=5000)
            break
    expect(box).to_have_value(clicked)
    expect(page.locator(".st-key-equation-searched .katex").first).to_be_visible()
