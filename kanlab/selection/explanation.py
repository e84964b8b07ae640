"""What to recommend and why: a study and its judgement in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanlab.baselines.registry import JUDGED
from kanlab.selection.candidates import Candidate, candidates, names_words, seeds_judged
from kanlab.selection.decision import aicc_of, beats, choose, reference
from kanlab.selection.diagnostics import TIE, Alarm, alarms
from kanlab.selection.validation import Judgement
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord


@dataclass(frozen=True)
class Verdict:
    """The recommendation, its reasons, its rivals, and the alarms."""

    choice: Candidate | None
    reasons: list[str]
    ties: list[Candidate]
    alarms: list[Alarm]
    candidates: list[Candidate]


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
    judged = [c for c in listed if c.aicc is not None and c.family not in JUDGED]
    held, least = reference([c for c in judged if not c.is_network]), min(judged, key=aicc_of)
    above = choice.aicc - aicc_of(least)
    reasons = []
    if above == 0.0:
        reasons.append("It has the least AICc of all networks and linear models.")
    elif above <= noise:
        reasons.append(
            f"Its AICc is {above:.1f} above the least, within the {noise:.1f} units by which the AICc of a network changes "
            "with its seed, and it has fewer parameters."
        )
    elif held is not None and least.press is not None:
        reasons.append(_not_the_least(choice, held, least))
    if choice.reduced is not None:
        reasons.append(_without(choice, listed))
    if held is not None and choice is not held and choice.press is not None and choice.press_se:
        gain = ((held.press or 0.0) - choice.press) / choice.press_se
        reasons.append(
            f"It predicts rows left out of its fit with {_share(choice, held)} than {_name(held)}, a difference of {gain:.1f} "
            "standard errors."
        )
    linear = next((c for c in judged if c.family == "linear"), None)
    if choice.is_network and linear is not None:
        reasons.append(f"Its AICc is {aicc_of(linear) - choice.aicc:,.1f} below that of the {linear.label} model.")
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


def _name(candidate: Candidate) -> str:
    if candidate.family == "constant":
        return "the mean"
    return f"the network of {candidate.label}" if candidate.is_network else f"the {candidate.label} model"


def _share(candidate: Candidate, held: Candidate) -> str:
    """Its RMSE on rows left out, beside that of the reference."""
    change = np.sqrt((candidate.press or 0.0) / max(held.press or 0.0, np.finfo(float).tiny)) - 1
    return f"{100 * abs(change):.1f}% {'less' if change < 0 else 'more'} error"


def _not_the_least(choice: Candidate, held: Candidate, least: Candidate) -> str:
    """Why another model's AICc is lower, and it is not taken all the same."""
    gap = aicc_of(choice) - aicc_of(least)
    lower = f"{gap:,.1f} lower" if gap >= 0.1 else "as low"
    words = f"The AICc of {_name(least)} is {lower}, but it predicts rows left out of its fit "
    if beats(least, held, held):
        return words + f"with {_share(least, choice)} than this one."
    beyond = "." if _share(least, held).endswith("more error") else ", too small a difference to be sure of."
    return words + f"with {_share(least, held)} than {_name(held)}{beyond}"


def _without(choice: Candidate, listed: Sequence[Candidate]) -> str:
    """What the features left out are worth."""
    reduced = choice.reduced
    assert reduced is not None
    full = next((c for c in listed if c.trial is not None and c.trial.number == reduced.number), None)
    one = len(reduced.without) == 1
    words = f"The edges of {names_words(reduced.without)} do next to nothing"
    if full is None or full.aicc is None:
        return f"{words}, so {'that feature is' if one else 'those features are'} left out."
    return (
        f"{words}: without {'that feature' if one else 'those features'} K is {reduced.n_params} instead of {full.n_params} "
        f"and AICc {full.aicc - reduced.aicc:,.1f} lower, {reduced.charge:.1f} for the choice among features included."
    )
