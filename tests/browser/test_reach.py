"""The app for everybody: axe-core finds nothing of ours, no page scrolls sideways, no mouse is needed, all is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from kanlab.language import PSEUDO, say, use
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE
from tests.helpers.accessibility import settle, violations
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import ROOT, kanlab
from tests.helpers.untold import untold

_STOP = """() => {
  const e = document.activeElement, s = getComputedStyle(e), tag = e.tagName;
  const name = (e.getAttribute('aria-label') || e.innerText || '').replace(/\\s+/g, ' ').trim();
  const ringed = (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none';
  return {tag, name, seen: ringed || ['BODY', 'MAIN', 'INPUT', 'TEXTAREA', 'TD', 'IFRAME'].includes(tag)};
}"""  # a field is ringed by its frame, a cell by the grid


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app with a finished study, `waves`."""
    folder = tmp_path_factory.mktemp("reach")
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (60, 2))
    y = np.sin(2 * x[:, 0]) + x[:, 1] + 0.1 * rng.normal(size=60)
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_csv(folder / "waves.csv", index=False)
    arguments = ["--target", "y", "--neuron-num", "1:2", "--grid", "2:3", "--k", "2:2", "--study", "waves"]
    kanlab("tune", str(folder / "waves.csv"), *arguments, home=folder / "home")
    server = AppServer(folder / "home", KANLAB_SLOTS="2")
    yield server
    server.close()


@pytest.fixture(scope="module")
def address(app: AppServer) -> str:
    return app.url


_GAPS = """[...document.querySelectorAll('[data-testid="stColumn"]')]
    .filter(c => c.checkVisibility() && !c.textContent && !c.offsetHeight).length"""
PAGES = ("live", "choose", "model", "export", "studies")


