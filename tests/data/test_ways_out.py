"""Ways out of a refused table: single changes, or a combination where no single one suffices; each is accepted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.ways_out import Asked, ways_out
from kanlab.errors import DatasetError


def table(rows: int = 60) -> pd.DataFrame:
    """A town a row, of which none can be a level, beside a column that is empty but for one row."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "empty": [1.0, *[None] * (rows - 1)],
            "town": [f"town {i // 2}" for i in range(rows)],
            "y": rng.normal(size=rows).round(3),
        }
    )


def kinds(frame: pd.DataFrame, asked: Asked) -> list[list[str]]:
    return [[change.kind for change in way] for way in ways_out(frame, asked)]


def test_two_changes_are_offered_together_where_neither_suffices() -> None:
    frame = table()
    asked = Asked("y", preparation=Preparation(target_scale="log"))  # y has negative values
    for preparation in (Preparation(), Preparation(gaps="fill", target_scale="log")):
        with pytest.raises(DatasetError):
            Dataset.from_frame(frame, "y", preparation=preparation)
    assert kinds(frame, asked)[0] == ["fill", "plain target"]
    assert Dataset.from_frame(frame, "y", preparation=Preparation(gaps="fill")).n > 0
    assert kinds(frame, replace(asked, preparation=Preparation()))[0] == ["fill"]  # one suffices


def test_three_changes_are_the_most() -> None:
    frame = table().assign(constant=1.0)
    wanted = Preparation(target_scale="log", scales={"constant": "log"})
    found = kinds(frame, Asked("y", ("constant", "empty"), preparation=wanted))
    assert found
    assert all(len(way) <= 3 for way in found)


def test_a_table_that_nothing_helps_has_no_way_out() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 2.0]})
    assert ways_out(frame, Asked("y")) == ()
