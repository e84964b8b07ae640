"""What a caller may set of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kanlab.errors import FitError
from kanlab.language import say


@dataclass(frozen=True)
class LmOptions:
    """Settings of a fit.

    Parameters
    ----------
    smoothing : float
        Strength of the roughness penalty, in proportion to the running RSS; 0 for none.
    starts : int, optional
        Starts of a network, of which the best counts; more find lower minima. None leaves it to the engine: 8 for neuron_num
        1, 9 for 2 (3 each where the first layer is wide), then 1 that grows out of the network below; 9 or 10 with more
        hidden layers, 3 or 4 from neuron_num 4 on. Asked for more, from neuron_num 3 on one grows out of the network below
        and the others exchange a node of the best so far; for neuron_num 2, and with more hidden layers, a third of them do.
    max_iterations, tolerance : int, float
        The fit ends after so many iterations of the start that won, or once five of them together lower the objective by
        less than this share.
    time_limit : float, optional
        Seconds a fit.
    kernels : {"auto", "numpy", "compiled"}
        The loops over rows: compiled ones need numba, "auto" takes them as soon as they are ready; all give the same numbers.

    Raises
    ------
    FitError
        Where a setting is none.

    Examples
    --------
    >>> LmOptions(starts=16).max_iterations
    24
    >>> LmOptions(starts=0)
    Traceback (most recent call last):
        ...
    kanlab.errors.FitError: starts must be at least 1, not 0.
    """

    smoothing: float = 1000.0
    starts: int | None = None
    max_iterations: int = 24
    tolerance: float = 3e-3
    time_limit: float | None = None
    kernels: Literal["auto", "numpy", "compiled"] = "auto"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.smoothing) and self.smoothing >= 0.0):
            raise FitError(
                say("smoothing must be a finite number of at least 0, not {smoothing}.", smoothing=self.smoothing)
            )
        if self.starts is not None and self.starts < 1:
            raise FitError(say("starts must be at least 1, not {starts}.", starts=self.starts))
        if self.max_iterations < 1 or not self.tolerance >= 0.0:
            raise FitError(say("max_iterations must be at least 1 and tolerance at least 0."))
        if self.time_limit is not None and not self.time_limit > 0.0:
            raise FitError(
                say("time_limit is in seconds and must be above 0, not {time_limit}.", time_limit=self.time_limit)
            )
        if self.kernels not in ("auto", "numpy", "compiled"):
            raise FitError(say('kernels must be "auto", "numpy" or "compiled", not {kernels!r}.', kernels=self.kernels))
