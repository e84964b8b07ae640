r"""What residuals say against a model: one check a chart, each a test or a rule, in plain words.

With e the residuals, f the predictions on the scale of the fit, and r the standardised residuals (kanlab.explain.influence):

    bend         whether r follows f^2 and f^3 (RESET, Ramsey, J. R. Stat. Soc. B 31, 1969), an F test
    features     whether the mean of r differs among BINS groups of a feature's values: chi-squared, times the number of
                 features (Bonferroni)
    order        the correlation of neighbours in table order, sqrt(n) r_1 against the normal distribution (Box & Pierce 1970)
    normality    Shapiro and Wilk's W (Biometrika 52, 1965), and skewness above 0.5 or excess kurtosis above 1: with many rows
                 every departure is significant, and few matter
    spread       whether r^2 follows f (Koenker, J. Econometrics 17, 1981), and how the spread of the outer thirds differs
    influence    Cook's distance above 1, or a leverage near 1
    dispersion   of counts, Pearson's chi-squared over n - edf
    zeros        of counts, observed zeros against those expected

They look at the training rows, where the fit has taken up some of what they look for: they miss rather than alarm. A check
departs below ALPHA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import chdtr, chdtrc, fdtrc, ndtr

from kanlab.arrays import Array
from kanlab.explain.curves import rootogram
from kanlab.language import say
from kanlab.text import series, short, together

ALPHA = 0.01
BINS = 8  # groups of a feature's values
SKEWED, HEAVY = 0.5, 1.0  # skewness and excess kurtosis that matter
FANNING = 1.5  # by how much the spread of the thirds differs where it matters
DRIFT = 0.1  # correlation of neighbours that matters
DECISIVE = 1.0  # Cook's distance
PINNED = 0.9  # leverage
OVER, UNDER = 1.25, 0.8  # dispersion that matters
MOST_TESTED = 5000  # rows of Shapiro and Wilk's test, whose p-values hold up to there
MOST_NAMED = 10  # rows a check names

Remedy = Literal["", "wider", "log", "quantity", "leave out", "latest rows", "validate"]


@dataclass(frozen=True)
class Check:
    """What one look at the residuals says.

    departs: whether something is amiss, None where it cannot be told.  p: of the test, where there is one.  remedy: the click
    that may mend it.  rows: the training rows it is about, from 0.
    """

    name: str
    departs: bool | None
    sentence: str
    p: float | None = None
    remedy: Remedy = ""
    rows: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; rows count from 1."""
        rows = [i + 1 for i in self.rows]
        return {"check": self.name, "departs": self.departs, "p": self.p, "sentence": self.sentence, "rows": rows}


def bend(r: Array, f: Array) -> Check:
    """Whether the residuals follow a curve along the predictions f (n,)."""
    p = _bend_p(r, f)
    if p is None:
        return Check("bend", None, say("There are too few different predictions to see a bend."))
    if p >= ALPHA:
        return Check(
            "bend",
            False,
            say("No bend: the model misses no shape along its predictions ({p_words}).", p_words=p_words(p)),
            p,
        )
    words = say("The residuals bend with the prediction ({p_words}): the model misses a shape.", p_words=p_words(p))
    return Check("bend", True, say("{words} More neurons or a finer grid may find it.", words=words), p, "wider")


def along_features(r: Array, X: Array, names: Sequence[str]) -> tuple[Check, pd.DataFrame]:
    """Whether they follow a feature of X (n, d), and the p-value of each, lowest first: columns feature, p."""
    p = [_groups_p(r, x) for x in X.T]
    found = pd.DataFrame({"feature": list(names), "p": p}).sort_values("p", kind="stable", ignore_index=True)
    name, value = short(str(found["feature"][0]), 40), min(1.0, float(found["p"][0]) * len(found))
    counted = say("({p_words}, all features counted)", p_words=p_words(value))
    if value >= ALPHA:
        return Check("features", False, say("No pattern along any feature {counted}.", counted=counted), value), found
    words = say(
        "The residuals follow {name} {counted}: the model misses part of its effect.", name=name, counted=counted
    )
    return Check(
        "features", True, say("{words} More neurons or a finer grid may find it.", words=words), value, "wider"
    ), found


