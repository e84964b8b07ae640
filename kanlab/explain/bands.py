r"""Pointwise bands of what a model says: of its edges, its partial dependences, its mean predictions.

Each is a number of the coefficients, whose standard error comes from the linearised fit by the delta method
(kanlab.solver.covariance, kanlab.baselines.covariance). A band of a quantity is symmetric, on the scale of the logarithm where
that is fitted; of a probability or a count on that of the log-odds or the logarithm of every row, and it ends where the rows
contradict it (kanlab.explain.band_ends). It says where the mean lies, not where a new row will.

Of an average of models with weights w_i the standard error includes the choice among them (Buckland, Burnham & Augustin,
Biometrics 53, 1997),

    se^2 = sum_ij w_i w_j rho_ij u_i u_j,    u_i^2 = se_i^2 + (theta_i - theta)^2

with theta_i what each says and theta what the average says. All models learned from the same rows: rho_ij is the cosine
between the responses of theta_i and theta_j to them, l_i = g_i M_i^-1 J_i'L_i (kanlab.solver.smoother). With rho_ij = 1 it is
equation 4.9 of Burnham & Anderson (Model Selection and Multimodel Inference, 2002), which is too wide where models err apart.
Of one network, which was chosen as well, the standard error is wider by what the search has spent (kanlab.solver.covariance).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from kanlab.arrays import Array
from kanlab.baselines.covariance import affine_covariance, on_terms_covariance
from kanlab.baselines.protocol import Affine, OnTerms, Portable
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.explain.average import AveragedModel
from kanlab.explain.band_ends import between, ends_along, refuted
from kanlab.explain.effects import Dependence, partial_dependence, setting_of, some_rows, sources_of
from kanlab.explain.models import HeldFamily, Model
from kanlab.kan.edges import FEW, Curves, Edge
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.solver.covariance import LM, NetworkCovariance, network_covariance
from kanlab.solver.shaped_covariance import ShapedCovariance, shaped_covariance
from kanlab.solver.smoother import Root, Smoother
from kanlab.stats.likelihood import COUNTS
from kanlab.text import listing, quoted

LEVEL = 0.95
POLYNOMIAL = "polynomial"  # the family whose form is narrow and whose bands do not look it
_STEP = 1e-5  # of the outputs, by which the response to them is differentiated
_LEAST = 1e-300  # of a probability
_RANK_STEP = 1e-2  # of ranks, whose inverse is a staircase of straight lines


class Covariance(Protocol):
    """A model linearised at its training rows; the members are told in `kanlab.solver.covariance.NetworkCovariance`."""

    @property
    def edf(self) -> float: ...

    @property
    def freedom(self) -> float: ...

    @property
    def searched(self) -> float: ...

    @property
    def scale(self) -> float: ...

    @property
    def smoother(self) -> Smoother: ...

    @property
    def root(self) -> Root: ...

    def forward(self, X: ArrayLike) -> Any: ...

    def mean(self, outputs: Array) -> Array: ...

    def pulled_back(self, at: Any, values: Array) -> Array: ...

    def moved(self, at: Any, step: Array) -> Array: ...


@dataclass(frozen=True, eq=False)
class Member:
    """One model of those that predict together, its weight, and its covariance."""

    model: Model
    weight: float
    covariance: Covariance


@dataclass(frozen=True, eq=False)
class Bands:
    """The bands of a fitted model of some data; what `bands_of` returns.

    level: of confidence.
    """

    data: Dataset
    members: tuple[Member, ...]
    level: float = LEVEL

    @property
    def averaged(self) -> bool:
        """Whether several models predict together, so that the bands include how far these lie apart."""
        return len(self.members) > 1

    @property
    def quantile(self) -> float:
        """Of Student's distribution with the degrees of freedom left, the fewest of any member."""
        return float(stdtrit(min(m.covariance.freedom for m in self.members), 0.5 + self.level / 2))

    def dependence(self, feature: str, output: int = 0) -> Dependence:
        """The partial dependence on a feature with its band.

        output: of many classes, the one whose probability is looked at.
        """
        setting, X = setting_of(self.data, feature), some_rows(self.data)
        found = [self._mean(rows, np.full((1, len(rows)), 1.0 / len(rows)), output) for rows in setting.rows(X)]
        mean, _, lower, upper = np.array(found)[:, :, 0].T
        return replace(setting.dependence, prediction=mean, lower=lower, upper=upper)

    def predictions(self, X: ArrayLike, output: int = 0) -> pd.DataFrame:
        """Mean predictions of rows X (n, d), in units of the target: columns predicted, se, lower and upper."""
        rows = np.asarray(X, dtype=float)
        mean, se, lower, upper = self._mean(rows, np.eye(len(rows)), output)
        return pd.DataFrame({"predicted": mean, "se": se, "lower": lower, "upper": upper})

    def edges(self, curves: Curves) -> dict[tuple[int, int, int], tuple[Array, Array]]:
        """Lower and upper ends (POINTS,) of every edge of a network as drawn, by layer, source and target; {} of no network.

        An edge into a hidden node is scaled to the node's range, and every edge is less its mean over the training rows: the
        rest is not identified (kanlab.solver.covariance).
        """
        covariance = self.members[0].covariance
        if self.averaged or not isinstance(covariance, (NetworkCovariance, ShapedCovariance)):
            return {}
        found = {}
        for edge in curves.edges:
            half = self.quantile * covariance.searched * _edge_se(edge, covariance, curves.network)
            found[edge.layer, edge.source, edge.target] = (edge.y - half, edge.y + half)
        return found

    def _mean(self, rows: Array, weights: Array, output: int) -> tuple[Array, Array, Array, Array]:
        """Weighted means (k,) of the predictions of rows (n, d), weights (k, n), their standard errors and both ends."""

        def response(predicted: Array) -> Array:
            return self.data.recipe.to_units(predicted if predicted.ndim == 1 else predicted[:, output])

        each, errors, whitened, share = [], [], [], np.array([m.weight for m in self.members])
        outputs = [m.model.predict_flagged(rows)[0] for m in self.members]
        for member, predicted in zip(self.members, outputs, strict=True):
            covariance = member.covariance
            at = covariance.forward(rows)
            if self.data.levels:
                slopes = _slopes_of_class(covariance.mean, at.outputs, output, self._step)
            else:
                slopes = _slopes(lambda outputs: response(covariance.mean(outputs)), at.outputs, self._step)  # noqa: B023
            gradients = np.array([covariance.pulled_back(at, w * slopes) for w in weights])
            each.append(weights @ response(predicted))
            whitened.append(covariance.root.whitened(gradients))
            errors.append(np.sqrt(covariance.scale * np.sum(whitened[-1] ** 2, axis=1)))
        together = np.tensordot(share, outputs, 1)
        mean = np.asarray(weights @ response(together))
        alike = self._alike(whitened) if self.averaged else np.ones((1, 1, len(mean)))

        def unsure(of: Array) -> Array:
            if not self.averaged:
                return np.asarray(of[0] * self.members[0].covariance.searched)
            return unconditional(share, mean, np.array(each), of, alike)

        se = unsure(np.array(errors))
        if not (self.data.levels or self.data.task == COUNTS):
            return mean, se, *self._ends(mean, se)
        ends = np.array(
            [self._along(m.covariance, rows, weights, u, response) for m, u in zip(self.members, whitened, strict=True)]
        )  # (members, 2, k)
        if not self.averaged:
            return mean, se, np.minimum(ends[0, 0], mean), np.maximum(ends[0, 1], mean)
        below, above = (unsure(np.abs(ends[:, side] - each) / self.quantile) for side in (0, 1))
        lower = np.maximum(mean - self.quantile * below, ends[:, 0].min(axis=0))
        return mean, se, lower, np.minimum(mean + self.quantile * above, ends[:, 1].max(axis=0))

    def _along(
        self, covariance: Covariance, rows: Array, weights: Array, whitened: Array, response: Callable[[Array], Array]
    ) -> Array:
        """Lower and upper ends (2, k) of what one member says, by how its likelihood falls (kanlab.explain.band_ends)."""
        searched = 1.0 if self.averaged else covariance.searched
        wald = np.sqrt(covariance.scale) * self.quantile * searched
        rise = covariance.scale * searched**2 * refuted(self.level)
        found = []
        for w, u in zip(weights, whitened, strict=True):
            used = w != 0.0
            at = covariance.forward(rows[used])
            low, high = ends_along(
                covariance.smoother, covariance.mean, self.data.y_train, self.data.task, u, wald, rise
            )
            slope = float(np.linalg.norm(u))
            moved = covariance.moved(at, covariance.root.step(u / max(slope, np.finfo(float).tiny)))

            def value(s: float) -> float:
                return float(w[used] @ response(covariance.mean(at.outputs + s * moved)))  # noqa: B023

            values = between(value, low, high)
            if used.sum() > 1:  # a mean that turns back on this way would move as far on another
                straight = values[0] + slope * np.array([low, high])
                values += straight[(straight > 0.0) & (straight < (1.0 if self.data.levels else np.inf))].tolist()
            found.append((min(values), max(values)))
        return np.array(found).T

    def _alike(self, whitened: Sequence[Array]) -> Array:
        """rho (members, members, k) of numbers whose whitened derivatives (k, r) each member has; 1 where one never moves."""
        both = [
            [np.einsum("kr,rs,ks->k", a, at, b, optimize=True) for b, at in zip(whitened, of, strict=True)]
            for a, of in zip(whitened, self._shared, strict=True)
        ]
        found = np.array(both)
        size = np.sqrt(np.einsum("iik->ik", found))
        moved = size[:, None] * size[None]
        return np.divide(found, moved, out=np.ones_like(found), where=moved > 0.0)

    @cached_property
    def _shared(self) -> list[list[Array]]:
        """sum_n B_i'L_i L_j'B_j (r_i, r_j) of every two members, by which their responses to the rows are multiplied."""
        smoothers = [m.covariance.smoother for m in self.members]
        felt = [np.einsum("nmr,nmq->nqr", s.B, s.L).reshape(-1, s.B.shape[2]) for s in smoothers]
        return [[a.T @ b for b in felt] for a in felt]

    def _ends(self, mean: Array, se: Array) -> tuple[Array, Array]:
        half, scale = self.quantile * se, self.data.target_transform
        if scale.scale == "log":
            above = np.maximum(mean + scale.shift, np.finfo(float).tiny)
            factor = np.exp(np.minimum(half / above, 700.0))
            return above / factor - scale.shift, above * factor - scale.shift
        return mean - half, mean + half

    @property
    def _step(self) -> float:
        return _RANK_STEP if self.data.target_transform.scale == "rank" else _STEP


