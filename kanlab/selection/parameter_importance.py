"""Which parameter of the search distinguishes the good trials from the rest: PED-ANOVA (Watanabe, Bansal & Hutter 2023)."""

from __future__ import annotations

import warnings

import optuna

from kanlab.study.handle import StudyHandle


def importances(handle: StudyHandle) -> dict[str, float]:
    """Share of each parameter, greatest first; empty where too few trials are complete, or none differ."""
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(
                optuna.importance.get_param_importances(
                    handle.optuna, evaluator=evaluator, target=lambda trial: trial.user_attrs["aicc"]
                )
            )
    except (RuntimeError, ValueError):
        return {}
