"""Whether a target is a quantity, a count, or one of some classes, and its classes by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.encoders import (
    as_text,
    check_target,
    is_date,
    is_numeric,
    missing,
    target_numbers,
    to_numbers,
)
from kanlab.data.odd_cells import odd_cells
from kanlab.data.odd_rows import rows_below, rows_of
from kanlab.data.preparation import MAX_LEVELS
from kanlab.data.reading.cell_rules import BOOLEANS
from kanlab.data.reading.conventions import Conventions
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, REGRESSION, Distribution, TaskName
from kanlab.text import counted, listing, quoted

AUTO = "auto"
TASKS = (AUTO, REGRESSION, CLASSIFICATION, COUNTS)
MOST_CLASSES = 50
FEW_NUMBERS = 10  # whole numbers that may as well be classes
LARGE_COUNT = 20  # medians above that do not make a target a count by themselves


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be predicted. y (rows,): numbers, or classes by number from 0, nan where missing.

    levels: the classes in their order, that of 0 first; none for a quantity.  note: a sentence for whoever chose it.
    distribution: "poisson" of a count.
    """

    y: Array
    levels: tuple[str, ...] = ()
    note: str = ""
    distribution: Distribution = ""


def in_words(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """A table whose target, where it was read as a boolean, is again the two words it was written in."""
    how = Conventions.of(frame).columns.get(target)
    if target not in frame.columns or how is None or not how.words or not pd.api.types.is_bool_dtype(frame[target]):
        return frame
    words = frame[target].astype("object").map({False: how.words[0], True: how.words[1]})
    return frame.assign(**{target: words.astype("str").where(frame[target].notna())})


def refuse_odd_target(frame: pd.DataFrame, target: str, task: str) -> None:
    """Raises DatasetError where a target is text that nearly is a quantity, and nobody asked for its classes."""
    if target not in frame.columns or task == CLASSIFICATION or (task == AUTO and frame[target].nunique() <= 2):
        return
    odd = odd_cells(frame[target])
    named = task != AUTO or frame[target].nunique() > MAX_LEVELS
    if odd is not None and (odd.kind == "limit" or named):
        said = say("The target is no quantity as it is: {sentence}", sentence=odd.sentence)
        raise DatasetError(" ".join(filter(None, (said, rows_of(frame[target], odd.bad), odd.advice(target)))))


def two_levels(column: pd.Series) -> tuple[str, ...]:
    """The two values of a column as text, the one that would count as 1 last; empty where it has more or fewer.

    That is the greater number, the true one of a pair such as yes and no, else the later in the alphabet.
    """
    present = column[~missing(column)]
    if is_date(column) or present.nunique() != 2:
        return ()
    words = sorted(_words(present).unique(), key=float if _is_count(column) else str)
    true = BOOLEANS.get(frozenset(w.strip().casefold() for w in words))
    return tuple(sorted(words, key=lambda w: w.strip().casefold() == true)) if true else tuple(words)


def class_levels(column: pd.Series) -> tuple[str, ...]:
    """The values of a column as text where they can be classes, in their order; empty where they cannot.

    Two as `two_levels` has them. More, up to MOST_CLASSES, where they are texts or whole numbers, and not so many that each
    hardly occurs twice, as in a column of names.
    """
    if two := two_levels(column):
        return two
    present = column[~missing(column)]
    count = int(present.nunique())
    if is_date(column) or not 2 < count <= MOST_CLASSES or 2 * count > len(present):
        return ()
    numbers = _is_count(column)
    if numbers and not np.equal(np.mod(to_numbers(present), 1), 0).all():
        return ()
    return tuple(sorted(_words(present).unique(), key=float if numbers else str))


def _is_count(column: pd.Series) -> bool:
    """Whether it holds numbers that are no booleans."""
    return is_numeric(column) and not pd.api.types.is_bool_dtype(column)


def _words(column: pd.Series) -> pd.Series:
    """Cells as text, whatever stands for a missing value left out."""
    return as_text(pd.Series(to_numbers(column), column.index) if _is_count(column) else column)


def coded(column: pd.Series, levels: tuple[str, ...]) -> Array:
    """A column of classes by number, nan where it holds none of them."""
    places = {level: float(i) for i, level in enumerate(levels)}
    return _words(column).map(places).to_numpy(dtype=float, na_value=np.nan)


def can_be_counts(column: pd.Series) -> bool:
    """Whether a column holds whole numbers alone, none of them below 0."""
    if not _is_count(column):
        return False
    y = to_numbers(column[~missing(column)])
    return bool(len(y) and np.isfinite(y).all() and (y >= 0).all() and (y % 1 == 0).all())


def count_reason(column: pd.Series) -> str:
    """Why a column is taken for a count, in half a sentence; "" where it is not.

    It holds whole numbers from 0 on, three or more and each of several rows, half of them at most LARGE_COUNT, and the large
    ones trail off to the right, as numbers of events do and scores, ages or identifiers do not.
    """
    if not can_be_counts(column):
        return ""
    y = to_numbers(column[~missing(column)])
    distinct, median = len(np.unique(y)), float(np.median(y))
    if y.min() > 0 or distinct < 3 or 2 * distinct > len(y) or median > LARGE_COUNT:
        return ""
    deviation = y - y.mean()
    skewness = float(np.mean(deviation**3) / np.mean(deviation**2) ** 1.5)
    if skewness <= 0.5 / np.sqrt(y.mean()):  # half of what Poisson counts of one mean have
        return ""
    return say(
        "holds whole numbers from 0 to {most:,.0f}, half of them {median:g} or less, as numbers of events do",
        most=y.max(),
        median=median,
    )


def default_task(column: pd.Series) -> TaskName:
    """What a target is taken for: classes where it holds booleans, texts, or 0 and 1; a count where it looks like one."""
    levels = class_levels(column)
    plain = not is_numeric(column) or levels in (("0", "1"), ("False", "True"))
    if levels and plain:
        return CLASSIFICATION
    return COUNTS if count_reason(column) else REGRESSION


def read_target(frame: pd.DataFrame, target: str, task: str = AUTO, positive: str | None = None) -> Target:
    """The target, checked. Raises DatasetError where it cannot be what it is asked to be.

    positive: of two levels the one that counts as 1, where it is not the one of `two_levels`.
    """
    if task not in TASKS:
        raise DatasetError(say("There is no task '{task}'; choose one of {tasks}.", task=task, tasks=", ".join(TASKS)))
    check_target(frame, target)
    column, shown = frame[target], target[:60]
    levels = class_levels(column)
    kind = default_task(column) if task == AUTO else task
    if kind in (REGRESSION, COUNTS):
        if positive is not None:
            raise DatasetError(
                say(
                    "The level {positive} was named to count as 1, but '{shown}' is predicted as a "
                    "number; choose classification, or name no level.",
                    positive=quoted(positive),
                    shown=shown,
                )
            )
        if kind == COUNTS:
            return Target(target_numbers(frame, target), (), _count_note(column, shown, task), "poisson")
        if is_numeric(column) or (len(levels) == 2 and task == REGRESSION):
            return Target(target_numbers(frame, target), note=_offer(levels, shown) if task == AUTO else "")
        raise DatasetError(_neither(column, shown))
    if not levels:
        raise DatasetError(_neither(column, shown))
    if positive is not None:
        if positive not in levels:
            raise DatasetError(
                say(
                    "'{shown}' has no level {positive} that could count as 1; it has {levels}.",
                    shown=shown,
                    positive=quoted(positive),
                    levels=listing(levels),
                )
            )
        if len(levels) > 2:
            raise DatasetError(
                say(
                    "'{shown}' has {levels} classes, each of which is predicted, so that none counts as "
                    "1; name no level.",
                    shown=shown,
                    levels=len(levels),
                )
            )
        levels = (*(w for w in levels if w != positive), positive)
    y = coded(column, levels)
    return Target(y, levels, _note(y, levels, shown))


def _offer(levels: tuple[str, ...], shown: str) -> str:
    """What else numbers could be predicted as, where they are few."""
    if not levels:
        return ""
    if len(levels) == 2:
        return say(
            "'{shown}' holds two numbers, {first} and {second}, and is predicted as a quantity; choose classification as "
            "the task to predict two classes instead.",
            shown=shown,
            first=levels[0],
            second=levels[1],
        )
    if len(levels) > FEW_NUMBERS:
        return ""
    return say(
        "'{shown}' holds {count} whole numbers, {first} to {last}, and is predicted as a quantity; choose classification "
        "as the task to predict {count} classes instead.",
        shown=shown,
        count=len(levels),
        first=levels[0],
        last=levels[-1],
    )


def _count_note(column: pd.Series, shown: str, task: str) -> str:
    """What is done about a count, and how to refuse it. Raises DatasetError where it cannot be one."""
    if not can_be_counts(column):
        present = column[~missing(column)]
        y = to_numbers(column) if is_numeric(column) else np.full(len(column), np.nan)
        odd = (y < 0) | (y % 1 > 0)
        if odd.any():
            raise DatasetError(
                say(
                    "Counts are whole numbers from 0 on, and the target '{shown}' holds values such as {held:g} in {rows}; "
                    "choose regression, or another column.",
                    shown=shown,
                    held=y[odd][0],
                    rows=rows_below(odd),
                )
            )
        raise DatasetError(
            say(
                "Counts are whole numbers from 0 on, and the target '{shown}' holds {held}; choose "
                "regression, or another column.",
                shown=shown,
                held=listing(_words(present).unique(), 1),
            )
        )
    done = say("its mean is predicted, never below 0, by a Poisson likelihood")
    if task != AUTO:
        return say("'{shown}' is predicted as a count: {done}.", shown=shown, done=done)
    return say(
        "'{shown}' {reason}, and is predicted as a count: {done}; choose regression as "
        "the task to predict it as any other number.",
        shown=shown,
        reason=count_reason(column),
        done=done,
    )


def _note(y: Array, levels: tuple[str, ...], shown: str) -> str:
    """The classes and their rows."""
    rows = [int(np.sum(y == i)) for i in range(len(levels))]
    if len(levels) == 2:
        return say(
            "'{shown}' has two classes: {one} counts as 1 ({ones}), {zero} as 0 ({zeros}).",
            shown=shown,
            one=listing(levels[1:]),
            ones=counted(rows[1], "row"),
            zero=listing(levels[:1]),
            zeros=counted(rows[0], "row"),
        )
    least, most = int(np.argmin(rows)), max(rows)
    known = {"shown": shown, "count": len(levels), "classes": listing(levels, 8), "most": most}
    if rows[least] == most:
        return say(
            "'{shown}' has {count} classes, {classes}, of {most:,} rows each; the probability of each is predicted.",
            **known,
        )
    return say(
        "'{shown}' has {count} classes, {classes}, with {least:,} ({rarest}) to {most:,} rows; the probability of each is "
        "predicted.",
        least=rows[least],
        rarest=listing([levels[least]]),
        **known,
    )


def _neither(column: pd.Series, shown: str) -> str:
    """What is wrong with a target that is neither a number nor one of some classes."""
    count = int(column[~missing(column)].nunique())
    if is_numeric(column):
        return say(
            "The target '{shown}' holds {unique_numbers}, and classification needs whole "
            "numbers, at most {most_classes} of them and each of several rows; choose "
            "regression, or another column.",
            shown=shown,
            unique_numbers=counted(count, "unique number"),
            most_classes=MOST_CLASSES,
        )
    if is_date(column) or count < 2:
        what = (
            say("values such as {example}", example=listing(_words(column).dropna().unique(), 1))
            if count
            else say("nothing")
        )
        return say(
            "The target '{shown}' holds {what}, not numbers; choose a numeric column, or one of "
            "some classes, to predict.",
            shown=shown,
            what=what,
        )
    return say(
        "The target '{shown}' holds {count:,} unique texts ({examples}), not numbers, and "
        "kanlab predicts at most {most_classes} classes, each of several rows: pool the rare "
        "ones in a column of fewer, or choose a numeric column to predict.",
        shown=shown,
        count=count,
        examples=listing(sorted(_words(column).dropna().unique()), 3),
        most_classes=MOST_CLASSES,
    )
