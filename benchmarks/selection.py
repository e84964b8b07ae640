"""How well the recommended model does on rows it has not seen, beside other models and beside what hindsight would pick.

    python benchmarks/selection.py run OUT.jsonl       fits, one line a (problem, split); goes on where it was left
    python benchmarks/selection.py report OUT.jsonl    the tables of README.md

Every problem is split, or drawn, five times. Of each the cells with neuron_num 1-6, grid 2, 3, 4, 6, 10 and k 1-3 are fitted
with kanlab's defaults, the best gets the final check of a study, and `kanlab.selection.decision.choose` recommends. The test rows
decide nothing. Nothing was tuned on these problems.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from kanlab.baselines.registry import BASELINES, baselines
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions
from kanlab.execution.messages import AnyTask, FamilyFoldTask, FinalCheckTask, FoldTask
from kanlab.execution.tasks import answer, final_check
from kanlab.kan.search_space import Cell, SearchSpace, cell_n_params
from kanlab.selection.candidates import Candidate
from kanlab.selection.decision import choose
from kanlab.selection.ranking import best_trial
from kanlab.solver.fit import LmOptions, fit_path
from kanlab.stats.criteria import aicc
from kanlab.stats.metrics import Scores
from kanlab.study.trials import CompletedTrial

SPLITS = 5
NOISE_DRAWS = 20
TEST_ROWS = 2000
VERIFIED, FOLDS = 8, 5
GRIDS = (2, 3, 4, 6, 10)
CELLS = [c for c in SearchSpace((1, 6), (2, 10), (1, 3)).cells if c.grid in GRIDS]

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


# ---- problems


def _uniform(
    n_features: int, function: Callable[[np.ndarray], np.ndarray], noise: float, low: float = -1.0, high: float = 1.0
) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        X = rng.uniform(low, high, (n, n_features))
        return X, function(X.T) + noise * rng.normal(size=n)

    return draw


def _sklearn(make: Callable[..., Any], **options: Any) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        X, y = make(n_samples=n, random_state=int(rng.integers(2**31)), **options)
        return X, y

    return draw


def _correlated(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """15 features with correlation 0.7^|i-j|, of which 3 count, linearly."""
    factor = np.linalg.cholesky(0.7 ** np.abs(np.subtract.outer(np.arange(15), np.arange(15))))
    X = rng.normal(size=(n, 15)) @ factor.T
    return X, X[:, 0] - 2 * X[:, 5] + X[:, 10] + 1.5 * rng.normal(size=n)


DRAWN: dict[str, tuple[int, Draw]] = {
    "friedman2": (200, _sklearn(datasets.make_friedman2, noise=125.0)),
    "friedman3": (200, _sklearn(datasets.make_friedman3, noise=0.1)),
    "swiss roll": (200, _sklearn(datasets.make_swiss_roll, noise=0.5)),
    "sparse uncorrelated": (100, _sklearn(datasets.make_sparse_uncorrelated, n_features=8)),
    "x y": (150, _uniform(2, lambda x: x[0] * x[1], 0.1)),
    "exp of sines": (
        300,
        _uniform(
            4,
            lambda x: np.exp((np.sin(np.pi * (x[0] ** 2 + x[1] ** 2)) + np.sin(np.pi * (x[2] ** 2 + x[3] ** 2))) / 2),
            0.2,
        ),
    ),
    "Feynman I.6.2": (
        200,
        _uniform(2, lambda x: np.exp(-((x[0] / x[1]) ** 2) / 2) / (np.sqrt(2 * np.pi) * x[1]), 0.01, 1, 3),
    ),
    "additive": (150, _uniform(5, lambda x: np.sin(2 * np.pi * x[0]) + 2 * np.abs(x[1]) + x[2] ** 3, 0.3)),
    "interacting": (250, _uniform(5, lambda x: x[0] * np.sin(3 * x[1]) + x[2] * x[3], 0.2)),
    "correlated linear": (60, _correlated),
}


def _statsmodels(name: str, target: str, drop: tuple[str, ...] = ()) -> Callable[[], pd.DataFrame]:
    def load() -> pd.DataFrame:
        import statsmodels.api as sm

        frame = getattr(sm.datasets, name).load_pandas().data.drop(columns=list(drop))
        return frame.rename(columns={target: "y"})

    return load


def _wine() -> pd.DataFrame:
    return datasets.load_wine(as_frame=True).data.rename(columns={"alcohol": "y"})


def _iris() -> pd.DataFrame:
    return datasets.load_iris(as_frame=True).data.rename(columns={"petal width (cm)": "y"})


MEASURED: dict[str, Callable[[], pd.DataFrame]] = {
    "wine": _wine,
    "iris": _iris,
    "engel": _statsmodels("engel", "foodexp"),
    "grunfeld": _statsmodels("grunfeld", "invest", ("firm",)),
    "statecrime": _statsmodels("statecrime", "murder", ("violent",)),
    "ccard": _statsmodels("ccard", "AVGEXP", ("INCOMESQ",)),
    "stackloss": _statsmodels("stackloss", "STACKLOSS"),
    "cancer": _statsmodels("cancer", "cancer"),
}


def problem(name: str, split: int) -> Dataset:
    """The rows of one split of a problem, or of one draw of it."""
    if name in MEASURED:
        return Dataset.from_frame(MEASURED[name](), "y", test_fraction=0.3, seed=100 + split, name=name)
    n, draw = DRAWN[name] if name in DRAWN else (100, _uniform(3, lambda x: 0 * x[0], 1.0))
    rng = np.random.default_rng([2024, split, *name.encode()])
    X, y = draw(rng, n + TEST_ROWS)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(y=y)
    data = Dataset.from_frame(frame, "y", test_fraction=TEST_ROWS / (n + TEST_ROWS), seed=split, name=name)
    assert data.n == n
    return data


# ---- fits


def trials(data: Dataset, smoothing: float) -> list[CompletedTrial]:
    """Every admissible cell, fitted with the defaults of the engine."""
    records: list[CompletedTrial] = []
    for grid, k in sorted({(c.grid, c.k) for c in CELLS}):
        wanted = [c for c in CELLS if (c.grid, c.k) == (grid, k) and data.n - cell_n_params(c, data.d) - 1 > 0]
        fits = (
            fit_path(data.X_train, data.y_train, grid, k, [c.neuron_num for c in wanted], options=LmOptions(smoothing))
            if wanted
            else ()
        )
        for cell, fitted in zip(wanted, fits, strict=True):
            count = cell_n_params(cell, data.d)
            value = aicc(fitted.rss_train, data.n, count)
            rss_test = float(np.sum((fitted.predict(data.X_test) - data.y_test) ** 2))
            if np.isfinite(value):
                scores = Scores(count, fitted.rss_train, rss_test, value)
                records.append(CompletedTrial(len(records), "complete", cell, scores))
    return records


def checked(data: Dataset, records: list[CompletedTrial]) -> dict[str, Any] | None:
    """What a study looks at once more when it ends, by the worker's own task; with the test RSS in squared units of y."""
    best = best_trial(records)
    if best is None:
        return None
    below = [r.cell.neuron_num for r in records if r.cell[1:] == best.cell[1:] and r.cell < best.cell]
    task = FinalCheckTask(
        cell=best.cell,
        below=tuple(below),
        engine="lm",
        options=FitOptions(),
        seed=0,
        count="identifiable",
        count_sigma2=True,
        neuron_nums=(1, 6),
    )
    return final_check(data, task)


