"""The main job in a real browser: from a CSV to live points, with stock pykan networks."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Held
from tests.helpers.app_server import AppServer


def upload(page: Page, server: AppServer, path: Path) -> None:
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text("Training rows n")).to_be_visible()


def open_search(page: Page) -> None:
    page.get_by_role("button", name="Go to the search").click()
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def make_it_slow(page: Page) -> None:
    """So many starts that the study still runs when the test has seen what it wants, on any machine."""
    page.get_by_text("More settings").click()
    starts = page.get_by_role("spinbutton", name="Starts per configuration")
    starts.fill("64")
    starts.press("Enter")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def start(page: Page) -> str:
    """Press Start; returns the study's name from the address."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/live\?study="))
    return page.url.split("study=")[1].partition("&")[0]


def points(page: Page, chart: int) -> Locator:
    """Trials drawn in a chart: the symbols that have a tooltip of a trial."""
    return page.get_by_test_id("stVegaLiteChart").nth(chart).locator('path[aria-label*="trial:"]')


def done(page: Page) -> int:
    """Trials done, as the status line says."""
    words = page.get_by_text(re.compile(r"^\d+ of \d+ trials")).first.inner_text()
    return int(words.split()[0])


def test_from_a_csv_to_live_points_and_back(page: Page, server: AppServer, csv: Path) -> None:
    upload(page, server, csv)
    expect(page.get_by_text("442 rows, 11 columns")).to_be_visible()
    open_search(page)

    expect(page.get_by_text("Of 270 configurations, 116 are admissible")).to_be_visible()
    thumb = page.get_by_role("slider", name="Hidden neurons").last
    thumb.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Of 54 configurations, 54 are admissible")).to_be_visible()

    make_it_slow(page)
    study = start(page)
    assert study == "patients-1"
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    expect(points(page, 0).first).to_be_attached(timeout=60_000)
    early = points(page, 0).count()
    expect(page.get_by_text("Running", exact=True)).to_be_visible()  # the points are there while the study runs
    wait_for(lambda: points(page, 0).count() > early)
    expect(page.get_by_text("Pareto front: fit against complexity")).to_be_visible()
    assert points(page, 1).count() >= early
    expect(page.get_by_text("lowest AICc", exact=True).first).to_be_attached()

    page.reload()
    expect(page.get_by_role("heading", name="patients-1")).to_be_visible()
    expect(points(page, 0).first).to_be_attached()
    assert done(page) >= early

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    count = done(page)
    assert 0 < count < 54
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    sent = watch_frames(page)
    time.sleep(4)
    assert not sent, "the page still polls although the study has ended"
    assert done(page) == count


def wait_for(condition, seconds: float = 60.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def watch_frames(page: Page) -> list[str]:
    """What the page sends from now on. (A reload makes a socket that can be watched.)"""
    sent: list[str] = []

    def watch(socket) -> None:  # type: ignore[no-untyped-def]
        socket.on("framesent", lambda data: sent.append("frame"))

    page.on("websocket", watch)
    page.reload()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.get_by_text("Open in optuna-dashboard").first).to_be_visible()
    time.sleep(2)
    sent.clear()
    return sent


def test_the_process_of_the_pages_loads_neither_torch_nor_pykan(page: Page, command: AppServer, csv: Path) -> None:
    upload(page, command, csv)
    open_search(page)
    start(page)
    expect(points(page, 0).first).to_be_attached(timeout=60_000)
    maps = Path(f"/proc/{command.ui_pid}/maps").read_text()
    assert "pyarrow" in maps  # the check can see libraries at all
    assert "/torch/" not in maps
    assert "matplotlib" not in maps


def test_two_studies_at_once_do_not_disturb_one_another(browser: Browser, server: AppServer, csv: Path) -> None:
    contexts = [browser.new_context(viewport={"width": 1280, "height": 1000}) for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    names = []
    for each in pages:
        upload(each, server, csv)
        open_search(each)
        make_it_slow(each)
        names.append(start(each))
    assert sorted(names) == ["patients-1", "patients-2"]
    for each in pages:
        expect(points(each, 0).first).to_be_attached(timeout=90_000)
    pages[0].get_by_role("button", name="Stop", exact=True).click()
    expect(pages[0].get_by_text("Stopped", exact=True)).to_be_visible()
    before = done(pages[1])
    wait_for(lambda: done(pages[1]) > before)
    expect(pages[1].get_by_text("Running", exact=True)).to_be_visible()
    for context in contexts:
        context.close()


def test_a_link_to_a_study_is_the_first_thing_a_server_sees(page: Page, server: AppServer) -> None:
    page.goto(f"{server.url}/live?study=nothing-of-the-kind")
    expect(page.get_by_text("There is no study 'nothing-of-the-kind'")).to_be_visible()
    expect(page.get_by_role("link", name="Studies", exact=True).first).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)  # the page was opened through app.py


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"\n", "is empty"),
        ("image.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "is a binary file"),
        ("text.csv", b"a,b\nx,y\nz,w\nu,v\n", "No column of this table holds numbers"),
    ],
)
def test_a_bad_file_gets_one_sentence_and_the_next_one_works(
    page: Page, server: AppServer, csv: Path, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    bad = tmp_path / name
    bad.write_bytes(content)
    page.goto(server.url)
    page.locator("input[type=file]").set_input_files(bad)
    alert = page.get_by_test_id("stAlert")
    expect(alert.filter(has_text=sentence)).to_be_visible()
    expect(alert).to_have_count(1)
    page.locator("input[type=file]").set_input_files(csv)
    expect(page.get_by_text("442 rows, 11 columns")).to_be_visible()


def test_markup_in_names_is_shown_as_it_is(page: Page, server: AppServer, tmp_path: Path) -> None:
    nasty = tmp_path / "<b>x<b> $y$.csv"
    rows = "\n".join(f"{i},{i % 7},{(i * 37) % 11}" for i in range(60))
    nasty.write_text("[a](http://example.com),**b**,<img src=x onerror=alert(1)>\n" + rows)
    page.on("dialog", lambda dialog: pytest.fail("a name of the file was executed"))
    upload(page, server, nasty)
    expect(page.get_by_role("heading", name="<b>x<b> $y$.csv")).to_be_visible()
    expect(page.get_by_text("of the variance of <img src=x onerror=alert(1)> in the")).to_be_visible()
    assert page.get_by_role("link", name="a", exact=True).count() == 0


def test_a_click_on_a_point_shows_its_trial_everywhere(page: Page, held: Held, csv: Path) -> None:
    upload(page, held.app, csv)
    open_search(page)
    start(page)
    wait_for(lambda: page.get_by_test_id("stVegaLiteChart").count() >= 3 and points(page, 0).count() >= 2)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    top = points(page, 1).last  # drawn last, so nothing lies over it
    label = top.get_attribute("aria-label") or ""
    number = re.search(r"trial: (\d+)", label)
    assert number
    top.click(force=True)
    expect(page.get_by_text(f"Trial {number[1]}:")).to_be_visible()
