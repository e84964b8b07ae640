"""The trials of a study: what a fit leaves in Optuna, and the record that is read from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from kanlab.engines.registry import FAILED_STATUSES, Outcome
from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import say, use
from kanlab.stats.metrics import ClassScores, CountScores, HasScores, Scores
from kanlab.study import in_words
from kanlab.study.data_summary import DataSummary
from kanlab.study.model_key import ModelKey
from kanlab.study.optuna_adapter import StoredTrial, fail_trial, set_constraints, write_trial
from kanlab.study.spec import StudySpec

INTERRUPTED, INADMISSIBLE = "interrupted", "inadmissible"

State = Literal["complete", "failed", "running"]


class _OfNetwork(HasScores):
    n_params: float  # follows from the cell, before any fit, unless the study counts after it


@dataclass(frozen=True)
class TrialRecord(_OfNetwork):
    """One trial as everything above the storage sees it; one that is complete is a `CompletedTrial`.

    scores: K alone where it has not been fitted.  parameters: of the study's space, by which the cell is told from others.
    """

    number: int
    state: State
    cell: Cell
    scores: Scores
    seconds: float = 0.0
    status: str = ""
    iterations: int = 0
    loss_curve: list[float] = field(default_factory=list)
    trial_id: int = -1
    parameters: tuple[str, ...] = SearchSpace().parameters

    def __post_init__(self) -> None:
        if (self.state == "complete") != isinstance(self, CompletedTrial):
            raise ValueError(say("a trial that is complete is a CompletedTrial, and no other is"))
        if self.state == "complete" and None in (self.rss_train, self.misfit, self.aicc):
            raise ValueError(say("a trial that is complete has an RSS and an AICc"))

    @property
    def key(self) -> ModelKey:
        """What tells its network from the other models of the study."""
        return ModelKey(cell=self.cell)

    @property
    def is_inadmissible(self) -> bool:
        """Whether its fit went well and follows its rows, where that is known after the fit."""
        return self.status.startswith(INADMISSIBLE)

    @property
    def shown_state(self) -> str:
        """What users read: the state, or that it is inadmissible, which is no failure."""
        return INADMISSIBLE if self.is_inadmissible else self.state

    def to_dict(self) -> dict[str, Any]:
        """The trial as the JSON contract has it."""
        params = {name: getattr(self.cell, name) for name in self.parameters}
        of_fit = {"aicc": self.aicc, "seconds": self.seconds, "status": self.status}
        start = {"number": self.number, "state": self.shown_state, "params": params, "n_params": self.n_params}
        return start | self.scores.errors() | of_fit | self.scores.effective()


class CompletedTrial(TrialRecord):
    """A trial with an RSS and an AICc."""

    rss_train: float
    misfit: float
    aicc: float
    criterion: float


@use("en")
def score(spec: StudySpec, data: DataSummary, cell: Cell, outcome: Outcome) -> tuple[float | None, str]:
    """AICc of a fitted cell and its status; None where the fit failed, and the status says why."""
    if outcome.rss_train is None or outcome.status.startswith(FAILED_STATUSES):
        return None, outcome.status
    misfit = outcome.misfit
    if misfit is None or not math.isfinite(outcome.rss_train) or not math.isfinite(misfit):
        return None, say("diverged: the residuals are not finite ({status})", status=outcome.status)
    if spec.after_fit:
        edf = outcome.edf
        value = math.inf if edf is None else effective(spec, data, cell, misfit, edf)[1]
        if not math.isfinite(value):
            known = "unknown" if edf is None else f"{edf:.1f}"
            return (
                None,
                say(
                    "inadmissible: the fit follows its {n_train} rows (effective degrees of freedom {known})",
                    n_train=data.n_train,
                    known=known,
                ),
            )
        return value, outcome.status
    value = data.aicc(misfit, spec.n_params(cell, data.d))
    if not math.isfinite(value):
        return None, say("interpolates: the residuals are 0 and AICc is not defined")
    return value, outcome.status


def counted(spec: StudySpec, data: DataSummary, cell: Cell, edf: float | None) -> float:
    """The K of a network's AICc, after its fit."""
    if not spec.after_fit or edf is None:
        return spec.n_params(cell, data.d)
    return effective(spec, data, cell, 1.0, edf)[0]


