"""What a study keeps of its data beside the hash that finds them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kanlab.data.dataset import Dataset
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import HasTask


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
    levels: tuple[str, ...] = ()  # of two classes, the one that counts as 0 and the one that counts as 1
    ones: int = 0  # training rows of the latter

    @classmethod
    def of(cls, data: Dataset) -> DataSummary:
        features, std = list(data.features), float(data.y_train.std())
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
            int(data.y_train.sum()) if data.levels else 0,
        )

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
        return None if rss is None or self.is_transformed or self.levels or not n else math.sqrt(rss / n)
