"""Studies and validations with known numbers, made without a fit."""

from __future__ import annotations

import math
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import Outcome
from kanlab.kan.search_space import Cell
from kanlab.selection.validation import Validation
from kanlab.stats.metrics import Scores
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.model_key import ModelKey
from kanlab.study.sampler import distributions
from kanlab.study.spec import StudySpec
from kanlab.study.state import StudyState, write_state
from kanlab.study.trials import record_outcome


def rss_of(aicc: float, n: int, K: int) -> float:
    """The RSS that gives a model of K parameters this AICc."""
    return n * math.exp((aicc - 2 * K - 2 * K * (K + 1) / (n - K - 1)) / n)


def study(
    data: Dataset, scores: dict[Cell, float], *, rss_test: dict[Cell, float] | None = None, **spec: Any
) -> StudyHandle:
    """A study whose cells were fitted to these AICc."""
    handle = create_study(data, StudySpec(**spec))
    for cell, value in scores.items():
        handle.optuna.enqueue_trial(cell._asdict())
        trial = handle.optuna.ask(distributions(handle.spec.space))  # type: ignore[arg-type]
        rss = rss_of(value, data.n, handle.spec.n_params(cell, data.d))
        outcome = Outcome(cell.neuron_num, "stalled", 0.1, Scores(None, rss, (rss_test or {}).get(cell, rss / 4)))
        record_outcome(handle.optuna, trial, handle.spec, handle.data, outcome)
    write_state(handle.optuna, StudyState("finished"))
    return handle


def refits(
    handle: StudyHandle, scores: dict[Cell, list[float]], extrapolates: float = 0.0
) -> dict[str, list[dict[str, Any]]]:
    """Refits of finalists to these AICc, one a seed."""
    out = {}
    for cell, values in scores.items():
        K = handle.spec.n_params(cell, handle.data.d)
        out[str(ModelKey(cell=cell))] = [
            {
                "seed": seed,
                "rss_train": rss_of(value, handle.data.n_train, K),
                "rss_test": 1.0,
                "extrapolates": extrapolates,
            }
            for seed, value in enumerate(values, 1)
        ]
    return out


def validation(**content: Any) -> Validation:
    """A finished validation, models by their keys as text."""
    return Validation.from_dict({"state": "done"} | content)
