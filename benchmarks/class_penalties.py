"""How strong the penalties of a fit to two classes should be, and how its networks do beside other models.

python benchmarks/class_penalties.py smoothing|pull|scale|models        prints Markdown; 5 to 20 minutes each
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_iris, load_wine, make_circles, make_moons

from kanlab.baselines.registry import fit_named, label
from kanlab.solver import likelihoods
from kanlab.solver.fit import LmOptions, fit_path
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import BERNOULLI

SPLITS = 5
PATHS = ((2, 2), (4, 3), (8, 3))
NEURONS = (1, 2, 3)
SMOOTHINGS = (30.0, 100.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
SCALES = (1.0, 5.0, 25.0)
PULLS = (0.03, 0.1, 0.3, 1.0, 3.0)

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # X, y to train on; X, y held out


def _drawn(log_odds: Callable[[np.ndarray], np.ndarray], d: int, n: int) -> Callable[[int], Rows]:
    """Rows of a known truth: n to train on, 2,000 held out."""

    def draw(seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (n + 2000, d))
        y = (rng.random(len(X)) < expit(log_odds(X))).astype(float)
        return X[:n], y[:n], X[n:], y[n:]

    return draw


def _shaped(make: Callable[..., tuple[np.ndarray, np.ndarray]], n: int, **options: float) -> Callable[[int], Rows]:
    def draw(seed: int) -> Rows:
        X, y = make(n + 2000, random_state=seed, **options)
        return X[:n], y[:n].astype(float), X[n:], y[n:].astype(float)

    return draw


def _measured(X: np.ndarray, y: np.ndarray) -> Callable[[int], Rows]:
    """A data set, 30% of it held out."""

    def draw(seed: int) -> Rows:
        order = np.random.default_rng(seed).permutation(len(y))
        test, train = np.split(order, [len(y) * 3 // 10])
        return X[train], y[train].astype(float), X[test], y[test].astype(float)

    return draw


def problems() -> dict[str, Callable[[int], Rows]]:
    cancer, wine, iris = load_breast_cancer(), load_wine(), load_iris()
    two, late = wine.target < 2, iris.target > 0
    return {
        "linear": _drawn(lambda X: 2 * X[:, 0] - 1.5 * X[:, 1], 4, 200),
        "additive": _drawn(lambda X: 2 * np.sin(3 * X[:, 0]) + 3 * X[:, 1] ** 2 - 1, 3, 300),
        "product": _drawn(lambda X: 6 * X[:, 0] * X[:, 1], 2, 300),
        "noise": _drawn(lambda X: np.full(len(X), -0.5), 3, 150),
        "moons": _shaped(make_moons, 200, noise=0.25),
        "circles": _shaped(make_circles, 200, noise=0.15, factor=0.5),
        "breast cancer, 10 features": _measured(cancer.data[:, :10], cancer.target),
        "iris, two of three kinds": _measured(iris.data[late], iris.target[late] == 2),
        "wine, two of three kinds": _measured(wine.data[two][:, :6], wine.target[two] == 1),
    }


def network(rows: Rows, smoothing: float = 1000.0) -> tuple[float, float]:
    """Held-out log-loss of the network of lowest AICc, and the mean over all networks that were fitted."""
    X, y, X_out, y_out = rows
    scores, losses = [], []
    for grid, k in PATHS:
        for fitted in fit_path(X, y, grid, k, NEURONS, task="classification", options=LmOptions(smoothing=smoothing)):
            assert fitted.deviance_train is not None
            scores.append(aicc_of(fitted.deviance_train, len(y), fitted.n_params))
            losses.append(BERNOULLI.misfit(fitted.predict(X_out), y_out) / (2 * len(y_out)))
    return losses[int(np.argmin(scores))], float(np.mean(losses))


def sweep(values: tuple[float, ...], at: Callable[[float, Rows], tuple[float, float]]) -> None:
    """Held-out log-loss by the strength of a penalty, over the splits: of the network chosen, and in brackets of all."""
    print(f"| problem | {' | '.join(f'{v:g}' for v in values)} |")
    print("|---" * (len(values) + 1) + "|")
    table = []
    for problem, draw in problems().items():
        row = []
        for value in values:
            row.append(np.mean([at(value, draw(seed)) for seed in range(SPLITS)], axis=0))
        table.append(row)
        print(f"| {problem} | {' | '.join(f'{a:.3f} ({b:.3f})' for a, b in row)} |", flush=True)
    ratios = np.log(np.array(table))
    means = np.exp((ratios - ratios.min(axis=1, keepdims=True)).mean(axis=0))
    print(f"| over the least of its row, geometric mean | {' | '.join(f'{a:.3f} ({b:.3f})' for a, b in means)} |")


def models() -> None:
    """Held-out log-loss of the network of lowest AICc beside other models, the same rows for all."""
    others = ("constant", "linear", "ridge", "gam", "polynomial", "mlp", "boosting")
    print(f"| problem | network | {' | '.join(label(name, 'classification') for name in others)} |")
    print("|---" * (len(others) + 2) + "|")
    table = []
    for problem, draw in problems().items():
        rows = []
        for seed in range(SPLITS):
            X, y, X_out, y_out = draw(seed)
            found = [network((X, y, X_out, y_out))[0]]
            for name in others:
                p = fit_named(name, X, y, seed, "classification").predict(X_out)
                found.append(BERNOULLI.misfit(p, y_out) / (2 * len(y_out)))
            rows.append(found)
        table.append(np.mean(rows, axis=0))
        print(f"| {problem} | {' | '.join(f'{v:.3f}' for v in table[-1])} |", flush=True)
    logs = np.log(np.array(table))
    over = np.exp((logs - logs[:, :1]).mean(axis=0))
    print(f"| over the network, geometric mean | {' | '.join(f'{v:.2f}' for v in over)} |")
    ranks = np.argsort(np.argsort(np.array(table), axis=1), axis=1).mean(axis=0) + 1
    print(f"| mean rank | {' | '.join(f'{v:.1f}' for v in ranks)} |")


def scaled(scale: float, rows: Rows) -> tuple[float, float]:
    """With another variance of the log-odds, and so another penalty of the first layers."""
    likelihoods.LOG_ODDS_VARIANCE = scale
    return network(rows)


def pulled(pull: float, rows: Rows) -> tuple[float, float]:
    """With another weight of the prior log-odds."""
    likelihoods.PULL = pull
    return network(rows)


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "smoothing":
        sweep(SMOOTHINGS, lambda smoothing, rows: network(rows, smoothing))
    elif what == "pull":
        sweep(PULLS, pulled)
    elif what == "scale":
        sweep(SCALES, scaled)
    elif what == "models":
        models()
