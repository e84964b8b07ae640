"""kanlab from Python: fit one network."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES, NO_MULTIPLICATION
from kanlab.engines.registry import FitOptions, fit_model
from kanlab.errors import FitError
from kanlab.execution import starts_budget
from kanlab.execution.intervals import of_network
from kanlab.execution.messages import NetworkTask
from kanlab.execution.run_tasks import fit_in_worker
from kanlab.kan.constraints import Constraints
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import say
from kanlab.study.storage import store_dataset


def fit(
    dataset: Dataset,
    neuron_num: int,
    grid: int,
    k: int,
    engine: str = "lm",
    starts: int | None = None,
    seed: int = 0,
    depth: int = 1,
    seconds: float | None = None,
    interval: bool = False,
    constraints: Constraints | Mapping[str, Any] | None = None,
    multiplication: int = 0,
    **options: Any,
) -> FittedKan:
    """Fit one network [d, neuron_num, 1], or of `depth` hidden layers, to the training rows of a data set.

    Parameters
    ----------
    dataset : Dataset
        Of d features.
    neuron_num, grid, k : int
        Hidden nodes a layer, grid intervals, and spline order (the degree: 3 is cubic).
    engine : str
        "lm", or "pykan-adam" or "pykan-lbfgs", which train stock pykan in a process of its own.
    starts : int, optional
        Initialisations, the best of which counts; by default the engine's own number.
    seed : int
    depth : int
        Hidden layers.
    seconds : float, optional
        In place of `starts`: as many as so much time allows, but a few at least. A fit of few starts is timed, then one of
        more made. The number is then in `.starts` of the network and, given as `starts`, makes the same network again.
    interval : bool
        Whether to look at rows left out as well, so that the network has `predict_interval`.
    constraints : Constraints or mapping, optional
        What is known of the effects of the features, such as {"monotone": {"price": "down"}}: see
        `kanlab.kan.constraints.Constraints.of`.
    multiplication : int
        How many of the hidden nodes multiply two sums of curves in place of adding curves up: one hidden layer, k from 2 on.
    **options
        Any other field of FitOptions: smoothing, time_limit, early_stopping.

    Returns
    -------
    FittedKan

    Raises
    ------
    FitError
        Where the arguments contradict each other, or the training of stock pykan broke down.
    StudyError
        Where the constraints cannot be kept.
    SpaceError
        Where no network has such a neuron_num, grid, k or depth.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.linspace(-2, 2, 40)
    >>> data = Dataset.from_frame(pd.DataFrame({"x": x, "y": np.sin(2 * x)}), "y")
    >>> network = fit(data, neuron_num=1, grid=8, k=3)
    >>> network.spec.layer_widths, network.n_params
    ((1, 1, 1), 24)
    >>> bool(abs(network.predict([[0.5]])[0] - np.sin(1)) < 0.1)
    True
    """
    if engine not in ENGINES:
        raise FitError(
            say("There is no engine '{engine}'; choose one of {engines}.", engine=engine, engines=", ".join(ENGINES))
        )
    cell, settings = Cell(neuron_num, grid, k, depth, multiplication), FitOptions(starts=starts, **options)
    SearchSpace(*((value, value) for value in cell))  # refuses what no network can be
    if multiplication and not ENGINES[engine].nested:
        raise FitError(say(NO_MULTIPLICATION))
    if demands := Constraints.read(constraints):
        demands.check(dataset, engine)
        settings = replace(settings, shape=demands.shape(dataset, engine))
    if interval:
        from kanlab.execution.tasks import rows_left_out  # with the solver, which who starts a study does without

        without = fit(
            dataset, neuron_num, grid, k, engine, starts, seed, depth, seconds,
            constraints=constraints, multiplication=multiplication, **options,
        )  # fmt: skip
        task = NetworkTask(cell=cell, engine=engine, options=settings, seed=seed)
        record = of_network(dataset, without, rows_left_out(dataset, without, task, cell, ()), dataset.d)
        return replace(without, interval=record)
    if seconds is None:
        return _fitted(dataset, cell, engine, settings, seed)
    if starts is not None:
        raise FitError(
            say(
                "Both starts ({starts}) and the seconds they are to fill are given; leave one of the two out.",
                starts=starts,
            )
        )
    if not 0 < seconds < np.inf:
        raise FitError(say("The seconds of a fit must be above 0, not {seconds}.", seconds=seconds))
    began, few = time.monotonic(), starts_budget.fewest_starts([cell], engine)
    first = _fitted(dataset, cell, engine, replace(settings, starts=few), seed)
    left = min(seconds - (time.monotonic() - began), settings.time_limit or np.inf)
    more = starts_budget.fit_starts(cell, engine, few, first.seconds, left)
    return first if more is None else _fitted(dataset, cell, engine, replace(settings, starts=more), seed)


def _fitted(dataset: Dataset, cell: Cell, engine: str, settings: FitOptions, seed: int) -> FittedKan:
    if not ENGINES[engine].needs_torch:
        return replace(fit_model(dataset, cell, engine, settings, seed), features=dataset.features)
    task = NetworkTask(cell=cell, engine=engine, options=settings, seed=seed)
    return replace(fit_in_worker(task, store_dataset(dataset))[0], features=dataset.features)
