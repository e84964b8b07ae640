r"""Which features interact in a model, how strongly, and whether that is more than chance.

Notation (Friedman & Popescu, Annals of Applied Statistics 2, 2008, section 8.1), on the scale of the link
    F_j(x_j), F_jk(x_j, x_k)     partial dependence on a feature, on a pair: the mean over training rows with them set, less
                                 the mean of all; taken at the values of N training rows
    H_jk^2 = sum (F_jk - F_j - F_k)^2 / sum F_jk^2      0 where the pair adds up, whatever the other features do
    strength = sqrt(mean (F_jk - F_j - F_k)^2)          how much that is, in units of the scale

A network that is fitted to noisy rows of a sum has some interaction, too, and more of it between features that go together. So
its configuration is fitted to targets without any (kanlab.baselines.additive_null), and every pair is held against itself: by
the logarithm of its strength, in standard deviations of these fits. A pair's p-value is the share of the fits, itself among
them, whose largest such number over all pairs is as large (maxT, Westfall & Young 1993): of all pairs together, no more than
that share is called an interaction where there is none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.baselines.additive_null import ADDITIVE, additive_null
from kanlab.baselines.registry import comparison_family
from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES
from kanlab.errors import FitError, StudyError
from kanlab.execution.background import BackgroundRun, BackgroundRuns
from kanlab.execution.final_check import AVERAGE, AveragedNetworks, nested_below
from kanlab.execution.messages import NetworksTask, NetworkTask
from kanlab.execution.run_tasks import read_network, run_tasks
from kanlab.execution.supervisor import default_workers
from kanlab.execution.worker_pool import Failure, Job
from kanlab.explain.average import AveragedModel
from kanlab.explain.contributions import Scale, model_terms
from kanlab.explain.effects import setting_of
from kanlab.explain.models import Model, held_family
from kanlab.explain.predictor import Predictor
from kanlab.explain.shapley import by_outputs, groups_of, scale_of, spread
from kanlab.language import marked, say
from kanlab.selection.candidates import other_families
from kanlab.selection.product_hint import INTERACTIONS, STRONGEST, StrongestPair
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.text import short, together

ROWS = 64  # of training, that the partial dependences are taken at and over
MOST_FEATURES = 12  # whose pairs are looked at: those of the largest effects
NULLS = 19  # so that the smallest p-value is 0.05
SECONDS = 60.0  # for all of them; what is fitted by then counts, from LEAST_NULLS on
LEAST_NULLS = 9
POINTS = 21  # a side of a heat map
SIGNIFICANT = 0.05
NEGLIGIBLE = 1e-9  # of the the spread of the predictions: rounding


@dataclass(frozen=True)
class Pair:
    """Two features. h: Friedman's H.  strength: in units of the scale.  p: None before it is tested."""

    first: str
    second: str
    h: float
    strength: float
    p: float | None = None

    @property
    def key(self) -> str:
        """Its name in JSON."""
        return json.dumps([self.first, self.second])


