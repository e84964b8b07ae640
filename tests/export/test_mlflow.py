"""A study as a run of MLflow: its own client reads the figures, its own loader predicts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kanlab.api import Study
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.kan.search_space import SearchSpace
from kanlab.study.trials import completed
from tests.helpers.studies import NESTED, run


def test_mlflow_reads_what_was_written(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)  # artifacts of a local store go beside it
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    study = Study(run(small, engine=NESTED, space=SearchSpace((1, 1), (2, 3), (1, 1)), workers=1))
    before = mlflow.get_tracking_uri()
    found = study.to_mlflow(uri)
    assert mlflow.get_tracking_uri() == before
    client = mlflow.MlflowClient(tracking_uri=uri)
    kept = client.get_run(found)
    assert kept.info.run_name == study.name
    assert kept.info.status == "FINISHED"
    assert (kept.data.params["engine"], kept.data.params["grid"], kept.data.params["target"]) == ("lm", "2-3", "y")
    rss = {metric.step: metric.value for metric in client.get_metric_history(found, "rss_train")}
    assert rss == {r.number: pytest.approx(r.rss_train) for r in completed(study.handle.records())}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    model = mlflow.pyfunc.load_model(f"runs:/{found}/model")
    rows = small_rows(small)
    predicted, expected = model.predict(rows), study.predict(rows)
    np.testing.assert_allclose(predicted["y_predicted"], expected.frame["y_predicted"], rtol=1e-9)
    assert model.metadata.signature.inputs.input_names() == ["a", "b"]
    assert model.metadata.signature.outputs.input_names() == expected.columns
    with pytest.raises(StudyError, match="did not take the study"):
        study.to_mlflow("nowhere://mlflow")


def small_rows(data: Dataset):  # type: ignore[no-untyped-def]
    import pandas as pd

    return pd.DataFrame(data.X_test, columns=list(data.features))


def test_without_mlflow_the_study_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,2\n")
    program = "import sys; sys.modules['mlflow'] = None\nfrom kanlab.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "tune", "t.csv", "--target", "y", "--mlflow", "sqlite:///m.db"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'kanlab[mlflow]'" in done.stderr
