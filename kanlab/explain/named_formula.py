"""A formula in the columns of a table: what it says of their rows, and where it was fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.recipe import Recipe
from kanlab.data.transforms import Transform
from kanlab.formulas.expression import Constant, Curve, Expression, constants, curves, variables
from kanlab.formulas.front import FoundFormula
from kanlab.formulas.program import outputs
from kanlab.stats.likelihood import LIKELIHOODS, Distribution, HasTask
from kanlab.stats.metrics import HasScores, Scores


@dataclass(frozen=True, eq=False)
class NamedFormula(HasTask, HasScores):
    """A formula in the columns of a table.

    found: its expressions, one an output, and its scores, each of which is an attribute too (rmse_train, rmse_test, aicc,
    n_params, ...).  domain: (d, 2), minimum and maximum of every feature in the training rows.  network: scores of the
    network it stands beside, where there is one.
    """

    found: FoundFormula
    recipe: Recipe
    features: tuple[str, ...]
    domain: Array
    network: Scores | None = None

    @classmethod
    def of(cls, found: FoundFormula, data: Dataset, network: Scores | None = None) -> Self:
        """A formula that was found for the training rows of `data`."""
        domain = np.column_stack([data.X_train.min(axis=0), data.X_train.max(axis=0)])
        return cls(found, data.recipe, data.features, domain, network)

    @property
    def scores(self) -> Scores:  # type: ignore[override]
        """Errors on training and test rows, K and AICc."""
        return self.found.scores

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """One an output, on the scale of the fit."""
        return self.found.expressions

    @property
    def target(self) -> str:
        return self.recipe.target

    @property
    def levels(self) -> tuple[str, ...]:  # type: ignore[override]
        """Of a target of classes, those."""
        return self.recipe.levels

    @property
    def distribution(self) -> Distribution:  # type: ignore[override]
        """Of a target that is a count, "poisson"."""
        return self.recipe.distribution

    @property
    def transform(self) -> Transform:
        """From units of the target to the scale of the fit."""
        return self.recipe.target_transform

    @property
    def complexity(self) -> int:
        """Operations, functions, constants and variables as they are written, over all outputs."""
        return self.found.complexity

    @property
    def used(self) -> list[int]:
        """The features that are in it, by number."""
        return sorted({i for e in self.expressions for i in variables(e)})

    @property
    def curves(self) -> list[Curve]:
        """Its curves that no function matches."""
        return [c for e in self.expressions for c in curves(e)]

    @property
    def constants(self) -> list[Constant]:
        """Its constants: fitted ones with a standard error, and exact ones."""
        return [c for e in self.expressions for c in constants(e)]

    def outputs_at(self, X: ArrayLike) -> Array:
        """What the formula says at inputs X (n, d): (n,) on the scale of the fit, or log-odds, of many classes (n, m)."""
        values = [outputs(e, np.asarray(X, dtype=float)) for e in self.expressions]
        return values[0] if len(values) == 1 else np.column_stack(values)

    def predict_inputs(self, X: ArrayLike) -> Array:
        """Predictions at inputs X (n, d) on the scale of the fit; of classes probabilities as a network's, of counts
        means.
        """
        return LIKELIHOODS[self.task].mean(self.outputs_at(X))

    def predict(self, rows: Any) -> Array:
        """Predictions for a data frame, in units of the target; of classes probabilities.

        Those are (n,) of the second of two classes, (n, c) of more. nan where a cell is missing or the formula is not
        defined. Rows outside `domain` are an extrapolation.
        """
        return self.recipe.to_units(self.predict_inputs(self.recipe.apply(rows).X))

    def extrapolates(self, rows: Any) -> Array:
        """Whether each row of a data frame lies outside the range of the training rows in a feature of the formula."""
        X = self.recipe.apply(rows).X[:, self.used]
        low, high = self.domain[self.used].T
        return np.asarray(((low > X) | (high < X)).any(axis=1))
