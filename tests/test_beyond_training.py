"""Rows unlike any of the training: a level that test rows alone had, a year beyond the range; flagged at every door."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import Study, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.manage import load_data
from kanlab.kan.search_space import SearchSpace
from tests.helpers.pages import go, healthy, open_tab, text_of

COUNT = 100
NEW = "year,kind\n2005,mid\n2005,base\n2005,aaa\n1980,mid\n2031,base\n"  # trained on 2000 to 2010
UNKNOWN = "levels that were not in the training rows: 'aaa'"


def training() -> pd.DataFrame:
    """y rises by 2 a year, by 3 for mid; the level aaa, first in the alphabet, only in test rows."""
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"year": np.linspace(2000, 2010, COUNT).round(2), "kind": ["base", "mid"] * (COUNT // 2)})
    frame["y"] = 2 * (frame["year"] - 2000) + 3.0 * (frame["kind"] == "mid") + rng.normal(0, 0.1, COUNT).round(3)
    tested = Dataset.from_frame(frame, "y").X_test[:2, 0]
    frame.loc[frame["year"].isin(tested), "kind"] = "aaa"
    return frame


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("beyond")
    (home / "new.csv").write_text(NEW)
    return home


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study whose recommended model is the straight line, and its bundle; made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    try:
        return open_study("trend")
    except StudyError:
        made = tune(Dataset.from_frame(training(), "y"), SearchSpace((1, 1), (2, 2), (1, 1)), name="trend", workers=1)
        made.export(home / "trend.zip")
        with zipfile.ZipFile(home / "trend.zip") as bundle:
            bundle.extractall(home / "unpacked")
        return made


def check(found: pd.DataFrame, study: Study) -> None:
    """The straight line goes on beyond the range; the level is the average of the others, never the reference level."""
    data = load_data(study.handle)
    assert data.features == ("year", "kind=mid")
    share = float(data.X_train[:, 1].mean())
    right = [13.0, 10.0, 10.0 + 3 * share, -37.0, 62.0]
    np.testing.assert_allclose(found["y_predicted"].astype(float), right, atol=0.5)
    assert [str(flag).lower() for flag in found["y_extrapolates"]] == ["false", "false", "true", "true", "true"]


def test_in_python(study: Study, home: Path) -> None:
    choice = study.recommendation.choice
    assert choice is not None
    assert choice.family == "linear"
    found = study.predict(home / "new.csv")
    check(found.frame, study)
    assert any(UNKNOWN in note for note in found.notes)


def test_on_the_command_line(study: Study, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source in ("trend", str(home / "trend.zip")):
        assert main(["predict", source, str(home / "new.csv"), "-o", str(home / "out.csv")]) == 0
        check(pd.read_csv(home / "out.csv"), study)
        said = capsys.readouterr().err
        assert UNKNOWN in said
        assert "rows lie outside the range of the training rows. The straight line goes on there" in said


def test_in_the_bundle_alone(study: Study, home: Path) -> None:
    program = next((home / "unpacked").rglob("predict.py"))
    command = [sys.executable, "-P", str(program), str(home / "new.csv"), str(home / "alone.csv")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check(pd.read_csv(home / "alone.csv"), study)
    assert (
        "'kind' holds 'aaa', not in the training rows: such cells count as the average of the training rows"
        in done.stderr
    )


def test_in_the_app(study: Study, app: AppTest) -> None:
    app.session_state["study"] = app.query_params["study"] = study.handle.name
    go(app, "choose")
    open_tab(app, "choose", "Predict new rows")
    next(u for u in app.file_uploader if u.key == "new-rows").upload("new.csv", NEW.encode(), "text/csv")
    words = text_of(healthy(app.run(timeout=60))).replace("\\", "")
    assert UNKNOWN in words
    shown = next(d.value for d in app.dataframe if "y_predicted" in d.value.columns)
    check(shown, study)
    pd.testing.assert_frame_equal(shown[["year", "kind"]].astype(str), pd.read_csv(io.StringIO(NEW), dtype=str))
