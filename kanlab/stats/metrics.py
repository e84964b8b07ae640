"""The scores of a model, and how well probabilities of classes and means of counts hold against what happened.

Of two classes p (n,) are probabilities of 1 and y (n,) is 0 or 1; of c classes p (n, c) are probabilities of all and y (n,)
are their numbers, from 0.

Log-loss and Brier score are proper: nothing but the true probability makes their expectation least (Gneiting & Raftery 2007).
Accuracy and the area under the ROC curve look at the order of the probabilities alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kanlab.arrays import Array
from kanlab.stats.likelihood import BERNOULLI, CERTAIN, MULTINOMIAL, POISSON, Likelihood, one_hot, weighted_losses

CALIBRATION_BINS = 10


class ClassScores(NamedTuple):
    """Of a model on the training and the test rows (None where there are none).

    deviance: -2 log L.  log_loss: mean of -ln(the probability given to what happened), deviance / 2n, in nats.  brier: mean
    squared difference of probability and outcome, of more than two classes summed over them.  accuracy: share of rows whose
    likeliest class is the true one.  auc: `area_under_roc`, None where a class is missing.  accuracy_loo: of the training
    rows, each left out of the fit that classifies it, press_se_shares: as of `LeftOut`; None where they are not known.
    """

    deviance_train: float
    log_loss_train: float
    log_loss_test: float | None
    brier_train: float
    brier_test: float | None
    accuracy_train: float
    accuracy_test: float | None
    auc_train: float | None
    auc_test: float | None
    accuracy_loo: float | None = None
    press_se_shares: float | None = None


class LeftOut(NamedTuple):
    """How well a model does on the training rows, each left out of the fit that predicts it.

    press: sum of the losses, squared residuals, -2 ln(the probability given to what happened), or deviances of counts.
    press_se: standard error of the amount by which it lies below that of the reference model
    (kanlab.baselines.registry.reference_losses).
    accuracy_loo: of classes, the share that is classified correctly.
    press_se_shares: of classes, the standard error of the amount by which it lies below that of the shares of the classes.
    """

    press: float
    press_se: float
    accuracy_loo: float | None = None
    press_se_shares: float | None = None

    @classmethod
    def of(
        cls, likelihood: Likelihood, predicted: Array, y: Array, reference: Array, weights: Array | None = None
    ) -> LeftOut:
        """Of predictions (n,) or (n, classes) for y (n,). reference: the losses (n,) of the reference model, weighed as these.

        The difference of two models is a sum over rows, so that the spread of its terms gives a standard error.
        """
        losses = weighted_losses(likelihood, predicted, y, weights)
        press, se = float(losses.sum()), _standard_error(reference - losses)
        if not likelihood.of_classes:
            return cls(press, se)
        return cls(press, se, accuracy(predicted, y), _standard_error(_losses_of_shares(y, weights) - losses))

    def to_dict(self) -> dict[str, float]:
        """What is known of it."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> LeftOut | None:
        """The inverse of `to_dict`; other keys are left alone. None where press is not known."""
        if content["press"] is None:
            return None
        return cls(content["press"], content["press_se"], content.get("accuracy_loo"), content.get("press_se_shares"))


def _standard_error(gains: Array) -> float:
    """Of the sum of gains (n,)."""
    return float(np.sqrt(len(gains)) * gains.std(ddof=1)) if len(gains) > 1 else 0.0


def _losses_of_shares(y: Array, weights: Array | None) -> Array:
    """Losses (n,) of the classes y (n,) by the shares of the classes among the other rows."""
    number, w = np.asarray(y, dtype=np.intp), np.ones(len(y)) if weights is None else weights
    shares = (np.bincount(number, w)[number] - w) / np.maximum(w.sum() - w, np.finfo(float).tiny)
    return np.asarray(-2.0 * w * np.log(np.clip(shares, CERTAIN, 1.0 - CERTAIN)))


class CountScores(NamedTuple):
    """Of a model of counts on the training and the test rows (None where there are none).

    deviance: 2 sum [y ln(y / mu) - y + mu].  mean_deviance: the same a row.  d2: the share of the deviance of the rows' own
    mean that is explained, None where they are all alike.  pearson: sum (y - mu)^2 / mu, about n - K where counts vary as
    Poisson counts do.
    """

    deviance_train: float
    mean_deviance_train: float
    mean_deviance_test: float | None
    d2_train: float | None
    d2_test: float | None
    pearson_train: float


