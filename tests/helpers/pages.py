"""The app in the process of the test, without a browser: opened, walked through, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"


class ServedPages(PagesManager):
    """As in a server that has run app.py once (kanlab.ui.navigation.enter_through_app says why)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        PagesManager.uses_pages_directory = False
        super().__init__(*arguments, **options)


def text_of(app: AppTest) -> str:
    """All words on the page."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "error", "warning", "success")
    words = [element.value for kind in kinds for element in app.get(kind)]
    return "\n".join([*words, *(f"{m.label}: {m.value}" for m in app.metric)])


def healthy(app: AppTest) -> AppTest:
    """The app, which has not raised anything."""
    assert not app.exception, app.exception[0].message
    return app


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].upload(name, content, "text/csv")
    return healthy(app.run())


def go(app: AppTest, page: str) -> AppTest:
    return healthy(app.switch_page(f"pages/{page}.py").run())


def open_tab(app: AppTest, page: str, label: str) -> AppTest:
    """Another tab of a page that draws only the open one. page: "choose" or "model"."""
    app.session_state[f"{page}-tab"] = label
    return healthy(app.run())


def widget(elements: Any, label: str) -> Any:
    return next(e for e in elements if e.label == label)


def metric(app: AppTest, label: str) -> str:
    return next(m.value for m in app.metric if m.label == label)
