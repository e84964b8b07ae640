"""How the training table was written rules every later one: in Python, on the command line, in a bundle and its predict.py."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import Study, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.reading.conventions import Conventions
from kanlab.data.reading.table import read_table
from kanlab.data.recipe import Recipe
from kanlab.errors import DatasetError, StudyError
from kanlab.execution.manage import load_data
from kanlab.explain.new_rows import read_new_rows
from kanlab.kan.search_space import SearchSpace
from tests.helpers.pages import go, healthy, open_tab, text_of, widget
from tests.helpers.sentences import refused

COUNT = 120
MISSING = "-999"
# what looks like other dates, other numbers, numbers, and words: as the training table has it the last two rows have gaps
NEW = (
    "order;sold;turnover;temp;fitted;zip\n"
    '9007199254776903;02/11/2023;1.500;20,0;Yes;07244\n'
    ';05/10/2023;2.250,5;20;no;20095\n'
    '9007199254861117;03/12/2023;8.125;-999;YES;07244\n'
    '"7 ""x""";03/12/2023; 29,20;20;maybe;07244\n'
)  # fmt: skip


def training() -> bytes:
    """Unambiguous: days above 12, decimal commas, -999 for missing, a member or not, codes with leading zeros."""
    rng = np.random.default_rng(4)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365, COUNT), "D")
    turnover, temp = rng.uniform(1, 9000, COUNT).round(2), rng.uniform(0, 40, COUNT).round(1)
    fitted, code = rng.random(COUNT) < 0.5, rng.choice(["07244", "20095"], COUNT)
    price = days.day_of_year.to_numpy() + turnover / 10 + 2 * temp + 100 * fitted + 50 * (code == "07244")

    def german(values: Any) -> list[str]:
        return [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in values]

    frame = pd.DataFrame(
        {
            "sold": days.strftime("%d/%m/%Y"),
            "turnover": german(turnover),
            "temp": [MISSING if i % 40 == 7 else t for i, t in enumerate(german(temp))],
            "fitted": np.where(fitted, "Yes", "No"),
            "zip": code,
            "price": german(price),
        }
    )
    return frame.to_csv(index=False, sep=";").encode()


def expected(day: int, turnover: float, temp: float, fitted: bool) -> float:
    return day + turnover / 10 + 2 * temp + 100 * fitted


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("conventions")
    (home / "new.csv").write_text(NEW)
    return home


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of that table whose recommended model is the straight line, and its bundle; made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    try:
        return open_study("sales")
    except StudyError:
        words = (*Conventions().missing, MISSING)
        table = read_table(io.BytesIO(training()), name="sales.csv", missing=words)
        data = Dataset.from_frame(table.frame, "price", test_fraction=0.1)
        made = tune(data, SearchSpace((1, 1), (2, 2), (1, 1)), name="sales", workers=1)
        made.export(home / "sales.zip")
        with zipfile.ZipFile(home / "sales.zip") as bundle:
            bundle.extractall(home / "unpacked")
        return made


WANTED = [expected(306, 1500, 20, True) + 50, expected(278, 2250.5, 20, False), None]


def wanted(study: Study) -> list[float | None]:
    """The last row is neither Yes nor No: a straight line predicts the mean of both, by their shares of the training rows."""
    data = load_data(study.handle)
    share = float(data.X_train[:, data.features.index("fitted")].mean())
    assert 0.3 < share < 0.7
    return [*WANTED, expected(337, 29.2, 20, False) + 100 * share + 50]


def check(text: str, study: Study) -> None:
    """Every cell as it was given, and the right predictions beside."""
    found = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=False)
    given = pd.read_csv(io.StringIO(NEW), sep=";", dtype=str, keep_default_na=False, skipinitialspace=False)
    pd.testing.assert_frame_equal(found[given.columns], given)
    assert list(found.columns[6:]) == ["price_predicted", "price_lower", "price_upper", "price_extrapolates"]
    assert [v.casefold() for v in found["price_extrapolates"]] == [
        "false",
        "false",
        "",
        "true",
    ]  # the last: no such word
    for value, right in zip(found["price_predicted"], wanted(study), strict=True):
        assert value == "" if right is None else float(value) == pytest.approx(right, abs=0.5)


