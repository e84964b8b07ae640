r"""Shapley values of a prediction: what each feature contributes to its difference to the mean prediction.

Notation
    x           the row that is explained; b = 1 .. B rows of the background, from the training rows
    v(S)        the mean over b of f at rows with the features in S of x and the others of b; v(all) = f(x), and v(none) is the
                mean prediction of the background ("interventional", Lundberg & Lee 2017; Janzing et al. 2020)
    phi_i       contribution of feature i: the mean of v(S + i) - v(S) over the orders in which features may be added (Shapley
                1953); sum_i phi_i = f(x) - mean, whatever f is

Three ways to them:

    additive    f = offset + sum_i t_i(x_i): phi_i = t_i(x_i) - mean_b t_i(b)
    exact       all 2^M sets of the M features that play: phi_i = sum_S |S|! (M - |S| - 1)! / M! [v(S + i) - v(S)]
    sampled     R pairs of an order and its reverse for each row of the background (antithetic; Mitchell et al. 2022): along an
                order the steps from f(b) to f(x) add up exactly, so the sum holds whatever R is. The standard error is that of
                the mean over pairs, the background given.

NumPy alone, as a bundle's predict.py has it written into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kanlab.arrays import Array, Index
from kanlab.data.transforms import to_units
from kanlab.data.unknown_levels import UnknownLevel, combinations
from kanlab.data.writing import free_name
from kanlab.explain.terms import SumOfTerms

MOST_WORK = 500_000  # curves a row is allowed: some 15 ms
LEAST_ROWS, MOST_ROWS = 64, 256  # of the background
MOST_EXACT = 12  # features whose 2^M sets are all looked at
ROWS_AT_ONCE = 4096  # whose intermediate values stay in the processor's cache
LEAST_CHANCE = 1e-12  # probabilities are held this far from 0 and 1
LEAST_PAIRS, MOST_PAIRS = 2, 16  # of orders, a row of the background


class Plan(NamedTuple):
    """How the values are found: by all sets (pairs = 0), or by so many pairs of orders a row of the background."""

    rows: int
    pairs: int = 0
    seed: int = 0

    @property
    def is_exact(self) -> bool:
        return self.pairs == 0


def plan_for(features: int, cost: float, rows: int | None = None, seed: int = 0) -> Plan:
    """All sets where MOST_WORK allows that for a background of at least LEAST_ROWS, else pairs of orders.

    features: that play.  cost: of a row, as of SumOfTerms.  rows: of the background, by default what the work allows.

    >>> plan_for(4, 3.0), plan_for(30, 3.0).is_exact
    (Plan(rows=256, pairs=0, seed=0), False)
    """
    sets = 2.0 ** min(features, 60) * cost
    if features <= MOST_EXACT and (rows or LEAST_ROWS) * sets <= MOST_WORK * (1 if rows is None else 16):
        return Plan(rows or int(np.clip(MOST_WORK // sets, LEAST_ROWS, MOST_ROWS)), seed=seed)
    steps = 2.0 * (features - 1) * cost
    chosen = rows or int(np.clip(MOST_WORK // (steps * 2 * LEAST_PAIRS), LEAST_ROWS, MOST_ROWS))
    return Plan(chosen, int(np.clip(MOST_WORK // (steps * chosen), LEAST_PAIRS, MOST_PAIRS)), seed)


Variants = Sequence[tuple[float, Array]]  # of a row: weights, which add up to 1, and inputs (d,)


class Explainer:
    """Contributions of features to the predictions of a model, by one background.

    Parameters
    ----------
    model : SumOfTerms
    groups : sequence of indices
        The inputs of each of the M features.
    scale : function
        Predictions to the scale they are explained on, (n,) or (n, outputs).
    plan : Plan
    background : ndarray of shape (B, d)
        Rows of training.
    """

    def __init__(
        self,
        model: SumOfTerms,
        groups: Sequence[Index],
        scale: Callable[[Array], Array],
        plan: Plan,
        background: Array,
    ) -> None:
        self._model, self._groups, self._scale, self.plan = model, groups, scale, plan
        self._players = players(model, groups)
        terms = self._terms(background)  # (B, M, H)
        self._at_rest = self._values([(1.0, terms.sum(axis=1))])  # (B, outputs)
        self.mean = self._at_rest.mean(axis=0)
        if plan.is_exact:
            sets = np.arange(2 ** len(self._players))
            self._masks = (sets[:, None] >> np.arange(len(self._players)) & 1).astype(float)
            self._left = np.einsum("sm,bmh->sbh", 1.0 - self._masks, terms)
            self._weights = _set_weights(self._masks)
        else:
            self._ranks = _orders(len(background), plan, len(self._players))
            step = np.arange(1, len(self._players))[:, None]
            self._masks = (self._ranks[:, :, None, :] < step).astype(float)  # (B, 2R, M - 1, M)
            self._left = np.einsum("brsm,bmh->brsh", 1.0 - self._masks, terms)

    def explain(self, variants: Variants) -> tuple[Array, Array, Array]:
        """Contributions (M, outputs), their standard errors, 0 where they are exact, and the prediction (outputs,), on the
        scale of the explanation.
        """
        terms = [(weight, self._terms(x[None])[0]) for weight, x in variants]
        whole = self._values([(weight, t.sum(axis=0)[None]) for weight, t in terms])[0]
        added = [(weight, self._masks @ t) for weight, t in terms]
        if self.plan.is_exact:
            found = self._values([(weight, (t[:, None] + self._left).reshape(-1, t.shape[-1])) for weight, t in added])
            phi = self._weights @ found.reshape(*self._left.shape[:2], -1).mean(axis=1)
            errors = np.zeros_like(phi)
        else:
            found = self._values([(weight, (t + self._left).reshape(-1, t.shape[-1])) for weight, t in added])
            phi, errors = self._along_orders(found.reshape(*self._left.shape[:3], -1), whole)
        every = np.zeros((2, len(self._groups), len(whole)))
        every[0, self._players], every[1, self._players] = phi, errors
        return every[0], every[1], whole

    def _along_orders(self, between: Array, whole: Array) -> tuple[Array, Array]:
        """Means and standard errors (M, outputs) from the values (B, 2R, M - 1, outputs) on the way from the background."""
        ends = (*between.shape[:2], 1, between.shape[3])
        begin = np.broadcast_to(self._at_rest[:, None, None], ends)
        steps = np.diff(np.concatenate([begin, between, np.broadcast_to(whole, ends)], axis=2), axis=2)
        by_feature = np.take_along_axis(steps, self._ranks[..., None], axis=2)
        pairs = by_feature.reshape(len(steps), -1, 2, *by_feature.shape[2:]).mean(axis=2)  # (B, R, M, outputs)
        variance = pairs.var(axis=1, ddof=1) / pairs.shape[1]
        return pairs.mean(axis=(0, 1)), np.sqrt(variance.sum(axis=0)) / len(steps)

    def _terms(self, X: Array) -> Array:
        """Of the features that play, (n, M, H)."""
        terms = self._model.terms(X)
        summed = [terms[:, self._groups[g]].sum(axis=1) for g in self._players]
        return np.stack(summed, axis=1) if summed else np.zeros((len(X), 0, terms.shape[2]))

    def _values(self, variants: Sequence[tuple[float, Array]]) -> Array:
        """Sums (n, H) on the scale of the explanation, (n, outputs); of several variants the predictions are averaged."""
        rows = len(variants[0][1])
        found = []
        for begin in range(0, rows, ROWS_AT_ONCE):
            block = slice(begin, begin + ROWS_AT_ONCE)
            mean = sum(weight * self._model.predict(sums[block]) for weight, sums in variants)
            found.append(by_outputs(self._scale(np.asarray(mean))))
        return np.concatenate(found)


class AdditiveExplainer:
    """The same of a model whose outputs, before its link, are what is explained, and sums of terms.

    mean_terms: (d, outputs), the means of the terms over the training rows.
    """

    def __init__(self, model: SumOfTerms, groups: Sequence[Index], mean_terms: Array) -> None:
        self._model, self._groups, self._mean_terms = model, groups, mean_terms
        self.mean = by_outputs(model.rest(mean_terms.sum(axis=0)[None]))[0]
        self.plan = Plan(0)

    def explain(self, variants: Variants) -> tuple[Array, Array, Array]:
        """As of `Explainer`; of variants the mean of their terms."""
        terms = np.sum([weight * self._model.terms(x[None])[0] for weight, x in variants], axis=0)
        apart = terms - self._mean_terms
        phi = np.array([apart[columns].sum(axis=0) for columns in self._groups])
        return phi, np.zeros_like(phi), by_outputs(self._model.rest(terms.sum(axis=0)[None]))[0]


def players(model: SumOfTerms, groups: Sequence[Index]) -> list[int]:
    """The features that have any term at all; the others contribute 0."""
    return [number for number, columns in enumerate(groups) if model.active[columns].any()]


def by_outputs(values: Array) -> Array:
    """Values (n,) or (n, outputs) as (n, outputs)."""
    return values.reshape(len(values), -1)


def _set_weights(masks: Array) -> Array:
    """W (M, 2^M) by which values of all sets become contributions: phi = W v. masks: (2^M, M)."""
    sizes, players = masks.sum(axis=1).astype(int), masks.shape[1]
    joining = np.array(
        [1.0 / (players * math.comb(players - 1, s)) if s < players else 0.0 for s in range(players + 1)]
    )
    leaving = np.array([joining[s - 1] if s else 0.0 for s in range(players + 1)])
    return np.where(masks.T > 0, leaving[sizes], -joining[sizes])


def _orders(rows: int, plan: Plan, players: int) -> Index:
    """The rank of each feature in R orders and their reverses, (rows, 2R, players), the pairs beside one another."""
    drawn = np.random.default_rng(plan.seed).random((rows, plan.pairs, players)).argsort(axis=2).argsort(axis=2)
    return np.stack([drawn, players - 1 - drawn], axis=2).reshape(rows, 2 * plan.pairs, players)


# ---- what is explained, and against what


def logit(p: Array) -> Array:
    """Log-odds of probabilities, held to some 27 on either side: nothing tells a chance of 1e-12 from one of 0."""
    held = np.clip(p, LEAST_CHANCE, 1.0 - LEAST_CHANCE)
    return np.asarray(np.log(held) - np.log1p(-held))


def scale_of(recipe: Mapping[str, Any]) -> Callable[[Array], Array]:
    """From predictions to the scale they are explained on: log-odds of classes, logarithms of mean counts, of a quantity the
    scale it was fitted on, but of ranks its units. recipe: as model.json has it.
    """
    if recipe.get("levels"):
        return logit
    if recipe.get("distribution"):
        return np.log
    if recipe["target_transform"]["scale"] == "rank":
        return lambda predicted: to_units(recipe["target_transform"], predicted)
    return lambda predicted: predicted


def is_sum(model: SumOfTerms, recipe: Mapping[str, Any]) -> bool:
    """Whether what is explained is itself a sum of terms of single inputs and an offset."""
    return model.additive and model.link != "softmax" and recipe["target_transform"]["scale"] != "rank"


def groups_of(recipe: Mapping[str, Any]) -> dict[str, Index]:
    """The inputs of each feature, by the column of the table that they are made of."""
    found: dict[str, list[int]] = {}
    for number, column in enumerate(recipe["columns"]):
        found.setdefault(column["source"], []).append(number)
    return {source: np.array(columns) for source, columns in found.items()}


def reference_for(
    model: SumOfTerms, recipe: Mapping[str, Any], X: Array, rows: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """What the predictions of a model are explained against, from its training rows X (n, d), as a bundle may hold it.

    rows: of the background; by default as many as MOST_WORK allows.
    """
    if is_sum(model, recipe):
        return {"mean_terms": model.terms(X).mean(axis=0)}
    groups = list(groups_of(recipe).values())
    plan = plan_for(len(players(model, groups)), model.cost, None if rows is None else min(rows, len(X)), seed)
    chosen = spread(by_outputs(model.predict(model.terms(X).sum(axis=1))), plan.rows)
    return {"rows": X[chosen], "pairs": plan.pairs, "seed": seed}


def spread(predicted: Array, most: int) -> Index:
    """Which rows stand for all: in the order of their predictions (n, outputs) every so many, so that the means agree."""
    order = np.lexsort((predicted.max(axis=1), predicted.argmax(axis=1)))
    chosen = ((np.arange(most) + 0.5) * len(order) / most).astype(int) if most < len(order) else np.arange(len(order))
    return np.sort(order[chosen])


def explainer_for(
    model: SumOfTerms, recipe: Mapping[str, Any], reference: Mapping[str, Any]
) -> Explainer | AdditiveExplainer:
    """What explains the predictions of a model against what `reference_for` gave."""
    groups = list(groups_of(recipe).values())
    if "mean_terms" in reference:
        return AdditiveExplainer(model, groups, np.array(reference["mean_terms"]))
    rows, pairs = np.array(reference["rows"]), reference["pairs"]
    if len(players(model, groups)) > MOST_EXACT:  # whatever a bundle from elsewhere says: 2^M would fill the memory
        pairs = max(pairs, LEAST_PAIRS)
    return Explainer(model, groups, scale_of(recipe), Plan(len(rows), pairs, reference["seed"]), rows)


def contribution_names(recipe: Mapping[str, Any], features: Sequence[str], taken: set[str]) -> list[list[str]]:
    """The names of the columns of a table of contributions, for each output that of the mean prediction and one a feature.

    taken: the names of the columns there are.

    >>> contribution_names({"target": "y", "levels": []}, ["a", "b"], {"y"})
    [['y_mean_prediction', 'y_contribution_a', 'y_contribution_b']]
    """
    levels = recipe.get("levels", [])
    found, known = [], set(taken)
    for ending in [f"_{level}" for level in levels] if len(levels) > 2 else [""]:
        wanted = ["mean_prediction", *(f"contribution_{feature}" for feature in features)]
        names = []
        for word in wanted:
            names.append(free_name(f"{recipe['target']}_{word}{ending}", known))
            known.add(names[-1])
        found.append(names)
    return found


def variants_of(X: Array, unknown: Sequence[UnknownLevel]) -> list[Variants]:
    """The inputs (n, d) of rows, and of those with a category none of training had, one variant a level."""
    found: list[Variants] = []
    for number, x in enumerate(X):
        parts = [level for level in unknown if level.rows[number]]
        if not parts:
            found.append([(1.0, x)])
            continue
        columns, rows = np.concatenate([part.columns for part in parts]), []
        for setting, weight in zip(*combinations(parts), strict=True):
            at_levels = x.copy()
            at_levels[columns] = setting
            rows.append((float(weight), at_levels))
        found.append(rows)
    return found
