"""The pages of the app, in the order of the work."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from kanlab.language import say
from kanlab.ui.launch import app_folder

_FOLDER = app_folder() / "pages"

# what pages link to and switch to, in the order of `pages`
PATHS = DATA, SEARCH, LIVE, CHOOSE, MODEL, EXPORT, STUDIES = tuple(
    _FOLDER / f"{name}.py" for name in ("data", "search", "live", "choose", "model", "export", "studies")
)


def pages() -> list[st.Page]:
    """What app.py hands to st.navigation: made anew for each run, because a run leaves its mark on the page it shows.

    Of one that two sessions share, the second is told that it "cannot be called directly".
    """
    return [
        st.Page(DATA, title=say("Data"), icon=":material/table_chart:", default=True),
        st.Page(SEARCH, title=say("Search"), icon=":material/tune:", url_path="search"),
        st.Page(LIVE, title=say("Live"), icon=":material/monitoring:", url_path="live"),
        st.Page(CHOOSE, title=say("Choose"), icon=":material/balance:", url_path="choose"),
        st.Page(MODEL, title=say("Model"), icon=":material/show_chart:", url_path="model"),
        st.Page(EXPORT, title=say("Export"), icon=":material/download:", url_path="export"),
        st.Page(STUDIES, title=say("Studies"), icon=":material/folder_open:", url_path="studies"),
    ]


def enter_through_app() -> None:
    """Run app.py first, whatever page a browser opens first.

    Until st.navigation has run once in a server, Streamlit takes a folder named pages/ for its older kind of app, in
    which a page opened by its address runs without app.py.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
