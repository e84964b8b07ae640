"""A study on stage in a browser: five pictures, keys, the what-if as Python has it, and the read-only link of its owner."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from kanlab.api import open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.explain.contributions import RowExplainer
from kanlab.explain.what_if import controls_of, row_of
from kanlab.kan.search_space import SearchSpace
from tests.helpers.app_server import AppServer

NAME = "Flats <b>& more</b>"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app over a study of three networks, whose errors grow with the size."""
    home = tmp_path_factory.mktemp("stage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANLAB_HOME", str(home))
        rng = np.random.default_rng(0)
        size, town = rng.uniform(20, 200, 150).round(1), rng.choice(["Aarau", "Bern"], 150)
        sold = pd.to_datetime("2019-01-01") + pd.to_timedelta(rng.integers(0, 2000, 150), unit="D")
        frame = pd.DataFrame({"size": size, "sold": sold, "town": town})
        frame["price"] = 10 * size + 300 * (town == "Bern") + 0.1 * (sold - sold.min()).days
        frame["price"] += size * rng.normal(0, 1, 150)
        data = Dataset.from_frame(frame, "price")
        tune(data, SearchSpace((1, 1), (2, 4), (2, 2)), name=NAME, workers=1)
        server = AppServer(home, KANLAB_SHARE="1", KANLAB_SLOTS="1")
        yield server
        server.close()


def address(stage: AppServer, page: str, **query: str) -> str:
    return f"http://127.0.0.1:{stage.port}/{page}?{urlencode({'study': NAME} | query)}"


def test_five_pictures_and_the_what_if(page: Page, stage: AppServer, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ.get("SHOTS")
    page.emulate_media(reduced_motion="reduce")
    page.goto(address(stage, "model", view="present"))
    expect(page).to_have_url(re.compile(r"/present\?study="))
    assert "<b>" in page.title()
    for number, name in enumerate(("The data", "The search", "The choice", None, "What if"), 1):
        shown = page.locator("section:visible")
        expect(shown).to_have_count(1)
        if name:
            expect(shown).to_have_attribute("aria-label", f"{number} of 5: {name}")
        for width, height in ((1920, 1080), (1280, 720), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            beyond = page.evaluate(
                "Math.max(...[...document.querySelectorAll('section:not([hidden]) *')]"
                ".map(e => e.getBoundingClientRect().right)) - innerWidth"
            )
            assert beyond <= 0, (number, width)
            if folder:
                page.screenshot(path=f"{folder}/present-{number}-{width}.png")
        page.keyboard.press("ArrowRight")
    expect(page.locator("section:visible")).to_have_attribute("aria-label", "5 of 5: What if")  # where it ends
    page.keyboard.press("ArrowLeft")
    expect(page.locator("nav [aria-current]")).to_have_attribute("aria-label", re.compile("^4 of 5"))
    page.locator("nav button").nth(4).click()

    monkeypatch.setenv("KANLAB_HOME", str(stage.log.parent))
    study = open_study(NAME)
    model, data = study.predictor(use="read"), load_data(study.handle)
    controls = controls_of(data, sorted(RowExplainer(model, data).used))
    values = {c.feature: c.start for c in controls}

    def expect_answer() -> None:
        row = model.predict(row_of(data, controls, list(values.values()))).frame.iloc[0]
        figures = [float(row[f"price_{word}"]) for word in ("predicted", "lower", "upper")]
        text = [f"{v:.4g}" for v in figures]
        expect(page.locator(".figure")).to_have_text(text[0])
        expect(page.locator(".answer .note").first).to_have_text(f"90% interval: {text[1]} to {text[2]}")

    expect_answer()
    size = page.get_by_role("slider", name="size")
    size.focus()
    size.press("End")
    values["size"] = next(c.high for c in controls if c.feature == "size")
    expect_answer()
    page.get_by_role("combobox", name="town").select_option("Bern")
    values["town"] = "Bern"
    expect_answer()
    page.locator("input[type=date]").fill("2021-03-05")
    values["sold"] = date(2021, 3, 5)
    expect_answer()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Present")).to_be_visible(timeout=60_000)
    assert "/choose?study=" in page.url


def test_a_read_only_link_shows_the_presentation_and_nothing_else(
    page: Page, browser: Browser, stage: AppServer
) -> None:
    page.goto(address(stage, "live"))

    def made() -> str:
        page.get_by_role("button", name="Manage").click(timeout=60_000)
        page.get_by_text("Links", exact=True).click()
        page.get_by_role("button", name=re.compile("^Make a")).click()
        link = page.get_by_test_id("stCode").filter(has_text="&link=")
        expect(link).to_be_visible()
        return link.inner_text().strip()

    link = made()
    guest = browser.new_context()
    seen, asked = guest.new_page(), []
    seen.on("request", lambda request: asked.append(request.url))
    answer = seen.goto(link)
    assert answer is not None
    assert answer.status == 200
    expect(seen.get_by_role("heading", name="150 rows, 3 features: what is price?")).to_be_visible()
    assert [url for url in asked if not url.startswith("data:")] == [link]  # no session, no file, nothing else
    assert "<form" not in seen.content()
    seen.keyboard.press("Escape")
    expect(seen).to_have_url(re.compile("link="))

    def status(url: str) -> int:
        return guest.request.get(url).status

    token = link.rpartition("link=")[2]
    assert status(link.replace(token, token[:-1] + ("a" if token[-1] != "a" else "b"))) == 404
    assert status(re.sub("study=[^&]*", "study=other", link)) == 404
    assert guest.request.post(link).status in (403, 404, 405)
    page.keyboard.press("Escape")
    page.reload()
    again = made()  # which ends the first
    assert (status(link), status(again)) == (404, 200)
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("button", name="Make a link")).to_be_visible()
    assert status(again) == 404
    guest.close()