def unconditional(weights: Array, mean: Array, each: Array, errors: Array, alike: Array) -> Array:
    """Standard errors (k,) that include the choice among models.

    weights (models,), adding up to 1.  mean (k,) what they say together.  each, errors (models, k): what each of them says,
    and its standard error had there been no choice.  alike (models, models, k): correlations of their errors.

    >>> weights, each, errors = np.array([0.5, 0.5]), np.array([[0.0], [2.0]]), np.array([[0.0], [np.sqrt(3.0)]])
    >>> unconditional(weights, np.array([1.0]), each, errors, np.ones((2, 2, 1)))
    array([1.5])
    """
    parts = weights[:, None] * np.sqrt(errors**2 + (each - mean) ** 2)
    return np.sqrt(np.maximum(np.einsum("ik,ijk,jk->k", parts, alike, parts), 0.0))


def bands_of(model: Model, data: Dataset, level: float = LEVEL) -> Bands | None:
    """The bands of a fitted model; None where it has none: `no_bands` says why.

    Raises StudyError for a level that is no share.
    """
    if not 0.0 < level < 1.0:
        raise StudyError(
            say("The level of a band lies between 0 and 1, such as 0.95; it cannot be {level:g}.", level=level)
        )
    parts = zip(model.members, model.weights, strict=True) if isinstance(model, AveragedModel) else [(model, 1.0)]
    members = []
    for part, weight in parts:
        covariance = _covariance(part, data)
        if covariance is None:
            return None
        members.append(Member(part, float(weight), covariance))
    return Bands(data, tuple(members), level)


