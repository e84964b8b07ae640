"""How fast a warm app is in a study of 500 trials: first paint, page changes, and the count behind a slider.

    .venv/bin/python benchmarks/app_warm.py [VISITS]

For each: median and 95th percentile of what a reader waits, and the processor time that the server spends on it, which hardly
depends on what else the machine does. The clock is the browser's own, from the key or the click to the frame that shows what was
waited for, so that what drives the browser is not timed with it. A page has changed when its title is there; of those with something to
use or to look at, the time to the first tab, button or chart is told as well. The goals: first paint 1500 ms, page change 300 ms, slider to count
200 ms, each at the 95th percentile on a quiet machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from app import ROOT, serve

STUDY, TRIALS = "warm", 500
STEPS = 8  # of the slider
GOALS = {"first paint": 1500, "page": 300, "slider": 200}
PAGES = {"3 Live": STUDY, "4 Choose": f"Choose: {STUDY}", "5 Model": f"Model: {STUDY}", "6 Export": f"Export: {STUDY}"}
PAGES |= {"Studies": "Studies", "2 Search": "Search", "1 Data": "Data"}
FIRST = ", ".join(  # what a reader can use or look at, below the steps
    f"[data-testid='stMain'] {each}"
    for each in ("[role='tab']", "[data-testid^='stBaseButton']", ".stVegaLiteChart svg")
)
WORDS = ("2 Search",)  # without a table it has nothing to use
Times = dict[str, list[tuple[float, float]]]


def make(home: Path) -> None:
    """The study, of 1,000 rows of a function of the KAN paper."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (1000, 2))
    y = np.exp(np.sin(np.pi * x[:, 0]) + x[:, 1] ** 2) + 0.1 * rng.normal(size=1000)
    np.savetxt(home / "warm.csv", np.column_stack([x, y]), delimiter=",", header="a,b,y", comments="")
    ranges = ["--neuron-num", "1:10", "--grid", "2:19", "--k", "1:3", "--trials", str(TRIALS), "--study", STUDY]
    subprocess.run(
        [sys.executable, "-m", "kanlab", "tune", str(home / "warm.csv"), "--target", "y", *ranges],
        env=os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )


def still(page: Page) -> None:
    """The script of the page has run."""
    page.wait_for_function("!document.querySelector('[data-test-script-state=\"running\"]')")
    page.wait_for_timeout(600)


# Looked at once a frame: `window.waited` is the promise of the milliseconds between an event and the frame where something is shown.
WATCH = """({event, title, count, first}) => {
    const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
    const any = (selector, right) => [...document.querySelectorAll(selector)].some(e => shown(e) && right(e.innerText.trim()));
    const there = () => (!title || any("h1", text => text === title)) && (!first || any(first, () => true))
        && (!count || any("p", text => /^Of [0-9]+ configurations/.test(text) && text !== count));
    let began = null;
    document.addEventListener(event, () => { began ??= performance.now(); }, {capture: true, once: true});
    window.waited = new Promise(resolve => {
        const look = () => began !== null && there() ? resolve(performance.now() - began) : requestAnimationFrame(look);
        requestAnimationFrame(look);
    });
}"""
PAINTED = """
    const look = () => { if (document.querySelector("h1")?.getClientRects().length) window.painted = performance.now();
        else requestAnimationFrame(look); };
    requestAnimationFrame(look);
"""


def measured(server: psutil.Process, act: Callable[[], None], page: Page, **until: str) -> tuple[float, float]:
    """Milliseconds from the event of `act` until what is waited for is shown, and of the server's processor until the page is
    still. until: as of WATCH.
    """
    page.evaluate(WATCH, {"title": "", "count": "", "first": "", **until})
    spent = sum(server.cpu_times()[:2])
    act()
    waited = page.evaluate("window.waited")
    still(page)
    return waited, 1000 * (sum(server.cpu_times()[:2]) - spent)


def visit(page: Page, url: str, server: psutil.Process, times: Times) -> None:
    """Every page once, and the slider some times. Called for one browser after the other."""

    spent = sum(server.cpu_times()[:2])
    page.add_init_script(PAINTED)
    page.goto(url)
    page.wait_for_function("window.painted")
    still(page)
    times.setdefault("first paint", []).append(
        (page.evaluate("window.painted"), 1000 * (sum(server.cpu_times()[:2]) - spent))
    )
    page.locator("input[type=file]").set_input_files(ROOT / "kanlab" / "data" / "tables" / "diabetes.csv")
    page.get_by_role("button", name="Go to the search").click()
    count = page.get_by_text(re.compile(r"^Of \d+ configurations"))
    count.first.wait_for()
    thumb = page.get_by_role("slider", name="Hidden neurons").last
    for _ in range(STEPS):
        still(page)
        thumb.focus()
        times.setdefault("slider to count", []).append(
            measured(
                server,
                lambda: page.keyboard.press("ArrowLeft"),
                page,
                event="keydown",
                count=count.first.inner_text().strip(),
            )
        )
    page.goto(f"{url}/live?study={STUDY}")
    page.get_by_role("heading", name=STUDY, exact=True).wait_for()
    still(page)
    for whole in (False, True, False, True):
        for label, title in PAGES.items():
            if label == "3 Live":
                title = STUDY

            if page.get_by_role("heading", name=title, exact=True, level=1).count():
                continue
            looked = whole and label not in WORDS
            link = page.get_by_role("link", name=label, exact=True)
            until = {"event": "click", "title": title, "first": FIRST if looked else ""}
            name = f"page: {label}" + ", something to use" * looked
            times.setdefault(name, []).append(measured(server, link.click, page, **until))


def main() -> None:
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is missing; install it from the system's packages.")
    times: Times = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(os.environ.get("KANLAB_HOME", folder))
        if not (home / "warm.csv").exists():
            make(home)
        process, url, _ = serve(home)
        try:
            server = psutil.Process(process.pid).children()[0]
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for number in range(visits + 1):
                context = browser.new_context(viewport={"width": 1280, "height": 1000})
                context.set_default_timeout(180_000)  # a loaded machine is said, not failed on
                visit(context.new_page(), url, server, {} if number == 0 else times)  # the first one warms the server
                context.close()
            browser.close()
        finally:
            os.killpg(process.pid, 15)
            process.wait()
    print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.\n")
    print("| | median ms | 95th percentile ms | goal ms | server CPU ms | times |\n|---|---|---|---|---|---|")
    for name, values in times.items():
        waited, spent = np.array(values).T
        goal = next(ms for start, ms in GOALS.items() if name.startswith(start))
        middle, high = np.percentile(waited, [50, 95])
        print(f"| {name} | {middle:.0f} | {high:.0f} | {goal} | {np.median(spent):.0f} | {len(values)} |", flush=True)


if __name__ == "__main__":
    main()
