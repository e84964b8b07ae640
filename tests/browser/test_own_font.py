"""What kanlab writes alone shows its own font in Chromium, from files, without a network and within its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from kanlab.api import tune
from kanlab.colours import LIGHT
from kanlab.data.dataset import Dataset
from kanlab.execution.manage import load_data
from kanlab.export.bundle import bundle
from kanlab.export.present import presentation
from kanlab.fonts import FAMILY, PARTS, part
from kanlab.kan.search_space import SearchSpace
from kanlab.language import LANGUAGES, use
from kanlab.selection import playback
from kanlab.study.trials import completed

KINDS = ("report.html", "story.html", "film.html", "network.svg")
NAMES = ("Größe", "β", "вес", "面积")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of one study, whose columns have names of four scripts, in both languages."""
    home = tmp_path_factory.mktemp("own-font")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANLAB_HOME", str(home / "home"))
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.uniform(-1, 1, (150, 4)), columns=list(NAMES))
        bent = [np.sin(3 * frame[name]) for name in NAMES]
        frame["Δ"] = sum(bent) + rng.normal(0, 0.05, 150)
        study = tune(Dataset.from_frame(frame, "Δ"), SearchSpace((1, 1), (3, 5), (3, 3)), name="font", workers=1)
        for language in LANGUAGES:
            with use(language):
                made = bundle(study.handle, study.predictor(use="read"), load_data(study.handle))
                film = playback.playback(completed(study.handle.records()), "regression", "Δ")
                texts = {kind: made.files[kind] for kind in KINDS if kind in made.files}
                texts |= {"story.html": presentation(study.handle), "film.html": playback.document(film, LIGHT)}
            for kind, text in texts.items():
                (home / f"{language}-{kind}").write_text(text, encoding="utf-8")
    return home


def fonts_of(page: Page) -> list[tuple[str, set[tuple[str, bool]]]]:
    """Each text that is shown, and the fonts that Chromium has drawn it with: the name, and whether the page brought it."""
    page.evaluate("document.fonts.ready")
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    found = []
    pending: list[dict[str, Any]] = [devtools.send("DOM.getDocument", {"depth": -1})["root"]]
    while pending:
        node = pending.pop()
        below = node.get("children", [])
        if node["nodeName"].lower() in ("pre", "math", "style", "script", "head"):
            continue
        pending += below
        text = "".join(child["nodeValue"] for child in below if child["nodeName"] == "#text").strip()
        if text:
            used = devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})["fonts"]
            found.append((text, {(font["familyName"], font["isCustomFont"]) for font in used}))
    devtools.detach()
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_drawn_with_the_font_that_is_in_the_file(
    browser: Browser, files: Path, kind: str, language: str
) -> None:
    address = (files / f"{language}-{kind}").as_uri()
    context = browser.new_context(offline=True)
    page, troubles, asked = context.new_page(), [], []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    ours, seen = {(FAMILY, True)}, ""
    own = frozenset[int]().union(*map(part, PARTS))
    for number in range(5 if kind == "story.html" else 1):
        if number:
            page.keyboard.press("ArrowRight")
        for text, used in fonts_of(page):
            if used and set(map(ord, text)) - {0x0A} <= own - ({0x2026, 0x2014} if language == "zh" else set()):
                assert used == ours, text
                seen += text
            elif used and any(ord(c) > 0x2E7F for c in text):
                assert any(not custom for _, custom in used), text  # Chinese, of a font of the system
    assert len(seen) > 10
    assert {url for url in asked if not url.startswith("data:")} == {address}
    assert troubles == []
    if kind != "film.html":
        assert page.evaluate(f"['Größe', 'β', 'вес'].every(name => document.fonts.check(\"16px '{FAMILY}'\", name))")
    context.close()


def test_a_diagram_as_a_picture_has_the_font_as_well(browser: Browser, files: Path) -> None:
    """On the page and on the canvas that its PNG is made of."""
    text = (files / "en-network.svg").read_text(encoding="utf-8")
    page = browser.new_page()
    page.set_content("<body></body>")
    drawn = """async (text) => {
      const picture = document.createElement("img"), canvas = document.createElement("canvas");
      picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
      document.body.replaceChildren(picture);
      await picture.decode();
      await new Promise((done) => setTimeout(done, 500));  // its font is decoded after it
      canvas.width = picture.naturalWidth;
      canvas.height = picture.naturalHeight;
      canvas.getContext("2d").drawImage(picture, 0, 0);
      return canvas.toDataURL();
    }"""
    shown = [
        (page.evaluate(drawn, each), page.screenshot()) for each in (text, text.replace("@font-face", "@media print"))
    ]
    assert shown[0][0] != shown[1][0]
    assert shown[0][1] != shown[1][1]
    page.close()
