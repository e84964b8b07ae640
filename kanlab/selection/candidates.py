"""All models of a study, trials and other families, with everything that is known of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.baselines.registry import Baseline, label
from kanlab.execution.final_check import ReducedTrial, appraised
from kanlab.kan.search_space import Cell
from kanlab.selection.validation import Validation, key_of
from kanlab.stats.metrics import ClassScores
from kanlab.study.handle import StudyHandle, stored_baseline
from kanlab.study.trials import TrialRecord, completed


@dataclass(frozen=True)
class Candidate:
    """A model on the list: a trial or a model of another family, with everything known of it."""

    label: str
    family: str
    trial: TrialRecord | None
    n_params: float | None
    aicc: float | None
    rss_train: float
    rss_test: float | None
    rmse_train: float | None = None  # in units of the target, as are the two below
    rmse_test: float | None = None
    wins: int | None = None  # seeds, of those refitted, in which it is the best of the finalists
    spread: float | None = None  # deviation of its AICc over the seeds
    cv_error: float | None = None  # cross-validated: RMSE, of classes log-loss
    cv_se: float | None = None
    dof: float | None = None  # generalised, by perturbation
    dof_se: float | None = None
    edf: float | None = None  # of the linearised smoother
    press: float | None = None  # sum of the squared leave-one-out residuals
    press_se: float | None = None  # of the amount by which it lies below the reference's
    baseline: Baseline | None = None
    classes: ClassScores | None = None
    reduced: ReducedTrial | None = None

    @property
    def error_test(self) -> float | None:
        """On the test rows: RMSE in units of the target, of classes the log-loss."""
        return self.rmse_test if self.classes is None else self.classes.log_loss_test

    @property
    def model(self) -> TrialRecord | ReducedTrial | Baseline | None:
        """What it stands for."""
        return self.trial or self.reduced or self.baseline

    @property
    def is_network(self) -> bool:
        return self.trial is not None or self.reduced is not None

    def to_dict(self) -> dict[str, Any]:
        """As the JSON contract has it, with its family."""
        return {"family": self.family} | (self.model.to_dict() if self.model else {})

    @property
    def key(self) -> str:
        if self.reduced:
            return self.reduced.key
        return key_of(self.trial.cell) if self.trial else self.family


def cell_words(cell: Cell) -> str:
    """A cell in words."""
    layers = f"{cell.depth} layers of {cell.neuron_num}" if cell.depth > 1 else f"{cell.neuron_num} hidden"
    return f"{layers} neuron{'s' * (cell.neuron_num > 1)}, grid {cell.grid}, k {cell.k}"


MOST_NAMES = 4


def names_words(names: Sequence[str]) -> str:
    """Some names in words, the rest of many counted."""
    named, rest = list(names[:MOST_NAMES]), len(names) - MOST_NAMES
    if rest > 0:
        named.append(f"{rest} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def reduced_words(reduced: ReducedTrial) -> str:
    """A network without some features in words."""
    return f"trial {reduced.number} without {names_words(reduced.without)}: {cell_words(reduced.cell)}"


def seed_scores(handle: StudyHandle, validation: Validation) -> dict[str, dict[int, float]]:
    """AICc of every finalist by seed."""
    scores: dict[str, dict[int, float]] = {}
    for key, entries in validation.refits.items():
        n_params = handle.spec.n_params(Cell(*map(int, key.split(","))), handle.data.d)
        scores[key] = {e["seed"]: handle.data.aicc(e.get("deviance_train", e["rss_train"]), n_params) for e in entries}
    return scores


def winners(scores: dict[str, dict[int, float]]) -> Counter[str]:
    """In how many seeds each finalist is the best of them."""
    seeds = set().union(*scores.values()) if scores else set()
    complete = [s for s in seeds if all(s in by_seed for by_seed in scores.values())]
    return Counter(min(scores, key=lambda key: scores[key][seed]) for seed in complete)


def candidates(handle: StudyHandle, records: Sequence[TrialRecord], validation: Validation | None) -> list[Candidate]:
    """Every complete trial and every model of another family, lowest AICc first; those without AICc last."""
    validation, appraisal = validation or Validation(), appraised(handle, records)
    scores = seed_scores(handle, validation)
    won = winners(scores)

    def known(key: str) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if key in scores:
            finite = [s for s in scores[key].values() if np.isfinite(s)]
            out |= {"wins": won[key], "spread": float(np.std(finite)) if len(finite) > 1 else None}
        if len(validation.folds.get(key, [])) > 1:  # one fold alone has no standard error
            losses, back = np.array(validation.folds[key]), (lambda x: x) if handle.data.levels else np.sqrt
            out |= {
                "cv_error": float(back(losses.mean())),
                "cv_se": float(back(losses).std(ddof=1) / np.sqrt(len(losses))),
            }
        if len(validation.dof.get(key, [])) > 1:
            draws = np.array(validation.dof[key])
            out |= {"dof": float(draws.mean()), "dof_se": float(draws.std(ddof=1) / np.sqrt(len(draws)))}
        if key in validation.edf:
            out["edf"] = validation.edf[key]
        if appraisal and key == key_of(appraisal.cell):
            out |= {"press": appraisal.press, "press_se": appraisal.press_se}
        return out

    out = [
        Candidate(f"trial {r.number}: {cell_words(r.cell)}", "kan", r, r.n_params, r.aicc, r.rss_train or np.nan, r.rss_test,
                  r.rmse_train, r.rmse_test, classes=r.classes, **known(key_of(r.cell)))
        for r in completed(records)
    ]  # fmt: skip
    if appraisal and (r := appraisal.reduced):
        out.append(
            Candidate(reduced_words(r), "kan", None, r.n_params, r.aicc, r.rss_train, r.rss_test, r.rmse_train, r.rmse_test,
                      press=r.press, press_se=r.press_se, reduced=r, **known(r.key))
        )  # fmt: skip
    others = [*handle.baselines, *(stored_baseline(f, handle.data) for f in validation.families)]
    out += [
        Candidate(
            label(b.family, handle.data.task),
            b.family,
            None,
            b.n_params,
            b.aicc,
            b.rss_train,
            b.rss_test,
            b.rmse_train,
            b.rmse_test,
            press=b.press,
            press_se=b.press_se,
            baseline=b,
            classes=b.classes,
            **known(b.family),
        )
        for b in others
    ]
    return sorted(out, key=lambda c: (c.aicc is None, c.aicc or 0.0, c.n_params or 0))


def seeds_compared(listed: Sequence[Candidate]) -> int:
    """How many seeds the finalists were refitted from."""
    return sum(c.wins or 0 for c in listed)
