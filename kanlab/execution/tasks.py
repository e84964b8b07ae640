"""What a worker does beside the units of a study: one function a task of kanlab.execution.messages, its answer JSON.

The same data and the same task give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.leave_one_out import MOST_ROWS, refitted
from kanlab.baselines.registry import comparison_family, fit_to, reference_losses
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import fit_model, fit_unit, lm_path, network_data, with_columns
from kanlab.execution import messages
from kanlab.execution.averaging import averaged
from kanlab.execution.thinning import distances, nearest, without_idle_edges
from kanlab.formulas.expression import from_json, to_json
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, cell_n_params, values_of
from kanlab.kan.shapes import Shape
from kanlab.solver.edge_elimination import without_edges
from kanlab.solver.feature_elimination import reduced, widened
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.solver.smoother import effective_dof
from kanlab.stats.criteria import aicc_of, is_admissible, subset_charge
from kanlab.stats.folds import fold_rows
from kanlab.stats.generalised_dof import SIZE, divergence
from kanlab.stats.metrics import LeftOut, squared_difference

# a cell, the lower neuron_nums fitted before it, the columns it is fitted to (None for all), and the edges gone in each round:
# what decides a network of a study; on a part of the columns it has edges of those alone
NetworkKey = tuple[Cell, tuple[int, ...], tuple[int, ...] | None, tuple[int, ...]]
FittedNetworks = dict[NetworkKey, FittedKan]

SCREENED_PARTS = 10  # of the rows, each left out at once where the choice of features is part of the fit


def _fit(data: Dataset, task: messages.CellTask) -> FittedKan:
    return fit_model(data, task.cell, task.engine, task.options, task.seed)


def network(data: Dataset, task: messages.NetworkTask) -> dict[str, Any]:
    """Every array of a cell's network as its type and its values, and among them `left_out` where that is asked for."""
    part, fitted = on_its_features(data, task)
    predicted = rows_left_out(part, fitted, task, task.cell, task.below) if task.left_out else None
    return _written(on_all_features(fitted, task, data.d), predicted)


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
        answers.append(_written(fitted, predicted))
    return {"networks": answers}


def rows_left_out(
    data: Dataset, network: FittedKan, task: messages.FittingTask, cell: Cell, below: tuple[int, ...]
) -> Array | None:
    """Predictions of the training rows by a cell's network, each row had it not been fitted, for its intervals.

    None where there are too many rows to look, or too few, and for networks of stock pykan.
    """
    if task.engine != "lm" or not 2 < data.n <= MOST_ROWS // data.outputs:
        return None
    return _predictions_left_out(data, network, task, cell, below, SCREENED_PARTS)


def _written(fitted: FittedKan, left_out: Array | None = None) -> dict[str, Any]:
    of_rows = {} if left_out is None else {"left_out": left_out}
    return {name: [str(a.dtype), a.tolist()] for name, a in (fitted.arrays() | of_rows).items()}


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
        return effective_count(edf, features, cell.neuron_num, depth=cell.depth, count_sigma2=task.count_sigma2)
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