def in_order(r: Array) -> Check:
    """Whether neighbours in table order are alike."""
    if len(r) < 20:
        return Check("order", None, say("There are too few rows to see a drift."))
    centred = r - r.mean()
    first = float(centred[1:] @ centred[:-1] / max(float(centred @ centred), np.finfo(float).tiny))
    p = two_sided(first * np.sqrt(len(r)))
    told = say("(correlation {first:.2f}, {p_words})", first=first, p_words=p_words(p))
    if p >= ALPHA or abs(first) < DRIFT:
        return Check("order", False, say("No drift: neighbouring rows err independently {told}.", told=told), p)
    if first < 0.0:
        words = say(
            "Neighbouring rows err in opposite directions {told}: they depend on each other; "
            "look how the table was made.",
            told=told,
        )
        return Check("order", True, words, p)
    words = say(
        "Neighbouring rows err alike {told}: something that changes along the table, often "
        "time, is not among the features, and standard errors are too small. Add it as a "
        "feature, and hold out the latest rows.",
        told=told,
    )
    return Check("order", True, words, p, "latest rows")


def normality(r: Array, *, log: bool = False) -> Check:
    """Whether they are normal. log: whether the target could be fitted by its logarithm."""
    r = r[np.isfinite(r)]
    if len(r) < 8 or np.ptp(r) == 0.0:
        return Check("normality", None, say("There are too few rows to see the shape of the residuals."))
    from scipy.stats import shapiro  # which takes long to load

    some = r if len(r) <= MOST_TESTED else r[np.linspace(0, len(r) - 1, MOST_TESTED).astype(int)]
    p, z = float(shapiro(some).pvalue), (r - r.mean()) / r.std()
    skew, heavy = float(np.mean(z**3)), float(np.mean(z**4) - 3.0)
    if p >= ALPHA:
        return Check(
            "normality", False, say("The residuals look normal (Shapiro-Wilk, {p_words}).", p_words=p_words(p)), p
        )
    if abs(skew) > SKEWED:
        helps = log and skew > 0
        words = (
            say(
                "The residuals have a long tail above the prediction (skewness {skew:.1f}, {p_words}): few rows pull it.",
                skew=skew,
                p_words=p_words(p),
            )
            if skew > 0
            else say(
                "The residuals have a long tail below the prediction (skewness {skew:.1f}, {p_words}): few rows pull it.",
                skew=skew,
                p_words=p_words(p),
            )
        )
        advice = say("The logarithm of the target may help.") if helps else say("Look at the most influential rows.")
        return Check("normality", True, together([words, advice]), p, "log" if helps else "")
    if heavy > HEAVY:
        words = say(
            "Some residuals are far larger than normal ones (excess kurtosis {heavy:.1f}, "
            "{p_words}): a few rows decide RSS and AICc. Look at the most influential rows; "
            "cross-validation says which model predicts best all the same.",
            heavy=heavy,
            p_words=p_words(p),
        )
        return Check("normality", True, words, p, "validate")
    return Check(
        "normality",
        False,
        say("The residuals are not quite normal ({p_words}), but by too little to matter.", p_words=p_words(p)),
        p,
    )


def spread(r: Array, f: Array, *, log: bool = False) -> Check:
    """Whether their spread follows the predictions. log: whether the target could be fitted by its logarithm."""
    p, ratio = _spread(r, f)
    if p is None:
        return Check("spread", None, say("There are too few different predictions to compare the spread."))
    if p >= ALPHA or 1.0 / FANNING < ratio < FANNING:
        words = say(
            "The errors are about as large everywhere (upper third to lower third {ratio:.2f}, {p_words}).",
            ratio=ratio,
            p_words=p_words(p),
        )
        return Check("spread", False, words, p)
    grows = ratio > 1.0
    helps = log and grows
    words = (
        say(
            "The errors grow with the prediction (their spread in the upper third is "
            "{ratio:.2g} times that in the lower one, {p_words}): AICc weighs the noisy rows too "
            "much, and bands are too narrow where predictions are high.",
            ratio=ratio,
            p_words=p_words(p),
        )
        if grows
        else say(
            "The errors shrink with the prediction (their spread in the upper third is "
            "{ratio:.2g} times that in the lower one, {p_words}): AICc weighs the noisy rows too "
            "much, and bands are too wide where predictions are high.",
            ratio=ratio,
            p_words=p_words(p),
        )
    )
    return Check(
        "spread", True, words + say(" The logarithm of the target may help.") * helps, p, "log" if helps else ""
    )


