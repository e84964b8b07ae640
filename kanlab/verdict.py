"""What to recommend and why: a study and its judgement in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanlab.alarms import TIE, Alarm, alarms
from kanlab.candidates import Candidate, candidates, seeds_judged
from kanlab.families import JUDGED
from kanlab.judging import Judgement
from kanlab.study import StudyHandle, TrialRecord


@dataclass(frozen=True)
class Verdict:
    """The recommendation, its reasons, its rivals, and the alarms."""

    choice: Candidate | None
    reasons: list[str]
    ties: list[Candidate]
    alarms: list[Alarm]
    candidates: list[Candidate]


def choose(listed: Sequence[Candidate]) -> tuple[Candidate | None, float]:
    """The candidate of least AICc, or a smaller one within the noise measured over seeds; and that noise.

    The noise is the median spread of the finalists, 0 before they are refitted. Networks compete with the linear models of
    every table; the families that are fitted for comparison are listed, and raise an alarm where they do better.
    """
    judged = [c for c in listed if c.aicc is not None and c.family not in JUDGED]
    if not judged:
        return None, 0.0
    spreads = [c.spread for c in judged if c.spread is not None]
    noise = float(np.median(spreads)) if spreads else 0.0
    least = min(c.aicc or 0.0 for c in judged)
    near = [c for c in judged if (c.aicc or 0.0) <= least + noise]
    return min(near, key=lambda c: (c.n_params or 0, c.aicc or 0.0)), noise


def verdict(handle: StudyHandle, records: Sequence[TrialRecord], judgement: Judgement | None) -> Verdict:
    """Recommendation, reasons, ties and alarms of a study as it stands."""
    listed = candidates(handle, records, judgement)
    choice, noise = choose(listed)
    if choice is None or choice.aicc is None:
        return Verdict(None, [], [], [], listed)
    ties = [c for c in listed if c is not choice and c.aicc is not None and abs(c.aicc - choice.aicc) <= TIE]
    return Verdict(
        choice, _reasons(choice, listed, noise), ties, alarms(handle, records, judgement, listed, choice), listed
    )


def _reasons(choice: Candidate, listed: Sequence[Candidate], noise: float) -> list[str]:
    assert choice.aicc is not None
    least = min(c.aicc for c in listed if c.aicc is not None and c.family not in JUDGED)
    reasons = []
    if choice.aicc == least:
        reasons.append("It has the least AICc of all networks and linear models.")
    else:
        reasons.append(
            f"Its AICc is {choice.aicc - least:.1f} above the least, within the {noise:.1f} units by which the AICc of a "
            "network changes with its seed, and it has fewer parameters."
        )
    linear = next((c for c in listed if c.family == "linear" and c.aicc is not None), None)
    if choice.trial and linear and linear.aicc is not None:
        reasons.append(f"Its AICc is {linear.aicc - choice.aicc:,.1f} below that of the linear model.")
    if choice.wins is not None:
        reasons.append(
            f"Refitted from {seeds_judged(listed)} other seeds, it is the best of the finalists in {choice.wins}."
        )
    if choice.cv_error is not None and choice.cv_se is not None:
        what, unit = ("error", ", in units of the target") if choice.classes is None else ("log-loss", " a row")
        reasons.append(f"Its cross-validated {what} is {choice.cv_error:.4g} ± {choice.cv_se:.2g}{unit}.")
    if choice.classes is not None and choice.classes.accuracy_test is not None:
        reasons.append(f"It tells {100 * choice.classes.accuracy_test:.0f}% of the test rows right.")
    return reasons
