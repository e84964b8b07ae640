"""Labels of a chart: none over another, none outside, and beside the marks rather than over them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.charts.labels import Label, Obstacles, placed

unit = st.floats(0.0, 1.0)
spots = st.tuples(unit, unit)
SIZES = [(250.0, 200.0), (480.0, 230.0), (1050.0, 230.0)]
Box = tuple[float, float, float, float]


def box(label: Label, place: dict[str, object], size: tuple[float, float]) -> Box:
    """Left, top, right, bottom of a label as Vega draws it, px; its letters are at most 7 px wide."""
    u, v = label.places[int(place["at"])]  # type: ignore[call-overload]
    x, y = u * size[0] + float(place["dx"]), (1 - v) * size[1] + float(place["dy"])  # type: ignore[arg-type]
    width = 7.0 * len(label.text)
    left = {"left": x, "right": x - width, "center": x - width / 2}[str(place["align"])]
    return left, y - 8, left + width, y + 8


def within(one: Box, x: float, y: float, reach: float) -> bool:
    return one[0] < x + reach and x - reach < one[2] and one[1] < y + reach and y - reach < one[3]


@settings(max_examples=60)
@given(st.lists(st.tuples(spots, st.booleans()), min_size=1, max_size=8), st.lists(spots, max_size=30))
def test_labels_lie_inside_and_apart_and_optional_ones_cover_nothing(
    marks: list[tuple[tuple[float, float], bool]], others: list[tuple[float, float]]
) -> None:
    labels = [Label(f"label {i}", [at], optional=optional) for i, (at, optional) in enumerate(marks)]
    points = np.array(others).reshape(-1, 2)
    found = placed(labels, Obstacles(points))
    for size in SIZES:
        boxes = [(label, box(label, place, size)) for label, place in zip(labels, found, strict=True) if place]
        for i, (label, one) in enumerate(boxes):
            assert one[0] >= 0
            assert one[1] >= 0
            assert one[2] <= size[0]
            assert one[3] <= size[1]
            assert all(
                one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1] for _, two in boxes[:i]
            )
            if label.optional:
                assert not any(within(one, u * size[0], (1 - v) * size[1], 5.0) for u, v in points)


def test_a_label_stands_where_it_covers_least() -> None:
    there = (0.5, 0.5)
    right = np.array([[0.55, 0.5], [0.6, 0.5], [0.65, 0.5]])
    (place,) = placed([Label("mean", [there])], Obstacles(right))
    assert place
    assert place["align"] == "right"
    across = np.array([[0.0, 0.5], [1.0, 0.5]])
    (place,) = placed([Label("mean", [there])], Obstacles(np.zeros((0, 2)), [across]))
    assert place
    assert abs(float(place["dy"])) >= 17  # above or below the line
    crowd = np.stack(np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60)), axis=-1).reshape(-1, 2)
    assert placed([Label("K = 5", [there], optional=True)], Obstacles(crowd)) == [None]
    assert placed([Label("mean", [there])], Obstacles(crowd)) != [None]  # it is said all the same


def test_of_the_places_of_a_curve_a_free_one_is_taken() -> None:
    crowd = np.array([[u, v] for u in np.linspace(0.6, 1.0, 30) for v in np.linspace(0.3, 0.7, 30)])
    (place,) = placed([Label("K = 5", [(0.95, 0.5), (0.7, 0.5), (0.2, 0.5)], optional=True)], Obstacles(crowd))
    assert place
    assert place["at"] == 2


def test_no_label_is_crossed_by_a_front() -> None:
    corner = (0.06, 0.96)  # a mark at the edge, and a front that falls beside it
    falls = np.array([[0.1, 0.93], [0.13, 0.93], [0.13, 0.0]])
    label = Label("mean, linear", [corner])
    (place,) = placed([label], Obstacles(np.zeros((0, 2)), fronts=[falls]))
    assert place
    for size in SIZES:
        one = box(label, place, size)
        assert not one[0] < 0.13 * size[0] < one[2]
