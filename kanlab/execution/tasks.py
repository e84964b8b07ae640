"""What a worker can be asked beside the units of a study: named tasks on a data set, with answers that are JSON.

Every task is a function of the data and of arguments that are JSON; the same arguments give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kanlab.baselines.registry import BASELINES_OF, comparison_family, fit_named, press_gain_se, reference_left_out
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, fit_model, fit_unit, lm_path
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, cell_n_params
from kanlab.solver.feature_elimination import reduced, subset_charge, widened
from kanlab.solver.smoother import effective_dof, leave_one_out
from kanlab.stats.criteria import aicc_of, is_admissible
from kanlab.stats.generalised_dof import SIZE, divergence


def _options(arguments: Mapping[str, Any]) -> FitOptions:
    return FitOptions(**arguments["options"])


def _rss(predicted: np.ndarray, y: np.ndarray) -> float:
    return float(np.sum((predicted - y) ** 2))


def model(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell and send the network: every array as its type and its values.

    columns: of the features it is fitted to, all of them by default; the edges of the others are 0.
    """
    below, engine, columns = arguments.get("below", ()), arguments["engine"], arguments.get("columns")
    part = data if columns is None else _columns(data, columns)
    fitted = fit_model(part, Cell(*arguments["cell"]), engine, _options(arguments), arguments["seed"], below)
    if columns is not None:
        fitted = widened(fitted, columns, data.d)
    return {name: [str(a.dtype), a.tolist()] for name, a in fitted.arrays().items()}


def _columns(data: Dataset, columns: Sequence[int]) -> Dataset:
    """The rows with some of their features."""
    kept = list(columns)
    return replace(data, X_train=data.X_train[:, kept], X_test=data.X_test[:, kept])


