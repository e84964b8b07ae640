"""Degrees of freedom of a network: the identifiable count, edf of the linearised smoother, GDF of its minimum, GDF by refitting.

python benchmarks/dof.py        prints Markdown; some minutes
"""

from __future__ import annotations

import numpy as np
from selection import problem

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution.messages import DofTask
from kanlab.execution.tasks import dof
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.refit import continued
from kanlab.solver.smoother import effective_dof, linear_smoother
from kanlab.stats.generalised_dof import SIZE, divergence

PROBLEMS = ("x y", "additive", "friedman2", "Feynman I.6.2", "interacting")
CELLS = ((1, 3, 2), (2, 4, 2), (3, 3, 3))
PAIRS, LOCAL_PAIRS = 12, 6


def local_dof(settled: FittedKan, data: Dataset, smoothing: float) -> float:
    """GDF of a minimum: perturbed targets are followed from it, and nothing is searched.

    What the linearised smoother makes of the same steps is known, and its trace too, so that only the rest is left to chance.
    """
    X, y = data.X_train, data.y_train
    Q = linear_smoother(settled, X, y).B[:, 0]
    size = SIZE * np.sqrt(settled.rss_train / data.n)
    draws = []
    for pair in range(LOCAL_PAIRS):
        step = size * np.random.default_rng(pair).choice([-1.0, 1.0], data.n)
        drawn = divergence(lambda v: continued(settled, X, v, smoothing).predict(X), y, step)
        draws.append(drawn - np.sum((Q.T @ step) ** 2) / size**2 + np.sum(Q**2))
    return float(np.mean(draws))


def main() -> None:
    print(
        "| smoothing | fits | GDF of the minimum / edf, median | middle half | GDF by refits / edf, median | middle half | "
        "edf / identifiable | GDF by refits / identifiable |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for smoothing in (100.0, 1000.0, 1.0):
        rows = []
        for name in PROBLEMS:
            data = problem(name, 0)
            X, y = data.X_train, data.y_train
            for cell in CELLS:
                fitted = fit_cell(X, y, *cell, options=LmOptions(smoothing=smoothing))
                fit = {"cell": Cell(*cell), "engine": "lm", "options": FitOptions(smoothing=smoothing), "seed": 0}
                tasks = [DofTask(**fit, rss_train=fitted.rss_train, pair=pair) for pair in range(PAIRS)]
                refitted = np.mean([dof(data, task)["dof"] for task in tasks])
                settled = continued(continued(fitted, X, y, smoothing), X, y, smoothing)
                local = local_dof(settled, data, smoothing) / effective_dof(settled, X, y)
                rows.append((local, refitted, effective_dof(fitted, X, y), fitted.n_params))
        local, gdf, edf, count = np.array(rows).T
        ratio = gdf / edf
        low, high = np.quantile(local, [0.25, 0.75])
        least, most = np.quantile(ratio, [0.25, 0.75])
        print(
            f"| {smoothing:g} | {len(rows)} | {np.median(local):.2f} | {low:.2f}, {high:.2f} | {np.median(ratio):.2f} | "
            f"{least:.2f}, {most:.2f} | {np.median(edf / count):.2f} | {np.median(gdf / count):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