def dispersion(mu: Array, y: Array, edf: float) -> Check:
    """Whether counts y (n,) vary around means mu (n,) as Poisson counts do."""
    freedom = max(len(y) - edf, 1.0)
    ratio = float(np.sum((y - mu) ** 2 / mu) / freedom)
    p = min(1.0, 2.0 * float((chdtrc if ratio > 1.0 else chdtr)(freedom, ratio * freedom)))
    if p < ALPHA and ratio > OVER:
        words = say(
            "The counts vary {ratio:.1f} times as much as Poisson counts ({p_words}): a feature "
            "may be missing, or events come in clusters. The means stay right; differences of "
            "AICc are too large by about that factor.",
            ratio=ratio,
            p_words=p_words(p),
        )
        return Check("dispersion", True, words, p, "quantity")
    if p < ALPHA and ratio < UNDER:
        words = say(
            "The counts vary only {ratio:.2f} times as much as Poisson counts ({p_words}): they "
            "are more regular than chance, and differences of AICc are too small.",
            ratio=ratio,
            p_words=p_words(p),
        )
        return Check("dispersion", True, words, p, "quantity")
    words = say(
        "The counts vary as Poisson counts do ({ratio:.2f} times as much, {p_words}).", ratio=ratio, p_words=p_words(p)
    )
    return Check("dispersion", False, words, p)


def zeros(mu: Array, y: Array) -> Check:
    """Whether as many counts are 0 as Poisson counts of these means would be."""
    first = rootogram(mu, y).iloc[0]
    z = (first["observed"] - first["expected"]) / max(float(first["sd"]), np.finfo(float).tiny)
    p = two_sided(float(z)) if first["sd"] > 0 else 1.0
    counts = say(
        "{observed:.0f} zeros where {expected:.1f} are expected, {p_words}",
        observed=first["observed"],
        expected=first["expected"],
        p_words=p_words(p),
    )
    if p >= ALPHA:
        return Check("zeros", False, say("As many zeros as expected ({counts}).", counts=counts), p)
    if first["observed"] > first["expected"]:
        return Check(
            "zeros",
            True,
            say("Too many zeros ({counts}): some rows may never have an event.", counts=counts),
            p,
        )
    return Check(
        "zeros", True, say("Too few zeros ({counts}): rows without an event may not be in the table.", counts=counts), p
    )


def influential(cook: Array, leverage: Array, outputs: int = 1) -> Check:
    """Whether some rows decide the fit. leverage: summed over the outputs."""
    rows = np.flatnonzero(cook > DECISIVE)
    rows = rows[np.argsort(-cook[rows], kind="stable")]
    if len(rows):
        one, numbers = len(rows) == 1, [str(i + 1) for i in rows[:MOST_NAMED]]
        words = (
            say(
                "Row {number} decides the fit (Cook's distance up to {cook:.1f}, above 1): without it "
                "the curves would be others. See whether the cells are right, and fit once more "
                "without it.",
                number=numbers[0],
                cook=cook[rows[0]],
            )
            if one
            else say(
                "Rows {numbers} and {last} decide the fit (Cook's distance up to {cook:.1f}, above 1): without them "
                "the curves would be others. See whether the cells are right, and fit once more "
                "without them.",
                numbers=series(numbers[:-1]),
                last=numbers[-1],
                cook=cook[rows[0]],
            )
        )
        return Check("influence", True, words, None, "leave out", tuple(int(i) for i in rows[:MOST_NAMED]))
    pinned = np.flatnonzero(leverage > PINNED * outputs)
    if len(pinned):
        words = (
            say(
                "1 of {rows:,} rows decides its own prediction (leverage above {high}): the "
                "model follows it, and its residual says nothing. Cross-validation tells how smaller "
                "models do.",
                rows=len(cook),
                high=PINNED,
            )
            if len(pinned) == 1
            else say(
                "{pinned} of {rows:,} rows decide their own prediction (leverage above {high}): the "
                "model follows them, and their residuals say nothing. Cross-validation tells how smaller "
                "models do.",
                pinned=len(pinned),
                rows=len(cook),
                high=PINNED,
            )
        )
        return Check("influence", True, words, None, "validate", tuple(int(i) for i in pinned[:MOST_NAMED]))
    return Check(
        "influence",
        False,
        say("No row decides the fit (Cook's distance is at most {most:.2g}, below 1).", most=cook.max()),
    )


