"""A prediction server: what it answers, what it refuses, and that it runs nothing of a bundle."""

from __future__ import annotations

import http.client
import io
import json
import re
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.cli import main as cli
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.explain.models import held_family
from kanlab.explain.predictor import Predictor
from kanlab.export import server_page
from kanlab.export.card import dockerfile
from kanlab.export.document import document, document_text, read_models
from kanlab.export.served import MOST_BYTES, MOST_ROWS, ServedModel
from kanlab.export.server import server
from kanlab.language import percent
from tests.export.test_code import case, mixed
from tests.export.test_predict_source import network

PRESENT = Path(server_page.__file__).with_name("present.js")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def model() -> ServedModel:
    """Two targets of one table of every kind of column."""
    data, _ = mixed()
    first = Predictor("a network", data.recipe, network((data.d, 2, 1), 3, 2))
    return ServedModel([first, case("two classes").model])


@pytest.fixture(scope="module")
def port(model: ServedModel) -> Iterator[int]:
    with server(model) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_port
        running.shutdown()


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, content and headers of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request(method, path, sent, (JSON if sent is not None else {}) | named)
    answer = connection.getresponse()
    content = answer.read()
    kind = answer.headers.get_content_type()
    return (
        answer.status,
        json.loads(content) if kind == "application/json" and content else content,
        dict(answer.headers),
    )


def test_it_predicts_what_kanlab_predicts(model: ServedModel, port: int) -> None:
    _, rows = mixed()
    more = case("two classes").rows.iloc[:48].reset_index(drop=True)
    rows = rows.iloc[: len(more)].assign(**{c: more[c] for c in more})
    sent = json.loads(rows.to_json(orient="records", date_format="iso"))
    status, answer, _ = ask(port, "POST", "/predict", {"rows": sent})
    assert status == 200, answer
    for each in model.models:
        expected = each.predict(rows)
        for name in expected.columns:
            found = [row[name] for row in answer["predictions"]]
            known = [None if pd.isna(v) else v for v in expected.frame[name].astype(object)]
            assert [v is None for v in found] == [v is None for v in known]
            if all(isinstance(v, float) for v in known if v is not None):
                values = [(a, b) for a, b in zip(found, known, strict=True) if b is not None]
                np.testing.assert_allclose(*zip(*values, strict=True), rtol=1e-9)
            else:
                assert found == known
    assert any("missing" in note for note in answer["notes"])


