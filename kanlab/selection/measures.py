"""What a fit and an error are called, of quantities, counts and classes, with their columns in `selection.trial_table`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kanlab.language import marked
from kanlab.stats.criteria import aicc_penalty, rss_at_aicc
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION, TaskName
from kanlab.stats.metrics import HasScores


class Measure(NamedTuple):
    """fit: what a fit makes small; axis: the same with its unit, {0} being the target.  error: of held-out rows; unit: its
    own, {0} being the target. These four are in English, to be said.
    """

    task: TaskName
    fit: str
    fit_column: str
    axis: str
    error: str
    error_column: str
    unit: str

    def aicc(self, fit: float, n: int, n_params: float) -> float:
        """AICc of a fit to n rows."""
        return LIKELIHOODS[self.task].term(fit, n) + aicc_penalty(n, n_params)

    def fit_at(self, aicc: float, n: int, n_params: float) -> float:
        """The fit that has this AICc."""
        return rss_at_aicc(aicc, n, n_params) if self.task == REGRESSION else aicc - aicc_penalty(n, n_params)


_DEVIANCE, _LOG_LOSS, _NATS = marked("deviance"), marked("log-loss"), marked("nats")
_RSS_OF, _DEVIANCE_OF, _POISSON_OF = (
    marked("RSS on the training rows (squared units of {0})"),
    marked("deviance of {0} on the training rows (−2 ln L)"),
    marked("Poisson deviance of {0} on the training rows"),
)
_OF_CLASSES = (_DEVIANCE, "deviance_train", _DEVIANCE_OF, _LOG_LOSS, "log_loss_test", _NATS)
MEASURES = {
    REGRESSION: Measure(REGRESSION, "RSS", "rss_train", _RSS_OF, "RMSE", "rmse_test", "{0}"),
    CLASSIFICATION: Measure(CLASSIFICATION, *_OF_CLASSES),
    MULTICLASS: Measure(MULTICLASS, *_OF_CLASSES),
    COUNTS: Measure(
        COUNTS, _DEVIANCE, "deviance_train", _POISSON_OF, marked("mean deviance"), "mean_deviance_test", marked("per row"),
    ),
}  # fmt: skip


def measure_for(model: HasScores) -> Measure:
    """The measures of a model, by the scores it has."""
    return MEASURES[CLASSIFICATION if model.classes else COUNTS if model.counts else REGRESSION]


def four_digits(value: float | None) -> str:
    """A number for a sentence: four digits, whole where it is large; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:,.4g}"


_ROUNDING = 1e-12


def fixed(values: Any, digits: int = 4) -> str:
    """The format of a column of numbers: as many decimals for all as give its typical number that many digits.

    >>> fixed([0.7902, 0.812, 12.0]), fixed([1804.79, 1790.2]), fixed([1e-9, 1.0])
    ('%.4f', '%.0f', '%.3e')
    """
    numbers = np.abs(np.asarray(values, dtype=float))
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if not len(numbers):
        return "%.2f"
    numbers = numbers[numbers > _ROUNDING * numbers.max()]  # what an exact model leaves
    low, typical, high = numbers.min(), float(np.median(numbers)), numbers.max()
    if high >= 1e7 or high < 1e-4 or high / low > 1e7:
        return f"%.{digits - 1}e"
    return f"%.{max(0, digits - 1 - int(np.floor(np.log10(typical))))}f"
