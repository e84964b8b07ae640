"""A study on stage in a browser: five pictures, keys, the what-if as Python has it, and the read-only link of its owner."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from kanlab.api import open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.explain.contributions import RowExplainer
from kanlab.explain.what_if import controls_of, row_of
from kanlab.export.present import story
from kanlab.fonts import FONTS, font_face
from kanlab.kan.search_space import SearchSpace
from kanlab.language import LANGUAGES, say, use
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE
from tests.helpers import counts, many_classes, two_classes
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
    return f"{stage.url}/{page}?{urlencode({'study': NAME} | query)}"


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
            below = "s => s.scrollHeight - s.clientHeight"
            assert width == 390 or shown.evaluate(below) <= 0, (number, width)
            if folder:
                page.screenshot(path=f"{folder}/present-{number}-{width}.png")
        assert [(v["id"], v["nodes"][0]["html"]) for v in Axe().run(page).response["violations"]] == []
        page.keyboard.press("ArrowRight")
    expect(page.locator("section:visible")).to_have_attribute("aria-label", "5 of 5: What if")  # where it ends
    page.keyboard.press("ArrowLeft")
    expect(page.locator("nav [aria-current]")).to_have_attribute("aria-label", re.compile("^4 of 5"))
    page.locator("nav button").nth(4).click()

    monkeypatch.setenv("KANLAB_HOME", str(stage.home))
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


def test_the_file_needs_no_network(
    page: Page, stage: AppServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(stage.home))
    address = open_study(NAME).present(tmp_path / "story.html").as_uri()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.context.set_offline(True)
    page.goto(address)
    for number in range(2, 6):
        page.keyboard.press("ArrowRight")
        expect(page.locator("section:visible")).to_have_attribute("aria-label", re.compile(f"^{number} of 5"))
    figure = page.locator(".figure")
    before = figure.inner_text()
    page.get_by_role("slider", name="size").press("End")
    expect(figure).not_to_have_text(before)
    page.keyboard.press("Escape")  # leads nowhere
    assert page.url.removesuffix("#5") == address
    assert asked == [address]


@pytest.mark.parametrize("task", ["two", "many", "counts"])
def test_classes_and_counts_have_their_intervals_as_in_python(
    page: Page, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path))
    frame, target = {
        "two": (two_classes.table(), "state"),
        "many": (many_classes.table(), "state"),
        "counts": (counts.table(), "events"),
    }[task]
    data = Dataset.from_frame(frame, target, task="counts" if task == "counts" else "auto")
    study = tune(data, SearchSpace((1, 1), (2, 3), (1, 2)), workers=1)
    data, model = load_data(study.handle), study.predictor(use="read")
    text, _ = story(study.handle, model, data).page()
    page.set_content(text)
    if task == "many":  # which line is which class
        page.locator("nav button").nth(3).click()
        legend = page.locator(".lines polyline")
        expect(legend).to_have_count(len(data.levels))
        expect(legend.first).to_have_css(
            "stroke", page.locator(".curves polyline").first.evaluate("e => getComputedStyle(e).stroke")
        )
        expect(legend.first).not_to_have_css("stroke", "none")
    page.locator("nav button").last.click()
    controls = controls_of(data, sorted(RowExplainer(model, data).used))
    values = {c.feature: c.start for c in controls}
    for at in ("Home", "End", None):
        row = model.predict(row_of(data, controls, list(values.values()))).frame.iloc[0]
        if task == "counts":
            said = f"90% interval: {row['events_lower']:.4g} to {row['events_upper']:.4g}"
        else:
            said = f"90% set of classes: {row['state_set']}"
        expect(page.locator(".answer .note").first).to_have_text(said)
        expect(page.locator(".answer .share")).to_have_count({"two": 1, "many": len(data.levels), "counts": 0}[task])
        if at:
            slider = page.get_by_role("slider").first
            slider.press(at)
            name = page.locator("label:has(input[type=range]) span").first.evaluate("e => e.firstChild.textContent")
            control = next(c for c in controls if c.feature == name)
            values[name] = control.low if at == "Home" else control.high


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


def test_the_tour_ends_with_a_formula_and_a_what_if_and_comes_once(page: Page, stage: AppServer) -> None:
    folder = os.environ.get("SHOTS")
    page.goto(f"{stage.url}/")
    start = page.get_by_role("button", name="Take the tour")
    expect(start).to_be_visible(timeout=60_000)
    start.focus()
    start.press("Enter")  # all of it by the keyboard
    for number, name in enumerate(("See which one to take", "See what it has learned", "Try it out"), 1):
        expect(page.get_by_text(f"Tour, {number} of 4.")).to_be_visible(timeout=60_000)
        on = page.get_by_role("button", name=name)
        expect(on).to_be_visible(timeout=300_000)
        if name == "Try it out":
            expect(page.get_by_role("tab", name="Formula")).to_have_attribute("aria-selected", "true")
            expect(page.locator(".katex").first).to_be_visible(timeout=60_000)
        if folder:
            page.screenshot(path=f"{folder}/tour-{number}.png")
        on.focus()
        on.press("Enter")
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true", timeout=60_000)
    answer = page.locator(".st-key-what-if-answer [data-testid=stMetricValue]")
    expect(answer).to_be_visible(timeout=60_000)
    before = answer.inner_text()
    slider = page.get_by_role("slider", name="x1")
    slider.focus()
    slider.press("End")
    expect(answer).not_to_have_text(before)
    if folder:
        page.set_viewport_size({"width": 390, "height": 844})
        page.screenshot(path=f"{folder}/tour-4.png", full_page=True)
    page.get_by_role("button", name="Use my own table").click()
    expect(page.get_by_text("Upload a table")).to_be_visible()
    expect(page.get_by_text("Tour,")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Start this example")).to_be_visible(timeout=60_000)
    expect(start).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chart_is_had_as_png_and_svg(page: Page, stage: AppServer, tmp_path: Path, language: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": stage.url}])
    page.goto(address(stage, "live"))
    charts = page.locator(".stVegaLiteChart svg.marks")
    expect(charts.first).to_be_visible(timeout=60_000)
    for kind in ("PNG", "SVG"):
        with use(language):
            buttons = page.get_by_role("button", name=say({"PNG": "Download as PNG", "SVG": "Download as SVG"}[kind]))
        expect(buttons).to_have_count(charts.count())
        with page.expect_download() as made:
            buttons.first.dispatch_event("click")
        made.value.save_as(tmp_path / f"chart.{kind}")
    assert (tmp_path / "chart.PNG").read_bytes().startswith(b"\x89PNG")
    drawn = ElementTree.fromstring((tmp_path / "chart.SVG").read_text("utf-8"))
    words = " ".join(text.text or "" for text in drawn.iter("{http://www.w3.org/2000/svg}text"))
    with use(language):
        assert say("AICc against {fit}", fit="RSS") in words
    assert "训练行的 RSS（price 单位的平方）" in words or "RSS on the training rows (squared units of price)" in words
    fonts = {text.get("font-family") for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert fonts == {FONTS}  # Streamlit's name is known to its pages alone
    assert "rgb(15, 18, 22)" in ElementTree.tostring(drawn[0]).decode()  # the background of the dark theme
    assert "127.0.0.1" not in (tmp_path / "chart.SVG").read_text("utf-8")
    with use(language):
        faces = font_face(words)
    assert [style.text for style in drawn.iter("{http://www.w3.org/2000/svg}style")] == [faces]
    assert "@font-face" in faces
