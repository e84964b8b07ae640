"""The tutorial runs; what kanlab shows in a notebook is whole, safe HTML and Altair's own objects."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altair as alt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

import kanlab
from kanlab.api import Study
from kanlab.charts import notebook
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import SearchSpace
from tests.helpers.studies import run

ROOT = Path(kanlab.__file__).parents[1]
HOSTILE = "<script>alert(1)</script>"
CHARTS = ("front", "aicc", "history", "map", "slices")


@pytest.fixture
def study(frame: pd.DataFrame) -> Study:
    """A finished study whose data have a hostile name."""
    data = Dataset.from_frame(frame, "y", ["a", "b"], name=HOSTILE)
    space = SearchSpace((1, 2), (2, 3), (3, 3))
    return kanlab.tune(data, space, name="shown", workers=1)


def test_the_tutorial_runs_and_is_executed(tmp_path: Path) -> None:
    """In a kernel of its own, whose event loop runs; its numbers are those that are shown."""
    shown = nbformat.read(ROOT / "docs" / "tutorial.ipynb", as_version=4)
    again = nbformat.from_dict(shown)
    for cell in again.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(again, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for then, now in zip(shown.cells, again.cells, strict=True):
        if then.cell_type != "code":
            continue
        assert [o.output_type for o in then.outputs] == [
            o.output_type for o in now.outputs if o.get("name") != "stderr"
        ]
        assert not [o for o in now.outputs if o.output_type == "error"]


def test_a_study_shows_itself(study: Study) -> None:
    html = study._repr_html_()
    assert "Recommended:" in html
    assert "<svg" in html
    assert all(reason[:20] in html for reason in study.recommendation.reasons)
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("finished", [True, False])
def test_charts_are_altair_objects(study: Study, finished: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a study without a trial."""
    if not finished:
        monkeypatch.setattr(type(study.handle), "records", lambda self: [])
    for name in CHARTS if finished else CHARTS[:3]:
        chart = getattr(study.plot, name)()
        assert isinstance(chart, alt.TopLevelMixin), name
        assert chart.to_dict()["$schema"]


def test_a_study_before_its_first_trial(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanlab.study.handle import create_study
    from kanlab.study.spec import StudySpec

    html = Study(create_study(small, StudySpec(), name="new"))._repr_html_()
    assert "0 trials" in html


def test_a_network_shows_its_edges() -> None:
    X = np.random.default_rng(0).uniform(-1, 1, (60, 2))
    data = Dataset.from_frame(pd.DataFrame(X, columns=["<a>", "b"]).assign(y=X[:, 0] * X[:, 1]), "y")
    network = kanlab.fit(data, 2, 3, 3, depth=2)
    html = network._repr_html_()
    assert html.count("<polyline") == 2 * 2 + 2 * 2 + 2
    assert "KAN [2, 2, 2, 1], grid 3, k 3" in html
    assert "&lt;a&gt;" in html
    assert "<a>" not in html
    wide = kanlab.fit_cell(np.random.default_rng(0).uniform(size=(60, 12)), X[:, 0].repeat(1), 1, 2, 1)
    assert "The first 8 nodes of a layer are drawn" in wide._repr_html_()


def test_a_table_shows_what_was_inferred(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("x;y\n" + "1,5;<b>\n" * 20)
    html = kanlab.read_table(tmp_path / "some.csv")._repr_html_()
    assert "some.csv: 20 rows, 2 columns (semicolon-separated, utf-8, decimal comma)" in html
    assert "&lt;b&gt;" in html
    assert html.count("<tr") == 9


def test_a_bar_in_notebooks_alone(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = run(small, name="mine", space=SearchSpace((1, 1), (2, 3), (3, 3)), engine="lm")
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert notebook.progress_bar(handle) is None
    shell: Any = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    made: list[Any] = []

    class Bar:
        def __init__(self, **settings: Any) -> None:
            self.total, self.n, self.closed = settings["total"], 0, False
            made.append(self)

        def update(self, more: int) -> None:
            self.n += more

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    show = notebook.progress_bar(handle)
    assert show is not None
    show(Study(handle))
    assert (made[0].total, made[0].n, made[0].closed) == (2, 2, True)
