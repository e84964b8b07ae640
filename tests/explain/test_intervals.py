"""The intervals of models: against MAPIE and statsmodels for a linear one, by predict.py as by kanlab, by command."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from mapie.regression import CrossConformalRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut

import kanlab
from kanlab import Dataset
from kanlab.api import Study, tune
from kanlab.cli.main import main
from kanlab.data.preparation import Preparation
from kanlab.engines.registry import FitOptions
from kanlab.errors import DatasetError, FitError, StudyError
from kanlab.execution.intervals import of_family, of_network
from kanlab.execution.messages import NetworkTask
from kanlab.execution.tasks import network as fit_network
from kanlab.explain.models import held_family
from kanlab.explain.predictor import Predictor
from kanlab.export.document import document, document_text, read_bundle
from kanlab.export.predict_template import predict_file, read_model
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import percent
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.stats.interval_bounds import share_held
from tests.export.test_document import archive
from tests.helpers.sentences import refused


def table(n: int = 120, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    y = a + 0.5 * b + 0.3 * rng.normal(size=n)
    kind = np.array(["low", "mid", "high"])[np.digitize(y, [-0.4, 0.4])]
    return pd.DataFrame(
        {"a": a, "b": b, "y": y, "kind": kind, "two": np.where(y > 0, "yes", "no"), "seen": rng.poisson(np.exp(y))}
    )


def dataset(target: str, **options: Any) -> Dataset:
    return Dataset.from_frame(table()[["a", "b", target]], target, **options)


def by_line(data: Dataset) -> Predictor:
    line = held_family(data, "linear", 0)
    return Predictor("the line", data.recipe, line, interval=of_family(data, line, "linear", 0))


def test_of_a_linear_model_they_are_those_of_the_jackknife() -> None:
    """Residuals over 1 - leverage, as statsmodels has them, and the interval of MAPIE's method "base", all rows left out."""
    data = dataset("y")
    model = by_line(data)
    assert model.interval is not None
    assert (model.interval["scale"], model.interval["tails"]) == (None, 1)
    press = sm.OLS(data.y_train, sm.add_constant(data.X_train)).fit().get_influence().resid_press
    np.testing.assert_allclose(model.interval["scores"], np.sort(np.abs(press)), rtol=1e-9)
    new = table(40, 5)[["a", "b"]]
    reference = CrossConformalRegressor(LinearRegression(), method="base", cv=LeaveOneOut(), confidence_level=0.9)
    reference.fit_conformalize(data.X_train, data.y_train)
    expected = reference.predict_interval(new.to_numpy())[1][:, :, 0]
    found = model.predict(new, interval=0.9)
    assert found.bounds == ("y_lower", "y_upper")
    np.testing.assert_allclose(found.frame[list(found.bounds)], expected, rtol=1e-9)
    low, high = (model.fitted.predict_flagged(data.X_test)[0] + s * np.diff(expected[0]) / 2 for s in (-1, 1))
    share = np.mean((low <= data.y_test) & (data.y_test <= high))
    assert share_held(model.interval, 0.9) == pytest.approx(share)
    assert any(f"of the {len(data.y_test)} test rows" in note and percent(share, 1) in note for note in found.notes)


def test_of_a_network_they_are_made_of_rows_left_out() -> None:
    data = dataset("y")
    task = NetworkTask(cell=Cell(1, 2, 2), engine="lm", options=FitOptions(starts=2), seed=0, left_out=True)
    answer = fit_network(data, task)
    left_out = np.array(answer.pop("left_out")[1])
    network = FittedKan.from_arrays({name: np.array(values, dtype=kind) for name, (kind, values) in answer.items()})
    np.testing.assert_array_equal(
        left_out, predictions_left_out(network, data.X_train, data.y_train, task.options.smoothing)
    )
    record = of_network(data, network, left_out, data.d)
    assert record is not None
    assert record["rows"] == data.n
    assert record["scores"][-1] >= np.max(np.abs(left_out - data.y_train)) or record["scale"]
    longer = of_network(data, network, None, data.d)  # as of stock pykan: by what the fit has spent
    assert longer is not None
    residual = np.sort(np.abs(network.predict(data.X_train) - data.y_train))
    if not longer["scale"]:
        np.testing.assert_allclose(longer["scores"], residual / (1 - network.n_params / data.n))


