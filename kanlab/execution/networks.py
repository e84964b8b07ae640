"""Networks of cells as a worker fits and sends them, and what they predict of rows they were not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from kanlab.arrays import Array
from kanlab.baselines.leave_one_out import refitted
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import fit_model, lm_path
from kanlab.execution import messages
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell
from kanlab.solver.leave_one_out import predictions_left_out

# a cell, the lower neuron_nums fitted before it, the columns it is fitted to (None for all), and the edges gone in each round:
# what decides a network of a study; on a part of the columns it has edges of those alone
NetworkKey = tuple[Cell, tuple[int, ...], tuple[int, ...] | None, tuple[int, ...]]
FittedNetworks = dict[NetworkKey, FittedKan]


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


def predictions_left_out_of(
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


def written(fitted: FittedKan, left_out: Array | None = None) -> dict[str, Any]:
    """Every array of a network as its type and its values, and `left_out` among them; `run_tasks.read_network` reads it."""
    of_rows = {} if left_out is None else {"left_out": left_out}
    return {name: [str(a.dtype), a.tolist()] for name, a in (fitted.arrays() | of_rows).items()}
