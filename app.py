"""kanlab in the browser: streamlit run app.py

Streamlit imports this file once for the server, `app`, and then runs it as a script for every page.
"""

import streamlit as st
from starlette.middleware import Middleware

from kanlab.execution.manager import manager
from kanlab.ui import identity, theme
from kanlab.ui.host_guard import HostGuard
from kanlab.ui.navigation import pages

if __name__ == "__main__":
    st.set_page_config(page_title="kanlab", page_icon=theme.ICON, layout="wide")
    theme.apply()
    manager().serve()
    identity.require_login()
    identity.remember_browser()
    st.navigation(pages(), position="top").run()
else:
    app = st.App(__file__, middleware=[Middleware(HostGuard, address=st.get_option("server.address"))])
