"""The final check of a study as workers do it: in one piece, or in parts that one of them puts together.

The numbers are the same, however many workers there are. `kanlab.execution.final_check` says what is asked and what for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kanlab.arrays import Array, as_text, from_text
from kanlab.baselines.folds import left_out_by
from kanlab.baselines.registry import reference_losses
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import fit_model, lm_path, with_columns
from kanlab.execution import messages
from kanlab.execution.averaging import averaged
from kanlab.execution.final_check import JOINING, REDUCED, path_name, paths
from kanlab.execution.nearness import Nearness
from kanlab.execution.networks import FittedNetworks, NetworkKey, path_networks, predictions_left_out_of, written
from kanlab.execution.run_tasks import read_network
from kanlab.execution.thinning import without_idle_edges
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, cell_n_params
from kanlab.solver.extremes import reach
from kanlab.solver.feature_elimination import reduced
from kanlab.stats.criteria import is_admissible, subset_charge
from kanlab.stats.likelihood import REGRESSION
from kanlab.stats.metrics import LeftOut


def final_check(data: Dataset, task: messages.FinalCheckTask, fitted: FittedNetworks | None = None) -> dict[str, Any]:
    """{press, press_se, apart, reduced, thinned, others, average} of a cell's network, for the engine lm.

    The first two are None where there are too many rows to look, or too few; reduced is None where AICc falls with no feature,
    where the features are screened already, and where configurations are admissible after the fit.  others: {cell, press,
    press_se} of the cells of `task.then`; where features are screened, which makes that dear, up to the first whose press is
    lower than that of the linear model by more than its standard error.  apart: how far its predictions are from the mean of
    all of them; wild: between the training rows, where it is not one to read (`kanlab.execution.nearness`).  thinned: the
    nearest without idle edges (`kanlab.execution.thinning`), None where effects are constrained.  average: see
    `kanlab.execution.averaging`.  fitted: networks that are not fitted again; the reduced one joins them. What `task.parts`
    holds is not done again.
    """
    fitted = {} if fitted is None else fitted
    left_out, done = _answered(task, fitted), task.parts
    screened = task.options.inputs(data.d) < data.d
    wanted = [(task.cell, task.below), *task.then]
    networks = path_networks(data, wanted[:1] if screened else wanted, task, fitted)
    reference = reference_losses(data, count_sigma2=task.count_sigma2, shape=task.options.shape)
    answer: dict[str, Any] = {"press": None, "press_se": None, "reduced": None, "others": [], "average": None}
    answer |= {"apart": None, "thinned": None}
    if not screened and not task.after_fit:
        answer["reduced"] = (
            done[REDUCED]["reduced"] if REDUCED in done else _reduced(data, networks[0], task, reference, fitted)
        )
    if reference is None:
        return answer

    def without_itself(i: int) -> Array:
        """What the i-th network predicts of each row, had it not been fitted."""
        known = left_out.get(wanted[i])
        return predictions_left_out_of(data, networks[i], task, *wanted[i]) if known is None else known

    predicted = [without_itself(0)]
    answer |= _left_out(data, predicted[0], reference)
    looked_at = [answer, answer["reduced"] or answer]
    for cell, below in task.then:
        if screened:
            if any(a["press"] + a["press_se"] < reference.sum() for a in looked_at):
                break
            networks.append(fit_model(data, cell, task.engine, task.options, task.seed, below))
        predicted.append(without_itself(len(predicted)))
        looked_at.append(_left_out(data, predicted[-1], reference))
        answer["others"].append({"cell": list(cell)} | looked_at[-1])
    near = None if screened else Nearness.of(data, networks)
    if near is not None:
        for i, of_network in enumerate((answer, *answer["others"])):
            of_network |= near.told(i)
        first = near.nearest(data, networks, [cell for cell, _ in wanted], task.count_sigma2)
        answer["thinned"] = _without_edges(
            data, networks[first], wanted[first], task, reference, answer["reduced"], fitted
        )
        reduced_one, thinned_one = answer["reduced"], answer["thinned"]
        if reduced_one and (network := fitted.get(_key_of_reduced(reduced_one))):  # in no part of an earlier version
            answer["reduced"] = reduced_one | near.told_of(network, reduced_one["columns"])
        if thinned_one:
            network = fitted[*wanted[first], None, tuple(thinned_one["gone"])]
            answer["thinned"] = thinned_one | near.told_of(network, range(data.d))
    if task.average and task.options.shape.kept_by_averages(data.task) and not screened and len(networks) > 1:
        joined = {n: from_text(done[n]["predicted"], done[n]["shape"]) for n in JOINING if n in done}
        cells, further = [cell for cell, _ in wanted], done.get(path_name(0), {}).get("reach")
        answer["average"] = averaged(
            data, cells, networks, predicted, reference, task.options, joined=joined, further=further
        )
    return answer


def final_check_part(data: Dataset, task: messages.FinalCheckPartTask) -> dict[str, Any]:
    """One of `kanlab.execution.final_check.final_check_parts`.

    Of a path {networks: each with its predictions of rows left out}, of the one of the first network with its reach as well;
    {reduced, network}: the first network without idle features; of another family {predicted, shape}: the training rows, each
    by a fit without its fold.
    """
    check = task.check
    if task.part in JOINING:
        predicted = left_out_by(task.part, data)
        return {"predicted": as_text(predicted), "shape": list(predicted.shape)}
    if task.part == REDUCED:
        network = path_networks(data, [(check.cell, check.below)], check)[0]
        reference = reference_losses(data, count_sigma2=check.count_sigma2, shape=check.options.shape)
        found: FittedNetworks = {}
        content = _reduced(data, network, check, reference, found)
        return {"reduced": content, "network": None if content is None else written(found[_key_of_reduced(content)])}
    wanted = paths(check)[task.part]
    networks = path_networks(data, wanted, check)
    answer: dict[str, Any] = {
        "networks": [
            written(network, predictions_left_out_of(data, network, check, *of))
            for network, of in zip(networks, wanted, strict=True)
        ]
    }
    if task.part == path_name(0) and data.task == REGRESSION:
        answer["reach"] = reach(networks[0], data.X_train, data.y_train, check.options.smoothing, data.w_train)
    return answer


def _answered(task: messages.FinalCheckTask, fitted: FittedNetworks) -> dict[tuple[Cell, tuple[int, ...]], Array]:
    """What the networks of the parts of a task that are done predict of rows left out; the networks join `fitted`."""
    left_out: dict[tuple[Cell, tuple[int, ...]], Array] = {}
    for name, wanted in paths(task).items():
        for of, found in zip(wanted, task.parts.get(name, {}).get("networks", ()), strict=False):
            fitted[*of, None, ()], predicted = read_network(found)
            if predicted is not None:
                left_out[of] = predicted
    of_part = task.parts.get(REDUCED, {})
    if of_part.get("network"):
        fitted[_key_of_reduced(of_part["reduced"])] = read_network(of_part["network"])[0]
    return left_out


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
        near = range(
            max(fewest, neuron_num - 1, groups, cell.multiplication), min(most, neuron_num + 1) + 1 if groups else 0
        )
        nums = [h for h in near if is_admissible(data.n, n_params(columns, h))]
        path = [cell._replace(neuron_num=h) for h in nums]
        return list(lm_path(with_columns(data, columns), path, options, task.seed)) if nums else []

    found = reduced(full, data.X_train, data.y_train, fits, n_params, data.w_train)
    if found is None:
        return None
    part, cell = with_columns(data, found.kept), cell._replace(neuron_num=found.neuron_num)
    of_it = {"cell": list(cell), "below": list(found.below), "columns": list(found.kept)}
    fitted[_key_of_reduced(of_it)] = found.network
    return of_it | {
        "n_params": n_params(found.kept, found.neuron_num),
        "charge": subset_charge(data.d, len(found.kept)),
        "aicc": found.aicc,
        "status": found.network.status.value,
        "seconds": found.network.seconds,
        "edf": found.network.edf,
        **part.errors(found.network.predict).errors(),
        **_of_reduced(part, found.network, task, reference),
    }


def _key_of_reduced(content: Mapping[str, Any]) -> NetworkKey:
    """Of what is kept of a network without features."""
    return Cell(*content["cell"]), tuple(content["below"]), tuple(content["columns"]), ()


def _of_reduced(
    part: Dataset, network: FittedKan, task: messages.FinalCheckTask, reference: Array | None
) -> dict[str, Any]:
    if reference is None:
        return {"press": None, "press_se": None}
    return _left_out(part, predictions_left_out_of(part, network, task, task.cell, task.below), reference)


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
    if found is None or (reduced and wanted[0].width == 1 and found[1]["columns"] == reduced["columns"]):
        return None
    fitted[*wanted, None, tuple(found[1]["gone"])] = found[0]
    return {"below": list(wanted[1])} | found[1] | _of_reduced(data, found[0], task, reference)