def cross_validated(data: Dataset, records: list[CompletedTrial]) -> CompletedTrial | str:
    """The lowest 5-fold error among the best 8 cells and the linear models, as `kanlab validate` verifies."""
    ranked = sorted(records, key=lambda r: r.aicc or 0.0)[:VERIFIED]

    def tasks(model: CompletedTrial | str) -> list[AnyTask]:
        folds = [{"fold": i, "folds": FOLDS, "seed": 0} for i in range(FOLDS)]
        if isinstance(model, str):
            return [FamilyFoldTask(family=model, **at) for at in folds]
        return [FoldTask(cell=model.cell, engine="lm", options=FitOptions(), **at) for at in folds]

    def error(model: CompletedTrial | str) -> float:
        return sum(answer(data, task)["rss"] for task in tasks(model))

    return min([*ranked, *BASELINES], key=error)


def others(data: Dataset) -> dict[str, float]:
    """RMSE on the test rows of models that a reader knows."""
    models: dict[str, Any] = {
        "linear": LinearRegression(),
        "GAM": make_pipeline(
            StandardScaler(), SplineTransformer(n_knots=8, extrapolation="linear"), RidgeCV(np.geomspace(1e-3, 1e3, 25))
        ),
        "boosting": HistGradientBoostingRegressor(random_state=0),
        "forest": RandomForestRegressor(300, random_state=0),
    }
    found = {name: rmse(m.fit(data.X_train, data.y_train).predict(data.X_test), data) for name, m in models.items()}
    return found | {"mean": rmse(np.full(len(data.y_test), data.y_train.mean()), data)}


