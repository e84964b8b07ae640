"""One network that can be read, or the average of several that predicts: for which of the two the evidence speaks."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from kanlab.language import marked, say
from kanlab.selection.candidates import Candidate

Use = Literal["read", "predict"]
USES: tuple[Use, ...] = get_args(Use)
CROSS_VALIDATED, LEFT_OUT = marked("cross-validated"), marked("leave-one-out (LOO)")
WORTH = 0.02  # of the error: a smaller gain is no reason to give up a formula


def headline(choice: Candidate, average: Candidate | None, whole: Candidate | None = None) -> tuple[Use, str]:
    """What to take by default, and why in a sentence.

    choice: the model to read.  whole: the network it was before it lost some edges, None where it has lost none: rows left out
    do not see the choice among edges, so theirs is the error that is compared; folds do.
    """
    if average is None:
        return "read", ""
    errors, which = _against(choice, average, whole)
    if errors is None:
        return "read", say("Which of them predicts better is not known, so the one to read is taken.")
    kind, read, predict = errors
    change = 1 - predict / read if read > 0 else 0.0
    if predict < (1 - WORTH) * read:
        return "predict", (
            say(
                "To predict: the {label} has a {kind} error {change:.1%} below {which}. It has no single formula.",
                label=average.label,
                kind=say(kind),
                change=change,
                which=which,
            )
        )
    of_this = (
        say("that of this model")
        if whole is None or kind == CROSS_VALIDATED
        else say("that of this model with all its edges")
    )
    return (
        "read",
        say(
            "The {kind} error of the {label} is only {change:.1%} below {of_this}, which has a formula.",
            kind=say(kind),
            label=average.label,
            change=change,
            of_this=of_this,
        )
        if change > 0
        else say(
            "The {kind} error of the {label} is no lower than {of_this}, which has a formula.",
            kind=say(kind),
            label=average.label,
            of_this=of_this,
        ),
    )


def of_average(choice: Candidate, average: Candidate | None, whole: Candidate | None = None) -> str:
    """How the average compares with the model to read, in a sentence about the average; arguments as of `headline`."""
    if average is None:
        return ""
    errors, which = _against(choice, average, whole)
    if errors is None:
        return say("Whether it predicts better than the model to read is not known.")
    kind, read, predict = errors
    change = 1 - predict / read if read > 0 else 0.0
    if predict < (1 - WORTH) * read:
        return say("Its {kind} error is {change:.1%} below {which}.", kind=say(kind), change=change, which=which)
    if change > 0:
        return say(
            "Its {kind} error is only {change:.1%} below {which}, which has a formula.",
            kind=say(kind),
            change=change,
            which=which,
        )
    return say("Its {kind} error is no lower than {which}, which has a formula.", kind=say(kind), which=which)


def _against(
    choice: Candidate, average: Candidate, whole: Candidate | None
) -> tuple[tuple[str, float, float] | None, str]:
    """What `_compared` finds of the model to read, and which model that is."""
    errors, which = _compared(choice, average), say("that of the model to read")
    if whole is not None and errors is not None and errors[0] != CROSS_VALIDATED:
        errors, which = _compared(whole, average), say("that of the model to read before it lost its edges")
    return errors, which


def _compared(choice: Candidate, average: Candidate) -> tuple[str, float, float] | None:
    """What error both have, and theirs: cross-validated, else leave-one-out."""
    if choice.cv_error is not None and average.cv_error is not None:
        return CROSS_VALIDATED, choice.cv_error, average.cv_error
    if choice.press is not None and average.press is not None:
        root = np.sqrt if choice.deviance is None else float
        return LEFT_OUT, float(root(choice.press)), float(root(average.press))
    return None
