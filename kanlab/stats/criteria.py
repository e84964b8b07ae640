"""Information criteria, and what follows from them.

Notation
    n       training rows
    rss     sum of squared residuals on those rows, in the squared units of y
    K       counted parameters (`n_params`), the noise variance included where it is counted

    -2 log L = n ln(rss / n)                          up to n (1 + ln 2 pi), the same for every model of the same rows
    AIC      = -2 log L + 2 K                                                  Akaike 1974
    AICc     = AIC + 2 K (K + 1) / (n - K - 1)                                 Hurvich & Tsai 1989
    BIC      = -2 log L + K ln n                                               Schwarz 1978
    delta_i  = AICc_i - min AICc,   weight_i = exp(-delta_i / 2) / sum         Burnham & Anderson 2002

AICc has a pole at K = n - 1, beyond which the unguarded formula turns negative and rewards the largest model. Here it is
+inf from the pole on: such a model is inadmissible. An exact interpolation (rss = 0) has no finite likelihood either,
nor has a fit that diverged: their criteria are +inf, which never wins, instead of the -inf or nan of the bare formula.

`aic`, `aicc` and `bic` take a Gaussian least-squares fit; `aic_of`, `aicc_of` and `bic_of` the -2 log L of any
(`kanlab.stats.likelihood` has the one of two classes).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array


def gaussian_term(rss: float, n: int) -> float:
    """-2 log L of a least-squares fit, n ln(rss / n); +inf for an interpolation and for a fit that is not finite."""
    if n < 1:
        raise ValueError(f"n is the number of training rows and must be at least 1, not {n}")
    if rss < 0:
        raise ValueError(f"rss is a sum of squares and cannot be {rss}")
    return n * (math.log(rss) - math.log(n)) if 0 < rss < math.inf else math.inf


def is_admissible(n: int, n_params: float) -> bool:
    """Whether AICc is defined: n - K - 1 > 0."""
    return n - n_params - 1 > 0


def log_likelihood(rss: float, n: int) -> float:
    """Gaussian log-likelihood at its maximum over the noise variance, constants included.

    -n/2 (ln(2 pi rss / n) + 1); -inf where it is not finite.
    """
    return -0.5 * (gaussian_term(rss, n) + n * (1 + math.log(2 * math.pi)))


def aic(rss: float, n: int, n_params: float) -> float:
    """Akaike's information criterion, n ln(rss/n) + 2K."""
    return aic_of(gaussian_term(rss, n), n, n_params)


def aic_of(term: float, n: int, n_params: float) -> float:
    """AIC from -2 log L."""
    return term + 2 * n_params


def aicc_penalty(n: int, n_params: float) -> float:
    """The part of AICc that does not depend on the fit, 2K + 2K(K+1)/(n-K-1); +inf where n - K - 1 <= 0."""
    if not is_admissible(n, n_params):
        return math.inf
    return 2 * n_params + 2 * n_params * (n_params + 1) / (n - n_params - 1)


def aicc(rss: float, n: int, n_params: float) -> float:
    """Corrected AIC; +inf where n - n_params - 1 <= 0 and where rss is 0 or not finite.

    >>> round(aicc(rss=12.5, n=40, n_params=5), 4)
    -34.7613
    """
    return aicc_of(gaussian_term(rss, n), n, n_params)


def aicc_of(term: float, n: int, n_params: float) -> float:
    """AICc from -2 log L; +inf where n - n_params - 1 <= 0."""
    penalty = aicc_penalty(n, n_params)
    return penalty if math.isinf(penalty) else term + penalty


def rss_at_aicc(value: float, n: int, n_params: float) -> float:
    """The rss at which a model of K parameters has AICc = value (the curves of equal K in a chart of AICc against rss).

    nan where AICc is not defined, +inf where the rss is beyond the largest float.
    """
    penalty = aicc_penalty(n, n_params)
    if math.isinf(penalty):
        return math.nan
    try:
        return n * math.exp((value - penalty) / n)
    except OverflowError:
        return math.inf


def bic(rss: float, n: int, n_params: float) -> float:
    """Bayesian information criterion, n ln(rss/n) + K ln n."""
    return bic_of(gaussian_term(rss, n), n, n_params)


def bic_of(term: float, n: int, n_params: float) -> float:
    """BIC from -2 log L."""
    return term + n_params * math.log(n)


def delta(values: ArrayLike) -> Array:
    """Differences from the least finite value; +inf where a value is not finite."""
    v = np.asarray(values, dtype=float)
    finite = np.isfinite(v)
    out = np.full(v.shape, np.inf)
    if finite.any():
        out[finite] = v[finite] - v[finite].min()
    return out


def akaike_weights(aicc: ArrayLike) -> Array:
    """exp(-delta/2) normalised to sum 1; 0 for models whose criterion is not finite (all 0 where none is)."""
    w = np.exp(-0.5 * delta(aicc))
    total = w.sum()
    return w / total if total > 0 else w


def evidence_ratio(aicc: ArrayLike) -> Array:
    """How many times better supported the best model is than each: exp(delta/2)."""
    with np.errstate(over="ignore"):
        return np.exp(0.5 * delta(aicc))
