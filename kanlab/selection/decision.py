"""The decision rule: among networks AICc of what each has spent; against the linear models AICc of all that is identifiable
and the leave-one-out error (PRESS); then the evidence of the validation where that contradicts it.

What a penalised fit has spent ranks networks, for it does not charge what the penalty has tamed. It is no evidence that there
is anything at all: it knows little of the search, and on pure noise it often puts a network before the mean. So some network
has to have the lowest AICc by the count known before any fit as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from kanlab.baselines.registry import COMPARISON_FAMILIES
from kanlab.selection.candidates import Candidate
from kanlab.selection.validation import Validation, p_value
from kanlab.stats.criteria import ROWS_OF_CLASSES, SUPPORTED

WORTH = 0.01  # of PRESS: a smaller gain is no reason to leave the linear model
SIGNIFICANCE = 0.05
EXACT = 1e-18  # of the sum of squares around the mean: residuals below it are rounding


class Decision(NamedTuple):
    """The model to take.

    noise: of AICc over seeds (the median spread of the finalists, else 0).  instead_of: what would be taken without the
    evidence of the validation, and by: what speaks against that.
    """

    choice: Candidate | None
    noise: float = 0.0
    instead_of: Candidate | None = None
    by: Literal["", "cross-validation", "permutation test"] = ""


def choose(listed: Sequence[Candidate], p: float | None = None, rows: float = np.inf) -> Decision:
    """The model to take. p: p-value of the permutation test, where there was one.  rows: training rows that bear on a
    parameter (`DataSummary.informative_rows`).

    Whatever takes the place of the linear model must have a lower leave-one-out error than that, by more than the standard
    error of the difference. Where a network has the lowest AICc of all models, one of those that have is taken: of those
    within SUPPORTED of the lowest criterion the one whose predictions are nearest to the mean of the first, or what is left
    of one without idle edges or features, but none that is wild somewhere between the rows (`kanlab.execution.nearness`);
    where that mean is not known the first by `criterion_of`, or a smaller network
    within the noise of that. Else a linear model of another kind is taken, the one of lowest leave-one-out error. Where that
    error is not known AICc decides alone. The families fitted for comparison are listed, and raise a warning where they do
    better; they are chosen among where their leave-one-out error is known. A linear model that leaves nothing but rounding is
    taken at once: differences below that are no evidence. Where the rows carry no network by a count known before, no AICc
    can make the claim, and the leave-one-out error alone does.

    Of classes the identifiable count refuses networks that predict better (docs/method.md). So the error of rows left out
    decides where it is known, for networks that have spent at most one degree of freedom for ROWS_OF_CLASSES rows: where they
    spend more the search among minima, which a row left out does not see, has decided too much. They must be better than the
    shares of the classes by its standard error as well, so that noise is called noise.

    A validation overrules that: the model of lowest cross-validated error takes the place of one that is worse by more than
    the standard error of the difference over the folds; and where permuted targets do as well as the target, no network is
    taken whose cross-validated error is not lower than that of the linear models by as much.
    """
    candidates = eligible(listed)
    if not candidates:
        return Decision(None)
    if exact := exact_models(candidates):
        return Decision(exact[0])
    spreads = [c.spread for c in candidates if c.spread is not None]
    noise = float(np.median(spreads)) if spreads else 0.0
    first = _by_criteria(candidates, noise, rows)
    if first is None:
        return Decision(None)
    if better := _better_verified(first, candidates):
        return Decision(better, noise, first, "cross-validation")
    plain = [c for c in candidates if not c.is_network]
    if plain and first.is_network and p is not None and p > SIGNIFICANCE and not _supported(first, plain):
        return Decision(_plain_choice(plain), noise, first, "permutation test")
    return Decision(first, noise)


def conclusive_p(validation: Validation | None) -> float | None:
    """The p-value of the permutation test; None where there was none, or too few draws for it to be small."""
    permuted = validation.null.get("permuted", []) if validation else []
    return p_value(validation) if validation and 1.0 / (1 + len(permuted)) <= SIGNIFICANCE else None


def _by_criteria(candidates: Sequence[Candidate], noise: float, rows: float) -> Candidate | None:
    """The choice by AICc and leave-one-out errors."""
    networks, plain = [c for c in candidates if c.is_network], [c for c in candidates if not c.is_network]
    simple, held = _plain_choice(plain), reference(plain)
    bound = min(map(aicc_of, plain), default=np.inf) - noise
    if held is not None and held.classes is not None and any(c.press is not None for c in networks):
        networks, bound = [c for c in networks if ROWS_OF_CLASSES * (c.edf or c.n_params or 0) <= rows], np.inf
    with_press = [c for c in networks if c.press is not None]  # those of lowest AICc, once the study has ended
    sound = networks
    if with_press and held is not None:
        sound = [c for c in with_press if beats(c, held, simple) and _beats_shares(c, plain)]
    near_mean = _near_the_mean(sound)
    best = near_mean or min(sound, key=criterion_of, default=None)
    known = min(map(aicc_of, networks), default=np.inf)  # of any network, as only the first have a PRESS
    if best is None or (known >= bound and not (best.counted_later and best.press is not None)):
        return simple
    if near_mean is not None:
        return near_mean
    near = [c for c in networks if criterion_of(c) <= criterion_of(best) + noise and (c in sound or c.press is None)]
    return min(near, key=lambda c: (c.n_params or 0, criterion_of(c)))


def _near_the_mean(sound: Sequence[Candidate]) -> Candidate | None:
    """Of networks better than the linear model that have some support the one nearest to the mean of all of lowest
    criterion, or one that has lost idle features or edges, where that has spent its parameters better and predicts rows left
    out as well; None where no mean is known.
    """
    known = with_support(sound)
    if not known:
        return None
    nearest = min(known, key=lambda c: c.apart or 0.0)
    pruned = [
        c for c in sound if c.reduced is not None and c.wild is None and (c.press or 0.0) <= (nearest.press or 0.0)
    ]
    return min((nearest, *pruned), key=criterion_of)


def with_support(networks: Sequence[Candidate]) -> list[Candidate]:
    """Of networks whose distance from the mean of several is known those within SUPPORTED of the lowest criterion; without
    the wild ones, unless all are.
    """
    known = [c for c in networks if c.apart is not None]
    known = [c for c in known if c.wild is None] or known
    lowest = min(map(criterion_of, known), default=np.inf)
    return [c for c in known if criterion_of(c) <= lowest + SUPPORTED]


def _supported(network: Candidate, plain: Sequence[Candidate]) -> bool:
    """Whether cross-validation puts a network below the best of the linear models."""
    verified = [c for c in plain if c.folds]
    return bool(verified) and _better_verified(min(verified, key=lambda c: np.mean(c.folds)), [network]) is network


def _better_verified(first: Candidate, candidates: Sequence[Candidate]) -> Candidate | None:
    """The model of lowest cross-validated error, where that is lower by more than a standard error of the difference."""
    verified = [c for c in candidates if c.folds and len(c.folds) == len(first.folds)]
    best = min(verified, key=lambda c: np.mean(c.folds), default=first)
    gain = np.subtract(first.folds, best.folds)
    if best is first or len(gain) < 2:
        return None
    beyond = max(gain.std(ddof=1) / np.sqrt(len(gain)), WORTH * np.mean(first.folds))
    return best if gain.mean() > beyond else None


def eligible(listed: Sequence[Candidate]) -> list[Candidate]:
    """The models that can be recommended: with AICc, of a family fitted for comparison only with a leave-one-out error, and
    none that breaks a constraint of the study.
    """
    kept = [c for c in listed if not (c.baseline and c.baseline.breaks)]
    return [c for c in kept if c.aicc is not None and (c.family not in COMPARISON_FAMILIES or c.press is not None)]


def exact_models(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The models other than networks that leave nothing but rounding, of rows left out too; simplest first."""
    total = next((c.rss_train for c in candidates if c.family == "constant"), None)
    if not total:
        return []
    found = [
        c
        for c in candidates
        if not c.is_network and max(c.rss_train or 0.0, np.inf if c.press is None else c.press) <= EXACT * total
    ]
    return sorted(found, key=lambda c: (c.n_params or np.inf, c.family != "linear"))