def effective(
    spec: StudySpec, data: DataSummary, cell: Cell, misfit: float, edf: float, features: float | None = None
) -> tuple[float, float]:
    """What a network of so many features (by default those of the study) has spent, and AICc by that, +inf where it follows
    its rows.
    """
    d = spec.inputs(data.d) if features is None else features
    spent = effective_count(edf, d, cell.width, depth=cell.depth, count_sigma2=spec.count_sigma2)
    return spent, data.aicc(misfit, spent) if edf < MOST_EDF * data.n_train else math.inf


def with_effective(
    scores: Scores, spec: StudySpec, data: DataSummary, cell: Cell, edf: float | None, features: float | None = None
) -> Scores:
    """The scores of a network with what its fit has spent; as they are where the study does not rank by that."""
    misfit = scores.misfit
    if edf is None or misfit is None or not spec.ranks_by_spent:
        return scores
    spent, value = effective(spec, data, cell, misfit, edf, features)
    return replace(scores, edf=edf, n_params_effective=spent, aicc_effective=value)


def criterion(spec: StudySpec, data: DataSummary, cell: Cell, misfit: float, edf: float | None) -> float:
    """What a network is ranked by."""
    if edf is None or not spec.ranks_by_spent:
        return data.aicc(misfit, spec.n_params(cell, data.d))
    return effective(spec, data, cell, misfit, edf)[1]


def charged(scores: Scores, charge: float) -> Scores:
    """The scores with a charge on every AICc."""
    if not charge:
        return scores
    values = {name: getattr(scores, name) for name in ("aicc", "aicc_effective")}
    return replace(scores, **{name: value + charge for name, value in values.items() if value is not None})


def record_outcome(
    study: optuna.Study, trial: optuna.Trial, spec: StudySpec, data: DataSummary, outcome: Outcome
) -> None:
    """Tell Optuna the result of a fit: what it is ranked by, or (K, misfit) for the two objectives of nsga2."""
    cell = Cell(**trial.params)
    attributes = outcome_attributes(spec, data, cell, outcome)
    n_params, value = attributes["n_params"], attributes["aicc"]
    # AICc is defined where K - (n - 2) <= 0: what Optuna and its dashboard take for the constraint of a trial
    set_constraints(trial, [float(n_params - data.n_train + 2)])
    write_trial(trial, attributes | in_words.of_trial(attributes, data), attributes["fit"]["curve"])
    if value is None or outcome.misfit is None:
        study.tell(trial, state=TrialState.FAIL)
    elif len(study.directions) == 1:
        rank = attributes.get("aicc_effective")
        study.tell(trial, value if rank is None else rank)
    else:
        study.tell(trial, [float(n_params), outcome.misfit])


def outcome_attributes(spec: StudySpec, data: DataSummary, cell: Cell, outcome: Outcome) -> dict[str, Any]:
    """What is kept of a fit, from which `make_record` makes a record; its "aicc" is None where the fit failed."""
    value, status = score(spec, data, cell, outcome)
    edf, of_ranking = _finite(outcome.edf), {}
    if edf is not None and spec.ranks_by_spent and value is not None and outcome.misfit is not None:
        of_ranking["aicc_effective"] = _finite(criterion(spec, data, cell, outcome.misfit, edf))
    curve, seconds = [v for v in outcome.loss_curve if math.isfinite(v)], round(outcome.seconds, 4)
    fit = {"status": status, "seconds": seconds, "iterations": outcome.iterations, "curve": curve}
    if edf is not None:
        fit["edf"] = edf
    if data.is_transformed:  # elsewhere it follows from the RSS
        fit["rmse"] = [_finite(outcome.rmse_train), _finite(outcome.rmse_test)]
    if outcome.scores.n_negative:
        fit["n_negative"] = outcome.scores.n_negative
    for name, own in (("classes", outcome.classes), ("counts", outcome.counts)):
        if own is not None:
            fit[name] = [_finite(v) for v in own]
    return {
        "n_params": counted(spec, data, cell, edf),
        "rss_train": _finite(outcome.rss_train),
        "rss_test": _finite(outcome.rss_test),
        "aicc": value,
        **of_ranking,
        "fit": fit,
    }