def final_check(data: Dataset, task: messages.FinalCheckTask, fitted: FittedNetworks | None = None) -> dict[str, Any]:
    """{press, press_se, apart, reduced, thinned, others, average} of a cell's network, for the engine lm.

    The first two are None where there are too many rows to look, or too few; reduced is None where AICc falls with no feature,
    where the features are screened already, and where configurations are admissible after the fit.  others: {cell, press,
    press_se} of the cells of `task.then`; where features are screened, which makes that dear, up to the first whose press is
    lower than that of the linear model by more than its standard error.  apart: how far its predictions are from the mean of
    all of them.  thinned: the nearest of them without idle edges (`kanlab.execution.thinning`), None where effects are
    constrained.  average: see `kanlab.execution.averaging`.  fitted: networks that are not fitted again; the reduced one joins
    them.
    """
    fitted = {} if fitted is None else fitted
    screened = task.options.inputs(data.d) < data.d
    wanted = [(task.cell, task.below), *task.then]
    networks = path_networks(data, wanted[:1] if screened else wanted, task, fitted)
    reference = reference_losses(data, count_sigma2=task.count_sigma2, shape=task.options.shape)
    answer: dict[str, Any] = {"press": None, "press_se": None, "reduced": None, "others": [], "average": None}
    answer |= {"apart": None, "thinned": None}
    if not screened and not task.after_fit:
        answer["reduced"] = _reduced(data, networks[0], task, reference, fitted)
    if reference is None:
        return answer
    predicted = [_predictions_left_out(data, networks[0], task, task.cell, task.below)]
    answer |= _left_out(data, predicted[0], reference)
    looked_at = [answer, answer["reduced"] or answer]
    for cell, below in task.then:
        if screened:
            if any(a["press"] + a["press_se"] < reference.sum() for a in looked_at):
                break
            networks.append(fit_model(data, cell, task.engine, task.options, task.seed, below))
        predicted.append(_predictions_left_out(data, networks[len(predicted)], task, cell, below))
        looked_at.append(_left_out(data, predicted[-1], reference))
        answer["others"].append({"cell": list(cell)} | looked_at[-1])
    apart = None if screened else distances(data, networks)
    if apart is not None:
        for of_network, value in zip((answer, *answer["others"]), apart, strict=True):
            of_network["apart"] = value
        first = nearest(data, networks, [cell for cell, _ in wanted], apart, task.count_sigma2)
        answer["thinned"] = _without_edges(
            data, networks[first], wanted[first], task, reference, answer["reduced"], fitted
        )
    if task.average and not screened and len(networks) > 1:
        answer["average"] = averaged(data, [cell for cell, _ in wanted], networks, predicted, reference, task.options)
    return answer


def path_networks(
    data: Dataset,
    wanted: Sequence[tuple[Cell, tuple[int, ...]]],
    task: messages.FittingTask,
    fitted: Mapping[NetworkKey, FittedKan] = MappingProxyType({}),
) -> list[FittedKan]:
    """The networks of cells, each with the lower neuron_nums it is fitted after; those of one path are fitted once, and those
    in `fitted` not at all.
    """
    found = {
        (cell, below): fitted[cell, below, None, ()] for cell, below in wanted if (cell, below, None, ()) in fitted
    }
    for cell, below in sorted(wanted, key=lambda w: -len(w[1])):
        if (cell, below) in found:
            continue
        if task.engine != "lm":
            found[cell, below] = fit_model(data, cell, task.engine, task.options, task.seed, below)
            continue
        nums = (*below, cell.neuron_num)
        path = [cell._replace(neuron_num=h) for h in nums]
        for i, network in enumerate(lm_path(data, path, task.options, task.seed)):
            found.setdefault((path[i], nums[:i]), network)
    return [found[key] for key in wanted]


def _predictions_left_out(
    data: Dataset,
    network: FittedKan,
    task: messages.FittingTask,
    cell: Cell,
    below: tuple[int, ...],
    parts: int | None = None,
) -> Array:
    """Predictions of the training rows by a cell's network, each row had it not been fitted. parts: as of `refitted`."""
    if task.options.inputs(data.d) == data.d:
        target = data.fit_target(data.y_train)
        return predictions_left_out(network, data.X_train, target, task.options.smoothing, data.w_train)

    def fit(X: Array, y: Array, weights: Array | None = None) -> FittedKan:  # the choice of features is part of the fit
        rows = replace(data, X_train=X, y_train=y, w_train=weights)
        return fit_model(rows, cell, task.engine, task.options, task.seed, below)

    return refitted(fit, data.X_train, data.y_train, parts, data.w_train)


