"""The button beside a check of the residuals: the click that may mend what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from kanlab.data import changed
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.explain.residual_checks import Check
from kanlab.kan.search_space import LIMITS, SearchSpace
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle
from kanlab.ui import identity, search_ranges, session
from kanlab.ui.navigation import CHOOSE, DATA, SEARCH
from kanlab.ui.widgets import sentences

_LABELS = {
    "wider": (marked("Search wider ranges"), marked("Open Search with the same rows and wider ranges.")),
    "log": (marked("Fit the logarithm"), marked("Open Search with the same rows and the logarithm of the target.")),
    "quantity": (
        marked("Predict it as a number"),
        marked("Open Search with the same rows and the count as a quantity."),
    ),
    "leave out": (
        marked("Fit without"),
        marked("Open Search without these training rows; the test rows stay as they are."),
    ),
    "latest rows": (
        marked("Hold out the latest rows"),
        marked("Open Data; under Prepare, the test rows can be the latest ones."),
    ),
    "validate": (marked("Cross-validate"), marked("Open Choose, where the finalists are validated.")),
}


def button(check: Check, data: Dataset, handle: StudyHandle) -> None:
    """The button of a check that finds something amiss, where a click may mend it."""
    if not check.departs or not check.remedy:
        return
    if check.remedy not in ("latest rows", "validate") and not identity.controls(handle):
        return
    label, help_text = map(say, _LABELS[check.remedy])
    if st.button(label, key=f"mend-{check.name}", help=help_text, icon=":material/build:"):
        _act(check, data, handle)


def log_button(handle: StudyHandle, key: str) -> None:
    """A button that opens Search on the rows of a study with the logarithm of their target."""
    label, help_text = map(say, _LABELS["log"])
    if st.button(label, key=key, help=help_text, icon=":material/build:"):
        _search(lambda: changed.with_log_target(load_data(handle)), handle, handle.spec.space)


def fit_without(rows: Sequence[int], data: Dataset, handle: StudyHandle) -> None:
    """A button that opens Search without the rows that are selected, by their number from 0."""
    if not identity.controls(handle):
        return
    label, help_text = say("Fit without the selected rows"), say(_LABELS["leave out"][1])
    if st.button(label, key="leave-out-selected", help=help_text, icon=":material/build:", disabled=not rows):
        _search(lambda: changed.without_rows(data, rows), handle, handle.spec.space)


def _act(check: Check, data: Dataset, handle: StudyHandle) -> None:
    space = handle.spec.space
    match check.remedy:
        case "wider":
            _search(lambda: data, handle, wider(space))
        case "log":
            _search(lambda: changed.with_log_target(data), handle, space)
        case "quantity":
            _search(lambda: changed.as_quantity(data), handle, space)
        case "leave out":
            _search(lambda: changed.without_rows(data, check.rows), handle, space)
        case "latest rows":
            st.switch_page(DATA)
        case _:
            st.switch_page(CHOOSE, query_params={"study": handle.name})


def _search(changed_data: Callable[[], Dataset], handle: StudyHandle, space: SearchSpace) -> None:
    """Open Search on a data set and ranges."""
    with sentences():
        data = changed_data()
    session.set_dataset(data, handle.spec.test_fraction, handle.spec.seed)
    search_ranges.preset(space)
    st.switch_page(SEARCH)


def wider(space: SearchSpace) -> SearchSpace:
    """Ranges of neurons and grids that go half as far again.

    >>> wider(SearchSpace((1, 4), (2, 5), (1, 3))).neuron_num
    (1, 6)
    """
    found = {}
    for name in ("neuron_num", "grid"):
        low, high = getattr(space, name)
        found[name] = (low, min(LIMITS[name][1], high + max(1, high // 2)))
    return replace(space, **found)
