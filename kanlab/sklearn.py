"""KANs as estimators of scikit-learn: clone, Pipeline, cross_val_score, GridSearchCV and the rest work as with its own.

`KANRegressor` and `KANClassifier` search for the right size by the rules of a study, as RidgeCV does for the penalty of Ridge.
`SplineKANRegressor` and `SplineKANClassifier` fit one configuration. Nothing is written to the disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.estimator_inputs import categories_of, frame_of, names_of, target_of, value_errors, weighed
from kanlab.data.estimator_table import as_categories, estimator_table
from kanlab.engines.registry import FitOptions, fit_model, with_columns
from kanlab.execution.final_check import ReducedTrial, nested_below
from kanlab.execution.in_memory import Fitted, MemoryStudy, search
from kanlab.execution.intervals import TOO_FEW_ROWS, IntervalRecord, checked_level, of_family, of_network
from kanlab.execution.messages import NetworkTask
from kanlab.execution.tasks import on_all_features, rows_left_out
from kanlab.explain.interval_columns import LEVEL, relative_weights
from kanlab.explain.models import Model, held_family
from kanlab.explain.refits import network_task
from kanlab.kan.constraints import Constraints
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import say
from kanlab.retelling import retold
from kanlab.selection import ranking
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.stats.interval_bounds import class_sets, interval_bounds
from kanlab.stats.metrics import likeliest
from kanlab.study.spec import MAX_SEED, StudySpec
from kanlab.study.trials import CompletedTrial
from kanlab.text import listing

__all__ = ["KANClassifier", "KANRegressor", "SplineKANClassifier", "SplineKANRegressor"]

_COUNT = StudySpec().count
_SMOOTHING = FitOptions().smoothing
Range = int | tuple[int, int]


class _KAN(BaseEstimator):
    """What all four have: a table made ready, a fitted model behind it, and predictions."""

    monotonic_cst: Any
    constraints: Any
    categorical_features: Any
    random_state: Any
    _demands: Constraints = Constraints()
    _levels: tuple[str, ...] = ()
    # what intervals are made of; until they are first asked for, what makes it of the training rows, which takes refits
    _interval: IntervalRecord | Callable[[], IntervalRecord | None] | None = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to a table.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
            Features; of a data frame (pandas, polars, Arrow) text, categories, booleans and dates are encoded. Missing values
            are filled, with a column that marks them.
        y : array_like of shape (n,)
        sample_weight : array_like of shape (n,), optional
            Whole numbers say how often each row counts: a row of weight 2 is the same as two rows. Other numbers say how
            precise each target of a quantity is, in inverse proportion to the variance of its error; only their ratios matter
            (kanlab.data.row_weights). A row of weight 0 is left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Where a table cannot be fitted, in one sentence.
        """
        with value_errors():
            frame = self._frame(X, reset=True)
            target = target_of(self, y, len(frame))
            rows, precision = weighed(self, sample_weight, frame)
            if len(rows) < 2:
                raise ValueError(
                    say("There is {rows} sample (n_samples={rows}), and a fit needs at least 2.", rows=len(rows))
                )
            codes, levels = self._coded(target[rows])
            data = estimator_table(frame.iloc[rows], codes, levels, self._categories, precision)
            self._demands = _demanded(self.constraints, self.monotonic_cst, list(frame.columns), data)
            data = self._demands.without_idle(data)
            self._recipe = data.recipe
            self._model = self._fitted_to(data)
        return self

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        frame, given = frame_of(self, X, reset=reset)
        if reset:
            self._categories = tuple(categories_of(self.categorical_features, list(frame.columns), given))
        return frame

    def _coded(self, y: NDArray[Any]) -> tuple[Array, tuple[str, ...]]:
        """The target as numbers, and the names of its classes."""
        return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y"), ()

    def _fitted_to(self, data: Dataset) -> Model:
        raise NotImplementedError

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)) and 0 <= self.random_state <= MAX_SEED:
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    def _outputs(self, X: Any) -> Array:
        """What the model predicts of rows, of classes probabilities."""
        return self._outputs_and_inputs(X)[0]

    def _within(self, X: Any, level: float) -> tuple[IntervalRecord, Array, Array]:
        """What intervals are made of, and outputs and inputs of rows."""
        check_is_fitted(self)
        with value_errors():
            checked_level(level)
        if callable(self._interval):
            self._interval = self._interval()
        if self._interval is None:
            raise ValueError(TOO_FEW_ROWS)
        return self._interval, *self._outputs_and_inputs(X)

    def _outputs_and_inputs(self, X: Any) -> tuple[Array, Array]:
        check_is_fitted(self)
        with value_errors():
            frame = as_categories(self._frame(X, reset=False), self._categories)
            inputs = self._recipe.apply(frame)
        if inputs.unknown is not None:
            said = " ".join(retold(note) for note in inputs.notes if "not in the training rows" in note)
            warnings.warn(said, stacklevel=4)
        return self._model.predict_flagged(inputs.X)[0], inputs.X


