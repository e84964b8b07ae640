"""A study as one JSON object: the output of `kanlab tune --json` and `show --json`, and study.json of a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.errors import KanlabError
from kanlab.execution.final_check import final_check_of
from kanlab.explain.formulas import formulas_json, read_search
from kanlab.language import use
from kanlab.selection import ranking
from kanlab.selection.candidates import other_families
from kanlab.selection.feature_weights import feature_weights
from kanlab.selection.recommendation import Recommendation
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.state import read_state
from kanlab.study.trials import TrialRecord, best_trial


@use("en")
def study_json(handle: StudyHandle, records: Sequence[TrialRecord], found: Recommendation) -> dict[str, Any]:
    """The object, in English. records, found: of one moment, and found in English as well."""
    spec, data, state = handle.spec, handle.data, read_state(handle.optuna.user_attrs)
    best, final_check = best_trial(records), final_check_of(handle, records)
    checked = final_check.to_dict() if final_check else None
    return {
        "study": handle.name,
        "data": {
            "rows": data.rows,
            "n_train": data.n_train,
            "n_test": data.n_test,
            "features": data.features,
            "target": data.target,
            "target_label": data.fitted_target,
            "task": data.task,
            "sha256": data.sha256,
        }
        | ({"weights": data.weights, "weights_are": data.weights_are} if data.weights else {})
        | ({"aicc_offset": data.aicc_offset} if data.is_transformed else {})
        | ({"levels": list(data.levels)} if data.levels else {}),
        "space": {
            **{name: list(ends) for name, ends in spec.space.ranges().items()},
            "cells": len(spec.space.cells),
            "admissible": len(spec.admissible(data.n_train, data.d)),
        },
        "count": spec.counted_by,
        "ranking": "effective" if spec.ranks_by_spent else "count",
        "count_sigma2": spec.count_sigma2,
        "engine": spec.engine,
        **({"constraints": list(spec.constraints.sentences())} if spec.constraints else {}),
        "seed": spec.seed,
        "starts": spec.options.starts,
        "starts_fill": spec.starts_fill,
        "elapsed_s": round(state.elapsed, 3),
        "state": state.name,
        "trials": [r.to_dict() for r in records if r.state != "running"],
        "baselines": [b.to_dict() for b in other_families(handle, found.validation)],
        "best": best.to_dict() if best else None,
        "final_check": checked,
        "appraisal": checked,  # its earlier name
        "formulas": _formulas(handle),
        "feature_weights": _feature_weights(handle, found),
        "pareto": [r.number for r in ranking.front(records)],
        **found.to_dict(),
    }


def _feature_weights(handle: StudyHandle, found: Recommendation) -> list[dict[str, object]] | None:
    """Summed Akaike weights of the features; None before there is a model, and where the data are no longer there."""
    if not found.ranked:
        return None
    try:
        data = Dataset.load(local_data(handle.optuna, handle.data.sha256))
    except KanlabError:
        return None
    weights = feature_weights(found.ranked, data)
    return weights.to_list() if weights else None


def _formulas(handle: StudyHandle) -> dict[str, Any] | None:
    """The formulas that are kept with a study; None before they are searched for."""
    search = read_search(handle)
    if search is None or search.found is None:
        return None
    return formulas_json(handle, search, Dataset.load(local_data(handle.optuna, handle.data.sha256)))
