"""The Model and the Export page, driven without a browser: every tab of every kind of model, every download, every guard."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import Study, open_study, tune
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.execution.manage import load_data
from kanlab.explain import formulas, interactions
from kanlab.export.code_forms import ENDINGS, form_of
from kanlab.formulas.options import FormulaOptions
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection import product_hint
from kanlab.study.trials import CompletedTrial
from tests.helpers.pages import go, healthy, text_of
from tests.helpers.validations import study as made_study

NASTY = "$x^2$ **bold** <b>"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the studies of this module: real fits, made once."""
    folder = tmp_path_factory.mktemp("model-pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANLAB_HOME", str(folder))
        rng = np.random.default_rng(0)
        a, b = rng.uniform(-2, 2, (2, 120))
        kind = rng.choice(["red", "green", "blue"], 120)
        frame = pd.DataFrame({NASTY: a, "b": b, "kind": kind})
        frame["y"] = np.exp(np.sin(2 * a) + 0.5 * b**2 + (kind == "red") + 0.05 * rng.normal(size=120))
        data = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale="log"))
        tune(data, SearchSpace((1, 2), (3, 3), (2, 3)), name="curved", workers=1)
        frame["y"] = 3 * a + rng.normal(size=120)
        tune(Dataset.from_frame(frame, "y"), SearchSpace((1, 1), (2, 2), (1, 1)), name="straight", workers=1)
        frame["y"] = np.exp(a + rng.normal(size=120))
        plain = Dataset.from_frame(frame, "y", preparation=Preparation(target_scale="none"))
        tune(plain, SearchSpace((1, 1), (2, 2), (1, 1)), name="fanning", workers=1)
    return folder


def opened(app: AppTest, name: str, page: str) -> AppTest:
    app.query_params["study"] = name
    return go(app, page)


@pytest.fixture
def real(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(home))


@pytest.mark.parametrize("where", ["model", "export"])
def test_guards(app: AppTest, small: Dataset, where: str) -> None:
    assert "No study is open" in text_of(go(app, where))
    handle = made_study(small, {}, space=SearchSpace((1, 2), (2, 3), (1, 1)))
    assert "No trial of this study is complete yet" in text_of(opened(app, handle.name, where))
    app.query_params["study"] = "nope"
    assert "There is no study" in go(app, where).error[0].value


def charts(app: AppTest) -> int:
    return len(app.get("arrow_vega_lite_chart")) + len(app.get("vega_lite_chart"))


def look_at(app: AppTest, tab: str) -> str:
    """Open a tab; all words on the page."""
    app.session_state["model-tab"] = tab
    return text_of(healthy(app.run()))


def test_every_tab_of_a_network(app: AppTest, real: None) -> None:
    opened(app, "curved", "model")
    choice = open_study("curved").recommendation.choice
    assert choice is not None
    best = choice.model  # the one to read
    assert isinstance(best, CompletedTrial)
    words = look_at(app, "Network")
    assert f"**Trial {best.number}" in words
    assert len(app.get("image")) == 1
    assert "Download the diagram" in parts(app)
    assert "with the mean of each curve" in look_at(app, "Edges")
    assert charts(app) == 4 * best.cell.neuron_num
    words = look_at(app, "Features")
    assert "The light band holds the mean prediction with 95% confidence" in words
    assert "The evidence needs" in words
    weights = next(f.value for f in app.dataframe if "weight" in f.value.columns)
    assert set(weights["feature"]) == {NASTY, "b", "kind"}
    assert charts(app) == 2
    assert set(app.selectbox(key="dependence-of").options) == {NASTY, "b", "kind"}
    for feature in ("kind", "b"):
        app.selectbox(key="dependence-of").select(feature)
        assert charts(healthy(app.run())) == 2
    words = look_at(app, "Diagnostics")
    assert (
        charts(app) == 7
    )  # predicted vs observed, residuals, along a feature and the rows, quantiles, spread, influence
    assert "No bend" in words.replace("\\", "")
    look_at(app, "Features")
    assert app.selectbox(key="dependence-of").value == "b"  # what was chosen in a tab that was not drawn
    words = look_at(app, "Formula")
    assert "The formula is an approximation of the network" in words
    assert "RMSE of the formula, test rows" in words
    assert NASTY not in words
    assert len(app.latex) == 2
    assert "bold" not in app.latex[0].value
    assert r"\ln\left(\widehat{\text{y}}\right)" in app.latex[0].value
    assert app.code[0].value.startswith("import numpy as np")
    compile(app.code[0].value, "formula", "exec")


