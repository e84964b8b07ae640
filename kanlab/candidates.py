"""All models of a study, trials and other families, with everything that is known of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.criteria import aicc
from kanlab.families import LABELS, Baseline
from kanlab.judging import Judgement, key_of
from kanlab.selection import completed
from kanlab.space import Cell
from kanlab.study import StudyHandle, TrialRecord, stored_baseline


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
    cv_rmse: float | None = None
    cv_se: float | None = None
    dof: float | None = None  # generalised, by perturbation
    dof_se: float | None = None
    edf: float | None = None  # of the linearised smoother
    baseline: Baseline | None = None

    @property
    def model(self) -> TrialRecord | Baseline | None:
        """What it stands for."""
        return self.trial or self.baseline

    @property
    def key(self) -> str:
        return key_of(self.trial.cell) if self.trial else self.family


def cell_words(cell: Cell) -> str:
    """A cell in words."""
    layers = f"{cell.depth} layers of " * (cell.depth > 1)
    return f"{layers}{cell.neuron_num} hidden neuron{'s' * (cell.neuron_num > 1)}, grid {cell.grid}, k {cell.k}"


def seed_scores(handle: StudyHandle, judgement: Judgement) -> dict[str, dict[int, float]]:
    """AICc of every finalist by seed."""
    scores: dict[str, dict[int, float]] = {}
    for key, entries in judgement.refits.items():
        n_params = handle.spec.n_params(Cell(*map(int, key.split(","))), handle.data.d)
        scores[key] = {e["seed"]: aicc(e["rss_train"], handle.data.n_train, n_params) for e in entries}
    return scores


def winners(scores: dict[str, dict[int, float]]) -> Counter[str]:
    """In how many seeds each finalist is the best of them."""
    seeds = set().union(*scores.values()) if scores else set()
    complete = [s for s in seeds if all(s in by_seed for by_seed in scores.values())]
    return Counter(min(scores, key=lambda key: scores[key][seed]) for seed in complete)


def candidates(handle: StudyHandle, records: Sequence[TrialRecord], judgement: Judgement | None) -> list[Candidate]:
    """Every complete trial and every model of another family, least AICc first; those without AICc last."""
    judgement = judgement or Judgement()
    scores = seed_scores(handle, judgement)
    won = winners(scores)

    def known(key: str) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if key in scores:
            finite = [s for s in scores[key].values() if np.isfinite(s)]
            out |= {"wins": won[key], "spread": float(np.std(finite)) if len(finite) > 1 else None}
        if len(judgement.folds.get(key, [])) > 1:  # one fold alone has no standard error
            rmse = np.sqrt(judgement.folds[key])
            out |= {
                "cv_rmse": float(np.sqrt(np.mean(judgement.folds[key]))),
                "cv_se": float(rmse.std(ddof=1) / np.sqrt(len(rmse))),
            }
        if len(judgement.dof.get(key, [])) > 1:
            draws = np.array(judgement.dof[key])
            out |= {"dof": float(draws.mean()), "dof_se": float(draws.std(ddof=1) / np.sqrt(len(draws)))}
        if key in judgement.edf:
            out["edf"] = judgement.edf[key]
        return out

    out = [
        Candidate(f"trial {r.number}: {cell_words(r.cell)}", "kan", r, r.n_params, r.aicc, r.rss_train or np.nan, r.rss_test,
                  r.rmse_train, r.rmse_test, **known(key_of(r.cell)))
        for r in completed(records)
    ]  # fmt: skip
    others = [*handle.baselines, *(stored_baseline(f, handle.data) for f in judgement.families)]
    out += [
        Candidate(
            LABELS.get(b.family, b.family),
            b.family,
            None,
            b.n_params,
            b.aicc,
            b.rss_train,
            b.rss_test,
            b.rmse_train,
            b.rmse_test,
            baseline=b,
            **known(b.family),
        )
        for b in others
    ]
    return sorted(out, key=lambda c: (c.aicc is None, c.aicc or 0.0, c.n_params or 0))


def seeds_judged(listed: Sequence[Candidate]) -> int:
    """How many seeds the finalists were refitted from."""
    return sum(c.wins or 0 for c in listed)
