"""The schema of model.json: what is read is checked against these types while it is decoded.

That it all holds together is checked afterwards, by kanlab.export.document_check.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kanlab.data.recipe import Recipe

Vector = list[float]
Matrix = list[Vector]
Count = Annotated[int, Meta(ge=1)]
Link = Literal["logit", "softmax", "log"]


class Layer(Struct, frozen=True):
    """The edges of a layer of `n_in` inputs and `n_out` outputs."""

    knots: Matrix
    coef: list[Matrix]
    scale_base: Matrix
    range: Matrix


class Network(Struct, frozen=True, tag_field="kind", tag="kan"):
    """A network. output_range: where its outputs are held.  reach: how far beyond their range edges go on straight; 0 in
    bundles made before they did.  stretch: the last part of their range whose slope they then have, where it is not a tenth.

    link: "logit" where the output is the log-odds of a class, and the prediction its probability; "softmax" where the outputs
    are the log-odds of each class but the first against that, and the predictions the probabilities of all; "log" where the
    output is the logarithm of a mean count, and the prediction that mean.
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
    reach: float | UnsetType = UNSET
    stretch: float | UnsetType = UNSET
    link: Link | UnsetType = UNSET


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


class _Held(Struct, frozen=True, tag_field="kind"):
    """A model of another family. low, high: the range that its inputs are held to.  link: as of a network.  offset: of several
    outputs a number for each.
    """

    low: Vector
    high: Vector
    offset: float | Vector = 0.0
    link: Link | UnsetType = UNSET


class Polynomial(_Held, frozen=True, kw_only=True, tag="polynomial"):
    """See `kanlab.baselines.arithmetic.polynomial`."""

    center: Vector
    scale: Vector
    powers: list[list[Annotated[int, Meta(ge=0, le=9)]]]
    weights: list[float | Vector]


class Additive(_Held, frozen=True, kw_only=True, tag="additive"):
    """See `kanlab.baselines.arithmetic.additive`."""

    breaks: list[Annotated[Vector, Meta(min_length=2)]]
    coef: list[list[list[float | Vector]]]


class Perceptron(_Held, frozen=True, kw_only=True, tag="perceptron"):
    """See `kanlab.baselines.arithmetic.perceptron`."""

    center: Vector
    scale: Vector
    weights: Annotated[list[Matrix], Meta(min_length=1)]
    biases: list[Vector]
    y_offset: float
    y_scale: float


class Tree(Struct, frozen=True):
    """A tree by its nodes; a leaf has left 0, and children come after their node, so that every way ends.

    output: the class it is of, of more than two.
    """

    feature: list[int]
    threshold: Vector
    left: list[int]
    right: list[int]
    value: Annotated[Vector, Meta(min_length=1)]
    output: int | UnsetType = UNSET


class Trees(_Held, frozen=True, kw_only=True, tag="trees"):
    """See `kanlab.baselines.arithmetic.trees`."""

    trees: list[Tree]


class Average(Struct, frozen=True, tag_field="kind", tag="average"):
    """The mean of several models by their weights, which add up to 1; it has no link, they have theirs."""

    weights: Vector
    members: Annotated[
        list[Network | Linear | Polynomial | Additive | Perceptron | Trees], Meta(min_length=1, max_length=100)
    ]


class Reference(Struct, frozen=True):
    """What predictions are explained against: see `kanlab.explain.shapley.reference_for`.

    rows: of training.  pairs: of orders, 0 for all sets.  mean_terms: of an additive model, in place of the rows.
    """

    rows: Matrix | UnsetType = UNSET
    pairs: Annotated[int, Meta(ge=0, le=64)] = 0
    seed: Annotated[int, Meta(ge=0)] = 0
    mean_terms: Matrix | UnsetType = UNSET


class Spread(Struct, frozen=True):
    """How far rows scatter where: see `kanlab.stats.interval_bounds.spread`."""

    of: Literal["output", "inputs"]
    center: Vector
    width: Vector
    linear: Vector
    square: Vector
    offset: float
    low: float
    high: float


class OfWeight(Struct, frozen=True):
    """The weight of the rows that intervals are of: a column of precision weights, and their unit in it."""

    column: str
    unit: Annotated[float, Meta(gt=0)]


class Interval(Struct, frozen=True, omit_defaults=True):
    """What intervals are made of: see `kanlab.stats.interval_bounds`."""

    task: Literal["regression", "classification", "multiclass", "counts"]
    rows: Count
    scores: Vector
    tails: Literal[1, 2]
    scale: Spread | None
    held: Vector
    held_rows: Annotated[int, Meta(ge=0)]
    weight: OfWeight | None = None


class Document(Struct):
    """model.json: a model, and the recipe that turns a table into its inputs.

    smearing, interval, reference: as of `Predictor`.
    """

    label: str
    recipe: Recipe
    model: Network | Linear | Polynomial | Additive | Perceptron | Trees | Average
    trial: int | None = None
    smearing: float | None = None
    interval: Interval | None = None
    reference: Reference | None = None
