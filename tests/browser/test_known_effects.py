"""What is known of the effects, on the Search page in a real browser: chosen, refused in a sentence, and kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.test_any_table import upload
from tests.helpers.app_server import AppServer


def add(page: Page, label: str, option: str) -> None:
    """One option more in a box of several, by the keyboard alone."""
    box = page.get_by_test_id("stMultiSelect").filter(has_text=label).get_by_role("combobox")
    for _ in range(8):  # a page that is being drawn swallows keys
        box.click()
        with suppress(PlaywrightTimeout):
            page.get_by_role("option", name=option, exact=True).click(timeout=2000)
            page.keyboard.press("Escape")
            return
    raise AssertionError(f"'{label}' offers no '{option}'")


def test_demands_that_contradict_each_other_are_one_sentence(page: Page, server: AppServer, tmp_path: Path) -> None:
    """Of two classes, whose log-odds can be convex; a category cannot."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"price": rng.uniform(1, 9, 90), "age": rng.uniform(20, 70, 90), "town": rng.choice(["A", "B"], 90)}
    )
    table["bought"] = np.where(table.price + rng.normal(size=90) < 5, "yes", "no")
    path = tmp_path / "sales.csv"
    table.to_csv(path, index=False)
    upload(page, server, path)
    page.get_by_role("button", name="Go to the search").click(timeout=60_000)
    page.get_by_text("What is known of the effects").click(timeout=60_000)
    add(page, "Convex", "price")
    add(page, "Monotone up", "price")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_enabled()
    add(page, "Monotone down", "price")
    sentence = page.get_by_text("'price' cannot be monotone up and monotone down at once; keep one of the two.")
    expect(sentence).to_be_visible(timeout=30_000)
    boxes = page.get_by_test_id("stMultiSelect")
    boxes.filter(has_text="Monotone up").get_by_role("button", name="Remove price").or_(
        boxes.filter(has_text="Monotone up").get_by_label("Clear all")
    ).first.click()
    expect(sentence).to_have_count(0, timeout=30_000)
    expect(start).to_be_enabled()
    boxes.filter(has_text="Convex").get_by_role("combobox").click()
    expect(page.get_by_role("option", name="age", exact=True)).to_be_visible()
    expect(page.get_by_role("option", name="town", exact=True)).to_have_count(0)
