"""The pages of the app, in the order of the work."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).resolve().parents[2] / "pages"

DATA = st.Page(_FOLDER / "data.py", title="Data", icon=":material/table_chart:", default=True)
SEARCH = st.Page(_FOLDER / "search.py", title="Search", icon=":material/tune:", url_path="search")
LIVE = st.Page(_FOLDER / "live.py", title="Live", icon=":material/monitoring:", url_path="live")
STUDIES = st.Page(_FOLDER / "studies.py", title="Studies", icon=":material/folder_open:", url_path="studies")


def pages() -> list[st.Page]:
    return [DATA, SEARCH, LIVE, STUDIES]
