"""What a worker does beside the units of a study: one function a task of kanlab.execution.messages, its answer JSON.

The same data and the same task give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.leave_one_out import MOST_ROWS
from kanlab.baselines.registry import comparison_family, fit_to
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import fit_model, fit_unit, network_data, with_columns
from kanlab.execution import messages
from kanlab.execution.final_check_tasks import final_check, final_check_part
from kanlab.execution.networks import path_networks, predictions_left_out_of, written
from kanlab.formulas.expression import from_json, to_json
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, cell_n_params, values_of
from kanlab.kan.shapes import Shape
from kanlab.solver.edge_elimination import without_edges
from kanlab.solver.feature_elimination import widened
from kanlab.solver.smoother import effective_dof
from kanlab.stats.criteria import aicc_of
from kanlab.stats.folds import fold_rows
from kanlab.stats.generalised_dof import SIZE, divergence
from kanlab.stats.metrics import squared_difference

SCREENED_PARTS = 10  # of the rows, each left out at once where the choice of features is part of the fit


def _fit(data: Dataset, task: messages.CellTask) -> FittedKan:
    return fit_model(data, task.cell, task.engine, task.options, task.seed)


def network(data: Dataset, task: messages.NetworkTask) -> dict[str, Any]:
    """Every array of a cell's network as its type and its values, and among them `left_out` where that is asked for."""
    part, fitted = on_its_features(data, task)
    predicted = rows_left_out(part, fitted, task, task.cell, task.below) if task.left_out else None
    return written(on_all_features(fitted, task, data.d), predicted)


def fitted_network(data: Dataset, task: messages.NetworkTask) -> FittedKan:
    """A cell's network on all features; the edges of those left out are 0."""
    return on_all_features(on_its_features(data, task)[1], task, data.d)


def on_its_features(data: Dataset, task: messages.NetworkTask) -> tuple[Dataset, FittedKan]:
    """The data of the features a cell's network is fitted to, and that network."""
    data = _of_null(data, task.additive_null)
    part, options = data, task.options
    if task.columns is not None:
        part, options = with_columns(data, task.columns), options.of_columns(task.columns, data.d)
    return part, _thinned(part, fit_model(part, task.cell, task.engine, options, task.seed, task.below), task)


def _of_null(data: Dataset, seed: int | None) -> Dataset:
    """The data with a target without interactions, where a seed is given."""
    if seed is None:
        return data
    from kanlab.baselines.additive_null import additive_null  # which loads scikit-learn

    return additive_null(data, seed)


def _thinned(data: Dataset, fitted: FittedKan, task: messages.NetworkTask | messages.FoldTask) -> FittedKan:
    """A network without the edges that a task wants gone."""
    if not task.gone:
        return fitted
    target = data.fit_target(data.y_train)
    return without_edges(fitted, data.X_train, target, task.gone, task.options.smoothing, data.w_train)


def on_all_features(fitted: FittedKan, task: messages.NetworkTask, d: int) -> FittedKan:
    """The network of a task with an edge of every one of d features, those of features left out 0."""
    return fitted if task.columns is None else widened(fitted, task.columns, d)


def networks(data: Dataset, task: messages.NetworksTask) -> dict[str, Any]:
    """The networks of several cells, each as `network` gives one."""
    answers, data = [], _of_null(data, task.additive_null)
    for (cell, below), fitted in zip(task.cells, path_networks(data, task.cells, task), strict=True):
        predicted = rows_left_out(data, fitted, task, cell, below) if task.left_out else None
        answers.append(written(fitted, predicted))
    return {"networks": answers}


def rows_left_out(
    data: Dataset, network: FittedKan, task: messages.FittingTask, cell: Cell, below: tuple[int, ...]
) -> Array | None:
    """Predictions of the training rows by a cell's network, each row had it not been fitted, for its intervals.

    None where there are too many rows to look, or too few, and for networks of stock pykan.
    """
    if task.engine != "lm" or not 2 < data.n <= MOST_ROWS // data.outputs:
        return None
    return predictions_left_out_of(data, network, task, cell, below, SCREENED_PARTS)


