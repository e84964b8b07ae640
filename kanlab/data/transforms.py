"""Other scales for a column, and the way back: logarithm and rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import quoted

Scale = Literal["none", "log", "rank"]
SCALES: tuple[Scale, ...] = ("none", "log", "rank")
_RANK_POINTS = 201


@dataclass(frozen=True)
class Transform:
    """An increasing function of a column, decided on its training rows.

    log:  z = ln(max(x, low) + shift); the shift is 0 where all values are above 0, else the minimum of those above 0.
    rank: z = share of the training rows at or below x, linear between the values `points`.
    """

    scale: Scale = "none"
    shift: float = 0.0
    low: float = 0.0
    points: tuple[float, ...] = ()

    @classmethod
    def fit(cls, values: ArrayLike, scale: str, name: str) -> Transform:
        """Decide the scale on training values. Raises DatasetError where the column cannot bear it."""
        if scale not in SCALES:
            raise DatasetError(
                say(
                    "There is no scale '{scale}' for {name}; choose one of {scales}.",
                    scale=scale,
                    name=quoted(name),
                    scales=", ".join(SCALES),
                )
            )
        x = np.asarray(values, dtype=float)
        x = x[np.isfinite(x)]
        if scale == "none" or not len(x):
            return cls()
        if scale == "log":
            if x.min() < 0:
                raise DatasetError(
                    say(
                        "{name} holds values below 0, which have no logarithm; choose the rank instead.",
                        name=quoted(name),
                    )
                )
            if x.max() == 0:
                raise DatasetError(
                    say("{name} holds zeros only, which have no logarithm; leave it out.", name=quoted(name))
                )
            return cls("log", 0.0 if x.min() > 0 else float(x[x > 0].min()), float(x.min()))
        points = np.unique(np.quantile(x, np.linspace(0, 1, min(len(x), _RANK_POINTS))))
        return cls("rank", points=tuple(points.tolist()))

    def __call__(self, values: ArrayLike) -> Array:
        return transformed(vars(self), np.asarray(values, dtype=float))

    def of_target(self, values: ArrayLike) -> Array:
        """As a call, but a value below those of training has its own logarithm where there is one: rows are judged by what
        they are, and a feature alone is held to its training range.

        >>> Transform.fit([1.0, 10.0], "log", "y").of_target([np.exp(-2.0), -1.0]).tolist()
        [-2.0, 0.0]
        """
        x = np.asarray(values, dtype=float)
        if self.scale != "log":
            return self(x)
        return np.log(np.where(x + self.shift > 0.0, x, np.maximum(x, self.low)) + self.shift)

    def inverse(self, values: ArrayLike) -> Array:
        """Back to units of the data; a rank beyond 0 to 1 gives the minimum or maximum of the training values."""
        return to_units(vars(self), np.asarray(values, dtype=float))

    def aicc_offset(self, values: ArrayLike) -> float | None:
        """What turns AICc of the transformed training values into AICc of the values themselves, for the same model.

        The density of x is that of z times dz/dx, so that -2 ln L grows by -2 sum ln(dz/dx); for z = ln(x + shift) this is
        2 sum z (Akaike 1978). None for ranks, which have no such density.  values: transformed.
        """
        if self.scale == "rank":
            return None
        return 2.0 * float(np.sum(np.asarray(values, dtype=float))) if self.scale == "log" else 0.0

    def label(self, name: str) -> str:
        """How a chart or table calls the transformed column."""
        if self.scale == "log":
            return f"log({name} + {self.shift:g})" if self.shift else f"log({name})"
        return f"rank({name})" if self.scale == "rank" else name

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Transform:
        return cls(content["scale"], content["shift"], content["low"], tuple(content["points"]))


def transformed(transform: Mapping[str, Any], x: Array) -> Array:
    """A column on the scale it was fitted on: as it is, its logarithm, or its rank among the training rows.

    transform: the fields of a Transform.
    """
    if transform["scale"] == "log":
        return np.log(np.maximum(x, transform["low"]) + transform["shift"])
    if transform["scale"] == "rank":
        return np.where(np.isnan(x), np.nan, np.interp(x, transform["points"], _ranks(transform)))
    return x


def to_units(transform: Mapping[str, Any], z: Array) -> Array:
    """Values on the scale of the fit in units of the data, the inverse of `transformed`."""
    if transform["scale"] == "log":
        with np.errstate(over="ignore"):
            return np.exp(z) - transform["shift"]
    if transform["scale"] == "rank":
        return np.where(np.isnan(z), np.nan, np.interp(z, _ranks(transform), transform["points"]))
    return z


def _ranks(transform: Mapping[str, Any]) -> Array:
    points = len(transform["points"])
    return np.linspace(0.0, 1.0, points) if points > 1 else np.zeros(1)
