"""Does a second hidden layer pay? The best admissible cell by AICc of depth 1 against that of depth 2, on the same problems.

    python benchmarks/depth.py [--splits 3]

Both depths choose among neuron_num 1 to 5, grid 2, 3 and 5, k 3, and K at most a third of the training rows. RMSE is on rows
that nothing saw, in units of the target's deviation; CPU is that of all fits of a depth, the shallower ones included.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from sklearn.datasets import load_diabetes, make_friedman1

from kanlab.kan.search_space import SearchSpace, cell_n_params
from kanlab.solver.fit import LmOptions, fit_path
from kanlab.stats.criteria import aicc

Data = tuple[np.ndarray, np.ndarray, int]
SPACE, GRIDS = SearchSpace((1, 5), (2, 5), (3, 3), (1, 2)), (2, 3, 5)


def _paper(noise: float) -> Callable[[int], Data]:
    """exp((sin pi(x1^2 + x2^2) + sin pi(x3^2 + x4^2)) / 2), the composition of the KAN paper, section 2.1."""

    def draw(seed: int) -> Data:
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (1500, 4))
        y = np.exp((np.sin(np.pi * (X[:, 0] ** 2 + X[:, 1] ** 2)) + np.sin(np.pi * (X[:, 2] ** 2 + X[:, 3] ** 2))) / 2)
        return X, y + noise * y.std() * rng.normal(size=len(y)), 500

    return draw


def _product(seed: int) -> Data:
    """x1 x2 x3, and 10% noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (1500, 3))
    y = X.prod(axis=1)
    return X, y + 0.1 * y.std() * rng.normal(size=len(y)), 500


def _additive(seed: int) -> Data:
    """A sum of one curve a feature, which needs no hidden layer at all, and 20% noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (1500, 4))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + np.abs(X[:, 2]) + X[:, 3]
    return X, y + 0.2 * y.std() * rng.normal(size=len(y)), 500


def _friedman(seed: int) -> Data:
    X, y = make_friedman1(1500, noise=1.0, random_state=seed)
    return X, y, 500


def _diabetes(seed: int) -> Data:
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], y[order], 353


PROBLEMS: dict[str, Callable[[int], Data]] = {
    "KAN paper, exact": _paper(0.0),
    "KAN paper, 10% noise": _paper(0.1),
    "product of three, 10% noise": _product,
    "friedman1": _friedman,
    "additive, 20% noise": _additive,
    "diabetes": _diabetes,
}


def best(X: np.ndarray, y: np.ndarray, n: int, depth: int, seed: int) -> tuple[float, float, int, float]:
    """AICc, test RMSE, K of the cell of lowest AICc, and the CPU seconds of all cells."""
    began, found = time.process_time(), []
    cells = [c for c in SPACE.cells if c.depth == depth and cell_n_params(c, X.shape[1]) <= n / 3]
    for grid in GRIDS:
        nums = [c.neuron_num for c in cells if c.grid == grid]
        for cell, fitted in zip(
            (c for c in cells if c.grid == grid),
            fit_path(X[:n], y[:n], grid, 3, nums, depth, options=LmOptions(), seed=seed),
            strict=True,
        ):
            K = cell_n_params(cell, X.shape[1])
            rmse = float(np.sqrt(np.mean((fitted.predict(X[n:]) - y[n:]) ** 2)) / y[n:].std())
            found.append((aicc(fitted.rss_train, n, K), rmse, K))
    score, rmse, K = min(found)
    return score, rmse, K, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=3)
    splits = parser.parse_args().splits
    print("| problem | RMSE depth 1 | RMSE depth 2 | K 1 | K 2 | AICc 2 - 1 | lowest AICc is deep | CPU 2 : 1 |")
    print("|---|---|---|---|---|---|---|---|")
    for name, draw in PROBLEMS.items():
        rows = [[best(*draw(seed), depth, seed) for depth in (1, 2)] for seed in range(splits)]
        (_, rmse_1, K_1, cpu_1), (_, rmse_2, K_2, cpu_2) = np.array(rows).mean(axis=0)
        gains = [two[0] - one[0] for one, two in rows]
        deep = sum(gain < 0 for gain in gains)
        print(
            f"| {name} | {rmse_1:.3g} | {rmse_2:.3g} | {K_1:.0f} | {K_2:.0f} | {np.mean(gains):+.0f} | {deep} of {splits} "
            f"| {cpu_2 / cpu_1:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