def _left_out(data: Dataset, predicted: Array, reference: Array) -> dict[str, Any]:
    """`LeftOut` of predictions of rows left out. reference: the losses of the model they are held against."""
    return LeftOut.of(data.likelihood, predicted, data.y_train, reference, data.w_train).to_dict()


def _reduced(
    data: Dataset, full: FittedKan, task: messages.FinalCheckTask, reference: Array | None, fitted: FittedNetworks
) -> dict[str, Any] | None:
    """A task's network without the features that do nothing; it joins `fitted`."""
    cell, (fewest, most) = task.cell, task.neuron_nums

    def n_params(columns: Sequence[int], neuron_num: int) -> int:
        of = cell._replace(neuron_num=neuron_num)
        of_data: dict[str, Any] = {"m": data.outputs, "values": [task.values[c] for c in columns if task.values]}
        of_data["shape"] = task.options.of_columns(columns, data.d).shape
        return cell_n_params(of, len(columns), rule=task.count, count_sigma2=task.count_sigma2, **of_data)

    def fits(columns: Sequence[int], neuron_num: int) -> list[FittedKan]:
        options = task.options.of_columns(columns, data.d)
        groups = len(options.shape.groups(len(columns))) if options.shape else 1
        near = range(max(fewest, neuron_num - 1, groups), min(most, neuron_num + 1) + 1 if groups else 0)
        nums = [h for h in near if is_admissible(data.n, n_params(columns, h))]
        path = [cell._replace(neuron_num=h) for h in nums]
        return list(lm_path(with_columns(data, columns), path, options, task.seed)) if nums else []

    found = reduced(full, data.X_train, data.y_train, fits, n_params, data.w_train)
    if found is None:
        return None
    part, cell = with_columns(data, found.kept), cell._replace(neuron_num=found.neuron_num)
    fitted[cell, tuple(found.below), tuple(found.kept), ()] = found.network
    return {
        "cell": list(cell),
        "below": list(found.below),
        "columns": list(found.kept),
        "n_params": n_params(found.kept, found.neuron_num),
        "charge": subset_charge(data.d, len(found.kept)),
        "aicc": found.aicc,
        "status": found.network.status.value,
        "seconds": found.network.seconds,
        "edf": found.network.edf,
        **part.errors(found.network.predict).errors(),
        **_of_reduced(part, found.network, task, reference),
    }


def _of_reduced(
    part: Dataset, network: FittedKan, task: messages.FinalCheckTask, reference: Array | None
) -> dict[str, Any]:
    if reference is None:
        return {"press": None, "press_se": None}
    return _left_out(part, _predictions_left_out(part, network, task, task.cell, task.below), reference)


def _without_edges(
    data: Dataset,
    network: FittedKan,
    wanted: tuple[Cell, tuple[int, ...]],
    task: messages.FinalCheckTask,
    reference: Array,
    reduced: dict[str, Any] | None,
    fitted: FittedNetworks,
) -> dict[str, Any] | None:
    """A network of a task without the edges that do next to nothing, which joins `fitted`; None where that is the one without
    features again.
    """
    if task.after_fit:
        return None
    counting: dict[str, Any] = {"count": task.count, "count_sigma2": task.count_sigma2, "values": task.values}
    found = without_idle_edges(data, network, wanted[0], task.options, **counting)
    if found is None or (reduced and wanted[0].neuron_num == 1 and found[1]["columns"] == reduced["columns"]):
        return None
    fitted[*wanted, None, tuple(found[1]["gone"])] = found[0]
    return {"below": list(wanted[1])} | found[1] | _of_reduced(data, found[0], task, reference)


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
    messages.TimingTask: timing,
    messages.FormulaPartTask: formula_part,
    messages.FormulaFrontTask: formula_front,
}


def answer(data: Dataset, task: messages.AnyTask) -> dict[str, Any]:
    """Do any task but a UnitTask. Raises KanlabError for one that cannot be done, and what its numbers raise."""
    return _DONE_BY[type(task)](data, task)
