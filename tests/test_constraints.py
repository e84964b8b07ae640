"""Constraints of a study, from every door to its bundle: they hold, they are said, and what breaks them is not recommended."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kanlab
from kanlab.baselines.registry import comparison_family, fit_named
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.manage import duplicate
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import SearchSpace
from kanlab.kan.shape_check import violations
from kanlab.kan.shapes import Shape
from kanlab.sklearn import KANRegressor, SplineKANClassifier, SplineKANRegressor
from tests.helpers.command_line import run, strict_json
from tests.helpers.sentences import assert_sentence

pytestmark = pytest.mark.usefixtures("one_worker")

KNOWN = {"monotone": {"price": "down", "age": "up"}, "convex": ["price"], "no_effect": ["shade"]}


def frame(n: int = 60) -> pd.DataFrame:
    """Sales fall with the price and, in these rows, with age."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"price": rng.uniform(1, 9, n), "age": rng.uniform(20, 70, n), "shade": rng.normal(size=n)})
    table["sales"] = 40 * np.exp(-0.4 * table.price) - 0.05 * table.age + rng.normal(size=n)
    return table


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("constraints") / "sales.csv"
    frame().to_csv(path, index=False)
    return str(path)


def grid(column: str, low: float, high: float) -> pd.DataFrame:
    rows = pd.DataFrame({"price": np.full(200, 4.0), "age": 45.0})
    rows[column] = np.linspace(low, high, 200)
    return rows


