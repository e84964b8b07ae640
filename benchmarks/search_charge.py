"""What the search for a node costs beyond the effective degrees of freedom: the search charge of the `effective` count.

    python benchmarks/search_charge.py run OUT.jsonl       about 10 CPU minutes, one line a (problem, grid, k)
    python benchmarks/search_charge.py report OUT.jsonl    the tables of README.md

On problems of known truth f the degrees of freedom of the whole procedure, the search among minima included, are sum_i cov(yhat_i,
y_i) / sigma^2 (Efron, JASA 99, 2004). They are drawn from fits to y = f + noise of many draws: mean of (noise'(yhat - f)) /
sigma^2. What they exceed the mean edf by is what a charge has to pay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kanlab.solver.fit import fit_path

DRAWS = 24
NEURON_NUMS = (1, 2, 3, 4, 6)
CELLS = ((2, 1), (3, 3), (6, 2))

Truth = Callable[[np.ndarray], np.ndarray]
# name: rows, features, deviation of the noise over that of the truth, the truth (None for pure noise)
PROBLEMS: dict[str, tuple[int, int, float, Truth | None]] = {
    "noise, d 2": (120, 2, 1.0, None),
    "noise, d 6": (200, 6, 1.0, None),
    "line, d 4": (150, 4, 0.7, lambda x: x[0] - 0.5 * x[1]),
    "wave, d 1": (100, 1, 0.5, lambda x: np.sin(4 * x[0])),
    "additive, d 3": (150, 3, 0.5, lambda x: np.sin(3 * x[0]) + x[1] ** 2 + np.abs(x[2])),
    "product, d 2": (150, 2, 0.5, lambda x: 2 * x[0] * x[1]),
    "ridge of a sum, d 5": (250, 5, 0.5, lambda x: np.tanh(2 * x.sum(axis=0))),
    "two products, d 8": (300, 8, 0.5, lambda x: x[0] * x[1] + np.sin(3 * x[2]) * x[3]),
    "bump, d 3": (200, 3, 0.3, lambda x: np.exp(-2 * np.sum(x**2, axis=0))),
    "step, d 4": (200, 4, 0.5, lambda x: np.where(x[0] + x[1] > 0, 1.0, 0.0) + 0.5 * x[2]),
}


def drawn(name: str, grid: int, k: int) -> Iterator[dict[str, float]]:
    """Degrees of freedom and mean edf of the networks of one (grid, k)."""
    n, d, share, truth = PROBLEMS[name]
    rng = np.random.default_rng(list(PROBLEMS).index(name))
    X = rng.uniform(-1, 1, (n, d))
    f = np.zeros(n) if truth is None else truth(X.T)
    f = (f - f.mean()) / (f.std() or 1.0)
    dof, edf = np.zeros((DRAWS, len(NEURON_NUMS))), np.zeros((DRAWS, len(NEURON_NUMS)))
    for draw in range(DRAWS):
        noise = rng.normal(size=n)
        for at, fitted in enumerate(fit_path(X, f + share * noise, grid, k, NEURON_NUMS)):
            dof[draw, at], edf[draw, at] = noise @ (fitted.predict(X) - f) / share, fitted.edf or np.nan
    for at, neuron_num in enumerate(NEURON_NUMS):
        yield {
            "neuron_num": neuron_num, "n": n, "d": d, "dof": float(dof[:, at].mean()), "edf": float(edf[:, at].mean()),
            "se": float((dof - edf)[:, at].std(ddof=1) / np.sqrt(DRAWS)), "params": fitted.n_params,
        }  # fmt: skip


def run(out: Path) -> None:
    done = {json.loads(line)["key"] for line in out.read_text().splitlines()} if out.exists() else set()
    for name in PROBLEMS:
        for grid, k in CELLS:
            key = f"{name}/{grid}/{k}"
            if key in done:
                continue
            rows = [{"problem": name, "grid": grid, "k": k} | row for row in drawn(name, grid, k)]
            with out.open("a") as file:
                file.write(json.dumps({"key": key, "rows": rows}) + "\n")


def report(out: Path) -> None:
    rows = [row for line in out.read_text().splitlines() for row in json.loads(line)["rows"]]
    rows = [r for r in rows if r["edf"] < 0.8 * r["n"]]
    h, d, dof, edf, se = (np.array([r[name] for r in rows]) for name in ("neuron_num", "d", "dof", "edf", "se"))
    excess = dof - edf
    print(
        "| hidden neurons | fits | dof / edf, median | excess a node beyond the first, median | the same over d |\n|---|---|---|---|---|"
    )
    for at in NEURON_NUMS:
        of = h == at
        a_node = (
            f"{np.median(excess[of] / (at - 1)):.1f} | {np.median(excess[of] / (at - 1) / d[of]):.2f}"
            if at > 1
            else " | "
        )
        print(f"| {at} | {of.sum()} | {np.median(dof[of] / edf[of]):.2f} | {a_node} |")
    print()
    weight = 1.0 / np.sqrt(se**2 + 1.0)
    forms = {
        "d (h - 1)": d * (h - 1), "h - 1": h - 1.0, "edf": edf, "sqrt(d) (h - 1)": np.sqrt(d) * (h - 1), "ln(1 + d) (h - 1)": np.log1p(d) * (h - 1),
    }  # fmt: skip
    print("| charge | factor by least squares | rms of what is left, weighted | of no charge |\n|---|---|---|---|")
    for name, form in forms.items():
        factor = float(np.sum(weight**2 * form * excess) / np.sum(weight**2 * form**2))
        left = np.sqrt(np.average((excess - factor * form) ** 2, weights=weight**2))
        print(f"| {name} | {factor:.2f} | {left:.2f} | {np.sqrt(np.average(excess**2, weights=weight**2)):.2f} |")
    both = np.stack([d * (h - 1), edf, np.ones(len(h))], axis=1) * weight[:, None]
    print("\nd (h - 1), edf and a constant together:", np.linalg.lstsq(both, excess * weight, rcond=None)[0].round(2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    (run if args.what == "run" else report)(args.out)


if __name__ == "__main__":
    main()
