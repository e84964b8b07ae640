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
from kanlab.language import say

SUPPORTED = 10.0  # units of AICc above the lowest; beyond, "essentially no support" (Burnham & Anderson 2002, 2.6)
ROWS_OF_CLASSES = 2.0  # of the rarest class, once for every output, a degree of freedom that a network has spent


def gaussian_term(rss: float, n: int) -> float:
    """-2 log L of a least-squares fit, n ln(rss / n), up to the constant that is the same for all models of the same rows.

    Parameters
    ----------
    rss : float
        Sum of squared residuals on the training rows, in squared units of y.
    n : int
        Training rows.

    Returns
    -------
    float
        +inf for an interpolation (rss = 0) and for a fit that is not finite.

    Raises
    ------
    ValueError
        Where n < 1 or rss < 0.

    Examples
    --------
    >>> round(gaussian_term(rss=12.5, n=40), 4)
    -46.526
    >>> gaussian_term(rss=0.0, n=40)
    inf
    """
    if n < 1:
        raise ValueError(say("n is the number of training rows and must be at least 1, not {n}", n=n))
    if rss < 0:
        raise ValueError(say("rss is a sum of squares and cannot be {rss}", rss=rss))
    # a difference of logarithms: rss / n may underflow to 0 where rss does not
    return n * (math.log(rss) - math.log(n)) if 0 < rss < math.inf else math.inf


def is_admissible(n: int, n_params: float) -> bool:
    """Whether AICc is defined: n - K - 1 > 0.

    >>> is_admissible(40, 38), is_admissible(40, 39)
    (True, False)
    """
    return n - n_params - 1 > 0


def subset_charge(d: int, kept: int) -> float:
    """What the choice of `kept` of d features adds to AICc, 2 ln C(d, kept); 0 for all of them.

    The code length of the choice (Foster & George 1994; Chen & Chen 2008, EBIC with gamma 1).

    >>> round(subset_charge(10, 2), 3), subset_charge(3, 3)
    (7.613, 0.0)
    """
    return 2.0 * math.log(math.comb(d, kept))


def log_likelihood(rss: float, n: int) -> float:
    """Gaussian log-likelihood at its maximum over the noise variance, constants included.

    -n/2 (ln(2 pi rss / n) + 1), what R's logLik gives of an lm; -inf where it is not finite.

    >>> round(log_likelihood(rss=12.5, n=40), 4)
    -33.4945
    """
    return -0.5 * (gaussian_term(rss, n) + n * (1 + math.log(2 * math.pi)))


def aic(rss: float, n: int, n_params: float) -> float:
    """Akaike's information criterion of a least-squares fit, n ln(rss/n) + 2K (Akaike 1974).

    >>> round(aic(rss=12.5, n=40, n_params=5), 4)
    -36.526
    """
    return aic_of(gaussian_term(rss, n), n, n_params)


def aic_of(term: float, n: int, n_params: float) -> float:
    """AIC from -2 log L, of any likelihood.

    >>> aic_of(term=52.0, n=40, n_params=3)
    58.0
    """
    return term + 2 * n_params


def aicc_penalty(n: int, n_params: float) -> float:
    """The part of AICc that does not depend on the fit, 2K + 2K(K+1)/(n-K-1); +inf where n - K - 1 <= 0.

    >>> round(aicc_penalty(n=40, n_params=5), 4), aicc_penalty(n=40, n_params=39)
    (11.7647, inf)
    """
    if not is_admissible(n, n_params):
        return math.inf
    return 2 * n_params + 2 * n_params * (n_params + 1) / (n - n_params - 1)


