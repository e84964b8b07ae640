"""The trials of a study ranked: the table, the Pareto front of fit against complexity, and what other rules would take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanlab.stats.criteria import akaike_weights, delta
from kanlab.stats.metrics import ClassScores, CountScores
from kanlab.stats.pareto import knee, non_dominated
from kanlab.study.trials import CompletedTrial, TrialRecord, completed

COLUMNS = (
    "number",
    "state",
    "neuron_num",
    "grid",
    "k",
    "n_params",
    "rss_train",
    "rss_test",
    "rmse_train",
    "rmse_test",
    "aicc",
    "delta_aicc",
    "akaike_weight",
    "on_front",
    "seconds",
    "status",
)
CLASS_COLUMNS = tuple(name for name in ClassScores._fields if name != "press_se_shares")  # of studies of classes
COUNT_COLUMNS = CountScores._fields  # of counts
EFFECTIVE_COLUMNS = ("n_params_effective", "aicc_effective")  # of studies that rank networks by what they have spent


def trial_table(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """One row a trial, by number, with the columns COLUMNS, and depth and multiplication after k where the study varies them.

    EFFECTIVE_COLUMNS stand after aicc where they are known; aicc_effective is infinite where a fit follows its rows.
    Of classes CLASS_COLUMNS stand in the place of RMSE, of counts COUNT_COLUMNS before it.  delta_aicc and akaike_weight are
    within this study's trials; on_front is over (n_params, rss_train), of classes and counts over (n_params, deviance_train).
    """
    frame = pd.DataFrame(  # as an array of floats None is NaN
        {
            "number": [r.number for r in records],
            "state": [r.shown_state for r in records],
            "neuron_num": [r.cell.neuron_num for r in records],
            "grid": [r.cell.grid for r in records],
            "k": [r.cell.k for r in records],
            "depth": [r.cell.depth for r in records],
            "multiplication": [r.cell.multiplication for r in records],
            "n_params": [r.n_params for r in records],
            "rss_train": np.array([r.rss_train for r in records], dtype=float),
            "rss_test": np.array([r.rss_test for r in records], dtype=float),
            "rmse_train": np.array([r.rmse_train for r in records], dtype=float),
            "rmse_test": np.array([r.rmse_test for r in records], dtype=float),
            "aicc": np.array([r.aicc for r in records], dtype=float),
            **{name: np.array([getattr(r, name) for r in records], dtype=float) for name in EFFECTIVE_COLUMNS},
            "seconds": np.array([r.seconds for r in records], dtype=float),
            "status": [r.status for r in records],
        }
    )
    complete = (frame["state"] == "complete").to_numpy(dtype=bool)
    frame["delta_aicc"] = np.where(complete, delta(frame["aicc"].to_numpy()), np.nan)
    frame["akaike_weight"] = np.where(complete, akaike_weights(frame["aicc"].to_numpy()), np.nan)
    misfit = np.array([r.misfit for r in records], dtype=float)
    frame["on_front"] = non_dominated(frame["n_params"].where(complete), np.where(complete, misfit, np.nan))
    more = [name for name in ("depth", "multiplication") if any(name in r.parameters for r in records)]
    after = COLUMNS.index("aicc") + 1
    spent = EFFECTIVE_COLUMNS if frame["n_params_effective"].notna().any() else ()
    columns = [*COLUMNS[:5], *more, *COLUMNS[5:after], *spent, *COLUMNS[after:]]
    own = [r.classes or r.counts for r in records]
    if not any(own):
        return frame[columns]
    names: tuple[str, ...] = COUNT_COLUMNS if any(r.counts for r in records) else CLASS_COLUMNS
    for i, name in enumerate(names):
        frame[name] = np.array([scores[i] if scores else None for scores in own], dtype=float)
    at = columns.index("rmse_train")
    return frame[[*columns[:at], *names, *columns[at + (2 if names is CLASS_COLUMNS else 0) :]]]


def front(records: Sequence[TrialRecord]) -> list[CompletedTrial]:
    """The trials no other betters in both n_params and misfit (RSS, or the deviance), by n_params."""
    done = completed(records)
    mask = non_dominated([r.n_params for r in done], [r.misfit for r in done])
    return sorted((r for r, on in zip(done, mask, strict=True) if on), key=lambda r: (r.n_params, r.number))


def pysr_picks(records: Sequence[TrialRecord]) -> dict[str, CompletedTrial]:
    """What PySR's three rules of model selection would pick from the Pareto front (Cranmer 2023, arXiv 2305.01582).

    accuracy: lowest loss.  score: the greatest fall of log loss a unit of complexity, -d ln(loss) / d complexity, along the
    Pareto front.  best: the greatest score among those within 1.5 times the lowest loss. Loss: RSS or deviance; complexity: K.
    """
    on = [r for r in front(records) if r.misfit]
    if not on:
        return {}
    loss = np.array([r.misfit for r in on], dtype=float)
    size = np.array([r.n_params for r in on], dtype=float)
    score = np.zeros(len(on))
    score[1:] = -np.diff(np.log(loss)) / np.maximum(np.diff(size), 1e-12)
    near = np.where(loss <= 1.5 * loss.min(), score, -np.inf)
    return {
        "accuracy": on[int(np.argmin(loss))],
        "score": on[int(np.argmax(score))],
        "best": on[int(np.argmax(near))],
    }


def knee_trial(records: Sequence[TrialRecord]) -> CompletedTrial | None:
    """The knee of the Pareto front in K and ln RSS, or ln deviance."""
    on = [r for r in front(records) if r.misfit]
    index = knee([r.n_params for r in on], np.log([r.misfit for r in on]))
    return None if index is None else on[index]


def by_rank(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `trial_table` by what its networks are ranked by, the first one first; those without it last."""
    value = table["aicc"]
    if "aicc_effective" in table:
        value = table["aicc_effective"].fillna(value)
    return table.iloc[np.lexsort((table["aicc"], value))]
