"""What .streamlit/config.toml cannot say: while a page polls, nothing dims and nothing runs in the corner."""

import streamlit as st

_STYLE = """
<style>
[data-testid="stStatusWidget"] { display: none; }
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
</style>
"""


def apply() -> None:
    """Once a run, in app.py."""
    st.html(_STYLE)
