"""The presentation of studies of every task: its pictures, what a page must not hold, and names that would break it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanlab.api import Study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.explain.models import held_family
from kanlab.explain.study_predictor import predictor
from kanlab.export.present import Story, presentation, story
from kanlab.kan.search_space import SearchSpace
from kanlab.language import use
from tests.helpers import counts, many_classes, two_classes

SPACE = SearchSpace((1, 1), (2, 3), (1, 2))
NASTY = '</script><b>a & "b"\''


def told(data: Dataset, name: str = "study", family: str | None = None) -> tuple[Study, Story]:
    study = tune(data, SPACE, name=name, workers=1)
    model = predictor(study.handle, use="read")
    if family:
        model = replace(model, fitted=held_family(data, family, 0), interval=None)
    return study, story(study.handle, model, load_data(study.handle))


def kickers(found: Story) -> list[str]:
    return [slide.kicker for slide in found.slides]


class Tags(HTMLParser):
    """The tags of a page, and whether they close in their order."""

    EMPTY = frozenset({"meta", "wbr", "link", "input", "path", "circle", "br", "rect", "polyline", "polygon", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


@pytest.mark.parametrize("task", ["two", "many", "counts"])
def test_classes_and_counts_are_told_as_well(task: str) -> None:
    frame, target = {
        "two": (two_classes.table(), "state"),
        "many": (many_classes.table(), "state"),
        "counts": (counts.table(), "events"),
    }[task]
    _, found = told(Dataset.from_frame(frame, target, task="counts" if task == "counts" else "auto"))
    assert kickers(found)[:3] == ["The data", "The search", "The choice"]
    assert kickers(found)[-1] == "What if"
    assert found.what_if is not None
    interval = found.what_if.data["interval"]
    assert interval["level"] == 0.9
    assert set(interval) - {"level"} == {{"two": "set", "many": "most", "counts": "bounds"}[task]}
    page, _ = found.page()
    tags = Tags(page)
    assert not tags.open
    assert tags.seen.count("section") == 5


def test_the_page_holds_no_row_and_no_name_breaks_it() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({NASTY: rng.uniform(0, 1, 90), "group": rng.choice([NASTY, "plain"], 90)})
    frame["y & <i>"] = np.sin(6 * frame[NASTY]) + 0.123456789 * rng.normal(size=90)
    study, found = told(Dataset.from_frame(frame, "y & <i>"), NASTY)
    page, rules = found.page(leave="choose?study=x", theme="dark")
    tags = Tags(page)
    assert not tags.open
    assert tags.seen.count("script") == 2
    assert "b" not in {tag for tag in tags.seen if tag == "b"}
    assert "i" not in tags.seen
    for value in frame["y & <i>"]:  # of any digits that tell a row
        assert f"{value:.6f}"[:8] not in page
    assert "frame-ancestors 'none'" in rules
    assert "default-src 'none'" in rules
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    known = json.loads(re.search(r"const KNOWN = (.*);\n", page)[1])  # type: ignore[index]
    assert known["leave"] == "choose?study=x"
    assert {c["feature"] for c in known["whatIf"]["controls"]} <= {NASTY, "group"}
    assert study.name == NASTY


def test_no_name_keeps_a_script_open() -> None:
    """In a script, what follows <!--<script is read as text up to a second </script>."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"<!--<script>": rng.uniform(0, 1, 60), "b": rng.uniform(0, 1, 60)})
    frame["<!-- <script y"] = frame["<!--<script>"] + 0.1 * rng.normal(size=60)
    _, found = told(Dataset.from_frame(frame, "<!-- <script y"))
    assert found.what_if is not None
    page, _ = found.page()
    for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL):
        assert not re.search(r"<(!|/|script)", script)


def test_a_model_without_a_formula_shows_its_curves() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(-1, 1, 80), "b": rng.uniform(-1, 1, 80)})
    frame["y"] = np.sin(3 * frame["a"]) + frame["b"] + 0.1 * rng.normal(size=80)
    _, found = told(Dataset.from_frame(frame, "y"), family="boosting")
    assert "The curves" in kickers(found)
    assert "<polyline" in found.slides[3].picture


def test_rows_that_carry_no_network_have_a_presentation() -> None:
    frame = pd.DataFrame({"x": np.arange(12.0), "y": 3 * np.arange(12.0) + np.tile([0.1, -0.1, 0.0], 4)})
    _, found = told(Dataset.from_frame(frame, "y"))
    assert kickers(found)[0] == "The data"
    assert "The choice" in kickers(found)
    assert not Tags(found.page()[0]).open


def test_the_file_is_the_page_without_a_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({NASTY: rng.uniform(-1, 1, 80)})
    frame["y"] = frame[NASTY] ** 2
    study, found = told(Dataset.from_frame(frame, "y"), name="kept")
    target = tmp_path / "kept.html"
    assert main(["present", "kept", "-o", str(target), "--theme", "dark"]) == 0
    assert str(target) in capsys.readouterr().err
    page = target.read_text("utf-8")
    assert page == found.page(theme="dark")[0] == study.present(tmp_path / "again.html", "dark").read_text("utf-8")
    assert '"leave": ""' in page
    assert not re.search(r"(?:src|href)=\"(?!data:)|https?://(?!www\.w3\.org)", page)
    with use("zh"):
        assert "如何预测 y？" in presentation(study.handle)
    assert main(["present", "nothing", "-o", str(target)]) == 2
