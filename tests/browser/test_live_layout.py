"""The Live page holds still while a study starts and ends, shows a trial before any click, and an area filters its table."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from kanlab.charts.trial_plot import FRESH_MITER, MITER
from tests.browser.conftest import Held
from tests.browser.test_whole_path import make_it_slow, open_search, points, start, upload, wait_for
from tests.helpers.app_server import AppServer
from tests.helpers.fits import fitted_cells, release

_OBSERVE = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({type: 'layout-shift', buffered: true});
"""


def shift(page: Page) -> float:
    """The sum of all layout shifts ; the usual score is of the worst five seconds only."""
    return float(page.evaluate("window.shifts.reduce((sum, value) => sum + value, 0)"))


def test_nothing_moves_when_a_study_starts_and_ends(page: Page, held: Held, csv: Path) -> None:
    page.add_init_script(_OBSERVE)
    upload(page, held.app, csv)
    open_search(page)
    start(page)
    page.reload()
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    expect(page.get_by_text("AICc against RSS")).to_be_visible()
    page.evaluate("window.shifts.length = 0")  # those of loading any page
    wait_for(lambda: points(page, 0).count() >= 2)
    _new_points_fade_in_unless_motion_is_unwanted(page, held)
    expect(page.get_by_text(re.compile(r"^Trial \d+:"))).to_be_visible()  # nothing has been clicked
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert shift(page) < 0.1


def _new_points_fade_in_unless_motion_is_unwanted(page: Page, held: Held) -> None:
    """Those that arrived since the last look, and no others."""
    names = """(miter) => [...document.querySelectorAll('path[aria-label*="trial:"]')]
        .filter(p => p.getAttribute('stroke-miterlimit') == miter).map(p => getComputedStyle(p).animationName)"""

    def moving() -> tuple[set[str], set[str]]:
        """Animations of the points that have just arrived, and of the others."""
        fresh, others = (set(page.evaluate(names, str(miter))) for miter in (FRESH_MITER, MITER))
        if not fresh or not others:  # let those end that have begun
            release(held.log, len(fitted_cells(held.log)))
        return fresh, others

    wait_for(lambda: moving() == ({"kanlab-arrive"}, {"none"}))
    page.emulate_media(reduced_motion="reduce")
    wait_for(lambda: moving() == ({"none"}, {"none"}))
    page.emulate_media(reduced_motion=None)


def test_a_page_opened_while_the_study_runs_is_drawn_anew_when_it_ends(
    page: Page, server: AppServer, csv: Path
) -> None:
    upload(page, server, csv)
    open_search(page)
    make_it_slow(page)
    name = start(page)
    wait_for(lambda: points(page, 0).count() >= 1)
    chosen = page.context.new_page()
    chosen.goto(f"{server.url}/choose?study={name}")
    expect(chosen.get_by_text("This page shows what is known so far")).to_be_visible(timeout=60_000)
    validate = chosen.get_by_role("button", name="Validate the finalists")
    expect(validate).to_be_disabled()
    words, ground = validate.evaluate(
        "b => [getComputedStyle(b.querySelector('p') || b).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert words != ground
    assert words != "rgb(255, 255, 255)"
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(chosen.get_by_text("This page shows what is known so far")).to_have_count(0, timeout=60_000)
    expect(validate).to_be_enabled()


def test_an_area_filters_the_table_and_zooms(page: Page, held: Held, csv: Path) -> None:
    upload(page, held.app, csv)
    open_search(page)
    start(page)
    wait_for(lambda: points(page, 1).count() >= 4)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    count = points(page, 1).count()
    chart = page.get_by_test_id("stVegaLiteChart").nth(1)
    chart.scroll_into_view_if_needed()
    plot = chart.locator("svg.marks path.background").first.bounding_box()
    last = points(page, 1).last.bounding_box()  # drawn around it, an area holds one trial at least
    assert plot
    assert last
    page.mouse.move(max(plot["x"] + 2, last["x"] - 12), max(plot["y"] + 2, last["y"] - 12))
    page.mouse.down()
    page.mouse.move(last["x"] + 8, last["y"] + 8, steps=4)
    page.mouse.move(last["x"] + 16, last["y"] + 16, steps=4)
    page.mouse.up()
    said = page.get_by_text(re.compile(rf"The table shows \d+ of {count} trials"))
    expect(said).to_be_visible()
    inside = int(re.findall(r"\d+", said.inner_text())[0])
    assert 1 <= inside < count
    page.get_by_role("button", name="Zoom in").click()
    wait_for(lambda: points(page, 1).count() == inside)
    page.get_by_role("button", name="Show all").click()
    wait_for(lambda: points(page, 1).count() == count)
    expect(said).to_have_count(0)
    _the_fits_are_shown_when_opened(page, count)


def _the_fits_are_shown_when_opened(page: Page, count: int) -> None:
    """The timeline and the loss curves, in which a click selects a trial."""
    drawn = page.get_by_test_id("stVegaLiteChart")
    before = drawn.count()
    page.get_by_text("Timeline of the fits, and loss curves of all trials").click()
    bars = page.locator(".st-key-slot-timeline .mark-rule.role-mark line[aria-roledescription]")
    wait_for(lambda: bars.count() == count)
    wait_for(lambda: drawn.count() == before + 2)
    for bar in (bars.first, bars.last):  # one of them is not shown already
        number = (bar.get_attribute("aria-label") or "").split("trial: ")[1].split(";")[0]
        bar.dispatch_event("click")
        expect(page.get_by_text(re.compile(rf"^Trial {number}:"))).to_be_visible()
