"""The pages of the app, in the order of the work."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from kanlab.ui.launch import app_folder

_FOLDER = app_folder() / "pages"

DATA = st.Page(_FOLDER / "data.py", title="Data", icon=":material/table_chart:", default=True)
SEARCH = st.Page(_FOLDER / "search.py", title="Search", icon=":material/tune:", url_path="search")
LIVE = st.Page(_FOLDER / "live.py", title="Live", icon=":material/monitoring:", url_path="live")
CHOOSE = st.Page(_FOLDER / "choose.py", title="Choose", icon=":material/balance:", url_path="choose")
MODEL = st.Page(_FOLDER / "model.py", title="Model", icon=":material/show_chart:", url_path="model")
EXPORT = st.Page(_FOLDER / "export.py", title="Export", icon=":material/download:", url_path="export")
STUDIES = st.Page(_FOLDER / "studies.py", title="Studies", icon=":material/folder_open:", url_path="studies")


def pages() -> list[st.Page]:
    """What app.py hands to st.navigation."""
    return [DATA, SEARCH, LIVE, CHOOSE, MODEL, EXPORT, STUDIES]


def enter_through_app() -> None:
    """Run app.py first, whatever page a browser opens first.

    Until st.navigation has run once in a server, Streamlit takes a folder named pages/ for its older kind of app, in
    which a page opened by its address runs without app.py.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
