"""The Data page, driven without a browser: a table uploaded, its reading overruled, prepared, its warnings answered."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook
from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.study.spec import StudySpec
from tests.helpers.pages import go, healthy, metric, text_of, upload, widget


def test_an_upload_is_described_and_judged(app: AppTest, frame: pd.DataFrame) -> None:
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    words = text_of(app)
    assert "60 rows, 5 columns" in words
    assert "3 of 60 rows have a missing value" in words
    data = Dataset.from_frame(frame, "y")
    assert f"Features: {data.d}" in words
    admissible = StudySpec().of(data).admissible(data.n, data.d)
    assert f"Configurations: {len(admissible)} of 270" in words


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b" \n", "is empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is a binary file"),
        ("prose.csv", b"This is no table.\nIt has no columns, none at all.\nNot one\n", "single column"),
        ("words.csv", b"name,town\nAnn,Rome\nBob,Oslo\nCyn,Kiel\n", "No column of this table holds numbers"),
        ("short.csv", b"a,b\n1,2\n3,4\n", "Only 2 complete rows"),
        ("flat.csv", b"a,b\n" + b"".join(b"%d,7\n" % i for i in range(40)), "single value"),
    ],
)
def test_a_bad_file_gets_one_sentence(app: AppTest, name: str, content: bytes, sentence: str) -> None:
    upload(app, name, content)
    assert len(app.error) == 1
    assert sentence in app.error[0].value.replace("\\", "")


def test_a_text_target_gets_one_sentence(app: AppTest, frame: pd.DataFrame) -> None:
    frame["name"] = [f"person {i}" for i in range(60)]
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    next(s for s in app.selectbox if s.label == "Target").select("name").run()
    assert len(healthy(app).error) == 1
    _way_out(app, "Predict y")


def test_column_names_are_data_not_markup(app: AppTest, frame: pd.DataFrame) -> None:
    nasty = "$x^2$ **bold** <script>alert(1)</script> :red[no] [a](b) `c`"
    upload(app, "mine.csv", frame.rename(columns={"y": nasty}).to_csv(index=False).encode())
    next(s for s in app.selectbox if s.label == "Target").select(nasty).run()
    words = text_of(healthy(app))
    assert r"\$x\^2\$ \*\*bold\*\*" in words
    assert nasty not in words


def test_what_was_inferred_can_be_overruled(app: AppTest) -> None:
    rows = "".join(f"00{i % 3};{i};{i % 7},{i % 10}\n" for i in range(60))
    upload(app, "german.csv", f"code;a;b\n{rows}".encode())
    assert "semicolon-separated, utf-8, decimal comma" in text_of(app).replace("\\", "")
    widget(app.multiselect, "Read as text").select("code").run()
    assert "'code': read as text" in text_of(healthy(app)).replace("\\", "")
    assert metric(app, "Features") == "3"
    widget(app.selectbox, "Names of columns").select(0)
    widget(app.multiselect, "Read as text").unselect("code").run()
    assert "61 rows" in text_of(healthy(app)).replace("\\", "")
    widget(app.selectbox, "Fields are separated by").select("|").run()
    assert len(healthy(app).error) == 1
    assert "single column" in app.error[0].value
    widget(app.selectbox, "Names of columns").select(None)
    widget(app.selectbox, "Fields are separated by").select(None).run()
    assert not healthy(app).error


BODY = "".join(f"{i};{i},5;0{1 + i % 9}/02/2024;NA\n" for i in range(20))


@pytest.mark.parametrize(
    ("kind", "label", "value", "of_report", "column"),
    [
        ("selectbox", "Fields are separated by", ",", {"delimiter": ","}, None),
        ("selectbox", "Encoding", "latin-1", {"encoding": "latin-1"}, "grÃ¶Ã\x9fe"),
        ("selectbox", "Quotes", "'", {"quote": "'"}, None),
        ("selectbox", "Comments", "", {"comment": ""}, None),
        ("selectbox", "Names of columns", 0, {"header": 0, "rows": 21}, "column_1"),
        ("selectbox", "Names of columns", 2, {"header": 2, "rows": 19}, "größe 0"),
        ("number_input", "Lines to skip", 3, {"lines_before_data": 3, "rows": 19}, "column_1"),
        ("number_input", "Rows to skip at the end", 5, {"rows_after_data": 5, "rows": 15}, None),
        ("selectbox", "First column", True, {"index": "größe", "columns": 2}, "b"),
        ("selectbox", "Decimal sign", ".", {"decimal": "."}, None),
        ("multiselect", "Words that are not missing", ["NA"], {"missing_seen": (), "columns": 4}, "note"),
        ("multiselect", "Read as text", ["größe"], {}, "größe"),
        ("multiselect", "Leave out", ["day"], {"columns": 2}, "größe"),
    ],
)
def test_every_inference_can_be_overruled_on_the_page(
    app: AppTest, kind: str, label: str, value: Any, of_report: dict[str, Any], column: str | None
) -> None:
    upload(app, "some.csv", f"# made by hand\ngröße;b;day;note\n{BODY}".encode())
    before = app.session_state["kanlab_table"].report
    assert (before.delimiter, before.decimal, before.comment, before.rows, before.columns) == (";", ",", "#", 20, 3)
    assert before.missing_seen == ("NA",)
    widget(app.get(kind), label).set_value(value).run()
    healthy(app)
    table = app.session_state["kanlab_table"]
    for name, wanted in of_report.items():
        assert getattr(table.report, name) == wanted, table.report
    assert column is None or column in table.frame


def test_months_first_and_more_words_for_missing(app: AppTest) -> None:
    upload(app, "some.csv", f"größe;b;day;note\n{BODY}".encode())
    assert app.session_state["kanlab_table"].frame["day"].dt.day[3] == 4
    widget(app.selectbox, "Dates such as 3/4/2024").select(False).run()
    frame = app.session_state["kanlab_table"].frame
    assert (frame["day"].dt.day[3], frame["day"].dt.month[3]) == (2, 4)
    widget(app.multiselect, "More words for a missing cell").set_value(["7"]).run()
    assert healthy(app).session_state["kanlab_table"].frame["größe"].isna().sum() == 1


def test_a_new_file_starts_with_nothing_overruled(app: AppTest, frame: pd.DataFrame) -> None:
    content = frame.to_csv(index=False).encode()
    upload(app, "one.csv", content)
    widget(app.selectbox, "Names of columns").select(0).run()
    upload(app, "two.csv", content)
    assert widget(app.selectbox, "Names of columns").value is None
    assert "60 rows, 5 columns" in text_of(app)


def test_gaps_scales_and_splits(app: AppTest, frame: pd.DataFrame) -> None:
    frame["y"] = np.exp(3 * frame["y"])
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    assert metric(app, "Training rows n") == "46"
    assert "Missing: gaps 3" in text_of(app).replace("\\", "")
    widget(app.selectbox, "Rows with missing values").select("fill").run()
    assert metric(app, "Training rows n") == "48"
    assert metric(app, "Features") == "6"
    widget(app.selectbox, "Predict the target").select("log").run()
    assert r"of the variance of log\(y\)" in text_of(healthy(app))
    widget(app.multiselect, "Rank of").select("a").run()
    widget(app.number_input, "Keep the best features").set_value(2).run()
    assert "the 2 with the highest mutual information" in text_of(healthy(app))
    widget(app.selectbox, "Test rows").select("group").run()
    widget(app.selectbox, "by").select("kind").run()
    assert not healthy(app).error
    widget(app.multiselect, "Logarithm of").select("b").run()
    assert "below 0" in healthy(app).error[0].value


def test_the_profile_warns_and_one_click_helps(app: AppTest, frame: pd.DataFrame) -> None:
    frame.insert(0, "id", range(60))
    upload(app, "mine.csv", frame.assign(twice=2 * frame["y"]).to_csv(index=False).encode())
    widget(app.selectbox, "Target").select("y").run()
    words = text_of(healthy(app)).replace("\\", "")
    assert "'twice' and the target are the same up to a factor" in words
    assert "'id' looks like a row number or name" in words
    remedy(app, "Leave out")
    assert widget(app.multiselect, "Features").value == ["id", "a", "b", "kind", "gaps"]
    remedy(app, "Leave out")
    assert widget(app.multiselect, "Features").value == ["a", "b", "kind", "gaps"]
    words = text_of(healthy(app)).replace("\\", "")
    assert "'twice' and the target" not in words
    assert "'id' looks like" not in words


def remedy(app: AppTest, label: str) -> None:
    """Click the first button of this label beside a warning."""
    next(b for b in app.button if b.label == label and str(b.key).startswith("remedy-")).click().run()
    healthy(app)


def test_whole_numbers_that_name_classes_become_classes_by_a_click(app: AppTest) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "grade": rng.permutation(np.repeat([2, 5, 9], 30))})
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    widget(app.selectbox, "Target").select("grade").run()
    assert "it may be a class" in text_of(healthy(app))
    assert app.session_state["kanlab_dataset"].levels == ()
    remedy(app, "Predict classes")
    assert app.session_state["kanlab_dataset"].levels == ("2", "5", "9")
    assert "it may be a class" not in text_of(healthy(app))


def test_every_warning_that_has_a_remedy_is_answered_by_its_click(app: AppTest) -> None:
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(rng.normal(size=(n, 8)), columns=list("abcdefgh"))
    frame["tail"], frame["both"] = rng.lognormal(0, 2, n), -rng.lognormal(0, 2, n)
    frame["out"] = np.where(np.arange(n) == 5, 9.5, rng.normal(size=n))
    frame["almost"] = [str(v) if i > 2 else "broken" for i, v in enumerate(rng.integers(0, 99, n))]
    frame["town"] = rng.choice([f"town {i}" for i in range(30)], n)
    frame["day"] = pd.date_range("2024-01-01", periods=n)
    frame["copy"], frame["y"] = frame["a"], rng.lognormal(0, 1.5, n)
    frame.loc[3:9, "b"] = np.nan
    frame = frame.iloc[[*range(n), n - 1, n - 1]]
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    next(b for b in app.button if b.label == "Fit the target as it is").click().run()  # the logarithm that is suggested
    labels = [
        "Leave out",
        "Take the logarithm",
        "Take the logarithm",
        "Fill missing values",
        "Use the rank",
        "Use the rank",
        "Read as numbers",
        "Leave out copies",
        "Hold out the latest rows",
    ]
    few = [b.label for b in app.button if b.label.startswith("Keep the best")]
    assert sorted(labels + few) == sorted(b.label for b in app.button if str(b.key).startswith("remedy-"))
    for label in labels + few:
        remedy(app, label)
    data = app.session_state["kanlab_dataset"]
    wanted = data.preparation
    assert (wanted.gaps, wanted.pool, wanted.copies, wanted.target_scale) == ("fill", True, "drop", "log")
    assert (wanted.split, wanted.split_by) == ("time", "day")
    assert wanted.scales == {"tail": "log", "both": "rank", "out": "rank"}
    assert not [b for b in app.button if str(b.key).startswith("remedy-")]
    assert data.n + len(data.y_test) == n


def test_the_preparation_survives_a_visit_to_another_page(app: AppTest, frame: pd.DataFrame) -> None:
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    widget(app.selectbox, "Rows with missing values").select("fill").run()
    go(app, "search")
    go(app, "data")
    assert metric(app, "Training rows n") == "48"


def test_gaps_of_one_column_are_filled_and_another_column_is_left_out(app: AppTest, frame: pd.DataFrame) -> None:
    frame.loc[:4, "b"] = np.nan
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    key = next(m.key for m in app.multiselect if str(m.key).startswith("prepare-gaps-of-"))
    app.multiselect(key=key).set_value(["gaps"]).run()
    healthy(app)
    data = app.session_state["kanlab_dataset"]
    assert data.preparation.gaps_of == {"gaps": "fill"}
    assert data.n + len(data.y_test) == 55
    assert "gaps (missing)" in data.features
    app.multiselect(key="read-leave out").set_value(["b"]).run()
    healthy(app)
    left = app.session_state["kanlab_dataset"]
    assert not any(name.startswith("b") for name in left.features)
    assert left.n + len(left.y_test) == 57
    app.multiselect(key="read-leave out").set_value([]).run()
    assert "b" in app.session_state["kanlab_dataset"].features


def test_the_upload_limit_says_what_to_do(app: AppTest) -> None:
    assert "200 MB: pack it with gzip or save it as Parquet" in text_of(app)
    assert "kanlab tune BIG.csv" in text_of(app)


def test_text_that_nearly_is_a_quantity_is_read_by_one_click(app: AppTest) -> None:
    lines = [
        f"{i % 24:02}:{7 * i % 60:02};{i}.5 kg;{'<0.5' if i % 9 == 0 else i};{i * i % 17 + 0.5}" for i in range(40)
    ]
    upload(app, "odd.csv", "\n".join(["start;weight;conc;y", *lines]).encode())
    for label, column, kind in (
        ("Read as hours", "start", "time"),
        ("Read as numbers", "weight", "number"),
        ("Read as limits", "conc", "limit"),
    ):
        healthy(next(b for b in app.button if b.label == label).click().run())
        assert app.session_state[f"read-{kind}"] == [column]
        assert column in session_features(app)
    assert not any(b.label.startswith("Read as") for b in app.button)


def test_percents_and_dates_but_for_one_are_read_by_one_click(app: AppTest) -> None:
    lines = [
        f"{f'{i}.5%' if i % 2 else f'0.{i:02}'};{'1' if i == 39 else f'2024/11/{1 + i % 28:02}'};{i * i % 17 + 0.5}"
        for i in range(40)
    ]
    upload(app, "odd.csv", "\n".join(["growth;day;y", *lines]).encode())
    for label, kind in (("Read as fractions", "fraction"), ("Read as dates", "date")):
        healthy(next(b for b in app.button if b.label == label).click().run())
        assert app.session_state[f"read-{kind}"] == [{"fraction": "growth", "date": "day"}[kind]]
    assert session_features(app) == ("growth", "day (year)") or session_features(app) == ("growth",)


def test_numbers_that_are_text_in_a_workbook_are_read_as_text_by_one_click(app: AppTest) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["dose", "x", "y"])
    for i in range(40):
        sheet.append([str(10 * (i % 3)), i % 7, i * i % 17 + 0.5])
    content = io.BytesIO()
    book.save(content)
    app.file_uploader[0].upload("plots.xlsx", content.getvalue(), "application/octet-stream")
    words = text_of(healthy(app.run())).replace("\\", "")
    assert "'dose' holds numbers that are text in the workbook, such as '0', '10'" in words
    assert session_features(app) == ("dose", "x")
    healthy(next(b for b in app.button if b.label == "Read as text").click().run())
    assert session_features(app) == ("dose=10", "dose=20", "x")
    assert "text in the workbook" not in text_of(app)


def session_features(app: AppTest) -> tuple[str, ...]:
    """The inputs of the data set the page made."""
    features: tuple[str, ...] = app.session_state["kanlab_dataset"].features
    return features


def _rows(n: int, **columns: object) -> bytes:
    return pd.DataFrame({"a": np.arange(n) % 7, **columns}).to_csv(index=False).encode()


HALVES = {"b": [*range(20), *[None] * 20], "c": [*[None] * 20, *range(20)]}  # no row has both
REFUSED = {
    "gaps": (_rows(40, **HALVES, y=np.arange(40) ** 2), "Fill missing values"),
    "half empty column": (_rows(40, **HALVES, y=np.arange(40) ** 2), "Leave out b"),
    "constant target": (_rows(40, b=np.arange(40) ** 2, y=7), "Predict b"),
    "too large": (_rows(40, b=np.geomspace(1e-9, 1e150, 40), y=np.arange(40) ** 2), "Leave out b"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_table_offers_what_makes_it_usable(app: AppTest, name: str) -> None:
    content, label = REFUSED[name]
    upload(app, "mine.csv", content)
    target = widget(app.selectbox, "Target")
    if target.value != "y":
        target.select("y").run()
    assert len(app.error) == 1
    _way_out(app, label)
    assert app.session_state["kanlab_dataset"].n > 0


def _way_out(app: AppTest, label: str) -> None:
    """Click a button beside a refusal, after which there is none."""
    offered = {b.label.replace("\\", ""): b for b in app.button if str(b.key).startswith("way-out-")}
    assert label in offered
    offered[label].click().run()
    assert not healthy(app).error


def test_features_that_say_nothing_and_settings_that_refuse_are_given_up_by_one_click(app: AppTest) -> None:
    rng = np.random.default_rng(0)
    towns = [f"town {i}" for i in rng.integers(0, 30, 200)]
    upload(
        app, "mine.csv", pd.DataFrame({"town": towns, "b": 1, "y": rng.normal(size=200)}).to_csv(index=False).encode()
    )
    assert not app.error  # pooled unless that is not wanted
    widget(app.checkbox, "Pool rare levels").uncheck().run()
    _way_out(app, "Pool rare levels")
    widget(app.selectbox, "Predict the target").select("log").run()
    _way_out(app, "Predict the target as it is")
    widget(app.multiselect, "Features").select("b").run()
    _way_out(app, "Use all usable features")


def test_two_changes_that_only_together_help_are_one_click(app: AppTest) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"empty": [1.0, *[None] * 59], "y": rng.normal(size=60)})
    upload(app, "mine.csv", frame.to_csv(index=False).encode())
    widget(app.selectbox, "Predict the target").select("log").run()
    widget(app.multiselect, "Features").select("empty").run()
    _way_out(app, "Fill missing values and predict the target as it is")
    assert app.session_state["kanlab_dataset"].n == 48


def test_a_table_without_a_target_is_read_in_another_way_by_one_click(app: AppTest) -> None:
    body = "".join(f"{i},5{i % 10} kg\n" for i in range(40))
    upload(app, "odd.csv", ("name,weight\n" + body.replace(",", "x,")).encode())
    assert len(healthy(app).error) == 1
    offered = [b.label.replace("\\", "") for b in app.button if str(b.key).startswith("way-out-")]
    assert any("weight" in label for label in offered), (app.error[0].value, offered)


def test_a_linear_model_of_as_many_features_as_rows_is_said_to_follow_any(app: AppTest) -> None:
    """Noise: it was told to explain 100% of it."""
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(50, 45)).round(3), columns=[f"x{i}" for i in range(45)])
    noise["y"] = rng.normal(size=50).round(3)
    upload(app, "noise.csv", noise.to_csv(index=False).encode())
    words = text_of(app)
    assert re.search("A linear model with all features has 4. parameters for 40 training rows", words)
    assert "already explains" not in words


def test_the_table_of_columns_tells_long_names_apart_and_cuts_long_values_at_their_end(app: AppTest) -> None:
    long = "a name of a column that goes on and on and on, "
    frame = pd.DataFrame(
        {long + "first": range(30), long + "second": range(30, 60), "short": ["a long level of a column"] * 30}
    )
    frame["y"] = np.arange(30.0) ** 2
    upload(app, "names.csv", frame.to_csv(index=False).encode())
    shown = app.dataframe[0].value
    assert shown["column"].tolist() == ["…first", "…second", "short", "y"]
    assert shown["median or mode"][2] == "a long level o…"
