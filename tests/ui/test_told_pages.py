"""Pages in the language of the reader: what they compute is kept for each language, what a study keeps is English."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.language import use
from kanlab.ui.widgets import literal
from tests.helpers.pages import healthy


def test_what_a_session_remembers_is_in_the_language_that_asks() -> None:
    def page() -> None:
        import streamlit as st

        from kanlab.language import say, use
        from kanlab.ui import session

        for language in ("en", "zh", "en"):
            with use(language):
                st.write(session.remember("word", 1, lambda: say("Data")))

    assert [told.value for told in AppTest.from_function(page).run().markdown] == ["Data", "数据", "Data"]


def test_a_name_that_is_also_a_word_of_the_app_stays() -> None:
    with use("zh"):
        assert literal("Data") == "Data"


def test_the_data_set_of_a_chinese_page_is_noted_in_english(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_LANG", "zh")
    app.session_state["kanlab_language"] = "zh"
    page = healthy(app.run().selectbox(key="example").select("statecrime").run())
    assert page.title[0].value == "数据"
    notes = page.session_state["kanlab_dataset"].notes
    assert notes
    assert all(note.isascii() for note in notes)
