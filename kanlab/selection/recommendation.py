"""The recommendation of a study: the model to take, why, what competes with it, and the warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kanlab.selection.candidates import Candidate, candidates
from kanlab.selection.decision import choose
from kanlab.selection.diagnostics import TIE, Diagnostic, diagnose
from kanlab.selection.explanation import explain
from kanlab.selection.validation import Validation
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord


@dataclass(frozen=True)
class Recommendation:
    """The model to take, the reasons, the models within the noise of it, and the warnings."""

    choice: Candidate | None
    reasons: list[str]
    ties: list[Candidate]
    warnings: list[Diagnostic]
    candidates: list[Candidate]

    @property
    def alarms(self) -> list[Diagnostic]:
        """Alias of `warnings`, by its earlier name."""
        return self.warnings


def recommend(handle: StudyHandle, records: Sequence[TrialRecord], validation: Validation | None) -> Recommendation:
    """The recommendation of a study as it stands."""
    listed = candidates(handle, records, validation)
    choice, noise = choose(listed)
    if choice is None or choice.aicc is None:
        return Recommendation(None, [], [], [], listed)
    ties = [c for c in listed if c is not choice and c.aicc is not None and abs(c.aicc - choice.aicc) <= TIE]
    warnings = diagnose(handle, records, validation, listed, choice)
    return Recommendation(choice, explain(choice, listed, noise), ties, warnings, listed)
