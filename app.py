"""kanlab in the browser: streamlit run app.py

Streamlit imports this file once for the server, `app`, and runs it as a script for the pages.
"""

import streamlit as st

if __name__ == "__main__":
    from kanlab.execution.manager import manager
    from kanlab.ui import identity, reader_language, session, steps, theme, tour
    from kanlab.ui.navigation import PATHS, pages
    from kanlab.ui.widgets import sentences

    st.set_page_config(page_title="kanlab", page_icon=theme.ICON, layout="wide")
    reader_language.apply()
    theme.apply()
    with sentences():
        manager().serve()
        identity.require_login()
        listed = pages()
        page = st.navigation(listed, position="hidden")
        st.set_page_config(page_title=f"{page.title} · kanlab")
        drawn = PATHS[listed.index(page)]
        session.on_page(drawn)
        steps.bar(listed, drawn)
        tour.banner(drawn)
        page.run()
else:
    from starlette.middleware import Middleware

    from kanlab.ui.browser_cookies import BrowserCookies
    from kanlab.ui.chart_files import ChartFont
    from kanlab.ui.host_guard import HostGuard
    from kanlab.ui.stage import Stage

    guard = Middleware(HostGuard, address=st.get_option("server.address"))
    app = st.App(__file__, middleware=[guard, Middleware(ChartFont), Middleware(BrowserCookies), Middleware(Stage)])
