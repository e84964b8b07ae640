"""A table of counts."""

from __future__ import annotations

import numpy as np
import pandas as pd


def mean_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of the counts of `table`."""
    return np.exp(0.4 + np.sin(3 * a) + 0.8 * b)


def table(n: int = 160, seed: int = 0, dispersion: float = 1.0) -> pd.DataFrame:
    """Counts whose log mean bends in a and rises in b; their variance is `dispersion` times their mean."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    mean = mean_of(a, b)
    more = dispersion > 1
    counts = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion) if more else rng.poisson(mean)
    return pd.DataFrame({"a": a, "b": b, "kind": rng.choice(["r", "g"], n), "events": counts})
