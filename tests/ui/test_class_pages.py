"""The pages of a study of two classes, driven without a browser: data, search, live, choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from streamlit.testing.v1 import AppTest

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import load_study
from tests.helpers import pages
from tests.helpers.pages import go, healthy, metric, open_tab, upload, widget

NASTY = "ill **now** $x$"


def table(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    a, b = rng.uniform(-1, 1, (2, n))
    ill = rng.random(n) < expit(5 * a * b + 2 * a)
    return pd.DataFrame({"a": a, "b": b, "state": np.where(ill, NASTY, "healthy"), "code": np.where(ill, 7, 3)})


def text_of(app: AppTest) -> str:
    return pages.text_of(app).replace("\\", "")


def labels(elements: Any) -> list[str]:
    return [e.label for e in elements]


def test_a_target_of_two_words(app: AppTest) -> None:
    upload(app, "states.csv", table().to_csv(index=False).encode())
    widget(app.multiselect, "Features").select("a").select("b").run()
    widget(app.selectbox, "Target").select("state").run()
    widget(app.multiselect, "Features").select("a").select("b").run()
    words = text_of(healthy(app))
    assert widget(app.selectbox, "Predict it as").options == ["One of two classes"]
    assert f"'{NASTY}' counts as 1" in words
    assert "Logistic regression already classifies" in words
    assert widget(app.selectbox, "Predict the target").disabled
    assert metric(app, "Training rows n") == "96"
    widget(app.selectbox, "Counts as 1").select("healthy").run()
    assert "'healthy' counts as 1" in text_of(healthy(app))
    go(app, "search")
    assert "sigma2" not in [c.key for c in app.checkbox]


def test_the_last_column_that_can_be_predicted_is_suggested(app: AppTest) -> None:
    frame = table()[["a", "b", "state"]].assign(note=[f"row {i}" for i in range(120)])
    upload(app, "noted.csv", frame.to_csv(index=False).encode())
    assert widget(healthy(app).selectbox, "Target").value == "state"


def test_a_target_of_two_numbers_is_a_quantity_unless_classes_are_chosen(app: AppTest) -> None:
    upload(app, "codes.csv", table()[["a", "b", "code"]].to_csv(index=False).encode())
    assert "A linear model already explains" in text_of(healthy(app))
    assert widget(app.selectbox, "Predict it as").value == "regression"
    assert "Counts as 1" not in labels(app.selectbox)
    widget(app.selectbox, "Predict it as").select("classification").run()
    assert "'7' counts as 1" in text_of(healthy(app))
    widget(app.selectbox, "Target").select("a").run()
    assert "Predict it as" not in labels(healthy(app).selectbox)


@pytest.fixture
def study(kanlab_home: object) -> str:
    data = Dataset.from_frame(table()[["a", "b", "state"]], "state", name="states.csv")
    return tune(data, SearchSpace((1, 2), (2, 3), (1, 2)), name="states", workers=1).name


def test_live_and_choose(app: AppTest, study: str) -> None:
    app.query_params["study"] = study
    go(app, "live")
    words = text_of(app)
    assert "RMSE" not in words
    shown = app.dataframe[0].value
    assert {"deviance_train", "log_loss_test", "accuracy_test", "auc_test"} <= set(shown.columns)
    number = int(shown["number"].iloc[0])
    app.session_state["kanlab_trial"] = number
    words = text_of(healthy(app.run()))
    record = next(r for r in load_study(study).records() if r.number == number)
    assert record.classes is not None
    assert metric(app, "Log-loss, test") == f"{record.classes.log_loss_test:.3g}"
    assert f"It classifies {100 * record.classes.accuracy_train:.1f}% of the training rows" in words

    go(app, "choose")
    words = text_of(app)
    assert "RMSE" not in words
    board = next(f.value for f in app.dataframe if "evidence" in f.value.columns)
    assert any("logistic regression" in str(value) for value in board.to_numpy().ravel())
    assert {"log_loss_test", "accuracy_test", "auc_test"} <= set(board.columns)
    assert not {"rmse", "r2"} & set(board.columns)
    open_tab(app, "choose", "Sensitivity")
    assert any(r"2\cdot 96\cdot" in latex.value for latex in app.latex)
    assert "sensitivity-sigma2" not in [c.key for c in app.checkbox]
    words = text_of(open_tab(app, "choose", "Predict new rows"))
    assert "four more columns: the predicted class of state" in words

    open_tab(app, "choose", "Calibration")
    app.button(key="show-calibration").click()
    healthy(app.run())
    confusion = next(f.value for f in app.dataframe if "true class" in f.value.columns)
    assert confusion["true class"].tolist() == ["healthy", NASTY]
    assert confusion.drop(columns="true class").to_numpy().sum() == 24
    right = confusion.iloc[0, 1] + confusion.iloc[1, 2]
    assert metric(app, "Accuracy") == f"{100 * right / 24:.1f}%"
