"""kanlab in the browser: streamlit run app.py"""

import streamlit as st

from kanlab.ui import theme
from kanlab.ui.navigation import pages

st.set_page_config(page_title="kanlab", page_icon=theme.ICON, layout="wide")
theme.apply()
st.navigation(pages(), position="top").run()