def test_a_study_keeps_them_from_the_command_line_to_the_bundle(
    csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--monotone", "price:down,age:up", "--convex", "price", "--no-effect", "shade"]
    space = ["--neuron-num", "1:2", "--grid", "2:3", "--k", "3", "--target-scale", "none"]
    run("tune", csv, "--target", "sales", *space, *options, "--study", "known", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["constraints"] == [
        "'age' is monotone up", "'price' is monotone down", "'price' is convex", "'shade' is without effect"
    ]  # fmt: skip
    assert content["data"]["features"] == ["price", "age"]
    broken = {b["family"]: b["breaks"] for b in content["baselines"] if "breaks" in b}
    assert broken["linear"] == "The linear model runs down in 'age'."
    assert "constant" not in broken
    assert content["recommended"]["family"] not in broken
    assert any("keeps to the constraints" in reason for reason in content["reasons"])

    study = kanlab.open_study("known")
    for use in ("read", "predict"):
        price, age = (study.predict(grid(*ends), use=use) for ends in (("price", -10, 30), ("age", 0, 140)))
        assert np.diff(price.frame[price.predicted]).max() <= 1e-9
        assert np.diff(price.frame[price.predicted], 2).min() >= -1e-9
        assert np.diff(age.frame[age.predicted]).min() >= -1e-9

    again = duplicate(study.handle, name="again")
    assert again.spec.constraints == study.spec.constraints
    assert again.spec.options == study.spec.options

    study.export(tmp_path / "of another.zip", family="linear")
    with zipfile.ZipFile(tmp_path / "of another.zip") as packed:
        said = packed.read(next(name for name in packed.namelist() if name.endswith("README.md"))).decode()
    assert "This model does not keep to them in 'age'" in said
    study.export(tmp_path / "bundle.zip", use="read")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as packed:
        packed.extractall(tmp_path)
    predict = next(tmp_path.rglob("predict.py"))
    rows = grid("price", -10, 30)
    rows.to_csv(tmp_path / "in.csv", index=False)
    subprocess.run([sys.executable, predict, tmp_path / "in.csv", tmp_path / "out.csv"], check=True, cwd=predict.parent)
    assert "Checked: kept in 20 rows" in (predict.parent / "README.md").read_text(encoding="utf-8")
    found = pd.read_csv(tmp_path / "out.csv")["sales_predicted"]
    np.testing.assert_allclose(found, study.predict(rows, use="read").frame["sales_predicted"], rtol=1e-9)
    assert (
        json.loads((predict.parent / "study.json").read_text(encoding="utf-8"))["constraints"] == content["constraints"]
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--monotone", "price:up", "--monotone", "price:down"], "up and down at once"),
        (["--monotone", "price"], "is not COL:up or COL:down"),
        (["--convex", "prise"], "There is no feature 'prise' to constrain"),
        (["--monotone", "sales:up"], "is the target"),
        (["--no-interaction", "price"], "two features and more"),
        (["--no-interaction", "price,age", "--neuron-num", "1"], "need 2 hidden neurons"),
        (["--linear", "price", "--engine", "pykan-lbfgs"], "kept by the engine lm"),
    ],
)
def test_the_command_line_refuses_what_cannot_be(
    csv: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", csv, "--target", "sales", *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert_sentence(said.removeprefix("kanlab: "))


def test_a_file_of_options_holds_them(csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kanlab.toml"
    file.write_text(
        f'[tune]\ndata = "{csv}"\ntarget = "sales"\nneuron-num = "1"\ngrid = "2"\nk = "1"\n'
        'monotone = { price = "down" }\nlinear = ["age"]\nno-interaction = [["price", "shade"]]\n',
        encoding="utf-8",
    )
    assert main(["tune", "--config", str(file)]) == 2
    assert "need 2 hidden neurons" in capsys.readouterr().err
    run("tune", "--config", str(file), "--neuron-num", "2", "--study", "of the file", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["constraints"] == [
        "'price' is monotone down",
        "'age' is linear",
        "'price' and 'shade' do not interact",
    ]
    assert [t["n_params"] for t in content["trials"]] == [2 * (1 + 2) + 2 * 2 + 1 + 1 + 1]


def test_one_network_of_kanlab_fit() -> None:
    data = Dataset.from_frame(frame(), "sales", test_fraction=0.0)
    network = kanlab.fit(data, 1, 3, 3, constraints=KNOWN | {"monotone": {"price": "down"}})
    X = np.column_stack([np.linspace(0, 10, 500), np.full(500, 40.0), np.zeros(500)])
    assert np.diff(network.predict(X)).max() <= 1e-10
    X[:, :2], X[:, 2] = [5.0, 40.0], np.linspace(-3, 3, 500)
    assert np.ptp(network.predict(X)) == 0.0
    with pytest.raises(StudyError, match="no feature 'prise'"):
        kanlab.fit(data, 1, 3, 3, constraints={"convex": ["prise"]})


def test_estimators_take_them_as_those_of_scikit_learn_do() -> None:
    table = frame()
    X, y = table[["price", "age"]], table["sales"]
    one = SplineKANRegressor(neuron_num=1, grid=3, monotonic_cst={"price": -1}).fit(X, y)
    assert np.diff(one.predict(grid("price", 0, 12))).max() <= 1e-9
    by_place = SplineKANRegressor(neuron_num=1, grid=3, monotonic_cst=[-1, 0]).fit(X, y)
    np.testing.assert_array_equal(one.predict(X), by_place.predict(X))
    found = KANRegressor(neuron_num=(1, 2), grid=2, k=3, monotonic_cst=[-1, 1], constraints={"no_effect": ["age"]})
    with pytest.raises(ValueError, match="without effect and"):
        found.fit(X, y)
    found.set_params(constraints={"convex": ["price"]}).fit(X, y)
    assert np.diff(found.predict(grid("age", 0, 100))).min() >= -1e-9
    assert np.diff(found.predict(grid("price", 0, 12)), 2).min() >= -1e-9
    sold = SplineKANClassifier(neuron_num=1, grid=2, monotonic_cst=[-1, 0]).fit(X, y > 10)
    assert np.diff(sold.predict_proba(grid("price", 0, 12))[:, 1]).max() <= 1e-9
    for wrong, words in (([1], "has shape"), ([2, 0], "holds 1"), ({"prise": 1}, "no feature 'prise'")):
        with pytest.raises(ValueError, match=words):
            SplineKANRegressor(monotonic_cst=wrong).fit(X, y)


def test_boosting_is_told_and_other_families_say_what_they_break() -> None:
    data = Dataset.from_frame(frame(120), "sales", test_fraction=0.0)
    shape = Shape(down=(0,), up=(1,))
    boosted = fit_named("boosting", data.X_train, data.y_train, shape=shape).predict
    X = np.column_stack([np.linspace(0, 10, 400), np.full(400, 40.0), np.zeros(400)])
    assert np.diff(boosted(X)).max() <= 0.0
    of = {
        name: comparison_family(name, data, count_sigma2=True, shape=shape)
        for name in ("boosting", "gam", "polynomial")
    }
    assert not of["boosting"].breaks
    assert "cannot be held to the constraints" in of["gam"].breaks
    assert "cannot be held to the constraints" in of["polynomial"].breaks
    assert not comparison_family("gam", data, count_sigma2=True, shape=Shape(apart=((0, 1),))).breaks
    assert "cannot" in comparison_family("boosting", data, count_sigma2=True, shape=Shape(convex=(0,))).breaks


def test_a_study_without_them_is_what_it_was() -> None:
    data = Dataset.from_frame(frame(), "sales")
    study = kanlab.tune(data, SearchSpace((1, 1), (2, 2), (2, 2)), workers=1, name="plain")
    assert "constraints" not in study.to_dict()
    assert not any("breaks" in b for b in study.to_dict()["baselines"])
    assert "constraints" not in json.loads(json.dumps(study.handle.spec.to_dict()))


def test_formulas_that_break_them_are_not_listed() -> None:
    table = frame()
    table["sales"] = 20 - 2 * table.price + 3 * np.sin(table.price * 2) + 0.2 * np.random.default_rng(1).normal(size=60)
    data = Dataset.from_frame(table[["price", "sales"]], "sales", test_fraction=0.0)
    space = SearchSpace((1, 1), (3, 4), (3, 3))
    study = kanlab.tune(data, space, workers=1, name="formulas", constraints={"monotone": {"price": "down"}})
    found = study.formulas(minutes=0.02)
    rows = np.linspace(data.X_train.min(), data.X_train.max(), 2000)[:, None]
    assert found
    for formula in found:
        assert np.diff(formula.predict_inputs(rows)).max() <= 1e-5 * np.ptp(table.sales)


def test_violations_are_found_where_they_are() -> None:
    X = np.random.default_rng(0).uniform(-1, 1, (40, 4))

    def predict(x: np.ndarray) -> np.ndarray:
        return np.asarray(x[:, 0] ** 2 + x[:, 1] * x[:, 2] - 3 * x[:, 3])

    assert violations(predict, X, Shape(convex=(0,), down=(3,), linear=(3,), apart=((0, 1), (0, 3)))) == ()
    assert violations(predict, X, Shape(up=(0,))) == (0,)
    assert violations(predict, X, Shape(concave=(0,), up=(3,), zero=(1,))) == (0, 1, 3)
    assert violations(predict, X, Shape(linear=(0,), apart=((1, 2),))) == (0, 1, 2)


def test_the_final_check_drops_features_of_constrained_networks(tmp_path: Path) -> None:
    """Two that do nothing, one of them demanded to rise, which no effect does; what stays keeps its demand."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame(rng.uniform(-1, 1, (90, 4)), columns=["idle", "busy", "still", "bent"])
    table["y"] = np.exp(1.5 * table.busy) + 2 * table.bent**2 + 0.1 * rng.normal(size=90)
    known = {"monotone": {"busy": "up", "still": "up"}, "convex": ["bent"]}
    data = Dataset.from_frame(table, "y")
    study = kanlab.tune(data, SearchSpace((1, 2), (2, 2), (3, 3)), workers=1, name="dropped", constraints=known)
    found = study.to_dict()["final_check"]["reduced"]
    assert found["without"] == ["idle", "still"]
    model = study.predictor(use="read")
    assert model.without == ("idle", "still")
    network = model.fitted
    assert isinstance(network, FittedKan)
    assert network.shape == Shape(up=(1,), convex=(3,), zero=(0, 2))
    kept = kanlab.fit(Dataset.from_frame(table[["busy", "bent", "y"]], "y"), **found["params"], constraints={
        "monotone": {"busy": "up"}, "convex": ["bent"]
    })  # fmt: skip
    assert network.n_params == kept.n_params
    rows = np.repeat(rng.uniform(-1, 1, (1, 4)), 10_000, axis=0)
    rows[:, 1] = np.linspace(-2, 2, len(rows))
    assert np.diff(network.predict(rows)).min() >= -1e-10
    rows[:, 1], rows[:, 3] = 0.0, np.linspace(-2, 2, len(rows))
    assert np.diff(network.predict(rows), 2).min() >= -1e-9
    rows[:, 3], rows[:, 0] = 0.0, np.linspace(-9, 9, len(rows))
    assert np.ptp(network.predict(rows)) == 0.0
    study.export(tmp_path / "bundle.zip", use="read")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as packed:
        said = packed.read(next(name for name in packed.namelist() if name.endswith("README.md"))).decode()
    assert "Checked: kept in 20 rows" in said
