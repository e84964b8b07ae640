"""What gaps cost a table whose rows are dropped for them, and how to keep these rows."""

from __future__ import annotations

from kanlab.data.dataset import Dataset
from kanlab.data.reading.typed import Table
from kanlab.language import say
from kanlab.text import listing, quoted

MANY = 0.1  # of the rows


def rows_lost(data: Dataset, table: Table) -> str:
    """How many rows of a table are dropped for gaps in its features, which of these have most, and the options that keep the
    rows; "" where they are few.
    """
    recipe, frame = data.recipe, table.frame
    dropped = [name for name in recipe.sources if recipe.preparation.gaps_in(name) != "fill"]
    missing = frame.loc[frame[recipe.target].notna(), dropped].isna()
    rows, lost = len(missing), int(missing.any(axis=1).sum())
    if lost <= MANY * rows:
        return ""
    shares = missing.mean().nlargest(2)
    worst = say(", ").join(f"{quoted(name)} ({100 * share:.2g}%)" for name, share in shares.items() if share)
    counts = {"lost": lost, "rows": rows, "worst": worst}
    words = [word for word in table.report.missing_seen if word.isalpha() and word.casefold() in _VALUES]
    if words:
        return say(
            "{lost:,} of {rows:,} rows are lost to gaps, most of them in {worst}. {words} counts as missing; where it is a "
            "value, --present {word} keeps it. --fill-gaps fills the gaps, --features chooses columns without.",
            words=listing(words[:1]),
            word=words[0],
            **counts,
        )
    return say(
        "{lost:,} of {rows:,} rows are lost to gaps, most of them in {worst}. --fill-gaps fills the gaps, --features chooses "
        "columns without.",
        **counts,
    )


_VALUES = ("none", "nil")  # words for missing that name a level as well
