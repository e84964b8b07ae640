"""How well the Search page foretells the time of a study: predicted against measured wall time.

    .venv/bin/python benchmarks/estimate.py

Each study is predicted as the page does, from a calibration in one worker, and then run by as many workers as the page
would give it; both in this run, on this machine, in a home of their own. Those whose minutes are to be filled have as many
starts as that takes, and are left to run past their minutes. Prints a table for benchmarks/README.md.

    .venv/bin/python benchmarks/estimate.py minute        only the studies with "minute" in their name
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from kanlab import Dataset, SearchSpace, tune
from kanlab.execution.cost_model import calibrate, study_seconds
from kanlab.execution.starts_budget import filled
from kanlab.execution.supervisor import default_workers
from kanlab.study.handle import StudySpec

DATA = Path(__file__).resolve().parents[1] / "kanlab" / "data" / "tables"


def _friedman(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(n, 5))
    y = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return pd.DataFrame(X).assign(y=y + rng.normal(size=n))


def _smooth(n: int) -> pd.DataFrame:
    X = np.random.default_rng(0).uniform(-1, 1, (n, 2))
    return pd.DataFrame(X).assign(y=np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2))


STOCK = SearchSpace((1, 3), (2, 4), (3, 3))  # stock pykan takes seconds a cell
PROBLEMS = (
    ("engel, lm", pd.read_csv(DATA / "engel.csv"), "foodexp", StudySpec()),
    ("diabetes, lm", pd.read_csv(DATA / "diabetes.csv"), "target", StudySpec()),
    ("smooth n 1000, lm", _smooth(1000), "y", StudySpec()),
    ("friedman1 n 300, lm", _friedman(300), "y", StudySpec()),
    ("friedman1 n 3000, lm", _friedman(3000), "y", StudySpec()),
    ("diabetes, pykan-lbfgs", pd.read_csv(DATA / "diabetes.csv"), "target", StudySpec(STOCK, engine="pykan-lbfgs")),
    ("smooth n 1000, pykan-adam", _smooth(1000), "y", StudySpec(STOCK, engine="pykan-adam")),
    ("engel, lm, 1 minute", pd.read_csv(DATA / "engel.csv"), "foodexp", StudySpec(minutes=1, starts_fill=True)),
    ("friedman1 n 300, lm, 1 minute", _friedman(300), "y", StudySpec(minutes=1, starts_fill=True)),
    ("smooth n 1000, lm, 3 minutes", _smooth(1000), "y", StudySpec(minutes=3, starts_fill=True)),
)


def main(wanted: str = "") -> None:
    workers = default_workers()
    print(
        f"| study, {workers} workers | cells | starts | predicted s | measured s | measured / predicted |\n"
        "|---|---|---|---|---|---|"
    )
    for name, frame, target, spec in PROBLEMS:
        if wanted not in name:
            continue
        data = Dataset.from_frame(frame, target)
        cells = spec.admissible(data.n, data.d)
        scale = calibrate(data, spec)
        if scale is None:
            print(f"| {name} | {len(cells)} | calibration failed | | | |")
            continue
        if spec.starts_fill:
            spec = replace(filled(data, spec, scale), minutes=None, starts_fill=False)
        predicted = study_seconds(spec, data.n, data.d, scale, workers)
        measured = tune(data, spec=spec).state.elapsed
        starts = spec.options.starts or ""
        figures = f"{predicted:.1f} | {measured:.1f} | {measured / predicted:.2f}"
        print(f"| {name} | {len(cells)} | {starts} | {figures} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = home
        main(*sys.argv[1:])
