"""What to recommend, why, and what to worry about: a study and its judgement in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.criteria import aicc
from kanlab.families import BASELINES, JUDGED, LABELS, Baseline
from kanlab.judging import Judgement, key_of
from kanlab.selection import best_trial, completed
from kanlab.space import Cell, SearchSpace
from kanlab.study import StudyHandle, TrialRecord

TIE = 10.0  # units of AICc within which the optimiser's noise can change the order
FEW_ROWS = 3.0  # training rows a parameter
EXTRAPOLATION = 0.05
SIGNIFICANCE = 0.05
AGREEMENT = 4


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
    wins: int | None = None  # seeds, of those refitted, in which it is the best of the finalists
    spread: float | None = None  # deviation of its AICc over the seeds
    cv_rmse: float | None = None  # in units of y
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


@dataclass(frozen=True)
class Alarm:
    """One sentence of what is wrong and what to do; widen: the space that answers it."""

    sentence: str
    widen: SearchSpace | None = None


@dataclass(frozen=True)
class Verdict:
    """The recommendation, its reasons, its rivals, and the alarms."""

    choice: Candidate | None
    reasons: list[str]
    ties: list[Candidate]
    alarms: list[Alarm]
    candidates: list[Candidate]


def cell_words(cell: Cell) -> str:
    """A cell in words."""
    return f"{cell.neuron_num} hidden neuron{'s' * (cell.neuron_num > 1)}, grid {cell.grid}, k {cell.k}"


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
        if judgement.folds.get(key):
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
                  **known(key_of(r.cell)))
        for r in completed(records)
    ]  # fmt: skip
    others = [*handle.baselines, *(Baseline(**f) for f in judgement.families)]
    out += [
        Candidate(
            LABELS.get(b.family, b.family),
            b.family,
            None,
            b.n_params,
            b.aicc,
            b.rss_train,
            b.rss_test,
            baseline=b,
            **known(b.family),
        )
        for b in others
    ]
    return sorted(out, key=lambda c: (c.aicc is None, c.aicc or 0.0, c.n_params or 0))


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
        choice, _reasons(choice, listed, noise), ties, _alarms(handle, records, judgement, listed, choice), listed
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
        reasons.append(f"Refitted from {_seeds(listed)} other seeds, it is the best of the finalists in {choice.wins}.")
    if choice.cv_rmse is not None and choice.cv_se is not None:
        reasons.append(
            f"Its cross-validated error is {choice.cv_rmse:.4g} ± {choice.cv_se:.2g}, in units of the target."
        )
    return reasons


def _seeds(listed: Sequence[Candidate]) -> int:
    return sum(c.wins or 0 for c in listed)


def _alarms(
    handle: StudyHandle,
    records: Sequence[TrialRecord],
    judgement: Judgement | None,
    listed: Sequence[Candidate],
    choice: Candidate,
) -> list[Alarm]:
    found = [_edge(handle, records), _few_rows(handle, choice), _held_out(choice, listed)]
    if judgement:
        found += [
            _better_seed(handle, judgement, listed),
            _instability(choice, listed),
            _cross_validation(choice, listed),
            _chance(judgement),
            _outside(choice, judgement),
        ]
    found += [_linear(choice, listed), _other_family(choice, listed)]
    best = best_trial(records)
    if choice.trial is None and best is not None:
        found.append(
            Alarm(
                f"No network beats the {choice.label} model by AICc; use that, or bring more rows, other features or a "
                "smaller space."
            )
        )
    return [alarm for alarm in found if alarm]


def _edge(handle: StudyHandle, records: Sequence[TrialRecord]) -> Alarm | None:
    """The best network at an end of a range that could be wider (as wide as the default space)."""
    best = best_trial(records)
    if best is None:
        return None
    space, widest = handle.spec.space, SearchSpace()
    wider: dict[str, tuple[int, int]] = {}
    for name in Cell._fields:
        at, (low, high), (least, most) = getattr(best.cell, name), getattr(space, name), getattr(widest, name)
        if at == high < most:
            wider[name] = (low, min(most, high + max(1, (high - low) // 2)))
        elif at == low > least:
            wider[name] = (max(least, low - max(1, (high - low) // 2)), high)
    if not wider:
        return None
    one, names = len(wider) == 1, " and ".join(wider)
    return Alarm(
        f"The best network lies at the edge of the range{'' if one else 's'} of {names}; widen {'it' if one else 'them'} to "
        "see whether a better one lies beyond.",
        SearchSpace(**{name: wider.get(name, getattr(space, name)) for name in Cell._fields}),
    )


def _few_rows(handle: StudyHandle, choice: Candidate) -> Alarm | None:
    rows = handle.data.n_train / (choice.n_params or 1)
    if choice.trial is None or rows >= FEW_ROWS:
        return None
    return Alarm(
        f"There are only {rows:.1f} training rows a parameter; trust the order of the models less than their AICc suggests, "
        "and bring more rows if you can."
    )


def _held_out(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    """The test rows, which nothing was chosen on, disagree by more than a fifth in RMSE."""
    tested = [c for c in listed if c.rss_test is not None and c.aicc is not None]
    if choice.rss_test is None or not tested:
        return None
    best = min(tested, key=lambda c: c.rss_test or np.inf)
    ratio = float(np.sqrt(choice.rss_test / max(best.rss_test or 0.0, 1e-300)))
    if best is choice or ratio < 1.2:
        return None
    return Alarm(
        f"AICc and the test rows disagree: {best.label} has {100 * (1 - 1 / ratio):.0f}% less error there; look at both, "
        "and let cross-validation decide."
    )


def _linear(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    """A linear model so near to the chosen network that the noise of the optimiser could have put it first."""
    plain = [c for c in listed if c.family in BASELINES and c.aicc is not None]
    best = min(plain, key=lambda c: c.aicc or 0.0, default=None)
    if (
        choice.trial is None
        or choice.aicc is None
        or best is None
        or best.aicc is None
        or best.aicc > choice.aicc + TIE
    ):
        return None
    return Alarm(
        f"The {best.label} model is as good within the noise: its AICc is only {best.aicc - choice.aicc:.1f} higher; prefer "
        "it unless you need the curves of the network."
    )


def _other_family(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    others = [c for c in listed if c.family in JUDGED and c.aicc is not None]
    best = min(others, key=lambda c: c.aicc or 0.0, default=None)
    if best is None or best.aicc is None or choice.aicc is None or best.aicc > choice.aicc - 2:
        return None
    return Alarm(
        f"A model of another family does better: the AICc of the {best.label} model is {choice.aicc - best.aicc:.1f} lower; "
        "consider it, or what it says of the shape of the data."
    )


def _better_seed(handle: StudyHandle, judgement: Judgement, listed: Sequence[Candidate]) -> Alarm | None:
    """A refit far below everything in the study: the starts were too few to find what the cell can do."""
    known = [c.aicc for c in listed if c.aicc is not None and c.family not in JUDGED]
    found = [
        (value, key, seed) for key, by_seed in seed_scores(handle, judgement).items() for seed, value in by_seed.items()
    ]
    value, key, seed = min(found, default=(np.inf, "", 0))
    if not known or value >= min(known) - TIE:
        return None
    cell = cell_words(Cell(*map(int, key.split(","))))
    return Alarm(
        f"Another seed finds a better fit: from seed {seed} the network of {cell} comes {min(known) - value:.1f} units below "
        "the least AICc of the study; search again with more starts a cell."
    )


def _instability(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    seeds = _seeds(listed)
    if choice.wins is None or seeds < AGREEMENT or choice.wins >= seeds - 1:
        return None
    return Alarm(
        f"Only {choice.wins} of {seeds} seeds agree on this cell; treat the finalists as equal and take the simplest that "
        "serves."
    )


def _cross_validation(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    verified = [c for c in listed if c.cv_rmse is not None]
    if choice.cv_rmse is None or not verified:
        return None
    best = min(verified, key=lambda c: c.cv_rmse or np.inf)
    if best is choice or choice.cv_rmse <= (best.cv_rmse or 0.0) + (best.cv_se or 0.0):
        return None
    return Alarm(
        f"Cross-validation prefers {best.label} ({best.cv_rmse:.4g} against {choice.cv_rmse:.4g}) by more than its standard "
        "error; prefer that one unless you have a reason not to."
    )


def _chance(judgement: Judgement) -> Alarm | None:
    permuted = judgement.null.get("permuted", [])
    if not permuted:
        return None
    p = chance(judgement)
    if p <= SIGNIFICANCE:
        return None
    return Alarm(
        f"Pure noise cannot be excluded: shuffled targets gain as much AICc over the mean in {100 * p:.0f}% of the draws; do "
        "not read structure into these networks."
    )


def chance(judgement: Judgement) -> float:
    """Share of the draws, the study's own included, in which a permuted target gains at least as much AICc."""
    permuted = judgement.null["permuted"]
    return (1 + sum(g >= judgement.null["gain"] for g in permuted)) / (1 + len(permuted))


def _outside(choice: Candidate, judgement: Judgement) -> Alarm | None:
    shares = [e["extrapolates"] for e in judgement.refits.get(choice.key, []) if e["extrapolates"] is not None]
    if not shares or float(np.mean(shares)) <= EXTRAPOLATION:
        return None
    return Alarm(
        f"{100 * float(np.mean(shares)):.0f}% of the test rows lie outside the range of the training rows, where predictions "
        "are held at its edge; do not use the network far beyond its data."
    )
