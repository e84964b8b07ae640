"""How far beyond its outputs on the training rows a network may predict: test errors by the margin, beside nothing held.

    python benchmarks/holding.py        prints Markdown; four minutes

Problems of their own, not those of selection.py. Of each draw the cells neuron_num 1-4, (grid, k) = (2, 3), (4, 2), (6, 3), (10, 1)
that are admissible are fitted once. Errors are against the truth without noise, on 2,000 rows drawn like those of training; of
two classes they are differences of log-loss to the truth's own. By margin: geometric mean of the ratio to nothing held, least and
greatest, share worse by over 1%.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.special import expit

from kanlab.kan.network import FittedKan
from kanlab.solver.fit import fit_path
from kanlab.stats.criteria import aicc, aicc_of
from kanlab.stats.likelihood import REGRESSION

DRAWS, TEST_ROWS = 4, 2000
PATHS, NEURONS = ((2, 3), (4, 2), (6, 3), (10, 1)), (1, 2, 3, 4)
MARGINS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)

Rng = np.random.Generator
Truth = Callable[[np.ndarray], np.ndarray]
Rows = Callable[[Rng, int], np.ndarray]
Noise = Callable[[Rng, np.ndarray, np.ndarray], np.ndarray]  # of rows X (n, d) and the truth f (n,)


def uniform(d: int, low: float = -1.0, high: float = 1.0) -> Rows:
    return lambda rng, n: rng.uniform(low, high, (n, d))


def normal(d: int) -> Rows:
    return lambda rng, n: rng.normal(size=(n, d))


def corners(rng: Rng, n: int) -> np.ndarray:
    """Two features that go together: few rows in two of the four corners."""
    a = rng.uniform(-1, 1, n)
    return np.column_stack([a, np.clip(a + 0.3 * rng.normal(size=n), -1, 1)])


def of_size(share: float) -> Noise:
    """Normal, of a share of the truth's deviation (of 1 where that is 0)."""
    return lambda rng, X, f: share * (f.std() or 1.0) * rng.normal(size=len(f))


def friedman1(X: np.ndarray) -> np.ndarray:
    return 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]


