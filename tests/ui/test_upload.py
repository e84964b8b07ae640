"""Uploads on the Data page, driven without a browser: read once, by the reader process, refusals too."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
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


def packed(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


class Harm:
    """Whoever unpickles it makes a folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def locked(archive: bytes) -> bytes:
    """The same, said to be encrypted."""
    return archive.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")


TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(50))
BUNDLE = {"m/model.json": b"{}", "m/predict.py": b"import os", "m/trials.csv": TABLE}
REFUSED = {
    "a bundle": (lambda: packed(BUNDLE), "holds a model and no table"),
    "a bundle that leaves its folder": (
        lambda: packed({f"../../{name}": content for name, content in BUNDLE.items()}),
        "no table",
    ),
    "300 MB of one letter": (lambda: packed({"t.csv": b"a" * 300_000_000}), "no line end in its first 1 MB"),
    "300 MB of one row": (lambda: packed({"t.csv": b"a,b\n" * 75_000_000}), "unpacks to more than"),
    "an archive of archives": (lambda: packed({"t.csv": packed({"u.csv": TABLE})}), "archive within the archive"),
    "locked": (lambda: locked(packed({"t.csv": TABLE})), "locked with a password"),
    "cut short": (lambda: packed({"t.csv": TABLE})[:-40], "damaged"),
    "pickled": (lambda: pickle.dumps(Harm()), "binary file"),
    "pickled, packed": (lambda: packed({"t.csv": pickle.dumps(Harm())}), "binary file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_archive_is_refused_in_a_sentence(
    app: AppTest, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, sentence = REFUSED[name][0](), REFUSED[name][1]
    monkeypatch.chdir(tmp_path)
    upload(app, "given.zip", content)
    assert len(app.error) == 1
    said = app.error[0].value.replace("\\", "")
    assert sentence in said
    assert "given.zip" in said
    assert not [p for p in tmp_path.rglob("*") if p.name in ("unpickled", "model.json", "predict.py")]
    upload(app, "honest.zip", packed({"../t.csv": TABLE}))  # which is read, not unpacked
    assert "50 rows" in text_of(healthy(app))
