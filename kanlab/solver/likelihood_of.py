"""The likelihood of a fit by its task."""

from __future__ import annotations

from kanlab.arrays import Array
from kanlab.solver.likelihoods import Bernoulli, Likelihood, MakeLikelihood, Squares
from kanlab.solver.multinomial import Multinomial
from kanlab.solver.poisson import Poisson
from kanlab.solver.weighted_squares import WeightedSquares
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION

OF_TASK: dict[str, type[Likelihood]] = {
    REGRESSION: Squares,
    CLASSIFICATION: Bernoulli,
    MULTICLASS: Multinomial,
    COUNTS: Poisson,
}


def likelihood_of(task: str, y_offset: Array, y_scale: Array, weights: Array | None = None) -> MakeLikelihood:
    """What makes the likelihood of a task. y_offset, y_scale (m,): of a fit's outputs; those of counts are in its link.
    weights (n,): how precise the rows of a quantity are, where not all alike.
    """
    if weights is not None:
        return WeightedSquares.of(weights)
    return Poisson.of(float(y_offset[0]), float(y_scale[0])) if task == COUNTS else OF_TASK[task]
