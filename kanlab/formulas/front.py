"""The formulas of a search as they are kept: by complexity, the recommended one marked, plain JSON there and back.

A formula is on the front where no shorter one has a lower held-out error: each one's constants are fitted again without a
tenth of the training rows, ten times, and the error is that of the rows left out. The test rows decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kanlab.formulas.expression import Expression, ExpressionError, complexity, from_json, to_json
from kanlab.language import say
from kanlab.stats.metrics import Scores

VERSION = 1
MOST_FORMULAS = 60  # of a document that is read
SEARCH, NETWORK, EDITED = "search", "network", "edited"  # how a formula came about


@dataclass(frozen=True)
class FoundFormula:
    """A formula of a table. expressions: one an output, on the scale of the fit.

    scores: with K, the constants that are fitted (and the noise variance where it counts), and AICc, in which the choice of
    exact constants is charged.  held_out: mean over the training rows of their squared error, of classes and counts of their
    deviance, each row left out of the fit that predicts it; held_out_se: the standard error of the amount by which that
    differs from the lowest of the front.  score: description length.  origin: how it was found, "search", "network" or
    "edited".
    tied: whether its held-out error is within one standard error of the lowest.  found_in: in how many searches of other
    rows a formula of this structure was recommended; None where that was not asked.  breaks: whether it divides by zero or is
    not defined between training rows.
    """

    expressions: tuple[Expression, ...]
    scores: Scores
    score: float
    held_out: float | None = None
    held_out_se: float | None = None
    origin: str = "search"
    tied: bool = False
    found_in: int | None = None
    breaks: bool = False

    @property
    def complexity(self) -> int:
        """Of all outputs."""
        return sum(complexity(e) for e in self.expressions)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "expressions": [to_json(e) for e in self.expressions],
            "scores": self.scores.to_dict(),
            "score": self.score,
            "held_out": self.held_out,
            "held_out_se": self.held_out_se,
            "origin": self.origin,
            "tied": self.tied,
            "found_in": self.found_in,
            "breaks": self.breaks,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FoundFormula:
        """What `to_json` made. Raises ExpressionError for anything else."""
        try:
            return cls(
                tuple(from_json(e) for e in content["expressions"]),
                Scores.from_dict(content["scores"]),
                float(content["score"]),
                _number(content["held_out"]),
                _number(content["held_out_se"]),
                str(content["origin"]),
                bool(content["tied"]),
                None if content["found_in"] is None else int(content["found_in"]),
                bool(content.get("breaks", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExpressionError(
                say("The formula is not whole ({name}: {error}).", name=type(error).__name__, error=error)
            ) from error


@dataclass(frozen=True)
class FoundFormulas:
    """What a search came to. formulas: by complexity.  recommended: place of that one.  reason: why, in one sentence.

    network: scores of the study's
    network.  repeats: searches of other rows, for `found_in`.  evaluations: of expressions at all rows searched.
    required: as of FormulaOptions.  chosen: place of the formula a user has chosen to use, where there is one.
    """

    formulas: tuple[FoundFormula, ...]
    recommended: int
    reason: str
    network: Scores | None = None
    repeats: int = 0
    evaluations: int = 0
    required: tuple[tuple[int, str], ...] = ()
    chosen: int | None = None

    @property
    def used(self) -> int:
        """Place of the formula that predicts and is exported: the chosen one, else the recommended one."""
        return self.recommended if self.chosen is None else self.chosen

    def to_json(self) -> dict[str, Any]:
        """Plain JSON. What a user chose is kept apart (kanlab.explain.formula_choices)."""
        return {
            "version": VERSION,
            "formulas": [f.to_json() for f in self.formulas],
            "recommended": self.recommended,
            "reason": self.reason,
            "network": None if self.network is None else self.network.to_dict(),
            "repeats": self.repeats,
            "evaluations": self.evaluations,
            "required": [list(pair) for pair in self.required],
        }

    @classmethod
    def from_json(cls, content: Any) -> FoundFormulas:
        """What `to_json` made. Raises ExpressionError for anything else, and for another version."""
        if not isinstance(content, Mapping) or content.get("version") != VERSION:
            raise ExpressionError(say("The formulas are of another version of kanlab; search again."))
        try:
            formulas = tuple(FoundFormula.from_json(f) for f in content["formulas"][:MOST_FORMULAS])
            found = cls(
                formulas, int(content["recommended"]), str(content["reason"]),
                None if content["network"] is None else Scores.from_dict(content["network"]),
                int(content["repeats"]), int(content["evaluations"]),
                tuple((int(i), str(name)) for i, name in content.get("required", ())),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ExpressionError(
                say("The formulas are not whole ({name}: {error}).", name=type(error).__name__, error=error)
            ) from error
        if not 0 <= found.recommended < len(formulas):
            raise ExpressionError(say("The formulas are not whole (none of them is the recommended one)."))
        return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
