"""What multiplication nodes gain where there are products, and cost where there are none: `python benchmarks/multiplication.py LOG.jsonl`.

Problems, tables and seeds were named before anything was run on them. On each, networks of 1 to 4 nodes of five (grid, k) are
fitted, none of whose nodes multiplies, and besides, for k from 2 on, those one of whose nodes does. Test RMSE of what is chosen by
AICc of what is spent, and of the mean of the eight lowest, from all networks over that from the plain ones. Pure noise last:
how often a network has a lower AICc by the identifiable count than the mean.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

import kanlab
from benchmarks.real_tables import RealTable
from kanlab.arrays import Array
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.solver.fit import fit_path
from kanlab.stats.criteria import aicc_of

DRAWS, ROWS, TEST_ROWS, NOISE = (0, 1), 150, 1000, 0.1
NODES, GRIDS = (1, 2, 3, 4), ((2, 1), (2, 2), (3, 2), (3, 3), (5, 3))
NOISE_DRAWS, NOISE_ROWS, NOISE_FEATURES = 20, 100, 4

# name: features, their range, the function
PROBLEMS: dict[str, tuple[int, float, float, Callable[[Array], Array]]] = {
    "x1 x2 x3, of one sign": (3, 0.5, 2.0, lambda X: X[:, 0] * X[:, 1] * X[:, 2]),
    "x1 x2 sin(pi x3)": (3, -1.0, 1.0, lambda X: X[:, 0] * X[:, 1] * np.sin(np.pi * X[:, 2])),
    "x1 x2 - x3 x4": (4, -1.0, 1.0, lambda X: X[:, 0] * X[:, 1] - X[:, 2] * X[:, 3]),
    "(x1 + x2) (x3 + x4)": (4, -1.0, 1.0, lambda X: (X[:, 0] + X[:, 1]) * (X[:, 2] + X[:, 3])),
    "x1 cos(3 x2), two idle": (4, -1.0, 1.0, lambda X: X[:, 0] * np.cos(3.0 * X[:, 1])),
    "x1 / (1 + exp(-4 x2))": (2, -1.0, 1.0, lambda X: X[:, 0] / (1.0 + np.exp(-4.0 * X[:, 1]))),
    "x1 + x2 (1 + x3^2)": (3, -1.0, 1.0, lambda X: X[:, 0] + X[:, 1] * (1.0 + X[:, 2] ** 2)),
    "x1 exp(x2) + sin(3 x3)": (3, -1.0, 1.0, lambda X: X[:, 0] * np.exp(X[:, 1]) + np.sin(3.0 * X[:, 2])),
    "no product: sin(3 x1) + x2^2 + |x3|": (
        3, -1.0, 1.0, lambda X: np.sin(3.0 * X[:, 0]) + X[:, 1] ** 2 + np.abs(X[:, 2]),
    ),
}  # fmt: skip
TABLES = (
    RealTable("MASS", "cpus", "perf", log=True, drop=("name", "estperf")),
    RealTable("DAAG", "leafshape", "petiole", log=True, keep=("bladelen", "bladewid", "latitude")),
    RealTable("Stat2Data", "ThreeCars", "Price", keep=("CarType", "Age", "Mileage")),
    RealTable("AER", "USAirlines", "cost", log=True, keep=("year", "output", "price", "load")),
    RealTable("MASS", "whiteside", "Gas"),
    RealTable("mosaicData", "Galton", "height", keep=("father", "mother", "sex", "nkids")),
    RealTable("wooldridge", "attend", "stndfnl", keep=("priGPA", "ACT", "atndrte", "hwrte", "frosh", "soph")),
    RealTable("wooldridge", "hprice1", "price", log=True, keep=("bdrms", "lotsize", "sqrft", "colonial")),
    RealTable("Ecdat", "Clothing", "tsales", log=True, keep=("hoursw", "hourspw", "inv1", "inv2")),
    RealTable(
        "wooldridge", "ceosal2", "salary", log=True, keep=("age", "comten", "ceoten", "sales", "profits", "mktval")
    ),
)

Rows = tuple[Array, Array, Array, Array]


def networks(X: Array, y: Array, multiplication: int, seed: int) -> Iterator[FittedKan]:
    """All networks looked at, with so many nodes that multiply."""
    for grid, k in GRIDS:
        if k >= 2 or not multiplication:
            yield from fit_path(X, y, grid, k, NODES, multiplication=multiplication, seed=seed)


def criterion(network: FittedKan, n: int) -> float:
    """AICc by what a fit has spent."""
    d, width = network.spec.layer_widths[:2]
    if network.edf is None or network.edf >= MOST_EDF * n:
        return np.inf
    spent = effective_count(network.edf, d, width, count_sigma2=True)
    return aicc_of(n * np.log(network.rss_train / n), n, spent)


def compared(X: Array, y: Array, X_test: Array, y_test: Array, seed: int) -> dict[str, object]:
    """Test RMSE without and with multiplication nodes."""
    found: list[tuple[float, int, Array]] = []
    seconds = []
    for multiplication in (0, 1):
        began = time.process_time()
        for network in networks(X, y, multiplication, seed):
            found.append((criterion(network, len(y)), multiplication, network.predict(X_test)))
        seconds.append(time.process_time() - began)

    def rmse(predicted: Array) -> float:
        return float(np.sqrt(np.mean((predicted - y_test) ** 2)))

    both = sorted(found, key=lambda f: f[0])
    plain = [f for f in both if not f[1]]
    return {
        "plain": rmse(plain[0][2]),
        "all": rmse(both[0][2]),
        "taken": bool(both[0][1]),
        "mean_plain": rmse(np.mean([f[2] for f in plain[:8]], axis=0)),
        "mean_all": rmse(np.mean([f[2] for f in both[:8]], axis=0)),
        "seconds": seconds,
    }


def of_problem(name: str, draw: int) -> Rows:
    """Rows of a problem, those of the test without noise."""
    d, low, high, f = PROBLEMS[name]
    rng = np.random.default_rng([8, draw, list(PROBLEMS).index(name)])
    X, X_test = rng.uniform(low, high, (ROWS, d)), rng.uniform(low, high, (TEST_ROWS, d))
    y = f(X)
    return X, y + NOISE * y.std() * rng.normal(size=ROWS), X_test, f(X_test)


def of_table(table: RealTable, draw: int) -> Rows:
    """A split of a table."""
    data = kanlab.Dataset.from_frame(table.load(), "y", test_fraction=0.25, seed=draw, name=table.name)
    return data.X_train, data.y_train, data.X_test, data.y_test


def fooled(multiplication: int) -> int:
    """How many draws of pure noise have a network of lower AICc than the mean, by the identifiable count."""
    count = 0
    for draw in range(NOISE_DRAWS):
        rng = np.random.default_rng([11, draw])
        X, y = rng.uniform(-1.0, 1.0, (NOISE_ROWS, NOISE_FEATURES)), rng.normal(size=NOISE_ROWS)
        mean = aicc_of(NOISE_ROWS * np.log(y.var()), NOISE_ROWS, 2.0)
        found = [
            aicc_of(NOISE_ROWS * np.log(f.rss_train / NOISE_ROWS), NOISE_ROWS, f.n_params + 1.0)
            for f in networks(X, y, multiplication, draw)
        ]
        count += bool(min(found) < mean)
    return count


def main(log: Path) -> None:
    """Every problem and table, a line of JSON each, as they come."""
    warnings.simplefilter("ignore")
    done = {tuple(json.loads(line)["of"]) for line in log.read_text().splitlines()} if log.exists() else set()
    with log.open("a") as out:
        for draw in DRAWS:
            jobs = [(name, partial(of_problem, name, draw)) for name in PROBLEMS]
            jobs += [(t.name, partial(of_table, t, draw)) for t in TABLES]
            for name, rows in jobs:
                if (name, draw) not in done:
                    print(json.dumps({"of": [name, draw], **compared(*rows(), draw)}), file=out, flush=True)
        for multiplication in (0, 1):
            if ("noise", multiplication) not in done:
                print(
                    json.dumps({"of": ["noise", multiplication], "fooled": fooled(multiplication)}),
                    file=out,
                    flush=True,
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
