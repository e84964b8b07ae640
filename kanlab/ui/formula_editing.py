"""Editing the shown formula on the Model page, choosing which one is used, and the units of the columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.errors import KanlabError
from kanlab.explain import formula_edits
from kanlab.explain.formula import Formula, NamedPart
from kanlab.explain.units import read_units, set_units, text_of_units, units_of_text
from kanlab.formulas.editing import SWITCHES, Action, Edit
from kanlab.formulas.front import EDITED, FoundFormulas
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle
from kanlab.text import short
from kanlab.ui.widgets import literal

ACTIONS = {
    "switch": marked("Switch the function"),
    "drop": marked("Drop it"),
    "fix": marked("Hold at a number"),
    "free": marked("Fit it"),
}
KINDS = {
    "call": marked("function"),
    "curve": marked("curve"),
    "power": marked("power"),
    "constant": marked("constant"),
    "variable": marked("variable"),
    "product": marked("product"),
    "sum": marked("sum"),
}  # in the order they are offered
_TROUBLE = "formula-trouble"  # the sentence that the last click came to
_UNITS_HELP = marked(
    "Units as kg, km/h, kg*m^2 or J/(kg*K), separated by commas; a name with a comma "
    "stands in double quotes. Terms that are added must be in one unit, functions take "
    "numbers, and fitted constants carry what is missing."
)


def _tried(where: str, do: Callable[[], None]) -> None:
    """What a button does; a sentence it raises is shown where it stands."""
    st.session_state.pop(_TROUBLE, None)
    try:
        do()
    except KanlabError as error:
        st.session_state[_TROUBLE] = (where, str(error))


def _trouble(where: str) -> None:
    place, sentence = st.session_state.get(_TROUBLE, ("", ""))
    if place == where:
        st.error(literal(sentence), icon=":material/error:")


def use(handle: StudyHandle, found: FoundFormulas, place: int) -> None:
    """Which formula exports and bundles take, and a button that makes it the shown one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if place == found.used:
            st.markdown(say(":material/check: Exports and bundles take this formula."))
        else:
            st.button(
                say("Use this formula"),
                icon=":material/check:",
                key="use-formula",
                help=say("Exports and bundles then take it."),
                on_click=_tried,
                args=("use", lambda: formula_edits.use(handle, None if place == found.recommended else place)),
            )
        if found.formulas[place].origin == EDITED:
            st.button(
                say("Remove this formula"),
                icon=":material/delete:",
                key="remove-formula",
                on_click=_tried,
                args=("use", lambda: formula_edits.remove(handle, place)),
            )
    _trouble("use")


def edit(handle: StudyHandle, formula: Formula, place: int, data: Dataset, shown: str) -> None:
    """One change of the formula, which is fitted and shown. shown: the key that holds the place of the shown formula."""
    with st.expander(say("Edit this formula")):
        parts = sorted((part for part in formula.parts if part.can), key=lambda part: [*KINDS].index(part.kind))
        part = st.selectbox(say("Part"), parts, format_func=_named, key=f"formula-part-{place}")
        if part is None:
            return
        action: Action = (
            st.segmented_control(
                say("Change"),
                part.can,
                format_func=lambda name: say(ACTIONS[name]),
                default=part.can[0],
                required=True,
                key=f"formula-action-{place}-{part.number}",
            )
            or part.can[0]
        )  # type: ignore[assignment]
        to = _to(action, part)
        st.button(
            say("Fit the edited formula"),
            icon=":material/function:",
            key="fit-formula",
            type="primary",
            disabled=not to and action in ("switch", "fix"),
            on_click=_tried,
            args=("edit", lambda: _edit(handle, place, Edit(part.number, action, to), data, shown)),
        )
        _trouble("edit")
        st.caption(
            say(
                "All other constants are fitted again to the training rows. The edited formula is "
                "marked so, stands beside the others, and stays with the study."
            )
        )


def _to(action: str | None, part: NamedPart) -> str:
    if action == "switch":
        return (
            st.selectbox(
                say("Function"),
                [*SWITCHES[1:], SWITCHES[0]],
                format_func=lambda name: say("none, its argument alone") if name == SWITCHES[0] else name,
                key=f"formula-switch-{part.number}",
                width=320,
            )
            or ""
        )
    if action == "fix":
        return st.text_input(say("Number"), part.text, key=f"formula-number-{part.number}-{part.text}", width=320)
    return ""


def _named(part: NamedPart) -> str:
    return say("{part} ({kind})", part=short(part.text, 60), kind=say(KINDS[part.kind]))


def _edit(handle: StudyHandle, place: int, change: Edit, data: Dataset, shown: str) -> None:
    st.session_state[shown] = formula_edits.edit(handle, place, [change], data)


def units(handle: StudyHandle) -> None:
    """The units of the columns, as text."""
    with st.expander(say("Units of the columns")):
        now = text_of_units(read_units(handle))
        names = [*handle.data.features[:2], handle.data.target]
        st.text_area(
            say("Units"),
            now,
            key="formula-units",
            placeholder=", ".join(f"{name}=m" for name in names),
            help=say(_UNITS_HELP),
            height=80,
        )
        st.button(say("Check the units"), key="check-units", on_click=_tried, args=("units", lambda: _units(handle)))
        _trouble("units")
        st.caption(say("Each formula then says whether its units add up; of tied ones such a formula is recommended."))


def _units(handle: StudyHandle) -> None:
    given: Any = st.session_state["formula-units"]
    set_units(handle, units_of_text(given))
