"""Several targets in the app: chosen on the Data page, one start, a button for each, predictions and a bundle of all."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from kanlab.study.several_targets import load_studies
from kanlab.targets import open_group
from tests.helpers.pages import go, healthy, open_tab, text_of, upload, widget
from tests.helpers.studies import state, wait_for


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    p, q = rng.uniform(-1, 1, (2, n)).round(3)
    return pd.DataFrame({"p": p, "q": q, "size": (np.sin(2 * p) + q).round(3), "kind": np.where(p + q > 0, "big", "small"),
                         "twice": (2 * p).round(3)})  # fmt: skip


def button(app: AppTest, label: str) -> AppTest:
    return healthy(widget(app.button, label).click().run())


def test_several_targets_from_the_table_to_the_bundle(app: AppTest) -> None:
    upload(app, "mine.csv", table().to_csv(index=False).encode())
    widget(app.selectbox, "Target").select("size").run()
    widget(app.multiselect, "Features").select("twice").run()
    widget(app.multiselect, "More targets").select("kind").select("twice").run()
    words = text_of(healthy(app))
    assert (
        "**kind** is predicted too, as one of 2 classes, by a study of its own: 48 training rows, 12 test rows."
        in words
    )
    assert widget(app.multiselect, "Features").options == [
        "p",
        "q",
    ]  # and what is a target now is none of them any more
    assert widget(app.multiselect, "Features").value == []
    button(app, "Go to the search")
    assert "predict **size** and **kind** and **twice** from 2 features" in text_of(app)
    for label, ends in (
        ("Hidden neurons (neuron_num)", (1, 1)),
        ("Grid intervals (grid)", (2, 3)),
        ("Spline order (k)", (2, 2)),
    ):
        widget(app.slider, label).set_range(*ends).run()
    button(app, "Start")
    handles = load_studies("mine-1")
    assert [handle.name for handle in handles] == ["mine-1.size", "mine-1.kind", "mine-1.twice"]
    for handle in handles:
        wait_for(lambda handle=handle: state(handle).name == "finished", 120)
    app.run()
    assert app.title[0].value.replace("\\", "") == "mine-1.size"
    button(app, "kind")
    assert app.title[0].value.replace("\\", "") == "mine-1.kind"

    go(app, "choose")
    assert "mine-1.kind" in app.title[0].value.replace("\\", "")
    open_tab(app, "choose", "Predict new rows")
    assert "The recommended models of 'size', 'twice' add their columns too." in text_of(app).replace("\\", "")
    rows = pd.DataFrame({"q": [0.2, 0.4], "p": [0.1, -0.3], "key": ["007", "x"]})
    app.file_uploader[0].upload("new.csv", rows.to_csv(index=False).encode(), "text/csv")
    healthy(app.run())
    shown = next(d.value for d in app.dataframe if "kind_predicted" in d.value.columns)
    expected = open_group("mine-1").predict(rows)
    assert set(expected.columns) <= set(shown.columns)
    np.testing.assert_allclose(shown["size_predicted"], expected.frame["size_predicted"])
    assert shown["kind_predicted"].tolist() == expected.frame["kind_predicted"].tolist()

    go(app, "export")
    assert "The bundle of all 3 targets" in text_of(app)
    button(app, "Pack it")
    made = app.session_state["kanlab_joint_bundle"][1]
    with zipfile.ZipFile(io.BytesIO(made.zipped())) as archive:
        names = archive.namelist()
    assert [n for n in names if n.endswith("model.json")] == [
        f"mine-1/{folder}/model.json" for folder in ("01-size", "02-kind", "03-twice")
    ]


def test_one_target_has_no_such_buttons(app: AppTest) -> None:
    upload(app, "mine.csv", table()[["p", "q", "size"]].to_csv(index=False).encode())
    assert "is predicted too" not in text_of(app)
    button(app, "Go to the search")
    assert "Each target has a study of its own" not in text_of(app)
