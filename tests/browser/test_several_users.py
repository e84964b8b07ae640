"""Two browsers on one server: both see the study, the owner controls it; and a server killed in the middle of a study."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from kanlab.study.handle import load_study
from tests.browser.conftest import Held
from tests.browser.test_whole_path import make_it_slow, open_search, start, upload
from tests.helpers.app_server import AppServer
from tests.helpers.studies import finished, numbers, wait_for


def test_others_see_the_study_the_owner_controls_it(browser: Browser, held: Held, csv: Path) -> None:
    server = held.app
    mine, theirs = (browser.new_context(viewport={"width": 1280, "height": 1000}) for _ in range(2))
    owner, guest = mine.new_page(), theirs.new_page()
    upload(owner, server, csv)
    open_search(owner)
    start(owner)
    expect(owner.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    owner.wait_for_url(re.compile(r"study=patients-1"))
    assert "key=" not in owner.url
    (cookie,) = (c for c in mine.cookies() if c["name"] == f"kanlab_browser_{server.url.rpartition(':')[2]}")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    owner.get_by_role("button", name="Manage").click()
    owner.get_by_text("Links", exact=True).click()
    link = owner.get_by_test_id("stDialog").get_by_test_id("stCode").nth(1).inner_text().strip()
    assert "key=" in link
    owner.keyboard.press("Escape")

    guest.goto(f"{server.url}/live?study=patients-1")
    expect(guest.get_by_text("View only").first).to_be_visible()
    expect(guest.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    guest.get_by_role("button", name="Manage").click()
    expect(guest.get_by_text("Duplicate with other ranges")).to_be_visible()
    expect(guest.get_by_text("Delete", exact=True)).to_have_count(0)
    guest.keyboard.press("Escape")
    assert "key=" not in guest.url

    owner.reload()
    expect(owner.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    again = mine.new_page()  # the same browser without the link: its cookie tells
    again.goto(f"{server.url}/live?study=patients-1")
    expect(again.get_by_role("button", name="Stop", exact=True)).to_be_visible()

    guest.goto(link)  # who has the owner's link controls it too
    expect(guest.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    assert "key=" not in guest.url
    guest.go_back()
    assert "key=" not in guest.url
    guest.goto(f"{server.url}/live?study=patients-1")  # a cookie keeps it
    guest.get_by_role("button", name="Stop", exact=True).click()
    for page in (guest, owner):
        expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
    guest.get_by_role("button", name="Manage").click()
    guest.get_by_text("Delete", exact=True).click()
    guest.get_by_text("I want to delete it").click()
    guest.get_by_test_id("stDialog").get_by_role("button", name="Delete").click()
    expect(guest.get_by_text("There is no study yet")).to_be_visible()
    for context in (mine, theirs):
        context.close()


def test_a_killed_server_is_told_and_resumed(page: Page, command: AppServer, csv: Path) -> None:
    upload(page, command, csv)
    open_search(page)
    make_it_slow(page)
    start(page)
    expect(page.get_by_text("Running", exact=True)).to_be_visible()
    study = load_study("patients-1", storage_url=f"sqlite:///{command.home / 'studies.db'}")
    wait_for(lambda: len(finished(study)) >= 2, 120)
    os.kill(command.ui_pid, signal.SIGKILL)
    command.process.wait(20)
    before = numbers([r for r in study.records() if r.state != "running"])
    again = AppServer(command.home, command=True, port=command.port, KANLAB_SLOTS="2")
    try:
        page.goto(page.url)
        expect(page.get_by_text("Interrupted", exact=True)).to_be_visible()
        expect(page.get_by_text("ended before it was done")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("Running", exact=True)).to_be_visible()
        expect(page.get_by_text("Starting the workers.")).to_be_hidden(timeout=60_000)  # the page is at rest
        wait_for(lambda: len(finished(study)) > len(before), 120)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_text("Stopped", exact=True)).to_be_visible()
        after = numbers(study.records())
        assert [row for row in after if row in before] == before  # lost: 0
        assert len({row[1] for row in after}) == len(after) > len(before)  # duplicated: 0
    finally:
        again.close()
