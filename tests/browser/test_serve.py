"""`kanlab serve` as people meet it: its page in Chromium, on a desk and on a telephone, in both themes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from kanlab.export.document import document, document_text
from tests.export.test_code import case
from tests.helpers.fork_server import ROOT


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a model of two classes, one of them named as markup, in a process of its own."""
    folder = tmp_path_factory.mktemp("serve")
    with zipfile.ZipFile(folder / "bundle.zip", "w") as archive:
        archive.writestr("m/model.json", document_text(document(case("two classes").model, {})))
    command = [sys.executable, "-m", "kanlab", "serve", str(folder / "bundle.zip"), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KANLAB_HOME": str(folder / "home")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[2].rstrip(";")
        process.terminate()


def test_a_row_is_predicted(page: Page, url: str) -> None:
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("state")
    page.get_by_label(re.compile("^a")).fill("0.5")
    page.get_by_label(re.compile("^kind")).select_option("g")
    page.get_by_role("button", name="Predict").click()
    result = page.locator("#result")
    expect(result.locator(".value")).to_have_text(re.compile("healthy|ill"))
    expect(result.get_by_text("ill **now** <b>").first).to_be_visible()  # a name, and no markup
    page.get_by_label(re.compile("^a")).fill("9")
    page.get_by_role("button", name="Predict").click()
    expect(result.get_by_text("outside the training rows")).to_be_visible()
    page.get_by_label(re.compile("^a")).fill("")
    page.get_by_role("button", name="Predict").click()
    expect(result.locator(".value")).to_have_text("no prediction")
    assert troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_telephone(page: Page, url: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(url)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#result .value")).to_be_visible()
    page.get_by_text("From a program").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#program")).to_contain_text(f"curl {url}predict")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != (
        "rgb(255, 255, 255)" if scheme == "dark" else "rgb(0, 0, 0)"
    )
