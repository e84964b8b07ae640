"""What the pages share: session state, widgets, words. The only part of the package that imports Streamlit."""
