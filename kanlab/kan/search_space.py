"""The search space: ranges of neuron_num, grid, k and depth, its cells, and which are admissible (AICc is defined)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from kanlab.arrays import Array
from kanlab.errors import SpaceError
from kanlab.kan.bspline import SQUARE_K
from kanlab.kan.parameter_count import CountingRule, n_params
from kanlab.kan.shapes import Shape, n_params_shaped
from kanlab.language import say
from kanlab.stats.criteria import is_admissible

LIMITS = {"neuron_num": (1, 50), "grid": (1, 100), "k": (1, 3), "depth": (1, 3), "multiplication": (0, 1)}


class Cell(NamedTuple):
    """One point of the space: `depth` hidden layers of neuron_num nodes each, of which `multiplication` multiply.

    >>> Cell(neuron_num=3, grid=4, k=3, depth=2).layer_widths(d=5)
    (5, 3, 3, 1)
    >>> Cell(neuron_num=3, grid=4, k=3, multiplication=1).layer_widths(d=5)
    (5, 4, 1)
    """

    neuron_num: int
    grid: int
    k: int
    depth: int = 1
    multiplication: int = 0

    @property
    def width(self) -> int:
        """Sums of edges in a hidden layer: one a node, two of one that multiplies (kanlab.kan.multiplication)."""
        return self.neuron_num + self.multiplication

    @property
    def exists(self) -> bool:
        """Whether there is such a network: one whose nodes multiply has one hidden layer, and splines that can be squares."""
        if not self.multiplication:
            return True
        return self.multiplication <= self.neuron_num and self.k >= SQUARE_K and self.depth == 1

    def layer_widths(self, d: int, m: int = 1) -> tuple[int, ...]:
        """Nodes of each layer on d features and m outputs, inputs and outputs included, one that multiplies counted twice."""
        return (d, *[self.width] * self.depth, m)


@dataclass(frozen=True)
class SearchSpace:
    """Inclusive ranges of hidden neurons a layer, grid intervals, spline order and hidden layers.

    Parameters
    ----------
    neuron_num, grid, k, depth : pair of int
        Lowest and highest value, within `LIMITS`: 1-50, 1-100, 1-3 and 1-3.
    multiplication : pair of int
        Of the nodes those that multiply, 0 or 1: cells where k is 1 or depth is not 1 have none.

    Raises
    ------
    SpaceError
        Where a range runs backwards, or leaves its limits, or no cell is left.

    Examples
    --------
    >>> len(SearchSpace())
    270
    >>> small = SearchSpace(neuron_num=(1, 2), grid=(2, 3), k=(3, 3))
    >>> small.cells[0], len(small)
    (Cell(neuron_num=1, grid=2, k=3, depth=1, multiplication=0), 4)
    """

    neuron_num: tuple[int, int] = (1, 10)
    grid: tuple[int, int] = (2, 10)
    k: tuple[int, int] = (1, 3)
    depth: tuple[int, int] = (1, 1)
    multiplication: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            values = getattr(self, name)
            if not _are_two_whole_numbers(values):
                raise SpaceError(
                    say("The range of {name} must be two whole numbers, not {values}.", name=name, values=values)
                )
            lo, hi = (int(v) for v in values)
            if lo > hi:
                raise SpaceError(
                    say(
                        "The range of {name} runs backwards ({lo} to {hi}); put the smaller number first.",
                        name=name,
                        lo=lo,
                        hi=hi,
                    )
                )
            if lo < low or hi > high:
                raise SpaceError(
                    say(
                        "The range of {name}, {lo} to {hi}, must lie within {low} to {high}.",
                        name=name,
                        lo=lo,
                        hi=hi,
                        low=low,
                        high=high,
                    )
                )
            object.__setattr__(self, name, (lo, hi))
        least = self.multiplication[0]
        if not Cell(self.neuron_num[1], 1, self.k[1], self.depth[0], least).exists:
            raise SpaceError(
                say(
                    "Networks of {least} multiplication nodes and more need as many hidden neurons, k of 2 or 3 and 1 hidden "
                    "layer; widen those ranges, or let multiplication begin at 0.",
                    least=least,
                )
            )

    @property
    def cells(self) -> list[Cell]:
        """Every cell, neuron_num fastest."""
        ends = self.multiplication, self.depth, self.k, self.grid, self.neuron_num
        axes = (range(lo, hi + 1) for lo, hi in ends)
        cells = (Cell(h, grid, k, depth, products) for products, depth, k, grid, h in itertools.product(*axes))
        return [c for c in cells if c.exists]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that tell its cells apart: depth is one of them unless every network has one hidden layer, and
        multiplication unless none has a node that multiplies.
        """
        usual = {"depth": (1, 1), "multiplication": (0, 0)}
        return tuple(name for name in Cell._fields if getattr(self, name) != usual.get(name))

    def ranges(self) -> dict[str, tuple[int, int]]:
        """The range of each of its parameters."""
        return {name: getattr(self, name) for name in self.parameters}

    def params(self, cell: Cell) -> dict[str, int]:
        """A cell by the names of its parameters."""
        return {name: getattr(cell, name) for name in self.parameters}

    @property
    def most_values(self) -> int:
        """Distinct values of a feature from which on they bound the edges of none of its cells."""
        return self.grid[1] + self.k[1] + 1

    def __len__(self) -> int:
        """How many cells there are."""
        if self.multiplication != (0, 0):
            return len(self.cells)
        return math.prod(hi - lo + 1 for lo, hi in (self.neuron_num, self.grid, self.k, self.depth))

    def admissible(
        self,
        n: int,
        d: int,
        *,
        m: int = 1,
        rule: CountingRule = "identifiable",
        count_sigma2: bool = True,
        values: Sequence[int] = (),
        shape: Shape = Shape(),
    ) -> list[Cell]:
        """The cells whose AICc is defined (n - K - 1 > 0), fewest parameters first: known before any training.

        Parameters
        ----------
        n, d, m : int
            Training rows, features and outputs.
        rule, count_sigma2, values
            How parameters are counted: see `kanlab.n_params`.
        shape : Shape
            Demands on the effects of the features: a cell has a node for each group of features that may interact.

        Returns
        -------
        list of Cell

        Examples
        --------
        >>> space = SearchSpace(neuron_num=(1, 2), grid=(2, 3), k=(3, 3))
        >>> [(cell.neuron_num, cell.grid) for cell in space.admissible(n=20, d=1)]
        [(1, 2), (1, 3)]
        """

        def size(cell: Cell) -> int:
            return cell_n_params(cell, d, m=m, rule=rule, count_sigma2=count_sigma2, values=values, shape=shape)

        cells = [c for c in self.cells if c.neuron_num >= len(shape.groups(d))] if shape else self.cells
        return [cell for K, cell in sorted((size(c), c) for c in cells) if is_admissible(n, K)]


