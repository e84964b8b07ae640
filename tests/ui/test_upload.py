"""Uploads on the Data page, driven without a browser: read once, by the reader process, refusals too."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.data.reading.typed import Table
from kanlab.ui import upload as module
from tests.helpers.hostile import HOSTILE
from tests.helpers.pages import healthy, text_of, upload, widget


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that the reader process was given."""
    seen: list[str] = []
    real = module.read_apart

    def noted(source: Any, *, name: str, **keywords: Any) -> Table:
        seen.append(name)
        return real(source, name=name, **keywords)

    monkeypatch.setattr(module, "read_apart", noted)
    return seen


@pytest.mark.parametrize("name", ["a row number of eleven digits", "a dictionary of one long text"])
def test_a_hostile_file_is_read_once_and_refused_in_a_sentence(app: AppTest, reads: list[str], name: str) -> None:
    case = next(c for c in HOSTILE if c.name == name)
    upload(app, f"hostile{case.suffix}", case.content())
    for _ in range(2):
        assert len(app.error) == 1
        assert case.sentence in app.error[0].value.replace("\\", "")
        healthy(app.run())
    assert reads == [f"hostile{case.suffix}"]


def test_a_table_is_read_once_and_again_where_it_is_read_in_another_way(app: AppTest, reads: list[str]) -> None:
    upload(app, "t.csv", b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(50)))
    healthy(app.run())
    assert reads == ["t.csv"]
    widget(app.selectbox, "Names of columns").select(0).run()
    assert reads == ["t.csv"] * 2
    assert "51 rows" in text_of(healthy(app))
