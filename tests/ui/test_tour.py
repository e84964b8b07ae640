"""The first-run tour: offered once, left at any step, and through four pages to the what-if."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.study import seen
from kanlab.ui import identity
from tests.helpers.pages import healthy, text_of

OFFER = "New here?"


@pytest.fixture(autouse=True)
def one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "owner", lambda: "this-browser")


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button if str(button.key).startswith("tour")}


def test_it_can_be_refused_and_is_not_offered_again(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OFFER in text_of(healthy(app.run()))
    assert OFFER not in text_of(healthy(app.button(key="tour-skip").click().run()))
    again = AppTest.from_file(app._script_path, default_timeout=30)
    assert OFFER not in text_of(healthy(again.run()))
    monkeypatch.setattr(identity, "owner", lambda: "another-browser")
    assert OFFER in text_of(healthy(again.run()))


def test_it_starts_the_example_and_ends_when_it_is_left(app: AppTest, fake_workers: Callable[..., Path]) -> None:
    fake_workers()
    app.run()
    healthy(app.button(key="tour-start").click().run())
    assert app.title[0].value.startswith("A formula hidden in noise")
    assert "Tour, 1 of 4." in text_of(app)
    assert seen.has_seen("this-browser", "first-run tour")
    healthy(app.button(key="tour-end").click().run())
    assert "Tour," not in text_of(app)
    assert not keys(app)
    healthy(app.switch_page("pages/data.py").run())
    assert OFFER not in text_of(app)


def test_a_folder_that_cannot_be_read_offers_no_tour(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("KANLAB_HOME", str(blocked))
    assert seen.has_seen("anybody", "anything")
    seen.remember("anybody", "anything")  # and says nothing
