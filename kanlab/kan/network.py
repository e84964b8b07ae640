r"""The network: what it is, what it predicts, how it changes with its coefficients, and the result of a fit.

Layer l maps n_in values to n_out by one univariate function an edge (Liu et al., 2024, equation 2.10, with pykan's
`scale_sp` absorbed into the coefficients):

    z'_j = sum_i phi_ij(z_i),    phi_ij(z) = scale_base_ij silu(z) + sum_b coef_ijb B_ib(z)

A fitted network works on scaled numbers, (x - x_offset) / x_scale in and y_offset + y_scale z out (of classes, that is
the log-odds of one of them, and the prediction its probability). The inputs of every layer have the range they had on the
training rows and a little beyond, where its knots end: further out a B-spline is 0 and an edge says nothing. There an edge
goes on as a straight line with the slope of its last stretch, as a natural spline does, for at most `reach` of the range, and
is then flat. The outputs are held to a range, more loosely: nodes that are large and cancel do so only where there were rows.
Rows where that changed anything are flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kanlab.arrays import Array, Mask
from kanlab.errors import FitError
from kanlab.kan.bspline import SQUARE_K, bspline_basis, silu
from kanlab.kan.layers import STRETCH, KanLayer, continuation, held
from kanlab.kan.picture import picture
from kanlab.kan.shapes import Shape, n_params_shaped
from kanlab.language import marked, say
from kanlab.stats.interval_bounds import class_sets, interval_bounds
from kanlab.stats.likelihood import COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION, TaskName
from kanlab.text import listing

if TYPE_CHECKING:
    from kanlab.kan.pykan_network import KANWrapper


CURVE_POINTS = 41  # of an edge in a notebook
BLOCK_ROWS = 16384  # rows evaluated at once: bounds the memory of the splines
MOST_VALUES = 2**22  # of splines at once (32 MB), where they are many a row
EXACT_STRETCH = 1e-6  # where the slope must be that of the end, which only convex and concave effects ask for
CONVEX_REACH = 1000.0  # of a range: so far a convex or concave effect goes on straight


@dataclass(frozen=True)
class KanSpec:
    """Structure of a KAN.

    Parameters
    ----------
    layer_widths : sequence of int
        Nodes of each layer, inputs and outputs included.
    grid, k : int
        Grid intervals and spline order (the degree: 3 is cubic) of every edge.
    multiplication : int
        How many pairs of nodes of the only hidden layer, its first, are a multiplication node each
        (kanlab.kan.multiplication).

    Raises
    ------
    FitError
        Where there is no such network.

    Examples
    --------
    >>> KanSpec((2, 5, 1), grid=4, k=3)
    KanSpec(layer_widths=(2, 5, 1), grid=4, k=3)
    >>> KanSpec((2, 1), grid=4, k=0)
    Traceback (most recent call last):
        ...
    kanlab.errors.FitError: k is the order of the splines and must be at least 1, not 0.
    """

    layer_widths: tuple[int, ...]
    grid: int
    k: int
    multiplication: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        # frozen, and hashed as a key: a list or NumPy's integers would do neither
        object.__setattr__(self, "layer_widths", tuple(int(w) for w in self.layer_widths))
        if len(self.layer_widths) < 2 or min(self.layer_widths) < 1:
            raise FitError(
                say(
                    "A network needs at least two layers of at least one node, not {layer_widths}.",
                    layer_widths=self.layer_widths,
                )
            )
        if self.grid < 1:
            raise FitError(say("grid is a number of intervals and must be at least 1, not {grid}.", grid=self.grid))
        if self.k < 1:
            raise FitError(say("k is the order of the splines and must be at least 1, not {k}.", k=self.k))
        if not self.multiplication:
            return
        nodes = self.layer_widths[1] if len(self.layer_widths) == 3 else 0
        if not 0 < 2 * self.multiplication <= nodes or self.k < SQUARE_K:
            raise FitError(
                say(
                    "Multiplication nodes need one hidden layer that has room for them, and splines of order {least} or more.",
                    least=SQUARE_K,
                )
            )

    @property
    def neuron_num(self) -> int:
        """Nodes of a hidden layer, a multiplication node counted once; 0 where there is none."""
        return self.layer_widths[1] - self.multiplication if len(self.layer_widths) > 2 else 0


class FitStatus(Enum):
    """How a fit ended.

    >>> FitStatus("stalled").advice
    'No step lowered the objective, so this is as far as rounding allows; the fit can be used.'
    """

    CONVERGED = marked("converged")
    STALLED = marked("stalled")
    ITERATION_LIMIT = marked("iteration limit")
    TIME_LIMIT = marked("time limit")
    DIVERGED = marked("diverged")

    @property
    def advice(self) -> str:
        """One sentence: what it means and what to do."""
        return say(_ADVICE[self])


_ADVICE = {
    FitStatus.CONVERGED: marked("The fit settled: a further iteration would change it by less than the tolerance."),
    FitStatus.STALLED: marked(
        "No step lowered the objective, so this is as far as rounding allows; the fit can be used."
    ),
    FitStatus.ITERATION_LIMIT: marked("The fit was still improving at its last iteration; allow more if it matters."),
    FitStatus.TIME_LIMIT: marked(
        "The fit was stopped by its time limit and may be worse than it could be; allow more seconds."
    ),
    FitStatus.DIVERGED: marked(
        "No finite fit was found; look for extreme values in the data or try a smaller network."
    ),
}


@dataclass(frozen=True, eq=False)
class FittedKan:
    """A fitted network with its scaling and the record of its fit; what `kanlab.fit` returns.

    Attributes
    ----------
    spec : KanSpec
    layers : tuple of KanLayer
    ranges : tuple of ndarray of shape (n_in, 2)
        For every layer the range of its inputs, scaled, beyond which its edges go on straight: that of the training rows and
        on either side 2% of it more (5% for hidden nodes).
    output_range : ndarray of shape (m, 2)
        The range its outputs are held to, scaled: that of its own outputs on the training rows and on either side half as
        much again; infinite where nothing is held.
    x_offset, x_scale : ndarray of shape (d,)
        In units of the data.
    y_offset, y_scale : ndarray of shape (m,)
        In units of the data.
    rss_train : float
        Residual sum of squares on the training rows, in squared units of y, summed over targets.
    rss_by_target : ndarray of shape (m,)
    n_train : int
        Training rows.
    status : FitStatus
        How the fit ended; `status.advice` says what that means and what to do.
    loss_curve : ndarray of shape (iterations + 1,)
        RSS after each iteration of the start that won.
    iterations, starts : int
        Of the start that won, and how many were made.
    seconds : float
    rank : int or None
        Independent functions the first layer has on the training rows (an edge's constants counted once).
    engine : str
    task : str
        "regression", "classification" of 0 and 1, "multiclass" of three and more classes, whose log-odds against the first
        are the outputs, or "counts", the logarithm of whose mean is the output, y_offset and y_scale being of that. Of classes
        and counts loss_curve runs over the deviance; of classes rss_train is the sum of squared differences to the
        probabilities.
    deviance_train : float or None
        -2 log L of the training rows, for classes; the deviance of counts.
    penalty : float or None
        The weight of the roughness penalty where the fit ended, kept where there are multiplication nodes.
    edf : float or None
        Effective degrees of freedom on the training rows (kanlab.solver.effective_dof), where they were computed.
    features : tuple of str
        Names of the inputs; () where they have none. Of a data frame `predict` takes its columns by name.
    reach : float
        How far beyond its range an edge goes on straight, as a share of it; flat from there on.
    interval : mapping or None
        What its intervals are made of (kanlab.stats.interval_bounds), where it was fitted with `interval=True`.
    stretch : float
        The last part of its range, as a share of it, whose slope it goes on with.
    shape : Shape
        What was demanded of the effects of its inputs; nothing by default.

    Examples
    --------
    >>> from kanlab.solver.fit import fit_cell
    >>> x = np.linspace(-2, 2, 40)[:, None]
    >>> network = fit_cell(x, x[:, 0] ** 2, neuron_num=1, grid=3, k=3)
    >>> network.spec.layer_widths, network.n_params
    ((1, 1, 1), 14)
    >>> network.predict(x[:3]).shape
    (3,)
    >>> predictions, outside = network.predict_flagged([[0.0], [9.0]])
    >>> outside.tolist()
    [False, True]
    """

    spec: KanSpec
    layers: tuple[KanLayer, ...]
    ranges: tuple[Array, ...]
    output_range: Array
    x_offset: Array
    x_scale: Array
    y_offset: Array
    y_scale: Array
    rss_train: float
    rss_by_target: Array
    n_train: int
    status: FitStatus
    loss_curve: Array = field(default_factory=lambda: np.zeros(0))
    iterations: int = 0
    starts: int = 1
    seconds: float = 0.0
    rank: int | None = None
    engine: str = "lm"
    task: TaskName = REGRESSION
    deviance_train: float | None = None
    features: tuple[str, ...] = ()
    edf: float | None = None
    penalty: float | None = None
    reach: float = 0.0
    interval: Mapping[str, Any] | None = field(default=None, repr=False)
    stretch: float = STRETCH
    shape: Shape = Shape()

    def __post_init__(self) -> None:
        widths = self.spec.layer_widths
        for layer, bounds, n_in, n_out in zip(self.layers, self.ranges, widths[:-1], widths[1:], strict=True):
            size = self.spec.grid + self.spec.k
            expected = (n_in, size + self.spec.k + 1), (n_in, n_out, size), (n_in, n_out), (n_in, 2)
            if (layer.knots.shape, layer.coef.shape, layer.scale_base.shape, bounds.shape) != expected:
                raise FitError(say("The arrays of a layer do not fit the structure {spec}.", spec=self.spec))
        if self.output_range.shape != (widths[-1], 2):
            raise FitError(say("The range of the outputs does not fit the structure {spec}.", spec=self.spec))

    @property
    def n_params(self) -> int:
        """Identifiable parameters of the structure, the noise variance not counted."""
        from kanlab.kan.parameter_count import n_params

        if self.shape:
            d, width, grid, k = self.spec.layer_widths[0], self.spec.layer_widths[1], self.spec.grid, self.spec.k
            depth, outputs = len(self.layers) - 1, self.spec.layer_widths[-1]
            neuron_num = width - self.shape.lines(outputs)
            return n_params_shaped(self.shape, d, neuron_num, grid, k, depth, "identifiable", outputs=outputs)
        spec = self.spec
        return n_params(spec.layer_widths, spec.grid, spec.k, rule="identifiable", multiplication=spec.multiplication)

    def predict(self, X: ArrayLike) -> Array:
        """Predictions at new rows; outside the range of the training rows see `reach`.

        Parameters
        ----------
        X : array_like of shape (n, d), or data frame
            In units of the data. Of a data frame the columns are taken by name, in whatever order they stand.

        Returns
        -------
        ndarray of shape (n,), or (n, m) for m > 1 targets
            In units of y; of counts their means; of two classes probabilities of 1; of more (n, m + 1), the probability of
            every class.

        Raises
        ------
        FitError
            Where X has another width, lacks a column, or holds missing or infinite values.
        """
        return self.predict_flagged(X)[0]

    def predict_interval(self, X: ArrayLike, level: float = 0.9) -> Array:
        """Intervals of predictions, of a network that `kanlab.fit` has fitted with `interval=True`.

        Parameters
        ----------
        X : array_like of shape (n, d), or data frame
            As of `predict`.
        level : float
            The share of rows like those of the training that they should hold, above 0 and below 1.

        Returns
        -------
        ndarray of shape (n, 2)
            Lower and upper bounds, on the scale of the predictions; of classes (n, classes), 1 for those in its set.

        Raises
        ------
        FitError
            Where the network was fitted without, or the level is no share.
        """
        if self.interval is None:
            raise FitError(say("The network was fitted without what intervals are made of; fit it with interval=True."))
        if not 0.0 < level < 1.0:
            raise FitError(
                say("The level of intervals is a share above 0 and below 1, such as 0.9, not {level}.", level=level)
            )
        rows = self._checked(X)
        predicted = self.predict(rows)
        if self.task in (REGRESSION, COUNTS):
            return np.column_stack(interval_bounds(self.interval, predicted, rows, level))
        return class_sets(self.interval, predicted, level).astype(float)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities of all classes, as scikit-learn has them.

        Parameters
        ----------
        X : array_like of shape (n, d)

        Returns
        -------
        ndarray of shape (n, classes)
            Each row adds up to 1.

        Raises
        ------
        FitError
            Where the network predicts a quantity.
        """
        if self.task in (REGRESSION, COUNTS):
            raise FitError(say("The network predicts a quantity, which has no probabilities; use predict."))
        p = self.predict(X)
        return p if p.ndim == 2 else np.column_stack([1.0 - p, p])

    def predict_flagged(self, X: ArrayLike) -> tuple[Array, Mask]:
        """Predictions as `predict` gives them, and where they extrapolate.

        Parameters
        ----------
        X : array_like of shape (n, d)

        Returns
        -------
        predictions : ndarray
        outside : ndarray of bool, shape (n,)
            True where an input, a hidden node or an output left its range on the training rows.
        """
        rows = self._checked(X)
        width = len(self.y_scale) + (self.task == MULTICLASS)
        Y, outside = np.empty((len(rows), width)), np.zeros(len(rows), dtype=bool)
        widest = max(layer.knots.size for layer in self.layers)  # splines take grid + k numbers a value
        for block in row_blocks(len(rows), max(1, min(BLOCK_ROWS, MOST_VALUES // widest))):
            z = ((rows[block] - self.x_offset) / self.x_scale).T
            for layer, bounds in zip(self.layers, self.ranges, strict=True):
                edge, moved = held(z, bounds)
                outside[block] |= moved
                out = layer.evaluate(edge)
                if moved.any():
                    out[:, moved] += continuation(
                        z[:, moved], bounds, self.reach, layer.knots, layer.coef, layer.scale_base, self.stretch
                    )
                z = out
            z, moved = held(z, self.output_range)
            outside[block] |= moved
            Y[block] = LIKELIHOODS[self.task].mean(z.T * self.y_scale + self.y_offset)
        return (Y[:, 0] if Y.shape[1] == 1 else Y), outside

    def _checked(self, X: ArrayLike) -> Array:
        rows, d = np.asarray(self._by_name(X), dtype=float), self.spec.layer_widths[0]
        if rows.ndim != 2 or rows.shape[1] != d:
            raise FitError(
                say(
                    "The network takes rows of {d} inputs, so X must have shape (n, {d}), not {shape}.",
                    d=d,
                    shape=rows.shape,
                )
            )
        if not np.isfinite(rows).all():
            raise FitError(say("X holds missing or infinite values; fill or drop those rows before predicting."))
        return rows

    def _by_name(self, X: Any) -> Any:
        """The columns of a data frame in the order of the inputs; anything else as it is."""
        if not self.features or not hasattr(X, "columns"):
            return X
        from kanlab.data.encoders import is_numeric
        from kanlab.data.frames import as_frame  # with pandas, which a worker does without

        frame = as_frame(X)
        if absent := [name for name in self.features if name not in frame.columns]:
            raise FitError(
                say(
                    "X has no column {absent}; the network takes {features}. Rows of the table become "
                    "its inputs by `encode` of the data set.",
                    absent=listing(absent, 4),
                    features=listing(self.features, 4),
                )
            )
        if not frame.columns.is_unique:
            raise FitError(
                say(
                    "X names a column twice: {unique}.",
                    unique=listing(frame.columns[frame.columns.duplicated()].unique(), 4),
                )
            )
        frame = frame[list(self.features)]
        if words := [c for c in frame.columns if not is_numeric(frame[c])]:
            raise FitError(
                say(
                    "The column {words} of X holds no numbers; `encode` of the data set makes them.",
                    words=listing(words, 4),
                )
            )
        return frame.to_numpy(dtype=float, na_value=np.nan)

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and every edge as a curve."""
        curves = []
        for layer, (low, high) in zip(self.layers, ((b[:, :1], b[:, 1:]) for b in self.ranges), strict=True):
            z = low + (high - low) * np.linspace(0.0, 1.0, CURVE_POINTS)
            splines = np.einsum("ijb,ibn->ijn", layer.coef, bspline_basis(z, layer.knots, layer.k))
            curves.append(splines + layer.scale_base[:, :, None] * silu(z)[:, None, :])
        names = self.features or tuple(f"x{i + 1}" for i in range(self.spec.layer_widths[0]))
        return picture(curves, names, f"{self}: {self.status.advice}")

    def __str__(self) -> str:
        fit = f"RSS {self.rss_train:.5g}" if self.deviance_train is None else f"deviance {self.deviance_train:.5g}"
        widths, products = ", ".join(map(str, self.spec.layer_widths)), self.spec.multiplication
        if products:  # as pykan writes it: sums, and nodes that multiply
            d, h, m = self.spec.layer_widths
            widths = f"{d}, [{h - 2 * products}, {products}], {m}"
        return say(
            "KAN [{widths}], grid {grid}, k {k}, {fit} on {n_train:,} training rows",
            widths=widths,
            grid=self.spec.grid,
            k=self.spec.k,
            fit=fit,
            n_train=self.n_train,
        )

    def to_pykan(self) -> KANWrapper:
        """The same network as a float64 pykan KAN; loads pykan and torch.

        Returns
        -------
        KANWrapper
            A `kan.KAN` that can be plotted, pruned and made symbolic.
        """
        from kanlab.kan.pykan_network import KANWrapper

        return KANWrapper.from_fitted(self)

    @classmethod
    def from_pykan(cls, wrapper: KANWrapper) -> FittedKan:
        """The network of a pykan KAN.

        Raises
        ------
        FitError
            Where it has symbolic edges, product nodes or affine node parameters, which this class cannot express.
        """
        return wrapper.to_fitted()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as named arrays, for `numpy.savez`; none needs pickle. `from_arrays` is the inverse."""
        out: dict[str, NDArray[Any]] = {
            "layer_widths": np.array(self.spec.layer_widths),
            "grid": np.array(self.spec.grid),
            "k": np.array(self.spec.k),
            "status": np.array(self.status.value),
            "rank": np.array(-1 if self.rank is None else self.rank),
            "features": np.array(self.features, dtype=str),
            "deviance_train": np.array(np.nan if self.deviance_train is None else self.deviance_train),
            "edf": np.array(np.nan if self.edf is None else self.edf),
        }
        if self.shape:
            out |= {"stretch": np.array(self.stretch), "shape": np.array(self.shape.to_json())}
        if self.spec.multiplication:
            out |= {"multiplication": np.array(self.spec.multiplication)}
        if self.penalty is not None:
            out |= {"penalty": np.array(self.penalty)}
        out |= {name: np.array(getattr(self, name)) for name in _PLAIN_FIELDS}
        for i, (layer, bounds) in enumerate(zip(self.layers, self.ranges, strict=True)):
            out |= {f"knots_{i}": layer.knots, f"coef_{i}": layer.coef, f"scale_base_{i}": layer.scale_base}
            out[f"range_{i}"] = bounds
        return out

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> FittedKan:
        """The inverse of `arrays`; takes what `numpy.load` gives."""
        widths = tuple(int(w) for w in arrays["layer_widths"])
        plain: dict[str, Any] = {
            name: (arrays[name] if np.ndim(arrays[name]) else arrays[name].item()) for name in _PLAIN_FIELDS
        }
        rank, deviance = int(arrays["rank"]), float(arrays["deviance_train"])
        edf = float(arrays.get("edf", np.nan))
        return cls(
            spec=KanSpec(widths, int(arrays["grid"]), int(arrays["k"]), int(arrays.get("multiplication", 0))),
            layers=tuple(
                KanLayer(arrays[f"knots_{i}"], arrays[f"coef_{i}"], arrays[f"scale_base_{i}"])
                for i in range(len(widths) - 1)
            ),
            ranges=tuple(arrays[f"range_{i}"] for i in range(len(widths) - 1)),
            status=FitStatus(str(arrays["status"])),
            rank=None if rank < 0 else rank,
            deviance_train=None if np.isnan(deviance) else deviance,
            edf=None if np.isnan(edf) else edf,
            penalty=float(arrays["penalty"]) if "penalty" in arrays else None,
            features=tuple(map(str, arrays.get("features", ()))),
            stretch=float(arrays.get("stretch", STRETCH)),
            shape=Shape.from_json(str(arrays["shape"])) if "shape" in arrays else Shape(),
            **plain,
        )


_PLAIN_FIELDS = (
    "output_range", "x_offset", "x_scale", "y_offset", "y_scale", "rss_train", "rss_by_target", "n_train",
    "loss_curve", "iterations", "starts", "seconds", "engine", "task", "reach",
)  # fmt: skip


def row_blocks(n: int, size: int) -> Iterator[slice]:
    """Slices that cut n rows into blocks of at most `size`."""
    return (slice(i, min(i + size, n)) for i in range(0, n, size))