def refit(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell from another seed: rss_train, rss_test, of classes the deviance, and the share of the test rows outside."""
    fitted = fit_model(data, Cell(*arguments["cell"]), arguments["engine"], _options(arguments), arguments["seed"])
    deviance = {} if fitted.deviance_train is None else {"deviance_train": fitted.deviance_train}
    predicted, outside = fitted.predict_flagged(data.X_test) if len(data.y_test) else (data.y_test, np.zeros(0))
    return deviance | {
        "rss_train": fitted.rss_train,
        "rss_test": _rss(predicted, data.y_test) if len(data.y_test) else None,
        "extrapolates": float(np.mean(outside)) if len(outside) else None,
        "seconds": fitted.seconds,
    }


def fold_rows(n: int, fold: int, folds: int, seed: int, y: np.ndarray | None = None) -> np.ndarray:
    """Mask (n,) of the rows held out in one fold of a cross-validation; of classes y (n,), as many of each in every fold."""
    held = np.zeros(n, dtype=bool)
    order = np.random.default_rng(seed).permutation(n)
    if y is not None:
        order = order[np.argsort(y[order], kind="stable")]
    held[order[fold::folds]] = True
    return held


def fold(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a cell, or a family, without one fold of the training rows; its RSS on that fold, in units of the data.

    columns: of the features a cell is fitted to, all of them by default.  Of classes also the deviance.
    """
    if "columns" in arguments:
        data = _columns(data, arguments["columns"])
    classes = data.y_train if data.levels else None
    held = fold_rows(data.n, arguments["fold"], arguments["folds"], arguments["seed"], classes)
    X, y, X_out, y_out = data.X_train[~held], data.y_train[~held], data.X_train[held], data.y_train[held]
    if "family" in arguments:
        predicted = fit_named(arguments["family"], X, y, arguments["seed"], data.task).predict(X_out)
    else:
        part = replace(data, X_train=X, y_train=y, X_test=X_out, y_test=y_out)
        fitted = fit_model(part, Cell(*arguments["cell"]), arguments["engine"], _options(arguments), arguments["seed"])
        predicted = fitted.predict(X_out)
    deviance = {"deviance": data.likelihood.misfit(predicted, y_out)} if data.levels else {}
    return deviance | {"rss": data.squared_error(predicted, y_out), "rows": int(held.sum())}


def family(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit one of the families that cost more than a baseline."""
    began = time.monotonic()
    fitted = comparison_family(
        arguments["family"], data, count_sigma2=arguments["count_sigma2"], seed=arguments["seed"]
    )
    return fitted.to_dict() | {"seconds": time.monotonic() - began}


def null(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit some cells to a target whose rows are shuffled: how far below the mean's AICc chance alone gets.

    shuffle: seed of the permutation; None leaves the target as it is, for the gain that the permutations are held against.
    """
    shuffle = arguments["shuffle"]
    y = data.y_train if shuffle is None else np.random.default_rng(shuffle).permutation(data.y_train)
    shuffled = replace(data, y_train=y)
    rule, sigma2 = arguments["count"], arguments["count_sigma2"]
    likelihood = data.likelihood
    constant = BASELINES_OF[data.task]["constant"](data.X_train, y, 0)
    term = likelihood.term(likelihood.misfit(constant.predict(data.X_train), y), data.n)
    at_mean = aicc_of(term, data.n, 1 + (sigma2 and likelihood.counts_variance))
    least = np.inf
    for entry in arguments["cells"]:
        cell = Cell(*entry)
        fitted = fit_model(shuffled, cell, arguments["engine"], _options(arguments), arguments["seed"])
        misfit = fitted.rss_train if fitted.deviance_train is None else fitted.deviance_train
        if np.isfinite(misfit):
            n_params = cell_n_params(cell, data.d, rule=rule, count_sigma2=sigma2)
            least = min(least, aicc_of(likelihood.term(misfit, data.n), data.n, n_params))
    return {"gain": float(at_mean - least)}


def average(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Errors of the prediction averaged over cells by their Akaike weights (Burnham & Anderson 2002, section 4.2)."""
    networks = [
        fit_model(data, Cell(*cell), arguments["engine"], _options(arguments), arguments["seed"])
        for cell in arguments["cells"]
    ]
    weights = np.array(arguments["weights"])
    return data.errors(lambda X: weights @ np.array([network.predict(X) for network in networks])).errors()


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


def appraise(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a cell held against rows left out of its fit, and the same without the features that do nothing.

    {press, press_se, reduced}: the first two None where there are too many rows to look, or too few; reduced: None where
    AICc falls with no feature. For the engine lm.
    """
    cell, options, seed = Cell(*arguments["cell"]), _options(arguments), arguments["seed"]
    rule, sigma2, (fewest, most) = arguments["count"], arguments["count_sigma2"], arguments["neuron_nums"]
    full = fit_model(data, cell, "lm", options, seed, arguments["below"])
    reference = reference_left_out(data, count_sigma2=sigma2)

    def left_out(network: FittedKan, part: Dataset) -> dict[str, float | None]:
        if reference is None:
            return {"press": None, "press_se": None}
        residual = leave_one_out(network, part.X_train, part.y_train)
        return {"press": float(residual @ residual), "press_se": press_gain_se(residual, reference)}

    def n_params(d: int, neuron_num: int) -> int:
        return cell_n_params(cell._replace(neuron_num=neuron_num), d, rule=rule, count_sigma2=sigma2)

    def fits(columns: Sequence[int], neuron_num: int) -> list[FittedKan]:
        near = range(max(fewest, neuron_num - 1), min(most, neuron_num + 1) + 1)
        nums = [h for h in near if is_admissible(data.n, n_params(len(columns), h))]
        path = [cell._replace(neuron_num=h) for h in nums]
        return list(lm_path(_columns(data, columns), path, options, seed))

    found = reduced(full, data.X_train, data.y_train, fits, n_params)
    if found is None:
        return left_out(full, data) | {"reduced": None}
    part = _columns(data, found.kept)
    content = {
        "cell": list(cell._replace(neuron_num=found.neuron_num)),
        "below": list(found.below),
        "columns": list(found.kept),
        "n_params": n_params(len(found.kept), found.neuron_num),
        "charge": subset_charge(data.d, len(found.kept)),
        "aicc": found.aicc,
        "status": found.network.status.value,
        "seconds": found.network.seconds,
        **part.errors(found.network.predict).errors(),
        **left_out(found.network, part),
    }
    return left_out(full, data) | {"reduced": content}


def timing(data: Dataset, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fit a unit of work for its time alone."""
    unit = Unit.from_dict(arguments["unit"])
    began = time.perf_counter()
    for _ in fit_unit(data, unit, arguments["engine"], _options(arguments), arguments["seed"]):
        pass
    return {"seconds": time.perf_counter() - began}


TASKS: dict[str, Callable[[Dataset, Mapping[str, Any]], dict[str, Any]]] = {
    task.__name__: task for task in (model, refit, fold, family, null, average, dof, edf, appraise, timing)
}
