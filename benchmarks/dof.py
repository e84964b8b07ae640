"""Degrees of freedom of a network three ways: the identifiable count, edf of the linearised smoother, GDF by refitting.

python benchmarks/dof.py        prints Markdown; about a minute
"""

from __future__ import annotations

import numpy as np
from selection import problem

from kanlab.effective import effective_dof
from kanlab.lm import LmOptions, fit_cell
from kanlab.tasks import dof

PROBLEMS = ("x y", "additive", "friedman2", "Feynman I.6.2", "interacting")
CELLS = ((1, 3, 2), (2, 4, 2), (3, 3, 3))
PAIRS = 12


def main() -> None:
    print(
        "| smoothing | fits | median GDF / edf | least, greatest | median edf / identifiable | median GDF / identifiable |"
    )
    print("|---|---|---|---|---|---|")
    for smoothing in (1.0, 100.0, 1000.0):
        rows = []
        for name in PROBLEMS:
            data = problem(name, 0)
            for cell in CELLS:
                fitted = fit_cell(data.X_train, data.y_train, *cell, options=LmOptions(smoothing=smoothing))
                arguments = {
                    "cell": cell,
                    "engine": "lm",
                    "options": {"smoothing": smoothing},
                    "seed": 0,
                    "rss_train": fitted.rss_train,
                }
                draws = [dof(data, arguments | {"pair": pair})["dof"] for pair in range(PAIRS)]
                rows.append((np.mean(draws), effective_dof(fitted, data.X_train, data.y_train), fitted.n_params))
        gdf, edf, count = np.array(rows).T
        ratio = gdf / edf
        print(
            f"| {smoothing:g} | {len(rows)} | {np.median(ratio):.2f} | {ratio.min():.2f}, {ratio.max():.2f} | "
            f"{np.median(edf / count):.2f} | {np.median(gdf / count):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
