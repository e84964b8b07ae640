"""kanlab in the browser: streamlit run app.py"""

import streamlit as st

from kanlab.execution.manager import manager
from kanlab.ui import identity, theme
from kanlab.ui.navigation import pages

st.set_page_config(page_title="kanlab", page_icon=theme.ICON, layout="wide")
theme.apply()
manager().serve()
identity.require_login()
identity.remember_browser()
st.navigation(pages(), position="top").run()