@dataclass(frozen=True)
class Scores:
    """How well one model fits the training rows and predicts others; None for what is not known or not defined.

    n_params: the K that AICc counts.  rss: sum of squared residuals on the scale of the fit, of classes to the probabilities.
    rmse: root mean square of the residuals in units of the data; none of classes, for which `classes` says more. Of counts
    `counts` stands beside it.
    edf: effective degrees of freedom of a network's fit.  n_params_effective: what it has spent, aicc_effective: AICc by that,
    +inf where it is not defined; all None where networks are not ranked by it.
    press, press_se: as of `LeftOut`.  n_negative: rows predicted below 0 of a quantity that is above 0 in every row; None
    where there are none.

    >>> Scores(n_params=5, rss_train=2.0, aicc=-34.8).misfit
    2.0
    """

    n_params: float | None = None
    rss_train: float | None = None
    rss_test: float | None = None
    aicc: float | None = None
    rmse_train: float | None = None
    rmse_test: float | None = None
    press: float | None = None
    press_se: float | None = None
    classes: ClassScores | None = None
    counts: CountScores | None = None
    edf: float | None = None
    n_params_effective: float | None = None
    aicc_effective: float | None = None
    n_negative: int | None = None

    @property
    def criterion(self) -> float | None:
        """What networks are ranked by: AICc of what each has spent where that is known, else AICc."""
        return self.aicc if self.aicc_effective is None else self.aicc_effective

    @property
    def deviance(self) -> float | None:
        """Of the training rows, of classes and counts; None of a quantity."""
        own = self.classes or self.counts
        return None if own is None else own.deviance_train

    @property
    def misfit(self) -> float | None:
        """What the fit made small: RSS, or the deviance of classes and counts."""
        return self.rss_train if self.deviance is None else self.deviance

    @property
    def error_test(self) -> float | None:
        """On the test rows: RMSE in units of the target, of classes the log-loss, of counts the mean deviance."""
        if self.classes is not None:
            return self.classes.log_loss_test
        return self.rmse_test if self.counts is None else self.counts.mean_deviance_test

    def with_left_out(self, found: LeftOut) -> Scores:
        """The same with the errors of rows left out."""
        of_classes = self.classes and self.classes._replace(
            accuracy_loo=found.accuracy_loo, press_se_shares=found.press_se_shares
        )
        return replace(self, press=found.press, press_se=found.press_se, classes=of_classes)

    def error_loo(self, n: float) -> float | None:
        """On the n training rows, each left out of the fit: RMSE on the scale of the fit, of classes the log-loss, of counts
        the mean deviance. n: of rows with weights the sum of these.
        """
        if self.press is None:
            return None
        if self.counts is not None:
            return self.press / n
        return float(np.sqrt(self.press / n)) if self.classes is None else self.press / (2 * n)

    def to_dict(self) -> dict[str, Any]:
        """Flat: the scores of classes or counts stand beside the others."""
        own = self.classes or self.counts
        below = {"n_negative": self.n_negative} if self.n_negative else {}
        return {name: getattr(self, name) for name in _NAMES} | ({} if own is None else own._asdict()) | below

    def effective(self) -> dict[str, float | None]:
        """What a network has spent, as JSON has it, infinity being None; nothing where it is not known."""
        found = {name: getattr(self, name) for name in _EFFECTIVE} if self.edf is not None else {}
        return {name: None if value is None or np.isinf(value) else value for name, value in found.items()}

    def errors(self) -> dict[str, Any]:
        """`to_dict` without what follows from K and what takes further fits."""
        return {name: value for name, value in self.to_dict().items() if name not in _NOT_ERRORS}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Scores:
        """The inverse of `to_dict`; other keys are left alone."""
        known = {name: content[name] for name in (*_NAMES, "n_negative") if name in content}
        classes, counts = (
            of(**{name: content[name] for name in of._fields if name in content})
            if content.keys() >= set(of._fields) - of._field_defaults.keys()
            else None
            for of in (ClassScores, CountScores)
        )
        return cls(**known, classes=classes, counts=counts)  # type: ignore[arg-type]


_EFFECTIVE = ("edf", "n_params_effective", "aicc_effective")  # of networks alone
_NAMES = tuple(
    name for name in Scores.__dataclass_fields__ if name not in ("classes", "counts", "n_negative", *_EFFECTIVE)
)
_NOT_ERRORS = ("n_params", "aicc", "press", "press_se", "accuracy_loo", "press_se_shares")


