"""The likelihood of a fit by its task."""

from __future__ import annotations

from kanlab.solver.likelihoods import Bernoulli, Likelihood, Squares
from kanlab.solver.multinomial import Multinomial
from kanlab.stats.likelihood import CLASSIFICATION, MULTICLASS, REGRESSION

OF_TASK: dict[str, type[Likelihood]] = {REGRESSION: Squares, CLASSIFICATION: Bernoulli, MULTICLASS: Multinomial}
