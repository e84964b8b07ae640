"""How near networks are to what all of them say, and which depart from it between the training rows.

A network may follow every training row and depart from all others on a combination of values that no row has. So they are held
against each other on rows that are made of two as well: a training row with the value of one feature taken from another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.kan.search_space import Cell
from kanlab.stats.criteria import SUPPORTED, aicc_of

FEWEST = 3  # networks that have a mean worth being near to
MIXED_ROWS = 1000
# A network is wild where it departs from the median of all by more than FAR of the range of the training rows' predictions,
# and by more than TIMES what the nearest one does: where all of them disagree, none is.
FAR, TIMES = 0.25, 4.0
FAR_PRUNED = 0.5  # of one that has lost features or edges, and differs from all others by what these did


def mixed_rows(data: Dataset, rows: int = MIXED_ROWS) -> Array:
    """Training rows with one feature, all its columns, of another row: (rows, d), the same for the same data.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": range(10), "b": range(100, 110), "y": range(10)})
    >>> rows = mixed_rows(Dataset.from_frame(frame, "y", test_fraction=0), 400)
    >>> rows.shape, {int(b - a) for a, b in rows} == set(range(91, 110))
    ((400, 2), True)
    """
    rng = np.random.default_rng(0)
    found, other = (data.X_train[rng.integers(data.n, size=rows)].copy() for _ in range(2))
    sources = np.array([c.source for c in data.recipe.columns])
    names = np.array(data.recipe.sources)
    taken = names[rng.integers(len(names), size=rows)][:, None] == sources
    found[taken] = other[taken]
    return found


@dataclass(frozen=True)
class Nearness:
    """Of some networks, in units of the range that the median of all has at the training rows, output by output.

    apart: root mean square distance of each from the mean of all, of predictions of the training rows.  furthest: greatest
    distance from the median of all at the mixed `rows`.  middle, unit: that median, and the units.
    """

    rows: Array
    middle: Array
    unit: Array
    apart: tuple[float, ...]
    furthest: tuple[float, ...]

    @classmethod
    def of(cls, data: Dataset, networks: Sequence[FittedKan]) -> Nearness | None:
        """None of too few networks, and where one is not finite."""
        if len(networks) < FEWEST:
            return None
        rows = mixed_rows(data)
        of_rows, between = (_predictions(networks, X) for X in (data.X_train, rows))
        if not np.isfinite(of_rows).all() or not np.isfinite(between).all():
            return None
        middle, spread = np.median(between, axis=0), np.ptp(np.median(of_rows, axis=0), axis=0)
        unit = np.where(spread > 0.0, spread, 1.0)
        apart = np.sqrt(np.mean(((of_rows - of_rows.mean(axis=0)) / unit) ** 2, axis=(1, 2)))
        furthest = (np.abs(between - middle) / unit).max(axis=(1, 2))
        return cls(rows, middle, unit, tuple(apart.tolist()), tuple(furthest.tolist()))

    def is_wild(self, furthest: float, far: float = FAR) -> bool:
        """Whether a network that is so far from the median somewhere is not one to read."""
        return not furthest <= max(far, TIMES * min(self.furthest))

    def nearest(self, data: Dataset, networks: Sequence[FittedKan], cells: Sequence[Cell], count_sigma2: bool) -> int:
        """Which network is nearest to the mean, of those within SUPPORTED of the lowest AICc by what they have spent; the
        wild ones left out. There is always one that is not, the one whose greatest distance is least.
        """
        criterion = np.full(len(networks), np.inf)
        for i, (network, cell) in enumerate(zip(networks, cells, strict=True)):
            misfit = network.rss_train if network.deviance_train is None else network.deviance_train
            if network.edf is not None and not self.is_wild(self.furthest[i]):
                spent = effective_count(network.edf, data.d, cell.width, depth=cell.depth, count_sigma2=count_sigma2)
                criterion[i] = aicc_of(data.likelihood.term(misfit, data.n), data.n, spent)
        return int(np.argmin(np.where(criterion <= criterion.min() + SUPPORTED, self.apart, np.inf)))

    def told(self, i: int) -> dict[str, float]:
        """Of the i-th network, as a study keeps it: apart, and of a wild one wild, its furthest."""
        return {"apart": self.apart[i]} | ({"wild": self.furthest[i]} if self.is_wild(self.furthest[i]) else {})

    def told_of(self, pruned: FittedKan, columns: Sequence[int]) -> dict[str, float]:
        """The same of one that has lost features or edges. columns: its inputs."""
        predicted = pruned.predict(self.rows[:, list(columns)]).reshape(self.middle.shape)
        furthest = float((np.abs(predicted - self.middle) / self.unit).max())
        return {"wild": furthest} if self.is_wild(furthest, FAR_PRUNED) else {}


def _predictions(networks: Sequence[FittedKan], X: Array) -> Array:
    """(networks, rows, outputs)"""
    return np.stack([network.predict(X) for network in networks]).reshape(len(networks), len(X), -1)
