"""A study as a run of MLflow: parameters, the figures of every trial, the report, and the model with its signature.

The model is code and a bundle, nothing pickled; MLflow's own loader reads it wherever kanlab is installed. The package is
`mlflow-skinny` or `mlflow` (`pip install 'kanlab[mlflow]'`).
"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kanlab.errors import StudyError
from kanlab.explain.predictor import Predictor
from kanlab.export.bundle import Bundle
from kanlab.export.served import ServedModel
from kanlab.language import say
from kanlab.study.handle import StudyHandle
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.study.trials import CompletedTrial

EXPERIMENT = "kanlab"
_BATCH = 900  # figures MLflow takes at once: 1,000
_KINDS = {"number": "double", "category": "string", "boolean": "boolean", "date": "datetime"}
_MODEL = (
    '"""A bundle of kanlab as a model of MLflow: columns of the table in, columns of '
    'the prediction out."""\n\nfrom pathlib import Path\n\nfrom mlflow.models import '
    "set_model\nfrom mlflow.pyfunc import PythonModel\n\nfrom "
    "kanlab.explain.several_targets import predict_together\nfrom kanlab.export.document "
    "import read_models\n\n\nclass KanlabModel(PythonModel):\n    def load_context(self, "
    "context):\n        self.models = "
    'read_models(Path(context.artifacts["bundle"]))\n\n    def predict(self, context, '
    "model_input, params=None):\n        found = predict_together(self.models, "
    "model_input)\n        return "
    "found.frame[found.columns]\n\n\nset_model(KanlabModel())\n"
)


def check_installed() -> None:
    """Raises StudyError where MLflow is not there."""
    if find_spec("mlflow") is None:
        raise StudyError(say("--mlflow needs the package MLflow: pip install 'kanlab[mlflow]'."))


def log_study(handle: StudyHandle, content: dict[str, Any], predictor: Predictor, bundle: Bundle, uri: str) -> str:
    """Write a run and give its id. content: the study as `Study.to_dict` has it.  uri: where MLflow keeps its runs.

    Raises StudyError, with MLflow's reason, where that cannot be done.
    """
    check_installed()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # kanlab sends no usage statistics, and has none sent
    import mlflow
    from mlflow.exceptions import MlflowException

    before = mlflow.get_tracking_uri() if mlflow.tracking.is_tracking_uri_set() else None
    try:
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=handle.name) as run, tempfile.TemporaryDirectory() as folder:
            mlflow.log_params(_parameters(content))
            _log_figures(mlflow.MlflowClient(), run.info.run_id, handle, content)
            mlflow.log_text(bundle.files["report.html"], "report.html")
            packed, code = Path(folder) / "bundle.zip", Path(folder) / "kanlab_model.py"
            packed.write_bytes(bundle.zipped())
            code.write_text(_MODEL, encoding="utf-8")
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(code),
                artifacts={"bundle": str(packed)},
                signature=signature(predictor),
                pip_requirements=["kanlab"],
            )
            return str(run.info.run_id)
    except (MlflowException, OSError, *STORAGE_ERRORS) as error:
        raise StudyError(
            say(
                "MLflow at {uri} did not take the study: {reason}",
                uri=uri[:100],
                reason=" ".join(str(error).split())[:300],
            )
        ) from error
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None is MLflow's own default


def signature(predictor: Predictor) -> Any:
    """The columns of the table and of the prediction, as MLflow types them."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = list(ServedModel([predictor]).columns.values())
    inputs: list[Any] = [ColSpec(_KINDS[c.kind], c.name, required=c.needed) for c in columns]
    values = {"number": np.nan, "category": None, "boolean": np.nan, "date": pd.NaT}
    empty = pd.DataFrame({c.name: pd.Series([values[c.kind]]) for c in columns})
    found = predictor.predict(empty)
    outputs: list[Any] = [ColSpec(_type(found.frame[name]), name, required=False) for name in found.columns]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _type(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    return "double" if pd.api.types.is_numeric_dtype(column) else "string"


def _parameters(content: dict[str, Any]) -> dict[str, Any]:
    """What decides the numbers of a study, by words that stand in its JSON."""
    data = content["data"]
    space = {name: "-".join(map(str, ends)) for name, ends in content["space"].items() if isinstance(ends, list)}
    return (
        {name: str(content[name])[:500] for name in ("engine", "count", "seed")}
        | space
        | {"target": str(data["target"])[:500], "rows": data["rows"], "data_sha256": data["sha256"]}
    )


def _log_figures(client: Any, run: str, handle: StudyHandle, content: dict[str, Any]) -> None:
    """The figures of the recommended model, and those of every trial by its number as the step."""
    from mlflow.entities import Metric

    recommended = content["recommended"] or {}
    figures = [(name, recommended.get(name), 0) for name in ("n_params", "rss_train", "rss_test", "aicc")]
    figures = [(f"recommended_{name}", value, step) for name, value, step in figures]
    for record in handle.records():
        if isinstance(record, CompletedTrial):
            figures += [(n, getattr(record, n), record.number) for n in ("n_params", "rss_train", "rss_test", "aicc")]
    known = [
        Metric(name, float(value), 0, step)
        for name, value, step in figures
        if isinstance(value, int | float) and np.isfinite(value)
    ]
    for start in range(0, len(known), _BATCH):
        client.log_batch(run, metrics=known[start : start + _BATCH])
