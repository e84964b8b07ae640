"""What the read-me and the report of a bundle are rendered from: an exported model among the models of its study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from kanlab.execution.intervals import IntervalRecord
from kanlab.explain.interval_columns import LEVEL
from kanlab.language import marked, say
from kanlab.selection.candidates import Candidate
from kanlab.selection.measures import four_digits
from kanlab.selection.recommendation import Recommendation
from kanlab.stats.interval_bounds import share_held
from kanlab.stats.likelihood import COUNTS
from kanlab.study.handle import StudyHandle
from kanlab.study.model_key import ModelKey
from kanlab.study.state import read_state
from kanlab.text import series

_COUNT_ERRORS = {
    marked("mean deviance train"): "mean_deviance_train",
    marked("mean deviance test"): "mean_deviance_test",
    marked("D² test"): "d2_test",
}
_CLASS_ERRORS = {
    marked("log-loss train"): "log_loss_train",
    marked("log-loss test"): "log_loss_test",
    marked("accuracy test"): "accuracy_test",
}
_ERRORS = {marked("RMSE train"): "rmse_train", marked("RMSE test"): "rmse_test"}


@dataclass(frozen=True)
class Exported:
    """A model, what its study recommends, and the facts to name: data, hash, engine, versions.

    key: None where the study has the model no longer.  interval: what the intervals of its predictions are made of.
    """

    handle: StudyHandle
    found: Recommendation
    label: str
    key: ModelKey | None
    facts: Mapping[str, str]
    interval: IntervalRecord | None = None

    def is_it(self, candidate: Candidate) -> bool:
        """Whether a candidate is the exported model."""
        return candidate.key == self.key

    @property
    def candidate(self) -> Candidate | None:
        """The exported model among the candidates."""
        return next((c for c in self.found.candidates if self.is_it(c)), None)

    @property
    def promise(self) -> str:
        """What the intervals promise, and what share of the test rows they hold, in sentences."""
        if self.interval is None:
            return ""
        shares = [(level, share_held(self.interval, level)) for level in (LEVEL, 0.95)]
        held = series(
            [
                say("{share:.0%} ({level:.0%} promised)", share=share, level=level)
                for level, share in shares
                if share is not None
            ]
        )
        n = self.interval["held_rows"]
        seen = (
            say(" Of the {n:,} test rows, none of which they were made of, they hold {held}.", n=n, held=held)
            if held
            else ""
        )
        if self.handle.data.levels:
            return say(
                "The sets of classes are made of what the model predicts of training rows it was not fitted "
                "to (the jackknife). They should hold {share:.0%} of rows like those of the "
                "training, and promise nothing outside their range.{seen} ",
                share=LEVEL,
                seen=seen,
            )
        return say(
            "The intervals are made of what the model predicts of training rows it was not fitted "
            "to (the jackknife). They should hold {share:.0%} of rows like those of the "
            "training, and promise nothing outside their range.{seen} ",
            share=LEVEL,
            seen=seen,
        )

    @property
    def date(self) -> str:
        """When the study was last at work, which an export repeated later does not change."""
        beat = read_state(self.handle.optuna.user_attrs).heartbeat
        return say("{date:%Y-%m-%d, %H:%M} UTC.", date=datetime.fromtimestamp(beat, UTC)) if beat else ""

    @property
    def reasons(self) -> list[str]:
        """Why it is recommended, or that it is not."""
        if self.found.choice is not None and self.is_it(self.found.choice):
            return list(self.found.reasons)
        if self.found.average is not None and self.is_it(self.found.average):
            return [self.found.average_reason]
        return [say("This model was asked for; it is not the one the study recommends.")]

    @property
    def warnings(self) -> list[str]:
        return [warning.sentence for warning in self.found.warnings]

    @property
    def errors(self) -> dict[str, str]:
        """Columns of the table of models: what an error is called, to be said, and its name among the scores."""
        data = self.handle.data
        return _CLASS_ERRORS if data.levels else _COUNT_ERRORS if data.task == COUNTS else _ERRORS

    def errors_of(self, candidate: Candidate) -> list[str]:
        """The errors of a model, four digits each."""
        scores = candidate.scores.to_dict()
        return [four_digits(scores[name]) for name in self.errors.values()]

    @property
    def units(self) -> str:
        """What these errors are, and the rows of the table."""
        data = self.handle.data
        if data.outputs > 1:
            return say(
                "Log-loss in nats a row, of the probabilities of the {levels} classes of {target}",
                levels=len(data.levels),
                target=data.target,
            )
        if data.levels:
            zero, one = data.levels
            return say(
                "Log-loss in nats a row, of the probability that {target} is {one} and not {zero}",
                target=data.target,
                one=one,
                zero=zero,
            )
        if data.task == COUNTS:
            return say(
                "Poisson deviance a row, of the mean of the count {target}; D² is the share of the deviance explained",
                target=data.target,
            )
        return say("RMSE in units of {target}", target=data.target)
