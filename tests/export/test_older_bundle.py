"""A bundle that an earlier version wrote predicts what it predicted."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from kanlab.export.document import is_bundle, read_bundle
from tests.helpers import older


def test_by_kanlab() -> None:
    assert is_bundle(older.BUNDLE)
    rows = pd.read_csv(older.PREDICTED)
    found = read_bundle(older.BUNDLE)
    assert "without c" in found.label
    predicted = found.predict(rows[["a", "b", "kind", "c"]]).frame
    np.testing.assert_allclose(predicted["y_predicted"], rows["y_predicted"], rtol=1e-12)
    np.testing.assert_array_equal(predicted["y_extrapolates"], rows["y_extrapolates"])


def test_by_its_own_program(tmp_path: Path) -> None:
    with zipfile.ZipFile(older.BUNDLE) as bundle:
        bundle.extractall(tmp_path)
    rows = pd.read_csv(older.PREDICTED)
    rows[["a", "b", "kind", "c"]].to_csv(tmp_path / "in.csv", index=False)
    command = [sys.executable, str(tmp_path / "numbers" / "predict.py"), "in.csv", "out.csv"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(pd.read_csv(tmp_path / "out.csv")["y_predicted"], rows["y_predicted"], rtol=1e-12)
