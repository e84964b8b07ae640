"""`kanlab export`: a model by itself, with intervals of the share that is asked for, and a bundle kept with its study."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.explain.models import held_family
from kanlab.explain.predictor import Predictor
from kanlab.export.document import document, document_text, read_bundle
from kanlab.kan.search_space import Cell, SearchSpace
from tests.helpers import many_classes
from tests.helpers.validations import study as made_study

SCORES = np.linspace(0.0, 2.0, 40).tolist()
RECORD = {"task": "regression", "rows": 40, "scores": SCORES, "tails": 1, "scale": None, "held": [], "held_rows": 0}


def bundle(path: Path, data: Dataset, interval: dict[str, Any] | None) -> Path:
    predictor = Predictor("a GAM", data.recipe, held_family(data, "gam", 0), interval=interval)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/model.json", document_text(document(predictor, {})))
    return path


@pytest.mark.parametrize("level", [0.5, 0.9, None])
def test_the_interval_is_that_of_predict(
    small: Dataset, frame: pd.DataFrame, level: float | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, target = bundle(tmp_path / "b.zip", small, RECORD), tmp_path / "model.py"
    assert main(["export", str(packed), "--to", str(target), "--interval", str(level or "none")]) == 0
    said = capsys.readouterr().err
    assert ("Its intervals are of 50%." in said, "Its intervals are of 90%." in said) == (level == 0.5, level == 0.9)
    module: dict[str, Any] = {}
    exec(compile(target.read_text(), "model.py", "exec"), module)
    rows = frame[["a", "b"]].head(9)
    found = module["predict"](rows)
    known = read_bundle(packed).predict(rows, level)
    assert list(found) == known.columns
    assert len(known.columns) == (2 if level is None else 4)
    for name in known.columns[:-1]:
        np.testing.assert_allclose(found[name], known.frame[name], rtol=1e-11)


def test_what_has_none_says_so(small: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", str(bundle(tmp_path / "b.zip", small, None)), "--to", str(tmp_path / "m.c")])
    assert "This model has no intervals." in capsys.readouterr().err
    classes = Dataset.from_frame(many_classes.table(), "state")
    packed = bundle(tmp_path / "c.zip", classes, RECORD | {"task": "multiclass"})
    main(["export", str(packed), "--to", str(tmp_path / "m.onnx")])
    assert "Sets of more than two classes are given by a bundle alone." in capsys.readouterr().err
    assert main(["export", "any", "-o", str(tmp_path / "d.zip"), "--interval", "0.5"]) == 2
    assert "--interval goes with --to FILE" in capsys.readouterr().err


def test_a_bundle_is_kept_with_its_study(capsys: pytest.CaptureFixture[str], small: Dataset) -> None:
    handle = made_study(small, {Cell(1, 2, 1): -900.0}, space=SearchSpace((1, 1), (2, 2), (1, 1)))
    assert main(["export", handle.name, "--family", "linear", "--attach"]) == 0
    assert "bundle.zip, report.html are kept with the study" in capsys.readouterr().err