def rmse(predicted: np.ndarray, data: Dataset) -> float:
    return float(np.sqrt(np.mean((predicted - data.y_test) ** 2)))


def one(name: str, split: int, *, smoothings: tuple[float, ...], verify: bool) -> dict[str, Any]:
    """All numbers of one split."""
    data = problem(name, split)
    began = time.perf_counter()
    by_smoothing = {s: trials(data, s) for s in smoothings}
    records = by_smoothing[smoothings[0]]
    seconds = time.perf_counter() - began
    found = checked(data, records)
    checking = time.perf_counter() - began - seconds
    table = baselines(data)
    out: dict[str, Any] = {
        "problem": name,
        "split": split,
        "n": data.n,
        "d": data.d,
        "rows": len(data.y_test),
        "seconds": seconds,
        "checking": checking,
        "final check": found,
    }
    out["baselines"] = [b.to_dict() for b in table]
    out["cells"] = {
        str(s): [[*r.cell[:3], r.rss_train, r.rss_test] for r in found] for s, found in by_smoothing.items()
    }
    if verify:
        out["others"] = others(data)
        chosen = cross_validated(data, records)
        out["cv"] = list(chosen.cell[:3]) if isinstance(chosen, CompletedTrial) else chosen
    return out


def run(path: Path, smoothings: tuple[float, ...]) -> None:
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(r["problem"], r["split"]) for r in map(json.loads, lines)}
    wanted = [(name, split, True) for split in range(SPLITS) for name in (*DRAWN, *MEASURED)]
    wanted += [("pure noise", split, False) for split in range(NOISE_DRAWS)]
    for name, split, verify in wanted:
        if (name, split) in done:
            continue
        result = one(name, split, smoothings=smoothings if verify else smoothings[:1], verify=verify)
        with path.open("a") as out:
            out.write(json.dumps(result) + "\n")
        print(f"{name} {split}: {result['seconds']:.1f} s", flush=True)


# ---- report


REFERENCES = ("mean", "linear", "GAM", "boosting", "forest")
CAP = 200.0  # per cent, of one regret


def chosen(result: dict[str, Any], *, by_aicc: bool = False) -> tuple[str, float]:
    """Name and test RMSE of kanlab's recommendation. by_aicc: of the lowest AICc, all features kept, as it was before."""
    listed = [Candidate("", b["family"], None, Scores.from_dict(b)) for b in result["baselines"]]
    found, best = result["final check"], None
    for h, grid, k, rss_train, rss_test in result["cells"]["1000.0"]:
        cell = Cell(h, grid, k)
        count = cell_n_params(cell, result["d"])
        scores = Scores(count, rss_train, rss_test, aicc(rss_train, result["n"], count))
        candidate = Candidate("", "network", CompletedTrial(0, "complete", cell, scores), scores)
        listed.append(candidate)
        if best is None or (candidate.aicc, count) < (best.aicc, best.n_params):
            best = candidate
    if by_aicc:
        listed = [c.rescored(press=None) for c in listed]
    elif best is not None and found is not None:
        listed[listed.index(best)] = best.rescored(press=found["press"], press_se=found["press_se"])
        if (r := found["reduced"]) is not None:
            trial = CompletedTrial(0, "complete", Cell(*r["cell"]), Scores.from_dict(r))  # what stands for it here
            listed.append(Candidate("", "reduced", trial, trial.scores))
    taken, _ = choose(listed)
    assert taken is not None
    return taken.family, float(np.sqrt((taken.rss_test or 0.0) / result["rows"]))


