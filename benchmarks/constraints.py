"""What constraints are worth and cost: error and time of networks with and without them on truths that have the shape.

    python benchmarks/constraints.py RESULT.csv
    python benchmarks/constraints.py --classes RESULT.csv       the roughness penalty of constrained classes and counts
    python benchmarks/constraints.py --many RESULT.csv          the same of three classes

Every truth is fitted with noise of half its own deviation, at neuron_num 2, grid 4, k 3, by the engine lm with its own number of starts;
the error is the RMSE to the truth on 2,000 new rows, over the deviation of the truth. Lines are written as they come.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from itertools import product

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.shapes import Shape
from kanlab.solver.fit import fit_cell

ROWS, SEEDS, NEW = (50, 100, 200), 5, 2000

Truth = Callable[[Array], Array]
TRUTHS: dict[str, tuple[int, Truth, Shape]] = {
    "monotone, additive": (3, lambda x: np.exp(x[0]) + np.tanh(3 * x[1]) - x[2] ** 3, Shape(up=(0, 1), down=(2,))),
    "monotone, interacting": (2, lambda x: np.exp(1.5 * x[0]) * (1.5 + np.tanh(2 * x[1])), Shape(up=(0, 1))),
    "monotone and free": (3, lambda x: np.tanh(2 * x[0]) + np.sin(3 * x[1]) + x[2] ** 2, Shape(up=(0,))),
    "convex, falling": (2, lambda x: np.exp(-2 * x[0]) + np.sin(2 * x[1]), Shape(down=(0,), convex=(0,))),
    "linear": (3, lambda x: 2 * x[0] + np.sin(3 * x[1]) * x[2], Shape(linear=(0,))),
    "no interaction": (3, lambda x: np.sin(3 * x[0]) + x[1] * x[2], Shape(apart=((0, 1), (0, 2)))),
}  # fmt: skip


def main(path: str) -> None:
    """Fit everything and write a line a fit."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["truth", "n", "seed", "constrained", "error", "seconds", "edf"])
        for (name, (d, truth, shape)), n, seed in product(TRUTHS.items(), ROWS, range(SEEDS)):
            rng = np.random.default_rng(seed)
            X, new = rng.uniform(-1, 1, (n, d)), rng.uniform(-1, 1, (NEW, d))
            spread = float(truth(new.T).std())
            y = truth(X.T) + 0.5 * spread * rng.normal(size=n)
            for demanded in (Shape(), shape):
                began = time.process_time()
                network = fit_cell(X, y, 2, 4, 3, shape=demanded)
                seconds = time.process_time() - began
                error = float(np.sqrt(np.mean((network.predict(new) - truth(new.T)) ** 2))) / spread
                out.writerow(
                    [name, n, seed, bool(demanded), f"{error:.5f}", f"{seconds:.4f}", f"{network.edf or 0:.2f}"]
                )
                file.flush()


OF_CLASSES: dict[str, tuple[Truth, Shape]] = {  # log-odds, or logarithms of means, of three features
    "convex and concave": (
        lambda x: 2 * x[0] ** 2 - np.exp(x[1]) + 0.5 * x[2], Shape(convex=(0,), concave=(1,), down=(1,))
    ),
    "monotone": (lambda x: 2 * np.tanh(2 * x[0]) + np.maximum(x[1], 0) - 0.5, Shape(up=(0, 1))),
    "no interaction": (lambda x: 1.5 * np.sin(2.5 * x[0]) + x[1] * x[2], Shape(apart=((0, 1), (0, 2)))),
    "noise alone": (lambda x: 0 * x[0] - 0.3, Shape(convex=(0,), concave=(1,))),
}  # fmt: skip
SMOOTHINGS = (1000.0, 100.0, 30.0, 10.0)  # of the constrained problem itself, whatever a study's smoothing makes of it


