"""A table of three classes."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEVELS = ("=big", "ill **now** <b>", "well")


def table(n: int = 180, seed: int = 0) -> pd.DataFrame:
    """Three classes that planes cannot tell apart, two of them named as a formula and as markup."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n))
    logits = np.column_stack([6 * a * b, 3 * np.cos(3 * a), np.zeros(n)])
    y = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return pd.DataFrame({"a": a, "b": b, "kind": rng.choice(["r", "g"], n), "state": np.array(LEVELS)[y]})
