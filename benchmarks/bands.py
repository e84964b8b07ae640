"""Whether the bands of partial dependences cover the true curve, across the function.

python benchmarks/bands.py [-o FILE] [--repeats N] [PROBLEM ...]      writes a line a problem as it comes; about half an hour
python benchmarks/bands.py --others [-o FILE] ...                     the spline GAM, polynomial ridge, constrained networks
python benchmarks/bands.py --edges [-o FILE] ...                      edges of free and constrained networks of one neuron

Of every problem tables are simulated anew, the network of lowest AICc (what each fit has spent) among some configurations is
fitted, and its 95% bands are held against the mean of the true function over the same rows: the share of all values of all
features that are covered. Beside it the networks' average, with an equal weight for the four of lowest AICc as in a
study's average. The width is over the standard deviation of the true function.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from kanlab.data.dataset import Dataset
from kanlab.explain.average import AveragedModel
from kanlab.explain.bands import bands_of
from kanlab.explain.effects import setting_of, some_rows
from kanlab.explain.models import Model, held_family
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.kan.shapes import Shape
from kanlab.solver.fit import LmOptions, fit_path
from kanlab.stats.criteria import aicc_of

REPEATS = 40
GRIDS, NEURONS, K = (2, 3, 5), (1, 2, 3), 3
MOST = 4  # networks of an average
Truth = Callable[[np.ndarray], np.ndarray]

PROBLEMS: dict[str, tuple[int, int, Truth, str, float]] = {  # rows, features, function, noise, its size
    "one feature": (100, 1, lambda x: np.sin(3 * x[:, 0]), "normal", 0.3),
    "additive, 100 rows": (100, 2, lambda x: np.sin(3 * x[:, 0]) + x[:, 1] ** 2, "normal", 0.3),
    "additive, 400 rows": (400, 3, lambda x: np.sin(3 * x[:, 0]) + x[:, 1] ** 2 + 0.5 * x[:, 2], "normal", 0.3),
    "of one sum": (200, 2, lambda x: np.exp(np.sin(2 * x[:, 0]) + x[:, 1]), "normal", 0.3),
    "product": (200, 2, lambda x: 2 * x[:, 0] * x[:, 1] + x[:, 0], "normal", 0.3),
    "a feature of no use": (200, 3, lambda x: np.tanh(3 * x[:, 0]) + x[:, 1], "normal", 0.4),
    "heavy tails": (200, 2, lambda x: np.sin(3 * x[:, 0]) + x[:, 1] ** 2, "t3", 0.3),
    "rough, misspecified": (200, 1, lambda x: np.abs(x[:, 0]) + (x[:, 0] > 0.3), "normal", 0.2),
    "counts": (300, 2, lambda x: np.exp(0.8 + np.sin(2 * x[:, 0]) + 0.5 * x[:, 1]), "poisson", 0.0),
    "two classes": (600, 2, lambda x: expit(2 * np.sin(2 * x[:, 0]) + x[:, 1]), "bernoulli", 0.0),
}


TRUE_OF = {  # demands that the truth keeps
    "additive, 100 rows": Shape(convex=(1,)),
    "of one sum": Shape(up=(1,)),
    "a feature of no use": Shape(up=(0, 1)),
    "heavy tails": Shape(convex=(1,)),
    "counts": Shape(up=(1,)),
    "two classes": Shape(up=(1,)),
}


def simulated(name: str, seed: int) -> Dataset:
    n, d, function, noise, size = PROBLEMS[name]
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, d))
    mean = function(x)
    if noise == "poisson":
        y, options = rng.poisson(mean).astype(float), {"task": "counts"}
    elif noise == "bernoulli":
        y, options = (rng.random(n) < mean).astype(float), {"task": "classification"}
    else:
        draws = rng.normal(size=n) if noise == "normal" else rng.standard_t(3, n) / np.sqrt(3.0)
        y, options = mean + size * draws, {"task": "regression"}
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(d)]).assign(y=y)
    return Dataset.from_frame(frame, "y", test_fraction=0.0, **options)


def ranked_networks(data: Dataset, shape: Shape = Shape()) -> list[FittedKan]:
    """All networks of the configurations, lowest AICc first. shape: what is demanded of their effects."""
    found = []
    y = data.fit_target(data.y_train)
    for grid in GRIDS:
        options = LmOptions(smoothing=1.0)
        for network in fit_path(data.X_train, y, grid, K, NEURONS, options=options, task=data.task, shape=shape):
            misfit = network.rss_train if network.deviance_train is None else network.deviance_train
            of_noise = data.likelihood.counts_variance
            spent = effective_count(network.edf or np.inf, data.d, network.spec.layer_widths[1], count_sigma2=of_noise)
            found.append((aicc_of(data.likelihood.term(misfit, data.n), data.n, spent), network))
    return [network for _, network in sorted(found, key=lambda pair: pair[0])]


def covered(model: Model, data: Dataset, function: Truth) -> tuple[float, float] | None:
    """Share of the values of all features at which the band covers the truth, and its mean width."""
    bands = bands_of(model, data)
    if bands is None:
        return None
    inside, widths, X = [], [], some_rows(data)
    for feature in data.features:
        found = bands.dependence(feature)
        truth = np.array([function(rows).mean() for rows in setting_of(data, feature).rows(X)])
        assert found.lower is not None
        assert found.upper is not None
        inside.append((found.lower <= truth) & (truth <= found.upper))
        widths.append(found.upper - found.lower)
    return float(np.mean(inside)), float(np.mean(widths)) / float(function(X).std())


def of_others(name: str, repeats: int) -> str:
    """The same of the spline GAM, of polynomial ridge, and of networks under the demands of TRUE_OF, where there are any."""
    function, found, shape = PROBLEMS[name][2], defaultdict(list), TRUE_OF.get(name)
    for seed in range(repeats):
        data = simulated(name, seed)
        for family in ("gam", "polynomial"):
            found[family].append(covered(held_family(data, family, 0), data, function))
        if shape:
            found["constrained"].append(covered(ranked_networks(data, shape)[0], data, function))
    figures = []
    for model in ("gam", "polynomial", "constrained"):
        known = np.array([pair for pair in found[model] if pair is not None])
        if not len(known):
            figures += ["", ""]
            continue
        se = 100 * known[:, 0].std(ddof=1) / np.sqrt(len(known))
        figures += [f"{100 * known[:, 0].mean():.1f} ({se:.1f})", f"{np.median(known[:, 1]):.2f}"]
    return f"| {name} | {' | '.join(figures)} |"


def measured(name: str, repeats: int) -> str:
    function, one, several = PROBLEMS[name][2], [], []
    for seed in range(repeats):
        data = simulated(name, seed)
        networks = ranked_networks(data)
        one.append(covered(networks[0], data, function))
        several.append(covered(AveragedModel(networks[:MOST], [1 / MOST] * MOST), data, function))
    figures = []
    for found in (one, several):
        known = np.array([pair for pair in found if pair is not None])
        se = 100 * known[:, 0].std(ddof=1) / np.sqrt(len(known))
        figures += [f"{100 * known[:, 0].mean():.1f} ({se:.1f})", f"{np.median(known[:, 1]):.2f}"]
    return f"| {name} | {' | '.join(figures)} |"


Curve = Callable[[np.ndarray], np.ndarray]
OF_ONE_NODE: dict[str, tuple[Curve, Curve, Curve, Shape]] = {  # y = h(f(x0) + g(x1)), and demands that it keeps
    "of one sum, rising": (lambda a: np.tanh(2 * a), lambda b: b, np.exp, Shape(up=(0, 1))),
    "additive, rising": (np.exp, lambda b: np.tanh(2 * b), lambda s: s, Shape(up=(0, 1))),
    "additive, convex": (lambda a: np.exp(1.5 * a), lambda b: b**2, lambda s: s, Shape(up=(0,), convex=(0, 1))),
    "half flat": (lambda a: np.maximum(a, 0.0) ** 2, lambda b: 0.5 * b, lambda s: s, Shape(up=(0, 1))),
}  # fmt: skip


def covered_edges(name: str, seed: int, shape: Shape) -> np.ndarray:
    """Shares of the points of the three edges of a network of one neuron, its grid chosen by AICc, whose bands hold the truth,
    and their widths over the range of the truth (3, 2).

    The truth of an edge is what its band is of: less its mean over the rows, in units of the node's range.
    """
    f, g, h, _ = OF_ONE_NODE[name]
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (200, 2))
    mean = h(f(x[:, 0]) + g(x[:, 1]))
    table = pd.DataFrame(x, columns=["x0", "x1"]).assign(y=mean + 0.3 * mean.std() * rng.normal(size=200))
    data, best = Dataset.from_frame(table, "y", test_fraction=0.0), (np.inf, None)
    for grid in GRIDS:
        options = LmOptions(smoothing=1.0)
        (network,) = fit_path(data.X_train, data.y_train, grid, K, [1], options=options, shape=shape)
        spent = effective_count(network.edf or np.inf, 2, 1, count_sigma2=True)
        best = min(best, (aicc_of(data.likelihood.term(network.rss_train, data.n), data.n, spent), network))
    network, X = best[1], data.X_train
    assert network is not None
    curves, bands, parts = curves_of(network, X), bands_of(network, data), (f, g)
    assert bands is not None
    drawn, node, found, turned = bands.edges(curves), f(X[:, 0]) + g(X[:, 1]), [], 1.0
    for edge in curves.edges:
        lower, upper = drawn[edge.layer, edge.source, edge.target]
        if edge.layer == 0:
            part = parts[edge.source]
            truth = (part(edge.x) - part(X[:, edge.source]).mean()) * np.ptp(curves.layer(1)[0].rows) / np.ptp(node)
            turned = float(np.sign(np.corrcoef(truth, edge.y)[0, 1]))  # a free node may receive all the other way round
            truth = turned * truth
        else:
            place = (edge.x - edge.rows.min()) / np.ptp(edge.rows)
            place = place if turned > 0 else 1.0 - place
            truth = h(node.min() + place * np.ptp(node)) - h(node).mean()
        found.append((np.mean((lower <= truth) & (truth <= upper)), np.mean(upper - lower) / np.ptp(truth)))
    return np.array(found)


def of_edges(name: str, repeats: int) -> str:
    """The same of edges: those of the features, and that of the node, of a free and of a constrained network."""
    figures = []
    for shape in (Shape(), OF_ONE_NODE[name][3]):
        found = np.array([covered_edges(name, seed, shape) for seed in range(repeats)])
        for edges in (slice(2), slice(2, 3)):
            share = found[:, edges, 0].mean(axis=1)
            se = 100 * share.std(ddof=1) / np.sqrt(repeats)
            figures += [f"{100 * share.mean():.1f} ({se:.1f})", f"{np.median(found[:, edges, 1]):.2f}"]
    return f"| {name} | {' | '.join(figures)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", default="bands.txt")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--edges", action="store_true")
    parser.add_argument("problems", nargs="*")
    asked = parser.parse_args()
    of_one = of_edges if asked.edges else of_others if asked.others else measured
    with Path(asked.o).open("w") as file:
        for name in asked.problems or (OF_ONE_NODE if asked.edges else PROBLEMS):
            print(of_one(name, asked.repeats), file=file, flush=True)


if __name__ == "__main__":
    main()
