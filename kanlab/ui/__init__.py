"""The parts of the pages: session state, widgets, and one file per panel.

Only this package, app.py and pages/ import Streamlit. Pages read state, call the core and draw; their process loads neither
torch nor pykan.
"""