class _Searched(_KAN):
    """The search of KANRegressor and KANClassifier."""

    def __init__(
        self,
        *,
        neuron_num: Range = (1, 4),
        grid: Range = (2, 5),
        k: Range = (2, 3),
        depth: Range = 1,
        multiplication: Range = 0,
        count: str = _COUNT,
        smoothing: float = _SMOOTHING,
        starts: int | None = None,
        monotonic_cst: Any = None,
        constraints: Any = None,
        categorical_features: Any = "from_dtype",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.neuron_num = neuron_num
        self.grid = grid
        self.k = k
        self.depth = depth
        self.multiplication = multiplication
        self.count = count
        self.smoothing = smoothing
        self.starts = starts
        self.monotonic_cst = monotonic_cst
        self.constraints = constraints
        self.categorical_features = categorical_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _fitted_to(self, data: Dataset) -> Model:
        ranges = {name: _range(getattr(self, name)) for name in Cell._fields}
        spec = StudySpec(
            space=SearchSpace(**ranges),
            count=self.count,  # type: ignore[arg-type]
            seed=self._seed(),
            test_fraction=0.0,
            options=FitOptions(starts=self.starts, smoothing=self.smoothing),
            constraints=self._demands,
        )

        def run(function: Any, jobs: Any) -> list[Fitted]:
            return Parallel(n_jobs=self.n_jobs)(delayed(function)(job) for job in jobs)

        study = search(data, spec, run, average=False)
        found = recommend(study, study.records, None)
        choice = found.choice
        record = choice and (choice.trial or choice.reduced)
        self.recommendation_: Recommendation = found
        self.trials_ = ranking.trial_table(study.records)
        self.family_ = choice.family if choice else "constant"
        self.best_params_ = record.cell._asdict() if record else {}
        self.n_params_, self.aicc_ = (choice.n_params, choice.aicc) if choice else (None, None)
        model: Model
        if record:
            model, self._interval = _model_of(study, data, record)
        else:
            shape = study.spec.options.shape
            model = held_family(data, self.family_, study.spec.seed, shape)
            self._interval = partial(of_family, data, model, self.family_, study.spec.seed, shape)
        self.network_ = model if isinstance(model, FittedKan) else None
        return model


class _Single(_KAN):
    """The fit of SplineKANRegressor and SplineKANClassifier."""

    def __init__(
        self,
        *,
        neuron_num: int = 3,
        grid: int = 5,
        k: int = 3,
        depth: int = 1,
        multiplication: int = 0,
        smoothing: float = _SMOOTHING,
        starts: int | None = None,
        monotonic_cst: Any = None,
        constraints: Any = None,
        categorical_features: Any = "from_dtype",
        random_state: Any = 0,
    ) -> None:
        self.neuron_num = neuron_num
        self.grid = grid
        self.k = k
        self.depth = depth
        self.multiplication = multiplication
        self.smoothing = smoothing
        self.starts = starts
        self.monotonic_cst = monotonic_cst
        self.constraints = constraints
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _fitted_to(self, data: Dataset) -> Model:
        cell = Cell(self.neuron_num, self.grid, self.k, self.depth, self.multiplication)
        SearchSpace(*((value, value) for value in cell))  # refuses what no network can be
        options = FitOptions(starts=self.starts, smoothing=self.smoothing, shape=self._demands.shape(data))
        task = NetworkTask(cell=cell, engine="lm", options=options, seed=self._seed())
        network = fit_model(data, cell, "lm", options, task.seed)
        left_out = partial(rows_left_out, data, network, task, cell, ())
        self._interval = partial(_interval_of, data, network, left_out, data.d)
        self.network_ = replace(network, features=data.features)
        return self.network_


class _Regressor(RegressorMixin):
    def predict(self, X: Any) -> Array:
        """Predict rows.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
            In units of y. Inputs are held to the range of the training rows.
        """
        return self._outputs(X)  # type: ignore[attr-defined]

    def predict_interval(self, X: Any, level: float = LEVEL, sample_weight: Any = None) -> Array:
        """Intervals of rows, made of training rows left out (docs/intervals.md).

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
        level : float
            The share of rows like those of the training that they should hold, above 0 and below 1.
        sample_weight : array_like of shape (n,), optional
            How precise the target of each row is, above 0, in the units of `fit`; by default the geometric mean of the
            training rows. Means nothing where these had no precision weights.

        Returns
        -------
        ndarray of shape (n, 2)
            Lower and upper bounds, in units of y.
        """
        record, outputs, inputs = self._within(X, level)  # type: ignore[attr-defined]
        weights = None if sample_weight is None else relative_weights(record, np.asarray(sample_weight).tolist(), ".")
        if weights is not None and (len(weights) != len(outputs) or np.isnan(weights).any()):
            raise ValueError(say("sample_weight must be a number above 0 for each row of X."))
        return np.column_stack(interval_bounds(record, outputs, inputs, level, weights))


class _Classifier(ClassifierMixin):
    def _coded(self, y: NDArray[Any]) -> tuple[Array, tuple[str, ...]]:
        check_classification_targets(y)
        assert_all_finite(y, input_name="y")
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                say(
                    "Classification needs at least 2 classes; y holds one class, {classes!r}.", classes=self.classes_[0]
                )
            )
        names = tuple(map(str, self.classes_))
        return codes.astype(float), names if len(set(names)) == len(names) else names_of(len(names))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of all classes, in the order of `classes_`.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n, n_classes)
        """
        p = self._outputs(X)  # type: ignore[attr-defined]
        return np.column_stack([1.0 - p, p]) if p.ndim == 1 else p

    def predict(self, X: Any) -> NDArray[Any]:
        """The likeliest class of rows.

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)

        Returns
        -------
        ndarray of shape (n,)
        """
        p = self._outputs(X)  # type: ignore[attr-defined]
        return self.classes_[likeliest(p)]

    def predict_set(self, X: Any, level: float = LEVEL) -> NDArray[np.bool_]:
        """The classes of which one should be the true one, made of training rows left out (docs/intervals.md).

        Parameters
        ----------
        X : array_like or data frame of shape (n, d)
        level : float
            The share of rows like those of the training whose class should be in its set, above 0 and below 1.

        Returns
        -------
        ndarray of bool, shape (n, n_classes)
            In the order of `classes_`.
        """
        record, p, _ = self._within(X, level)  # type: ignore[attr-defined]
        return class_sets(record, p, level)


class KANRegressor(_Regressor, _Searched):
    """A KAN of the right size for a quantity: the configurations of a range are fitted and one is chosen by AICc.

    The choice is that of a study (`kanlab.tune`), the mean and the linear models included, but without test rows. AICc is
    computed on all rows given; what a model is worth on others, `cross_val_score` says.

    Parameters
    ----------
    neuron_num, grid, k, depth : int or pair of int
        Hidden neurons a layer, grid intervals, spline order and hidden layers: a value, or the lowest and the highest.
    count : str
        Counting rule of the parameters: see `kanlab.n_params`.
    smoothing : float
        Roughness penalty, in proportion to the residual variance; 0 for none.
    starts : int, optional
        Starts per configuration, of which the best fit counts; by default the engine's own number.
    monotonic_cst : array_like of int, or dict of str to int, optional
        Which way the prediction runs with each feature: 1 up, -1 down, 0 either; as of scikit-learn's boosting. Of two classes
        the probability of the second.
    constraints : dict, optional
        Other demands on the effects by the names of the features (x0, x1, ... of an array), such as {"convex": ["dose"],
        "no_interaction": [("age", "dose")]}: the keywords of `kanlab.kan.constraints.Constraints.of`.
    categorical_features : "from_dtype", None, or array_like of int, str or bool
        Which columns of numbers are categories: those of pandas' type category, none, or these. Text always is one.
    random_state : int, RandomState or None
        Seed of the starts.
    n_jobs : int, optional
        Processes to fit in; the numbers are the same for any number.

    Attributes
    ----------
    recommendation_ : kanlab.selection.recommendation.Recommendation
        The choice with its reasons, its warnings and all candidates.
    trials_ : DataFrame
        One row a configuration.
    family_ : str
        "kan", or the family of the model taken instead, such as "linear".
    best_params_ : dict
        neuron_num, grid, k and depth of the network; empty where none is taken.
    network_ : FittedKan or None
        The network.
    n_params_, aicc_ : float or None
        K and AICc of the model.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> x = np.linspace(-2, 2, 60)[:, None]
    >>> model = KANRegressor(neuron_num=1).fit(x, np.sin(2 * x[:, 0]))
    >>> model.family_, model.score(x, np.sin(2 * x[:, 0])) > 0.99
    ('kan', True)
    """


class KANClassifier(_Classifier, _Searched):
    """A KAN of the right size for two and more classes: the configurations of a range are fitted and one is chosen by AICc.

    Parameters and attributes are those of `KANRegressor`; `classes_` holds the classes besides.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (200, 2))
    >>> ring = np.where((X**2).sum(axis=1) + 0.1 * rng.normal(size=200) < 0.5, "in", "out")
    >>> model = KANClassifier(neuron_num=(1, 2), grid=(2, 4)).fit(X, ring)
    >>> model.classes_.tolist(), model.score(X, ring) > 0.9
    (['in', 'out'], True)
    """


class SplineKANRegressor(_Regressor, _Single):
    """One KAN, for a quantity.

    Parameters
    ----------
    neuron_num, grid, k, depth : int
        Hidden neurons a layer, grid intervals, spline order and hidden layers.
    smoothing, starts, categorical_features, random_state
        As of `KANRegressor`.

    Attributes
    ----------
    network_ : FittedKan
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> x = np.linspace(-2, 2, 60)[:, None]
    >>> SplineKANRegressor(neuron_num=1, grid=8).fit(x, np.sin(2 * x[:, 0])).network_.spec.layer_widths
    (1, 1, 1)
    """


class SplineKANClassifier(_Classifier, _Single):
    """One KAN, for two and more classes.

    Parameters and attributes are those of `SplineKANRegressor`; `classes_` holds the classes besides.

    Examples
    --------
    >>> x = np.linspace(-2, 2, 60)[:, None]
    >>> model = SplineKANClassifier(neuron_num=1, grid=3).fit(x, abs(x[:, 0]) > 1)
    >>> model.predict([[0.0], [1.9]]).tolist()
    [False, True]
    """


def _demanded(constraints: Any, monotonic_cst: Any, names: list[str], data: Dataset) -> Constraints:
    """What is demanded of the effects of columns that vary. Raises StudyError where it cannot be kept."""
    asked = Constraints.read(constraints)
    ways = monotonic_cst
    if ways is not None and not isinstance(ways, Mapping):
        values = np.asarray(ways)
        if values.shape != (len(names),):
            raise ValueError(
                say(
                    "monotonic_cst has shape {shape}, and X has {count} features.",
                    shape=values.shape,
                    count=len(names),
                )
            )
        ways = dict(zip(names, values.tolist(), strict=True))
    if ways:
        if unknown := [w for w in ways.values() if w not in (-1, 0, 1)]:
            raise ValueError(
                say("monotonic_cst holds 1 (up), -1 (down) and 0 (either), not {unknown!r}.", unknown=unknown[0])
            )
        more = {side: tuple(str(n) for n, w in ways.items() if w == way) for side, way in (("up", 1), ("down", -1))}
        both = {side: (*getattr(asked, side), *columns) for side, columns in more.items()}
        demanded: dict[str, Any] = {side: tuple(dict.fromkeys(columns)) for side, columns in both.items()}
        asked = replace(asked, **demanded)
    if unknown := [name for name in asked.named() if name not in names]:
        raise ValueError(
            say(
                "There is no feature {unknown!r} to constrain; the features are {names}.",
                unknown=unknown[0],
                names=listing(names),
            )
        )
    asked = asked.only(data.recipe.sources)
    asked.check(data)
    return asked


def _range(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, (int, np.integer)) else tuple(value)  # type: ignore[return-value]


def _model_of(
    study: MemoryStudy, data: Dataset, record: CompletedTrial
) -> tuple[FittedKan, Callable[[], IntervalRecord | None]]:
    """The network of a trial, and what makes the record of its intervals."""
    below = record.below if isinstance(record, ReducedTrial) else nested_below(study, record.cell, study.records)
    task, features = network_task(study.spec, record, below), study.spec.options.inputs(data.d)
    own, part = study.networks[record.cell, below, task.columns, task.gone], data
    network = on_all_features(own, task, data.d)
    if isinstance(record, ReducedTrial):
        part = data if task.columns is None else with_columns(data, task.columns)
        features = len(record.columns)
    left_out = partial(rows_left_out, part, own, task, record.cell, below)
    return replace(network, features=data.features), partial(_interval_of, data, network, left_out, features)


def _interval_of(
    data: Dataset, network: FittedKan, left_out: Callable[[], Array | None], features: int
) -> IntervalRecord | None:
    return of_network(data, network, left_out(), features)
