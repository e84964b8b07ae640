"""What optuna-dashboard shows of a study and its trials: their figures under the names that people know them by.

They stand beside the attributes that kanlab reads, which begin with a small letter; these begin with a capital one, and are
read by nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kanlab.stats.metrics import ClassScores, CountScores
from kanlab.study.data_summary import DataSummary
from kanlab.study.spec import StudySpec

_TRIAL = {
    "n_params": "Parameters K",
    "aicc": "AICc",
    "aicc_effective": "AICc by effective parameters",
    "rss_train": "RSS train",
    "rss_test": "RSS test",
}
_FIT = {
    "status": "Status",
    "seconds": "Seconds",
    "iterations": "Iterations",
    "edf": "Effective degrees of freedom",
}
_OF_CLASSES = {
    "log_loss_train": "Log-loss train",
    "log_loss_test": "Log-loss test",
    "accuracy_train": "Accuracy train",
    "accuracy_test": "Accuracy test",
    "auc_test": "AUC test",
}
_OF_COUNTS = {
    "mean_deviance_train": "Mean deviance train",
    "mean_deviance_test": "Mean deviance test",
    "d2_test": "D² test",
}
_MOST_LETTERS = 500  # of a list of names


def of_trial(attributes: Mapping[str, Any], data: DataSummary) -> dict[str, Any]:
    """The figures of a trial in words, six digits of each, from what is kept of it; what is not known is left out."""
    fit = attributes.get("fit", {})
    found = {word: attributes.get(name) for name, word in _TRIAL.items()}
    rmse = fit.get("rmse") or [
        data.rmse(attributes.get(f"rss_{rows}"), n) for rows, n in (("train", data.n_train), ("test", data.n_test))
    ]
    found |= {"RMSE train": rmse[0], "RMSE test": rmse[1]}
    for key, fields, words in (
        ("classes", ClassScores._fields, _OF_CLASSES),
        ("counts", CountScores._fields, _OF_COUNTS),
    ):
        scores = dict(zip(fields, fit.get(key, ()), strict=False))
        found |= {word: scores.get(name) for name, word in words.items()}
    found |= {word: fit.get(name) for name, word in _FIT.items()}
    return {word: _short(value) for word, value in found.items() if value is not None}


def of_study(spec: StudySpec, data: DataSummary) -> dict[str, Any]:
    """What a study is about, in words."""
    names = ", ".join(data.features)
    return {
        "Data": data.name,
        "Target": data.fitted_target,
        "Features": names if len(names) <= _MOST_LETTERS else f"{names[:_MOST_LETTERS]}…",
        "Rows": f"{data.n_train:,} training, {data.n_test:,} test",
        "Search space": "; ".join(f"{name} {low} to {high}" for name, (low, high) in spec.space.ranges().items()),
        "Engine": spec.engine,
        "Counting rule": spec.count,
        "Sampler": spec.sampler,
        "Seed": spec.seed,
    }


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
