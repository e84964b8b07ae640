"""Every chart over hard cases: long names, one row, constant values, huge and tiny scales, NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kanlab.baselines.registry import Baseline
from kanlab.charts import cells, diagnostics, evidence, formulas, model, training, trials
from kanlab.charts.palette import Palette
from kanlab.explain import curves
from kanlab.explain.diagnostics import normal_quantiles
from kanlab.explain.effects import Dependence
from kanlab.explain.residual_checks import binned
from kanlab.kan.edges import Edge
from kanlab.kan.search_space import Cell
from kanlab.selection.ranking import trial_table
from kanlab.stats.metrics import CalibrationBin, ClassScores, Scores
from kanlab.study.fit_times import FitTime
from kanlab.study.trials import CompletedTrial, TrialRecord

LONG = "Seconds to accelerate from standstill to sixty miles per hour"
WORDLESS = "progression_of_the_disease_one_year_after_the_first_visit_mm"
NAMES = ["y", "Acceleration", LONG, WORDLESS, "糖尿病一年后的进展程度以及其他若干相关指标的综合评分结果"]


def trial_records(
    count: int, rng: np.random.Generator, scale: float = 1.0, *, classes: bool = False
) -> list[CompletedTrial]:
    """Trials of an article's search whose fit improves with K and whose AICc has a minimum; some of them are far off."""
    chosen = [Cell(1 + i % 10, 2 + i // 30 % 9, 1 + i // 10 % 3) for i in range(count)]
    made = []
    for i, cell in enumerate(chosen):
        K = 5 + 3 * cell.neuron_num * (cell.grid + cell.k)
        rss = scale * np.exp(-0.004 * K + 0.05 * rng.normal()) * (1e12 if i == 41 else 1.0)
        aicc = 300 * np.log(rss / 300) + 2 * K + 0.02 * K**2
        if not classes:
            made.append(CompletedTrial(i, "complete", cell, Scores(K, rss, rss / 4, aicc), 0.1, "converged"))
            continue
        of_classes = ClassScores(300 * rss, rss / 2, 0.4, 0.1, None, 0.8, None, 0.9, None)
        scores = Scores(K, rss, rss / 4, 300 * rss + 2 * K, classes=of_classes)
        made.append(CompletedTrial(i, "complete", cell, scores, 0.1, "converged"))
    return made


def plain_models(scale: float, *, classes: bool = False) -> list[Baseline]:
    """A constant and a linear model, both far worse than the networks."""
    found = []
    for family, n_params, factor in (("constant", 2, 5.0), ("linear", 10, 2.5)):
        rss = scale * factor
        of_classes = ClassScores(300 * rss, rss / 2, 0.9, 0.2, None, 0.5, None, 0.5, None) if classes else None
        aicc = 300 * rss if classes else 300 * float(np.log(rss / 300)) + 2 * n_params
        found.append(Baseline(family, Scores(n_params, rss, rss / 4, aicc, classes=of_classes)))
    return found


def trial_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """The charts of trials, and of one training."""
    rng = np.random.default_rng(0)
    sizes = {"none": 0, "one": 1, "two": 2, "many": 270}
    for case, count in sizes.items():
        table, models = trial_table(trial_records(count, rng)), plain_models(1.0)
        picked = 0 if count else None
        yield f"{case}: AICc against RSS", trials.aicc_against_rss(table, 300, models, picked, LONG, look)
        yield f"{case}: front", trials.pareto_front(table, models, picked, LONG, look)
        yield f"{case}: history", trials.history(table, picked, look)
    for scale, name in ((1e-20, NAMES[4]), (1e15, WORDLESS)):
        table, models = trial_table(trial_records(60, rng, scale)), plain_models(scale)
        yield f"{scale:g}: AICc against RSS", trials.aicc_against_rss(table, 300, models, 3, name, look)
        yield f"{scale:g}: front", trials.pareto_front(table, models, 3, name, look)
    for mark in (5, "linear"):
        table, models = trial_table(trial_records(60, rng)), plain_models(1.0)
        yield (
            f"{mark} recommended: AICc against RSS",
            trials.aicc_against_rss(table, 300, models, 3, "y", look, recommended=mark),
        )
        yield f"{mark} recommended: front", trials.pareto_front(table, models, 3, "y", look, recommended=mark)
    for kind in ("linear", "log"):
        table = trial_table(trial_records(60, rng))
        yield f"{kind}: front", trials.pareto_front(table, plain_models(1.0), None, "y", look, kind)  # type: ignore[arg-type]
    table, models = trial_table(trial_records(60, rng, classes=True)), plain_models(1.0, classes=True)
    yield "classes: AICc against deviance", trials.aicc_against_rss(table, 300, models, 3, LONG, look)
    yield "classes: front", trials.pareto_front(table, models, 3, LONG, look)
    for curve in ([9e12, 4.0, 1.0], [2.0], [1e-20, 1e-21]):
        yield f"loss {curve[0]:g}", training.loss_curve(curve, "RSS", f"squared units of {LONG}", look)


def fit_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """The charts of all trainings of a study."""
    rng = np.random.default_rng(0)
    for count, seconds in ((0, 1.0), (1, 0.01), (5, 3.0), (270, 90.0), (2000, 900.0)):
        fits = fits_of(trial_records(count, rng), seconds)
        picked = 0 if count else None
        yield f"timeline of {count}", training.timeline(fits, picked, count // 100, look)
        losses = [fit.record for fit in fits]
        yield f"losses of {count}", training.loss_curves(losses, picked, "RSS", f"squared units of {LONG}", look)


def fits_of(records: Sequence[CompletedTrial], seconds: float) -> list[FitTime]:
    """Trials fitted two at a time, with falling losses; of seven one failed, and the last one runs."""
    made = []
    for i, record in enumerate(records):
        curve = [1e9 * record.rss_train / (1 + step) ** 2 for step in range(1 + i % 20)]
        trial: TrialRecord = replace(record, loss_curve=curve)
        if i % 7 == 6 or i == len(records) - 1 > 0:
            state: Any = "failed" if i % 7 == 6 else "running"
            trial = TrialRecord(i, state, record.cell, record.scores, loss_curve=curve)
        made.append(FitTime(trial, i // 2 * seconds, (i // 2 + 1) * seconds))
    return made


def map_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """The maps and slices of a search."""
    rng = np.random.default_rng(0)
    for count in (1, 270):
        table = trial_table(trial_records(count, rng))
        yield f"{count}: map of AICc", cells.aicc_map(table, 0, look, recommended=1)
        yield f"{count}: slices", cells.slices(table, look)
    for neurons, grids in ((10, 10), (1, 2), (40, 30)):
        yield f"{neurons} x {grids}: admissible", cells.admissible_map(cell_table(neurons, grids), 300, look)


def cell_table(neurons: int, grids: int) -> pd.DataFrame:
    """A search as the Search page has it before any training."""
    rows = []
    for k in (1, 2, 3):
        for neuron_num in range(1, neurons + 1):
            for grid in range(2, grids + 1):
                K = 5 + 3 * neuron_num * (grid + k)
                status = "inadmissible" if K > 298 else "few rows" if K > 100 else "admissible"
                row = {"neuron_num": neuron_num, "grid": grid, "k": k, "n_params": K, "rows": 300 / K, "status": status}
                rows.append(row)
    return pd.DataFrame(rows)


def evidence_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """Importance, permutation test and calibration."""
    shares = pd.DataFrame(
        {"parameter": ["hidden neurons", "grid intervals", "spline order k"], "share": [0.7, 0.3, 0.0]}
    )
    yield "importance of hyperparameters", evidence.importance(shares, look)
    yield "permutation test", evidence.permutation_gains(1240.0, [1.0, 2.0, -3.0], look)
    ends = ((1234, 0.01, 0.0, 0.0, 0.1), (12, 0.5, 0.6, 0.3, 0.8), (3, 1.0, 1.0, 0.4, 1.0))
    bins = [CalibrationBin(*row) for row in ends]
    yield "calibration", evidence.calibration(bins, LONG, look)


def model_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """Edges, permutation importance, partial dependence and residuals."""
    rng = np.random.default_rng(0)
    ranges = ((1970.0, 1982.0, "Model year"), (-1e-9, 1e-9, LONG), (0.0, 3e12, WORDLESS), (5.0, 5.0, "constant"))
    for low, high, name in ranges:
        x = np.linspace(low, high, 60)
        curve = Edge(0, 0, 0, x, np.sin(x) * high, rng.uniform(low, high, 200), rng.normal(size=200), 0.0, 0.4)
        yield f"edge {name}", model.edge(curve, name, f"adds to {LONG[:24]}", look)
        half = np.abs(high) * np.linspace(0.01, 90.0, 60)  # at its end far wider than the curve
        yield f"edge with a band {name}", model.edge(curve, name, "adds to y", look, (curve.y - half, curve.y + half))
        found = Dependence(name, x.tolist(), 0.001 * np.linspace(0, 1, 60), rng.uniform(low, high, 200))
        yield f"dependence {name}", model.dependence(found, LONG, look, (-4.0, 9.0))
        banded = replace(found, lower=found.prediction - 2.0, upper=found.prediction + 2.0)
        yield f"dependence with a band {name}", model.dependence(banded, LONG, look, (-4.0, 9.0))
    levels = Dependence(LONG, [LONG, WORDLESS, *NAMES], np.linspace(10.0, 11.0, len(NAMES) + 2), None)
    yield "dependence of levels", model.dependence(levels, LONG, look, (0.0, 1e7))
    banded = replace(levels, lower=0.5 * levels.prediction, upper=2.0 * levels.prediction)
    yield "dependence of levels with a band", model.dependence(banded, LONG, look, (0.0, 1e7))
    for names in ([LONG, WORDLESS, LONG + " and more", "a"], ["a"], [f"{LONG} {i}" for i in range(40)]):
        table = pd.DataFrame({"feature": names, "rise": np.linspace(3e6, 0, len(names)), "deviation": 1e5})
        yield f"importance of {len(names)}", model.importance(table, "RMSE", LONG, look=look)
    for scale, offset in ((1.0, 0.0), (1e-12, 1.0), (3e9, 0.0), (0.0, 7.0)):
        predicted = offset + scale * rng.normal(size=200)
        table = pd.DataFrame({"predicted": predicted, "residual": scale * rng.normal(size=200), "rows": "training"})
        table.loc[150:, "rows"] = "test"
        table.loc[3, "residual"] = np.nan
        yield f"residuals {scale:g}", model.residuals(table, LONG, look)
        yield f"predicted vs observed {scale:g}", model.predicted_observed(table, LONG, look)
    yield from diagnostic_charts(look)
    one = pd.DataFrame({"predicted": [2.0], "residual": [0.5], "rows": ["test"]})
    yield "one row", model.predicted_observed(one, "y", look)


def diagnostic_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """Residuals along features and rows, quantiles, influence, and the curves of classes."""
    rng, n = np.random.default_rng(1), 120
    x, r, row = 1e6 * rng.uniform(-1, 1, n), rng.normal(size=n), np.arange(1, n + 1)
    yield "residuals along a feature", diagnostics.along(x, r, row, binned(x, r), LONG, look)
    yield "scale-location", diagnostics.scale_location(x, r, row, binned(x, np.sqrt(np.abs(r))), LONG, look)
    yield "normal quantiles", diagnostics.quantiles(normal_quantiles(r), look)
    leverage, cook = rng.uniform(0, 1, n), rng.exponential(0.3, n)
    yield "influence", diagnostics.influence(leverage, r, cook, row, look)
    yield "influence of classes", diagnostics.influence(leverage, np.full(n, np.nan), cook, row, look)
    mu = rng.uniform(0.2, 5.0, n)
    yield "rootogram", diagnostics.rootogram(curves.rootogram(mu, rng.poisson(mu).astype(float)), LONG, look)
    y = (rng.random(n) < leverage).astype(float)
    yield "ROC curve", diagnostics.roc(curves.roc(leverage, y), 0.8123, LONG, look)
    by_recall = curves.precision_recall(leverage, y)
    yield "precision and recall", diagnostics.precision_recall(by_recall, 0.7, 0.5, LONG, look)
    yield "gains", diagnostics.gains(curves.gains(leverage, y), 0.5, LONG, look)


def front_charts(look: Palette) -> Iterator[tuple[str, Any]]:
    """Fronts of formulas."""
    for name, errors in (("one", [0.0]), ("exact", [3.0, 1e-3, 0.0]), ("many", [1e12, 3e3, 2.0, 1.9, np.nan])):
        marks = ["", "", "tied", "recommended", ""][-len(errors) :] if len(errors) > 1 else ["recommended"]
        held_out = np.array(errors, dtype=float)
        front = {"choice": marks, "formula": [f"{LONG} * {i}" for i in range(len(errors))], "held_out": held_out}
        front |= {"complexity": np.arange(1, 2 * len(errors), 2), "test": held_out, "n_params": 2.0}
        yield f"front of {name}", formulas.formula_front(pd.DataFrame(front), "RMSE", LONG, look)


def all_charts(look: Palette) -> Sequence[tuple[str, Any]]:
    """Every chart of every case, with a name."""
    return [
        *trial_charts(look),
        *fit_charts(look),
        *map_charts(look),
        *evidence_charts(look),
        *model_charts(look),
        *front_charts(look),
    ]