def test_schema_health_and_page(model: ServedModel, port: int) -> None:
    status, schema, headers = ask(port, "GET", "/schema")
    assert status == 200
    assert [t["name"] for t in schema["targets"]] == model.targets
    kinds = {c["name"]: c["kind"] for c in schema["columns"]}
    assert {kinds["when"], kinds["flag"], kinds["kind"], kinds["a"]} == {"date", "number", "category"}
    assert schema["limits"] == {"rows": MOST_ROWS, "bytes": MOST_BYTES}
    assert next(c for c in schema["columns"] if c["name"] == "a")["high"] == pytest.approx(1, abs=0.2)
    assert "Python" not in headers["Server"]
    assert ask(port, "GET", "/health")[:2] == (200, {"status": "ok"})
    status, text, headers = ask(port, "GET", "/?study=x")
    assert status == 200
    assert b"http" not in text.replace(b"http-equiv", b"")  # nothing from elsewhere
    assert text.count(b"</script>") == 2  # one of the columns is called so
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert ask(port, "HEAD", "/")[1] == b""


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "must be JSON"),
        (b"[" * 100_000, 400, "must be JSON"),
        (b"\xff\xfe", 400, "must be JSON"),
        ({"rows": [{"a": {"b": 1}}]}, 400, "must be JSON"),
        (b'{"rows": [{"a": NaN}]}', 400, "must be JSON"),
        ({"rows": []}, 400, "no rows"),
        ({"rows": [{"stranger": 1}]}, 400, "no column 'stranger'"),
        ({"rows": [{"a": "x"}]}, 400, "Row 1: 'a' must be a number, not 'x'"),
        ({"rows": [{"when": "soon"}]}, 400, "must be a date"),
        ({"rows": [{"when": "2024-01-01"}]}, 400, "no column"),
        ({"rows": [{}] * (MOST_ROWS + 1)}, 413, "too many at once"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(port: int, body: Any, status: int, words: str) -> None:
    found, answer, _ = ask(port, "POST", "/predict", body)
    assert (found, words in answer["error"]) == (status, True), answer
    assert "\n" not in answer["error"]


def test_what_is_no_request_of_its_own_is_refused(port: int) -> None:
    for headers in ({"Host": "evil.example"}, {"Host": ""}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert ask(port, "POST", "/predict", {"rows": [{}]}, **headers)[0] == 403, headers
        assert ask(port, "GET", "/schema", **headers)[0] == 403
    assert ask(port, "GET", "/schema", Host="localhost:9999")[0] == 200  # a port that is passed on
    assert ask(port, "POST", "/predict", b"{}", Content_Type="text/plain")[0] == 415
    assert ask(port, "POST", "/predict", b"", Content_Length=str(MOST_BYTES + 1))[0] == 413
    assert ask(port, "POST", "/predict", b"", Content_Length="-1")[0] == 411
    assert ask(port, "POST", "/other", b"{}")[0] == 404
    assert ask(port, "GET", "/../model.json")[0] == 404
    assert ask(port, "GET", "/predict")[0] == 405
    assert ask(port, "PUT", "/predict", b"{}")[0] == 501
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"400" in raw.recv(200)
    assert ask(port, "GET", "/health")[0] == 200


def test_a_bundle_is_read_and_never_run(small: Dataset, tmp_path: Path) -> None:
    predictor = Predictor("a linear model", small.recipe, held_family(small, "linear", 0))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m/model.json", document_text(document(predictor, {})))
        archive.writestr("m/predict.py", f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "bundle.zip").write_bytes(packed.getvalue())
    served = ServedModel(read_models(tmp_path / "bundle.zip"))
    answer = served.answer(b'{"rows": [{"a": 0.5, "b": "0.25"}, {"a": null, "b": 1}]}')
    assert [p["y_predicted"] is None for p in answer["predictions"]] == [False, True]
    assert not (tmp_path / "ran").exists()


def test_the_image_serves_the_bundle_without_rights() -> None:
    """Read, and not built: a daemon of Docker is not part of the tests."""
    text = dockerfile()
    (command,) = re.findall(r"^CMD (.+)$", text, re.MULTILINE)
    arguments = cli._parser().parse_args(json.loads(command)[1:])
    assert (arguments.address, arguments.port) == ("0.0.0.0", 8600)
    assert text.index("\nUSER kanlab\n") < text.index("\nCMD ")
    (health,) = re.findall(r"^HEALTHCHECK.+\n +CMD (.+)$", text, re.MULTILINE)
    compile(json.loads(health)[-1], "health", "exec")
    assert f":{arguments.port}/health" in json.loads(health)[-1]


def test_a_port_in_use_is_a_sentence(model: ServedModel, port: int) -> None:
    for taken in (port, 99_999):
        with pytest.raises(StudyError, match="choose another with --address and --port"):
            server(model, "127.0.0.1", taken)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
@pytest.mark.parametrize("script", [server_page._SCRIPT, PRESENT.read_text(encoding="utf-8")])
def test_a_page_rounds_shares_as_the_app_does(script: str) -> None:
    start = script.index("function percent(p)")
    function = script[start : script.index("\n}\n", start) + 3]
    shares = [0.0, 1e-9, 4e-5, 3e-4, 0.25, 0.9994, 0.99951, 0.99996, 1.0]
    program = f"{function}\nconsole.log(JSON.stringify({shares}.map(percent)))"
    said = subprocess.run(["node", "-e", program], capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(said) == [percent(share, 1) for share in shares]
