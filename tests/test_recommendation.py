"""One recommendation: page, command line, JSON, report and prediction name the same model and the same numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from kanlab.api import Study, open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.candidates import model_name
from kanlab.study.model_key import ModelKey
from kanlab.text import kept_together
from kanlab.ui.fitted_model import USE
from tests.helpers.pages import go, text_of

SPACE = SearchSpace((1, 2), (3, 4), (2, 2))


def curved(rng: np.random.Generator, X: np.ndarray) -> object:
    return np.sin(3 * X[:, 1]) + np.cos(2 * X[:, 0]) * X[:, 2] + 0.05 * rng.normal(size=len(X))


def additive(rng: np.random.Generator, X: np.ndarray) -> object:
    return np.sin(3 * X[:, 1]) + np.cos(2 * X[:, 0]) + X[:, 2] ** 3 + 0.05 * rng.normal(size=len(X))


def idle_features(rng: np.random.Generator, X: np.ndarray) -> object:
    return np.sin(3 * X[:, 1]) + 0.1 * rng.normal(size=len(X))


def straight(rng: np.random.Generator, X: np.ndarray) -> object:
    return 3 * X[:, 0] - X[:, 1] + 2 * X[:, 2] + rng.normal(size=len(X))


def classes(rng: np.random.Generator, X: np.ndarray) -> object:
    return np.where(np.sin(3 * X[:, 1]) + 0.5 * rng.normal(size=len(X)) > 0, "ill", "well")


TARGETS: dict[str, Callable[[np.random.Generator, np.ndarray], object]] = {
    "a network": curved,
    "a network of fewer edges": additive,
    "a network of fewer features": idle_features,
    "a linear model": straight,
    "classes": classes,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the studies of this module: real fits, made once."""
    folder = tmp_path_factory.mktemp("recommendations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANLAB_HOME", str(folder))
        for name, target in TARGETS.items():
            rng = np.random.default_rng(1)
            X = rng.uniform(-1, 1, (110 if name == "a network" else 130, 3))  # below 100 to train on no edge goes
            frame = pd.DataFrame(X, columns=["idle", "busy", "still"]).assign(y=target(rng, X))
            tune(Dataset.from_frame(frame, "y"), SPACE, name=name, workers=1)
    return folder