def test_every_tab_of_a_linear_model(app: AppTest, real: None) -> None:
    study = open_study("straight")
    assert not isinstance(study.recommended, type(study.best))
    opened(app, "straight", "model")
    assert "A linear model of y" in look_at(app, "Network")
    table = next(f.value for f in app.dataframe if "coefficient" in f.value.columns)
    rows = pd.DataFrame({NASTY: [0.0, 1.0], "b": [0.0, 0.0], "kind": ["blue", "blue"]})
    low, high = study.predict(rows).frame["y_predicted"]
    slope = dict(zip(table["term"], table["coefficient"], strict=True))
    assert slope["intercept"] == pytest.approx(low)
    assert slope[NASTY] == pytest.approx(high - low)
    assert "Its coefficients are under Network" in look_at(app, "Edges")
    look_at(app, "Features")
    assert charts(app) == 2
    look_at(app, "Diagnostics")
    assert charts(app) == 7
    assert "Its coefficients are under Network" in look_at(app, "Formula")


def test_the_same_figures_in_python(real: None) -> None:
    study = open_study("straight")
    effects = study.effects("b", family="linear", level=0.8)
    assert effects["feature"].unique().tolist() == ["b"]
    assert (effects["lower"] < effects["effect"]).all()
    found = study.diagnostics(family="linear")
    assert len(found.rows) == 120
    assert found.rows["cook"].notna().sum() == study.handle.data.n_train
    weights = study.feature_weights
    assert weights is not None
    assert weights.features[0] == NASTY
    assert study.to_dict()["feature_weights"] == weights.to_list()


def test_what_the_residuals_ask_for_is_a_click_away(app: AppTest, real: None) -> None:
    """Errors that grow with the prediction: the button opens Search on the logarithm of the same rows."""
    opened(app, "fanning", "model")
    words = look_at(app, "Diagnostics").replace("\\", "")
    assert "checks find something" in words
    assert "The logarithm of the target may help." in words
    assert app.button(key="leave-out-selected").disabled
    button = next(b for b in app.button if b.label == "Fit the logarithm")
    words = text_of(healthy(button.click().run()))
    assert "Start" in {b.label for b in app.button}
    from kanlab.ui import session

    data = app.session_state[session._DATASET]
    study = open_study("fanning").handle
    assert data.target_label == "log(y)"
    assert data.n == study.data.n_train
    assert app.session_state["neuron_num"] == (1, 1)


def test_a_trial_is_chosen(app: AppTest, real: None) -> None:
    opened(app, "straight", "model")
    app.selectbox(key="model-model").select_index(1).run()
    assert not app.exception
    assert "**Trial" in text_of(app)
    assert len(app.get("image")) == 1


def parts(app: AppTest) -> list[str]:
    return [b.proto.label for b in app.get("download_button")]


def test_everything_can_be_taken_away(app: AppTest, real: None) -> None:
    from kanlab.ui.export import _OTHERS  # the pages have to be made by the app first

    opened(app, "curved", "export")
    assert parts(app)[0] == "Report"
    code = "Download curved-model.onnx"
    assert sorted(parts(app)) == sorted(
        [code, "Download the bundle", "Download as a file", *(label for label, *_ in _OTHERS.values())]
    )
    form = app.selectbox(key="code-form")
    assert [option.rpartition(" ")[2] for option in form.options] == [f"({ending})" for ending in ENDINGS]
    assert "Download curved-model.js" in parts(form.set_value(form_of(".js")).run())
    study = open_study("curved")
    with zipfile.ZipFile(io.BytesIO(study.bundle(use="read").zipped())) as archive:
        assert {Path(n).name for n in archive.namelist()} == {*_OTHERS, "requirements.txt"}
    assert "kanlab export curved --use read -o bundle.zip" in app.code[0].value  # it has an average beside it
    opened(app, "straight", "export")
    assert sorted(parts(app)) == sorted(
        [
            "Download the bundle",
            "Download as a file",
            "Download straight-model.js",
            *(label for name, (label, *_) in _OTHERS.items() if name not in ("formula.py", "network.svg")),
        ]
    )


