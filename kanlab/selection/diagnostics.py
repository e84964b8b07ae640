"""What to worry about in the result of a study, one sentence each, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kanlab.baselines.registry import BASELINES, JUDGED
from kanlab.kan.search_space import LIMITS, Cell, SearchSpace
from kanlab.selection.candidates import Candidate, cell_words, seed_scores, seeds_judged
from kanlab.selection.validation import Judgement
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, best_trial

TIE = 10.0  # units of AICc within which the optimiser's noise can change the order
FEW_ROWS = 3.0  # training rows a parameter
SLIGHT_LOSS = 0.02  # nats a row: log-losses nearer than that are alike, however small both
EXTRAPOLATION = 0.05
SIGNIFICANCE = 0.05
AGREEMENT = 4


@dataclass(frozen=True)
class Alarm:
    """One sentence of what is wrong and what to do; widen: the space that answers it."""

    sentence: str
    widen: SearchSpace | None = None


def alarms(
    handle: StudyHandle,
    records: Sequence[TrialRecord],
    judgement: Judgement | None,
    listed: Sequence[Candidate],
    choice: Candidate,
) -> list[Alarm]:
    """What to worry about, one sentence each."""
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
    found += [_no_network(choice, listed), _nothing(choice, listed)]
    return [alarm for alarm in found if alarm]


def _edge(handle: StudyHandle, records: Sequence[TrialRecord]) -> Alarm | None:
    """The best network at an end of a range that could be wider (as wide as the default space)."""
    best = best_trial(records)
    if best is None:
        return None
    space, widest = handle.spec.space, SearchSpace(depth=LIMITS["depth"])
    wider: dict[str, tuple[int, int]] = {}
    for name in space.parameters:
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
        replace(space, **wider),
    )


def _few_rows(handle: StudyHandle, choice: Candidate) -> Alarm | None:
    data = handle.data
    telling = min(data.ones, data.n_train - data.ones) if data.levels else data.n_train
    rows, which = telling / (choice.n_params or 1), " of the rarer class" if data.levels else ""
    if not choice.is_network or rows >= FEW_ROWS:
        return None
    return Alarm(
        f"There are only {rows:.1f} training rows{which} a parameter; trust the order of the models less than their AICc "
        "suggests, and bring more rows if you can."
    )


def _held_out(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    """The test rows, which nothing was chosen on, disagree by more than a fifth in RMSE, or in log-loss."""
    tested = [c for c in listed if c.error_test is not None and c.aicc is not None]
    if choice.error_test is None or not tested:
        return None
    best = min(tested, key=lambda c: c.error_test if c.error_test is not None else np.inf)
    least = best.error_test or 0.0
    ratio = choice.error_test / max(least, 1e-150)
    slight = choice.classes is not None and choice.error_test - least < SLIGHT_LOSS
    if best is choice or ratio < 1.2 or slight:
        return None
    what = "error" if choice.classes is None else "log-loss"
    return Alarm(
        f"AICc and the test rows disagree: {best.label} has {100 * (1 - 1 / ratio):.0f}% less {what} there; look at both, "
        "and let cross-validation decide."
    )


def _linear(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    """A linear model so near to the chosen network that the noise of the optimiser could have put it first."""
    plain = [c for c in listed if c.family in BASELINES and c.aicc is not None]
    best = min(plain, key=lambda c: c.aicc or 0.0, default=None)
    if (
        not choice.is_network
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


def _no_network(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    networks = [c.aicc for c in listed if c.is_network and c.aicc is not None]
    plain = [c for c in listed if c.family in BASELINES and c.aicc is not None]
    if choice.is_network or not networks or not plain:
        return None
    if min(networks) <= min(c.aicc or 0.0 for c in plain):
        return None
    return Alarm(
        "No network beats the linear models by AICc; use the one that is recommended, or bring more rows, other features or a "
        "smaller space."
    )


def _nothing(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    """The mean predicts rows left out as well as the chosen linear model."""
    mean = next((c for c in listed if c.family == "constant"), choice)
    if choice.is_network or mean is choice or choice.press is None or mean.press is None or mean.press > choice.press:
        return None
    return Alarm(
        f"Rows left out of the fit are predicted as well by the mean as by the {choice.label} model; these features may say "
        "nothing of the target."
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
    seeds = seeds_judged(listed)
    if choice.wins is None or seeds < AGREEMENT or choice.wins >= seeds - 1:
        return None
    return Alarm(
        f"Only {choice.wins} of {seeds} seeds agree on this cell; treat the finalists as equal and take the simplest that "
        "serves."
    )


def _cross_validation(choice: Candidate, listed: Sequence[Candidate]) -> Alarm | None:
    verified = [c for c in listed if c.cv_error is not None]
    if choice.cv_error is None or not verified:
        return None
    best = min(verified, key=lambda c: c.cv_error or np.inf)
    if best is choice or choice.cv_error <= (best.cv_error or 0.0) + (best.cv_se or 0.0):
        return None
    return Alarm(
        f"Cross-validation prefers {best.label} ({best.cv_error:.4g} against {choice.cv_error:.4g}) by more than its standard "
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