def no_bands(model: Model) -> str:
    """Why a model has no bands, in a sentence."""
    for part in model.members if isinstance(model, AveragedModel) else [model]:
        if isinstance(part, HeldFamily) and not (isinstance(part.fitted.predict, Affine) or _on_terms(part)):
            return say(
                "There is no band: boosted trees and the MLP are no minimum of a penalised fit and "
                "give no standard errors."
            )
        if isinstance(part, FittedKan) and part.engine != LM:
            return say(
                "There is no band: stock pykan stops after a number of steps, short of a minimum, "
                "and standard errors are those of a minimum; the engine lm has them."
            )
    return say("There is no band: the table is too large for it, or its rows leave no degree of freedom for the noise.")


def what_bands_are_of(model: Model) -> str:
    """Of which truth the bands of a model are, where its form is narrow, in a sentence; "" of the others."""
    if isinstance(model, HeldFamily) and model.family == POLYNOMIAL:
        return say(
            "It is the band of the best polynomial of this degree: where the truth has another form, as most have, the "
            "truth lies outside more often than 5%."
        )
    if isinstance(model, HeldFamily) and isinstance(model.fitted.predict, Affine):
        return say("It is the band of the best linear model, wherever the truth is.")
    return ""


def _on_terms(model: HeldFamily) -> OnTerms | None:
    predict = model.fitted.predict
    return predict.on_terms if isinstance(predict, Portable) else None


