"""How soon a sampled search finds a good configuration: full grids are fitted once and kept, searches replay them.

    python benchmarks/sampling.py GRIDS.jsonl              fits what is missing (minutes a problem), then replays
    python benchmarks/sampling.py GRIDS.jsonl --replay     replays alone

A search may look at a tenth of the configurations. Good is an AICc (by what the fit has spent) within 2% of the lowest of the grid,
or two units of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import optuna

from kanlab.kan.parameter_count import MOST_EDF, effective_count
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.solver.fit import fit_path
from kanlab.stats.criteria import aicc
from kanlab.study.sampler import CellSampler, distributions, make_proposer

SPACE, ROWS, SEEDS, SHARE = SearchSpace((1, 8), (2, 10), (1, 3)), 200, 5, 10
SAMPLERS = ("random", "tpe", "gp")
PROBLEMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sum": lambda X: np.sin(3 * X[:, 0]) + np.cos(2 * X[:, 1]) + X[:, 2] ** 2,
    "product": lambda X: X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]),
    "composition": lambda X: np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2),
    "waves": lambda X: np.sin(8 * X[:, 0]) + X[:, 1],
    "line": lambda X: X[:, 0] - X[:, 1] + 0.5 * X[:, 2],
}


def grid(name: str) -> dict[str, float]:
    """AICc of every cell of a problem that has one."""
    rng = np.random.default_rng([7, *name.encode()])
    X = rng.uniform(-1, 1, (ROWS, 4))
    signal = PROBLEMS[name](X)
    y = signal + 0.3 * signal.std() * rng.normal(size=ROWS)
    found = {}
    for of_path in {c._replace(neuron_num=0) for c in SPACE.admissible(ROWS, 4)}:
        path = [c for c in SPACE.admissible(ROWS, 4) if c._replace(neuron_num=0) == of_path]
        for cell, fit in zip(path, fit_path(X, y, of_path.grid, of_path.k, [c.neuron_num for c in path]), strict=True):
            spent = effective_count(fit.edf or np.inf, 4, cell.neuron_num, count_sigma2=True)
            if fit.edf is not None and fit.edf < MOST_EDF * ROWS and ROWS - spent - 1 > 0:
                found[",".join(map(str, cell[:3]))] = aicc(fit.rss_train, ROWS, spent)
    return found


def searches(values: dict[Cell, float], sampler: str) -> Iterator[list[float]]:
    """What a search sees, by seed, one after the other."""
    for seed in range(1 if sampler == "gp" else SEEDS):  # which draws nothing
        cells = sorted(values)
        study = optuna.create_study(sampler=CellSampler(SPACE, cells, make_proposer(sampler, seed), seed))
        seen = []
        for _ in range(round(len(cells) / SHARE)):
            trial = study.ask(distributions(SPACE))
            seen.append(values[Cell(**trial.params)])
            study.tell(trial, seen[-1])
        yield seen


def report(grids: list[dict[Cell, float]]) -> None:
    print(
        "| sampler | good in a tenth of the fits | the lowest AICc missed by, median and mean | fits to the first good one |"
    )
    print("|---|---|---|---|")
    for sampler in SAMPLERS:
        missed, first = [], []
        for values in grids:
            lowest = min(values.values())
            good = max(2.0, 0.02 * abs(lowest))
            for seen in searches(values, sampler):
                missed.append((min(seen) - lowest, min(seen) - lowest <= good))
                hits = np.flatnonzero(np.array(seen) - lowest <= good)
                first.append(hits[0] + 1 if len(hits) else 2 * len(seen))
        by, found = np.array(missed).T
        print(
            f"| {sampler} | {100 * found.mean():.0f}% | {np.median(by):.1f}, {by.mean():.1f} | {np.median(first):.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--replay", action="store_true")
    arguments = parser.parse_args()
    lines = arguments.path.read_text().splitlines() if arguments.path.exists() else []
    known = {r["problem"]: r["aicc"] for r in map(json.loads, lines)}
    for name in () if arguments.replay else PROBLEMS:
        if name not in known:
            known[name] = grid(name)
            with arguments.path.open("a") as out:
                out.write(json.dumps({"problem": name, "aicc": known[name]}) + "\n")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    report([{Cell(*map(int, c.split(","))): v for c, v in values.items()} for values in known.values()])


if __name__ == "__main__":
    main()
