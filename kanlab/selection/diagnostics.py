"""Diagnostics: what is doubtful in the result of a study, one warning each, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from kanlab.baselines.registry import BASELINES, COMPARISON_FAMILIES, separates
from kanlab.kan.search_space import LIMITS, SearchSpace
from kanlab.language import say
from kanlab.selection.candidates import Candidate, cell_words, seed_scores, seeds_compared
from kanlab.selection.decision import SIGNIFICANCE, aicc_of, conclusive_p
from kanlab.selection.measures import four_digits, measure_for
from kanlab.selection.product_hint import StrongestPair, product_hint
from kanlab.selection.validation import Validation, p_words
from kanlab.stats.likelihood import COUNTS
from kanlab.study.handle import StudyView
from kanlab.study.trials import TrialRecord, first_ranked, ranked
from kanlab.text import quoted, series

TIE = 10.0  # units of AICc within which the optimiser's noise can change the order
FEW_ROWS = 3.0  # training rows a parameter
SLIGHT_LOSS = 0.02  # nats a row: log-losses nearer than that are alike, however small both; mean deviances too
DISPERSED, SURE = 1.25, 3.0  # of counts: how far from 1 their dispersion is at least, and in how many standard errors
EXTRAPOLATION = 0.05
AGREEMENT = 4
TOLD = 1e-4  # of the squared error of the mean on rows left out: a linear model below it all but tells the target


@dataclass(frozen=True)
class Diagnostic:
    """One sentence of what is wrong and what to do.

    widen: the space that answers it.  log: whether the logarithm of the target does.
    """

    sentence: str
    widen: SearchSpace | None = None
    log: bool = False


def diagnose(
    handle: StudyView,
    records: Sequence[TrialRecord],
    validation: Validation | None,
    listed: Sequence[Candidate],
    choice: Candidate,
) -> list[Diagnostic]:
    """The warnings of a study and its recommended model."""
    found = [
        _edge(handle, records),
        _coarse(handle, records),
        _few_rows(handle, choice),
        _held_out(handle, choice, listed),
        _products(handle),
    ]
    if validation:
        found += [
            _better_seed(handle, validation, listed),
            _instability(choice, listed),
            _cross_validation(choice, listed),
            _permutation(validation),
            _outside(choice, validation),
        ]
    found += [
        _dispersion(handle, choice),
        _negative(handle, choice, listed),
        _linear(choice, listed),
        _told(choice, listed),
        _other_family(choice, listed),
    ]
    found += [_separated(listed), _no_network(choice, listed), _no_information(choice, listed)]
    return [warning for warning in found if warning]


def _edge(handle: StudyView, records: Sequence[TrialRecord]) -> Diagnostic | None:
    """The best network at the top of a range that could go on, or at the low end of one above the default's."""
    best = first_ranked(records)
    if best is None:
        return None
    space, usual = handle.spec.space, SearchSpace()
    wider: dict[str, tuple[int, int]] = {}
    for name in space.parameters:
        at, (low, high), minimum = getattr(best.cell, name), getattr(space, name), getattr(usual, name)[0]
        maximum = LIMITS[name][1]
        if at == high < maximum:
            wider[name] = (low, min(maximum, high + max(1, (high - low) // 2)))
        elif at == low > minimum:
            wider[name] = (max(minimum, low - max(1, (high - low) // 2)), high)
    if not wider:
        return None
    *others, last = wider
    names = say("{names} and {last}", names=series(others), last=last) if others else last
    return Diagnostic(
        say(
            "The best network lies at the edge of the range of {name}; widen it to see whether a better one lies beyond.",
            name=names,
        )
        if len(wider) == 1
        else say(
            "The best network lies at the edge of the ranges of {names}; widen them to see whether a better one lies "
            "beyond.",
            names=names,
        ),
        replace(space, **wider),
    )


def _coarse(handle: StudyView, records: Sequence[TrialRecord]) -> Diagnostic | None:
    """Most networks want a finer grid than there is, though the best one, of many nodes, is not at the edge of the range."""
    best, (low, high), finest = first_ranked(records), handle.spec.space.grid, LIMITS["grid"][1]
    if best is None or best.cell.grid == high or high == finest:
        return None
    lowest: dict[
        tuple[int, int, int], list[float]
    ] = {}  # of AICc for so many nodes and layers: below the finest grid, and there
    for trial in ranked(records):
        at = lowest.setdefault((trial.cell.neuron_num, trial.cell.depth, trial.cell.multiplication), [np.inf, np.inf])
        at[trial.cell.grid == high] = min(at[trial.cell.grid == high], trial.criterion)
    gains = [below - there for below, there in lowest.values() if np.isfinite(below - there)]
    if len(gains) < 2 or 2 * sum(gain > TIE for gain in gains) <= len(gains):
        return None
    return Diagnostic(
        say(
            "For most numbers of hidden neurons the finest grid, {high}, has the lowest AICc by "
            "far; widen the range of grid to see whether a finer one follows the target with "
            "fewer of them.",
            high=high,
        ),
        replace(handle.spec.space, grid=(low, min(finest, high + max(1, (high - low) // 2)))),
    )


def _products(handle: StudyView) -> Diagnostic | None:
    """Two features interact strongly in a network whose nodes could only add up, as the test of interactions has kept it."""
    hint = product_hint(handle.spec, StrongestPair.kept(handle.attributes))
    return None if hint is None else Diagnostic(*hint)


def _few_rows(handle: StudyView, choice: Candidate) -> Diagnostic | None:
    data = handle.data
    rows = data.informative_rows / (choice.n_params or 1)
    if not choice.is_network or rows >= FEW_ROWS:
        return None
    if data.task == COUNTS and data.events < data.n_train:
        few = say("There are only {rows:.1f} events in the training rows a parameter", rows=rows)
    elif not data.levels:
        few = say("There are only {rows:.1f} training rows a parameter", rows=rows)
    elif data.outputs == 1:
        few = say("There are only {rows:.1f} training rows of the rarer class a parameter", rows=rows)
    else:
        few = say("There are only {rows:.1f} training rows of the rarest class, of its output, a parameter", rows=rows)
    return Diagnostic(
        say(
            "{few}; trust the order of the models less than their AICc suggests, and bring more rows if you can.",
            few=few,
        )
    )


def chance_ratio(looks: int, rows: int) -> float:
    """By what factor the lowest of so many errors on so few test rows may lie below another by chance, in one of 20 cases.

    The log of a mean loss over m rows has a standard deviation near sqrt(2 / m), exactly so for squares of many normal errors,
    and the difference of two that are independent one of 2 / sqrt(m); models whose errors are alike differ less. RMSE is the
    root of such a mean. Bonferroni's bound takes care of the looks.

    >>> round(chance_ratio(looks=1, rows=1000), 2), round(chance_ratio(looks=100, rows=12), 2)
    (1.05, 2.59)
    """
    z = NormalDist().inv_cdf(1 - SIGNIFICANCE / max(1, looks))
    return float(np.exp(z / np.sqrt(rows)))


def _held_out(handle: StudyView, choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    """The test rows, which nothing was chosen on, disagree by more than a fifth in RMSE, log-loss or deviance, and by more
    than so many looks at so few rows give by chance; in RMSE on the scale of the fit, for in units of a target fitted by its
    logarithm the largest row decides alone.
    """

    def error_of(c: Candidate) -> float | None:
        if handle.data.is_transformed and c.rss_test is not None:
            return float(np.sqrt(c.rss_test))
        return c.error_test

    tested = {c.key: error for c in listed if (error := error_of(c)) is not None and c.aicc is not None}
    own = error_of(choice)
    if own is None or not tested:
        return None
    best = min((c for c in listed if c.key in tested), key=lambda c: tested[c.key])
    lowest = tested[best.key]
    ratio = own / max(lowest, 1e-150)
    slight = choice.deviance is not None and own - lowest < SLIGHT_LOSS
    by_chance = chance_ratio(len(tested), handle.data.n_test)
    by_chance = by_chance if choice.deviance is None else by_chance**2  # which is a mean, not the root of one
    if best is choice or ratio < max(1.2, by_chance) or slight:
        return None
    name = measure_for(choice).error
    what = say("error") if name == "RMSE" else say(name)
    return Diagnostic(
        say(
            "AICc and the test rows disagree: {label} has {share:.0%} lower {what} there; look "
            "at both, and let cross-validation decide.",
            label=best.label,
            share=1 - 1 / ratio,
            what=what,
        )
    )


def _dispersion(handle: StudyView, choice: Candidate) -> Diagnostic | None:
    """Counts that vary more around their predictions, or less, than Poisson counts do."""
    freedom = handle.data.n_train - (choice.n_params or 0.0)
    if choice.counts is None or freedom < 1:
        return None
    ratio = choice.counts.pearson_train / freedom
    error = SURE * float(np.sqrt(2.0 / freedom))
    measured = say("Pearson's chi-squared over n - K is {ratio:.2g}", ratio=ratio)
    if ratio > max(DISPERSED, 1.0 + error):
        return Diagnostic(
            say(
                "The counts are overdispersed: they vary {ratio:.2g} times as much around the "
                "predictions as Poisson counts would ({measured}). Differences of AICc are too large "
                "by about that factor; divide them by it, and trust the cross-validation more. "
                "Missing features or events that come in clusters cause this.",
                ratio=ratio,
                measured=measured,
            )
        )
    if ratio < min(1.0 / DISPERSED, 1.0 - error):
        return Diagnostic(
            say(
                "The counts are underdispersed: they vary less around the predictions than Poisson "
                "counts would ({measured}), as numbers with an upper end do. Differences of AICc are "
                "too small by about that factor; compare a study of the task regression by the "
                "errors of its test rows.",
                measured=measured,
            )
        )
    return None


def _negative(handle: StudyView, choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    """The recommended model, or the average beside it, is below 0 in some rows of a target that never is."""
    average = (c for c in listed if c.average is not None)
    found = next((c for c in (choice, *average) if c.n_negative), None)
    if found is None:
        return None
    return Diagnostic(
        say(
            "{target} is above 0 in every row, but the predictions of {model} are below 0 in {count:,} of {rows:,} rows. "
            "Fit its logarithm (the scale log of the target), of which every prediction is above 0.",
            target=quoted(handle.data.target),
            model=found.name,
            count=found.n_negative,
            rows=handle.data.n_train + handle.data.n_test,
        ),
        log=True,
    )


def _linear(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    """A linear model so near to the chosen network that the noise of the optimiser could have put it first."""
    plain = [c for c in listed if c.family in BASELINES and c.aicc is not None]
    best = min(plain, key=aicc_of, default=None)
    if (
        not choice.is_network
        or choice.aicc is None
        or best is None
        or best.aicc is None
        or abs(best.aicc - choice.aicc) > TIE
        or _is_worse(best, choice)
    ):
        return None
    return Diagnostic(
        say(
            "The {label} model is as good within the noise: its AICc is only {difference:.1f} higher; "
            "take it unless you need the curves of the network.",
            label=best.label,
            difference=best.aicc - choice.aicc,
        )
        if best.aicc >= choice.aicc
        else say(
            "The {label} model is as good within the noise: its AICc is only {difference:.1f} lower; "
            "take it unless you need the curves of the network.",
            label=best.label,
            difference=choice.aicc - best.aicc,
        )
    )


def _told(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    """A weighted sum of features that is nearly the target, as a price is of the lowest and the highest one."""
    mean = next((c.press for c in listed if c.family == "constant" and c.deviance is None), None)
    if choice.is_network or choice.press is None or not mean or not 0.0 < choice.press < TOLD * mean:
        return None
    return Diagnostic(
        say(
            "A weighted sum of the features is nearly the target: of rows left out it misses {percent:.2g}% of the variance. "
            "Leave out features that were computed from the target or are known only after it.",
            percent=100 * choice.press / mean,
        )
    )


def _is_worse(plain: Candidate, choice: Candidate) -> bool:
    """Whether rows left out say that a linear model predicts worse: those of cross-validation, else one by one."""
    if plain.folds and len(plain.folds) == len(choice.folds):
        gain = np.subtract(plain.folds, choice.folds)
        return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)))
    if plain.press is None or choice.press is None or choice.press_se is None:
        return False
    return plain.press - choice.press > choice.press_se


def _separated(listed: Sequence[Candidate]) -> Diagnostic | None:
    """Planes separate the classes: the likelihood of logistic regression has no maximum."""
    linear = next((c.baseline for c in listed if c.family == "linear"), None)
    if linear is None or not separates(linear):
        return None
    return Diagnostic(
        say(
            "Planes separate the classes of the training rows, so that logistic regression has "
            "no maximum likelihood and no AICc: its probabilities go to 0 and 1, however few the "
            "rows. The ridge model stands in its place."
        )
    )


def _no_network(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    networks = [c.aicc for c in listed if c.is_network and c.aicc is not None]
    plain = [c for c in listed if c.family in BASELINES and c.aicc is not None]
    if choice.is_network or not networks or not plain:
        return None
    if min(networks) <= min(map(aicc_of, plain)):
        return None
    return Diagnostic(
        say(
            "No network beats the linear models by AICc. Use the recommended model; more rows or "
            "other features may make a network worth its parameters."
        )
    )


def _no_information(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    """The leave-one-out error of the mean is as low as that of the linear model, or of another one that is chosen."""
    mean = next((c for c in listed if c.family == "constant"), choice)
    other = next((c for c in listed if c.family == "linear"), choice) if mean is choice else choice
    if choice.is_network or mean is other or other.press is None or mean.press is None or mean.press > other.press:
        return None
    return Diagnostic(
        say(
            "The leave-one-out (LOO) error of the mean is as low as that of the {label} model; "
            "these features may carry no information about the target.",
            label=other.label,
        )
    )


def _other_family(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    others = [c for c in listed if c.family in COMPARISON_FAMILIES and c.aicc is not None and c.press is None]
    best = min(others, key=aicc_of, default=None)
    if best is None or best.aicc is None or choice.aicc is None or best.aicc > choice.aicc - 2:
        return None
    if best.cv_error is not None and choice.cv_error is not None and best.cv_error > choice.cv_error:
        return Diagnostic(
            say(
                "The AICc of the {label} model is {aicc:.1f} lower, but its cross-validated error is "
                "higher, {error} against {other}.",
                label=best.label,
                aicc=choice.aicc - best.aicc,
                error=four_digits(best.cv_error),
                other=four_digits(choice.cv_error),
            )
        )
    return Diagnostic(
        say(
            "A model of another family does better: the AICc of the {label} model is {aicc:.1f} "
            "lower. Its shape may suit these data better; open it on the Model page, and compare "
            "the cross-validated errors.",
            label=best.label,
            aicc=choice.aicc - best.aicc,
        )
    )


def _better_seed(handle: StudyView, validation: Validation, listed: Sequence[Candidate]) -> Diagnostic | None:
    """A refit far below everything in the study: the starts were too few to find what the cell can do."""
    known = [c.criterion for c in listed if c.criterion is not None and c.family not in COMPARISON_FAMILIES]
    by_cell = ((key.cell, by_seed) for key, by_seed in seed_scores(handle, validation).items())
    found = [(value, cell, seed) for cell, by_seed in by_cell for seed, value in by_seed.items()]
    value, cell, seed = min(found, default=(np.inf, None, 0))
    if not known or cell is None or value >= min(known) - TIE:
        return None
    return Diagnostic(
        say(
            "Another seed finds a better fit: from seed {seed} the network of {cell_words} comes "
            "{difference:.1f} units below the lowest AICc of the study; search again with more starts "
            "per configuration.",
            seed=seed,
            cell_words=cell_words(cell),
            difference=min(known) - value,
        )
    )


def _instability(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    seeds = seeds_compared(listed)
    if choice.wins is None or seeds < AGREEMENT or choice.wins >= seeds - 1:
        return None
    if not choice.wins:
        agree = say("No seed of {seeds} agrees on this configuration", seeds=seeds)
    elif choice.wins == 1:
        agree = say("Only 1 of {seeds} seeds agrees on this configuration", seeds=seeds)
    else:
        agree = say("Only {wins} of {seeds} seeds agree on this configuration", wins=choice.wins, seeds=seeds)
    return Diagnostic(
        say("{agree}; treat the finalists as equal and take the simplest one that is accurate enough.", agree=agree)
    )


def _cross_validation(choice: Candidate, listed: Sequence[Candidate]) -> Diagnostic | None:
    verified = [c for c in listed if c.cv_error is not None]
    if choice.cv_error is None or not verified:
        return None
    best = min(verified, key=lambda c: c.cv_error or np.inf)
    if best is choice or choice.cv_error <= (best.cv_error or 0.0) + (best.cv_se or 0.0):
        return None
    return Diagnostic(
        say(
            "By cross-validation {label} is better ({error} against {other}) by more than its standard error; "
            "look at that one, too.",
            label=best.label,
            error=four_digits(best.cv_error),
            other=four_digits(choice.cv_error),
        )
    )


def _permutation(validation: Validation) -> Diagnostic | None:
    p = conclusive_p(validation)
    if p is None or p <= SIGNIFICANCE:
        return None
    return Diagnostic(
        say(
            "Pure noise cannot be excluded: in the permutation test {p_words}; do not read "
            "structure into these networks.",
            p_words=p_words(validation),
        )
    )


def _outside(choice: Candidate, validation: Validation) -> Diagnostic | None:
    shares = [e["extrapolates"] for e in validation.refits.get(choice.key, []) if e["extrapolates"] is not None]
    if not shares or float(np.mean(shares)) <= EXTRAPOLATION:
        return None
    return Diagnostic(
        say(
            "{share:.0%} of the test rows lie outside the range of the training rows, where "
            "predictions are held at its edge; do not use the network far beyond its data.",
            share=float(np.mean(shares)),
        )
    )