def of_classes(path: str) -> None:
    """Mean deviance between truth and fit a new row, at neuron_num 2 and 3, grid 3, k 3, by the penalty of the constrained fit."""
    from kanlab.solver import shaped_path
    from kanlab.solver.fit import LmOptions, fit_path
    from kanlab.stats.likelihood import LIKELIHOODS

    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["task", "truth", "n", "seed", "smoothing", "neuron_num", "risk"])
        for task, (name, (truth, shape)), n, seed in product(
            ("classification", "counts"), OF_CLASSES.items(), (150, 400), range(3)
        ):
            rng, likelihood = np.random.default_rng([seed, n]), LIKELIHOODS[task]
            X, new = rng.uniform(-1, 1, (n, 3)), rng.uniform(-1, 1, (NEW, 3))
            mean, wanted = (likelihood.mean(truth(rows.T)[:, None])[:, 0] for rows in (X, new))
            y = (rng.poisson(mean) if task == "counts" else rng.random(n) < mean).astype(float)
            for smoothing in (*SMOOTHINGS, None):
                demanded = Shape() if smoothing is None else shape
                options = LmOptions(smoothing=1000.0 if smoothing is None else smoothing / shaped_path.WITHOUT_SILU)
                for network in fit_path(X, y, 3, 3, [2, 3], options=options, task=task, shape=demanded):
                    risk = _deviance(np.clip(network.predict(new), 1e-9, None), wanted, task)
                    out.writerow(
                        [task, name, n, seed, smoothing or "free", network.spec.layer_widths[1], f"{risk:.5f}"]
                    )
                    file.flush()


OF_MANY: dict[str, tuple[Callable[[Array], list[Array]], Shape]] = {  # log-odds of classes 1 and 2 against 0
    "one class rises": (
        lambda x: [2 * x[0] + np.sin(3 * x[1]), 4 * x[0] + np.exp(x[2]) - 1], Shape(up=(0,), of_class=2)
    ),
    "no interaction": (lambda x: [2 * np.sin(3 * x[0]), 4 * x[1] * x[2]], Shape(apart=((0, 1), (0, 2)))),
    "noise alone, one class rises": (lambda x: [0 * x[0], 0 * x[0]], Shape(up=(0,), of_class=2)),
    "noise alone, no interaction": (lambda x: [0 * x[0], 0 * x[0]], Shape(apart=((0, 1), (0, 2)))),
}  # fmt: skip


def of_many_classes(path: str) -> None:
    """Twice the mean divergence of a fit from the truth a new row, at neuron_num 2, grid 3, k 3."""
    from kanlab.solver import shaped_path
    from kanlab.solver.fit import LmOptions

    def drawn(log_odds: Callable[[Array], list[Array]], n: int, seed: int) -> tuple[Array, Array, Array]:
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (n, 3))
        p = np.exp(np.column_stack([np.zeros(n), *log_odds(X.T)]))
        p /= p.sum(axis=1, keepdims=True)
        return X, np.eye(3)[[rng.choice(3, p=row) for row in p]], p

    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["truth", "n", "seed", "smoothing", "risk"])
        for (name, (log_odds, shape)), n, seed in product(OF_MANY.items(), (150, 400), range(2)):
            (X, Y, _), (new, _, wanted) = drawn(log_odds, n, seed), drawn(log_odds, NEW, 99)
            for smoothing in (*SMOOTHINGS, None):
                options = LmOptions(smoothing=1000.0 if smoothing is None else smoothing / shaped_path.WITHOUT_SILU)
                demanded = Shape() if smoothing is None else shape
                network = fit_cell(X, Y, 2, 3, 3, options=options, task="multiclass", shape=demanded)
                risk = float(np.mean(2 * np.sum(wanted * np.log(wanted / network.predict(new)), axis=1)))
                out.writerow([name, n, seed, smoothing or "free", f"{risk:.5f}"])
                file.flush()


def _deviance(p: Array, wanted: Array, task: str) -> float:
    """Twice the mean Kullback-Leibler divergence of predicted means (n,) from the true ones (n,)."""
    if task == "counts":
        return float(np.mean(2 * (wanted * np.log(wanted / p) - (wanted - p))))
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return float(np.mean(2 * (wanted * np.log(wanted / p) + (1 - wanted) * np.log((1 - wanted) / (1 - p)))))


if __name__ == "__main__":
    if sys.argv[1] == "--classes":
        of_classes(sys.argv[2])
    elif sys.argv[1] == "--many":
        of_many_classes(sys.argv[2])
    else:
        main(sys.argv[1])
