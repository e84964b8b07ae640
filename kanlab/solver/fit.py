"""The engine `lm`: fits [d, neuron_num, ..., neuron_num, m] networks by variable projection and Levenberg-Marquardt.

`fit_cell` fits one network. `fit_path` fits those of one (grid, k, depth) by rising neuron_num, each from the one below:

    scaling -> first_layer -> nested_path (which networks, from which starts) -> starts (where to begin, who goes on)
            -> levenberg_marquardt (the loop) on problem (a network as a minimisation problem, in the notation of stack)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from numpy.typing import ArrayLike

from kanlab.errors import FitError
from kanlab.kan.bspline import SQUARE_K
from kanlab.kan.network import FittedKan, KanSpec
from kanlab.kan.shapes import Shape
from kanlab.language import say
from kanlab.solver.nested_path import NestedPath
from kanlab.solver.options import LmOptions as LmOptions
from kanlab.solver.scaling import scaled_rows
from kanlab.stats.likelihood import LIKELIHOODS, REGRESSION, TaskName

MAX_K = 3


def fit_path(
    X: ArrayLike,
    Y: ArrayLike,
    grid: int,
    k: int,
    neuron_nums: Sequence[int],
    depth: int = 1,
    *,
    options: LmOptions = LmOptions(),
    seed: int = 0,
    task: TaskName = REGRESSION,
    shape: Shape = Shape(),
    weights: ArrayLike | None = None,
    multiplication: int = 0,
) -> Iterator[FittedKan]:
    """Fit the networks of `depth` hidden layers of neuron_num nodes for ascending neuron_nums, one after the other.

    RSS, or the deviance of classes and counts, never rises from one network to the next, nor with depth.

    Parameters
    ----------
    X : array_like, (n, d)
        Inputs, in units of the data.
    Y : array_like, (n,) or (n, m)
        Targets, in units of the data; for two classes zeros and ones, (n,); for more a column for each, (n, m), with a single
        1 in every row; for counts whole numbers from 0 on, (n,).
    grid, k : int
        Grid intervals and spline order of every edge; k at most 3.
    neuron_nums : sequence of int
        Hidden neurons a layer, ascending.
    depth : int
        Hidden layers.
    options : LmOptions
        Smoothing, starts and limits.
    seed : int
        Of the random starts, at least 0.
    task : {"regression", "classification", "multiclass", "counts"}
        Whether the networks predict a quantity, the probability of 1, one of each of three and more classes, or the mean of
        a count.
    shape : Shape
        Demands on the effects of the inputs; nothing by default. docs/constraints.md says how they are kept.
    weights : array_like, (n,), optional
        Of the rows of a quantity, in inverse proportion to the variance of their errors (precision weights). RSS is then the
        sum of w e^2.
    multiplication : int
        How many of the nodes multiply (kanlab.kan.multiplication), 0 or 1, of one hidden layer and k from 2 on.

    Yields
    ------
    FittedKan
        One for each of neuron_nums. A numerical failure is its status.

    Raises
    ------
    FitError
        On misuse, before the first fit.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
    >>> one, two = fit_path(X, X[:, 0] * X[:, 1], grid=3, k=3, neuron_nums=(1, 2))
    >>> bool(two.rss_train <= one.rss_train)
    True
    """
    nums = [int(h) for h in neuron_nums]
    if any(b <= a for a, b in pairwise(nums)):
        raise FitError(say("neuron_nums must ascend, not {nums}.", nums=nums))
    if seed < 0:
        raise FitError(say("seed must be at least 0, not {seed}.", seed=seed))
    KanSpec((1, nums[0] if nums else 1, 1), grid, k)
    if depth < 1:
        raise FitError(say("depth is a number of hidden layers and must be at least 1, not {depth}.", depth=depth))
    if k > MAX_K:
        raise FitError(say("k is the order of the splines and must be at most {max_k}, not {k}.", max_k=MAX_K, k=k))
    if task not in LIKELIHOODS:
        raise FitError(
            say(
                "The task of a fit is regression or classification, multiclass for more than two "
                "classes, or counts, not {task!r}.",
                task=task,
            )
        )
    if multiplication:
        _check_multiplication(multiplication, nums, depth, k, shape)
        from kanlab.solver.multiplication_path import MultiplicationPath

        products = MultiplicationPath(scaled_rows(X, Y, task, weights), grid, k, options, seed, task)
        return (products.fit(h) for h in nums)
    rows = scaled_rows(X, Y, task, weights)
    if shape:
        from kanlab.solver.shaped_path import ShapedPath

        constrained = ShapedPath(rows, shape, grid, k, depth, options, seed, task)
        return (constrained.fit(h) for h in nums)
    path = NestedPath(rows, grid, k, depth, options, seed, task)
    return (path.fit(h) for h in nums)


def _check_multiplication(multiplication: int, nums: Sequence[int], depth: int, k: int, shape: Shape) -> None:
    if shape:
        raise FitError(say("Multiplication nodes keep no constraints; take one of the two."))
    if multiplication != 1 or depth > 1 or k < SQUARE_K or min(nums, default=1) < 1:
        raise FitError(
            say(
                "Multiplication nodes are fitted one at a time (multiplication = 1), in one hidden layer and with k from "
                "{least} on, not {multiplication} in {depth} hidden layers with k = {k}.",
                least=SQUARE_K,
                multiplication=multiplication,
                depth=depth,
                k=k,
            )
        )


def fit_cell(
    X: ArrayLike,
    Y: ArrayLike,
    neuron_num: int,
    grid: int,
    k: int,
    depth: int = 1,
    multiplication: int = 0,
    *,
    options: LmOptions = LmOptions(),
    seed: int = 0,
    task: TaskName = REGRESSION,
    shape: Shape = Shape(),
    weights: ArrayLike | None = None,
) -> FittedKan:
    """Fit one network by itself.

    Parameters
    ----------
    X, Y, grid, k, depth, options, seed, task, shape, weights, multiplication
        As for `fit_path`.
    neuron_num : int
        Hidden neurons a layer.

    Returns
    -------
    FittedKan
        The network. A numerical failure is its status.

    Raises
    ------
    FitError
        On misuse.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
    >>> fit_cell(X, X[:, 0] * X[:, 1], neuron_num=2, grid=3, k=3).spec.layer_widths
    (2, 2, 1)
    """
    of_fit: dict[str, Any] = {"options": options, "seed": seed, "task": task, "shape": shape, "weights": weights}
    of_fit["multiplication"] = multiplication
    return next(fit_path(X, Y, grid, k, [neuron_num], depth, **of_fit))