@dataclass(frozen=True, eq=False)
class Interactions:
    """The pairs of a model, the strongest first.

    spread: standard deviation of the predictions, on the scale.  scale: its words.  nulls: how many networks without
    interactions they were held against.  aicc, additive_aicc: of the model and of the additive one,
    where they have any.
    """

    pairs: tuple[Pair, ...]
    spread: float
    scale: str
    features: tuple[str, ...]
    nulls: int = 0
    aicc: float | None = None
    additive_aicc: float | None = None

    @property
    def table(self) -> pd.DataFrame:
        """Columns first, second, H, strength, share (of the spread of the predictions) and, where it is tested, p."""
        rows = [
            {
                "first": p.first,
                "second": p.second,
                "H": p.h,
                "strength": p.strength,
                "share": p.strength / (self.spread or 1.0),
            }
            | ({} if p.p is None else {"p": p.p})
            for p in self.pairs
        ]
        return pd.DataFrame(rows, columns=["first", "second", "H", "strength", "share", *["p"] * bool(self.nulls)])

    def tested(self, nulls: Sequence[Mapping[str, float]]) -> Interactions:
        """With p-values, by the strengths of the pairs (`Pair.key`) in each of some networks without interactions."""
        if not nulls or not self.pairs:
            return self
        floor = NEGLIGIBLE * (self.spread or 1.0)
        drawn = np.log([[max(null.get(p.key, 0.0), floor) for p in self.pairs] for null in nulls])
        own = np.log([max(p.strength, floor) for p in self.pairs])
        every = np.vstack([own, drawn])  # the model's own among them, which under the null is one of them
        deviation = every.std(axis=0)
        z = (every - every.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        largest = z.max(axis=1)
        found = [float(np.mean(largest >= value - 1e-12)) for value in z[0]]
        pairs = tuple(replace(pair, p=p) for pair, p in zip(self.pairs, found, strict=True))
        return replace(self, pairs=pairs, nulls=len(nulls))

    @property
    def strongest(self) -> Pair | None:
        """The pair of the lowest p-value, of those alike the strongest one; the strongest where none is tested."""
        if not self.pairs:
            return None
        return min(self.pairs, key=lambda pair: (pair.p or 0.0, -pair.strength)) if self.nulls else self.pairs[0]

    @property
    def tested_pair(self) -> StrongestPair | None:
        """The strongest pair as a hint has it; None before the pairs are tested."""
        top = self.strongest
        if top is None or top.p is None:
            return None
        return StrongestPair(top.first, top.second, top.strength / (self.spread or 1.0), top.p)

    @property
    def sentence(self) -> str:
        """Whether the model is additive, in one sentence, and the AICc of the additive model beside its own."""
        return together([self._verdict, self._beside])

    @property
    def _verdict(self) -> str:
        top = self.strongest
        if top is None or self.pairs[0].strength <= NEGLIGIBLE * self.spread:
            return say("Is it additive? Yes: no two features interact in this model.")
        names = say("{names} and {last}", names=short(top.first, 40), last=short(top.second, 40))
        size = say(
            "beyond the sum of both they account for {strength:.1%} of the spread of the predictions",
            strength=top.strength / self.spread,
        )
        if top.p is None:
            return say(
                "Is it additive? The strongest interaction is that of {names} (H = {h:.2g}): {size}.",
                names=names,
                h=top.h,
                size=size,
            )
        fits = say("p = {p:.2g} by {nulls} networks fitted to targets without interactions", p=top.p, nulls=self.nulls)
        if top.p <= SIGNIFICANT:
            return say(
                "Is it additive? No: {names} interact (H = {h:.2g}, {fits}): {size}.",
                names=names,
                h=top.h,
                fits=fits,
                size=size,
            )
        return say(
            "Is it additive? As far as can be told: no interaction is more than chance, that of "
            "{names} least so ({fits}).",
            names=names,
            fits=fits,
        )

    @property
    def _beside(self) -> str:
        if self.additive_aicc is None or self.aicc is None:
            return ""
        gap = self.aicc - self.additive_aicc
        if gap < 0:
            return say(
                "The additive model (spline GAM) has an AICc of {additive_aicc:,.1f}, this model "
                "{aicc:,.1f}: {gap:,.1f} lower.",
                additive_aicc=self.additive_aicc,
                aicc=self.aicc,
                gap=-gap,
            )
        return say(
            "The additive model (spline GAM) has an AICc of {additive_aicc:,.1f}, this model "
            "{aicc:,.1f}: {gap:,.1f} higher.",
            additive_aicc=self.additive_aicc,
            aicc=self.aicc,
            gap=gap,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "sentence": self.sentence,
            "scale": self.scale,
            "pairs": [vars(p) for p in self.pairs],
            "nulls": self.nulls,
            "aicc": self.aicc,
            "additive_aicc": self.additive_aicc,
        }


class _Dependences:
    """Partial dependences of a model, by its terms at ROWS training rows."""

    def __init__(self, model: Model, data: Dataset) -> None:
        content = data.recipe.to_dict()
        self._model, self._scale, self.groups = model_terms(model), scale_of(content), groups_of(content)
        predicted = self._model.predict(self._model.terms(data.X_train).sum(axis=1))
        self.rows = data.X_train[spread(by_outputs(predicted), ROWS)]
        terms = self._model.terms(self.rows)
        self._terms = {name: terms[:, columns].sum(axis=1) for name, columns in self.groups.items()}
        self._whole = terms.sum(axis=1)
        self.spread = float(self._values(self._whole).std(axis=0).max())
        self.active = [name for name, columns in self.groups.items() if self._model.active[columns].any()]

    def at_rows(self, *names: str) -> Array:
        """The centred partial dependence on some features at the rows, (N, outputs)."""
        return self._mean([self._terms[name] for name in names], names)

    def at(self, names: Sequence[str], settings: Sequence[Array]) -> Array:
        """The partial dependence at settings X (n, d) of each feature, not centred, (n, outputs)."""
        terms = [
            self._model.terms(X)[:, self.groups[name]].sum(axis=1) for name, X in zip(names, settings, strict=True)
        ]
        return self._mean(terms, names, centred=False)

    def _mean(self, terms: Sequence[Array], names: Sequence[str], centred: bool = True) -> Array:
        left = self._whole - sum(self._terms[name] for name in names)  # (N, H)
        sums = sum(terms)[:, None] + left[None]  # type: ignore[index]
        values = self._values(sums.reshape(-1, left.shape[1])).reshape(*sums.shape[:2], -1).mean(axis=1)
        return np.asarray(values - values.mean(axis=0) if centred else values)

    def _values(self, sums: Array) -> Array:
        return by_outputs(self._scale(self._model.predict(sums)))


def interactions_of(model: Model, data: Dataset, features: Sequence[str] | None = None) -> Interactions:
    """The interactions of every pair of some features, by default of those with the largest effects, MOST_FEATURES at most."""
    found = _Dependences(model, data)
    alone = {name: found.at_rows(name) for name in found.active}
    ranked = sorted(found.active, key=lambda name: -float((alone[name] ** 2).sum()))[:MOST_FEATURES]
    chosen = [name for name in found.active if name in (ranked if features is None else features)]
    pairs = []
    for first, second in combinations(chosen, 2):
        both = found.at_rows(first, second)
        rest, total = float(((both - alone[first] - alone[second]) ** 2).sum()), float((both**2).sum())
        h = float(np.sqrt(rest / total)) if total > (NEGLIGIBLE * found.spread) ** 2 * len(both) else 0.0
        pairs.append(Pair(first, second, h, float(np.sqrt(rest / both.size))))
    pairs.sort(key=lambda pair: -pair.strength)
    return Interactions(tuple(pairs), found.spread, Scale.of(data.recipe).words[0], tuple(chosen))


@dataclass(frozen=True, eq=False)
class Surface:
    """The partial dependence on two features: one row a combination, columns first, second, value (on the scale)."""

    first: str
    second: str
    frame: pd.DataFrame
    numeric: tuple[bool, bool]
    scale: str


def surface(model: Model, data: Dataset, first: str, second: str, output: int = 0) -> Surface:
    """The partial dependence on a pair, for a heat map. output: of more than two classes, which."""
    found, sides = _Dependences(model, data), [setting_of(data, name) for name in (first, second)]
    values, rows = [], []
    for side in sides:
        few = np.linspace(0, len(side.settings) - 1, min(len(side.settings), POINTS)).round().astype(int)
        X = np.repeat(data.X_train[:1], len(few), axis=0)
        X[:, side.columns] = side.settings[few]
        values.append([side.dependence.values[i] for i in few])
        rows.append(X)
    i, j = (index.ravel() for index in np.indices((len(rows[0]), len(rows[1]))))
    mean = found.at([first, second], [rows[0][i], rows[1][j]])[:, output]
    frame = pd.DataFrame({"first": [values[0][a] for a in i], "second": [values[1][b] for b in j], "value": mean})
    numeric = tuple(side.dependence.is_numeric for side in sides)
    return Surface(first, second, frame, (numeric[0], numeric[1]), Scale.of(data.recipe).words[output])


# ---- with the study: AICc beside, and the test


def interactions(handle: StudyHandle, predictor: Predictor, data: Dataset, *, fit: bool = True) -> Interactions:
    """The interactions of a model of a study, tested where that is kept with it, with the AICc of the additive model.

    fit: whether to fit that where the study has not done so.
    """
    found = interactions_of(predictor.fitted, data)
    validation = read_validation(handle.optuna.user_attrs)
    candidates = recommend(handle, handle.records(), validation).candidates
    aicc = next((c.aicc for c in candidates if c.key == predictor.key), None)
    if aicc is None and predictor.trial is not None and not predictor.without:
        aicc = getattr(handle.record(predictor.trial), "aicc", None)
    gam = next((b for b in other_families(handle, validation) if b.family == ADDITIVE), None)
    if gam is None and fit:
        try:
            gam = comparison_family(ADDITIVE, data, count_sigma2=handle.spec.count_sigma2, seed=handle.spec.seed)
        except (FitError, np.linalg.LinAlgError):
            gam = None
    found = replace(found, aicc=aicc, additive_aicc=None if gam is None else gam.aicc)
    kept = read_test(handle, predictor)
    return found.tested(kept["nulls"]) if kept is not None and kept["state"] == "done" else found


def can_be_tested(handle: StudyHandle, predictor: Predictor) -> bool:
    """Whether the model is a network of this study, or an average of some, which can be fitted to other targets."""
    key = predictor.key
    return key is not None and (key.cell is not None or key.family == AVERAGE)


def seconds_a_null(handle: StudyHandle) -> str:
    """How long the test takes, in words."""
    return (
        say("several minutes, as stock pykan trains")
        if ENGINES[handle.spec.engine].needs_torch
        else say("a minute at most")
    )


def read_test(handle: StudyHandle, predictor: Predictor) -> dict[str, Any] | None:
    """The test of a model that is kept with the study: its state, `done` of `total`, and the nulls; None where none is."""
    content = handle.optuna.user_attrs.get(INTERACTIONS)
    if not isinstance(content, dict) or content.get("model") != str(predictor.key):
        return None
    return content


def fit_nulls(
    handle: StudyHandle,
    predictor: Predictor,
    *,
    nulls: int = NULLS,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Fit the model's configuration to targets without interactions, and keep with the study how strong their pairs are.

    Of an average all its configurations and its models of other families, in the same shares.
    Raises StudyError where the model is none of these, or too few could be fitted within SECONDS.
    """
    if not can_be_tested(handle, predictor):
        raise StudyError(
            say("Only networks and averages of networks are tested for interactions; choose a trial, or the average.")
        )
    path = local_data(handle.optuna, handle.data.sha256)
    data = Dataset.load(path)
    found, make = list[dict[str, float]](), _refits(handle, predictor)
    own = interactions_of(predictor.fitted, data)

    def write(state: str, detail: str = "") -> None:
        said = {"model": str(predictor.key), "state": state, "done": len(found), "total": nulls, "nulls": found}
        top = own.tested(found).tested_pair if state == "done" else None
        said |= {STRONGEST: top.to_dict() if top else None}
        handle.optuna.set_user_attr(INTERACTIONS, said | {"detail": detail, "written": time.time()})

    def take(job: Job, answer: Any) -> None:
        if not isinstance(answer, Failure):
            pairs = interactions_of(make.model(answer, job.key, data), data, own.features).pairs
            found.append({pair.key: pair.strength for pair in pairs})
        write("running")

    write("running")
    ends = time.monotonic() + SECONDS
    run_tasks(
        [Job(make.task(seed), key=seed) for seed in range(nulls)],
        path,
        workers=workers or handle.spec.workers or default_workers(),
        preload_pykan=ENGINES[handle.spec.engine].needs_torch,
        on_answer=take,
        stop=lambda: stop() or (time.monotonic() > ends and len(found) >= LEAST_NULLS),
    )
    if stop():
        write("stopped")
    elif len(found) < min(nulls, LEAST_NULLS):
        write("failed", marked("too few networks could be fitted"))
        raise StudyError(
            say("The interactions could not be tested: too few networks could be fitted to targets without any.")
        )
    else:
        write("done")


@dataclass(frozen=True)
class _Refits:
    """What fits a model to a target without interactions, and makes the same kind of model of the answer."""

    task: Callable[[int], NetworkTask | NetworksTask]
    model: Callable[[Mapping[str, Any], Any, Dataset], Model]


def _refits(handle: StudyHandle, predictor: Predictor) -> _Refits:
    key, spec, failed = predictor.key, handle.spec, handle.failed()
    assert key is not None
    fit: dict[str, Any] = {"engine": spec.engine, "options": spec.options, "seed": spec.seed}
    if (cell := key.cell) is not None:
        below = nested_below(handle, cell, failed) if key.columns is None else ()
        of_cell: dict[str, Any] = fit | {"cell": cell, "below": below, "columns": key.columns, "gone": key.gone}
        return _Refits(
            lambda seed: NetworkTask(**of_cell, additive_null=seed), lambda answer, _, __: read_network(dict(answer))[0]
        )
    average = recommend(handle, handle.records(), read_validation(handle.optuna.user_attrs)).average
    if average is None or not isinstance(model := average.model, AveragedNetworks):
        raise StudyError(say("The study has no average any more; choose a trial."))
    cells = tuple((cell, nested_below(handle, cell, failed)) for cell in model.cells)

    def averaged(answer: Mapping[str, Any], seed: Any, data: Dataset) -> Model:
        networks: list[Model] = [read_network(each)[0] for each in answer["networks"]]
        null = additive_null(data, int(seed))
        others: list[Model] = [held_family(null, name, 0) for name, _ in model.families]
        weights = [model.share / len(networks)] * len(networks) + [share for _, share in model.families]
        return AveragedModel([*networks, *others], weights)

    return _Refits(lambda seed: NetworksTask(cells=cells, **fit, additive_null=seed), averaged)


_runs = BackgroundRuns()


def start_test(handle: StudyHandle, predictor: Predictor) -> BackgroundRun:
    """`fit_nulls` in the background; the one already at it where there is one."""

    def make() -> BackgroundRun:
        def failed(detail: str) -> None:
            said = {
                "model": str(predictor.key),
                "state": "failed",
                "detail": detail,
                "done": 0,
                "total": 0,
                "nulls": [],
            }
            handle.optuna.set_user_attr(INTERACTIONS, said | {"written": time.time()})

        return BackgroundRun(
            handle, "test of interactions", lambda stop: fit_nulls(handle, predictor, stop=stop), failed
        )

    return _runs.start(handle, make)


def is_running(handle: StudyHandle) -> bool:
    """Whether a test runs in this process."""
    run = _runs.of(handle)
    return run is not None and run.is_alive()
