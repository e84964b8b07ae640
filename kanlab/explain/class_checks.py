r"""What probabilities of classes say against a model, on rows it was not fitted to where there are some.

calibration  Spiegelhalter's z (Statistics in Medicine 5, 1986), of more than two classes of the likeliest one
ranking      the area under the ROC curve and its standard error (Hanley & McNeil, Radiology 143, 1982)
confusion    the share of rows named rightly, beside that of always naming the most frequent class
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from kanlab.arrays import Array
from kanlab.explain.curves import average_precision, gains
from kanlab.explain.residual_checks import ALPHA, Check, p_words, two_sided
from kanlab.language import marked, say
from kanlab.stats.metrics import accuracy, area_under_roc, likeliest
from kanlab.stats.metrics import confusion as confusion_table
from kanlab.text import short, together

TEST, TRAINING = marked("test"), marked("training")  # rows
FEWEST = 20  # rows that tell whether probabilities are right


def calibrated(p: Array, y: Array, rows: str) -> Check:
    """Whether probabilities p (n,) or (n, classes) come true in y (n,). rows: which these are."""
    if p.ndim == 2:
        y, p = np.asarray(likeliest(p) == y, dtype=float), p.max(axis=1)
    sure = float(np.sqrt(np.sum((1.0 - 2.0 * p) ** 2 * p * (1.0 - p))))
    if len(y) < FEWEST or sure == 0.0:
        return Check(
            "calibration",
            None,
            say("There are too few {rows} rows to see whether the probabilities are right.", rows=say(rows)),
        )
    z = float(np.sum((y - p) * (1.0 - 2.0 * p)) / sure)
    value = two_sided(z)
    told = say("(Spiegelhalter's z {z:.1f}, {p_words})", z=z, p_words=p_words(value))
    if value >= ALPHA:
        return Check(
            "calibration",
            False,
            say("{count:,} {rows} rows find the probabilities right {told}.", count=len(y), rows=say(rows), told=told),
            value,
        )
    words = (
        say(
            "The probabilities are too sure: what is given 90% comes less often {told}. Validate the finalists, and take "
            "the simplest of those that are tied.",
            told=told,
        )
        if z > 0
        else say(
            "The probabilities are not sure enough: what is given 90% comes more often {told}. Validate the finalists, "
            "and take the simplest of those that are tied.",
            told=told,
        )
    )
    return Check("calibration", True, words, value, "validate")


def ranking(p: Array, y: Array, rows: str, levels: Sequence[str]) -> Check:
    """Whether rows of a class have higher probabilities of it than others."""
    auc = area_under_roc(p, y)
    if auc is None:
        return Check(
            "ranking", None, say("The {rows} rows are all of one class, so there is nothing to rank.", rows=say(rows))
        )
    if p.ndim == 2:
        words = say(
            "Of pairs of a row of a class and one of another, the model puts the right one first in {share:.0%} "
            "(AUC {auc:.2f}; 0.5 is chance), in the mean over the classes.",
            share=auc,
            auc=auc,
        )
        return Check("ranking", auc <= 0.5, words)
    found = gains(p, y)
    tenth = float(np.interp(0.1, np.append(0.0, found["rows"]), np.append(0.0, found["found"])))
    words = say(
        "Of pairs of rows of both classes the model puts the right one first in {pairs:.0%} (AUC {auc:.2f}; 0.5 is "
        "chance). The tenth of rows of "
        "highest probability holds {share:.0%} of all '{level}'; the average precision is "
        "{average_precision:.2f}, by chance it would be {chance:.2f}.",
        pairs=auc,
        auc=auc,
        share=tenth,
        level=short(levels[1], 30),
        average_precision=average_precision(p, y),
        chance=float(y.mean()),
    )
    low = auc - float(ndtri(1.0 - ALPHA)) * auc_error(auc, int(y.sum()), int(len(y) - y.sum()))
    if low > 0.5:
        return Check("ranking", False, words)
    return Check("ranking", True, say("{words} So few rows cannot tell that from chance.", words=words), None, "wider")


def confusion(p: Array, y: Array, rows: str, levels: Sequence[str]) -> Check:
    """Whether the likeliest class is the true one more often than the most frequent one is."""
    table = confusion_table(p, y)
    right, usual = accuracy(p, y), float(table.sum(axis=1).max() / len(y))
    words = say(
        "{share:.0%} of {count:,} {rows} rows are named rightly; always naming the most "
        "frequent class, {usual:.0%} would be.",
        share=right,
        count=len(y),
        rows=say(rows),
        usual=usual,
    )
    if right <= usual:
        worth = say("As names the predictions are worth no more than that; the probabilities may still rank the rows.")
        return Check("confusion", True, together([words, worth]), None, "wider")
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return Check("confusion", False, words)
    true, named = (int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
    error = say(
        "The most frequent error: {count} of '{level}' are taken for '{other}'.",
        count=int(wrong[true, named]),
        level=short(levels[true], 30),
        other=short(levels[named], 30),
    )
    return Check("confusion", False, together([words, error]))


def auc_error(auc: float, ones: int, zeros: int) -> float:
    """Standard error of an area under the ROC curve of so many rows of both classes (Hanley & McNeil 1982, equation 2).

    >>> round(auc_error(0.8, 50, 50), 4)
    0.0445
    """
    first, second = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    whole = auc * (1 - auc) + (ones - 1) * (first - auc**2) + (zeros - 1) * (second - auc**2)
    return float(np.sqrt(max(whole, 0.0) / max(ones * zeros, 1)))
