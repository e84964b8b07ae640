"""A table of two classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

NASTY = "ill **now** <b>"


def table(n: int = 160, seed: int = 0) -> pd.DataFrame:
    """Two classes that a plane cannot tell apart, one of them named as markup."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    ill = rng.random(n) < expit(6 * a * b + np.sin(3 * a))
    return pd.DataFrame({"a": a, "b": b, "kind": rng.choice(["r", "g"], n), "state": np.where(ill, NASTY, "healthy")})
