"""Model families that stand beside the KAN in every study, judged by the same criterion on the same rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kanlab.criteria import aicc
from kanlab.dataset import Dataset


@dataclass(frozen=True)
class Baseline:
    """A simple model fitted to a study's training rows; rss in squared units of y, aicc None where it is not defined."""

    family: str
    n_params: int
    rss_train: float
    rss_test: float | None
    aicc: float | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _least_squares(family: str, data: Dataset, d: int, count_sigma2: bool) -> Baseline:
    """Ordinary least squares with an intercept on the first d standardised features; K is the rank of the design."""
    center, scale = data.X_train[:, :d].mean(axis=0), data.X_train[:, :d].std(axis=0)

    def design(X: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(X)), (X[:, :d] - center) / scale])

    y_mean = data.y_train.mean()
    weights, _, rank, _ = np.linalg.lstsq(design(data.X_train), data.y_train - y_mean, rcond=None)

    def rss(X: np.ndarray, y: np.ndarray) -> float:
        return float(np.sum((y - y_mean - design(X) @ weights) ** 2))

    rss_train, n_params = rss(data.X_train, data.y_train), int(rank) + count_sigma2
    value = aicc(rss_train, data.n, n_params)
    return Baseline(
        family=family,
        n_params=n_params,
        rss_train=rss_train,
        rss_test=rss(data.X_test, data.y_test) if len(data.y_test) else None,
        aicc=value if np.isfinite(value) else None,
    )


def baselines(data: Dataset, *, count_sigma2: bool = True) -> list[Baseline]:
    """The constant (mean) and the linear model."""
    return [
        _least_squares("constant", data, 0, count_sigma2),
        _least_squares("linear", data, data.d, count_sigma2),
    ]
