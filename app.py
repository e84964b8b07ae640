"""kanlab in the browser: streamlit run app.py"""

import streamlit as st

from kanlab.jobs import manager
from kanlab.ui import owner, theme
from kanlab.ui.navigation import pages

st.set_page_config(page_title="kanlab", page_icon=theme.ICON, layout="wide")
theme.apply()
manager().serve()
owner.require_login()
owner.remember_browser()
st.navigation(pages(), position="top").run()
