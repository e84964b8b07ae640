"""The language of the pages: what `?lang=` of an address has chosen, else KANLAB_LANG, else that of the browser."""

from __future__ import annotations

import json
import os
import threading
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from kanlab import language
from kanlab.language import LANGUAGES, TAGS, marked, say
from kanlab.ui.browser_cookies import LANG, LANGUAGE_COOKIE

_SESSION = "kanlab_language"
_asked = threading.local()  # for which session this thread draws, and its language
_SCRIPT = Path(__file__).with_name("reader_language.js").read_text(encoding="utf-8")

# what Streamlit itself writes in its widgets, which take no other words
_OF_STREAMLIT = (
    marked("Help for {name}"),
    marked("Fullscreen: {name}"),
    marked("Remove {name}"),
    marked("{name} icon"),
    marked("{name} — start"),
    marked("{name} — end"),
    marked("progress"),
    marked("Open"),
    marked("Skip to main content"),
    marked("file upload"),
    marked("Show data"),
    marked("Download as PNG"),
    marked("Download as SVG"),
    marked("Copy Vega-Lite spec"),
    marked("Download as CSV"),
    marked("Increment"),
    marked("Decrement"),
    marked("Upload"),
    marked("200MB per file"),
    marked("Add files"),
    marked("Drag and drop a file here"),
    marked("Drag and drop files here"),
    marked("No results"),
    marked("No options to select"),
    marked("Choose an option"),
    marked("Choose options"),
    marked("Select all"),
    marked("Clear value"),
    marked("Clear all"),
    marked("Press Enter to apply"),
    marked("Fullscreen"),
    marked("Close fullscreen"),
    marked("Search"),
    marked("Show/hide columns"),
    marked("Sort ascending"),
    marked("Sort descending"),
    marked("Format"),
    marked("Autosize"),
    marked("Pin column"),
    marked("Unpin column"),
    marked("Hide column"),
    marked("Copy column name"),
    marked("Statistics"),
    marked("System"),
    marked("Light"),
    marked("Dark"),
    marked("Print"),
    marked("Record screen"),
    marked("Main menu"),
    marked("Close"),
    marked("Copy to clipboard"),
    marked("Copied"),
    marked("Navigate to home page"),
    marked("Running..."),
    marked("Stop"),
)


def chosen(cookies: dict[str, str], *browser: str | None) -> str:
    """The language for a reader with these cookies, whose browser asks for these languages, best first."""
    return language.known(cookies.get(LANGUAGE_COOKIE) or None, os.environ.get(language.VARIABLE) or None, *browser)


def of_reader() -> str:
    """The language of the session that is drawn; "" where none is, as in a thread that works for all."""
    run = get_script_run_ctx(suppress_warning=True)
    if run is None:
        return ""
    if (
        getattr(_asked, "run", None) is not run
    ):  # a page says thousands of sentences, and the state of a session is slow
        if _SESSION not in st.session_state:
            st.session_state[_SESSION] = chosen(dict(st.context.cookies), st.context.locale)
        _asked.run, _asked.language = run, str(st.session_state[_SESSION])
    return str(_asked.language)


def apply() -> None:
    """Call it once per run, in app.py: every sentence is said in the reader's language, and the browser is told which."""
    language.ask(of_reader)
    now = language.active()
    words = {words: told for words in _OF_STREAMLIT if (told := say(words)) != words}
    script = f"({_SCRIPT.strip().removesuffix(';')})({json.dumps(TAGS[now])}, {json.dumps(words, ensure_ascii=False)});"
    st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def switch() -> None:
    """A link to the page in the other language. It loads the page anew, so the browser keeps what was chosen."""
    for other, name in LANGUAGES.items():
        if other != language.active():
            address = urlencode([*((k, v) for k, v in st.query_params.items() if k != LANG), (LANG, other)])
            st.html(
                f'<a class="language" href="?{escape(address)}" lang="{TAGS[other]}" hreflang="{TAGS[other]}">{name}</a>',
                width="content",
            )
