"""Pictures of every page, in both themes and languages, 1280 and 390 px wide: docs/screenshots/[zh/]PAGE-THEME-WIDTH.webp

    make screenshots
    .venv/bin/python benchmarks/screenshots.py [PAGE or LANGUAGE ...]      # these alone

The study is that of the first screen: 400 noisy rows of a formula that kanlab is not told.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kanlab.data.examples import EXAMPLES  # noqa: E402
from kanlab.language import LANGUAGES, TAGS, marked, say, use  # noqa: E402
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE  # noqa: E402
from tests.helpers.accessibility import settle  # noqa: E402
from tests.helpers.app_server import AppServer  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
STUDY, PRODUCT = "hidden-formula", "product"
THEMES, WIDTHS = ("light", "dark"), (1280, 390)
LARGEST = 6_000_000  # bytes of all pictures
_HIGHEST = 6000  # px of a page; the longest have 4000
_IDLE = "!document.querySelector('[data-test-script-state=\"running\"]')"
_MAIN = "document.querySelector('[data-testid=\"stMain\"]').scrollHeight"
_TO_THE_TOP = "document.querySelector('[data-testid=\"stMain\"]').scrollTo(0, 0)"


def _upload(page: Page) -> None:
    page.locator("input[type=file]").set_input_files(ROOT / "kanlab" / "data" / "tables" / "diabetes.csv")
    page.get_by_role("button", name=say("Go to the search")).wait_for()


def _search(page: Page) -> None:
    _upload(page)
    settle(page)
    page.get_by_role("button", name=say("Go to the search")).click()
    page.get_by_role("button", name=say("Start"), exact=True).wait_for()


def _more_settings(page: Page) -> None:
    _search(page)
    page.get_by_text(say("More settings"), exact=True).click()
    page.get_by_text(say("A node may multiply"), exact=True).wait_for()


def _tab(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("tab", name=say(name), exact=True).click()


def _dashboard(page: Page) -> None:
    page.get_by_role("link", name=say("Open in optuna-dashboard")).wait_for()


def _nothing(page: Page) -> None:
    pass


SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {  # the address, and what is done there
    "home": ("/", _nothing),
    "data": ("/", _upload),
    "search": ("/", _search),
    "more-settings": ("/", _more_settings),
    "live": (f"/live?study={STUDY}", _dashboard),
    "choose": (f"/choose?study={STUDY}", _nothing),
    "model": (f"/model?study={STUDY}", _nothing),
    "product": (f"/model?study={PRODUCT}", _nothing),
    "formula": (f"/model?study={STUDY}", _tab(marked("Formula"))),
    "what-if": (f"/model?study={STUDY}", _tab(marked("What if"))),
    "export": (f"/export?study={STUDY}", _nothing),
    "studies": ("/studies", _nothing),
    "present": (f"/present?study={STUDY}", _nothing),
}


def study(home: Path) -> None:
    """Make the study that is shown, and search for its formulas."""
    path = home / f"{STUDY}.csv"
    EXAMPLES[STUDY].load().frame.to_csv(path, index=False)
    ranges = ["--neuron-num", "1:3", "--grid", "2:8", "--k", "1:3", "--study", STUDY]
    kanlab(home, "tune", str(path), "--target", "y", *ranges)
    kanlab(home, "formula", STUDY)


def study_of_products(home: Path) -> None:
    """Make the study whose networks have a node that multiplies."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 3))
    y = x[:, 0] * x[:, 1] + x[:, 2] ** 2 + 0.05 * rng.normal(size=300)
    path = home / f"{PRODUCT}.csv"
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="x1,x2,x3,y", comments="")
    ranges = ["--neuron-num", "2:2", "--grid", "2:3", "--k", "2:3", "--multiplication", "1:1", "--study", PRODUCT]
    kanlab(home, "tune", str(path), "--target", "y", *ranges)


def kanlab(home: Path, *command: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "kanlab", *command],
        env=os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)},
        cwd=home,
        check=True,
        capture_output=True,
    )


def taken(page: Page, width: int) -> bytes:
    """The whole of a page."""
    page.mouse.move(0, 0)  # away from a chart, which shows its tools under it
    page.wait_for_function(_IDLE)  # longer than `settle` waits where the machine is loaded
    settle(page)
    for _ in range(2):  # a page may grow while it has room
        page.set_viewport_size({"width": width, "height": min(_HIGHEST, max(700, page.evaluate(_MAIN)))})
        settle(page)
    page.evaluate(_TO_THE_TOP)
    if (height := page.evaluate(_MAIN)) > _HIGHEST:
        sys.exit(f"A page has {height} px, more than {_HIGHEST}: it would be cut off.")
    return page.screenshot()


def packed(shot: bytes) -> bytes:
    written = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").save(written, "WEBP", quality=55, method=6)
    return written.getvalue()


def pictures(browser: Browser, address: str, names: list[str], language: str, theme: str, width: int) -> None:
    """Pages in one language, theme and width, one after another in one window, which keeps what it has loaded."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        locale=TAGS[language],
    )
    context.add_cookies([{"name": LANGUAGE_COOKIE, "value": language, "url": address}])
    context.set_default_timeout(180_000)  # as long as a loaded machine takes
    page = context.new_page()
    for name in names:
        where, act = SCENES[name]
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{address}{where}")
        if name == "present":
            page.locator("svg").first.wait_for()
            shot = page.screenshot()
        else:
            settle(page)
            act(page)
            shot = taken(page, width)
        path = FOLDER / ("" if language == "en" else language) / f"{name}-{theme}-{width}.webp"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(packed(shot))
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:,.0f} kB", flush=True)
    context.close()


def main(wanted: list[str]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is missing; install it from the system's packages.")
    languages = [language for language in LANGUAGES if language in wanted] or list(LANGUAGES)
    scenes = [name for name in SCENES if name in wanted] or list(SCENES)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        if any(STUDY in SCENES[name][0] for name in scenes):
            study(home)
        if "product" in scenes:
            study_of_products(home)
        server = AppServer(home)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            for language, theme, width in product(languages, THEMES, WIDTHS):
                with use(language):
                    pictures(browser, f"http://127.0.0.1:{server.port}", scenes, language, theme, width)
        finally:
            browser.close()
            server.close()
    size = sum(path.stat().st_size for path in FOLDER.rglob("*.webp"))
    print(f"{size / 1e6:.1f} MB in all")
    if size > LARGEST:
        sys.exit(f"That is more than {LARGEST / 1e6:.1f} MB.")


if __name__ == "__main__":
    main(sys.argv[1:])