class HasScores:
    """What holds `scores` gives each of them by its name too."""

    scores: Scores
    n_params: float | None
    rss_train: float | None
    rss_test: float | None
    aicc: float | None
    rmse_train: float | None
    rmse_test: float | None
    press: float | None
    press_se: float | None
    classes: ClassScores | None
    edf: float | None
    n_params_effective: float | None
    aicc_effective: float | None
    n_negative: int | None
    criterion: float | None
    counts: CountScores | None
    deviance: float | None
    misfit: float | None
    error_test: float | None

    def rescored(self, **changes: Any) -> Self:
        """The same with some other scores."""
        return replace(self, scores=replace(self.scores, **changes))  # type: ignore[type-var]

    def with_left_out(self, found: LeftOut) -> Self:
        """The same with the errors of rows left out."""
        return replace(self, scores=self.scores.with_left_out(found))  # type: ignore[type-var]


for _name in HasScores.__annotations__.keys() - {"scores"}:
    setattr(HasScores, _name, property(attrgetter(f"scores.{_name}")))


class HasFit(HasScores):
    """What was fitted for sure."""

    rss_train: float
    misfit: float


def class_scores(p_train: Array, y_train: Array, p_test: Array, y_test: Array) -> ClassScores:
    """All scores of probabilities of classes.

    Parameters
    ----------
    p_train, p_test : ndarray of shape (n,) or (n, classes)
        Probabilities of 1, or of every class.
    y_train, y_test : ndarray of shape (n,)
        Outcomes, classes by number; there may be no test rows.

    Returns
    -------
    ClassScores

    Examples
    --------
    >>> half, none = np.full(4, 0.5), np.zeros(0)
    >>> scores = class_scores(half, np.array([0.0, 0.0, 1.0, 1.0]), none, none)
    >>> scores.accuracy_train, scores.auc_train, scores.brier_test
    (0.5, 0.5, None)
    """

    def of_both(score: Callable[[Array, Array], float | None]) -> tuple[float | None, float | None]:
        return score(p_train, y_train), score(p_test, y_test) if len(y_test) else None

    pairs = [of_both(score) for score in (log_loss, brier, accuracy, area_under_roc)]
    return ClassScores(2 * len(y_train) * log_loss(p_train, y_train), *(value for pair in pairs for value in pair))  # type: ignore[arg-type]


def count_scores(mu_train: Array, y_train: Array, mu_test: Array, y_test: Array) -> CountScores:
    """All scores of predicted means of counts.

    Parameters
    ----------
    mu_train, mu_test : ndarray of shape (n,)
        Predictions, above 0.
    y_train, y_test : ndarray of shape (n,)
        Counts; there may be no test rows.

    Returns
    -------
    CountScores

    Examples
    --------
    >>> none = np.zeros(0)
    >>> scores = count_scores(np.full(2, 1.0), np.array([0.0, 2.0]), none, none)
    >>> scores.d2_train, scores.pearson_train, scores.mean_deviance_test
    (0.0, 2.0, None)
    """
    deviance = POISSON.misfit(mu_train, y_train)
    held_out = len(y_test) > 0
    return CountScores(
        deviance,
        deviance / len(y_train),
        mean_deviance(mu_test, y_test) if held_out else None,
        deviance_explained(mu_train, y_train),
        deviance_explained(mu_test, y_test) if held_out else None,
        float(np.sum((y_train - mu_train) ** 2 / mu_train)),
    )


def mean_deviance(mu: Array, y: Array) -> float:
    """Poisson deviance a row of means mu (n,) for counts y (n,).

    >>> mean_deviance(np.array([1.0, 2.0]), np.array([0.0, 2.0]))
    1.0
    """
    return POISSON.misfit(mu, y) / len(y)


def deviance_explained(mu: Array, y: Array) -> float | None:
    """D2, the share of the Poisson deviance of their own mean that means mu (n,) explain; None where counts y are all alike.

    1 for an exact prediction, 0 for the mean of these rows, below 0 for worse (Hastie, Tibshirani & Wainwright 2015, 3.1).

    >>> deviance_explained(np.array([1.0, 1.0]), np.array([0.0, 2.0]))
    0.0
    """
    whole = POISSON.misfit(np.full(len(y), y.mean()), y) if y.any() else 0.0
    return 1.0 - POISSON.misfit(mu, y) / whole if whole > 1e-9 * len(y) else None


def log_loss(p: Array, y: Array) -> float:
    """Mean of -ln(the probability given to what happened), in nats a row.

    >>> round(log_loss(np.array([0.5, 0.5]), np.array([0.0, 1.0])), 4)
    0.6931
    """
    return (BERNOULLI if p.ndim == 1 else MULTINOMIAL).misfit(p, y) / (2 * len(y))