def test_a_model_that_cannot_be_fitted_is_a_sentence(app: AppTest, small: Dataset) -> None:
    """Its data are gone."""
    from kanlab.study.storage import data_path

    handle = made_study(small, {Cell(1, 2, 1): -900.0}, space=SearchSpace((1, 2), (2, 3), (1, 1)))
    data_path(small.sha256).unlink()
    for page in ("model", "export"):
        assert "are no longer in" in opened(app, handle.name, page).error[0].value.replace("\\", "")


def test_names_for_the_shell(app: AppTest, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex

    from kanlab.ui.export import _quoted

    for name in ("plain-1", "it's; rm -rf", "$HOME", "日本"):
        assert shlex.split(_quoted(name)) == [name]


def test_formulas_are_searched_for_and_read(app: AppTest, kanlab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the empty state by one click to a front, and to a formula that is chosen in it."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.uniform(0.5, 2, (80, 2)), columns=[NASTY, "v"])
    frame["y"] = frame[NASTY] * frame["v"] ** 2
    study = tune(Dataset.from_frame(frame, "y"), SearchSpace((1, 1), (2, 2), (2, 2)), name="product", workers=1)
    opened(app, "product", "model")
    assert "A search finds shorter formulas" in look_at(app, "Formula")
    assert app.button(key="search-formulas").label == "Search for formulas"
    assert len(app.latex) == 2  # of the network, and its domain
    from kanlab.ui.formulas import EFFORTS  # the pages have to be made by the app first

    monkeypatch.setitem(EFFORTS, "6 seconds", 0.03)
    app.button(key="search-formulas").click()
    healthy(app.run())
    run = formulas._runs.of(study.handle)
    assert run is not None
    run.join()
    words = text_of(healthy(app.run()))
    assert "A search finds" not in words
    assert charts(app) == 1
    table = next(f.value for f in app.dataframe if "held_out" in f.value.columns)
    best = table[table["choice"] == "recommended"]
    assert len(best) == 1
    assert best["test"].item() == pytest.approx(0.0, abs=1e-9)
    assert "Recommended: Its description is the shortest" in words.replace("\\", "")
    assert "bold" not in app.latex[0].value
    assert len(app.latex) == 4
    compile(app.code[0].value, "formula", "exec")
    box = next(s for s in app.selectbox if s.label == "Formula")
    assert "(recommended)" in box.options[box.index]
    box.select_index(0)
    words = text_of(healthy(app.run())).replace("\\", "")
    assert "It does not stand for its network: its error is" in words
    assert app.warning[0].value.replace("\\", "").startswith("It does not stand for its network")
    assert app.button(key="search-formulas").label == "Search again"
    edited_and_used(app, study)


def edited_and_used(app: AppTest, study: Study) -> None:
    """A constant of the shown formula is held, the result shown, used and removed; units; what the next search is told."""
    assert app.selectbox(key="formula-part-0").options[0].endswith("(constant)")
    app.segmented_control(key="formula-action-0-0").set_value("fix")
    healthy(app.run())
    number = next(t for t in app.text_input if t.label == "Number")
    app.text_input(key=number.key).set_value("nothing")
    healthy(app.run())
    app.button(key="fit-formula").click()
    assert "is no number to hold a constant at" in text_of(healthy(app.run())).replace("\\", "")
    app.text_input(key=number.key).set_value("2.5")
    healthy(app.run())
    app.button(key="fit-formula").click()
    words = text_of(healthy(app.run())).replace("\\", "")
    assert "It was edited by hand." in words
    table = next(f.value for f in app.dataframe if "held_out" in f.value.columns)
    assert table.loc[table["choice"] == "edited", "formula"].tolist() == ["2.500"]
    app.button(key="use-formula").click()
    assert "Exports and bundles take this formula." in text_of(healthy(app.run())).replace("\\", "")
    assert str(study.formula) == "2.500"
    app.button(key="remove-formula").click()
    healthy(app.run())
    assert all(f.found.origin != "edited" for f in study.formulas())
    assert str(study.formula) != "2.500"

    app.text_area(key="formula-units").set_value("v=smoots")
    healthy(app.run())
    app.button(key="check-units").click()
    assert "'smoots' is no unit that is known" in text_of(healthy(app.run())).replace("\\", "")
    app.text_area(key="formula-units").set_value("v=m/s, y=m^2/s^2")
    healthy(app.run())
    app.button(key="check-units").click()
    assert "Its units add up" in text_of(healthy(app.run())).replace("\\", "")
    assert study.units == {"v": "m/s", "y": "m^2/s^2"}

    told: list[FormulaOptions] = []
    app.multiselect(key="formula-forbidden").set_value(["abs", "erf"])
    app.multiselect(key="formula-required").set_value(["v"])
    app.number_input(key="formula-repeats").set_value(3)
    healthy(app.run())
    app.selectbox(key="formula-inside-v").set_value("sin")
    healthy(app.run())
    from kanlab.ui import formulas as panel

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel, "start_search", lambda handle, options, place: told.append(options))
        app.button(key="search-formulas").click()
        healthy(app.run())
    (options,) = told
    assert (options.forbidden, options.required, options.repeats) == (("abs", "erf"), ((1, "sin"),), 3)

    done = study.handle.optuna.user_attrs[formulas.FORMULAS]
    live = formulas.FormulaSearch("running", 1, 4, written=time.time() + 3600)
    study.handle.optuna.set_user_attr(formulas.FORMULAS, live.to_dict())
    assert "Search for formulas: 1 of 4 steps" in text_of(healthy(app.run()))
    study.handle.optuna.set_user_attr(formulas.FORMULAS, done)
    healthy(app.run())
    look_at(app, "Network")
    look_at(app, "Formula")
    assert app.multiselect(key="formula-forbidden").value == ["abs", "erf"]
    assert app.selectbox(key="formula-inside-v").value == "sin"
    assert app.number_input(key="formula-repeats").value == 3


def test_a_search_is_watched_and_stopped(app: AppTest, real: None, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = open_study("straight").handle
    stopped: list[str] = []
    monkeypatch.setattr(formulas._runs, "stop", lambda handle: stopped.append(handle.name))
    live = formulas.FormulaSearch("running", 1, 4, written=time.time() + 3600)
    handle.optuna.set_user_attr(formulas.FORMULAS, live.to_dict())
    opened(app, "straight", "model")
    assert "Search for formulas: 1 of 4 steps" in look_at(app, "Formula")
    app.button(key="stop-formulas").click()
    healthy(app.run())
    assert stopped == ["straight"]
    ended = formulas.FormulaSearch("stopped", 1, 4, written=time.time())
    handle.optuna.set_user_attr(formulas.FORMULAS, ended.to_dict())
    words = text_of(healthy(app.run()))
    assert "The search was stopped" in words
    assert "A search finds shorter formulas" in words


def test_a_row_is_explained(app: AppTest, real: None) -> None:
    """Of a network and of a linear model: its prediction, the waterfall, the nearest rows, a download."""
    for name in ("curved", "straight"):
        opened(app, name, "model")
        words = look_at(app, "Why").replace("\\", "")
        assert "Predicted y: **" in words
        assert charts(app) == 1
        near = next(f.value for f in app.dataframe if "distance" in f.value.columns)
        assert near.columns.tolist() == ["distance", "y", NASTY, "b", "kind"]
        assert len(near) == 5
        assert "Download the contributions in 24 test rows" in parts(app)
        assert ("multiplies the prediction by exp(c)" in words) is (name == "curved")
    app.segmented_control(key="why-order").set_value("error")
    worst = text_of(healthy(app.run()))
    assert worst.replace("\\", "") != words


def test_what_is_set_of_a_row_moves_its_prediction(app: AppTest, real: None) -> None:
    """From the address, by a slider and a category, and back; features the model does not use are not offered."""
    app.query_params["x.b"] = "1.5"
    app.query_params["x.kind"] = "red"
    opened(app, "curved", "model")
    words = look_at(app, "What if")
    assert "model" not in app.query_params
    study = open_study("curved")
    rows = pd.DataFrame(
        {NASTY: [s.value for s in app.slider if NASTY.split()[0] in s.label.replace("\\", "")], "b": 1.5}
    )
    expected = study.predict(rows.assign(kind="red"), use="read").frame.iloc[0]
    assert f"Predicted y: {expected['y_predicted']:,.5g}" in words.replace("\\", "")
    assert f"90% interval: {expected['y_lower']:,.5g} to {expected['y_upper']:,.5g}" in words.replace("\\", "")
    assert charts(app) == 1
    next(s for s in app.slider if s.label == "b").set_value(-1.0)
    expected = study.predict(rows.assign(b=-1.0, kind="red"), use="read").frame.iloc[0]
    words = text_of(healthy(app.run())).replace("\\", "")
    assert f"Predicted y: {expected['y_predicted']:,.5g}" in words
    app.button(key="what-if-reset").click()
    healthy(app.run())
    assert app.selectbox[-1].label == "kind"
    assert next(s for s in app.slider if s.label == "b").value == pytest.approx(0.0, abs=0.5)


def test_a_link_names_the_model_as_well(app: AppTest, real: None) -> None:
    """It is in the address once a row is set, is opened from there, and leaves it when another model is chosen."""
    app.query_params["x.b"] = "1.5"
    app.query_params["model"] = "linear"
    opened(app, "curved", "model")
    box = app.selectbox(key="model-model")
    assert box.value == "linear"
    words = look_at(app, "What if").replace("\\", "")
    assert app.query_params["model"] == "linear"
    rows = pd.DataFrame(
        {NASTY: [s.value for s in app.slider if NASTY.split()[0] in s.label.replace("\\", "")], "b": 1.5}
    )
    kind = next(s for s in app.selectbox if s.label == "kind").value
    expected = open_study("curved").predict(rows.assign(kind=kind), family="linear").frame.iloc[0]
    assert f"Predicted y: {expected['y_predicted']:,.5g}" in words
    app.selectbox(key="model-model").set_value(-1)  # the recommended one
    healthy(app.run())
    assert "model" not in app.query_params


def test_interactions_are_shown_and_tested(app: AppTest, real: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence, the pairs, a heat map; one click starts the test, and its p-values are there when it is done."""
    opened(app, "curved", "model")
    words = look_at(app, "Interactions").replace("\\", "")
    assert "Is it additive? The strongest interaction is that of" in words
    assert charts(app) == 1
    first = next(f.value for f in app.dataframe if "strength" in f.value.columns)
    assert "p" not in first
    handle = open_study("curved").handle
    model = open_study("curved").predictor(use="read")
    started: list[str] = []
    monkeypatch.setattr(interactions, "start_test", lambda handle, model: started.append(handle.name))
    app.button(key="test-interactions").click()
    healthy(app.run())
    assert started == ["curved"]
    pairs = [
        json.dumps([p.first, p.second]) for p in interactions.interactions_of(model.fitted, load_data(handle)).pairs
    ]
    nulls = [dict.fromkeys(pairs, 0.001 * (1 + i)) for i in range(19)]
    said = {
        "model": str(model.key),
        "state": "running",
        "done": 3,
        "total": 19,
        "nulls": nulls[:3],
        "written": time.time(),
    }
    handle.optuna.set_user_attr(interactions.INTERACTIONS, said)
    healthy(app.run())
    assert not [b for b in app.button if b.key == "test-interactions"]
    handle.optuna.set_user_attr(interactions.INTERACTIONS, said | {"state": "done", "nulls": nulls})
    words = text_of(healthy(app.run())).replace("\\", "")
    assert "by 19 networks fitted to targets without interactions" in words
    assert "p" in next(f.value for f in app.dataframe if "strength" in f.value.columns)
    monkeypatch.setattr(product_hint, "STRONG", 0.0)
    monkeypatch.setattr(product_hint, "SIGNIFICANCE", 1.0)
    assert "interact strongly" in text_of(healthy(app.run()))
    healthy(app.button(key="search-products").click().run())
    assert app.checkbox(key="multiplication").value is True