def refit(data: Dataset, task: messages.RefitTask) -> dict[str, Any]:
    """rss_train, rss_test, edf, of classes and counts the deviance, and the share of test rows outside the training range."""
    fitted = _fit(data, task)
    deviance = {} if fitted.deviance_train is None else {"deviance_train": fitted.deviance_train}
    predicted, outside = fitted.predict_flagged(data.X_test) if len(data.y_test) else (data.y_test, np.zeros(0))
    return deviance | {
        "rss_train": fitted.rss_train,
        "rss_test": squared_difference(predicted, data.y_test, data.w_test) if len(data.y_test) else None,
        "extrapolates": float(np.mean(outside)) if len(outside) else None,
        "seconds": fitted.seconds,
        "edf": fitted.edf,
    }


def fold(data: Dataset, task: messages.FoldTask) -> dict[str, Any]:
    """RSS on the rows held out, in units of the data, and how many those are; of classes and counts also the deviance, of rows
    with weights their sum.

    loss: what a cross-validation adds up, the squared errors, of classes the log-loss, of counts the deviance.
    """
    if (columns := task.columns) is not None:
        task = msgspec.structs.replace(task, options=task.options.of_columns(columns, data.d))
        data = with_columns(data, columns)
    held = _held(data, task)
    part = data.of_rows(~held, held)
    return _held_out_errors(data, held, _thinned(part, _fit(part, task), task).predict(part.X_test))


def family_fold(data: Dataset, task: messages.FamilyFoldTask) -> dict[str, Any]:
    """As `fold`."""
    held = _held(data, task)
    fitted = fit_to(task.family, data.of_rows(~held), task.seed, task.shape)
    return _held_out_errors(data, held, fitted.predict(data.X_train[held]))


def _held(data: Dataset, task: messages.FoldTask | messages.FamilyFoldTask) -> np.ndarray:
    return fold_rows(data.n, task.fold, task.folds, task.seed, data.y_train if data.levels else None)


