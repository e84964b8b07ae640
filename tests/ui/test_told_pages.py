"""Pages in the language of the reader: what they compute is kept for each language, what a study keeps is English."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.kan.search_space import Cell
from kanlab.language import say, use
from kanlab.retelling import retold
from kanlab.selection.candidates import cell_words
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


@pytest.mark.parametrize("cell", [Cell(2, 3, 2), Cell(1, 5, 3), Cell(3, 4, 1, depth=2), Cell(1, 2, 2, depth=3)])
def test_the_stored_name_of_a_network_is_told_as_it_is_said(cell: Cell) -> None:
    with use("en"):
        english = say("trial {number}: {cell}", number=3, cell=cell_words(cell))
    with use("zh"):
        assert retold(english) == say("trial {number}: {cell}", number=3, cell=cell_words(cell)) != english
