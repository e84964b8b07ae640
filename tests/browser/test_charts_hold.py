"""No text of a chart lies outside the chart or over another, in either theme, on a desk and on a phone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_whole_path import wait_for
from tests.helpers.app_server import free_port, wait_until_it_serves
from tests.helpers.fork_server import ROOT, Forked

# for every text of every chart its box, and that of the drawing; halos repeat their text
_TEXTS = """
() => [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].map((chart) => {
  const svg = chart.querySelector('svg.marks');
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const texts = [...svg.querySelectorAll('text')].filter((t) => {
    const r = t.getBoundingClientRect();
    return t.textContent.trim() && r.width > 0 && getComputedStyle(t).opacity !== '0';
  });
  return {
    name: svg.closest('[role="graphics-document"]')?.getAttribute('aria-label'),
    box: box(svg),
    texts: texts.map((t) => ({text: t.textContent, box: box(t)})),
  };
})
"""


_NEVER = "inadmissible, never trained"  # in the legend of a map


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that shows every chart."""
    port, folder = free_port(), tmp_path_factory.mktemp("gallery")
    environment = os.environ | {"KANLAB_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    script = str(ROOT / "tests" / "helpers" / "chart_gallery.py")
    options = ["run", script, "--server.headless=true", f"--server.port={port}"]
    process = Forked("streamlit", *options, environment=environment, folder=ROOT, log=folder / "server.log")
    wait_until_it_serves(f"http://127.0.0.1:{port}", process, process.log)
    yield f"http://127.0.0.1:{port}"
    os.kill(process.pid, signal.SIGTERM)
    process.wait(20)
    assert "Traceback" not in (log_text := process.log.read_text()), log_text


def outside(chart: dict[str, Any]) -> list[str]:
    """The texts that lie outside their chart by more than a pixel."""
    left, top, right, bottom = chart["box"]
    return [
        text["text"]
        for text in chart["texts"]
        if text["box"][0] < left - 1
        or text["box"][1] < top - 1
        or text["box"][2] > right + 1
        or text["box"][3] > bottom + 1
    ]


def covered(chart: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of texts of which one lies over the other. The boxes of lines of text are higher than their letters."""
    found = []
    texts = chart["texts"]
    for i, one in enumerate(texts):
        for other in texts[i + 1 :]:
            width = min(one["box"][2], other["box"][2]) - max(one["box"][0], other["box"][0])
            height = min(one["box"][3], other["box"][3]) - max(one["box"][1], other["box"][1])
            same = one["text"] == other["text"] and width > 0.9 * (
                one["box"][2] - one["box"][0]
            )  # a label and its halo
            if width > 1 and height > 5 and not same:
                found.append((one["text"], other["text"]))
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_is_inside_its_chart_and_covers_no_other(
    page: Page, gallery: str, theme: Literal["light", "dark"], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.goto(gallery)
    expect(page.get_by_text("All charts are drawn.")).to_be_visible(timeout=240_000)
    charts = page.get_by_test_id("stVegaLiteChart")
    wait_for(lambda: charts.count() == page.locator('[data-testid="stVegaLiteChart"] svg.marks').count() > 0)
    page.evaluate("document.fonts.ready")
    page.wait_for_function(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    )
    sideways = (
        "(id) => { const e = document.querySelector(`[data-testid=${id}]`); return e.scrollWidth - e.clientWidth; }"
    )
    assert page.evaluate(sideways, "stMain") <= 0, "maps scroll in their place, not with the page"
    found = page.evaluate(_TEXTS)
    assert len(found) == charts.count() > 50
    assert all(chart["texts"] for chart in found)
    assert all(chart["name"] for chart in found), "a chart without alternative text"
    legends = [t for c in found for t in c["texts"] if t["text"] in ("number of parameters K", _NEVER)]
    assert len(legends) >= 4
    framed = [t for c in found for t in c["texts"] if t["text"] in ("lowest AICc", "recommended", "selected")]
    assert {t["text"] for t in framed} == {"lowest AICc", "recommended", "selected"}
    whole = [*framed, *(text for text in legends if text["text"] == _NEVER)]
    assert all(text["box"][2] <= width for text in whole), "a legend is cut on a phone"
    problems = {
        f"{number} {chart['name'][:70]}": (outside(chart), covered(chart))
        for number, chart in enumerate(found)
        if outside(chart) or covered(chart)
    }
    assert not problems
    if folder := os.environ.get("KANLAB_SCREENSHOTS"):
        page.set_viewport_size({"width": width, "height": 30_000})
        page.screenshot(path=f"{folder}/gallery-{theme}-{width}.png", full_page=True)
