"""Constraints of a study of three and more classes, from every door to its bundle."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kanlab
from kanlab.baselines.registry import comparison_family
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.kan.network import FittedKan
from kanlab.kan.shapes import Shape
from kanlab.sklearn import SplineKANClassifier
from tests.helpers.command_line import run, strict_json
from tests.helpers.sentences import assert_sentence

pytestmark = pytest.mark.usefixtures("one_worker")


def frame(n: int = 120) -> pd.DataFrame:
    """Classes low, mid and high, of which high grows likelier with `dose`; `age` acts apart from it."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.uniform(-1, 1, (n, 2)), columns=["dose", "age"])
    z = np.column_stack([np.zeros(n), np.sin(3 * table.age), 3 * table.dose - 0.5])
    table["grade"] = np.array(["low", "mid", "high"])[(z + rng.gumbel(size=z.shape)).argmax(axis=1)]
    return table


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("classes") / "grades.csv"
    frame().to_csv(path, index=False)
    return str(path)


def test_a_study_keeps_them_from_the_command_line_to_the_bundle(
    csv: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--monotone", "dose:up", "--of-class", "high", "--no-interaction", "dose,age"]
    space = ["--neuron-num", "2:2", "--grid", "2:2", "--k", "3"]
    run("tune", csv, "--target", "grade", *space, *options, "--study", "of a class", "--json")
    content = strict_json(capsys.readouterr().out)
    assert content["constraints"] == [
        "'dose' is monotone up for 'high' against each other class",
        "'dose' and 'age' do not interact",
    ]
    edge = 2 + 3 - 1
    # two nodes of one feature each, two outputs, a constant each
    assert Dataset.from_frame(frame(), "grade").outputs == 2
    study = kanlab.open_study("of a class")
    assert study.handle.spec.n_params(study.handle.spec.space.cells[0], 2) == 2 * (1 + edge) + 2 * (2 * edge + 1)
    network = study.predictor(use="read").fitted
    assert isinstance(network, FittedKan)
    assert network.shape == Shape(
        up=(0,), apart=((0, 1),), of_class=Dataset.from_frame(frame(), "grade").levels.index("high")
    )

    rows = pd.DataFrame({"dose": np.linspace(-4, 4, 400), "age": 0.3})
    for use in ("read", "predict"):
        p = study.predict(rows, use=use).frame
        assert np.diff(p["grade_probability_high"]).min() >= -1e-12
    study.export(tmp_path / "bundle.zip", use="read")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as packed:
        packed.extractall(tmp_path)
    predict = next(tmp_path.rglob("predict.py"))
    rows.to_csv(tmp_path / "in.csv", index=False)
    subprocess.run([sys.executable, predict, tmp_path / "in.csv", tmp_path / "out.csv"], check=True, cwd=predict.parent)
    found = pd.read_csv(tmp_path / "out.csv")["grade_probability_high"]
    np.testing.assert_allclose(found, study.predict(rows, use="read").frame["grade_probability_high"], rtol=1e-9)
    assert "Checked: kept in 20 rows" in (predict.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--monotone", "dose:up"], "Say of which class"),
        (["--convex", "dose", "--of-class", "top"], "There is no class 'top'; the classes of 'grade' are"),
        (["--no-interaction", "dose,age", "--of-class", "high"], "Nothing is demanded of the class 'high'"),
        (["--no-interaction", "dose,age", "--neuron-num", "1"], "need 2 hidden neurons"),
    ],
)
def test_the_command_line_refuses_what_cannot_be(
    csv: str, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tune", csv, "--target", "grade", *options]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert_sentence(said.removeprefix("kanlab: "))


def test_a_class_of_two_or_of_a_quantity_is_refused(csv: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", csv, "--target", "age", "--monotone", "dose:up", "--of-class", "high"]) == 2
    assert "does not have three classes or more" in capsys.readouterr().err


def test_the_estimator_takes_them() -> None:
    table = frame()
    X, y = table[["dose", "age"]], table["grade"]
    model = SplineKANClassifier(
        neuron_num=1, grid=3, monotonic_cst={"dose": 1}, constraints={"of_class": "high"}
    ).fit(X, y)  # fmt: skip
    rows = pd.DataFrame({"dose": np.linspace(-3, 3, 500), "age": 0.1})
    of_high = list(model.classes_).index("high")
    assert np.diff(model.predict_proba(rows)[:, of_high]).min() >= -1e-12


def test_other_families_say_what_they_break() -> None:
    data = Dataset.from_frame(frame(), "grade", test_fraction=0.0)
    high = data.levels.index("high")

    def breaks(family: str, shape: Shape) -> str:
        return comparison_family(family, data, count_sigma2=True, shape=shape).breaks

    assert not breaks("linear", Shape(up=(0,), of_class=high))
    assert "run the other way in 'dose'" in breaks("linear", Shape(down=(0,), of_class=high))
    assert "run the other way in 'dose'" in breaks("linear", Shape(up=(0,), of_class=data.levels.index("low")))
    assert "cannot be held" in breaks("boosting", Shape(up=(0,), of_class=high))
    assert not breaks("boosting", Shape(apart=((0, 1),)))
