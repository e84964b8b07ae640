"""The way from a table to a report in a real browser: the next step on each page, one answer, and what a reload keeps."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import kanlab
from tests.helpers.studies import wait_for

LONG = "Acceleration from 0 to 60 miles per hour, in seconds"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Few columns, one of them with a long name."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (90, 2))
    frame = pd.DataFrame({"Weight of the car without load": x[:, 0], "b": x[:, 1]})
    frame[LONG] = np.sin(2 * x[:, 0]) * x[:, 1] + 0.1 * rng.normal(size=90)
    frame.to_csv(tmp_path / "cars.csv", index=False)
    return tmp_path / "cars.csv"


def no_none(page: Page) -> None:
    """No word of the page is None, and nothing is an exception."""
    expect(page.get_by_text("None", exact=True)).to_have_count(0)
    assert page.get_by_test_id("stException").count() == 0


def headings_in_order(page: Page) -> None:
    """One heading of level 1 comes first, and no level is left out on the way down."""
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(h => h.offsetParent).map(h => +h.tagName[1])"
    )
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels


def test_uploads_and_choices_survive_a_reload_and_belong_to_one_browser(
    page: Page, server: AppServer, table: Path
) -> None:
    page.goto(server.url)
    expect(page.get_by_role("button", name="Start this example")).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    page.locator("input[type=file]").set_input_files(table)
    expect(page.get_by_text("Guessed, change me.")).to_be_visible()
    no_none(page)
    headings_in_order(page)
    choose(page, "Target", "b")
    expect(page.get_by_text("Guessed, change me.")).to_have_count(0)
    expect(page.get_by_text("90 rows, 3 columns")).to_be_visible()
    page.wait_for_url(re.compile(r"\?table=[0-9a-f]{32}"))

    page.reload()
    expect(page.get_by_text("90 rows, 3 columns")).to_be_visible()
    expect(page.get_by_text("Guessed, change me.")).to_have_count(0)
    expect(
        page.get_by_text(re.compile("explains .* of the variance of b in|A network has to be worth")).first
    ).to_be_visible()

    page.get_by_role("button", name="Go to the search").click()
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    no_none(page)
    headings_in_order(page)
    page.wait_for_url(re.compile(r"\?data=data-[0-9a-f]{32}"))
    thumb = page.get_by_role("slider", name="Hidden neurons").last
    thumb.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text(re.compile(r"Of 54 configurations"))).to_be_visible()
    kept = next((server.home / "tables").glob("*/data-*/about.json"))
    wait_for(lambda: '"neuron_num": [1, 2]' in kept.read_text())
    page.reload()
    expect(page.get_by_text(re.compile(r"Of 54 configurations"))).to_be_visible()
    expect(page.get_by_text("predict b from 2 features")).to_be_visible()

    address = page.url
    assert page.context.browser is not None
    other = page.context.browser.new_context().new_page()  # another browser has another secret
    other.goto(address)
    expect(other.get_by_text("There is no data yet")).to_be_visible()
    other.goto(server.url + "/?table=" + "0" * 32)
    expect(other.get_by_text("Nothing is chosen yet")).to_be_visible()
    other.context.close()


def test_each_page_of_a_study_ends_with_the_next_step_and_gives_the_same_answer(
    page: Page, server: AppServer, table: Path
) -> None:
    arguments = [str(table), "--target", LONG, "--neuron-num", "1:2", "--grid", "2:3", "--k", "2:2", "--study", "cars"]
    kanlab("tune", *arguments, home=server.home)

    page.goto(f"{server.url}/choose")
    expect(page.get_by_role("link", name="Go to Studies")).to_be_visible()
    page.get_by_role("link", name="Go to Studies").click()
    expect(page.get_by_role("heading", name="Studies", exact=True)).to_be_visible()
    no_none(page)
    headings_in_order(page)

    page.goto(f"{server.url}/live?study=cars")
    expect(page.get_by_text("4 of 4 trials ·")).to_be_visible()
    expect(page.get_by_text(re.compile("^Recommended"))).to_be_visible()
    expect(page.get_by_text("AICc by trial, and its running minimum").first).to_be_visible()  # the charts are drawn
    expect(page.get_by_text(re.compile("so far", re.IGNORECASE))).to_have_count(0)
    expect(page.get_by_text(re.compile("^recommended")).first).to_be_attached()  # the row of the table of trials
    no_none(page)
    headings_in_order(page)
    page.get_by_role("button", name="Next: choose a model").click()

    expect(page.get_by_role("heading", name=re.compile("^Take the average of "))).to_be_visible()
    for row in ("recommended to predict", "recommended to read"):  # of the leaderboard, which has no other answer
        expect(page.get_by_text(row, exact=True).first).to_be_attached()
    expect(page.get_by_text("recommended", exact=True)).to_have_count(0)
    expect(page.get_by_text(re.compile("so far", re.IGNORECASE))).to_have_count(0)
    no_none(page)
    headings_in_order(page)
    page.get_by_role("button", name="Next: look into the model").click()

    expect(page.get_by_role("heading", name="Model: cars")).to_be_visible()
    choose(page, "Model", re.compile("^ridge model"))
    expect(page.get_by_text("The ridge model", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("so far", re.IGNORECASE))).to_have_count(0)
    no_none(page)
    headings_in_order(page)
    page.get_by_role("button", name="Next: export the model").click()

    expect(page.get_by_role("heading", name="Export: cars")).to_be_visible()
    report = page.frame_locator("iframe").first
    expect(report.get_by_role("heading", name="What the features do")).to_be_visible(timeout=60_000)
    expect(report.get_by_role("heading", name="Models by AICc")).to_be_visible()
    no_none(page)
    headings_in_order(page)
    page.get_by_role("button", name="Start with another table").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