def test_the_way_back_from_a_logarithm() -> None:
    frame = table()
    frame["y"] = np.exp(3 * frame["y"])
    data = Dataset.from_frame(frame[["a", "b", "y"]], "y", preparation=Preparation(target_scale="log"))
    found = by_line(data).predict(frame.head(20)).frame
    ratio = found["y_upper"] / found["y_predicted"], found["y_predicted"] / found["y_lower"]
    np.testing.assert_allclose(*ratio)
    assert (ratio[0] > 1.5).all()


@pytest.mark.parametrize("target", ["y", "kind", "two", "seen"])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
def test_predict_py_writes_the_same(tmp_path: Path, target: str, level: float) -> None:
    """From model.json, and read back from a bundle, with a row that lies outside and one that cannot be predicted."""
    model = by_line(dataset(target, task="counts" if target == "seen" else "auto"))
    text = document_text(document(model, {}))
    (tmp_path / "model.json").write_text(text)
    (tmp_path / "in.csv").write_text("a,b\n0.1,0.2\n9,0.1\n,0.3\n-0.5,-0.75\n")
    notes = predict_file(read_model(tmp_path / "model.json"), tmp_path / "in.csv", tmp_path / "out.csv", interval=level)
    out = pd.read_csv(tmp_path / "out.csv")
    rows = pd.read_csv(tmp_path / "in.csv")
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": text}))
    for known in (model, read_bundle(tmp_path / "b.zip")):
        found = known.predict(rows, level)
        assert out.columns.tolist() == found.frame.columns.tolist()
        for column in found.bounds:
            expected = found.frame[column]
            if target in ("kind", "two"):
                assert out[column].fillna("").tolist() == expected.fillna("").tolist()
                predicted = found.frame[found.predicted].fillna("")
                assert all(p in s.split(" | ") for p, s in zip(predicted, expected.fillna(""), strict=True))
            else:
                np.testing.assert_allclose(out[column], expected, rtol=1e-9)
    if len(found.bounds) == 2:
        inside = out.dropna(subset=[found.predicted])
        assert len(inside) == 3
        assert (inside[found.bounds[0]] <= inside[found.predicted]).all()
        assert (inside[found.predicted] <= inside[found.bounds[1]]).all()
    assert any("no promise for rows outside" in note for note in notes)
    predict_file(read_model(tmp_path / "model.json"), tmp_path / "in.csv", tmp_path / "none.csv", interval=None)
    assert pd.read_csv(tmp_path / "none.csv").columns.tolist() == [c for c in out.columns if c not in found.bounds]


def test_weights_are_rows() -> None:
    """A row of weight 3 counts as three, in the record as in all else."""
    frame = table(60).assign(w=np.tile([1, 2, 3], 20))[["a", "b", "y", "w"]]
    options: dict[str, Any] = {"test_fraction": 0.0}
    weighed = Dataset.from_frame(frame, "y", ["a", "b"], weights="w", **options)
    written = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    assert by_line(weighed).interval == by_line(Dataset.from_frame(written, "y", ["a", "b"], **options)).interval