def reference(plain: Sequence[Candidate]) -> Candidate | None:
    """The linear model, or the mean where that has no AICc; None where their leave-one-out error is not known."""
    named = {c.family: c for c in plain if c.press is not None}
    return named.get("linear") or named.get("constant")


def _beats_shares(network: Candidate, plain: Sequence[Candidate]) -> bool:
    """Whether a network of classes predicts rows left out better than their shares do, by more than the standard error; True
    of other targets. No AICc stands against noise there, and a linear model that has fitted noise is easily beaten.
    """
    shares = next((c.press for c in plain if c.family == "constant"), None)
    se = network.classes and network.classes.press_se_shares  # unknown in studies of before it was kept
    return shares is None or se is None or shares - (network.press or 0.0) > se


def aicc_of(candidate: Candidate) -> float:
    """AICc, inf where there is none."""
    return np.inf if candidate.aicc is None else candidate.aicc


def criterion_of(candidate: Candidate) -> float:
    """What it is ranked by (`Scores.criterion`), inf where there is none."""
    return np.inf if candidate.criterion is None else candidate.criterion


def _plain_choice(plain: Sequence[Candidate]) -> Candidate | None:
    """The choice among the mean and the linear models: the mean where its PRESS is as low as that of the linear model."""
    held = reference(plain)
    if held is None:
        return min(plain, key=lambda c: (aicc_of(c), c.n_params or 0), default=None)
    mean = next((c for c in plain if c.family == "constant" and c.press is not None), held)
    default = mean if (mean.press or 0.0) <= (held.press or 0.0) else held
    better = [c for c in plain if beats(c, held, default)]
    return min(better, key=lambda c: c.press or 0.0, default=default)


def beats(candidate: Candidate, held: Candidate, simple: Candidate | None) -> bool:
    """Whether its PRESS is below that of `held` by more than a standard error, and below that of `simple`."""
    if candidate.press is None or candidate.press_se is None or held.press is None:
        return False
    beyond = held.press - candidate.press > max(candidate.press_se, WORTH * held.press)
    return beyond and (simple is None or simple is held or candidate.press < (simple.press or np.inf))
