"""The Export page: the model or the formula in a form that other programs run."""

from __future__ import annotations

from typing import Any

import streamlit as st

from kanlab.execution.manage import load_data
from kanlab.explain.formula import Formula
from kanlab.explain.formulas import formulas_in, read_search
from kanlab.explain.predictor import Predictor
from kanlab.export.bundle import folder_name
from kanlab.export.code_forms import forms_of
from kanlab.language import marked, say
from kanlab.study.handle import StudyHandle
from kanlab.ui import session
from kanlab.ui.widgets import download, literal, sentences

_WHAT = marked(
    "**The model for other programs**: a file that they open or run. It "
    "predicts what kanlab predicts, held to the training rows in the same way, from the "
    "same columns."
)
MODEL, FORMULA = marked("The model"), marked("The formula")


def forms(handle: StudyHandle, model: Predictor, key: tuple[Any, ...]) -> None:
    """Choose what and in which form, and download it. key: of the model, as `session.remember` takes it."""
    with st.container(border=True):
        st.markdown(say(_WHAT))
        what, form = st.columns(2)
        found = _formula(handle)
        chosen = what.selectbox(
            say("What"), [MODEL, FORMULA][: 1 + (found is not None)], format_func=say, key="code-what"
        )
        in_form = form.selectbox(
            say("Form"),
            forms_of(chosen == FORMULA),
            format_func=lambda f: say(
                "{form}, for {readers} ({ending})", form=say(f.name), readers=say(f.readers), ending=f.ending
            ),
            key="code-form",
        )
        formula = chosen == FORMULA and found is not None
        with sentences():
            stamp = (*key, in_form.ending, str(found) if formula else "")
            made = session.remember("as-code", stamp, lambda: in_form.write(found if formula and found else model))
            name = f"{folder_name(handle.name)}-{'formula' if formula else 'model'}{in_form.ending}"
            download(
                say("Download {name}", name=name), made, name, in_form.mime, icon=in_form.icon, key="code-download"
            )
        if formula:
            st.caption(literal(str(found)))


def _formula(handle: StudyHandle) -> Formula | None:
    """The formula in use, where one was searched for."""
    search = read_search(handle)
    if search is None or search.found is None:
        return None
    return formulas_in(handle, search, load_data(handle))[search.found.used]
