"""What a user has made of the formulas of a study: those that were edited, and the one that is used.

Both are kept apart from what a search found, so that the next search leaves them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace

from kanlab.explain.units import check, read_units
from kanlab.formulas.expression import ExpressionError, to_json, variables
from kanlab.formulas.front import FoundFormula, FoundFormulas
from kanlab.language import say
from kanlab.study.handle import StudyHandle

EDITS, USED = "edited_formulas", "used_formula"  # attributes of the study

logger = logging.getLogger(__name__)


def key_of(found: FoundFormula) -> str:
    """What tells a formula from others, whatever its place among them."""
    return hashlib.sha256(json.dumps([to_json(e) for e in found.expressions]).encode()).hexdigest()[:16]


def check_features(handle: StudyHandle, formulas: Sequence[FoundFormula]) -> None:
    """Raise ExpressionError where a formula holds a feature that the study has not."""
    if any(i >= handle.data.d for f in formulas for e in f.expressions for i in variables(e)):
        raise ExpressionError(say("A formula holds a feature that the study has not."))


def read_edits(handle: StudyHandle) -> list[FoundFormula]:
    """The formulas of a study that were edited, the oldest first; what is damaged is left out."""
    kept = []
    content = handle.optuna.user_attrs.get(EDITS)
    for one in content if isinstance(content, list) else ():
        try:
            found = FoundFormula.from_json(one)
            check_features(handle, [found])
            kept.append(found)
        except ExpressionError as error:
            logger.warning("an edited formula of study %s is not read: %s", handle.name, error)
    return kept


def with_choices(handle: StudyHandle, found: FoundFormulas) -> FoundFormulas:
    """What a search found, with the edited formulas in their places, the recommended one by the units, and the one in use."""
    units = read_units(handle)
    if units:
        from kanlab.formulas.selection import preferred  # which loads half of SciPy

        sums = [check(f.expressions, handle.data, units) for f in found.formulas]
        found = preferred(found, [one is None or one.adds_up for one in sums])
    keys = [key_of(f) for f in found.formulas]
    added = {key: f for f in read_edits(handle) if (key := key_of(f)) not in keys}
    marked = [*zip(keys, found.formulas, strict=True), *((key, _tied(f, found)) for key, f in added.items())]
    marked.sort(key=lambda pair: pair[1].complexity)  # of equals the found ones first
    order = [key for key, _ in marked]
    used = handle.optuna.user_attrs.get(USED)
    return replace(
        found,
        formulas=tuple(f for _, f in marked),
        recommended=order.index(keys[found.recommended]),
        chosen=order.index(used) if used in order else None,
    )


def _tied(edited: FoundFormula, found: FoundFormulas) -> FoundFormula:
    lowest = min((f.held_out for f in found.formulas if f.held_out is not None), default=None)
    if lowest is None or edited.held_out is None:
        return edited
    return replace(edited, tied=edited.held_out - lowest <= (edited.held_out_se or 0.0))