ONE: dict[str, Any] = {
    "offset": 0.0,
    "low": 0.0,
    "high": 0.0,
    "of": "inputs",
    "center": [0.0],
    "width": [0.0],
    "linear": [0.0],
    "square": [0.0],
}
DAMAGES: list[dict[str, Any]] = [
    {"scores": [3.0, 2.0, 1.0]}, {"scores": ["a"]}, {"rows": 0}, {"rows": 10**9}, {"tails": 3}, {"task": "counts"},
    {"held": [2.0] * 99}, {"held": [0.5]}, {"held_rows": -1}, {"scale": ONE},
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_refused(tmp_path: Path, damage: dict[str, Any]) -> None:
    content = json.loads(document_text(document(by_line(dataset("y")), {})))
    content["interval"] |= damage
    (tmp_path / "b.zip").write_bytes(archive({"x/model.json": json.dumps(content)}))
    with refused(StudyError, "b.zip", "damaged", "interval"):
        read_bundle(tmp_path / "b.zip")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intervals")


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    from kanlab.api import open_study

    try:
        return open_study("sure")
    except StudyError:
        return tune(dataset("y"), SearchSpace((1, 1), (2, 3), (2, 2)), name="sure", workers=1)


def test_from_python(study: Study) -> None:
    rows = table(30, 6)[["a", "b"]]
    found = study.predict(rows)
    wider, without = study.predict(rows, interval=0.95), study.predict(rows, interval=None)
    assert (found.interval, wider.interval, without.interval) == (0.9, 0.95, None)
    assert without.frame.columns.tolist() == ["a", "b", "y_predicted", "y_extrapolates"]
    assert (wider.frame["y_upper"] >= found.frame["y_upper"]).all()
    assert (found.frame["y_lower"] <= found.frame["y_predicted"]).all()
    with refused(DatasetError, "share above 0 and below 1", "90"):
        study.predict(rows, interval=90)
    for family in ("linear", "constant"):
        of_family = study.predict(rows, family=family).frame
        assert (of_family["y_lower"] < of_family["y_upper"]).all()
    bundle = study.bundle()
    assert "How sure a prediction is" in bundle.files["report.html"]
    assert "90% promised" in bundle.files["README.md"]


def test_on_the_command_line(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.csv"
    table(5, 7)[["a", "b"]].to_csv(new, index=False)

    def columns(*arguments: str) -> tuple[list[str], str]:
        assert main(["predict", "sure", str(new), *arguments]) == 0
        told = capsys.readouterr()
        return pd.read_csv(io.StringIO(told.out)).columns.tolist(), told.err

    named, said = columns()
    assert named[2:] == ["y_predicted", "y_lower", "y_upper", "y_extrapolates"]
    assert "should hold the target in 90% of rows" in said
    assert "in 50% of rows" in columns("--interval", "0.5")[1]
    assert columns("--interval", "none")[0][2:] == ["y_predicted", "y_extrapolates"]
    for wrong in ("90", "much"):
        with pytest.raises(SystemExit) as ended:
            main(["predict", "sure", str(new), "--interval", wrong])
        assert ended.value.code == 2
        assert "no share above 0 and below 1" in capsys.readouterr().err


def test_of_a_single_fit() -> None:
    """What a study's predictor has for the same network."""
    data = dataset("y")
    with refused(FitError, "fit it with interval=True"):
        kanlab.fit(data, 1, 2, 2, starts=2).predict_interval(data.X_test)
    network = kanlab.fit(data, 1, 2, 2, starts=2, interval=True)
    task = NetworkTask(cell=Cell(1, 2, 2), engine="lm", options=FitOptions(starts=2), seed=0)
    left_out = predictions_left_out(network, data.X_train, data.y_train, task.options.smoothing)
    assert network.interval == of_network(data, network, left_out, data.d)
    low, high = network.predict_interval(data.X_test, level=0.8).T
    assert (low < network.predict(data.X_test)).all()
    assert np.mean((low <= data.y_test) & (data.y_test <= high)) == pytest.approx(share_held(network.interval, 0.8))
    with refused(FitError, "share above 0 and below 1"):
        network.predict_interval(data.X_test, 80)
    sets = kanlab.fit(dataset("kind"), 1, 2, 2, starts=2, interval=True).predict_interval(data.X_test)
    assert sets.any(axis=1).all()
