"""Stock pykan training, as the article does it, with early stopping. Runs in a worker process only: it loads torch."""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import kan
import numpy as np
import torch

from kanlab.arrays import Array
from kanlab.kan.pykan_network import KANWrapper, reproducible
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION, TaskName


@dataclass(frozen=True)
class Schedule:
    """How an optimiser is run. `patience`: steps without a relative decrease of 0.1% before training stops early."""

    optimizer: str
    steps: int
    learning_rate: float
    patience: int


SCHEDULES = {
    "pykan-adam": Schedule("Adam", steps=500, learning_rate=0.01, patience=100),
    "pykan-lbfgs": Schedule("LBFGS", steps=50, learning_rate=1.0, patience=20),
}


# pykan keeps the loss of the running step in a global of this module, whose name the package gives to a class
_PYKAN = sys.modules[kan.KAN.__module__]


class _Stop(Exception):
    """Ends pykan's training loop, which has no other way out."""


@dataclass
class _Monitor:
    """Called by pykan after every step: keeps the loss curve and ends training when it diverges, stalls or runs late."""

    patience: int | None
    deadline: float
    scale: float
    curve: list[float] = field(default_factory=list)
    status: str = "iteration limit"
    best: float = np.inf
    best_step: int = 0

    __name__ = "monitor"  # pykan files a metric under its name

    def __call__(self) -> torch.Tensor:
        loss = float(_PYKAN.train_loss)
        self.curve.append(loss * self.scale)
        if not np.isfinite(loss):
            self._stop("diverged")
        if loss < 0.999 * self.best:
            self.best, self.best_step = loss, len(self.curve)
        if self.patience is not None and len(self.curve) - self.best_step >= self.patience:
            self._stop("stalled")
        if time.monotonic() > self.deadline:
            self._stop("time limit")
        return torch.zeros(())

    def _stop(self, status: str) -> None:
        self.status = status
        raise _Stop


@dataclass(frozen=True)
class Training:
    """A trained network and how its training went; loss_curve: RSS in squared units of y, or the deviance, a number a step."""

    model: KANWrapper
    status: str
    loss_curve: list[float]
    seconds: float


def train(
    X: Array,
    y: Array,
    neuron_num: int,
    grid: int,
    k: int,
    depth: int = 1,
    *,
    engine: str = "pykan-lbfgs",
    seed: int = 0,
    early_stopping: bool = True,
    time_limit: float | None = None,
    task: TaskName = REGRESSION,
) -> Training:
    """Train a stock [d, neuron_num, ..., m] KAN of `depth` hidden layers in float32, scaled to its grid.

    X (n, d), y (n,) or (n, m), in units of the data.  seed: pykan's, of the initial weights.
    task: "classification" for y of 0 and 1: the network puts out log-odds, its loss is their binary cross-entropy.
    "counts": it puts out the logarithm of their mean, scaled, its loss is half the Poisson deviance.
    "multiclass" for y (n, classes) with a single 1 in every row: log-odds against the first class, and the cross-entropy.
    A training that breaks down inside pykan has the status "diverged"; it does not raise.
    """
    schedule = SCHEDULES[engine]
    started = time.monotonic()
    Y = y.reshape(len(X), -1)
    outputs = Y.shape[1] - (task == MULTICLASS)
    model = KANWrapper((X.shape[1], *[neuron_num] * depth, outputs), grid, k, seed=seed, task=task)
    model.set_scaling(X, y)
    inputs, targets = model.scale_inputs(X), model.scale_targets(y)
    monitor = _Monitor(
        patience=schedule.patience if early_stopping else None,
        deadline=np.inf if time_limit is None else started + time_limit,
        # pykan's loss is a mean: of squares of scaled targets, or of half the deviance
        scale=Y.size * float(np.mean(model.y_scale.numpy() ** 2)) if task == REGRESSION else 2.0 * len(Y),
    )
    # pykan insists on test rows; two training rows keep the study's own test rows out of the training loop
    data = {"train_input": inputs, "train_label": targets, "test_input": inputs[:2], "test_label": targets[:2]}
    with reproducible(seed):  # every step draws its batch, the order of the rows, from the global generator
        status = _run(
            lambda: model.fit(
                data,
                opt=schedule.optimizer,
                steps=schedule.steps,
                lr=schedule.learning_rate,
                loss_fn=_count_loss(model) if task == COUNTS else LOSSES.get(task),
                metrics=[monitor],
                log=10**9,  # steps between its progress lines, which nobody would see
            ),
            monitor,
        )
    model.hold_ranges(X)
    return Training(model, status, monitor.curve, time.monotonic() - started)


def _cross_entropy(log_odds: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mean of -ln(the probability given to what happened), of log-odds (n, c - 1) against the first class."""
    logits = torch.cat([torch.zeros_like(log_odds[:, :1]), log_odds], dim=1)
    return torch.nn.functional.cross_entropy(logits, shares)


def _count_loss(model: KANWrapper) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Mean of half the Poisson deviance, of outputs that are the logarithm of the mean in the model's scaling."""
    offset, scale = float(model.y_offset[0]), float(model.y_scale[0])

    def loss(outputs: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        log_mean = offset + scale * outputs
        return (torch.xlogy(counts, counts) - counts * log_mean - counts + torch.exp(log_mean)).mean()

    return loss


LOSSES = {CLASSIFICATION: torch.nn.functional.binary_cross_entropy_with_logits, MULTICLASS: _cross_entropy}


def _run(fit: Callable[[], Any], monitor: _Monitor) -> str:
    """Run pykan's loop; it prints, warns, and dies of a singular grid or a non-finite weight in more than one way."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            fit()
        except _Stop:
            pass
        except (RuntimeError, UnboundLocalError, torch.linalg.LinAlgError) as error:
            return f"diverged: {(str(error) or type(error).__name__).splitlines()[0]}"
    return monitor.status