def verified(result: dict[str, Any]) -> float:
    """Test RMSE of what cross-validation would take."""
    rows = result["rows"]
    if isinstance(result["cv"], str):
        return float(np.sqrt(next(b["rss_test"] for b in result["baselines"] if b["family"] == result["cv"]) / rows))
    return float(np.sqrt(next(c[4] for c in result["cells"]["1000.0"] if c[:3] == result["cv"]) / rows))


def table(results: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a split: test RMSE of every model, and of the best cells in hindsight."""
    rows = []
    for result in results:
        name, error = chosen(result)
        row = {"problem": result["problem"], "split": result["split"], "chosen": name, "kanlab": error}
        row |= {"AICc alone": chosen(result, by_aicc=True)[1], "rows": result["rows"]}
        row |= result["others"] | {"CV": verified(result)}
        for smoothing, label in (("1000.0", "hindsight"), ("1.0", "hindsight x1")):
            errors = [c[4] for c in result["cells"][smoothing]]
            row[label] = float(np.sqrt(min(errors) / result["rows"])) if errors else row["linear"]
        rows.append(row)
    return pd.DataFrame(rows)


def report(path: Path) -> None:
    results = [json.loads(line) for line in path.read_text().splitlines()]
    found = table([r for r in results if r["problem"] != "pure noise"])

    def ratio(a: str, b: str) -> float:
        return float(np.exp(np.mean(np.log(found[a] / found[b]))))

    def regret(name: str, best: pd.Series) -> float:
        return float((100 * (found[name] / best - 1)).clip(upper=CAP).mean())

    names = ["kanlab", "AICc alone", "CV", *REFERENCES]
    ranks = found[["kanlab", *REFERENCES]].rank(axis=1).mean()
    compared = found[["kanlab", *REFERENCES]].min(axis=1)
    print(
        "| model | RMSE over linear | mean rank of 6 | regret, best of 6 | regret, best x1 cell | worse than linear by 2% |"
    )
    print("|---|---|---|---|---|---|")
    for name in names:
        worse = int((found[name] > 1.02 * found["linear"]).sum())
        rank = f"{ranks[name]:.2f}" if name in ranks else ""
        print(
            f"| {name} | {ratio(name, 'linear'):.3f} | {rank} | {regret(name, compared):.1f} | "
            f"{regret(name, found['hindsight x1']):.1f} | {worse} of {len(found)} |"
        )
    print()
    print("kanlab over " + ", ".join(f"{b} {ratio('kanlab', b):.3f}" for b in (*REFERENCES, "CV", "hindsight")))
    print(
        f"median regret against the best cell at x1: {np.median(100 * (found['kanlab'] / found['hindsight x1'] - 1)):.1f}"
    )
    pooled = {
        name: float(np.sqrt(np.sum(rows["rows"] * rows["kanlab"] ** 2) / np.sum(rows["rows"] * rows["linear"] ** 2)))
        for name, rows in found.groupby("problem", sort=False)
    }
    worse = [f"{name} {value:.3f}" for name, value in pooled.items() if value > 1.02]
    print(
        f"test rows of all splits pooled: worse than linear by over 2% in {len(worse)} of {len(pooled)} problems"
        + (f" ({', '.join(worse)})" if worse else "")
    )
    noise = [chosen(r) for r in results if r["problem"] == "pure noise"]
    print(f"pure noise: a linear model or the mean in {sum(n != 'network' for n, _ in noise)} of {len(noise)} draws")
    print()
    print("| problem | n | d | chosen | kanlab | " + " | ".join([*REFERENCES, "CV", "hindsight"]) + " |")
    print("|" + "---|" * (7 + len(REFERENCES)))
    for name, rows in found.groupby("problem", sort=False):
        result = next(r for r in results if r["problem"] == name)
        taken = ", ".join(f"{k} {v}" for k, v in rows["chosen"].value_counts().items())
        numbers = [f"{np.exp(np.log(rows[c]).mean()):.3g}" for c in ("kanlab", *REFERENCES, "CV", "hindsight")]
        print(f"| {name} | {result['n']} | {result['d']} | {taken} | " + " | ".join(numbers) + " |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--smoothing", type=float, nargs="*", default=[1000.0, 1.0])
    arguments = parser.parse_args()
    if arguments.what == "run":
        run(arguments.path, tuple(arguments.smoothing))
    else:
        report(arguments.path)
