"""Whether pure noise is called noise: the permutation test and the recommendation where no feature says anything of the target.

    python benchmarks/noise.py OUT.jsonl               one line a draw; goes on where it was left, and prints the shares
    python benchmarks/noise.py OUT.jsonl --products    the same with networks one of whose nodes multiplies beside the plain ones

20 draws of 80 rows and 3 features; of 100 rows with products, so that the smallest such network has three rows a parameter and
the permutation test fits some. Networks are ranked by what their fits have spent (the default); the permutation test gains
by the identifiable count, and so does the claim that a network beats the mean and the linear model.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import kanlab
from kanlab.data.dataset import Dataset
from kanlab.execution.messages import PermutationTask
from kanlab.execution.tasks import permutation
from kanlab.kan.search_space import SearchSpace
from kanlab.selection.validation_plan import PERMUTATIONS, null_cells
from kanlab.study.trials import completed, first_ranked

DRAWS, FEATURES = 20, 3
PLAIN, PRODUCTS = SearchSpace((1, 3), (2, 4), (1, 3)), SearchSpace((1, 3), (2, 4), (1, 3), multiplication=(0, 1))
ROWS = {PLAIN: 80, PRODUCTS: 100}


def drawn(number: int, rows: int) -> Dataset:
    rng = np.random.default_rng([19, number])
    frame = pd.DataFrame(rng.normal(size=(rows, FEATURES)), columns=list("abc")).assign(y=rng.normal(size=rows))
    return Dataset.from_frame(frame, target="y", test_fraction=0.0, seed=0, name=f"noise {number}")


def one(number: int, space: SearchSpace) -> dict:
    data = drawn(number, ROWS[space])
    study = kanlab.tune(data, space, workers=1)
    spec, records = study.spec, study.handle.records()
    mean = next(b for b in study.baselines if b.family == "constant")
    first = first_ranked(records)
    assert first is not None
    assert mean.aicc is not None
    task = PermutationTask(
        cells=tuple(null_cells(spec, data.n, data.d)), shuffle=None, engine="lm", options=spec.options, seed=0,
        count=spec.rule, count_sigma2=spec.count_sigma2, values=spec.values,
    )  # fmt: skip
    import msgspec

    gains = [
        permutation(data, msgspec.structs.replace(task, shuffle=s))["gain"] for s in (None, *range(1, PERMUTATIONS + 1))
    ]
    found = study.recommendation.choice
    assert found is not None
    return {
        "draw": number,
        "p": (1 + sum(g >= gains[0] for g in gains[1:])) / len(gains),
        "recommended": found.family,
        "cells": [list(cell) for cell in task.cells],
        "first below the mean by effective K": (first.aicc_effective or 0.0) < mean.aicc,
        "a network below the mean by K": min(r.aicc for r in completed(records)) < mean.aicc,
    }


def main() -> None:
    out, space = Path(sys.argv[1]), PRODUCTS if "--products" in sys.argv[2:] else PLAIN
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = home
        for number in range(len(done), DRAWS):
            done.append(one(number, space))
            with out.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
    print(f"of {len(done)} draws of noise: p <= 0.05 in {sum(d['p'] <= 0.05 for d in done)}, a network recommended in "
          f"{sum(d['recommended'] == 'kan' for d in done)}; first network below the mean by effective K in "
          f"{sum(d['first below the mean by effective K'] for d in done)}, by K in "
          f"{sum(d['a network below the mean by K'] for d in done)}")  # fmt: skip


if __name__ == "__main__":
    main()
