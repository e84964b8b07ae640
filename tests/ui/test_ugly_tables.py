"""Tables that once went wrong in silence, uploaded on the Data page: what is said of them, and what the inputs are."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.kan.search_space import Cell
from tests.data.test_odd_cells import workbook
from tests.helpers.pages import go, healthy, metric, open_tab, text_of, upload, widget
from tests.helpers.validations import study

RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, 60).round(3)
Y = (10 * X + RNG.normal(size=60)).round(3)


def csv(header: str, *columns: object) -> bytes:
    cells = [header, *(";".join(map(str, row)) for row in zip(*columns, strict=True))]  # type: ignore[call-overload]
    return "\n".join(cells).encode()


IDS = [1234567890123924808 + 37 * i if i != 7 else "" for i in range(60)]
CODES = [("08371", "20095", "01067")[i % 3] for i in range(60)]
DAYS = [f"202401{1 + i % 31:02}" for i in range(60)]
MIXED = [f"{13 + i % 16}/01/20{22 + i % 2}" if i % 3 else f"01/{13 + i % 16}/20{22 + i % 2}" for i in range(60)]
BELOW = ["<0.5" if y < -3 else y + 20 for y in Y]
CASES = {
    "identifiers": (csv("account;x;y", IDS, X, Y), "account", ("x",)),
    "codes": (csv("zip;x;y", CODES, X, Y), "codes with leading zeros such as '08371'", ("zip=08371", "zip=20095", "x")),
    "compact dates": (csv("when;x;y", DAYS, X, Y), "compact dates such as 20240131", ("when (year)", "x")),
    "a near-copy": (
        csv("x;twice;y", X, (2 * Y).round(3), Y),
        "'twice' and the target are the same up to a factor",
        None,
    ),
    "Chinese": ("压力;温度;y\n".encode("gb18030") + csv("", X, X**2, Y)[1:], "gb18030", ("压力", "温度")),
    "merged cells": (workbook().getvalue(), "numbers that are text in the workbook", None),
    "dates in both orders": (csv("when;x;y", MIXED, X, Y), "'13/01/2022'", None),
    "a target with limits": (csv("x;y", X, BELOW), "'<0.5' in", None),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_named_and_read_right(app: AppTest, name: str) -> None:
    content, said, features = CASES[name]
    upload(app, "plots.xlsx" if name == "merged cells" else "ugly.csv", content)
    words = text_of(healthy(app)).replace("\\", "")
    assert said in words
    if features:
        assert app.session_state["kanlab_dataset"].features == features
    if name == "merged cells":
        assert app.session_state["kanlab_table"].frame["plot"].tolist() == [f"P{i // 4}" for i in range(24)]
    if name == "dates in both orders":  # text until it is chosen
        healthy(next(b for b in app.button if b.label == "Read as dates").click().run())
        assert app.session_state["kanlab_dataset"].features == ("when (year)", "x")
    if name == "a target with limits":  # taken for a feature until it is chosen
        healthy(next(b for b in app.button if b.label == "Read as limits").click().run())
        assert app.session_state["kanlab_dataset"].features == ("y",)


def test_weights_of_the_rows_are_counts_or_precisions(app: AppTest) -> None:
    measured = [1 + i % 4 for i in range(60)]
    upload(app, "means.csv", csv("x;measured;y", X, measured, Y))
    assert metric(app, "Training rows n") == "48"
    widget(app.selectbox, "Weights of the rows").select("measured").run()
    assert metric(healthy(app), "Training rows n") == "120"  # 150 in all
    widget(app.selectbox, "What measured says").select("precision").run()
    assert metric(healthy(app), "Training rows n") == "48"
    data = app.session_state["kanlab_dataset"]
    assert (data.preparation.weights, data.preparation.weights_are) == ("measured", "precision")
    assert data.features == ("x",)
    assert data.w_train is not None
    assert "how precise the target of each row is" in text_of(app).replace("\\", "")
    widget(app.selectbox, "Weights of the rows").select("").run()
    assert healthy(app).session_state["kanlab_dataset"].w_train is None


def test_from_weights_in_the_table_to_intervals_of_rows_with_their_own(app: AppTest) -> None:
    """The column is uploaded, chosen, left out of the features, and read in new rows again."""
    measured = [1 + i % 4 for i in range(60)]
    noisy = [y + (-1) ** i / (1 + i % 4) for i, y in enumerate(Y)]
    upload(app, "means.csv", csv("x;measured;y", X, measured, noisy))
    widget(app.selectbox, "Weights of the rows").select("measured").run()
    widget(app.selectbox, "What measured says").select("precision").run()
    healthy(widget(app.button, "Go to the search").click().run())
    handle = study(app.session_state["kanlab_dataset"], {Cell(1, 2, 1): -200.0})
    app.session_state["study"] = app.query_params["study"] = handle.name
    open_tab(go(app, "choose"), "choose", "Predict new rows")
    app.selectbox(key="predict-model").select("linear")  # fitted here, with no worker process
    app.file_uploader[0].upload("new.csv", b"x;measured\n0.5;1\n0.5;4\n0.5;\n0.5;none\n", "text/csv")
    healthy(app.run(timeout=60))
    found = next(d.value for d in app.dataframe if "y_upper" in d.value.columns)
    long, short, unknown, odd = found["y_upper"].astype(float) - found["y_lower"].astype(float)
    assert (long / short, unknown) == (pytest.approx(2.0), pytest.approx(odd))
    assert short < unknown < long
    assert "as long as the weight" in text_of(app).replace("\\", "")
