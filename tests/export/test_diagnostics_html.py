"""Diagnostics in the report: every check a sentence, what is amiss in bold, names escaped, charts of every task."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.explain.bands import bands_of
from kanlab.explain.diagnostics import diagnostics_of
from kanlab.explain.models import held_family
from kanlab.export.diagnostics_html import diagnostics_html
from kanlab.export.effects_html import effects_html, effects_of


def dataset(task: str) -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 120)
    y = x + 2 * x**2 + 0.1 * rng.normal(size=120)
    target = {
        "regression": y,
        "counts": rng.poisson(np.exp(y)).astype(float),
        "classification": np.where(rng.random(120) < 1 / (1 + np.exp(-y)), "<b>", "a"),
        "multiclass": np.array(["<b>", "a", "c"])[np.digitize(y, [0.0, 0.7])],
    }[task]
    frame = pd.DataFrame({"<i>": x, "kind": rng.choice(["u", "v"], 120), "y": target})
    return Dataset.from_frame(frame, "y", task="auto" if task == "multiclass" else task)


@pytest.mark.parametrize(
    ("task", "charts"), [("regression", 4), ("counts", 4), ("classification", 2), ("multiclass", 0)]
)
def test_the_section_of_a_linear_model(task: str, charts: int) -> None:
    data = dataset(task)
    found = diagnostics_of(held_family(data, "linear", 0), data)
    page = diagnostics_html(found)
    assert page.count("<li>") == len(found.checks)
    assert page.count("<strong>") == len(found.departures)
    assert page.count("<figure>") == charts
    assert "<i>" not in page
    assert "<b>" not in page
    assert "The most influential training rows" in page
    if task == "regression":
        assert "<strong>The residuals follow &lt;i&gt;" in page
        numbers = [float(n) for n in re.findall(r'c[xy]="([-\d.]+)"', page)]
        assert min(numbers) >= 0.0
        assert max(numbers) <= 220.0


def test_bands_of_the_report_lie_around_their_curves() -> None:
    data = dataset("regression")
    model = held_family(data, "linear", 0)
    found = effects_of(lambda X: model.predict_flagged(X)[0], data, bands_of(model, data))
    assert found is not None
    page = effects_html(found)
    assert page.count("<polygon") == 1  # of the number
    assert page.count("<line ") == 2  # of the two levels
    assert "The light band is at 95% confidence" in page
    plain = effects_of(lambda X: model.predict_flagged(X)[0], data)
    assert plain is not None
    assert "light band" not in effects_html(plain)
