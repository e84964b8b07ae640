"""A fitted model held against its rows: residuals, the influence of each row, and what they say against the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from kanlab.arrays import Array
from kanlab.data.changed import can_take_logarithm
from kanlab.data.dataset import Dataset
from kanlab.explain import class_checks, residual_checks
from kanlab.explain.bands import Bands, bands_of
from kanlab.explain.influence import Influence, influence_of, variance
from kanlab.explain.models import Model
from kanlab.explain.residual_checks import Check
from kanlab.language import active, say
from kanlab.stats.likelihood import COUNTS, REGRESSION
from kanlab.stats.metrics import likeliest
from kanlab.text import short

LISTED = 10  # rows of most influence


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """The rows of a fitted model's data beside its predictions, and what they say against it; from `diagnostics_of`.

    predicted_train, predicted_test: on the scale of the fit; of more than two classes (n, classes).
    """

    data: Dataset
    predicted_train: Array
    predicted_test: Array
    influence: Influence | None

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row a row of the data.

        Columns row (from 1, in the order of the table), rows ("training" or "test"), predicted, observed and residual, in
        units of the target; standardised, leverage and cook, of training rows where the model tells them. Of two classes
        predicted is the probability and observed 0 or 1; of more they are numbers of classes, and the residual is 1 less the
        probability of the true one.
        """
        data, of, frames = self.data, self.influence, []
        parts = (("training", self.predicted_train, data.y_train), ("test", self.predicted_test, data.y_test))
        for name, predicted, y in parts:
            if data.outputs > 1:
                shown, observed = np.asarray(likeliest(predicted), dtype=float), y
                residual = 1.0 - predicted[np.arange(len(y)), y.astype(int)]
            else:
                shown, observed = data.recipe.to_units(predicted), data.recipe.to_units(y)
                residual = observed - shown
            columns = {"row": np.arange(1, len(y) + 1), "rows": name, "predicted": shown, "observed": observed}
            unknown = np.full(len(y), np.nan)
            told = (unknown,) * 3
            if of is not None and name == "training":
                told = (of.standardised, of.leverage, of.cook)
            measured = dict(zip(("standardised", "leverage", "cook"), told, strict=True))
            frames.append(pd.DataFrame(columns | {"residual": residual} | measured))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def standardised(self) -> Array:
        """Standardised residuals (n,) of the training rows; without leverages where none are told."""
        if self.influence is not None:
            return self.influence.standardised
        pearson = (self.data.y_train - self.predicted_train) / np.sqrt(variance(self.data, self.predicted_train))
        size = float(np.sqrt(np.mean(pearson**2))) if self.data.task == REGRESSION else 1.0
        return np.asarray(pearson / max(size, np.finfo(float).tiny))

    @cached_property
    def linear(self) -> Array:
        """Predictions (n,) of the training rows on the scale of the fit, of counts their logarithm."""
        f = self.predicted_train
        return np.log(np.maximum(f, np.finfo(float).tiny)) if self.data.task == COUNTS else f

    @property
    def most_influential(self) -> pd.DataFrame:
        """`influential` without any row before the others."""
        return self.influential()

    def influential(self, first: Sequence[int] = ()) -> pd.DataFrame:
        """The training rows of highest Cook's distance, at most LISTED, with their cells; before them rows `first`, from 0.

        Columns row, cook, leverage, observed, predicted, then the features as the model has them; empty where no influence is
        told.
        """
        if self.influence is None:
            return pd.DataFrame()
        highest, levels = np.argsort(-self.influence.cook, kind="stable")[:LISTED], self.data.levels
        order = np.array(list(dict.fromkeys([*first, *highest.tolist()])))[: max(LISTED, len(first))]
        known = self.rows.iloc[order][["row", "cook", "leverage", "observed", "predicted"]]
        if levels:
            names = np.array([short(level, 40) for level in levels], dtype=object)
            known = known.assign(observed=names[known["observed"].to_numpy(int)])
            if self.data.outputs > 1:
                known = known.assign(predicted=names[known["predicted"].to_numpy(int)])
        cells = pd.DataFrame(self.data.X_train[order], columns=list(self.data.features), index=known.index)
        taken = {name: f"{name} (feature)" for name in cells.columns if name in known.columns}
        return pd.concat([known, cells.rename(columns=taken)], axis=1).reset_index(drop=True)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of the task, in the order of the charts, as the reader is told it."""
        language = active()
        if language not in self._told:
            self._told[language] = self._checked()
        return self._told[language]

    @cached_property
    def _told(self) -> dict[str, tuple[Check, ...]]:
        """The checks by language, as far as they were asked for."""
        return {}

    def _checked(self) -> tuple[Check, ...]:
        data = self.data
        if data.levels:
            p, y, rows = self.held_out
            of_classes = (class_checks.calibrated(p, y, rows), class_checks.ranking(p, y, rows, data.levels))
            named = class_checks.confusion(p, y, rows, data.levels)
            pattern = [self._along_features[0]] if data.outputs == 1 else []
            return (*of_classes, named, *pattern, self._influential)
        r = self.standardised
        along = (residual_checks.bend(r, self.linear), self._along_features[0], residual_checks.in_order(r))
        if data.task == COUNTS:
            edf = 1.0 if self.influence is None else self.influence.edf
            counts = self.predicted_train, data.y_train
            return (*along, residual_checks.dispersion(*counts, edf), residual_checks.zeros(*counts), self._influential)
        log = can_take_logarithm(data)
        shape = (residual_checks.normality(r, log=log), residual_checks.spread(r, self.linear, log=log))
        return (*along, *shape, self._influential)

    @property
    def departures(self) -> list[Check]:
        """The checks that find something amiss."""
        return [c for c in self.checks if c.departs]

    def check(self, name: str) -> Check:
        """A check by its name."""
        return next(c for c in self.checks if c.name == name)

    @property
    def by_feature(self) -> pd.DataFrame:
        """Of every feature the p-value of a pattern in the residuals along it, lowest first: columns feature, p."""
        return self._along_features[1]

    @property
    def held_out(self) -> tuple[Array, Array, str]:
        """Probabilities and classes of the rows that classes are looked at on, and which they are."""
        if len(self.data.y_test):
            return self.predicted_test, self.data.y_test, class_checks.TEST
        return self.predicted_train, self.data.y_train, class_checks.TRAINING

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"checks": [c.to_dict() for c in self.checks]}

    @property
    def _along_features(self) -> tuple[Check, pd.DataFrame]:
        return residual_checks.along_features(self.standardised, self.data.X_train, self.data.features)

    @property
    def _influential(self) -> Check:
        if self.influence is None:
            return Check("influence", None, say("A model of this kind does not tell how much each row decides."))
        return residual_checks.influential(self.influence.cook, self.influence.leverage, self.data.outputs)


def diagnostics_of(model: Model, data: Dataset, bands: Bands | None = None) -> Diagnostics:
    """The diagnostics of a fitted model. bands: its own, where they are known."""
    bands = bands or bands_of(model, data)
    influence = None if bands is None else influence_of(bands)
    empty = data.y_test if data.outputs == 1 else np.zeros((0, len(data.levels)))
    test = model.predict_flagged(data.X_test)[0] if len(data.y_test) else empty
    return Diagnostics(data, model.predict_flagged(data.X_train)[0], test, influence)


def normal_quantiles(r: Array) -> pd.DataFrame:
    """Residuals beside the quantiles of the normal distribution: columns theoretical, residual, low, high, row (from 0).

    Positions (i - 0.5) / n; low and high are z -+ 1.96 sqrt(p (1 - p) / n) / density(z), the pointwise 95% band of normal
    residuals (Fox, Applied Regression Analysis, 2016, section 3.1.3).

    >>> normal_quantiles(np.array([1.0, -1.0]))["theoretical"].round(3).tolist()
    [-0.674, 0.674]
    """
    known = np.flatnonzero(np.isfinite(r))
    order = known[np.argsort(r[known], kind="stable")]
    share = (np.arange(len(order)) + 0.5) / max(len(order), 1)
    z = ndtri(share)
    error = 1.96 * np.sqrt(2.0 * np.pi * share * (1.0 - share) / max(len(order), 1)) * np.exp(z**2 / 2.0)
    columns = {"theoretical": z, "residual": r[order], "low": z - error, "high": z + error, "row": order}
    return pd.DataFrame(columns)
