"""The parts of the design that .streamlit/config.toml cannot set: logo, icon, and a steady page while it polls."""

from pathlib import Path

import streamlit as st

from kanlab.charts.trial_plot import FRESH_MITER
from kanlab.colours import DARK, LIGHT
from kanlab.ui import chart_files

ICON = str(Path(__file__).with_name("icon.svg"))
_LOGOS = {name: str(Path(__file__).with_name(f"{name}.svg")) for name in ("logo", "logo-dark")}

# while a fragment polls, nothing dims and no status icon moves; a formula or a chart wider than a phone scrolls;
# a chart takes its place before it is drawn, so that nothing jumps; white on the dark theme's accent would be too faint;
# on a phone columns stand below one another, no further apart than what is in them, and figures two a row;
# a diagram scrolls rather than shrinks; a point that a running study adds fades in, unless the reader wants no motion;
# what the keyboard has reached wears a ring, of Streamlit's widgets those too that have none; captions are no fainter than AA
_SCRIPTS = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("keyboard.js", "half_drawn.js")]
_STYLE = f"""
<style>
[data-testid="stStatusWidget"] {{ display: none; }}
[data-stale="true"] {{ opacity: 1 !important; transition: none !important; }}
[data-testid="stElementContainer"]:has(script) {{ position: absolute; }}
:is(a, button, canvas, summary, h1, [role="tab"], [role="button"], .katex-display):focus-visible {{
  outline: 2px solid light-dark({LIGHT.accent}, {DARK.accent}) !important; outline-offset: 2px;
}}
canvas:focus-visible {{ outline-offset: -2px; }}
[data-testid="stCaptionContainer"][data-testid], [data-testid="stCaptionContainer"] :is(code, strong) {{
  color: light-dark({LIGHT.muted}, {DARK.muted}); opacity: 1;
}}
[class*="st-key-behind-"] summary, [class*="st-key-behind-"] summary * {{
  color: light-dark({LIGHT.muted}, {DARK.muted}); opacity: 1 !important;
}}
[data-testid="stCaptionContainer"] code {{ font-size: 0.92em; }}
[data-testid="stHeadingDivider"] {{ background: color-mix(in srgb, currentColor 15%, transparent) !important; height: 1px; }}
.st-key-steps {{ border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }}
.st-key-steps {{ padding-bottom: 0.5rem; min-height: 2.6rem; }}
@media (max-width: 640px) {{
  .st-key-steps {{ min-height: 3.9rem; }}
  [data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) {{ gap: 1rem; }}
  [class*="st-key-figures-"] [data-testid="stColumn"] {{ min-width: calc(50% - 0.5rem); }}
  .st-key-path > * {{ flex: 1 1 40%; width: auto !important; }}
  [data-testid="stLayoutWrapper"]:has(> .st-key-what-if-answer) {{
    position: sticky; top: 3.5rem; z-index: 5; padding-bottom: 0.5rem;
    background: light-dark({LIGHT.background}, {DARK.background});
  }}
}}
@media (prefers-reduced-motion: no-preference) {{
  .stVegaLiteChart path[stroke-miterlimit="{FRESH_MITER}"] {{ animation: kanlab-arrive 0.9s ease-out; }}
}}
@media (prefers-reduced-motion: reduce) {{
  *, *::before, *::after {{
    animation-duration: 0.01ms !important; animation-iteration-count: 1 !important; transition-duration: 0.01ms !important;
    scroll-behavior: auto !important;
  }}
}}
@keyframes kanlab-arrive {{ from {{ opacity: 0; }} }}
[data-testid="stMetricLabel"] * {{
  white-space: normal !important; overflow: visible !important; -webkit-line-clamp: none !important;
}}
[data-testid="stElementContainer"]:has(a.language) {{ margin: -0.18rem 0 0 auto; padding: 0 0.5rem; }}
a.language {{ color: inherit; font-size: 0.93rem; font-weight: 400; text-underline-offset: 0.2em; white-space: nowrap; }}
@media (max-width: 640px) {{  /* where columns stand below each other, an empty one would leave a gap */
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"]:empty) {{ display: none; }}
}}
.st-key-diagram {{ overflow-x: auto; }}
.st-key-diagram div:has(img) {{ width: max-content !important; max-width: none !important; }}
.st-key-diagram > div:has(img) {{ margin: 0 auto; }}
.st-key-diagram img {{ max-width: none !important; }}
[data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primary"]:enabled p {{
  color: light-dark({LIGHT.on_accent}, {DARK.on_accent});
}}
[class*="st-key-slot-"] {{ min-height: 400px; }}
.st-key-what-if-answer [data-testid="stMetricValue"] {{ font-size: 2.6rem; }}
.st-key-what-if-large [data-testid="stMetricValue"] {{ font-size: 5.5rem; line-height: 1.1; }}
.st-key-what-if-large :is([data-testid="stMetricLabel"], [data-testid="stWidgetLabel"], [data-testid="stAlert"]) p,
.st-key-what-if-large [data-testid="stCaptionContainer"] p {{ font-size: 1.5rem; line-height: 1.35; }}
.st-key-slot-card {{ min-height: 250px; }}
.st-key-slot-loss {{ min-height: 240px; }}
.katex-display {{ overflow-x: auto; overflow-y: hidden; padding: 0.2rem 0; }}
[class*="st-key-equation-"] [data-testid="stMarkdown"] > div {{ margin: 0; }}
[data-same] {{ left: 50% !important; right: auto !important; transform: translateX(-50%) !important; }}
[data-same="second"] {{ visibility: hidden; }}
[class*="st-key-equation-"] .katex-display, [class*="st-key-equation-"] .katex-display > .katex {{ text-align: left; }}
[class*="st-key-equation-"] .katex-display > .katex {{ white-space: normal; }}
[class*="st-key-equation-"] .katex-display .katex-html > .base {{ margin: 0.15rem 0; }}
[data-testid="stElementContainer"]:has(> [data-testid="stFullScreenFrame"] .stVegaLiteChart) {{ max-width: 100%; }}
.stVegaLiteChart {{ max-width: 100%; overflow-x: auto; overflow-y: hidden; }}
</style>
"""


def apply() -> None:
    """Call it once per run, in app.py."""
    st.logo(_LOGOS["logo-dark" if st.context.theme.type == "dark" else "logo"], size="medium")
    st.html(_STYLE)
    st.html(f"<script>{''.join(_SCRIPTS)}</script>", unsafe_allow_javascript=True)
    chart_files.apply()