@pytest.fixture(params=TARGETS)
def study(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.setenv("KANLAB_HOME", str(home))
    return open_study(request.param)


def test_the_targets_ask_for_different_models(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(home))
    choices = {name: open_study(name).recommendation.choice for name in TARGETS}
    assert {name: bool(c and c.trial) for name, c in choices.items()}["a network"]
    assert {name: bool(c and c.reduced and c.reduced.edges) for name, c in choices.items()}["a network of fewer edges"]
    assert {name: bool(c and c.reduced) for name, c in choices.items()}["a network of fewer features"]
    assert {name: bool(c and c.baseline) for name, c in choices.items()}["a linear model"]


def test_all_say_the_same(study: Study, app: AppTest, capsys: pytest.CaptureFixture[str]) -> None:
    found = study.recommendation
    choice = found.choice
    assert choice is not None
    error = "log_loss_test" if study.handle.data.levels else "rmse_test"

    main(["show", study.name, "--json"])
    content = json.loads(capsys.readouterr().out)
    told = content["recommended"]
    assert told["family"] == choice.family
    assert told.get("number") == (choice.model.number if choice.is_network else None)  # type: ignore[union-attr]
    assert tuple(told.get("without", ())) == (choice.reduced.without if choice.reduced else ())
    assert (told["n_params"], told["aicc"], told[error]) == (choice.n_params, choice.aicc, choice.error_test)
    assert content["reasons"] == list(found.reasons)
    assert content["warnings"] == content["alarms"] == [w.sentence for w in found.warnings]

    main(["show", study.name])
    lines = capsys.readouterr().out.splitlines()
    assert f"recommended: {choice.name} (K = {choice.n_params:.4g}, AICc {choice.aicc:,.2f})" in lines
    assert [line[2:] for line in lines if line.startswith("  ")][-len(found.reasons) :] == list(found.reasons)
    assert [line[2:] for line in lines if line.startswith("! ")] == content["warnings"]

    assert (content["use"], content["use_reason"]) == (found.use, found.use_reason)
    if found.average is not None:
        assert content["to_predict"]["family"] == "average"
        assert f"to predict: {found.average.name}. {found.average_reason}" in lines

    app.query_params["study"] = study.name
    live = text_of(go(app, "live")).replace("\\", "")
    assert f"Recommended: {found.summary}. {found.reasons[0]}" in live
    page = text_of(go(app, "choose")).replace("\\", "")
    headline = found.chosen_for()
    assert headline is not None
    assert f"Take {'the network of ' * headline.is_network}{headline.name}" in page
    assert (found.use_reason if headline is choice else found.average_reason) in page
    go(app, "live")  # away from the switch, whose own state would be sent along
    app.session_state[USE] = "read"
    page = text_of(go(app, "choose")).replace("\\", "")
    assert f"Take {'the network of ' * choice.is_network}{choice.name}" in page
    assert all(reason in page for reason in found.reasons)
    assert [w.value.replace("\\", "") for w in app.warning] == content["warnings"]
    table = next(d.value for d in app.dataframe if "AICc" in d.value.columns).set_index("model")
    shown = table.loc[model_name(choice)]
    assert shown[["K", "AICc"]].tolist() == [choice.n_params, choice.aicc]
    assert shown[error] == choice.error_test

    assert json.loads(study.bundle().files["model.json"])["label"] == headline.name
    bundle = study.bundle(use="read")
    assert json.loads(bundle.files["study.json"]) == content
    assert json.loads(bundle.files["model.json"])["label"] == choice.name
    (row,) = re.findall(r'<tr class="taken"><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', bundle.files["report.html"])
    whole = all((c.n_params or 0) % 1 == 0 for c in found.ranked[:15])  # one precision a column
    n_params = f"{choice.n_params:,.0f}" if whole else f"{choice.n_params:,.1f}"
    assert tuple(map(unescape, row)) == (kept_together(model_name(choice)), n_params, f"{choice.aicc:,.2f}")
    (line,) = [line for line in bundle.files["README.md"].splitlines() if " (this one) |" in line]
    assert line.split(" | ")[1:3] == [n_params, f"{choice.aicc:,.2f}"]
    for reason in found.reasons:
        assert reason in unescape(bundle.files["report.html"])


def test_another_model_is_not_the_recommended_one(study: Study) -> None:
    choice = study.recommendation.choice
    assert choice is not None
    other = next(r for r in study.handle.records() if ModelKey(cell=r.cell) != choice.key)
    report = study.bundle(other.number).files["report.html"]
    assert "it is not the one the study recommends" in report
    assert re.findall(r'<tr class="taken"><td>(.*?)</td>', report) == [
        kept_together(f"trial {other.number}: {words(other.cell)}")
    ]


def words(cell: Cell) -> str:
    return f"{cell.neuron_num} hidden neuron{'s' * (cell.neuron_num > 1)}, grid {cell.grid}, k {cell.k}"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (ModelKey("ridge"), "ridge"),
        (ModelKey(cell=Cell(2, 4, 3)), "2,4,3"),
        (ModelKey(cell=Cell(2, 4, 3, 2)), "2,4,3,2"),
        (ModelKey(cell=Cell(10, 4, 3), columns=(0, 12)), "10,4,3,1 of 0,12"),
        (ModelKey(cell=Cell(1, 4, 3), columns=(3,)), "1,4,3,1 of 3"),
    ],
)
def test_keys_are_readable_both_ways(key: ModelKey, text: str) -> None:
    assert str(key) == text
    assert ModelKey.parse(text) == key