def _covariance(model: Model, data: Dataset) -> Covariance | None:
    y = data.fit_target(data.y_train)
    if isinstance(model, FittedKan):
        covariance = shaped_covariance if model.shape else network_covariance
        return covariance(model, data.X_train, y, data.w_train)
    if isinstance(model, HeldFamily) and isinstance(model.fitted.predict, Affine):
        return affine_covariance(model.fitted.predict, data.X_train, y, model.fitted.dof, data.w_train)
    if isinstance(model, HeldFamily) and (on_terms := _on_terms(model)):
        return on_terms_covariance(on_terms, data.X_train, y, model.fitted.dof, data.w_train)
    return None


def _slopes(response: Callable[[Array], Array], outputs: Array, step: float) -> Array:
    """Derivatives (m, n) of a response (n,) by outputs (m, n), row by row."""
    found = np.empty_like(outputs)
    for o in range(len(outputs)):
        moved = np.zeros((len(outputs), 1))
        moved[o] = step
        found[o] = (response(outputs + moved) - response(outputs - moved)) / (2.0 * step)
    return found


def _slopes_of_class(mean: Callable[[Array], Array], outputs: Array, of: int, step: float) -> Array:
    """As `_slopes`, of the probability of a class, to the last digit however near it is to 0 or 1."""

    def each(outputs: Array) -> Array:
        predicted = mean(outputs)
        return np.column_stack([mean(-outputs), predicted]) if predicted.ndim == 1 else predicted

    p, of = each(outputs), of if mean(outputs).ndim == 2 else 1
    logs = [_slopes(lambda at: np.log(np.maximum(each(at)[:, c], _LEAST)), outputs, step) for c in range(p.shape[1])]  # noqa: B023
    moved = np.array(logs) * p.T[:, None]  # (classes, m, n)
    return np.where(p[:, of] < 0.5, moved[of], -(moved.sum(axis=0) - moved[of]))


def _edge_se(edge: Edge, covariance: NetworkCovariance | ShapedCovariance, network: FittedKan) -> Array:
    """Standard errors (POINTS,) of an edge, in the units it is drawn in."""
    first, last = edge.layer == 0, edge.layer == covariance.depth
    if first and edge.source not in covariance.columns:
        return np.zeros(len(edge.x))
    source = covariance.columns.index(edge.source) if first else edge.source
    offset, scale = (network.x_offset[edge.source], network.x_scale[edge.source]) if first else (0.0, 1.0)
    z, rows = (edge.x - offset) / scale, (edge.rows - offset) / scale
    taken = np.unique(rows)
    if len(taken) <= FEW:  # the curve is a line through them
        gradients = covariance.edge(edge.layer, source, edge.target, taken, rows)
        gradients = np.array([np.interp(z, taken, g) for g in gradients.T]).T
    else:
        gradients = covariance.edge(edge.layer, source, edge.target, z, rows)
    return np.asarray(covariance.sd(gradients) * (network.y_scale[edge.target] if last else 1.0))


def effects_of(
    model: Model, data: Dataset, features: Sequence[str] | None = None, level: float = LEVEL
) -> pd.DataFrame:
    """Partial dependences as one table: feature, value, effect, lower and upper, the last two missing where there is no band.

    Of many classes it is the probability of the last one. Raises StudyError for a feature that is none, and as `bands_of`.
    """
    known, bands, last = list(sources_of(data.recipe)), bands_of(model, data, level), max(len(data.levels) - 1, 0)
    wanted = known if features is None else list(features)
    if missing := [f for f in wanted if f not in known]:
        raise StudyError(
            say(
                "There is no feature {missing}; the features are {known}.",
                missing=quoted(missing[0]),
                known=listing(known),
            )
        )

    def predict(X: Array) -> Array:
        predicted = model.predict_flagged(X)[0]
        return predicted if predicted.ndim == 1 else predicted[:, last]

    frames = []
    for feature in wanted:
        found = partial_dependence(predict, data, feature) if bands is None else bands.dependence(feature, last)
        unknown = np.full(len(found.values), np.nan)
        columns = {
            "feature": feature,
            "value": pd.Series(list(found.values), dtype=object),
            "effect": found.prediction,
            "lower": unknown if found.lower is None else found.lower,
            "upper": unknown if found.upper is None else found.upper,
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
