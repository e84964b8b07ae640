"""What the pages are made of: session state, widgets, one panel a file.

Streamlit is imported here, in app.py and in pages/ alone. Pages read state, call the core and draw; the process of the
pages loads neither torch nor pykan.
"""
