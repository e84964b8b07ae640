"""A table made ready for fitting: encoded, split into training and test rows, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kanlab.arrays import Array, Index, Mask
from kanlab.data.assembly import assemble
from kanlab.data.encoders import EncodedColumn, check_target
from kanlab.data.frames import as_frame
from kanlab.data.preparation import Preparation, WeightsAre
from kanlab.data.reading.conventions import Conventions
from kanlab.data.recipe import Recipe
from kanlab.data.target import AUTO, class_levels, in_words
from kanlab.data.transforms import Transform
from kanlab.errors import DatasetError
from kanlab.files import OWNERS_FILE, written_whole
from kanlab.language import say, use
from kanlab.stats.likelihood import (
    COUNTS,
    REGRESSION,
    Distribution,
    HasTask,
    weighted_losses,
    weighted_misfit,
)
from kanlab.stats.metrics import Scores, class_scores, count_scores, log_loss, mean_deviance, squared_difference
from kanlab.text import listing, quoted

_METADATA_KEY = b"kanlab"


@dataclass(frozen=True, eq=False)
class Dataset(HasTask):
    """Training and test rows as float64, in units of the data or the scale asked for; a fit scales inside itself.

    Made by `from_frame`; `recipe` runs again on new rows.

    Parameters
    ----------
    name, target : str
        The data, and the column to predict.
    columns : tuple of EncodedColumn
        How each of the d inputs is made of a column of the table.
    X_train, y_train : arrays of shape (n, d) and (n,)
        Training rows.
    X_test, y_test : arrays of shape (n_test, d) and (n_test,)
        Rows held out.
    rows : int
        Rows of the table, those left out among them.
    notes : tuple of str
        What was done, in sentences.
    target_transform : Transform
        From units of the target to the scale of y and back.
    preparation : Preparation
        What was asked for.
    levels : tuple of str
        Of a target of classes, what y has as 0, 1 and so on.
    conventions : Conventions
        How the cells of the table were written that these rows were read from.
    distribution : str
        "poisson" of a target that is a count.
    w_train, w_test : arrays of shape (n,) and (n_test,), optional
        Precision weights, of geometric mean 1 over the training rows (kanlab.data.row_weights); None where all rows are
        equally precise.
    w_unit : float
        That mean, in units of the table's weights.

    Examples
    --------
    >>> data = Dataset.from_frame(pd.DataFrame({"x": range(20), "y": range(20, 40)}), "y")
    >>> data.n, data.d, len(data.y_test)
    (16, 1, 4)
    """

    name: str
    target: str
    columns: tuple[EncodedColumn, ...]
    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    rows: int
    notes: tuple[str, ...] = field(default=())
    target_transform: Transform = Transform()
    preparation: Preparation = Preparation()
    levels: tuple[str, ...] = ()
    conventions: Conventions = Conventions()
    distribution: Distribution = ""
    w_train: Array | None = None
    w_test: Array | None = None
    w_unit: float = 1.0

    def __post_init__(self) -> None:
        for w, y in ((self.w_train, self.y_train), (self.w_test, self.y_test)):
            assert w is None or len(w) == len(y)  # whoever takes some of the rows takes their weights: `of_rows`

    @property
    def recipe(self) -> Recipe:
        """What makes inputs of new rows, and predictions in units of the target of the network's outputs."""
        kept = (self.target_transform, self.preparation, self.levels, self.conventions, self.distribution)
        return Recipe(self.target, self.columns, *kept)

    @property
    def target_label(self) -> str:
        """The target with its scale."""
        return self.target_transform.label(self.target)

    @property
    def output_label(self) -> str:
        """What a network puts out: the target on its scale, the logarithm of its mean, or the log-odds of a class (of more
        than two the first output).
        """
        return self.output_labels[0]

    @property
    def output_labels(self) -> tuple[str, ...]:
        """What each output of a network is: the target on its scale, the logarithm of its mean, or the log-odds of each class
        against the first.
        """
        if self.task == COUNTS:
            return (say("log of the mean of {target}", target=self.target),)
        if self.outputs == 1:
            return (say("log-odds of {level}", level=self.levels[1]) if self.levels else self.target_label,)
        return tuple(
            say("log-odds of {level} against {other}", level=level, other=self.levels[0]) for level in self.levels[1:]
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The same, short: of more than two classes the class alone."""
        return self.levels[1:] if self.outputs > 1 else (self.output_label,)

    @property
    def prediction_label(self) -> str:
        """What is predicted: the target in its units, or the probability of a class."""
        if self.outputs > 1:
            return say("probabilities of {target}", target=self.target)
        return say("probability of {level}", level=self.levels[1]) if self.levels else self.target

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the encoded columns, the d inputs of the network."""
        return tuple(c.name for c in self.columns)

    @property
    def n(self) -> int:
        return len(self.y_train)

    @property
    def d(self) -> int:
        return len(self.columns)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything a fit, its validation and its predictions depend on: values, split, recipe."""
        return _digest([self.recipe.to_json(), self.n], (*self._arrays, *self._weights))

    @cached_property
    def test_sha256(self) -> str:
        """Hash of the test rows alone: what stands beside it was never trained on while it stays the same."""
        return _digest([self.target_label, self.features], (self.X_test, self.y_test))

    @property
    def _arrays(self) -> tuple[Array, ...]:
        return self.X_train, self.y_train, self.X_test, self.y_test

    @property
    def _weights(self) -> tuple[Array, ...]:
        return tuple(w for w in (self.w_train, self.w_test) if w is not None)

    def of_rows(self, rows: Index | Mask, test: Index | Mask | None = None) -> Dataset:
        """Some of the training rows; and others of them as test rows, where these are named."""
        w = self.w_train
        part = replace(
            self,
            X_train=self.X_train[rows],
            y_train=self.y_train[rows],
            w_train=None if w is None else w[rows],
        )
        if test is None:
            return part
        w_test = None if w is None else w[test]
        return replace(part, X_test=self.X_train[test], y_test=self.y_train[test], w_test=w_test)

    @classmethod
    @use("en")
    def from_frame(
        cls,
        frame: pd.DataFrame,
        target: str,
        features: Sequence[str] | None = None,
        test_fraction: float = 0.2,
        seed: int = 0,
        *,
        name: str = "data",
        preparation: Preparation | None = None,
        task: str = AUTO,
        positive: str | None = None,
        weights: str | None = None,
        weights_are: WeightsAre | None = None,
    ) -> Dataset:
        """Prepare and split a data frame.

        Fills, scales and levels are decided on the training rows. Columns that are constant there are left out; `notes`
        says so. The split is the same in the app, on the command line and here.

        Parameters
        ----------
        frame : pandas.DataFrame
            One row for each observation. Data frames of polars and others, Arrow tables, mappings and arrays
            will do as well (`kanlab.data.frames.as_frame`).
        target : str
            Column to predict: numeric, or of some classes.
        features : sequence of str, optional
            Columns to predict it from; by default all others that are usable.
        test_fraction : float
            Share of the usable rows to hold out, at least 0 and below 1.
        seed : int
            Draws the test rows.
        name : str
            What to call the data.
        preparation : Preparation, optional
            What to do about missing values, categories, dates and scales, and how to split. By default rows with a missing
            target or feature are dropped.
        task : {"auto", "regression", "classification", "counts"}
            auto is classification where the target holds texts, booleans, or 0 and 1; a random split then draws from each
            class alike. It is counts where the target looks like one (kanlab.data.target.count_reason) and no other scale is
            asked for.
        positive : str, optional
            Of two classes, the one that counts as 1.
        weights : str, optional
            Column of weights of the rows, as of `Preparation`.
        weights_are : {"frequency", "precision"}, optional
            What they say; by default how often each row was seen.

        Returns
        -------
        Dataset

        Raises
        ------
        DatasetError
            With one sentence, where nothing can be fitted.

        Examples
        --------
        >>> frame = pd.DataFrame({"x": range(20), "kind": ["a", "b"] * 10, "y": range(20, 40)})
        >>> data = Dataset.from_frame(frame, "y", test_fraction=0.25)
        >>> data.X_train.shape, data.X_test.shape, data.features
        ((15, 2), (5, 2), ('x', 'kind=b'))
        """
        wanted = preparation or Preparation()
        wanted = wanted if weights is None else replace(wanted, weights=weights)
        wanted = wanted if weights_are is None else replace(wanted, weights_are=weights_are)
        found = assemble(frame, target, features, wanted, test_fraction, seed, task, positive)
        return cls(name, **vars(found))

    @classmethod
    def for_targets(
        cls,
        frame: pd.DataFrame,
        targets: Sequence[str],
        features: Sequence[str] | None = None,
        *,
        positive: str | None = None,
        **options: Any,
    ) -> list[Dataset]:
        """A data set for each of several targets of one table, none of which is a feature of another.

        Parameters
        ----------
        frame : pandas.DataFrame
            As of `from_frame`.
        targets : sequence of str
            The columns to predict.
        features : sequence of str, optional
            Columns to predict them from; by default all others that are usable.
        positive : str, optional
            Of two classes, the one that counts as 1, for those targets that have it.
        **options
            As of `from_frame`.

        Returns
        -------
        list of Dataset
            In the order of the targets. Where no cell of them is missing they have the same rows and the same test rows.

        Raises
        ------
        DatasetError
            As of `from_frame`.

        Examples
        --------
        >>> frame = pd.DataFrame({"x": range(20), "a": range(20, 40), "b": [v * v for v in range(20)]})
        >>> [(data.target, data.features) for data in Dataset.for_targets(frame, ["a", "b"])]
        [('a', ('x',)), ('b', ('x',))]
        """
        frame, wanted = as_frame(frame), [str(target) for target in targets]
        if len(wanted) == 1:
            return [cls.from_frame(frame, wanted[0], features, positive=positive, **options)]
        both = [name for name in map(str, features or ()) if name in wanted]
        if both:
            raise DatasetError(
                say(
                    "The target {target} cannot be a feature as well; take it out of the features.",
                    target=listing(both),
                )
            )
        for target in wanted:
            check_target(frame, target)
        levels = {target: class_levels(in_words(frame, target)[target]) for target in wanted} if positive else {}
        if positive and not any(positive in known for known in levels.values()):
            raise DatasetError(
                say("No target has a class {positive}; name one that is there, or none.", positive=quoted(positive))
            )
        preparation = options.get("preparation") or Preparation()
        found = []
        for target in wanted:  # of the weights as a target the first study speaks
            rows = frame.drop(columns=[other for other in wanted if other not in (target, preparation.weights)])
            counts = positive if positive in levels.get(target, ()) else None
            found.append(cls.from_frame(rows, target, features, positive=counts, **options))
        return found

    def errors(self, predict: Callable[[Array], Array]) -> Scores:
        """How far off a model is. predict: X (rows, d) to (rows,) on the scale of the fit, of classes to probabilities,
        (rows,) or (rows, classes).
        """
        train, held_out = predict(self.X_train), len(self.y_test) > 0
        test = predict(self.X_test) if held_out else self.y_test
        rss_test = squared_difference(test, self.y_test, self.w_test) if held_out else None
        rss = Scores(rss_train=squared_difference(train, self.y_train, self.w_train), rss_test=rss_test)
        if self.levels:
            return replace(rss, classes=class_scores(train, self.y_train, test, self.y_test))
        if self.task == COUNTS:
            rss = replace(rss, counts=count_scores(train, self.y_train, test, self.y_test))
        rmse_test = self.rmse(test, self.y_test, self.w_test) if held_out else None
        rmse_train = self.rmse(train, self.y_train, self.w_train)
        return replace(rss, rmse_train=rmse_train, rmse_test=rmse_test, n_negative=self._negative(train, test))

    def _negative(self, train: Array, test: Array) -> int | None:
        """How many predictions are below 0 of a quantity, fitted as it is, that never is 0 or less; None where none is."""
        plain = self.task == REGRESSION and self.target_transform.scale == "none"
        if not plain or min(self.y_train.min(), self.y_test.min(initial=np.inf)) <= 0.0:
            return None
        return int((train < 0.0).sum() + (test < 0.0).sum()) or None

    def losses(self, predicted: Array) -> Array:
        """What each training row (n,) adds to the misfit of predictions of all of them."""
        return weighted_losses(self.likelihood, predicted, self.y_train, self.w_train)

    def misfit(self, predicted: Array) -> float:
        """RSS or deviance of predictions of the training rows."""
        return weighted_misfit(self.likelihood, predicted, self.y_train, self.w_train)

    @property
    def weight_of_rows(self) -> float:
        """The sum of the weights of the training rows, by which a sum of losses is a mean: n where none weighs more."""
        return float(self.n) if self.w_train is None else float(self.w_train.sum())

    def error(self, predicted: Array, y: Array, w: Array | None = None) -> float | None:
        """RMSE in units of the data, of classes the log-loss, of counts the mean deviance; None where it is not finite.

        w: weights of the rows.
        """
        if self.task == COUNTS:
            return mean_deviance(predicted, y)
        return log_loss(predicted, y) if self.levels else self.rmse(predicted, y, w)

    def rmse(self, predicted: Array, y: Array, w: Array | None = None) -> float | None:
        """Root (weighted) mean square error in units of the data, of values on the scale of the fit; None where it is not
        finite.
        """
        value = float(np.sqrt(self.squared_error(predicted, y, w) / (len(y) if w is None else w.sum())))
        return value if np.isfinite(value) else None

    def squared_error(self, predicted: Array, y: Array, w: Array | None = None) -> float:
        """Sum of (weighted) squared residuals in squared units of the data, of values on the scale of the fit."""
        back = self.target_transform.inverse
        return squared_difference(back(predicted), back(y), w)

    def encode(self, frame: pd.DataFrame) -> Array:
        """New rows as inputs of the network, shape (rows, d); nan where a cell is missing."""
        return self.recipe.apply(frame).X

    def save(self, path: Path) -> None:
        """Write a Parquet file: the training rows, then the test rows, with the recipe in its metadata."""
        X, y = np.vstack([self.X_train, self.X_test]), np.concatenate([self.y_train, self.y_test])
        metadata = {
            "name": self.name,
            "recipe": self.recipe.to_dict(),
            "n_train": self.n,
            "rows": self.rows,
            "notes": self.notes,
            "test_sha256": self.test_sha256,
        }
        names, weights = [*self.features, self.target], list[Array]()
        if self.w_train is not None:
            w_test = np.empty(0) if self.w_test is None else self.w_test
            names, weights = [*names, self.preparation.weights or "weight"], [np.concatenate([self.w_train, w_test])]
            metadata |= {"weight_unit": self.w_unit}
        table = pa.Table.from_arrays([pa.array(v) for v in (*X.T, y, *weights)], names=names)
        table = table.replace_schema_metadata({_METADATA_KEY: json.dumps(metadata).encode()})
        with written_whole(path, OWNERS_FILE) as partial:
            pq.write_table(table, partial)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what `save` wrote. Raises DatasetError where its test rows are not those that were locked."""
        with pq.ParquetFile(path) as file:  # read_table() loads pandas too
            table = file.read()
        metadata = json.loads(table.schema.metadata[_METADATA_KEY])
        # to_numpy() loads pandas
        arrays: list[Array] = [np.asarray(np.from_dlpack(c.combine_chunks()), np.float64) for c in table.columns]
        n = metadata["n_train"]
        w = arrays.pop() if "weight_unit" in metadata else None
        X, y = np.column_stack(arrays[:-1]), arrays[-1]
        recipe, notes = Recipe.from_dict(metadata["recipe"]), tuple(metadata["notes"])
        parts = (X[:n], y[:n], X[n:], y[n:])
        more = (metadata["rows"], notes, recipe.target_transform, recipe.preparation)
        data = cls(metadata["name"], recipe.target, recipe.columns, *parts, *more, recipe.levels, recipe.conventions)
        data = replace(data, distribution=recipe.distribution)
        if w is not None:
            data = replace(data, w_train=w[:n], w_test=w[n:], w_unit=metadata["weight_unit"])
        if data.test_sha256 != metadata["test_sha256"]:
            raise DatasetError(
                say(
                    "The test rows in {name} are not those that were held out; start from the table again.",
                    name=path.name,
                )
            )
        return data


def _digest(words: list[Any], arrays: Iterable[Array]) -> str:
    digest = hashlib.sha256(json.dumps(words).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
