"""One network that can be read, or the average of several that predicts: for which of the two the evidence speaks."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from kanlab.selection.candidates import Candidate

Use = Literal["read", "predict"]
USES: tuple[Use, ...] = get_args(Use)
WORTH = 0.02  # of the error: a smaller gain is no reason to give up a formula


def headline(choice: Candidate, average: Candidate | None) -> tuple[Use, str]:
    """What to take by default, and why in a sentence. choice: the model to read."""
    if average is None:
        return "read", ""
    errors = _compared(choice, average)
    if errors is None:
        return "read", "Which of them predicts better is not known, so the one to read is taken."
    kind, read, predict = errors
    change = 100 * (1 - predict / read) if read > 0 else 0.0
    if predict < (1 - WORTH) * read:
        return "predict", (
            f"To predict: the {average.label} has a {kind} error {change:.1f}% below that of the model to read. It has no "
            "single formula."
        )
    words = f"only {change:.1f}% below" if change > 0 else "no lower than"
    return (
        "read",
        f"To read: the {kind} error of the {average.label} is {words} that of this model, which has a formula.",
    )


def _compared(choice: Candidate, average: Candidate) -> tuple[str, float, float] | None:
    """What error both have, and theirs: cross-validated, else leave-one-out."""
    if choice.cv_error is not None and average.cv_error is not None:
        return "cross-validated", choice.cv_error, average.cv_error
    if choice.press is not None and average.press is not None:
        root = np.sqrt if choice.deviance is None else float
        return "leave-one-out (LOO)", float(root(choice.press)), float(root(average.press))
    return None