def binned(x: Array, values: Array, bins: int = BINS) -> pd.DataFrame:
    """Means of values in groups of x of as many rows, a group a value where they are few: columns x, mean, low, high.

    low, high: two standard errors away.

    >>> binned(np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 3.0, 5.0, 5.0]))["mean"].tolist()
    [2.0, 5.0]
    """
    group, rows = _groups(x, bins), []
    for g in np.unique(group):
        inside = values[group == g]
        error = 2.0 * float(inside.std(ddof=1)) / np.sqrt(len(inside)) if len(inside) > 1 else 0.0
        mean = float(inside.mean())
        rows.append({"x": float(x[group == g].mean()), "mean": mean, "low": mean - error, "high": mean + error})
    return pd.DataFrame(rows)


def two_sided(z: float) -> float:
    """p of a normal deviate."""
    return float(2.0 * ndtr(-abs(z)))


def p_words(value: float) -> str:
    """A p-value in words.

    >>> p_words(0.0312), p_words(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _groups(x: Array, bins: int) -> Array:
    """Which group (n,) each value is of."""
    distinct, group = np.unique(x, return_inverse=True)
    if len(distinct) <= bins:
        return np.asarray(group)
    ends = np.unique(np.quantile(x, np.linspace(0.0, 1.0, bins + 1)))
    return np.asarray(np.clip(np.searchsorted(ends, x, side="right") - 1, 0, len(ends) - 2))


def _groups_p(r: Array, x: Array) -> float:
    """Whether standardised residuals differ from 0 in the mean of groups of x."""
    group = _groups(x, BINS)
    sizes, sums = np.bincount(group), np.bincount(group, weights=r)
    used = sizes >= 3
    if used.sum() < 2:
        return 1.0
    return float(chdtrc(float(used.sum() - 1), float(np.sum(sums[used] ** 2 / sizes[used]))))


def _varies(f: Array, least: int) -> bool:
    return len(f) >= least and len(np.unique(f)) >= 5 and float(f.std()) > 1e-12 * max(1.0, float(np.abs(f).max()))


def _bend_p(r: Array, f: Array) -> float | None:
    if not _varies(f, 10):
        return None
    z, n = (f - f.mean()) / f.std(), len(r)
    designs = np.column_stack([np.ones(n), z]), np.column_stack([np.ones(n), z, z**2, z**3])
    rss = [float(np.sum((r - A @ np.linalg.lstsq(A, r, rcond=None)[0]) ** 2)) for A in designs]
    return float(fdtrc(2.0, float(n - 4), (rss[0] - rss[1]) / 2.0 / (rss[1] / (n - 4)))) if rss[1] > 0.0 else None


def _spread(r: Array, f: Array) -> tuple[float | None, float]:
    """p of Koenker's test, and the root mean square of r in the upper third of f over that in the lower one."""
    squares, n = r**2, len(r)
    centred, moved = squares - squares.mean(), f - f.mean()
    both = float(centred @ centred) * float(moved @ moved)
    if not _varies(f, 15) or both <= 0.0:
        return None, 1.0
    order = np.argsort(f, kind="stable")
    low, high = (float(np.sqrt(squares[part].mean())) for part in (order[: n // 3], order[-(n // 3) :]))
    return float(chdtrc(1.0, n * float(centred @ moved) ** 2 / both)), high / low if low > 0.0 else np.inf
