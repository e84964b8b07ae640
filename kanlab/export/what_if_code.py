"""A model that answers "what if?" in a browser by itself: what can be set, its arithmetic as JavaScript, and its intervals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.data.encoders import ANY_OTHER
from kanlab.errors import StudyError
from kanlab.explain.contributions import RowExplainer
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.predictor import Predictor
from kanlab.explain.what_if import Control, controls_of
from kanlab.export.code_intervals import most_before
from kanlab.export.code_javascript import javascript_code
from kanlab.export.code_lowering import of_model
from kanlab.export.code_program import Output
from kanlab.language import say

MOST_CONTROLS = 6
_LOOKED_AT = 24  # training rows that say how much each feature contributes


@dataclass(frozen=True)
class WhatIf:
    """code: a script that defines `predict(row)`.  data: what the page needs beside it, as JSON knows it."""

    code: str
    data: dict[str, Any]


def what_if_code(predictor: Predictor, data: Dataset) -> WhatIf | None:
    """The model of a study for a page; None where it has no code, or predicts the same whatever is set."""
    explainer = RowExplainer(predictor, data)
    if not explainer.used:
        return None
    try:
        program = of_model(predictor)
    except StudyError:
        return None
    some = np.linspace(0, data.n - 1, min(data.n, _LOOKED_AT)).round().astype(int)
    sizes = np.abs(explainer.explain_inputs(data.X_train[some]).values).mean(axis=(0, 2))
    ranked = [explainer.features[i] for i in np.argsort(-sizes, kind="stable")]
    controls = controls_of(data, [name for name in ranked if name in explainer.used])
    shown = controls[:MOST_CONTROLS]
    rest = controls_of(data, [s for s in data.recipe.sources if s not in {c.feature for c in shown}])
    first, *between, last = program.outputs
    outputs = data.recipe.to_units(predictor.fitted.predict_flagged(data.X_train)[0])
    content = {
        "target": data.target,
        "classes": list(data.levels),
        "predicted": first.name,
        "probabilities": [o.name for o in between if o.kind != "text"] if data.levels else [],
        "outside": last.name,
        "controls": [_control(c) for c in shown],
        "fixed": {c.feature: _value(c, c.start) for c in rest},
        "range": [float(np.min(outputs)), float(np.max(outputs))],
        "more": len(controls) - len(shown),
        "interval": _interval(predictor, between),
    }
    return WhatIf(javascript_code(program), content)


def _interval(predictor: Predictor, outputs: Sequence[Output]) -> dict[str, Any] | None:
    """The outputs that bound it, or hold the set of two classes; of more classes what belongs to their set. None without one.

    outputs: between the prediction and the mark of rows that lie outside.
    """
    record, levels = predictor.interval, predictor.recipe.levels
    if record is None:
        return None
    if not levels:
        return {"level": LEVEL, "bounds": [output.name for output in outputs]}
    sets = [output.name for output in outputs if output.kind == "text"]
    return {"level": LEVEL, "set": sets[0]} if sets else {"level": LEVEL, "most": most_before(record, LEVEL)}


def _control(control: Control) -> dict[str, Any]:
    """What can be set, as the page draws it."""
    found: dict[str, Any] = {"feature": control.feature, "kind": control.kind, "start": _shown(control.start)}
    if control.kind in ("number", "date"):
        return found | {
            "low": _text(control.low),
            "high": _text(control.high),
            "step": control.step,
            "digits": control.digits,
        }
    return found | {
        "options": [_shown(o) for o in control.options],
        "cells": [_value(control, o) for o in control.options],
    }


def _shown(value: Any) -> Any:
    return say(ANY_OTHER) if value == ANY_OTHER else _text(value)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _value(control: Control, value: Any) -> Any:
    """What a row of the program holds for it."""
    if isinstance(value, str):
        return (control.cells or {}).get(value, value)
    return {"date": value.isoformat()} if isinstance(value, dt.date) else float(value)
