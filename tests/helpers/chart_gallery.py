"""An app of one page that shows every chart of tests.helpers.chart_cases as kanlab's pages do: streamlit run FILE."""

from dataclasses import replace
from functools import partial

import streamlit as st

from kanlab.charts.layered import Layered
from kanlab.ui import drawing, theme
from tests.helpers.chart_cases import all_charts

st.set_page_config(layout="wide")
theme.apply()
for number, (name, made) in enumerate(all_charts(drawing.look())):
    st.caption(name)
    if isinstance(made, Layered):
        if "params" in made.spec:
            drawing.selecting_chart(made, f"chart-{number}")
        else:  # a map of configurations, as the Search page has it
            drawing.drawn_once(partial(replace, made), f"chart-{number}", (name,), selects=False, width="content")
    else:
        wide = "content" if any(word in name for word in ("map", "slices", "admissible")) else "stretch"
        drawing.chart(made, f"chart-{number}", width=wide)
st.markdown("All charts are drawn.")
