"""A stock pykan network that knows its own complexity. The only module that imports pykan (and with it torch).

pykan is awkward to share a process with: its constructor seeds three global generators, rewrites the caller's `width`
list, and by default saves checkpoints to ./model. Here the seeds are put back, the list is copied, and nothing is saved.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

import kan
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from kanlab import complexity
from kanlab.complexity import CountingRule


@contextlib.contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed the three global generators pykan draws from and have torch choose deterministic algorithms; undone after.

    Without the second, two trainings of one seed differ in the last digit at the first step and in all of them at the
    end: LBFGS amplifies rounding.
    """
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


class KANWrapper(kan.KAN):
    """pykan's KAN with a parameter count, NumPy in and out, and the units of the data.

    layer_widths: nodes of each layer, e.g. (2, 5, 1).  grid: grid intervals.  k: spline order.
    Everything else goes to pykan as it stands. The network itself works on scaled numbers, (x - x_offset) / x_scale and
    (y - y_offset) / y_scale; `set_scaling` learns the two from the training rows.
    """

    def __init__(self, layer_widths: Sequence[int], grid: int, k: int, *, seed: int = 0, **options: Any) -> None:
        options = {"auto_save": False} | options
        with reproducible(seed):
            super().__init__(width=[int(w) for w in layer_widths], grid=grid, k=k, seed=seed, **options)
        d, m = layer_widths[0], layer_widths[-1]
        for name, size, value in (("x_offset", d, 0.0), ("x_scale", d, 1.0), ("y_offset", m, 0.0), ("y_scale", m, 1.0)):
            self.register_buffer(name, torch.full((size,), value, dtype=torch.float64))

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Nodes of each layer, inputs and outputs included (sums and products alike)."""
        return tuple(self.width_in)

    def n_params(self, rule: CountingRule = "identifiable", *, count_sigma2: bool = False) -> int:
        """Counted parameters K under a counting rule (kanlab.complexity)."""
        return complexity.n_params(self.layer_widths, self.grid, self.k, rule, count_sigma2=count_sigma2)

    def set_scaling(self, X: ArrayLike, y: ArrayLike) -> None:
        """Map the range of each input to pykan's default grid range [-1, 1], targets to mean 0 and deviation 1."""
        X = np.asarray(X, dtype=float)
        Y = np.asarray(y, dtype=float).reshape(len(X), -1)
        low, high = X.min(axis=0), X.max(axis=0)
        self._set("x_offset", (low + high) / 2)
        self._set("x_scale", np.where(high > low, (high - low) / 2, 1.0))
        self._set("y_offset", Y.mean(axis=0))
        self._set("y_scale", np.where(np.ptp(Y, axis=0) > 0, Y.std(axis=0), 1.0))

    def _set(self, name: str, value: NDArray[np.float64]) -> None:
        getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(value, dtype=float)))

    def scale_inputs(self, X: ArrayLike) -> torch.Tensor:
        """Inputs as the network sees them, in its own floating-point type."""
        scaled = (np.asarray(X, dtype=float) - self.x_offset.numpy()) / self.x_scale.numpy()
        return torch.from_numpy(scaled).to(self.act_fun[0].coef.dtype)

    def scale_targets(self, y: ArrayLike) -> torch.Tensor:
        """Targets as the network sees them, shape (n, m)."""
        Y = np.asarray(y, dtype=float).reshape(-1, len(self.y_offset))
        return torch.from_numpy((Y - self.y_offset.numpy()) / self.y_scale.numpy()).to(self.act_fun[0].coef.dtype)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predictions in units of the data: X (n, d) to (n,), or (n, m) for more than one target.

        Inputs are held to the range of the first layer's grid, outside of which its splines die.
        """
        knots = self.act_fun[0].grid
        with torch.no_grad():
            inside = self.scale_inputs(X).clamp(knots[:, self.k], knots[:, -1 - self.k])
            output = self.forward(inside).numpy().astype(float)
        Y = output * self.y_scale.numpy() + self.y_offset.numpy()
        return Y[:, 0] if Y.shape[1] == 1 else Y
