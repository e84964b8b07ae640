"""How often strong interactions of a network without products say that products pay: `python -m benchmarks.product_hint LOG.jsonl`.

The problems, tables and draws of benchmarks/multiplication.py. The network of lowest AICc by what is spent, of 1 to 4 nodes that add,
is tested for interactions against 19 refits to targets without any, as `kanlab interactions` does it. One line of JSON each: the pair
of lowest p-value, its H, and its strength over the spread of the predictions.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

from benchmarks.multiplication import DRAWS, GRIDS, NODES, PROBLEMS, TABLES, Rows, criterion, of_problem, of_table
from kanlab.baselines.additive_null import additive_null
from kanlab.data.dataset import Dataset
from kanlab.explain.interactions import NULLS, interactions_of
from kanlab.solver.fit import fit_path


def tested(rows: Rows, seed: int) -> dict[str, object]:
    X, y = rows[:2]
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(y=y)
    data = Dataset.from_frame(frame, "y", test_fraction=0.0, name="rows")
    fits = [f for grid, k in GRIDS for f in fit_path(data.X_train, data.y_train, grid, k, NODES, seed=seed)]
    best = min(fits, key=lambda f: criterion(f, data.n))
    found, nulls, spec = interactions_of(best, data), [], best.spec
    for number in range(NULLS):
        target = additive_null(data, number).y_train
        (again,) = fit_path(data.X_train, target, spec.grid, spec.k, [spec.neuron_num], seed=seed)
        nulls.append({p.key: p.strength for p in interactions_of(again, data, found.features).pairs})
    pairs = sorted(found.tested(nulls).pairs, key=lambda p: (p.p, -p.strength))
    if not pairs:
        return {"pair": None}
    top = pairs[0]
    return {"pair": [top.first, top.second], "p": top.p, "H": top.h, "share": top.strength / found.spread,
            "nodes": spec.neuron_num, "grid": spec.grid, "k": spec.k}  # fmt: skip


def main(log: Path) -> None:
    warnings.simplefilter("ignore")
    done = {tuple(json.loads(line)["of"]) for line in log.read_text().splitlines()} if log.exists() else set()
    with log.open("a") as out:
        for draw in DRAWS:
            for name in PROBLEMS:
                if (name, draw) not in done:
                    print(
                        json.dumps({"of": [name, draw], **tested(of_problem(name, draw), draw)}), file=out, flush=True
                    )
            for table in TABLES:
                if (table.name, draw) not in done:
                    print(
                        json.dumps({"of": [table.name, draw], **tested(of_table(table, draw), draw)}),
                        file=out,
                        flush=True,
                    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