@pytest.mark.parametrize(
    ("scheme", "width", "language", "tabs"),
    [
        ("light", 1280, PSEUDO, True),
        ("dark", 390, "en", False),
        ("dark", 1280, "zh", False),
        ("light", 390, "zh", False),
    ],
)
def test_nothing_of_ours_is_out_of_reach(
    page: Page, address: str, scheme: Literal["light", "dark"], width: int, language: str, tabs: bool
) -> None:
    """For axe-core; and in English with accents no word is without, which would stay English in every language."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(color_scheme=scheme)
    page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": address}])
    found: dict[str, list[str]] = {}
    names = ["waves", "csv", "nothing", "mtcars", "rownames", "mpg", "cyl", "disp", "drat", "qsec", "gear", "carb"]

    def look(where: str) -> None:
        wrong = violations(page) + (untold(page, names) if language == PSEUDO else [])
        gaps = page.evaluate(_GAPS) if width < 640 else 0
        if wrong := wrong + ["an empty column below others leaves a gap"] * gaps:
            found[where] = wrong

    with use(language):
        page.goto(address)
        expect(page.get_by_role("button", name=say("Start this example"))).to_be_visible()
        look("an empty home")
        page.locator("input[type=file]").set_input_files(ROOT / "tests" / "tables" / "mtcars.csv")
        expect(page.get_by_role("button", name=say("Go to the search"))).to_be_visible()
        look("data")
        page.get_by_role("button", name=say("Go to the search")).click()
        expect(page.get_by_role("button", name=say("Start"), exact=True)).to_be_visible()
        look("search")
        for name in PAGES:
            page.goto(f"{address}/{name}?study=waves")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            look(name)
            for tab in page.get_by_role("tab").all()[1:] if tabs or name == "model" else []:
                tab.click()
                look(f"{name}, {tab.inner_text()}")
        page.goto(f"{address}/live?study=nothing")
        expect(page.get_by_test_id("stAlert").filter(has_text="nothing")).to_be_visible()
        look("an error")
        page.goto(f"{address}/live?study=waves")
        page.set_viewport_size({"width": 640, "height": 500})  # as wide as 1280 px are at 200%
        look("live at 200%")
    assert found == {}


def test_the_language_is_that_of_the_browser_until_it_is_switched(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{address}/live?study=waves")
    with use("zh"):
        expect(page).to_have_title(f"{say('Live')} · kanlab")
        expect(page.get_by_text(say("Finished"), exact=True)).to_be_visible()  # stored in English
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.get_by_role("link", name="English", exact=True).click()
    expect(page).to_have_title("Live · kanlab")
    expect(page).to_have_url(f"{address}/live?study=waves")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto(f"{address}/choose?study=waves")
    expect(page).to_have_title("Choose · kanlab")  # as the browser keeps it
    page.goto(f"{address}/?lang=zh")
    expect(page.get_by_role("heading", name="数据", level=1)).to_be_visible()
    expect(page.get_by_test_id("stFileUploaderDropzone")).to_contain_text("上传")  # a word of Streamlit's
    context.close()


def test_the_other_language_keeps_a_table_just_brought(browser: Browser, app: AppServer) -> None:
    """The link is drawn before the page has named its table in the address."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(app.url)
    page.locator("input[type=file]").set_input_files(ROOT / "tests" / "tables" / "mtcars.csv")
    expect(page.get_by_role("button", name="Go to the search")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?table="))
    page.get_by_role("link", name="简体中文", exact=True).click()
    with use("zh"):
        expect(page.get_by_role("button", name=say("Go to the search"))).to_be_visible()
        page.get_by_role("button", name=say("Go to the search")).click()
        expect(page.get_by_role("button", name=say("Start"), exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?data="))
    page.get_by_role("link", name="English", exact=True).click()
    expect(page.get_by_role("heading", name="Search", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    context.close()


def tab_to(page: Page, name: str | re.Pattern[str], most: int = 120) -> None:
    """Press Tab until the focus is on what has this name; every stop on the way can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        assert stop["seen"], stop
        if re.search(name, stop["name"]) and stop["tag"] not in ("BODY", "MAIN"):
            return
    pytest.fail(f"Tab does not reach {name}")


def at_the_title(page: Page, title: str) -> None:
    """The new page is whole, begins at its top, and the keyboard is at its title."""
    expect(page.get_by_role("heading", name=title, level=1)).to_be_focused(timeout=60_000)
    settle(page)
    expect(page.get_by_role("heading", name=title, level=1)).to_be_focused()
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop") == 0  # and can be seen
    assert page.evaluate(_STOP)["seen"]


def test_from_an_empty_home_to_a_formula_without_a_mouse(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Start this example")).to_be_visible()
    settle(page)
    tab_to(page, "Start this example")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished", exact=True)).to_be_visible(timeout=240_000)
    settle(page)
    study = page.get_by_role("heading", level=1).inner_text()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert page.title() == "Live · kanlab"
    tab_to(page, "Next: choose a model")
    page.keyboard.press("Space")
    at_the_title(page, f"Choose: {study}")
    tab_to(page, "Next: look into the model")
    page.keyboard.press("Enter")
    at_the_title(page, f"Model: {study}")
    tab_to(page, "^Network$")
    page.keyboard.press("ArrowRight")
    settle(page)
    expect(
        page.get_by_role("tab", name="Formula", exact=True)
    ).to_be_focused()  # the tab that was chosen keeps the focus
    expect(page.locator(".katex-display").first).to_be_visible()
    expect(page.get_by_role("heading", name="The network as a formula")).to_be_visible()


def test_rows_are_selected_by_enter_and_space(page: Page, address: str) -> None:
    page.goto(f"{address}/live?study=waves")
    expect(page.get_by_text(re.compile(r"^Trial \d+:"))).to_be_visible()
    settle(page)
    tab_to(page, "Download the trials")
    page.keyboard.press("Shift+Tab")
    for key in ("Enter", "Space"):
        page.keyboard.press("ArrowUp" if key == "Space" else "ArrowDown")
        cell = page.locator("td:focus")
        number = cell.locator("xpath=../td[2]").inner_text()
        page.keyboard.press(key)
        expect(page.get_by_text(re.compile(rf"^Trial {number}:"))).to_be_visible()
        expect(page.get_by_role("button", name="Back to the best")).to_be_enabled()
    page.goto(f"{address}/studies")
    settle(page)
    tab_to(page, "Fullscreen")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator("td:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Open", exact=True)).to_be_visible()


def test_nothing_moves_where_motion_is_unwanted(page: Page, address: str) -> None:
    moved = "(() => { const s = getComputedStyle(document.querySelector('h1')); return parseFloat(s.transitionDuration); })()"
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/studies")
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
    page.evaluate("document.querySelector('h1').style.transition = 'color 1s'")
    page.wait_for_function(f"{moved} < 0.001")  # the style sheet of the app comes after the heading
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("document.querySelector('h1').style.transition = 'color 1s'")
    page.wait_for_function(f"{moved} === 1")


def test_a_page_that_streamlit_leaves_half_drawn_is_loaded_again(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    page.evaluate(
        "window.before = true; setTimeout(() => { throw new Error('Bad delta path index 6 (should be [0, 4])'); })"
    )
    page.wait_for_function("!window.before")
    settle(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.evaluate("() => { window.before = true; Promise.reject(new Error('Bad delta path index 6')); }")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.before"), "loaded again and again"
