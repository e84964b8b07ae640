"""Model families that stand beside the KAN, judged by the same criterion on the same rows.

A family is a name and a function `fit(X, y, seed) -> FamilyFit`. The linear ones below are fitted at the start of every study
(`baselines`); the others cost more, load scikit-learn, and are fitted when a study is judged (`judged_families`).
`docs/families.md` shows how to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import numpy as np

from kanlab.criteria import aicc
from kanlab.dataset import Dataset
from kanlab.families.linear import constant, linear, ridge, stepwise
from kanlab.families.protocol import Array, FamilyFit

__all__ = [
    "BASELINES",
    "JUDGED",
    "LABELS",
    "Baseline",
    "Family",
    "FamilyFit",
    "baselines",
    "fit_family",
    "fit_named",
    "judged_family",
]

Family = Callable[[Array, Array, int], FamilyFit]

BASELINES: dict[str, Family] = {"constant": constant, "linear": linear, "stepwise": stepwise, "ridge": ridge}
JUDGED = {name: f"kanlab.families.{name}" for name in ("polynomial", "gam", "mlp", "boosting")}
LABELS = {
    "constant": "mean",
    "linear": "linear",
    "stepwise": "stepwise linear",
    "ridge": "ridge",
    "polynomial": "polynomial ridge",
    "gam": "spline GAM",
    "mlp": "neural network (MLP)",
    "boosting": "gradient boosting",
}


@dataclass(frozen=True)
class Baseline:
    """A model of another family fitted to a study's training rows.

    n_params: counted parameters, or effective degrees of freedom for a penalised family, the noise variance included where
    the study counts it; None where the family has no such number.  rss on the scale of the fit, rmse in units of the data.
    aicc: None where it is not defined.
    """

    family: str
    n_params: float | None
    rss_train: float
    rss_test: float | None
    aicc: float | None
    rmse_train: float | None = None
    rmse_test: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def fit_family(family: str, data: Dataset, fit: Family, *, count_sigma2: bool, seed: int = 0) -> Baseline:
    """Fit a family to the training rows, judge it by AICc and show it the test rows."""
    fitted = fit(data.X_train, data.y_train, seed)
    errors = data.errors(fitted.predict)
    n_params = None if fitted.dof is None else fitted.dof + count_sigma2
    if n_params is not None and n_params == int(n_params):
        n_params = int(n_params)
    value = aicc(errors.rss_train, data.n, n_params) if n_params is not None else np.inf
    return Baseline(
        family=family,
        n_params=n_params,
        aicc=value if np.isfinite(value) else None,
        **errors._asdict(),
    )


def baselines(
    data: Dataset, *, count_sigma2: bool = True, families: Sequence[str] = tuple(BASELINES)
) -> list[Baseline]:
    """The mean, the linear model, the stepwise linear and the ridge model: in the table of every study."""
    return [fit_family(name, data, BASELINES[name], count_sigma2=count_sigma2) for name in families]


def judged_family(family: str, data: Dataset, *, count_sigma2: bool, seed: int = 0) -> Baseline:
    """One of the families that are fitted when a study is judged."""
    fit: Family = import_module(JUDGED[family]).fit
    return fit_family(family, data, fit, count_sigma2=count_sigma2, seed=seed)


def fit_named(family: str, X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """A family fitted to (X, y)."""
    fit: Family = BASELINES.get(family) or import_module(JUDGED[family]).fit
    return fit(X, y, seed)
