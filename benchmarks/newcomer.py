"""How long a newcomer needs from an empty home to a formula and a what-if, by the first-run tour, with all of its words read.

    .venv/bin/python benchmarks/newcomer.py [--words]

A browser walks the tour in each language. At every stop it counts what is to be read: headings, sentences, captions, labels and
figures from the top of the page to the end of what the stop is about, without the bar of the steps, the names of tabs, and what
is inside charts, formulas and tables, and what stood there at an earlier stop already. These take `LOOK` seconds each, and so does the prediction after a slider was moved. English is
read at 240 words a minute, Chinese at 387 characters, which are as many words (255 characters are 158 words in the IReST texts,
Trauzettel-Klosinski et al., Invest. Ophthalmol. Vis. Sci. 2012). A click and the move of a slider take what the keystroke-level model
gives them (Card, Moran & Newell, Commun. ACM 1980): 1.35 s to think of it, 1.1 s to point, 0.1 s to press and to let go each, and
1.1 s to drag. What the app takes is timed: from the address to the first page, from each click to what its stop is about, and from
the slider to its prediction. While the example is fitted one reads what is there, so that the longer of both counts. --words prints
what was counted.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, expect, sync_playwright

from app import serve
from kanlab.language import LANGUAGES, say, use
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE

WORDS_A_MINUTE, CHARACTERS_A_MINUTE = 240, 387
LOOK = 4.0  # seconds, and so are these
THINK, POINT, PRESS = 1.35, 1.1, 0.1
CLICK = THINK + POINT + 2 * PRESS
DRAG = CLICK + POINT
LIMIT = 120.0
SETTLED = 1500  # milliseconds until a page is counted, in which a reader reads already
_OFFER, _FITTING, _MOVED = "offer", "while it fits", "slider"
_TO_READ = """last => {
  const end = last === null ? Infinity : Math.max(...[...document.querySelectorAll(last)].map(
    e => e.getBoundingClientRect().bottom));
  const apart = '.st-key-steps, [role=tablist], .stVegaLiteChart, .katex, [data-testid=stDataFrame], details:not([open]) > div, '
    + '[data-testid=stHeader], [data-testid=stTooltipIcon], script, style, [class*=st-key-behind]';
  const walker = document.createTreeWalker(document.querySelector('[data-testid=stMain]'), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (e.closest(apart) || /material-symbols|stIconMaterial/.test(e.className + (e.dataset.testid || ''))) continue;
    const box = e.getBoundingClientRect();
    if (box.width > 1 && box.height > 1 && box.top < end && walker.currentNode.data.trim()) found.push(walker.currentNode.data.trim());
  }
  return found;
}"""
_STOPS = (  # what the stop is about ends where this ends; how many pictures and formulas are looked at
    (".st-key-slot-aicc-rss", 2),
    (".st-key-taken", 0),
    ("[class*=st-key-equation]", 1),
    ("[data-testid=stSlider]", 0),
)


def seconds(texts: list[str]) -> tuple[int, float]:
    """Words or characters, and how long they take to read."""
    text = " ".join(texts)
    characters = len(re.findall(r"[\u3400-\u9fff]", text))
    words = len(re.findall(r"[^\W_\u3400-\u9fff]+(?:[.,'’-][^\W_\u3400-\u9fff]+)*", text))
    took = 60.0 * (characters / CHARACTERS_A_MINUTE + words / WORDS_A_MINUTE)
    return characters + words, took


class Stop(NamedTuple):
    """texts: to be read.  pictures: to be looked at.  acting: seconds of the hand.  waited: seconds for the app."""

    name: str
    texts: list[str]
    pictures: int
    acting: float
    waited: float

    def seconds(self, reading: float) -> float:
        """All of it, when reading takes that long."""
        looking = reading + LOOK * self.pictures
        return self.acting + (max(looking, self.waited) if self.name == _FITTING else looking + self.waited)


def walk(page: Page, url: str, language: str) -> Iterator[Stop]:
    """The tour from its address to the prediction after a slider was moved."""
    with use(language):
        start = page.get_by_role("button", name=say("Take the tour"))
        names = [
            say(name) for name in ("See which one to take", "See what it has learned", "Try it out", "Use my own table")
        ]
    began = time.perf_counter()
    page.goto(url)
    start.wait_for()
    waited = time.perf_counter() - began
    page.wait_for_timeout(SETTLED)
    yield Stop(_OFFER, page.evaluate(_TO_READ, ".st-key-tour-offer"), 0, 0.0, waited)
    began = time.perf_counter()
    start.click()
    page.locator(".st-key-tour").wait_for()
    page.wait_for_timeout(500)  # of the wait, which is longer
    waiting = page.evaluate(_TO_READ, ".st-key-tour")
    page.get_by_role("button", name=names[0]).wait_for()
    yield Stop(_FITTING, waiting, 0, CLICK, time.perf_counter() - began)
    for number, (last, pictures) in enumerate(_STOPS):
        began = time.perf_counter()
        if number:
            page.locator(".st-key-tour-on button").click()
            page.get_by_role("button", name=names[number]).wait_for()
        page.locator(last).first.wait_for()
        waited = time.perf_counter() - began
        page.wait_for_timeout(SETTLED)
        yield Stop(f"stop {number + 1}", page.evaluate(_TO_READ, last), pictures, CLICK if number else 0.0, waited)
    answer = page.locator(".st-key-what-if-answer [data-testid=stMetricValue]")
    before = answer.inner_text()
    began = time.perf_counter()
    page.get_by_role("slider").first.press("End")
    expect(answer).not_to_have_text(before)
    yield Stop(_MOVED, [], 1, DRAG, time.perf_counter() - began)


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium here.")
    listing = "--words" in sys.argv
    print(
        "| | "
        + " | ".join(("words or characters", "read s", "look s", "hand s", "waited s", "s"))
        + " |\n|---|---|---|---|---|---|"
    )
    for language in LANGUAGES:
        total = 0.0
        with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
            process, url, _ = serve(Path(home))
            try:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.set_default_timeout(300_000)
                context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": url}])
                known: set[str] = set()
                for stop in walk(context.new_page(), url, language):
                    texts = [text for text in stop.texts if text not in known]
                    known.update(texts)
                    count, reading = seconds(texts)
                    total += stop.seconds(reading)
                    figures = (
                        f"{count} | {reading:.1f} | {LOOK * stop.pictures:.0f} | {stop.acting:.1f} | {stop.waited:.1f}"
                    )
                    print(f"| {language}: {stop.name} | {figures} | {stop.seconds(reading):.1f} |", flush=True)
                    if listing:
                        print("  " + "\n  ".join(texts), file=sys.stderr, flush=True)
                browser.close()
            finally:
                os.killpg(process.pid, 15)
                process.wait()
        print(f"| {language}: all, within {LIMIT:.0f} s | | | | | | {total:.0f} |", flush=True)


if __name__ == "__main__":
    main()
