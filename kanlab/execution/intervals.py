"""What the intervals of a fitted model are made of: its predictions of training rows left out, and what came of test rows.

The method is in kanlab.stats.intervals; here are the models. Of a network the linearised fit gives the rows left out
(kanlab.solver.leave_one_out), of linear models a formula, of an average the mean of theirs, of anything else fits without a
part of the rows. Where there are too many rows to look, and for stock pykan, which has no smoother, residuals of the training
rows stand in, longer by what the fit has spent of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.baselines.folds import left_out_by
from kanlab.baselines.leave_one_out import LEFT_OUT, MOST_ROWS, refitted
from kanlab.baselines.protocol import FamilyFit
from kanlab.baselines.registry import fit_named, fit_to, predictions_left_out
from kanlab.data.dataset import Dataset
from kanlab.errors import DatasetError
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.kan.shapes import Shape
from kanlab.language import marked, say
from kanlab.stats.intervals import MOST_INFLATION, Rows, inflation, interval_record

IntervalRecord = Mapping[str, Any]
FEWEST_ROWS = 3
TOO_FEW_ROWS = marked("There are no intervals, because fewer than three rows could be predicted without being fitted.")
PARTS = 10  # of the rows, of a family without a formula


class _Predicts(Protocol):
    def predict_flagged(self, X: Array) -> tuple[Array, Mask]: ...


def checked_level(interval: float | None) -> float | None:
    """The level of intervals, None for none. Raises DatasetError where it is no share.

    >>> checked_level(0.9)
    0.9
    >>> checked_level(90)
    Traceback (most recent call last):
        ...
    kanlab.errors.DatasetError: The level of intervals is a share above 0 and below 1, such as 0.9, not 90.
    """
    if interval is None:
        return None
    level = float(interval)
    if not 0.0 < level < 1.0:
        raise DatasetError(
            say(
                "The level of intervals is a share above 0 and below 1, such as 0.9, not {interval}.", interval=interval
            )
        )
    return level


def of_network(data: Dataset, network: FittedKan, left_out: Array | None, features: int) -> IntervalRecord | None:
    """The record of one network. left_out: predictions of the training rows, each had it not been fitted, where they are
    known.  features: how many it was fitted to.
    """
    if left_out is None:
        return _of_training_rows(data, network, float(network.n_params))
    return _record(data, network, left_out, _spent_beyond(network, data.n, features))


def of_average(
    data: Dataset,
    model: _Predicts,
    networks: Sequence[FittedKan],
    share: float,
    left_out: Array | None,
    features: int,
) -> IntervalRecord | None:
    """The record of the mean of networks, whose share of it that is, and of models of other families.

    left_out: as of `of_network`, of all of them together.
    """
    if left_out is None:
        return _of_training_rows(data, model, max(float(network.n_params) for network in networks))
    factor = float(np.mean([_spent_beyond(network, data.n, features) for network in networks]))
    return _record(data, model, left_out, 1.0 + share * (factor - 1.0))


def average_left_out(
    data: Dataset, networks: Sequence[Array | None], share: float, families: Sequence[tuple[str, float]]
) -> Array | None:
    """What an average predicts of rows left out, where its study has not kept it: from its networks' and its families'.

    networks: the predictions of each, None where they are not known.  families: those and their shares.
    """
    known = [rows for rows in networks if rows is not None]
    if len(known) < len(networks):
        return None
    together = share * np.mean(known, axis=0)
    for name, of_family in families:
        together = together + of_family * left_out_by(name, data)
    return np.asarray(together)


def of_family(data: Dataset, model: _Predicts, family: str, seed: int, shape: Shape = Shape()) -> IntervalRecord | None:
    """The record of a model of another family. shape: what is demanded of the effects."""
    if data.n < FEWEST_ROWS:
        return None
    few = data.n <= MOST_ROWS // data.outputs
    if few and not data.has_deviance and family in LEFT_OUT:
        return _record(data, model, predictions_left_out(family, data), 1.0)
    if few and data.has_deviance:
        fitted = fit_to(family, data, seed)
        if fitted.left_out is not None:
            return _record(data, model, fitted.left_out(), 1.0)

    def fit(X: Array, y: Array, weights: Array | None = None) -> FamilyFit:
        return fit_named(family, X, data.fit_target(y), seed, data.task, shape, weights=weights)

    left_out = refitted(fit, data.X_train, data.y_train, PARTS, data.w_train)
    return _record(data, model, left_out, 1.0)


def _spent_beyond(network: FittedKan, n: int, features: int) -> float:
    if network.edf is None:
        return 1.0
    widths, outputs = network.spec.layer_widths, network.spec.layer_widths[-1]
    spent = effective_count(network.edf, features, widths[1], depth=len(widths) - 2)
    return inflation(n * outputs, network.edf, spent)


def _of_training_rows(data: Dataset, model: _Predicts, spent: float) -> IntervalRecord | None:
    """Where no row was left out: residuals of the training rows over 1 - spent / n."""
    paid = max(1.0 - spent / data.n, 1.0 / MOST_INFLATION)
    return _record(data, model, model.predict_flagged(data.X_train)[0], 1.0 / paid)


def _record(data: Dataset, model: _Predicts, left_out: Array, factor: float) -> IntervalRecord | None:
    finite = np.isfinite(left_out.reshape(len(left_out), -1)).all(axis=1)
    if finite.sum() < FEWEST_ROWS:
        return None
    fitted = model.predict_flagged(data.X_train)[0]
    weights = None if data.w_train is None else data.w_train[finite]
    rows = Rows(left_out[finite], data.y_train[finite], data.X_train[finite], fitted[finite], weights)
    test = None
    if len(data.y_test):
        test = Rows(model.predict_flagged(data.X_test)[0], data.y_test, data.X_test, weights=data.w_test)
    record = interval_record(rows, test, data.task, factor)
    if weights is None:
        return record
    return record | {"weight": {"column": data.preparation.weights, "unit": data.w_unit}}