def test_the_conventions_are_in_the_recipe(study: Study) -> None:
    recipe = study.predictor().recipe
    known = recipe.conventions
    assert known.decimal == ","
    assert MISSING in known.missing
    assert known.columns["sold"].date == "%d/%m/%Y"
    assert known.columns["fitted"].words == ("No", "Yes")
    assert known.columns["zip"].kind == "text"
    assert Recipe.from_json(recipe.to_json()) == recipe
    with refused(DatasetError, "conventions"):
        Recipe.from_dict(recipe.to_dict() | {"conventions": {"columns": {"sold": {"date": "%x"}}}})


def test_on_the_command_line(study: Study, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source in ("sales", str(home / "sales.zip")):
        assert main(["predict", source, str(home / "new.csv"), "-o", str(home / "out.csv")]) == 0
        check((home / "out.csv").read_text(), study)
        assert "'fitted' holds 'maybe', and in training it held 'No', 'Yes'" in capsys.readouterr().err


def test_in_the_bundle_alone(study: Study, home: Path) -> None:
    program = next((home / "unpacked").rglob("predict.py"))
    command = [sys.executable, "-P", str(program), str(home / "new.csv"), str(home / "alone.csv")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check((home / "alone.csv").read_text(), study)
    assert "'fitted' holds 'maybe'" in done.stderr


def test_in_python(study: Study, home: Path) -> None:
    """From the file, from its cells, and from what somebody made of them."""
    cells = pd.read_csv(home / "new.csv", sep=";", dtype=str, keep_default_na=False, index_col=False)
    cells.index = pd.Index([7, 3, 3, 9], name="place")
    for rows in (
        home / "new.csv",
        str(home / "new.csv"),
        read_new_rows(home / "new.csv", study.predictor().recipe),
        cells,
    ):
        found = study.predict(rows).frame
        right = [np.nan if value is None else value for value in wanted(study)]
        np.testing.assert_allclose(found["price_predicted"].astype(float), right, atol=0.5)
    assert found.index.equals(cells.index)
    pd.testing.assert_frame_equal(found[cells.columns], cells)


def test_in_the_app(study: Study, app: AppTest) -> None:
    """Uploaded on the Choose page, and overruled there."""
    app.session_state["study"] = app.query_params["study"] = study.handle.name
    go(app, "choose")
    open_tab(app, "choose", "Predict new rows")
    next(u for u in app.file_uploader if u.key == "new-rows").upload("new.csv", NEW.encode(), "text/csv")
    words = text_of(healthy(app.run(timeout=60))).replace("\\", "")
    assert "'fitted' holds 'maybe', and in training it held 'No', 'Yes'" in words
    shown = next(d.value for d in app.dataframe if "price_predicted" in d.value.columns)
    right = [np.nan if value is None else value for value in wanted(study)]
    np.testing.assert_allclose(shown["price_predicted"].astype(float), right, atol=0.5)
    given = pd.read_csv(io.StringIO(NEW), sep=";", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(shown[given.columns].astype(str), given, check_dtype=False)
    assert app.get("download_button")
    widget(app.selectbox, "Dates such as 3/4/2024").select("Month first").run(timeout=60)
    shown = next(d.value for d in healthy(app).dataframe if "price_predicted" in d.value.columns)
    february = expected(42, 1500, 20, True) + 50  # 11 February
    assert float(shown["price_predicted"].iloc[0]) == pytest.approx(february, abs=0.5)


def test_a_table_read_by_itself_is_put_right_or_refused(study: Study, home: Path) -> None:
    """Its dates were taken month first, which can be undone; of its 1.500 the thousands are lost."""
    columns = "sold;turnover;temp;fitted;zip\n02/11/2023;{0};20;Yes;07244\n03/12/2023;{1};20;Yes;07244\n"
    frame = read_table(io.BytesIO(columns.format("1500", "2250").encode()), name="new.csv").frame
    assert frame["sold"].dt.month.tolist() == [2, 3]
    assert study.predict(frame).frame["price_predicted"][0] == pytest.approx(WANTED[0], abs=0.5)
    wrong = read_table(io.BytesIO(b"sold;turnover\n02/11/2023;1.500\n03/12/2023;2.250\n"), name="new.csv").frame
    with refused(DatasetError, "'turnover' was read with a decimal point, and the training table has a decimal comma"):
        study.predict(wrong.assign(temp=20.0, fitted=True, zip="07244"))


def test_it_can_be_overruled_everywhere(study: Study, home: Path) -> None:
    """American dates and numbers."""
    path = home / "american.csv"
    path.write_text(
        "sold;turnover;temp;fitted;zip\n11/02/2023;1,500.0;20.0;Yes;07244\n10/05/2023;2250.5;n.n.;No;20095\n"
    )
    said = study.predict(path)
    assert said.frame["price_predicted"].isna().all()
    assert any("'turnover' holds '1,500.0', '2250.5', and in training it held numbers with a decimal comma" in n
               for n in said.notes)  # fmt: skip
    found = study.predict(path, decimal=".", day_first=False, missing=("n.n.",))
    assert found.frame["price_predicted"][0] == pytest.approx(WANTED[0], abs=0.5)
    assert not any("n.n." in note for note in found.notes)
    options = ["--decimal", ".", "--month-first", "--missing", "n.n."]
    out = home / "out.csv"
    for command in (
        ["-m", "kanlab", "predict", str(home / "sales.zip"), str(path), "-o", str(out)],
        [str(next((home / "unpacked").rglob("predict.py"))), str(path), str(out)],
    ):
        subprocess.run([sys.executable, *command, *options], check=True, capture_output=True)
        predicted = pd.read_csv(out)["price_predicted"]
        assert predicted[0] == pytest.approx(WANTED[0], abs=0.5)
        assert np.isnan(predicted[1])


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ({"sold": "number"}, "'sold' was read as a date in training and cannot be a number here"),
        ({"turnover": "text"}, "'turnover' was read as a number in training and cannot be text here"),
        ({"zip": "number"}, "'zip' was read as text in training and cannot be a number here"),
        ({"zip": "date"}, "'zip' was read as text in training and cannot be a date here"),
    ],
)
def test_a_kind_that_no_input_can_be_made_of_is_refused(
    study: Study, home: Path, kinds: dict[str, str], sentence: str
) -> None:
    path = home / "kinds.csv"
    path.write_text("sold;turnover;temp;fitted;zip\n02/11/2023;1500,0;20,0;Yes;07244\n")
    with refused(DatasetError, sentence):
        study.predict(path, kinds=kinds)


def test_a_kind_is_said_as_it_was(study: Study, home: Path) -> None:
    path = home / "kinds.csv"
    path.write_text("sold;turnover;temp;fitted;zip\n02/11/2023;1500,0;20,0;Yes;07244\n")
    said = {"sold": "date", "turnover": "number", "temp": "number", "fitted": "boolean", "zip": "text"}
    found = study.predict(path, kinds=said)
    assert found.frame["price_predicted"][0] == pytest.approx(WANTED[0], abs=0.5)


def test_workbooks_and_parquet(study: Study, home: Path) -> None:
    """Their numbers are numbers, whatever sign the training table had; their dates are dates."""
    frame = pd.DataFrame(
        {"order": ["1", None], "sold": pd.to_datetime(["2023-11-02", "2023-10-05"]), "turnover": [1500.25, 2250.5],
         "temp": [20.0, -999], "fitted": [True, False], "zip": ["07244", "20095"]}
    )  # fmt: skip
    frame.to_parquet(home / "new.parquet")
    frame.to_excel(home / "new.xlsx", index=False)
    for name in ("new.parquet", "new.xlsx"):
        found = study.predict(home / name).frame
        assert found["price_predicted"][0] == pytest.approx(WANTED[0], abs=0.5)
        assert np.isnan(found["price_predicted"][1])
        assert found["zip"].tolist() == ["07244", "20095"]


def test_of_a_typed_table_nothing_is_known_and_the_new_file_is_recognised() -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "when": pd.date_range("2024-01-01", periods=40), "y": np.arange(40.0)})
    recipe = Dataset.from_frame(frame, "y").recipe
    assert "conventions" not in recipe.to_dict()
    for text in (b"x;when\n1,5;13.01.2024\n", b"x,when\n1.5,01/13/2024\n"):
        X = recipe.apply(read_new_rows(io.BytesIO(text), recipe, name="new.csv").frame).X
        np.testing.assert_allclose(X[0], [1.5, 2024 + 12 / 366])
