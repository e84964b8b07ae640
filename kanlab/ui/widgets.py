"""Pieces the pages have in common."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import NoReturn

import streamlit as st

from kanlab.errors import KanlabError
from kanlab.study.storage import STORAGE_ERRORS, storage_trouble
from kanlab.ui.navigation import enter_through_app

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^@/])")

# an escaped address is made a link all the same; a joiner, which has no width, keeps the pieces together and apart
_ADDRESS = re.compile(r"(https?:(?=//)|www(?=\.)|@(?=[-\w]))", re.IGNORECASE)
_JOINER = "\u2060"

AICC_HELP = (
    r"$\mathrm{AICc} = n\ln(\mathrm{RSS}/n) + 2K + \frac{2K(K+1)}{n-K-1}$ with n training rows and K parameters; of two "
    "classes the deviance stands in the place of the first term. "
    "Lower is better; only differences between models of the same rows mean something."
)

DEVIANCE_HELP = (
    r"$-2\ln L = -2\sum[y\ln p + (1-y)\ln(1-p)]$ on the training rows, with p the probability of the class that counts as 1. "
    "0 is certain and right in every row."
)
LOG_LOSS_HELP = "Mean of −ln(the probability given to what happened), in nats a row: 0.693 is a coin."


def literal(text: object) -> str:
    """Text as data: shown as it is wherever Streamlit would read Markdown, LaTeX, colours, emoji codes or links."""
    whole = _ADDRESS.sub(rf"\1{_JOINER}", str(text).replace("\n", " "))
    return _MARKDOWN.sub(r"\\\1", whole)


def short(name: str, most: int = 60) -> str:
    """A name that fits into a sentence."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def heading(title: str, purpose: str) -> None:
    """A page's title and the one sentence of what it is for. Every page begins with it."""
    enter_through_app()
    st.title(title, anchor=False)
    st.markdown(purpose)


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Show what goes wrong on purpose as its sentence, and stop the page there."""
    try:
        yield
    except KanlabError as error:
        st.error(literal(error), icon=":material/error:")
        st.stop()
    except STORAGE_ERRORS as error:
        st.error(literal(storage_trouble(error)), icon=":material/error:")
        st.stop()


def notes(lines: tuple[str, ...]) -> None:
    """What was done to the data, one line each."""
    if lines:
        st.caption("  \n".join(literal(line) for line in lines))


def go_first_to(page: st.Page, sentence: str, label: str) -> NoReturn:
    """An empty state: why there is nothing here yet, and the way on."""
    st.info(sentence, icon=":material/arrow_back:")
    st.page_link(page, label=label)
    st.stop()
