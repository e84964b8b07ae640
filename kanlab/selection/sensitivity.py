"""A criterion opened into its terms, and a study ranked again under another count or criterion without refitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from kanlab.kan.parameter_count import CountingRule
from kanlab.kan.search_space import SearchSpace, cell_n_params, values_of
from kanlab.kan.shapes import Shape
from kanlab.stats.criteria import aic_of, aicc_of, bic_of, is_admissible
from kanlab.stats.likelihood import GAUSSIAN, Likelihood
from kanlab.study.trials import TrialRecord, completed

Criterion = Literal["AICc", "AIC", "BIC"]
CRITERIA: dict[str, Callable[[float, int, float], float]] = {
    "AICc": aicc_of,
    "AIC": aic_of,
    "BIC": bic_of,
}  # of -2 log L, n, K


@dataclass(frozen=True)
class Terms:
    """-2 log L, the penalty for parameters, and AICc's correction for small samples; they add up to `total`.

    misfit: RSS, of which -2 log L is n ln(rss/n), or the deviance, which it is itself.
    """

    n: int
    n_params: float
    misfit: float
    fit: float
    penalty: float
    correction: float

    @property
    def total(self) -> float:
        return self.fit + self.penalty + self.correction


def terms(
    misfit: float, n: int, n_params: float, criterion: Criterion = "AICc", likelihood: Likelihood = GAUSSIAN
) -> Terms:
    """The terms of a criterion with the numbers of one fit; the correction is +inf where AICc is not defined."""
    fit = likelihood.term(misfit, n)
    penalty = n_params * float(np.log(n)) if criterion == "BIC" else 2.0 * n_params
    correction = 0.0
    if criterion == "AICc":
        room = n - n_params - 1
        correction = 2.0 * n_params * (n_params + 1) / room if is_admissible(n, n_params) else np.inf
    return Terms(n, n_params, misfit, fit, penalty, correction)


def ranked_again(
    records: Sequence[TrialRecord],
    n: int,
    d: int,
    *,
    rule: CountingRule,
    count_sigma2: bool,
    criterion: Criterion = "AICc",
    likelihood: Likelihood = GAUSSIAN,
    outputs: int = 1,
    values: Sequence[int] = (),
    shape: Shape = Shape(),
) -> pd.DataFrame:
    """Complete trials by another count or criterion, the rank within the study beside the new one.

    Columns number, neuron_num, grid, k, depth where that is a parameter of the study, n_params (new), value (new criterion),
    rank, rank_before. Trials that are inadmissible under the new count come last and have no rank.
    """
    done = completed(records)
    of_data: dict[str, Any] = {"m": outputs, "values": values_of(values, d), "shape": shape}
    counts = [cell_n_params(r.cell, d, rule=rule, count_sigma2=count_sigma2, **of_data) for r in done]
    criteria = [
        CRITERIA[criterion](likelihood.term(r.misfit, n), n, count) for r, count in zip(done, counts, strict=True)
    ]
    before = pd.Series([r.aicc for r in done], dtype=float).rank(method="min")
    after = pd.Series(criteria, dtype=float).replace(np.inf, np.nan)
    frame = pd.DataFrame(
        [{"number": r.number} | r.cell._asdict() for r in done],
        columns=["number", *(done[0].parameters if done else SearchSpace().parameters)],
    )
    frame["n_params"], frame["value"] = counts, after
    frame["rank"], frame["rank_before"] = after.rank(method="min").astype("Int64"), before.astype("Int64")
    return frame.sort_values(["rank", "number"], na_position="last", ignore_index=True)