def kan_paper(X: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def sines(X: np.ndarray) -> np.ndarray:
    return np.sin(3 * X[:, 0]) + np.sin(5 * X[:, 1]) * X[:, 2]


PROBLEMS: dict[str, tuple[Rows, Truth, Noise]] = {
    "friedman1": (uniform(6, 0, 1), friedman1, of_size(0.2)),
    "sines": (uniform(3), sines, of_size(0.3)),
    "weak": (normal(5), lambda X: 0.3 * X[:, 0] - 0.2 * X[:, 1], lambda rng, X, f: rng.normal(size=len(f))),
    "sparse": (normal(10), lambda X: X[:, 0] + 2 * X[:, 1], of_size(0.5)),
    "wide": (normal(12), lambda X: X @ np.linspace(-1, 1, 12), of_size(0.5)),
    "noise that grows": (uniform(3), sines, lambda rng, X, f: (0.1 + np.abs(X[:, 0])) * rng.normal(size=len(f))),
    "heavy tails": (uniform(3), sines, lambda rng, X, f: 0.3 * rng.standard_t(2, len(f))),
    "lognormal inputs": (
        lambda rng, n: rng.lognormal(size=(n, 3)),
        lambda X: np.log(X[:, 0]) * np.sqrt(X[:, 1]) + X[:, 2],
        of_size(0.2),
    ),
    "product in corners": (corners, lambda X: X[:, 0] * X[:, 1], of_size(0.2)),
    "product of four": (uniform(4), lambda X: X[:, 0] * X[:, 1] + X[:, 2] * np.cos(2 * X[:, 3]), of_size(0.4)),
    "exp(sin(pi x) + y^2), exact": (uniform(2), kan_paper, of_size(0.0)),
    "a exp(-b), exact": (uniform(2, 0, 2), lambda X: X[:, 0] * np.exp(-X[:, 1]), of_size(0.0)),
    "product in corners, exact": (corners, lambda X: X[:, 0] * X[:, 1], of_size(0.0)),
}  # fmt: skip
CLASSES: dict[str, tuple[Rows, Truth]] = {
    "linear log-odds": (normal(4), lambda X: 2 * X[:, 0] - 1.5 * X[:, 1]),
    "additive log-odds": (uniform(3), lambda X: 2 * np.sin(3 * X[:, 0]) + 3 * X[:, 1] ** 2 - 1),
    "product log-odds": (normal(3), lambda X: 2 * X[:, 0] * X[:, 1]),
    "steep log-odds": (uniform(3), lambda X: 12 * (X[:, 0] + np.sin(3 * X[:, 1]))),
}
SIZES = (60, 200, 800)


def outputs(fitted: FittedKan, X: np.ndarray) -> np.ndarray:
    """What a network puts out (n,) on the scale of the target, or log-odds, with no output held."""
    return replace(fitted, task=REGRESSION, output_range=np.array([[-np.inf, np.inf]])).predict(X)


def errors(fitted: FittedKan, X: np.ndarray, rows: np.ndarray, loss: Callable[[np.ndarray], float]) -> list[float]:
    """Loss on some rows with no output held, and by margin."""
    trained, out = outputs(fitted, X), outputs(fitted, rows)
    low, high = trained.min(), trained.max()
    wider = [margin * (high - low) for margin in MARGINS]
    return [loss(out), *(loss(np.clip(out, low - w, high + w)) for w in wider)]


def one(rows: Rows, truth: Truth, noise: Noise | None, n: int, draw: int) -> tuple[np.ndarray, int]:
    """Errors (networks, 1 + margins) of a draw, and which network has the lowest AICc. noise: None for two classes."""
    rng = np.random.default_rng([77, n, draw])
    X, new = rows(rng, n), rows(rng, TEST_ROWS)
    f, expected = truth(X), truth(new)
    if noise is None:
        y, p = (rng.random(n) < expit(f)).astype(float), expit(expected)
        cross = lambda eta: float(np.mean(np.logaddexp(0.0, eta) - p * eta))  # noqa: E731
        least = cross(expected)
        loss = lambda eta: cross(eta) - least  # noqa: E731
    else:
        y = f + noise(rng, X, f)
        loss = lambda out: float(np.sqrt(np.mean((out - expected) ** 2)))  # noqa: E731
    found, scores = [], []
    for grid, k in PATHS:
        for fitted in fit_path(X, y, grid, k, NEURONS, task="regression" if noise else "classification"):
            count = fitted.n_params + (noise is not None)
            if n - count - 1 <= 0:
                break
            deviance = fitted.deviance_train
            score = aicc(fitted.rss_train, n, count) if deviance is None else aicc_of(deviance, n, count)
            found.append(errors(fitted, X, new, loss))
            scores.append(score)
    return np.array(found).reshape(-1, 1 + len(MARGINS)), int(np.argmin(scores)) if scores else -1


def summary(errors: np.ndarray) -> str:
    """Cells of a table: by margin the geometric mean, the least and the greatest ratio, and the share worse by over 1%."""
    ratios = errors[:, 1:] / errors[:, :1]
    return " | ".join(
        f"{np.exp(np.log(r).mean()):.4f} [{r.min():.3g}, {r.max():.4f}] {100 * np.mean(r > 1.01):.1f}%"
        for r in ratios.T
    )


def main() -> None:
    print("| problem | fits | " + " | ".join(f"{m:.0%}" for m in MARGINS) + " |")
    print("|---" * (2 + len(MARGINS)) + "|")
    listed = [(name, *parts) for name, parts in PROBLEMS.items()] + [(n, *p, None) for n, p in CLASSES.items()]
    groups: dict[str, list[np.ndarray]] = {}
    for name, rows, truth, noise in listed:
        mine, chosen = [], []
        for n in SIZES:
            for draw in range(DRAWS):
                found, best = one(rows, truth, noise, n, draw)
                if best >= 0:
                    mine.append(found)
                    chosen.append(found[best])
        kind = "two classes" if noise is None else "exact" if "exact" in name else "noise"
        groups.setdefault(f"{kind}, all", []).extend(mine)
        groups.setdefault(f"{kind}, lowest AICc", []).append(np.array(chosen))
        print(f"| {name}, lowest AICc | {len(chosen)} | {summary(np.array(chosen))} |", flush=True)
        print(f"| {name}, all | {sum(map(len, mine))} | {summary(np.concatenate(mine))} |", flush=True)
    for name, parts in groups.items():
        together = np.concatenate(parts)
        print(f"| {name} | {len(together)} | {summary(together)} |")


if __name__ == "__main__":
    main()
