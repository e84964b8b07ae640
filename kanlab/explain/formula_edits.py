"""Editing the formulas of a study, and choosing which one is used: what is done with `kanlab.explain.formula_choices`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.explain.formula_choices import EDITS, USED, key_of, read_edits
from kanlab.explain.formulas import read_search
from kanlab.formulas.editing import Edit, edited
from kanlab.formulas.front import EDITED, FoundFormula, FoundFormulas
from kanlab.formulas.search import breaks
from kanlab.formulas.selection import held_out_losses
from kanlab.language import say
from kanlab.study.handle import StudyHandle
from kanlab.study.patience import patiently
from kanlab.text import series

MOST_EDITED = 20  # that a study keeps

logger = logging.getLogger(__name__)


def front_of(handle: StudyHandle) -> FoundFormulas:
    """The formulas of a study. Raises StudyError before they are searched for."""
    search = read_search(handle)
    if search is None or search.found is None:
        raise StudyError(say("The study '{name}' has no formulas yet; search for them first.", name=handle.name))
    return search.found


def place_of(found: FoundFormulas, place: int) -> FoundFormula:
    """A formula by its place. Raises StudyError where there is none."""
    if not 0 <= place < len(found.formulas):
        raise StudyError(
            say(
                "There is no formula {place}; they are numbered 0 to {formulas}.",
                place=place,
                formulas=len(found.formulas) - 1,
            )
        )
    return found.formulas[place]


def edits_of(
    switch: Mapping[int, str] | None = None,
    drop: Sequence[int] = (),
    fix: Mapping[int, str | float] | None = None,
    free: Sequence[int] = (),
) -> list[Edit]:
    """Changes of a formula by the number of their part, as `Study.edit_formula` has them."""
    return [
        *(Edit(part, "switch", to) for part, to in (switch or {}).items()),
        *(Edit(part, "drop") for part in drop),
        *(Edit(part, "fix", str(to)) for part, to in (fix or {}).items()),
        *(Edit(part, "free") for part in free),
    ]


def edit(handle: StudyHandle, place: int, edits: Sequence[Edit], data: Dataset) -> int:
    """Edit a formula, fit it, and keep it with the study beside the others. data: that of the study.

    Returns the place of the new one among them. Raises StudyError for an edit that cannot be made, and for a formula that
    breaks a constraint of the study.
    """
    found, kept = front_of(handle), read_edits(handle)
    old = place_of(found, place)
    new = edited(old.expressions, edits, data, count_sigma2=handle.spec.count_sigma2)
    shape = handle.spec.options.shape
    if shape and (broken := breaks(new.expressions, data, shape)):
        names = series([data.features[i] for i in broken])
        raise StudyError(
            say(
                "The edited formula breaks what the study demands of the effect of {names}; it is not kept.",
                names=names,
            )
        )
    if key_of(new) not in map(key_of, [*kept, *found.formulas]):
        if len(kept) >= MOST_EDITED:
            raise StudyError(
                say("A study keeps {most_edited} edited formulas; remove one first.", most_edited=MOST_EDITED)
            )
        _keep(handle, [*kept, _held_out(new, found, data)])
    return [key_of(f) for f in front_of(handle).formulas].index(key_of(new))


def _held_out(new: FoundFormula, found: FoundFormulas, data: Dataset) -> FoundFormula:
    """The formula with its held-out error, and the standard error of what that is more than the lowest of a search."""
    losses = held_out_losses(new.expressions, data)
    if not np.isfinite(losses).all():
        return new
    searched = [f for f in found.formulas if f.held_out is not None and f.origin != EDITED]
    if not searched:
        return replace(new, held_out=float(losses.mean()))
    lowest = min(searched, key=lambda f: f.held_out or 0.0)
    difference = losses - held_out_losses(lowest.expressions, data)
    error = float(difference.std(ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else None
    return replace(new, held_out=float(losses.mean()), held_out_se=error)


def remove(handle: StudyHandle, place: int) -> None:
    """Take an edited formula off the front. Raises StudyError for one that was found by a search."""
    found = place_of(front_of(handle), place)
    if found.origin != EDITED:
        raise StudyError(say("The formula was found by the search; only edited ones are removed."))
    _keep(handle, [f for f in read_edits(handle) if key_of(f) != key_of(found)])


def use(handle: StudyHandle, place: int | None) -> None:
    """Choose the formula that predicts and is exported; None for the recommended one."""
    key = None if place is None else key_of(place_of(front_of(handle), place))
    patiently(lambda: handle.optuna.set_user_attr(USED, key), logger.warning)


def _keep(handle: StudyHandle, formulas: Sequence[FoundFormula]) -> None:
    content = [f.to_json() for f in formulas]
    patiently(lambda: handle.optuna.set_user_attr(EDITS, content), logger.warning)