def _are_two_whole_numbers(values: Any) -> bool:
    if not isinstance(values, Sequence) or len(values) != 2:
        return False
    return all(isinstance(v, Real) and not isinstance(v, bool) and v % 1 == 0 for v in values)


def cell_n_params(
    cell: Cell,
    d: int,
    *,
    m: int = 1,
    rule: CountingRule = "identifiable",
    count_sigma2: bool = True,
    values: Sequence[int] = (),
    shape: Shape = Shape(),
) -> int:
    """K of one cell on d features and m outputs, by default with the noise variance.

    >>> cell_n_params(Cell(neuron_num=1, grid=4, k=3), d=1)
    17
    """
    if shape:
        return n_params_shaped(shape, d, *cell[:4], rule, values, m) + count_sigma2
    return n_params(
        cell.layer_widths(d, m), cell.grid, cell.k, rule,
        count_sigma2=count_sigma2, values=values, multiplication=cell.multiplication,
    )  # fmt: skip


def few_values(X: Array, most: int) -> tuple[int, ...]:
    """Distinct values of each column of X (n, d), counted up to `most`; () where all have as many.

    >>> few_values(np.array([[0.0, 1.5], [1.0, 2.5], [1.0, 3.5]]), most=3)
    (2, 3)
    """

    def count(column: Array) -> int:
        first = len(np.unique(column[: 4 * most]))  # which settles it for most columns of many rows
        return most if first >= most else min(most, len(np.unique(column)))

    counts = tuple(count(column) for column in X.T)
    return counts if any(count < most for count in counts) else ()


def values_of(values: Sequence[int], features: int) -> tuple[int, ...]:
    """The distinct values of so many features; where that is not all of them, those of the most, for any may be taken.

    >>> values_of((2, 9, 3), 2)
    (9, 3)
    """
    return tuple(values if features >= len(values) else sorted(values, reverse=True)[:features])
