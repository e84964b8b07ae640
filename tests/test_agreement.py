"""One table and one seed give the same numbers everywhere: estimators, studies, command line, bundles and their predict.py."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

from kanlab.api import open_study
from kanlab.cli.main import main
from kanlab.sklearn import KANClassifier, KANRegressor

TABLES = Path(__file__).parent / "tables"
SMALL: dict[str, Any] = {"neuron_num": (1, 2), "grid": 2, "k": 2, "random_state": 3}
RANGES = ["--neuron-num", "1:2", "--grid", "2:2", "--k", "2:2", "--seed", "3"]
# what an estimator does: no row is held out, none is dropped for its gaps, and no target is fitted by its logarithm
AS_AN_ESTIMATOR = ["--test-fraction", "0", "--fill-gaps", "--target-scale", "none"]


def penguins() -> pd.DataFrame:
    """344 rows: three species, two texts, gaps (palmerpenguins, CC0); the numbers of the rows are no feature."""
    return pd.read_csv(TABLES / "penguins.csv").drop(columns="rownames")


def wine() -> pd.DataFrame:
    """178 rows of 13 numbers, and where the wine is of."""
    frame = load_wine(as_frame=True).frame
    return frame.assign(target=np.array(["Barolo", "Grignolino", "Barbera"])[frame["target"]])


def masses() -> pd.DataFrame:
    """The same birds: how much they weigh, of which two are unknown."""
    return penguins().dropna(subset="body_mass_g").drop(columns=["year", "island"])


@pytest.mark.parametrize(
    ("table", "target", "estimator", "family"),
    [
        (penguins, "species", KANClassifier, "kan"),
        (wine, "target", KANClassifier, "ridge"),
        (masses, "body_mass_g", KANRegressor, None),
    ],
)
def test_every_way_predicts_alike(
    table: Any, target: str, estimator: Any, family: str | None, kanlab_home: Path, tmp_path: Path
) -> None:
    frame: pd.DataFrame = table()
    path, new = tmp_path / "all.csv", tmp_path / "new.csv"
    frame.to_csv(path, index=False)
    features = frame.drop(columns=target)
    rows = features.sample(25, random_state=0).reset_index(drop=True)
    rows.to_csv(new, index=False)

    model = estimator(**SMALL).fit(features, frame[target])
    asked = ["--target", target, *RANGES, *AS_AN_ESTIMATOR, "--workers", "1", "--study", "s"]
    assert main(["tune", str(path), *asked]) == 0
    study = open_study("s")
    read = study.recommendation
    assert read.choice is not None
    assert model.family_ == read.choice.family == (family or read.choice.family)
    assert model.aicc_ == pytest.approx(read.choice.aicc, rel=1e-9)
    pd.testing.assert_frame_equal(model.trials_.drop(columns="seconds"), study.table.drop(columns="seconds"), rtol=1e-9)

    study.export(tmp_path / "b.zip", use="read")
    with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
        bundle.extractall(tmp_path / "bundle")
    program = next((tmp_path / "bundle").rglob("predict.py"))
    assert main(["predict", "s", str(new), "--use", "read", "-o", str(tmp_path / "study.csv")]) == 0
    assert main(["predict", str(tmp_path / "b.zip"), str(new), "-o", str(tmp_path / "zip.csv")]) == 0
    alone = [sys.executable, "-P", str(program), str(new), str(tmp_path / "alone.csv")]
    subprocess.run(alone, check=True, capture_output=True, timeout=60)
    written = [pd.read_csv(tmp_path / f"{way}.csv") for way in ("study", "zip", "alone")]

    for found in [study.predict(rows, use="read").frame, *written]:
        if estimator is KANClassifier:
            assert (found[f"{target}_predicted"] == model.predict(rows)).all()
            names = [f"{target}_probability_{label}" for label in model.classes_]
            np.testing.assert_allclose(found[names], model.predict_proba(rows), rtol=0, atol=1e-9)
        else:
            np.testing.assert_allclose(found[f"{target}_predicted"], model.predict(rows), rtol=1e-9)
            low, high = f"{target}_lower", f"{target}_upper"
            np.testing.assert_allclose(found[[low, high]], model.predict_interval(rows), rtol=1e-9)