def brier(p: Array, y: Array) -> float:
    """Mean squared difference of probability and outcome, of more than two classes summed over them (Brier 1950).

    >>> brier(np.array([0.5, 1.0]), np.array([0.0, 1.0]))
    0.125
    >>> brier(np.array([[0.5, 0.5, 0.0]]), np.array([0.0]))
    0.5
    """
    return squared_difference(p, y) / len(y)


def squared_difference(p: Array, y: Array, w: Array | None = None) -> float:
    """Sum of squared differences of predictions and outcomes, of probabilities (n, c) over all classes; each of the former
    times its weight w (n,), where there are weights.

    >>> squared_difference(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    4.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (p - (y if p.ndim == 1 else one_hot(y, p.shape[1]))) ** 2
        return float(np.sum(squares if w is None else w * squares))


def likeliest(p: Array) -> NDArray[np.intp]:
    """The likeliest class by number (n,); of two classes 1 from a probability of 0.5 on, of equal ones the first.

    >>> likeliest(np.array([0.4, 0.5])).tolist(), likeliest(np.array([[0.2, 0.5, 0.3]])).tolist()
    ([0, 1], [1])
    """
    return np.asarray(p >= 0.5 if p.ndim == 1 else p.argmax(axis=1), dtype=np.intp)


def accuracy(p: Array, y: Array) -> float:
    """Share of rows whose likeliest class is the true one; of two a probability of 0.5 counts as class 1.

    >>> accuracy(np.array([0.5, 0.9]), np.array([0.0, 1.0]))
    0.5
    """
    return float(np.mean(likeliest(p) == y))


def area_under_roc(p: Array, y: Array) -> float | None:
    """Share of the pairs of a 1 and a 0 in which the 1 has the greater probability, ties half; None without pairs.

    The Mann-Whitney statistic of the ranks (Hanley & McNeil, Radiology 143, 1982). Of more than two classes the mean of each
    one against the rest, over those that occur (Provost & Domingos 2000, unweighted).

    >>> area_under_roc(np.array([0.1, 0.4, 0.3, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.75
    """
    if p.ndim == 2:
        found = [area_under_roc(p[:, c], np.asarray(y == c, dtype=float)) for c in range(p.shape[1])]
        known = [area for area in found if area is not None]
        return float(np.mean(known)) if known else None
    ones = int(np.sum(y == 1.0))
    pairs = ones * (len(y) - ones)
    if not pairs:
        return None
    # ties share the mean of their ranks, which counts a tied pair as half
    _, code, count = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[code]
    return float((ranks[y == 1.0].sum() - ones * (ones + 1) / 2) / pairs)


class CalibrationBin(NamedTuple):
    """Rows of like probability: their number, mean probability, and the share that turned out 1 with its 95% interval."""

    rows: int
    predicted: float
    observed: float
    low: float
    high: float


def calibration(p: Array, y: Array, bins: int = CALIBRATION_BINS) -> list[CalibrationBin]:
    """What happened against what was predicted, in equal intervals of probability.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Probabilities of 1.
    y : ndarray of shape (n,)
        Outcomes, 0 or 1.
    bins : int
        Intervals of probability.

    Returns
    -------
    list of CalibrationBin
        Ascending; empty intervals are left out.

    Examples
    --------
    >>> bins = calibration(np.array([0.1, 0.1, 0.9]), np.array([0.0, 1.0, 1.0]), bins=2)
    >>> [(b.rows, b.predicted, b.observed) for b in bins]
    [(2, 0.1, 0.5), (1, 0.9, 1.0)]
    """
    at = np.minimum((p * bins).astype(int), bins - 1)  # a probability of 1 is of the last interval
    found = []
    for index in np.unique(at):
        inside = at == index
        rows, share = int(inside.sum()), float(y[inside].mean())
        low, high = wilson(share, rows)
        found.append(CalibrationBin(rows, float(p[inside].mean()), share, low, high))
    return found


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share seen in n rows, by default at 95% (JASA 22, 1927); it stays within 0 and 1.

    >>> [round(end, 3) for end in wilson(0.9, 10)]
    [0.596, 0.982]
    """
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def confusion(p: Array, y: Array) -> NDArray[np.intp]:
    """Rows by true class (first axis) and likeliest class, (classes, classes).

    >>> confusion(np.array([0.2, 0.7, 0.9]), np.array([0.0, 0.0, 1.0])).tolist()
    [[1, 1], [0, 1]]
    """
    classes = 2 if p.ndim == 1 else p.shape[1]
    table = np.zeros((classes, classes), dtype=np.intp)
    np.add.at(table, (y.astype(int), likeliest(p)), 1)
    return table