def _finite(value: float | None) -> float | None:
    """A number JSON knows."""
    return value if value is not None and math.isfinite(value) else None


def record_failure(study: optuna.Study, trial: optuna.Trial | FrozenTrial, reason: str) -> None:
    """End a trial without a result. INTERRUPTED as the reason leaves its cell to be fitted again."""
    fail_trial(study, trial, {"fit": {"status": reason}, "Status": reason})


def make_record(trial: StoredTrial, spec: StudySpec, data: DataSummary) -> TrialRecord | None:
    """A stored trial as a record; None for one that was interrupted, or whose cell is not drawn yet."""
    parameters, attributes = spec.space.parameters, trial.attributes
    if len(trial.params) < len(parameters):
        return None
    cell = Cell(**{name: trial.params[name] for name in parameters})
    fit = attributes.get("fit", {})
    if trial.state == "FAIL" and fit.get("status", INTERRUPTED) == INTERRUPTED:
        return None
    rss_train, rss_test = attributes.get("rss_train"), attributes.get("rss_test")
    rmse = fit.get("rmse") or (data.rmse(rss_train, data.n_train), data.rmse(rss_test, data.n_test))
    scores = Scores(
        n_params=counted(spec, data, cell, fit.get("edf")),
        rss_train=rss_train,
        rss_test=rss_test,
        aicc=attributes.get("aicc"),
        rmse_train=rmse[0],
        rmse_test=rmse[1],
        classes=ClassScores(*fit["classes"]) if "classes" in fit else None,
        counts=CountScores(*fit["counts"]) if "counts" in fit else None,
        n_negative=fit.get("n_negative"),
    )
    scores = with_effective(scores, spec, data, cell, fit.get("edf"))
    complete = trial.state == "COMPLETE" and None not in (scores.rss_train, scores.misfit, scores.aicc)
    kind = CompletedTrial if complete else TrialRecord
    return kind(
        number=trial.number,
        state="complete" if complete else "failed" if trial.state in ("FAIL", "COMPLETE") else "running",
        cell=cell,
        scores=scores,
        seconds=fit.get("seconds", 0.0),
        status=fit.get("status", ""),
        iterations=fit.get("iterations", 0),
        loss_curve=fit.get("curve", []),
        trial_id=trial.id,
        parameters=parameters,
    )


def completed(records: Sequence[TrialRecord]) -> list[CompletedTrial]:
    """The trials that have an AICc."""
    return [r for r in records if isinstance(r, CompletedTrial)]


def best_trial(records: Sequence[TrialRecord]) -> CompletedTrial | None:
    """The trial of lowest AICc, the one with fewer parameters where two are equal; None before any is complete."""
    return min(completed(records), key=lambda r: (r.aicc, r.n_params, r.number), default=None)


def ranked(records: Sequence[TrialRecord]) -> list[CompletedTrial]:
    """The trials that have an AICc by what networks are ranked by, `Scores.criterion`, lowest first."""
    return sorted(completed(records), key=lambda r: (r.criterion, r.aicc, r.n_params, r.number))


def first_ranked(records: Sequence[TrialRecord]) -> CompletedTrial | None:
    """The first of `ranked`; None before any is complete."""
    return next(iter(ranked(records)), None)
