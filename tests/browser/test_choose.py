"""The Choose page in a real browser: the recommendation, a warning that is answered, the sensitivity, a validation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import choose
from tests.helpers.app_server import AppServer
from tests.helpers.fork_server import kanlab


@pytest.fixture
def study(server: AppServer, tmp_path: Path) -> str:
    """A study of a curve, made on the command line, whose best network lies at the edge of its range."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (120, 2))
    y = np.sin(2 * x[:, 0]) * x[:, 1] + 0.1 * rng.normal(size=120)
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}).to_csv(tmp_path / "waves.csv", index=False)
    arguments = [str(tmp_path / "waves.csv"), "--target", "y", "--neuron-num", "1:2", "--grid", "2:4", "--k", "2:2"]
    kanlab("tune", *arguments, "--study", "waves", home=server.home)
    return "waves"


def test_choosing(page: Page, server: AppServer, study: str) -> None:
    page.goto(f"{server.url}/choose?study={study}")
    expect(page.get_by_role("heading", name=re.compile("Take the network of trial"))).to_be_visible()
    expect(page.get_by_text("Of all networks it has the lowest AICc by what its fit has spent")).to_be_visible()
    expect(page.get_by_text("lies at the edge of the range")).to_be_visible()

    page.get_by_role("tab", name="Sensitivity").click()
    expect(page.locator(".katex").first).to_be_visible()
    choose(page, "Counting rule", "Trainable")
    expect(
        page.get_by_text("trials are inadmissible under this counting rule").or_(
            page.get_by_text("The ranking by another")
        )
    ).to_be_visible()

    page.get_by_role("tab", name="Map and Pareto front").click()
    expect(page.get_by_text("Pareto front: fit against complexity")).to_be_visible()

    page.get_by_role("button", name="Validate the finalists").click()
    expect(page.get_by_text(re.compile(r"Validation: \d+ of \d+ steps"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"Validation: [1-9]\d* of \d+ steps"))).to_be_visible(timeout=60_000)
    page.reload()
    expect(page.get_by_text(re.compile(r"Validation: \d+ of \d+ steps"))).to_be_visible()
    page.get_by_role("button", name="Stop the validation").click()
    expect(page.get_by_role("button", name="Validate again")).to_be_visible()

    expect(page.get_by_role("button", name="Widen")).to_have_count(1)  # the old page has made way
    page.get_by_role("button", name="Widen").click()
    expect(page.get_by_role("heading", name="Search", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile(r"Of \d+ configurations"))).to_be_visible()
