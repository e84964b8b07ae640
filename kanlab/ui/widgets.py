"""Pieces that several pages share: headings, tables, downloads, errors, and the help of AICc and its relatives."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import streamlit as st

from kanlab.errors import KanlabError
from kanlab.language import marked
from kanlab.retelling import retold
from kanlab.study.storage import study_trouble
from kanlab.ui import session
from kanlab.ui.navigation import enter_through_app

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&=^@/])")

# Streamlit makes a link even of an escaped address; a word joiner, which has no width, prevents that
_ADDRESS = re.compile(r"(https?:(?=//)|www(?=\.)|@(?=[-\w]))", re.IGNORECASE)
_JOINER = "\u2060"

DASH = "—"  # of what is not known

AICC_HELP = marked(
    "$\\mathrm{AICc} = n\\ln(\\mathrm{RSS}/n) + 2K + \\frac{2K(K+1)}{n-K-1}$ with n "
    "training rows and K parameters (for two classes the deviance replaces the first "
    "term). The corrected Akaike information criterion weighs the fit against the number "
    "of parameters. Lower is better; only differences between models of the same rows "
    "are meaningful."
)
SPENT_HELP = marked(
    "What the fit has spent: the effective degrees of freedom of the penalised fit and a "
    "charge for the search. The roughness penalty holds the rest of K."
)
SPENT_RANKS_HELP = marked(
    "AICc with effective K in the place of K. Networks are ranked by it among each other, lowest first."
)
SUPPORT_HELP = marked(
    "Burnham & Anderson (2002): models up to 2 above the lowest have substantial "
    "support, models 4 to 7 above it considerably less, models more than 10 above it "
    "essentially none."
)
K_HELP = marked(
    "Number of parameters by the counting rule of the study, including the noise variance if the study counts it."
)
RSS_HELP = marked("Residual sum of squares: the sum of (observed − predicted)²")
TEST_HELP = marked("On the test rows, which are never used to train or to choose.")

DEVIANCE_HELP = marked(
    "$-2\\ln L = -2\\sum[y\\ln p + (1-y)\\ln(1-p)]$ on the training rows, with p the "
    "probability of the class that counts as 1. 0 is certain and right in every row."
)
COUNT_DEVIANCE_HELP = marked(
    "The Poisson deviance, $2\\sum[y\\ln(y/\\mu) - y + \\mu]$ with $\\mu$ the predicted "
    "mean, on the training rows. 0 is exact in every row."
)
MEAN_DEVIANCE_HELP = marked(
    "Poisson deviance divided by the number of rows: near 1 where counts of 1 and more vary by chance alone."
)
LOG_LOSS_HELP = marked(
    "Mean of −ln(predicted probability of the observed class), in nats per row. 0.693 is no better than a coin toss."
)


def literal(text: object) -> str:
    """Text shown as it is where Streamlit would read Markdown, LaTeX, colours, emoji codes or links; sentences are retold.

    What is one word may be a name in somebody's table, and stays.
    """
    words = str(text)
    told = retold(words) if " " in words else words
    whole = _ADDRESS.sub(rf"\1{_JOINER}", told.replace("\n", " "))
    return _MARKDOWN.sub(r"\\\1", whole)


def heading(title: str, purpose: str) -> None:
    """A page's title and what the page is for, unless the tour says so. Every page begins with it."""
    enter_through_app()
    st.title(title, anchor=False)
    if not session.is_guided():
        st.markdown(purpose)


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Show an expected error as its sentence, and stop the page there. Also a decorator, of fragments and dialogs."""
    try:
        yield
    except Exception as error:
        sentence = str(error) if isinstance(error, KanlabError) else study_trouble(error)
        if not sentence:
            raise
        st.error(literal(sentence), icon=":material/error:")
        st.stop()


def notes(lines: tuple[str, ...]) -> None:
    """What was done to the data, one line each."""
    if lines:
        st.caption("  \n".join(literal(line) for line in lines))


def go_first_to(page: Path, sentence: str, label: str) -> NoReturn:
    """An empty state: why there is nothing here yet, and a link to the page to use first."""
    st.info(sentence, icon=":material/arrow_back:")
    st.page_link(page, label=label)
    st.stop()


_ROW = 33  # pixels of a row of a table, at the font size of the theme


def table(frame: pd.DataFrame, key: str, **options: Any) -> Any:
    """A table without row numbers, in which a missing value is a dash. options: of st.dataframe; a height in pixels is at most
    that of its rows.
    """
    height = options.get("height")
    if isinstance(height, int) and (len(frame) + 1) * _ROW < height:
        options["height"] = "content"
    name = f"rows-{key}" if "on_select" in options else f"table-{key}"  # by which keyboard.js finds rows to select
    with st.container(key=name):
        return st.dataframe(frame, key=key, hide_index=True, placeholder=DASH, **options)


def download(label: str, content: Any, file_name: str, mime: str = "text/csv", **options: Any) -> None:
    """A download button that leaves the page as it is. content: text, bytes, or what makes them."""
    options = {"icon": ":material/download:"} | options
    st.download_button(label, content, file_name, mime, on_click="ignore", **options)
