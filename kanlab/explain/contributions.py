"""Why a prediction is what it is: what each feature adds to the mean prediction, and the training rows nearest to the row.

`kanlab.explain.shapley` has the mathematics, `kanlab.explain.nearest` the distances. Everything that can predict can be
explained: networks of any depth, their averages, other families, quantities, counts, classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.baselines.protocol import Affine, Portable
from kanlab.data.dataset import Dataset
from kanlab.data.frames import as_frame
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.table import Table
from kanlab.data.recipe import Inputs, Recipe
from kanlab.errors import DatasetError, StudyError
from kanlab.explain.average import AveragedModel
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.models import HeldFamily, Model
from kanlab.explain.nearest import Nearest, Neighbourhood, decoded
from kanlab.explain.new_rows import overruled, read_new_rows
from kanlab.explain.predictor import Predictions, Predictor
from kanlab.explain.several_targets import JointPredictions
from kanlab.explain.shapley import (
    contribution_names,
    explainer_for,
    groups_of,
    players,
    reference_for,
    variants_of,
)
from kanlab.explain.terms import COSTS, SumOfTerms, averaged, terms_of, whole_rows
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION, TaskName
from kanlab.text import listing, quoted, series

_LINKS: dict[TaskName, str] = {REGRESSION: "", CLASSIFICATION: "logit", MULTICLASS: "softmax", COUNTS: "log"}


@dataclass(frozen=True, eq=False)
class Scale:
    """The scale on which contributions add up.

    words: what it is, such as "log-odds of yes"; of more than two classes one each.  times: what exp of a contribution
    multiplies, such as "the odds"; "" where contributions are in units of the target.
    """

    words: tuple[str, ...]
    times: str = ""

    @classmethod
    def of(cls, recipe: Recipe) -> Scale:
        """That of a target."""
        if len(recipe.levels) > 2:
            return cls(
                tuple(say("log-odds of {level} against the other classes", level=level) for level in recipe.levels),
                say("the odds"),
            )
        if recipe.levels:
            return cls((say("log-odds of {level}", level=recipe.levels[1]),), say("the odds"))
        if recipe.distribution:
            return cls((say("log of the mean of {target}", target=recipe.target),), say("the mean"))
        if recipe.target_transform.scale == "log":
            times = "" if recipe.target_transform.shift else say("the prediction")
            return cls((recipe.target_transform.label(recipe.target),), times)
        return cls((recipe.target,))


@dataclass(frozen=True, eq=False)
class Explanation:
    """What each of M features adds to the predictions of m rows, on the scale `scale`.

    Attributes
    ----------
    predictions : Predictions
        Of the rows, as `Predictor.predict` gives them.
    features : tuple of str
        Columns of the table, in the order of the recipe.
    values : ndarray of shape (m, M, outputs)
        Contributions, nan in rows that cannot be predicted. Of more than two classes there is an output for each.
    standard_error : ndarray of shape (m, M, outputs)
        What sampling leaves open; 0 where the values are exact.
    mean : ndarray of shape (outputs,)
        The mean prediction of the training rows, on that scale.
    totals : ndarray of shape (m, outputs)
        The predictions on that scale: mean + values.sum(axis=1).
    scale : Scale
    classes : tuple of str
        Of more than two classes, those of the outputs.
    method : str
        How the values were found, in one sentence.
    nearest : Nearest or None
        The nearest training rows of the rows that can be predicted (`ready` says which); None of a bundle.
    """

    predictions: Predictions
    recipe: Recipe
    features: tuple[str, ...]
    values: Array
    standard_error: Array
    mean: Array
    totals: Array
    scale: Scale
    method: str
    neighbourhood: Neighbourhood | None = None
    nearest: Nearest | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.levels if len(self.recipe.levels) > 2 else ()

    @cached_property
    def ready(self) -> list[int]:
        """Positions of the rows that can be predicted."""
        return np.flatnonzero(np.isfinite(self.totals[:, 0])).tolist()

    @property
    def frame(self) -> pd.DataFrame:
        """The predictions and beside them a column for the mean prediction and one for each feature."""
        return self.beside(self.predictions.frame)

    def beside(self, done: pd.DataFrame) -> pd.DataFrame:
        """Rows with these columns beside their own. done: the rows, in their order."""
        columns: dict[str, Array] = {}
        names = contribution_names(self.recipe.to_dict(), self.features, set(done.columns))
        for output, (first, *others) in enumerate(names):
            columns[first] = np.where(np.isfinite(self.totals[:, output]), self.mean[output], np.nan)
            columns |= dict(zip(others, self.values[:, :, output].T, strict=True))
        return pd.concat([done, pd.DataFrame(columns, index=done.index)], axis=1)

    @property
    def notes(self) -> tuple[str, ...]:
        """What its columns are, in sentences."""
        first = say(
            "'{target}_contribution_...' is what each feature adds to the mean prediction, {what}.",
            target=self.recipe.target,
            what=self._what,
        )
        largest = float(np.nanmax(self.standard_error, initial=0.0))
        error = say(" The largest standard error is {largest:.2g}.", largest=largest) if largest > 0 else ""
        return (first, self.method + error)

    @property
    def _what(self) -> str:
        """The scale, in words."""
        if self.classes:
            return say("as log-odds of each class against the others")
        if self.scale.times:
            return say(
                "on the scale {words}, where it multiplies {times} by its exponential",
                words=self.scale.words[0],
                times=self.scale.times,
            )
        return say("in units of {words}", words=self.scale.words[0])

    @property
    def columns(self) -> list[str]:
        """The columns of `frame` that were added to the rows."""
        return [*self.predictions.columns, *self.frame.columns[self.predictions.frame.shape[1] :]]

    def output_of(self, row: int, class_: str | None = None) -> int:
        """Which output is meant: that of a class, by default of the predicted one. Raises DatasetError for no class."""
        if not self.classes:
            return 0
        if class_ is None:
            return int(np.argmax(self.totals[row]))
        if class_ not in self.classes:
            raise DatasetError(
                say(
                    "There is no class {class_}; there are {classes}.",
                    class_=quoted(class_),
                    classes=listing(self.classes),
                )
            )
        return self.classes.index(class_)

    def table(self, row: int = 0, class_: str | None = None) -> pd.DataFrame:
        """One row's features by the size of their contributions.

        Parameters
        ----------
        row : int
            Its position.
        class_ : str, optional
            Of more than two classes; by default the predicted one.

        Returns
        -------
        DataFrame
            Columns feature, value, contribution, standard_error, and `times`, exp of the contribution, on a scale of
            logarithms.
        """
        self._check(row)
        output, given = self.output_of(row, class_), self.predictions.frame
        phi = self.values[row, :, output]
        cells = [_cell(given.iloc[row], feature) for feature in self.features]
        found = pd.DataFrame({"feature": self.features, "value": pd.Series(cells, dtype=object), "contribution": phi})
        found["standard_error"] = self.standard_error[row, :, output]
        if self.scale.times:
            found["times"] = np.exp(phi)
        return found.iloc[np.argsort(-np.abs(phi), kind="stable")].reset_index(drop=True)

    def neighbours(self, row: int = 0) -> pd.DataFrame:
        """The nearest training rows of one row: their distance, target and features. Raises DatasetError in a bundle."""
        self._check(row)
        if self.nearest is None or self.neighbourhood is None:
            raise DatasetError(say("A bundle holds no training rows to look for near ones in; ask the study itself."))
        return self.neighbourhood.table(self.nearest, self.ready.index(row))

    def support(self, row: int = 0) -> str:
        """One sentence: whether training rows stand behind a row; "" in a bundle."""
        self._check(row)
        return self.nearest.sentence(self.ready.index(row)) if self.nearest else ""

    def to_dict(self, row: int) -> dict[str, Any]:
        """One row as JSON has it; {} for one that cannot be predicted."""
        if row not in self.ready:
            return {}
        of_classes: list[dict[str, Any]] = [{"class": name} for name in self.classes] or [{}]
        content: dict[str, Any] = {
            "explained": [
                head
                | {
                    "scale": self.scale.words[output],
                    "mean": float(self.mean[output]),
                    "prediction": float(self.totals[row, output]),
                    "contributions": dict(zip(self.features, self.values[row, :, output].tolist(), strict=True)),
                    "standard_errors": dict(
                        zip(self.features, self.standard_error[row, :, output].tolist(), strict=True)
                    ),
                }
                for output, head in enumerate(of_classes)
            ],
            "method": self.method,
        }
        if self.nearest is not None:
            place = self.ready.index(row)
            content["nearest"] = {
                "distances": self.nearest.distances[place].tolist(),
                "typical": self.nearest.typical,
                "far": bool(self.nearest.far[place]),
                "outside": list(self.nearest.outside[place]),
            }
        return content

    def _check(self, row: int) -> None:
        if row not in self.ready:
            raise DatasetError(
                say("Row {row} cannot be explained: there is no such row, or a value is missing in it.", row=row)
            )


def _cell(row: pd.Series, feature: str) -> Any:
    """The cell of a feature; of a date given by its parts those."""
    if feature in row.index:
        return row[feature]
    parts = {
        name.removeprefix(f"{feature} (").rstrip(")"): row[name]
        for name in row.index
        if name.startswith(f"{feature} (")
    }
    return series([say("{part} {value:.6g}", part=say(part), value=value) for part, value in parts.items()]) or None


class RowExplainer:
    """What explains the predictions of a model; made once for many rows.

    Parameters
    ----------
    predictor : Predictor
    data : Dataset, optional
        That of its study; of a bundle there is none, and what it brings for explanations is used.
    rows : int, optional
        Rows of the background; by default 64 to 256, and all of an additive model.

    Raises
    ------
    StudyError
        Where a bundle brings nothing.
    """

    def __init__(self, predictor: Predictor, data: Dataset | None = None, rows: int | None = None) -> None:
        self.predictor, content = predictor, predictor.recipe.to_dict()
        self._model = model_terms(predictor.fitted)
        reference = predictor.reference
        if data is not None and reference is None:
            reference = reference_for(self._model, content, data.X_train, rows)
        if reference is None:
            raise StudyError(
                say(
                    "This bundle holds nothing to explain its predictions with; export it again with "
                    "'kanlab export --explain'."
                )
            )
        self.reference: Mapping[str, Any] = reference
        self._explainer = explainer_for(self._model, content, reference)
        groups = groups_of(content)
        self.features = tuple(groups)
        self.used = tuple(self.features[i] for i in players(self._model, list(groups.values())))
        self._neighbourhood = Neighbourhood(data, self.used) if data is not None else None

    @property
    def method(self) -> str:
        """How values are found, in one sentence."""
        if "mean_terms" in self.reference:
            return say("The model adds up what each feature says, so the contributions are exact.")
        plan = self._explainer.plan
        if plan.is_exact:
            return say("Exact Shapley values against {rows} training rows.", rows=plan.rows)
        return say(
            "Shapley values against {rows} training rows, from {orders:,} orders of the features "
            "and their reverses; the standard errors say what that leaves open.",
            rows=plan.rows,
            orders=plan.rows * plan.pairs,
        )

    def explain(self, rows: Any, options: ReadOptions | None = None, interval: float | None = LEVEL) -> Explanation:
        """Explain the rows of a file, of a `Table`, or of whatever holds a table.

        options: how they are written, where that is not as in training.  interval: as of `Predictor.predict`.
        Raises DatasetError where a column the model needs is not there.
        """
        predictor = self.predictor
        if options is not None:
            predictor = replace(predictor, recipe=overruled(predictor.recipe, options))
        recipe = predictor.recipe
        if isinstance(rows, (str, PathLike)) or hasattr(rows, "read"):
            rows = read_new_rows(rows, recipe, options=options)
        frame = rows.frame if isinstance(rows, Table) else rows
        return self._explained(
            predictor.predict(frame, interval), recipe.apply(as_frame(frame, recipe.sources)), recipe
        )

    def explain_inputs(self, X: Array) -> Explanation:
        """Rows X (m, d) of the inputs of the model, such as training rows; their frame has the features as they were read."""
        recipe, frame = self.predictor.recipe, decoded(self.predictor.recipe, X)
        outputs, outside = self.predictor.fitted.predict_flagged(X)
        of = recipe.to_levels(outputs) if recipe.levels else recipe.to_units(outputs)
        predicted, extrapolates = f"{recipe.target}_predicted", f"{recipe.target}_extrapolates"
        predictions = Predictions(frame.assign(**{predicted: of, extrapolates: outside}), predicted, extrapolates)
        return self._explained(predictions, Inputs(X), recipe)

    def _explained(self, predictions: Predictions, inputs: Inputs, recipe: Recipe) -> Explanation:
        ready = np.flatnonzero(inputs.complete)
        unknown = [level._replace(rows=level.rows[ready]) for level in inputs.levels]
        outputs = len(self._explainer.mean)
        values = np.full((len(inputs.X), len(self.features), outputs), np.nan)
        errors, totals = values.copy(), np.full((len(inputs.X), outputs), np.nan)
        for row, variants in zip(ready, variants_of(inputs.X[ready], unknown), strict=True):
            values[row], errors[row], totals[row] = self._explainer.explain(variants)
        near = self._neighbourhood.nearest(inputs.X[ready]) if self._neighbourhood else None
        return Explanation(
            predictions,
            recipe,
            self.features,
            values,
            errors,
            self._explainer.mean,
            totals,
            Scale.of(recipe),
            self.method,
            self._neighbourhood,
            near,
        )


def with_contributions(
    found: JointPredictions, explainers: Sequence[RowExplainer], rows: Any, options: ReadOptions | None = None
) -> JointPredictions:
    """Predictions with a column for what each feature contributes to those of each target.

    found: of the rows.  explainers: of its targets.  rows, options: as of `RowExplainer.explain`.
    """
    frame, notes = found.frame, list(found.notes)
    for explainer in explainers:
        explained = explainer.explain(rows, options)
        frame = explained.beside(frame)
        notes += explained.notes
    return replace(found, frame=frame, notes=tuple(dict.fromkeys(notes)))


def with_reference(predictor: Predictor, data: Dataset) -> Predictor:
    """The same model with what its predictions are explained against, for a bundle. data: that of its study."""
    reference = reference_for(model_terms(predictor.fitted), predictor.recipe.to_dict(), data.X_train)
    return replace(predictor, reference=reference)


def model_terms(model: Model) -> SumOfTerms:
    """Any model that predicts, as a function of a sum of terms of its inputs."""
    if isinstance(model, AveragedModel):
        return averaged([model_terms(member) for member in model.members], model.weights)
    if isinstance(model, FittedKan):
        return terms_of(_network(model), lambda _, X: model.predict(X))
    if isinstance(model, HeldFamily):
        return _family_terms(model)
    content: Mapping[str, Any] | None = getattr(model, "content", None)  # of a bundle
    assert content is not None
    return terms_of(content, lambda _, X: model.predict_flagged(X)[0])


def _network(network: FittedKan) -> dict[str, Any]:
    """The numbers of a network as a bundle has them."""
    names = ("x_offset", "x_scale", "y_offset", "y_scale", "reach")
    layers = [
        {"knots": layer.knots, "coef": layer.coef, "scale_base": layer.scale_base, "range": held}
        for layer, held in zip(network.layers, network.ranges, strict=True)
    ]
    numbers = {name: getattr(network, name) for name in names}
    return numbers | {
        "kind": "kan",
        "layers": layers,
        "output_range": network.output_range,
        "link": _LINKS[network.task],
    }


def _family_terms(model: HeldFamily) -> SumOfTerms:
    predict = model.fitted.predict
    if isinstance(predict, Affine):
        names = ("offset", "center", "scale", "weights")
        return terms_of(
            {n: getattr(predict, n) for n in names} | {"kind": "linear", "link": _LINKS[predict.task]}, _none
        )
    numbers = predict.numbers() if isinstance(predict, Portable) else {"kind": ""}
    if numbers["kind"] == "additive":
        return terms_of(numbers | {"low": model.low, "high": model.high, "link": _LINKS[model.task]}, _none)
    cost = COSTS.get(numbers["kind"], 20.0)
    return whole_rows(lambda X: model.predict_flagged(X)[0], len(model.low), cost)


def _none(model: Mapping[str, Any], X: Array) -> Array:
    raise AssertionError("a model with terms of its own is not evaluated otherwise")
