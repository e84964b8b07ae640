"""What a worker can be asked beside the units of a study: named tasks on a data set, with answers that are JSON.

Every task is a function of the data and of arguments that are JSON; the same arguments give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kanlab.criteria import aicc
from kanlab.dataset import Dataset
from kanlab.effective import effective_dof
from kanlab.engines import FitOptions, Unit, fit_model, fit_unit
from kanlab.families import BASELINES, fit_named, judged_family
from kanlab.perturbation import SIZE, divergence
from kanlab.space import Cell, cell_n_params


def _options(arguments: Mapping[str, Any]) -> FitOptions:
    return FitOptions(**arguments["options"])


def _rss(predicted: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum((predicted - y) ** 2))


def model(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell and send the network: every array as its type and its values."""
    below, engine = arguments.get("below", ()), arguments["engine"]
    fitted = fit_model(data, Cell(*arguments["cell"]), engine, _options(arguments), arguments["seed"], below)
    return {name: [str(a.dtype), a.tolist()] for name, a in fitted.arrays().items()}


def refit(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell from another seed: rss_train, rss_test, and the share of the test rows that extrapolate."""
    fitted = fit_model(data, Cell(*arguments["cell"]), arguments["engine"], _options(arguments), arguments["seed"])
    predicted, outside = fitted.predict_flagged(data.X_test) if len(data.y_test) else (data.y_test, np.zeros(0))
    return {
        "rss_train": fitted.rss_train,
        "rss_test": _rss(predicted, data.y_test) if len(data.y_test) else None,
        "extrapolates": float(np.mean(outside)) if len(outside) else None,
        "seconds": fitted.seconds,
    }


def fold_rows(n: int, fold: int, folds: int, seed: int) -> np.ndarray:
    """Mask (n,) of the rows held out in one fold of a cross-validation."""
    held = np.zeros(n, dtype=bool)
    held[np.random.default_rng(seed).permutation(n)[fold::folds]] = True
    return held


def fold(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell, or a family, without one fold of the training rows; its RSS on that fold, in units of the data."""
    held = fold_rows(data.n, arguments["fold"], arguments["folds"], arguments["seed"])
    X, y, X_out, y_out = data.X_train[~held], data.y_train[~held], data.X_train[held], data.y_train[held]
    if "family" in arguments:
        predicted = fit_named(arguments["family"], X, y, arguments["seed"]).predict(X_out)
    else:
        part = replace(data, X_train=X, y_train=y, X_test=X_out, y_test=y_out)
        fitted = fit_model(part, Cell(*arguments["cell"]), arguments["engine"], _options(arguments), arguments["seed"])
        predicted = fitted.predict(X_out)
    return {"rss": data.squared_error(predicted, y_out), "rows": int(held.sum())}


def family(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit one of the families that cost more than a baseline."""
    began = time.monotonic()
    fitted = judged_family(arguments["family"], data, count_sigma2=arguments["count_sigma2"], seed=arguments["seed"])
    return fitted.to_dict() | {"seconds": time.monotonic() - began}


def null(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit some cells to a target whose rows are shuffled: how far below the mean's AICc chance alone gets.

    shuffle: seed of the permutation; None leaves the target as it is, for the gain that the permutations are held against.
    """
    shuffle = arguments["shuffle"]
    y = data.y_train if shuffle is None else np.random.default_rng(shuffle).permutation(data.y_train)
    shuffled = replace(data, y_train=y)
    rule, sigma2 = arguments["count"], arguments["count_sigma2"]
    constant = BASELINES["constant"](data.X_train, y, 0)
    at_mean = aicc(_rss(constant.predict(data.X_train), y), data.n, 1 + sigma2)
    least = np.inf
    for entry in arguments["cells"]:
        cell = Cell(*entry)
        fitted = fit_model(shuffled, cell, arguments["engine"], _options(arguments), arguments["seed"])
        if np.isfinite(fitted.rss_train):
            n_params = cell_n_params(cell, data.d, rule=rule, count_sigma2=sigma2)
            least = min(least, aicc(fitted.rss_train, data.n, n_params))
    return {"gain": float(at_mean - least)}


def average(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Errors of the prediction averaged over cells by their Akaike weights (Burnham & Anderson 2002, section 4.2)."""
    networks = [
        fit_model(data, Cell(*cell), arguments["engine"], _options(arguments), arguments["seed"])
        for cell in arguments["cells"]
    ]
    weights = np.array(arguments["weights"])
    return data.errors(lambda X: weights @ np.array([network.predict(X) for network in networks]))._asdict()


def dof(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Generalised degrees of freedom of a cell's fit, sum d yhat_i / d y_i, by perturbing y and fitting again (Ye 1998)."""
    cell, options, seed = Cell(*arguments["cell"]), _options(arguments), arguments["seed"]

    def smooth(y: np.ndarray) -> np.ndarray:
        return fit_model(replace(data, y_train=y), cell, arguments["engine"], options, seed).predict(data.X_train)

    size = SIZE * np.sqrt(arguments["rss_train"] / data.n)
    sign = np.random.default_rng(arguments["pair"]).choice([-1.0, 1.0], data.n)
    return {"dof": divergence(smooth, data.y_train, size * sign)}


def edf(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Effective degrees of freedom of a cell's fit, for the engine lm."""
    cell, options = Cell(*arguments["cell"]), _options(arguments)
    fitted = fit_model(data, cell, arguments["engine"], options, arguments["seed"])
    return {"edf": effective_dof(fitted, data.X_train, data.y_train)}


def timing(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a unit of work for its time alone."""
    unit = Unit.from_dict(arguments["unit"])
    began = time.perf_counter()
    for _ in fit_unit(data, unit, arguments["engine"], _options(arguments), arguments["seed"]):
        pass
    return {"seconds": time.perf_counter() - began}


TASKS: dict[str, Callable[[Dataset, Mapping[str, Any]], dict[str, Any]]] = {
    task.__name__: task for task in (model, refit, fold, family, null, average, dof, edf, timing)
}
