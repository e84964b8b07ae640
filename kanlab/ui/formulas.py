"""The Model page: the search for formulas of the study, its front, one formula in detail, and the network as a formula."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from kanlab.api import Study
from kanlab.charts.formulas import SELECTED, formula_front
from kanlab.data.dataset import Dataset
from kanlab.explain.formula import Formula, compared, error_of, front_table, is_much_worse, on_test, remarks
from kanlab.explain.formula_choices import key_of
from kanlab.explain.formula_code import python
from kanlab.explain.formula_latex import wrapping_latex
from kanlab.explain.formulas import FormulaSearch, formulas_in, read_search, start_search, stop_search
from kanlab.explain.units import read_units
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.stats.likelihood import COUNTS
from kanlab.study.handle import StudyHandle, check_it_is_there
from kanlab.text import beginning, short
from kanlab.ui import cluster, columns, drawing, formula_editing, formula_options, identity, session, widgets
from kanlab.ui.columns import CHOICE
from kanlab.ui.model import ModelView, no_network
from kanlab.ui.widgets import AICC_HELP, DASH, MEAN_DEVIANCE_HELP, TEST_HELP, literal, sentences

POLL_SECONDS = 1.0
EFFORTS = {marked("6 seconds"): 1.0, marked("1 minute"): 10.0, marked("5 minutes"): 50.0}  # of one processor
_EMPTY = marked(
    "A search finds shorter formulas for the target, made of functions such as sin and "
    "exp, and lists them from the simplest to the most exact. It takes about 6 seconds."
)
_OTHERS = marked("This study was started in another browser. Only its owner can search for formulas.")
COMPLEXITY_HELP = marked("Operations, functions, constants and variables of the formula as it is written.")
_CONSTANTS = marked("constant"), marked("standard error")
_FOUND_HELP = marked(
    "In how many searches of rows drawn with replacement a formula of the same structure was the recommended one."
)
_HELD_OUT_HELP = marked(
    "On training rows that the constants were not fitted to: ten-fold cross-validation, on the scale of the fit."
)


def formula(view: ModelView, handle: StudyHandle) -> None:
    """The formulas that are searched for in the study, and the shown network as a formula."""
    search = read_search(handle)
    if session.is_guided():  # which is about this one
        network_formula(view)
        st.header(say("Shorter formulas"), divider="gray", anchor=False)
    _bar(handle, search is not None and search.is_live)
    if search is not None and search.found is not None:
        _front(view, handle, search)
    if not session.is_guided():
        st.header(say("The network as a formula"), divider="gray", anchor=False)
        network_formula(view)


# ---- the search


def _bar(handle: StudyHandle, was_live: bool) -> None:
    """Start and stop a search, for the owner; watch it, for everybody."""

    @st.fragment(run_every=POLL_SECONDS if was_live else None)
    @sentences()
    def bar() -> None:
        check_it_is_there(handle)
        search = read_search(handle)
        live = search is not None and search.is_live
        if was_live != live:
            st.rerun()
        if search is not None and live:
            _progress(handle, search)
        else:
            _start(handle, search)

    bar()


def _progress(handle: StudyHandle, search: FormulaSearch) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(say("Search for formulas: {done} of {total} steps", done=search.done, total=search.total))
        st.space("stretch")
        if identity.controls(handle):
            st.button(
                say("Stop the search"),
                icon=":material/stop:",
                key="stop-formulas",
                on_click=stop_search,
                args=(handle,),
            )
        else:
            st.caption(say(_OTHERS))
    st.progress(min(1.0, search.done / max(1, search.total)))


def _start(handle: StudyHandle, search: FormulaSearch | None) -> None:
    found = search is not None and search.found is not None
    if not found:
        st.info(say(_EMPTY), icon=":material/function:")
    if not identity.controls(handle):
        st.caption(say(_OTHERS))
        return
    formula_options.hold(handle)
    study_live = Study(handle).state.is_live
    kind: Any = "secondary" if found else "primary"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            say("Search again") if found else say("Search for formulas"),
            icon=":material/search:",
            key="search-formulas",
            type=kind,
            disabled=study_live,
            on_click=_search,
            args=(handle,),
        )
        if found:
            st.selectbox(say("Processor time"), list(EFFORTS), format_func=say, key=formula_options.EFFORT, width=160)
    formula_options.widgets(handle)
    if study_live:
        st.caption(say("The study is still running. Search for formulas when it is done."))
    elif search is not None and search.state != "done":
        ended = {"stopped": say("The search was stopped."), "failed": say("The search failed.")}
        words = ended.get(search.state, say("The search was interrupted."))
        st.caption(literal(f"{words} {retold(search.detail)}".strip()))


def _search(handle: StudyHandle) -> None:
    effort = EFFORTS[st.session_state.get(formula_options.EFFORT) or next(iter(EFFORTS))]
    start_search(handle, formula_options.chosen(handle, effort), cluster.place())


# ---- what it found


def _front(view: ModelView, handle: StudyHandle, search: FormulaSearch) -> None:
    found, data = search.found, view.data
    assert found is not None
    stamp = (handle.uid, search.written, found.chosen, *map(key_of, found.formulas), str(read_units(handle)))
    front: list[Formula] = session.remember("formula-front", stamp, lambda: formulas_in(handle, search, data))
    table = session.remember("formula-table", stamp, lambda: front_table(front, found.recommended))
    error = say(MEASURES[data.task].error)
    unit = say(MEASURES[data.task].unit).format(handle.data.fitted_target)
    chosen = f"formula-{search.written}"
    if not 0 <= st.session_state.get(chosen, 0) < len(front):  # one was removed
        del st.session_state[chosen]
    shown = st.session_state.get(chosen, found.used)

    def pick() -> None:
        rows = st.session_state["formula-table"]["selection"]["rows"]
        st.session_state[chosen] = rows[0] if rows else found.used

    def pick_point() -> None:
        if points := st.session_state["formula-front"]["selection"].get(SELECTED):
            st.session_state[chosen] = int(points[0]["place"])

    drawn = formula_front(table, error, unit, drawing.look(), shown)
    drawing.chart(drawn, "formula-front", on_select=pick_point, selection_mode=SELECTED)
    errors = table[["train", "test"]].to_numpy(dtype=float)
    same = columns.fixed(errors)
    texts: dict[str, tuple[str, str | None, str]] = {
        "complexity": (say("complexity"), "%d", say(COMPLEXITY_HELP)),
        "train": (say("{error} train", error=error), same, say("On the training rows.")),
        "held_out": (say("{error} held out", error=error), None, say(_HELD_OUT_HELP)),
        "test": (say("{error} test", error=error), same, say(TEST_HELP)),
        "aicc": ("AICc", "%.2f", say(AICC_HELP)),
        "n_params": ("K", "%d", say("Number of fitted constants, with the noise variance if the study counts it.")),
        "found_in": (say("found in, of {repeats}", repeats=found.repeats), "%d", say(_FOUND_HELP)),
    }
    widgets.table(
        table.assign(**{name: table[name].map(_told) for name in (CHOICE, "units") if name in table}),
        "formula-table",
        on_select=pick,
        selection_mode="single-row",
        height=380,  # ten rows, and half of one more that tells of others
        column_config=columns.numbers(texts, table)
        | {
            CHOICE: columns.choice_column(table[CHOICE], ""),
            "units": say("units"),
            "formula": st.column_config.TextColumn(say("formula"), width="large"),
        },
    )
    st.caption(say("Recommended: {reason} Click a point or a row to see its formula.", reason=literal(found.reason)))
    index = st.selectbox(
        say("Formula"),
        range(len(front)),
        index=found.used if chosen not in st.session_state else None,
        format_func=lambda i: _name(table, i),
        key=chosen,
    )
    place = found.used if index is None else index
    first = compared(front[place])
    if is_much_worse(front[place]):
        first = ""  # which the remarks say first
    details(
        front[place],
        (*stamp, place),
        "searched",
        f"A formula of the study {handle.name}, by kanlab.",
        data,
        first,
    )
    if identity.controls(handle):
        formula_editing.use(handle, found, place)
        formula_editing.edit(handle, front[place], place, data, chosen)
        formula_editing.units(handle)


def _name(table: pd.DataFrame, place: int) -> str:
    row = table.iloc[place]
    formula, complexity = short(row["formula"], 70), row["complexity"]
    if not row[CHOICE]:
        return say("{formula}, complexity {complexity}", formula=formula, complexity=complexity)
    return say(
        "{formula}, complexity {complexity} ({mark})", formula=formula, complexity=complexity, mark=say(row[CHOICE])
    )


def _told(word: str | None) -> str | None:
    return word and say(word)


# ---- one formula


def network_formula(view: ModelView) -> None:
    """The network as a formula, with the errors of both."""
    if view.network is None:
        st.info(no_network(view, say("is its own formula")), icon=":material/function:")
        return
    with st.spinner(say("Matching the edges…")):
        found = view.formula
    details(found, view.key, "network", f"An approximation of {view.model.label}, by kanlab.", view.data)


def details(found: Formula, stamp: tuple[object, ...], key: str, title: str, data: Dataset, first: str = "") -> None:
    """One formula: what to know of it, LaTeX, errors beside the network's, code, constants.

    stamp: identifies it.  key: of its widgets.  title: of the code.  first: a sentence before all others.
    """
    written: tuple[list[str], dict[str, str]] = session.remember(
        f"formula-latex-{key}", stamp, lambda: (wrapping_latex(found), found.legend)
    )
    lines_of_latex, legend = written
    lines = [*filter(None, [first]), *remarks(found)]
    if is_much_worse(found):
        st.warning(literal(lines.pop(0)), icon=":material/warning:")
    with st.container(key=f"equation-{key}"):
        for line in lines_of_latex:
            st.latex(line)
    if legend:
        names = say(", ").join(say("${symbol}$ is {name}", symbol=s, name=literal(name)) for s, name in legend.items())
        st.markdown(names)
    if lines:
        st.markdown("  \n".join(literal(line) for line in lines))
    rows = say("test rows") if on_test(found) else say("training rows")
    unit = literal(say("In nats per row.") if found.levels else say("In units of {target}.", target=short(data.target)))
    if found.task == COUNTS:
        unit = say(MEAN_DEVIANCE_HELP)
    what = say(MEASURES[data.task].error)
    what = beginning(what)
    own, theirs = (four_digits(error_of(scores)) if scores else "" for scores in (found.scores, found.network))
    with st.container(key=f"figures-{key}"):
        places = st.columns(3)
    places[0].metric(say("{what} of the formula, {rows}", what=what, rows=rows), own or DASH, help=unit, border=True)
    places[1].metric(say("{what} of the network, {rows}", what=what, rows=rows), theirs or DASH, help=unit, border=True)
    places[2].metric(say("Complexity"), str(found.complexity), help=say(COMPLEXITY_HELP), border=True)
    code = session.remember(f"formula-python-{key}", stamp, lambda: python(found, title))
    with st.expander(say("As Python")):
        st.code(code, language="python")
        st.caption(say("Its inputs are encoded as in kanlab."))
    with st.expander(say("As text and LaTeX")):
        plain, typeset = session.remember(f"formula-text-{key}", stamp, lambda: (str(found), found.latex))
        st.code(plain, language=None, wrap_lines=True)
        st.code(typeset, language="latex", wrap_lines=True)
    with st.expander(say("Its constants")):
        widgets.table(
            constants_table(found),
            f"constants-{key}",
            column_config={name: say(name) for name in _CONSTANTS},
        )
        st.caption(
            say(
                "All constants are fitted together to the training rows. The standard error is that "
                "of the linearised fit; a constant that the rows do not determine by itself has none."
            )
        )


def constants_table(found: Formula) -> pd.DataFrame:
    """One row per constant of a formula, in the order in which they are written."""
    rows = [(c.exact or f"{c.value:.6g}", c.error) for c in found.constants]
    return pd.DataFrame(rows, columns=[*_CONSTANTS])
