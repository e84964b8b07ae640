"""The average that predicts best: the first networks of a study in one share, and models of other families in theirs.

The shares are those whose predictions of rows left out have the lowest loss (kanlab.stats.stacking): of the networks by their
linearised fits (kanlab.solver.leave_one_out), of the linear families exactly, of the families fitted for comparison by folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from kanlab.arrays import Array, as_text
from kanlab.baselines.folds import left_out_by
from kanlab.baselines.registry import BASELINES_OF, broken_by, fit_to
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution.final_check import JOINING, LEAST_ROWS
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell
from kanlab.solver.extremes import reach
from kanlab.stats.criteria import ROWS_OF_CLASSES
from kanlab.stats.likelihood import REGRESSION
from kanlab.stats.metrics import LeftOut
from kanlab.stats.stacking import LEAST_SHARE, stacking_shares


def averaged(
    data: Dataset,
    cells: Sequence[Cell],
    networks: Sequence[FittedKan],
    left_out: Sequence[Array],
    reference: Array,
    options: FitOptions,
    *,
    joined: Mapping[str, Array] = MappingProxyType({}),
    further: float | None = None,
) -> dict[str, Any] | None:
    """The mean of some networks and models of other families, each in the share of what it predicts of rows left out.

    {cells, families, reach, rows, press, press_se, and its errors}; families: [name, share] of those beside the networks.
    left_out: of each network the predictions of the training rows without themselves.  reach: of the networks' edges beyond
    the rows, by the rows at the edge of the first.  rows: what it predicts of rows left out, for its intervals, as `as_text`
    writes it.  None where the networks' share is next to nothing.

    joined, further: predictions of rows left out by some of the other families, and the reach, where they are known.
    """
    y = data.y_train

    def losses(predicted: Array, _: Array) -> Array:
        return data.losses(predicted)

    if data.levels:  # with fewer rows a row left out does not see the search among minima (docs/method.md)
        rows = data.outputs * np.bincount(y.astype(int), minlength=len(data.levels)).min()
        sound = [i for i, f in enumerate(networks) if f.edf is not None and ROWS_OF_CLASSES * f.edf <= rows]
        cells, networks = [cells[i] for i in sound], [networks[i] for i in sound]
        left_out = [left_out[i] for i in sound]
        if len(networks) < 2:
            return None
    keep = [name for name in BASELINES_OF[data.task] if not broken_by(name, data, options.shape)]
    plain = {name: left_out_by(name, data) for name in keep}
    best = min(plain, key=lambda name: float(losses(plain[name], y).sum()))
    joining = JOINING if data.n >= LEAST_ROWS and not options.shape else ()
    of_rest = {best: plain[best]} | {
        name: joined[name] if name in joined else left_out_by(name, data) for name in joining
    }
    of_rest = {name: predicted for name, predicted in of_rest.items() if np.isfinite(predicted).all()}
    predictions = [np.mean(left_out, axis=0), *of_rest.values()]
    shares = stacking_shares(predictions, y, losses)
    if shares[0] < LEAST_SHARE and joining:  # an average of none of the study's networks is not what was asked for
        shares = np.append(stacking_shares(predictions[:2], y, losses), np.zeros(len(predictions) - 2))
    if shares[0] < LEAST_SHARE:
        return None
    families = [(name, float(share)) for name, share in zip(of_rest, shares[1:], strict=True) if share]
    rest = [(fit_to(name, data), share) for name, share in families]
    if data.task != REGRESSION:
        further = 0.0
    elif further is None:
        further = reach(networks[0], data.X_train, y, options.smoothing, data.w_train)
    members = [replace(network, reach=further) for network in networks]

    def predict(X: Array) -> Array:
        mean = np.mean([network.predict(X) for network in members], axis=0)
        within = np.clip(X, data.X_train.min(axis=0), data.X_train.max(axis=0))
        others = (share * fitted.predict(X if fitted.extends else within) for fitted, share in rest)
        return np.asarray(shares[0] * mean + sum(others))

    together = np.tensordot(shares, np.stack(predictions), axes=1)
    return {
        "cells": [list(cell) for cell in cells],
        "families": [list(pair) for pair in families],
        "reach": further,
        "rows": as_text(together),
        **LeftOut.of(data.likelihood, together, y, reference, data.w_train).to_dict(),
        **data.errors(predict).errors(),
    }
