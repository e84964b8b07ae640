"""Where a table ends: totals and footnotes below the data, which are no rows of it."""

from __future__ import annotations

import re

import pandas as pd

from kanlab.data.reading.cell_rules import is_number

_MOST = 30  # rows looked at from the end
_TOTAL = re.compile(
    r"(?:(?:grand|sub|over-?all)[- ]?)?(?:totals?|sums?|average|avg|mean|median|count|std)(?: .{0,30})?"
    r"|(?:gesamt|zwischen|end)?(?:summe|gesamt|insgesamt|mittelwert|mittel|durchschnitt)"
    r"|(?:total|somme|moyenne|suma|totale|media|totaal|итого|всего|среднее)(?: g[eé]n[eé]ral)?"
    r"|合计|总计|小计|合計|總計|平均|平均值|계|합계",
    re.IGNORECASE,
)


def footer_rows(frame: pd.DataFrame) -> int:
    """How many of the last rows of cells, as they were read, are totals, footnotes or empty.

    A footnote is text in the first column alone below rows that are filled; a total is a row whose first cell says so
    ("Total", "Summe", "合计"), which no row above it does.
    """
    if frame.shape[1] < 2 or len(frame) < 5:
        return 0
    tail = frame.iloc[-_MOST:]
    filled = tail.notna().sum(axis=1).tolist()
    usual = sorted(filled)[len(filled) // 2]
    first = [None if pd.isna(v) else str(v).strip() for v in tail.iloc[:, 0]]
    end = len(tail)
    notes = 0
    while end > 2 and usual > 1 and _is_footnote(first[end - 1], filled[end - 1]):
        notes += filled[end - 1] > 0
        end -= 1
    if notes and frame.shape[1] == 2 and not all(is_number(c or "") for c in first[:end]):
        end = len(tail)  # of two columns the last one may just be missing
    totals = end
    while totals > 2 and first[totals - 1] is not None and _TOTAL.fullmatch(str(first[totals - 1]).rstrip(" :")):
        totals -= 1
    words = set(first[totals:end])
    if words and not frame.iloc[: len(frame) - len(tail) + totals, 0].isin(words).any():
        end = totals
    return len(tail) - end


def _is_footnote(first: str | None, filled: int) -> bool:
    return filled == 0 or (filled == 1 and first is not None and not is_number(first))