def _held_out_errors(data: Dataset, held: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    y, w = data.y_train[held], None if data.w_train is None else data.w_train[held]
    rss, rows = data.squared_error(predicted, y, w), int(held.sum())
    if not data.has_deviance:
        return {"rss": rss, "loss": rss, "rows": rows} | ({} if w is None else {"weight": float(w.sum())})
    deviance = data.likelihood.misfit(predicted, y)
    return {"deviance": deviance, "rss": rss, "loss": deviance / (2.0 if data.levels else 1.0), "rows": rows}


def family(data: Dataset, task: messages.FamilyTask) -> dict[str, Any]:
    """The family's scores, as those of a baseline."""
    began = time.monotonic()
    fitted = comparison_family(task.family, data, count_sigma2=task.count_sigma2, seed=task.seed, shape=task.shape)
    return fitted.to_dict() | {"seconds": time.monotonic() - began}


def permutation(data: Dataset, task: messages.PermutationTask) -> dict[str, Any]:
    """How far below the mean's AICc the best of the cells gets: by chance alone where the target is permuted."""
    shuffled, likelihood = data, data.likelihood
    if task.shuffle is not None:  # a target keeps its weight
        order = np.random.default_rng(task.shuffle).permutation(data.n)
        shuffled = replace(data.of_rows(order), X_train=data.X_train)
    constant = fit_to("constant", shuffled)
    term = likelihood.term(shuffled.misfit(constant.predict(data.X_train)), data.n)
    at_mean = aicc_of(term, data.n, data.outputs + (task.count_sigma2 and likelihood.counts_variance))
    least = np.inf
    for cell in task.cells:
        fitted = fit_model(shuffled, cell, task.engine, task.options, task.seed)
        misfit = fitted.rss_train if fitted.deviance_train is None else fitted.deviance_train
        if np.isfinite(misfit):
            term = likelihood.term(misfit, data.n)
            least = min(least, aicc_of(term, data.n, _permuted_count(data, task, cell, fitted.edf)))
    return {"gain": float(at_mean - least) if np.isfinite(least) else 0.0}


def _permuted_count(data: Dataset, task: messages.PermutationTask, cell: Cell, edf: float | None) -> float:
    """K of a cell fitted to a permuted target; inf where its fit follows its rows."""
    features = task.options.inputs(data.d)
    if task.after_fit:
        if edf is None or edf >= MOST_EDF * data.n:
            return np.inf
        return effective_count(edf, features, cell.width, depth=cell.depth, count_sigma2=task.count_sigma2)
    of_data: dict[str, Any] = {"m": data.outputs, "values": values_of(task.values, features)}
    of_data["shape"] = task.options.shape if features == data.d else Shape()
    return cell_n_params(cell, features, rule=task.count, count_sigma2=task.count_sigma2, **of_data)


def average(data: Dataset, task: messages.AverageTask) -> dict[str, Any]:
    """Errors of the prediction averaged over cells by their Akaike weights (Burnham & Anderson 2002, section 4.2)."""
    networks = [fit_model(data, cell, task.engine, task.options, task.seed) for cell in task.cells]
    weights = np.array(task.weights)
    return data.errors(lambda X: np.tensordot(weights, [network.predict(X) for network in networks], 1)).errors()


def dof(data: Dataset, task: messages.DofTask) -> dict[str, Any]:
    """Generalised degrees of freedom of a cell's fit, sum d yhat_i / d y_i, by perturbing y and fitting again (Ye 1998)."""

    def smooth(y: np.ndarray) -> np.ndarray:
        return _fit(replace(data, y_train=y), task).predict(data.X_train)

    size = SIZE * np.sqrt(task.rss_train / data.n)
    sign = np.random.default_rng(task.pair).choice([-1.0, 1.0], data.n)
    return {"dof": divergence(smooth, data.y_train, size * sign)}


def edf(data: Dataset, task: messages.EdfTask) -> dict[str, Any]:
    """Effective degrees of freedom of a cell's fit, for the engine lm."""
    part, _ = network_data(data, task.options)
    whole = msgspec.structs.replace(task, options=replace(task.options, features=None))
    fitted = _fit(part, whole)
    if fitted.shape:  # counted as the study does
        return {"edf": fitted.edf}
    return {"edf": effective_dof(fitted, part.X_train, part.fit_target(part.y_train), part.w_train)}


def timing(data: Dataset, task: messages.TimingTask) -> dict[str, Any]:
    """Seconds of the fits."""
    began = time.perf_counter()
    for _ in fit_unit(data, task.unit, task.engine, task.options, task.seed):
        pass
    return {"seconds": time.perf_counter() - began}


def formula_part(data: Dataset, task: messages.FormulaPartTask) -> dict[str, Any]:
    """{candidates}: formulas, each a list of expressions as JSON."""
    from kanlab.formulas.search import drawn, search_part

    rows = drawn(data, task.repeat, task.formula_options.seed)
    found = search_part(rows, task.part, [fitted_network(rows, n) for n in task.networks], task.formula_options)
    return {"candidates": [[to_json(e) for e in candidate] for candidate in found]}


def formula_front(data: Dataset, task: messages.FormulaFrontTask) -> dict[str, Any]:
    """FoundFormulas as JSON."""
    from kanlab.formulas.search import concluded

    candidates = [[tuple(from_json(e) for e in c) for c in of_rows] for of_rows in task.candidates]
    network = fitted_network(data, task.networks[0]) if task.networks else None
    demanded = task.networks[0].options.shape if task.networks else Shape()
    return concluded(
        data, candidates, network, task.formula_options, count_sigma2=task.count_sigma2, shape_of_effects=demanded
    ).to_json()


_DONE_BY: dict[type, Callable[[Dataset, Any], dict[str, Any]]] = {
    messages.NetworkTask: network,
    messages.NetworksTask: networks,
    messages.RefitTask: refit,
    messages.FoldTask: fold,
    messages.FamilyFoldTask: family_fold,
    messages.FamilyTask: family,
    messages.PermutationTask: permutation,
    messages.AverageTask: average,
    messages.DofTask: dof,
    messages.EdfTask: edf,
    messages.FinalCheckTask: final_check,
    messages.FinalCheckPartTask: final_check_part,
    messages.TimingTask: timing,
    messages.FormulaPartTask: formula_part,
    messages.FormulaFrontTask: formula_front,
}


def answer(data: Dataset, task: messages.AnyTask) -> dict[str, Any]:
    """Do any task but a UnitTask. Raises KanlabError for one that cannot be done, and what its numbers raise."""
    return _DONE_BY[type(task)](data, task)
