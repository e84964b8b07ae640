"""Whether pure noise is called noise: the permutation test and the recommendation where no feature says anything of the target.

    python benchmarks/noise.py OUT.jsonl       one line a draw; goes on where it was left, and prints the shares

20 draws of 80 rows and 3 features. Networks are ranked by what their fits have spent (the default); the permutation test gains
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

DRAWS, ROWS, FEATURES = 20, 80, 3
SPACE = SearchSpace((1, 3), (2, 4), (1, 3))


def drawn(number: int) -> Dataset:
    rng = np.random.default_rng([19, number])
    frame = pd.DataFrame(rng.normal(size=(ROWS, FEATURES)), columns=list("abc")).assign(y=rng.normal(size=ROWS))
    return Dataset.from_frame(frame, target="y", test_fraction=0.0, seed=0, name=f"noise {number}")


def one(number: int) -> dict:
    data = drawn(number)
    study = kanlab.tune(data, SPACE, workers=1)
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
        "first below the mean by effective K": (first.aicc_effective or 0.0) < mean.aicc,
        "a network below the mean by K": min(r.aicc for r in completed(records)) < mean.aicc,
    }


def main() -> None:
    out = Path(sys.argv[1])
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = home
        for number in range(len(done), DRAWS):
            done.append(one(number))
            with out.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
    print(f"of {len(done)} draws of noise: p <= 0.05 in {sum(d['p'] <= 0.05 for d in done)}, a network recommended in "
          f"{sum(d['recommended'] == 'kan' for d in done)}; first network below the mean by effective K in "
          f"{sum(d['first below the mean by effective K'] for d in done)}, by K in "
          f"{sum(d['a network below the mean by K'] for d in done)}")  # fmt: skip


if __name__ == "__main__":
    main()
