"""Behind every chart stands a table of what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from kanlab.charts import evidence, trials
from kanlab.charts.as_table import tables_behind
from kanlab.charts.palette import LIGHT
from kanlab.selection.ranking import trial_table
from tests.helpers.chart_cases import all_charts, plain_models, trial_records


@pytest.fixture(scope="module")
def behind() -> dict[str, list[pd.DataFrame]]:
    return {name: tables_behind(made.to_dict()) for name, made in all_charts(LIGHT)}


def test_every_chart_with_data_has_a_table_in_words(behind: dict[str, list[pd.DataFrame]]) -> None:
    without = [name for name, tables in behind.items() if not tables]
    assert all("none" in name or "of 0" in name or name == "losses of 1" for name in without), without
    columns = {str(column) for tables in behind.values() for table in tables for column in table}
    assert not {column for column in columns if "_" in column and not column.startswith("progression")}, columns


def test_the_numbers_are_those_of_the_trials() -> None:
    table = trial_table(trial_records(60, np.random.default_rng(0)))
    chart = trials.aicc_against_rss(table, 300, plain_models(1.0), 3, "y", LIGHT)
    for spec in (chart.to_dict(), chart.spec | {"datasets": chart.tables}):  # as Altair has it, and as it is sent
        told = next(found for found in tables_behind(spec) if "trial" in found)
        assert len(told) == 60
        both = told.merge(table, left_on="trial", right_on="number")
        np.testing.assert_allclose(both["AICc"], both["aicc"])


def test_layers_of_the_same_columns_are_one_table() -> None:
    (told,) = tables_behind(evidence.permutation_gains(80.0, [3.0, 5.0, 2.0]).to_dict())
    assert told.to_dict("list") == {
        "target": ["shuffled"] * 3 + ["this target"],
        "AICc gain over the mean": [3.0, 5.0, 2.0, 80.0],
    }
