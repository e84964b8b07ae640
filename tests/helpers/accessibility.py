"""What axe-core finds on a page, without what Streamlit and Vega draw and nothing of ours can replace."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

ALLOWED = {  # a rule, a part of the element it complains of: why it stays
    ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"'): (
        "Streamlit names the place where files can be dropped; the button in it is what a keyboard reaches."
    ),
    ("svg-img-alt", "brushed_brush"): (
        "The frame of an area that is drawn with the mouse, which Vega makes and does not let name."
    ),
    ("scrollable-region-focusable", 'class="katex-display"'): (
        "A formula wider than its column scrolls; Chromium and Firefox have what scrolls in the order of Tab by themselves."
    ),
    ("scrollable-region-focusable", "stVegaLiteChart"): "The same of a chart wider than a phone.",
}

# nothing has changed for a while, the script of the page has run, and every chart is drawn
_SETTLED = """() => {
  const now = performance.now();
  if (!window.kanlabQuiet) {
    window.kanlabQuiet = {last: now};
    new MutationObserver(() => { window.kanlabQuiet.last = performance.now(); })
      .observe(document.body, {childList: true, subtree: true, attributeFilter: ["aria-selected", "data-test-script-state"]});
  }
  return now - window.kanlabQuiet.last > 400 && document.querySelector('[data-testid="stMain"] h1') !== null
    && !document.querySelector('[data-test-script-state="running"], [data-testid="stSkeleton"], [data-testid="stSpinner"]')
    && [...document.querySelectorAll('.stVegaLiteChart')].every(c => !c.offsetParent || c.querySelector('svg'));
}"""
_UNNAMED_CHARTS = """() => [...document.querySelectorAll('.stVegaLiteChart')]
  .filter(c => c.offsetParent && !(c.getAttribute('aria-label') || '').trim()).length"""
_TOO_WIDE = """() => [document.scrollingElement, document.querySelector('[data-testid="stMain"]')]
  .filter(e => e && e.scrollWidth > e.clientWidth + 1).length"""


def settle(page: Page) -> None:
    """Wait until a page is whole and still."""
    page.wait_for_function(_SETTLED, polling=100, timeout=60_000)


def axe(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds. Of all it has looked at only this is taken out of the page, where it is loaded once."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run({resultTypes: ['violations'], performanceTimer: false}).then(found => found.violations)"
    )
    return found


def violations(page: Page) -> list[str]:
    """What is not as it should be on the page as it is now, one line each."""
    settle(page)
    found = []
    for violation in axe(page):
        for node in violation["nodes"]:
            if not any(rule == violation["id"] and part in node["html"] for rule, part in ALLOWED):
                found.append(
                    f"{violation['id']}: {node['html'][:300]} ({' '.join(node['failureSummary'].split())[:300]})"
                )
    if unnamed := page.evaluate(_UNNAMED_CHARTS):
        found.append(f"{unnamed} charts without a text alternative")
    if page.evaluate(_TOO_WIDE):
        found.append("the page scrolls sideways")
    return found
