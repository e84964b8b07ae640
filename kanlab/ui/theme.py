"""The parts of the design that .streamlit/config.toml cannot set: logo, icon, and a steady page while it polls."""

from pathlib import Path

import streamlit as st

ICON = str(Path(__file__).with_name("icon.svg"))
_LOGOS = {name: str(Path(__file__).with_name(f"{name}.svg")) for name in ("logo", "logo-dark")}

# while a fragment polls, nothing dims and no status icon moves; a formula or a chart wider than a phone scrolls;
# a chart takes its place before it is drawn, so that nothing jumps; white on the dark theme's accent would be too faint
_STYLE = """
<style>
[data-testid="stStatusWidget"] { display: none; }
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
[data-testid="stElementContainer"]:has(script) { position: absolute; }
.st-key-steps { border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
.st-key-steps { padding-bottom: 0.5rem; min-height: 2.6rem; }
@media (max-width: 640px) { .st-key-steps { min-height: 3.9rem; } }
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] p { color: light-dark(#ffffff, #0f1216); }
[class*="st-key-slot-"] { min-height: 400px; }
.st-key-slot-card { min-height: 250px; }
.st-key-slot-loss { min-height: 240px; }
.katex-display { overflow-x: auto; overflow-y: hidden; padding: 0.2rem 0; }
[data-testid="stElementContainer"]:has(> [data-testid="stFullScreenFrame"] .stVegaLiteChart) { max-width: 100%; }
.stVegaLiteChart { max-width: 100%; overflow-x: auto; overflow-y: hidden; }
</style>
"""


def apply() -> None:
    """Call it once per run, in app.py."""
    st.logo(_LOGOS["logo-dark" if st.context.theme.type == "dark" else "logo"], size="medium")
    st.html(_STYLE)
