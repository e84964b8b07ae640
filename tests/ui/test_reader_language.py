"""Who is told what in which language: the address before KANLAB_LANG before the browser, English for all others."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kanlab import language
from kanlab.ui.browser_cookies import LANGUAGE_COOKIE
from kanlab.ui.reader_language import chosen, of_reader


@pytest.mark.parametrize(
    ("cookies", "setting", "browser", "expected"),
    [
        ({}, "", None, "en"),
        ({}, "", "zh-CN", "zh"),
        ({}, "", "zh-Hant-TW", "zh"),
        ({}, "", "fr-FR", "en"),
        ({}, "en", "zh-CN", "en"),
        ({}, "zh_CN.UTF-8", "en-GB", "zh"),
        ({LANGUAGE_COOKIE: "zh"}, "en", "en-GB", "zh"),
        ({LANGUAGE_COOKIE: "en"}, "", "zh-CN", "en"),
        ({LANGUAGE_COOKIE: "klingon"}, "", "zh-CN", "zh"),
    ],
)
def test_the_language_of_a_reader(
    monkeypatch: pytest.MonkeyPatch, cookies: dict[str, str], setting: str, browser: str | None, expected: str
) -> None:
    monkeypatch.setenv("KANLAB_LANG", setting)
    assert chosen(cookies, browser) == expected


def test_a_thread_without_a_reader_speaks_the_language_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANLAB_LANG", raising=False)
    monkeypatch.setattr(language, "_of_reader", [of_reader])
    assert (of_reader(), language.active()) == ("", "en")


def test_a_session_speaks_its_own_language() -> None:
    def script() -> None:
        import streamlit as st

        from kanlab.language import active, say
        from kanlab.ui import reader_language

        reader_language.apply()
        st.text(f"{active()}: {say('Close')}")

    app = AppTest.from_function(script)
    app.session_state["kanlab_language"] = "zh"
    assert app.run().text[0].value == "zh: 关闭"
    assert AppTest.from_function(script).run().text[0].value == "en: Close"