def aicc(rss: float, n: int, n_params: float) -> float:
    """Corrected AIC of a least-squares fit, n ln(rss/n) + 2K + 2K(K+1)/(n-K-1) (Hurvich & Tsai 1989).

    Parameters
    ----------
    rss : float
        Sum of squared residuals on the training rows, in squared units of y.
    n : int
        Training rows.
    n_params : float
        Counted parameters K, the noise variance included where it is to count; degrees of freedom need not be whole.

    Returns
    -------
    float
        +inf where n - K - 1 <= 0 (beyond that pole the bare formula rewards the largest model), and where rss is 0 or not
        finite.

    Raises
    ------
    ValueError
        Where n < 1 or rss < 0.

    Examples
    --------
    >>> round(aicc(rss=12.5, n=40, n_params=5), 4)
    -34.7613
    >>> aicc(rss=12.5, n=40, n_params=39)
    inf
    """
    return aicc_of(gaussian_term(rss, n), n, n_params)


def aicc_of(term: float, n: int, n_params: float) -> float:
    """AICc from -2 log L, of any likelihood; +inf where n - K - 1 <= 0.

    >>> round(aicc_of(term=52.0, n=40, n_params=3), 4)
    58.6667
    """
    penalty = aicc_penalty(n, n_params)
    return penalty if math.isinf(penalty) else term + penalty


def rss_at_aicc(value: float, n: int, n_params: float) -> float:
    """The rss at which a model of K parameters has AICc = value (the curves of equal K in a chart of AICc against rss).

    nan where AICc is not defined, +inf where the rss is beyond the largest float.

    >>> round(rss_at_aicc(aicc(rss=12.5, n=40, n_params=5), n=40, n_params=5), 4)
    12.5
    """
    penalty = aicc_penalty(n, n_params)
    if math.isinf(penalty):
        return math.nan
    try:
        return n * math.exp((value - penalty) / n)
    except OverflowError:
        return math.inf


def bic(rss: float, n: int, n_params: float) -> float:
    """Bayesian information criterion of a least-squares fit, n ln(rss/n) + K ln n (Schwarz 1978).

    >>> round(bic(rss=12.5, n=40, n_params=5), 4)
    -28.0816
    """
    return bic_of(gaussian_term(rss, n), n, n_params)


def bic_of(term: float, n: int, n_params: float) -> float:
    """BIC from -2 log L, of any likelihood.

    >>> round(bic_of(term=52.0, n=40, n_params=3), 4)
    63.0666
    """
    return term + n_params * math.log(n)


def delta(values: ArrayLike) -> Array:
    """Differences from the lowest finite value.

    Parameters
    ----------
    values : array_like
        Criteria of models of the same rows.

    Returns
    -------
    ndarray
        Of the same shape; +inf where a value is not finite.

    Examples
    --------
    >>> delta([-30.0, -34.0, float("inf")]).tolist()
    [4.0, 0.0, inf]
    """
    v = np.asarray(values, dtype=float)
    finite = np.isfinite(v)  # set apart: inf - inf is nan, and one nan would spread to all
    out = np.full(v.shape, np.inf)
    if finite.any():
        out[finite] = v[finite] - v[finite].min()
    return out


def akaike_weights(aicc: ArrayLike) -> Array:
    """Relative support of each model among those given, exp(-delta/2) over its sum (Burnham & Anderson 2002).

    Parameters
    ----------
    aicc : array_like
        AICc of models of the same rows.

    Returns
    -------
    ndarray
        Of the same shape, with sum 1; 0 for models whose criterion is not finite (all 0 where none is).

    Examples
    --------
    >>> akaike_weights([-34.0, -30.0, float("inf")]).round(4).tolist()
    [0.8808, 0.1192, 0.0]
    """
    w = np.exp(-0.5 * delta(aicc))
    total = w.sum()
    return w / total if total > 0 else w


def evidence_ratio(aicc: ArrayLike) -> Array:
    """How many times better supported the best model is than each, exp(delta/2) (Burnham & Anderson 2002).

    >>> evidence_ratio([-34.0, -30.0]).round(2).tolist()
    [1.0, 7.39]
    """
    with np.errstate(over="ignore"):  # beyond exp(709) the ratio is infinite for all purposes
        return np.exp(0.5 * delta(aicc))
