"""What constraints are worth and cost: error and time of networks with and without them on truths that have the shape.

    python benchmarks/constraints.py RESULT.csv

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


if __name__ == "__main__":
    main(sys.argv[1])
