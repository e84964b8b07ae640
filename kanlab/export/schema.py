"""The schema of model.json: what is read is checked against these types while it is decoded.

That the arrays fit together and hold finite numbers is checked afterwards, by `check`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType

from kanlab.data.recipe import Recipe

Vector = list[float]
Matrix = list[Vector]
Count = Annotated[int, Meta(ge=1)]
Link = Literal["logit", "softmax"]
Arrays = Iterator[tuple[str, Any, tuple[int, ...]]]  # name, numbers, the shape they must have


class Layer(Struct, frozen=True):
    """The edges of a layer of `n_in` inputs and `n_out` outputs."""

    knots: Matrix
    coef: list[Matrix]
    scale_base: Matrix
    range: Matrix

    def arrays(self, n_in: int, n_out: int, grid: int, k: int) -> Arrays:
        yield "knots", self.knots, (n_in, grid + 2 * k + 1)
        yield "coef", self.coef, (n_in, n_out, grid + k)
        yield "scale_base", self.scale_base, (n_in, n_out)
        yield "range", self.range, (n_in, 2)


class Network(Struct, frozen=True, tag_field="kind", tag="kan"):
    """A network. output_range: where its outputs are held; bundles made before they were have none.

    link: "logit" where the output is the log-odds of a class, and the prediction its probability; "softmax" where the outputs
    are the log-odds of each class but the first against that, and the predictions the probabilities of all.
    """

    layer_widths: Annotated[list[Count], Meta(min_length=2)]
    grid: Count
    k: Annotated[int, Meta(ge=1, le=20)]
    x_offset: Vector
    x_scale: Vector
    y_offset: Vector
    y_scale: Vector
    layers: list[Layer]
    output_range: Matrix | UnsetType = UNSET
    link: Link | UnsetType = UNSET

    def arrays(self, d: int, m: int) -> Arrays:
        widths = self.layer_widths
        if (widths[0], widths[-1], len(self.layers)) != (d, m, len(widths) - 1):
            raise ValueError("model.layer_widths")
        for name, size in (("x_offset", d), ("x_scale", d), ("y_offset", m), ("y_scale", m)):
            yield name, getattr(self, name), (size,)
        if self.output_range is not UNSET:
            yield "output_range", self.output_range, (m, 2)
        for number, (layer, n_in, n_out) in enumerate(zip(self.layers, widths[:-1], widths[1:], strict=True)):
            for name, values, shape in layer.arrays(n_in, n_out, self.grid, self.k):
                yield f"layers[{number}].{name}", values, shape


class Linear(Struct, frozen=True, tag_field="kind", tag="linear"):
    """offset + ((x - center) / scale) weights, x held to low and high. link: as of a network, whose outputs are then as many
    as offset has numbers, and each of weights.
    """

    offset: float | Vector
    center: Vector
    scale: Vector
    weights: list[float | Vector]
    low: Vector
    high: Vector
    link: Link | UnsetType = UNSET

    def arrays(self, d: int, m: int) -> Arrays:
        several = (m,) if self.link == "softmax" else ()
        yield "offset", self.offset, several
        yield "weights", self.weights, (d, *several)
        for name in ("center", "scale", "low", "high"):
            yield name, getattr(self, name), (d,)


class _Held(Struct, frozen=True, tag_field="kind"):
    """A model of another family, of one output. low, high: the range that its inputs are held to.  link: as of a network."""

    low: Vector
    high: Vector
    offset: float = 0.0
    link: Literal["logit"] | UnsetType = UNSET

    def range_arrays(self, d: int) -> Arrays:
        yield "offset", self.offset, ()
        for name in ("low", "high"):
            yield name, getattr(self, name), (d,)


class Polynomial(_Held, frozen=True, kw_only=True, tag="polynomial"):
    """See `kanlab.baselines.arithmetic.polynomial`."""

    center: Vector
    scale: Vector
    powers: list[list[Annotated[int, Meta(ge=0, le=9)]]]
    weights: Vector

    def arrays(self, d: int, m: int) -> Arrays:
        yield from self.range_arrays(d)
        for name in ("center", "scale"):
            yield name, getattr(self, name), (d,)
        yield "powers", self.powers, (len(self.weights), d)
        yield "weights", self.weights, (len(self.weights),)


class Additive(_Held, frozen=True, kw_only=True, tag="additive"):
    """See `kanlab.baselines.arithmetic.additive`."""

    breaks: list[Annotated[Vector, Meta(min_length=2)]]
    coef: list[Matrix]

    def arrays(self, d: int, m: int) -> Arrays:
        yield from self.range_arrays(d)
        if (len(self.breaks), len(self.coef)) != (d, d):
            raise ValueError("model.breaks")
        for number, (breaks, coef) in enumerate(zip(self.breaks, self.coef, strict=True)):
            yield f"breaks[{number}]", breaks, (len(breaks),)
            yield f"coef[{number}]", coef, (len(breaks) - 1, 4)


class Perceptron(_Held, frozen=True, kw_only=True, tag="perceptron"):
    """See `kanlab.baselines.arithmetic.perceptron`."""

    center: Vector
    scale: Vector
    weights: Annotated[list[Matrix], Meta(min_length=1)]
    biases: list[Vector]
    y_offset: float
    y_scale: float

    def arrays(self, d: int, m: int) -> Arrays:
        yield from self.range_arrays(d)
        for name in ("center", "scale"):
            yield name, getattr(self, name), (d,)
        for name in ("y_offset", "y_scale"):
            yield name, getattr(self, name), ()
        widths = [d, *(len(b) for b in self.biases)]
        if len(self.biases) != len(self.weights) or widths[-1] != 1:
            raise ValueError("model.biases")
        for number, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            yield f"weights[{number}]", weights, (widths[number], widths[number + 1])
            yield f"biases[{number}]", biases, (widths[number + 1],)


class Tree(Struct, frozen=True):
    """A tree by its nodes; a leaf has left 0, and children come after their node, so that every way ends."""

    feature: list[int]
    threshold: Vector
    left: list[int]
    right: list[int]
    value: Annotated[Vector, Meta(min_length=1)]

    def arrays(self, d: int) -> Arrays:
        n = len(self.value)
        for name in ("feature", "threshold", "left", "right", "value"):
            yield name, getattr(self, name), (n,)
        if any(not 0 <= f < d for f in self.feature):
            raise ValueError("feature")
        for at, children in enumerate(zip(self.left, self.right, strict=True)):
            if any(children) and any(not at < child < n for child in children):
                raise ValueError("left")


class Trees(_Held, frozen=True, kw_only=True, tag="trees"):
    """See `kanlab.baselines.arithmetic.trees`."""

    trees: list[Tree]

    def arrays(self, d: int, m: int) -> Arrays:
        yield from self.range_arrays(d)
        for number, tree in enumerate(self.trees):
            try:
                for name, values, shape in tree.arrays(d):
                    yield f"trees[{number}].{name}", values, shape
            except ValueError as error:
                raise ValueError(f"model.trees[{number}].{error}") from error


class Document(Struct):
    """model.json: a model, and the recipe that turns a table into its inputs."""

    label: str
    recipe: Recipe
    model: Network | Linear | Polynomial | Additive | Perceptron | Trees
    trial: int | None = None


def check(found: Document) -> None:
    """Refuse a document whose parts do not fit together; the text of the ValueError is the place."""
    classes = len(found.recipe.levels)
    if classes == 1 or found.model.link != (UNSET if not classes else "logit" if classes == 2 else "softmax"):
        raise ValueError("model.link")
    for name, values, shape in found.model.arrays(len(found.recipe.columns), max(1, classes - 1)):
        try:
            array = np.array(values, dtype=float)
        except ValueError as error:  # rows of unequal length
            raise ValueError(f"model.{name}") from error
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"model.{name}")
