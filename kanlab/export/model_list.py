"""The models of a study as the report and the read-me list them: by rank, one precision a column."""

from __future__ import annotations

import numpy as np

from kanlab.export.exported import Exported
from kanlab.language import say
from kanlab.selection.candidates import Candidate, model_name
from kanlab.selection.measures import fixed

MOST = 15  # models in the list


def listed(exported: Exported) -> list[Candidate]:
    """The first MOST models by rank."""
    return list(exported.found.ranked[:MOST])


def columns(exported: Exported) -> dict[str, list[str]]:
    """What is written of each of them, by the title of its column.

    AICc of effective K, by which networks are ranked among each other, stands where the study has it; that of the other
    families is their AICc. The last one is that of which \u0394AICc tells the distance from the lowest.
    """
    models = listed(exported)
    ranked_by = np.array([np.nan if c.criterion is None else c.criterion for c in models], dtype=float)
    numbers: dict[str, tuple[list[float | None], str]] = {
        "K": ([c.n_params for c in models], "%.1f" if any((c.n_params or 0) % 1 for c in models) else "%.0f"),
        "AICc": ([c.aicc for c in models], "%.2f"),
    }
    if any(c.n_params_effective is not None for c in models):
        spent = [c.n_params_effective if c.is_network else c.n_params for c in models]
        numbers |= {say("effective K"): (spent, "%.1f"), say("AICc of effective K"): (ranked_by.tolist(), "%.2f")}
    if models:
        numbers["\u0394AICc"] = ((ranked_by - np.nanmin(ranked_by)).tolist(), "%.2f")
    for title, name in exported.errors.items():
        values = [c.scores.to_dict()[name] for c in models]
        numbers[say(title)] = (values, fixed([np.nan if v is None else v for v in values]))
    written = {title: [_written(v, fmt) for v in values] for title, (values, fmt) in numbers.items()}
    return {say("model"): [model_name(c) for c in models]} | written


def ranking_words(exported: Exported) -> str:
    """What the effective K is, where there is one, with a space after it."""
    if all(c.n_params_effective is None for c in listed(exported)):
        return ""
    return say(
        "Networks are ranked among each other by AICc of effective K, what their fits have spent; ΔAICc is of that. "
    )


def _written(value: float | None, fmt: str) -> str:
    return "\u2014" if value is None or not np.isfinite(value) else format(value, f",{fmt[1:]}")
