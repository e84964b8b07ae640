"""Three classes in a real browser, from the upload to a file of predictions: penguins with gaps and texts, and wines.

What the pages show is held against what the command line says of the same study.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from kanlab.cli.main import main
from tests.browser.conftest import choose
from tests.browser.test_uploads import metric
from tests.browser.test_whole_path import open_search, start, upload
from tests.helpers.app_server import AppServer
from tests.test_agreement import penguins, wine


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("classes")


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[AppServer]:
    """One app for both tables."""
    app = AppServer(home, KANLAB_SLOTS="2")
    yield app
    app.close()


def narrow(page: Page, label: str, steps: int) -> None:
    """Move the upper end of a range down."""
    thumb = page.get_by_role("slider", name=label).last
    thumb.focus()
    for _ in range(steps):
        page.keyboard.press("ArrowLeft")


@pytest.mark.parametrize(
    ("table", "target", "said"),
    [(penguins, "species", "'sex' is a category"), (wine, "target", "'target' has 3 classes")],
)
def test_from_the_table_to_a_file_of_predictions(
    page: Page, shared: AppServer, home: Path, table: Callable[[], pd.DataFrame], target: str, said: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    frame, path, new = table(), tmp_path / f"{target}.csv", tmp_path / "new.csv"
    frame.to_csv(path, index=False)
    frame.drop(columns=target).head(40).to_csv(new, index=False)
    upload(page, shared, path)
    choose(page, "Target", target)
    expect(page.get_by_text(said).first).to_be_visible()
    n = 266 if target == "species" else 142  # 11 of 344 penguins have a gap
    metric(page, "Training rows n", str(n))
    open_search(page)
    narrow(page, "Hidden neurons", 9)
    narrow(page, "Grid", 8)
    expect(page.get_by_text(re.compile(r"^Of 3 configurations"))).to_be_visible()
    study = start(page)
    expect(page.get_by_text("Finished", exact=True)).to_be_visible(
        timeout=120_000
    )  # the final check may change the choice
    expect(page.get_by_text(re.compile("^Recommended"))).to_be_visible()

    page.get_by_role("button", name="Next: choose a model").click()
    heading = page.get_by_role("heading", name=re.compile("^Take "))
    expect(heading).to_be_visible()
    monkeypatch.setenv("KANLAB_HOME", str(home))

    def differing() -> list[str]:
        """What the page says with numbers and the command line does not."""
        expect(heading).to_be_visible()
        reasons = page.get_by_test_id("stMain").get_by_role("listitem")
        expect(reasons.first).to_be_visible()
        shown = [heading.inner_text().removeprefix("Take "), *reasons.all_inner_texts()]
        capsys.readouterr()
        assert main(["show", study]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert any(re.search(r"\d", words) for words in shown)
        return [words for words in shown if re.search(r"\d", words) and " ".join(words.split()) not in told]

    for _ in range(30):  # the page may have been drawn before the last look at the study
        if not (unlike := differing()):
            break
        page.wait_for_timeout(1000)
        page.reload()
    assert unlike == []
    assert main(["show", study, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["n_train"] == n

    page.get_by_role("tab", name="Predict new rows").click()
    page.locator("input[type=file]").set_input_files(new)
    expect(page.get_by_text("Predicted by")).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the predictions").click()
    assert main(["predict", study, str(new), "-o", str(tmp_path / "cli.csv")]) == 0
    found, same = pd.read_csv(download.value.path()), pd.read_csv(tmp_path / "cli.csv")
    pd.testing.assert_frame_equal(found, same, rtol=1e-9)
    known = found[f"{target}_predicted"].notna()
    assert (found[f"{target}_predicted"] == frame[target].head(40))[known].mean() > 0.95
    assert known.sum() >= 35

    page.goto(f"{shared.url}/model?study={study}")
    expect(page.get_by_role("heading", name=f"Model: {study}")).to_be_visible()
    page.get_by_role("tab", name="Diagnostics").click()
    expect(page.get_by_text(re.compile("Confusion|Calibration|ROC")).first).to_be_visible()
