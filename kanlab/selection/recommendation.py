"""What a study comes to: one value from which page, command line, JSON and report are rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from kanlab.colours import LIGHT
from kanlab.language import say
from kanlab.selection.candidates import Candidate, candidates
from kanlab.selection.decision import aicc_of, choose, conclusive_p, criterion_of, eligible, exact_models
from kanlab.selection.diagnostics import TIE, Diagnostic, diagnose
from kanlab.selection.explanation import constraint_reasons, explain
from kanlab.selection.headline import Use, headline, of_average
from kanlab.selection.scatter import scatter
from kanlab.selection.validation import Validation
from kanlab.study.handle import StudyView
from kanlab.study.trials import TrialRecord


@dataclass(frozen=True)
class Recommendation:
    """The model to take with its scores, the reasons, what competes with it, the warnings, and the evidence.

    choice: the one to read, with a formula of its own; None before any model has an AICc.  ties: models that the noise of the
    fit could put first.  candidates: every model of the study, by rank.  validation: of the finalists; None before there is
    one.  average: the mean of several networks, where the study has one; it is no single formula.  use: for which of the two
    the evidence speaks, and use_reason: why, in a sentence; average_reason: how the average compares, in a sentence
    about it; "" where there is one alone.
    """

    choice: Candidate | None
    reasons: tuple[str, ...]
    ties: tuple[Candidate, ...]
    warnings: tuple[Diagnostic, ...]
    candidates: tuple[Candidate, ...]
    validation: Validation | None = None
    average: Candidate | None = None
    use: Use = "read"
    use_reason: str = ""
    average_reason: str = ""

    def chosen_for(self, use: Use | None = None) -> Candidate | None:
        """The model to read or to predict with; by default for what the evidence speaks for."""
        return self.average if self.average is not None and (use or self.use) == "predict" else self.choice

    @property
    def alarms(self) -> tuple[Diagnostic, ...]:
        """Alias of `warnings`, by its earlier name."""
        return self.warnings

    @property
    def ranked(self) -> list[Candidate]:
        """The candidates that have an AICc, by rank."""
        return [c for c in self.candidates if c.aicc is not None]

    @property
    def summary(self) -> str:
        """The model to take, with its K and AICc."""
        if self.choice is None or self.choice.aicc is None:
            return say("no trial is complete yet")
        return say(
            "{name} (K = {n_params:.4g}, AICc {aicc:,.2f})",
            name=self.choice.name,
            n_params=self.choice.n_params,
            aicc=self.choice.aicc,
        )

    def _repr_html_(self) -> str:
        """For notebooks: the model to take, the reasons and the warnings, and AICc against K."""
        items = [*self.reasons, *(f"! {warning.sentence}" for warning in self.warnings)]
        listed = "".join(f"<li>{escape(item)}</li>" for item in items)
        chart = scatter(self.ranked, lambda c: c is self.choice, say("the one to take"))
        recommended = say("<b>Recommended:</b> {summary}", summary=escape(self.summary))
        return f'<div style="--accent:{LIGHT.accent};max-width:46em"><p>{recommended}</p><ul>{listed}</ul>{chart}</div>'

    def to_dict(self) -> dict[str, Any]:
        """As the JSON of a study has it; "judgement" and "alarms" are earlier names."""
        state, warnings = self.validation.state if self.validation else None, [w.sentence for w in self.warnings]
        return {
            "recommended": self.choice.to_dict() if self.choice else None,
            "to_predict": found.to_dict() if (found := self.chosen_for("predict")) else None,
            "use": self.use,
            "use_reason": self.use_reason,
            "reasons": list(self.reasons),
            "warnings": warnings,
            "validation": state,
            "alarms": warnings,
            "judgement": state,
        }


def _with_all_edges(choice: Candidate, listed: Sequence[Candidate]) -> Candidate | None:
    """The trial a choice was before it lost some edges; None where it has lost none."""
    if choice.reduced is None or choice.reduced.edges is None:
        return None
    return next((c for c in listed if c.trial is not None and c.trial.number == choice.reduced.number), None)


def recommend(handle: StudyView, records: Sequence[TrialRecord], validation: Validation | None) -> Recommendation:
    """The recommendation of a study as it stands."""
    listed = tuple(candidates(handle, records, validation))
    decision = choose(listed, conclusive_p(validation), handle.data.informative_rows)
    choice = decision.choice
    if choice is None or choice.aicc is None:
        return Recommendation(None, (), (), (), listed, validation)
    by = criterion_of if choice.is_network else aicc_of
    ties = tuple(c for c in listed if c is not choice and abs(by(c) - by(choice)) <= TIE)
    reasons = explain(decision, listed, None if handle.data.levels else handle.data.n_train)
    warnings = diagnose(handle, records, validation, listed, choice)
    reasons += constraint_reasons(handle.spec.constraints, listed)
    exact = choice in exact_models(eligible(listed))  # what is left is rounding, which an average cannot improve on
    average = None if exact else next((c for c in listed if c.average is not None), None)
    models = choice, average, _with_all_edges(choice, listed)
    use, why = headline(*models)
    found = choice, tuple(reasons), ties, tuple(warnings), listed, validation, average
    return Recommendation(*found, use, why, of_average(*models))
