"""What a study keeps of its data beside the hash that finds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import WeightsAre
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import COUNTS, Distribution, HasTask


@dataclass(frozen=True)
class DataSummary(HasTask):
    """What a study keeps of its data beside the hash that finds them."""

    name: str
    rows: int
    n_train: int
    n_test: int
    features: list[str]
    target: str
    sha256: str
    y_std: float
    target_label: str = ""  # with the scale it is fitted on, where that is not its own
    aicc_offset: float | None = 0.0  # from AICc on that scale to AICc of the target itself; None where there is none
    levels: tuple[str, ...] = ()  # of a target of classes, those that count as 0, 1 and so on
    ones: int = 0  # of two classes, training rows of the latter
    rarest: int = 0  # of more classes, training rows of the rarest
    distribution: Distribution = ""
    events: int = 0  # of counts, their sum over the training rows
    weights: str = ""  # the column of weights
    weights_are: WeightsAre = "frequency"
    weight_of_rows: float = 0.0  # of precision weights, their sum over the training rows

    @classmethod
    def of(cls, data: Dataset) -> DataSummary:
        features, w = list(data.features), data.w_train
        mean = np.average(data.y_train, weights=w)
        std = float(data.y_train.std() if w is None else np.sqrt(np.mean(w * (data.y_train - mean) ** 2)))
        offset = data.target_transform.aicc_offset(data.y_train)
        return cls(
            data.name,
            data.rows,
            data.n,
            len(data.y_test),
            features,
            data.target,
            data.sha256,
            std,
            data.target_label,
            offset,
            data.levels,
            int(data.y_train.sum()) if len(data.levels) == 2 else 0,
            int(np.bincount(data.y_train.astype(int), minlength=len(data.levels)).min()) if data.outputs > 1 else 0,
            data.distribution,
            int(data.y_train.sum()) if data.task == COUNTS else 0,
            data.preparation.weights,
            data.preparation.weights_are,
            0.0 if w is None else data.weight_of_rows,
        )

    @property
    def informative_rows(self) -> int:
        """Training rows that bear on a parameter: of classes those of the rarer one, once for every output; of counts as many
        as there are events, where those are fewer.
        """
        if self.task == COUNTS:
            return min(self.n_train, self.events)
        if self.outputs > 1:
            return self.rarest * self.outputs
        return min(self.ones, self.n_train - self.ones) if self.levels else self.n_train

    @property
    def d(self) -> int:
        return len(self.features)

    @property
    def fitted_target(self) -> str:
        """What RSS and AICc are of, such as log(y)."""
        return self.target_label or self.target

    @property
    def is_transformed(self) -> bool:
        """Whether that is another scale than the target's own."""
        return self.fitted_target != self.target

    def aicc(self, misfit: float, n_params: float) -> float:
        """AICc of a fit to the training rows, from its RSS or deviance."""
        return aicc_of(self.likelihood.term(misfit, self.n_train), self.n_train, n_params)

    def rmse(self, rss: float | None, n: int) -> float | None:
        """RMSE in units of the data from an RSS, where the target was fitted as it is; none of classes."""
        plain = not (self.is_transformed or self.levels or self.weight_of_rows)
        return None if rss is None or not plain or not n else math.sqrt(rss / n)

    @property
    def total_weight(self) -> float:
        """Of the training rows: n where none weighs more than another."""
        return self.weight_of_rows or float(self.n_train)
