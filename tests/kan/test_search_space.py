"""The search space: its cells, and which of them AICc can judge."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.errors import SpaceError
from kanlab.kan.parameter_count import RULES, CountingRule, n_params
from kanlab.kan.search_space import LIMITS, Cell, SearchSpace, cell_n_params
from tests.helpers.sentences import refused


@st.composite
def spaces(draw: st.DrawFn, widest: int = 12, multiplying: bool = True) -> SearchSpace:
    ranges = {}
    for name, (low, high) in LIMITS.items():
        lo = draw(st.integers(low, min(high, low + widest)))
        ranges[name] = (lo, draw(st.integers(lo, min(high, lo + widest // 2))))
    if not multiplying:
        ranges["multiplication"] = (0, 0)
    elif ranges["k"][1] == 1 or ranges["depth"][0] > 1:  # of which none multiplies
        ranges["multiplication"] = (0, ranges["multiplication"][1])
    return SearchSpace(**ranges)


def test_the_default_space() -> None:
    cells = SearchSpace().cells
    assert len(cells) == 270
    assert set(cells) == set(itertools.product(range(1, 11), range(2, 11), range(1, 4), [1], [0]))
    assert cells[:3] == [Cell(1, 2, 1), Cell(2, 2, 1), Cell(3, 2, 1)]


@given(spaces())
def test_cells_are_the_product_of_the_ranges(space: SearchSpace) -> None:
    ends = (space.neuron_num, space.grid, space.k, space.depth, space.multiplication)
    every = [Cell(*c) for c in itertools.product(*(range(lo, hi + 1) for lo, hi in ends))]
    assert sorted(space.cells) == [c for c in every if not c.multiplication or (c.k > 1 and c.depth == 1)]
    assert len(space) == len(space.cells)


@given(spaces(), st.integers(2, 3000), st.integers(1, 20), st.sampled_from(RULES), st.booleans())
def test_admissible_is_what_the_formula_says(
    space: SearchSpace, n: int, d: int, rule: CountingRule, count_sigma2: bool
) -> None:
    def size(cell: Cell) -> int:
        widths, products = (d, *[cell.neuron_num + cell.multiplication] * cell.depth, 1), cell.multiplication
        return n_params(widths, cell.grid, cell.k, rule, multiplication=products) + count_sigma2

    found = space.admissible(n, d, rule=rule, count_sigma2=count_sigma2)
    assert set(found) == {c for c in space.cells if n - size(c) - 1 > 0}
    assert len(found) == len(set(found))
    assert [size(c) for c in found] == sorted(size(c) for c in found)


def test_admissible_by_hand() -> None:
    """d = 1, one neuron, k = 1: two edges of G + 2 identifiable parameters, and sigma2."""
    space = SearchSpace((1, 1), (2, 10), (1, 1))
    assert cell_n_params(Cell(1, 2, 1), 1) == 2 * 4 + 1
    assert space.admissible(10, 1) == []
    assert space.admissible(11, 1) == [Cell(1, 2, 1)]
    assert space.admissible(12, 1) == [Cell(1, 2, 1)]
    assert space.admissible(13, 1) == [Cell(1, 2, 1), Cell(1, 3, 1)]
    assert space.admissible(10, 1, count_sigma2=False) == [Cell(1, 2, 1)]


def test_depth_is_a_parameter_only_where_it_is_not_one() -> None:
    plain, deep, second = SearchSpace(), SearchSpace(depth=(1, 2)), SearchSpace(depth=(2, 2))
    assert plain.parameters == ("neuron_num", "grid", "k")
    assert plain.params(Cell(2, 3, 1)) == {"neuron_num": 2, "grid": 3, "k": 1}
    assert plain.ranges() == {"neuron_num": (1, 10), "grid": (2, 10), "k": (1, 3)}
    assert deep.parameters == second.parameters == ("neuron_num", "grid", "k", "depth")
    assert deep.params(Cell(2, 3, 1)) == {"neuron_num": 2, "grid": 3, "k": 1, "depth": 1}
    assert len(deep) == len(deep.cells) == 540
    assert deep.cells[:270] == plain.cells
    assert [c for c in deep.admissible(150, 2) if c.depth == 1] == plain.admissible(150, 2)


def test_the_widths_of_a_cell() -> None:
    assert Cell(4, 3, 3).layer_widths(2) == (2, 4, 1)
    assert Cell(1, 3, 3, 3).layer_widths(5, 2) == (5, 1, 1, 1, 2)
    assert cell_n_params(Cell(2, 2, 1, 2), 1) == n_params((1, 2, 2, 1), 2, 1) + 1


def test_the_order_of_the_cells_is_total() -> None:
    """Cells of equal size keep an order, so that equal studies visit equal cells."""
    space = SearchSpace()
    keys = [(cell_n_params(c, 2), c) for c in space.admissible(10**6, 2)]
    assert keys == sorted(keys)


@given(spaces(), st.integers(2, 500), st.integers(1, 9))
def test_more_rows_admit_more(space: SearchSpace, n: int, d: int) -> None:
    assert set(space.admissible(n, d)) <= set(space.admissible(n + 1, d))
    assert set(space.admissible(n, d + 1)) <= set(space.admissible(n, d))


@pytest.mark.parametrize(
    ("ranges", "parts"),
    [
        ({"grid": (5, 2)}, ["grid", "backwards", "5 to 2"]),
        ({"neuron_num": (0, 3)}, ["neuron_num", "within 1 to 50"]),
        ({"neuron_num": (1, 51)}, ["neuron_num", "within 1 to 50"]),
        ({"k": (1, 4)}, ["k", "within 1 to 3"]),
        ({"depth": (1, 4)}, ["depth", "within 1 to 3"]),
        ({"depth": (0, 1)}, ["depth", "within 1 to 3"]),
        ({"grid": (1.5, 3)}, ["grid", "whole numbers"]),
        ({"grid": (True, 3)}, ["grid", "whole numbers"]),
        ({"grid": (1, float("nan"))}, ["grid", "whole numbers"]),
        ({"grid": (1, float("inf"))}, ["grid", "whole numbers"]),
        ({"grid": (1, 2, 3)}, ["grid", "whole numbers"]),
        ({"grid": 5}, ["grid", "whole numbers", "5"]),
        ({"grid": "ab"}, ["grid", "whole numbers"]),
        ({"grid": ("1", "2")}, ["grid", "whole numbers"]),
    ],
)
def test_impossible_ranges(ranges: dict[str, tuple[int, int]], parts: list[str]) -> None:
    with refused(SpaceError, *parts):
        SearchSpace(**ranges)


def test_ranges_become_tuples_of_int() -> None:
    space = SearchSpace(grid=[2.0, 4.0])  # type: ignore[arg-type]
    assert space.grid == (2, 4)
    assert all(type(v) is int for v in space.grid)
    assert space == SearchSpace(grid=(2, 4))
