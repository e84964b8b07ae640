"""How long an explanation takes: `python benchmarks/explaining.py [FILE]`, beside shap's exact explainer on the same background.

CPU seconds of one process of one BLAS thread; kanlab's are the median of 20 rows once its background is made, shap's that of 3
once it is compiled.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import shap

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.execution.single_fit import fit
from kanlab.explain.average import AveragedModel
from kanlab.explain.contributions import RowExplainer
from kanlab.explain.models import Model, held_family
from kanlab.explain.predictor import Predictor

SIZES = ((4, 2), (8, 3), (10, 5), (20, 5), (50, 3))  # features, hidden neurons
MOST_SHAP = 10  # features whose sets shap evaluates


def table(d: int, n: int = 500) -> pd.DataFrame:
    X = np.random.default_rng(0).normal(size=(n, d))
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X.sum(axis=1) / d
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(d)]).assign(y=y)


def seconds(work: object, rows: Array) -> float:
    """The median CPU time of a function of one row (1, d)."""
    taken = []
    for row in rows:
        began = time.process_time()
        work(row[None])  # type: ignore[operator]
        taken.append(time.process_time() - began)
    return float(np.median(taken))


def line(name: str, model: Model, data: Dataset) -> str:
    """A row of the table."""
    began = time.process_time()
    explainer = RowExplainer(Predictor(name, data.recipe, model), data)
    explainer.explain_inputs(data.X_train[:1])
    made = time.process_time() - began
    own = seconds(explainer.explain_inputs, data.X_test[:20])
    ratio = ""
    if data.d <= MOST_SHAP and "rows" in explainer.reference:
        background = explainer.reference["rows"]
        masker = shap.maskers.Independent(background, max_samples=len(background))
        exact = shap.explainers.Exact(lambda X: model.predict_flagged(X)[0], masker)
        exact(data.X_test[:1], silent=True)
        ratio = f"{seconds(lambda X: exact(X, silent=True), data.X_test[:3]) / own:.0f}"
    how = explainer.method.split(";")[0].rstrip(".")
    return f"| {name} | {data.d} | {how} | {1e3 * made:.0f} | {1e3 * own:.1f} | {ratio} |"


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    lines = ["| model | features | how | first, ms | each, ms | shap : kanlab |", "|---|---|---|---|---|---|"]
    for d, nodes in SIZES:
        data = Dataset.from_frame(table(d), "y")
        network = fit(data, neuron_num=nodes, grid=4, k=3, starts=1)
        lines.append(line(f"network of {nodes} nodes", network, data))
        if d == 10:
            members = [network] * 8
            lines.append(line("average of 8 of them", AveragedModel(members, [1 / 8] * 8), data))
            lines.append(line("spline GAM", held_family(data, "gam", 0), data))
            lines.append(line("gradient boosting", held_family(data, "boosting", 0), data))
        if out is not None:
            out.write_text("\n".join(lines) + "\n")
        print(*lines[-1:], sep="\n", flush=True)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
