"""The pages of a study of three classes, driven without a browser: data, live, choose, model."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from typing import Any

from streamlit.testing.v1 import AppTest

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import SearchSpace
from tests.helpers import pages
from tests.helpers.many_classes import LEVELS, table
from tests.helpers.pages import go, healthy, open_tab, upload, widget


def text_of(app: AppTest) -> str:
    return pages.text_of(app).replace("\\", "")


def test_a_target_of_three_words(app: AppTest) -> None:
    upload(app, "states.csv", table().to_csv(index=False).encode())
    words = text_of(healthy(app))
    assert widget(app.selectbox, "Target").value == "state"
    assert widget(app.selectbox, "Predict it as").options == ["One of 3 classes"]
    assert "Counts as 1" not in [box.label for box in app.selectbox]
    assert "has 3 classes" in words
    assert "Multinomial logistic regression already classifies" in words
    go(app, "search")
    assert "sigma2" not in [c.key for c in app.checkbox]


def test_from_live_to_model(app: AppTest, kanlab_home: object) -> None:
    data = Dataset.from_frame(table(), "state", name="states.csv")
    app.query_params["study"] = tune(data, SearchSpace((2, 2), (2, 3), (2, 2)), name="states", workers=1).name
    go(app, "live")
    assert "RMSE" not in text_of(app)
    assert {"deviance_train", "log_loss_test", "auc_test"} <= set(app.dataframe[0].value.columns)
    go(app, "choose")
    assert "RMSE" not in text_of(app)
    open_tab(app, "choose", "Calibration")
    app.button(key="show-calibration").click()
    healthy(app.run())
    table_of = next(f.value for f in app.dataframe if "true class" in f.value.columns)
    assert table_of["true class"].tolist() == list(LEVELS)
    assert table_of.drop(columns="true class").to_numpy().sum() == len(data.y_test)
    go(app, "model")
    for tab, asked in (
        ("Edges", None),
        ("Features", "Probability of"),
        ("Diagnostics", "Calibration of"),
        ("Formula", None),
    ):
        app.session_state["model-tab"] = tab
        healthy(app.run())
        assert asked is None or widget(app.selectbox, asked).options == list(LEVELS)
    assert sum(latex.value.count(r"\ln\frac{p_{") for latex in app.latex) == 2
    predicted_alike(open_tab(go(app, "choose"), "choose", "Predict new rows"))


def given(app: AppTest) -> Any:
    """Where rows to predict are uploaded."""
    return next(u for u in app.file_uploader if u.key == "new-rows")


def predicted_alike(app: AppTest) -> None:
    """Rows get probabilities of one number of decimals each; what is no table gets a sentence, and the page goes on."""
    rows = table(20, seed=3).drop(columns="state")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in ("model.json", "predict.py", "trials.csv"):
            bundle.writestr(f"../../m/{name}", "a,b\n1,2\n")
    refused = {
        "b.zip": (made.getvalue(), "holds a model and no table"),
        "p.csv": (pickle.dumps(object()), "binary file"),
    }
    for name, (content, sentence) in refused.items():
        given(app).upload(name, content, "text/csv")
        healthy(app.run(timeout=60))
        assert sentence in app.error[0].value.replace("\\", "")
    given(app).upload("new.csv", rows.to_csv(index=False).encode(), "text/csv")
    healthy(app.run(timeout=60))
    assert not app.error
    shown = next(d for d in app.dataframe if "state_predicted" in d.value.columns)
    formats = {
        name: config["type_config"]["format"]
        for name, config in json.loads(shown.proto.columns).items()
        if name.startswith("state_probability_")
    }
    assert len(formats) == len(LEVELS)
    assert set(formats.values()) == {"%.4f"}
