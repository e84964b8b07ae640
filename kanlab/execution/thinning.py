"""A network without idle edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import MOST_EDF, CountingRule, edge_count, effective_count
from kanlab.kan.search_space import Cell, cell_n_params
from kanlab.solver.edge_elimination import edges_left, edges_there, thinned
from kanlab.stats.criteria import aicc_of, subset_charge

LEAST_ROWS = 100  # of training; with fewer the choice among edges fitted noise (docs/method.md)


def without_idle_edges(
    data: Dataset,
    full: FittedKan,
    cell: Cell,
    options: FitOptions,
    *,
    count: CountingRule,
    count_sigma2: bool,
    values: Sequence[int],
) -> tuple[FittedKan, dict[str, Any]] | None:
    """A cell's network without the edges that do next to nothing, and what a study keeps of it; None where all do something.

    count, count_sigma2, values: as of StudySpec.
    """
    if data.n < LEAST_ROWS:
        return None
    likelihood, edges = data.likelihood, edges_left(full)

    def criterion(misfit: float, edf: float, left: int) -> float:
        spent = effective_count(edf, left / cell.width, cell.width, depth=cell.depth, count_sigma2=count_sigma2)
        if edf >= MOST_EDF * data.n:
            return np.inf
        return aicc_of(likelihood.term(misfit, data.n), data.n, spent) + subset_charge(edges, left)

    found = thinned(full, data.X_train, data.fit_target(data.y_train), options.smoothing, criterion, data.w_train)
    if found is None:
        return None
    network, kept = found.network, edges_there(found.network)
    gone = edges_there(full) & ~kept
    of_data: dict[str, Any] = {"m": data.outputs, "values": values}
    n_params = cell_n_params(cell, data.d, rule=count, count_sigma2=count_sigma2, **of_data)
    n_params -= sum(
        int(g) * edge_count(cell.grid, cell.k, count, values[i] if values else None)
        for i, g in enumerate(gone.sum(axis=1))
    )
    misfit = network.rss_train if network.deviance_train is None else network.deviance_train
    charge = subset_charge(edges, edges_left(network))
    return network, {
        "cell": list(cell),
        "gone": list(found.rounds),
        "edges": [edges_left(network), edges],
        "columns": [int(i) for i in np.flatnonzero(~gone.any(axis=1) | kept.any(axis=1))],
        "n_params": n_params,
        "charge": charge,
        "aicc": aicc_of(likelihood.term(misfit, data.n), data.n, n_params) + charge,
        "status": network.status.value,
        "seconds": network.seconds,
        "edf": network.edf,
        **data.errors(network.predict).errors(),
    }
