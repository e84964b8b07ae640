"""optuna-dashboard behind its guard: read-only, for this machine, and our studies read well in it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import optuna
import pytest

from kanlab.data.dataset import Dataset
from kanlab.execution.manage import delete
from kanlab.export.attached import attach_bundle
from kanlab.export.bundle import Bundle
from kanlab.kan.search_space import SearchSpace
from kanlab.study.dashboard import DashboardServer, guarded
from kanlab.study.handle import StudyHandle, load_study
from kanlab.study.leftovers import leftovers
from kanlab.study.optuna_adapter import storage_of
from kanlab.study.storage import get_storage
from tests.helpers.studies import run, wait_for

Fake = Callable[..., Path]


@pytest.fixture
def study(small: Dataset, fake_workers: Fake) -> StudyHandle:
    fake_workers()
    return run(small, space=SearchSpace((1, 2), (2, 4), (1, 1)), name="mine")


@pytest.fixture
def server(study: StudyHandle) -> Iterator[str]:
    """Address of a dashboard on the studies of this test."""
    started = DashboardServer(None)
    yield wait_for(started.url, 60)
    started.close()


def ask(url: str, method: str, path: str, *, host: str | None = None, body: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"Content-Type": "application/json"} | ({"Host": host} if host else {})
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_our_study_reads_well_and_cannot_be_changed(server: str, study: StudyHandle) -> None:
    number = study.id
    assert urlsplit(server).hostname == "127.0.0.1"
    status, page = ask(server, "GET", f"/dashboard/studies/{number}")  # the link of the Live page
    assert status == 200
    assert b"<html" in page.lower()
    status, content = ask(server, "GET", f"/api/studies/{number}?after=0")
    found = json.loads(content)
    assert status == 200
    assert found["name"] == "mine"
    assert found["objective_names"] == ["AICc"]
    assert len(found["trials"]) == len(study.records())
    for trial, record in zip(found["trials"], study.records(), strict=True):
        values = {attribute["key"]: attribute["value"] for attribute in trial["user_attrs"]}
        assert {p["name"]: int(p["param_external_value"]) for p in trial["params"]} == study.spec.space.params(
            record.cell
        )
        assert trial["values"] == [record.aicc]
        assert (float(values["rss_train"]), int(values["n_params"])) == (record.rss_train, record.n_params)
        assert trial["constraints"] == [record.n_params - (study.data.n_train - 2)]
        assert trial["constraints"][0] <= 0
        assert float(values["AICc"]) == pytest.approx(record.aicc, rel=1e-5)
        assert float(values["RSS train"]) == pytest.approx(record.rss_train, rel=1e-5)
        assert float(values["Parameters K"]) == record.n_params
        assert values["Status"] == record.status
        assert trial["intermediate_values"] == [{"step": i, "value": v} for i, v in enumerate(record.loss_curve)]
    assert any(record.loss_curve for record in study.records())
    assert {"AICc", "RSS train", "RMSE test", "Seconds"} <= {a["key"] for a in found["union_user_attrs"]}
    of_study = {attribute["key"]: attribute["value"] for attribute in found["user_attrs"]}
    assert of_study["Target"] == "y"
    assert of_study["Search space"] == "neuron_num 1 to 2; grid 2 to 4; k 1 to 1"
    assert of_study["Rows"] == f"{study.data.n_train} training, {study.data.n_test} test"

    for method, path, body in (
        ("DELETE", f"/api/studies/{number}", {"remove_associated_artifacts": False}),
        ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
        ("PUT", f"/api/studies/{number}/note", {"body": "x", "version": 1}),
    ):
        status, words = ask(server, method, path, body=body)
        assert status == 403
        assert b"read-only" in words
    assert len(load_study("mine").records()) == len(study.records())


def test_what_is_kept_with_a_study_can_be_downloaded(server: str, study: StudyHandle) -> None:
    made = Bundle("mine", {"report.html": "<html>first</html>", "model.json": "{}"})
    for text in ("<html>first</html>", "<html>second</html>"):  # the later one takes the place
        made = Bundle("mine", {"report.html": text, "model.json": "{}"})
        assert attach_bundle(study, made) == ["bundle.zip", "report.html"]
    found = json.loads(ask(server, "GET", f"/api/studies/{study.id}?after=0")[1])["artifacts"]
    assert sorted(a["filename"] for a in found) == ["bundle.zip", "report.html"]
    contents = {a["filename"]: ask(server, "GET", f"/artifacts/{study.id}/{a['artifact_id']}")[1] for a in found}
    assert contents == {"bundle.zip": made.zipped(), "report.html": b"<html>second</html>"}
    public = optuna.artifacts.get_all_artifact_meta(study.optuna)
    assert {(a.filename, a.mimetype) for a in public} == {
        ("bundle.zip", "application/zip"),
        ("report.html", "text/html"),
    }
    assert leftovers(get_storage()).blobs == []
    delete(study)
    assert len(leftovers(get_storage()).blobs) == 2


def test_a_page_elsewhere_cannot_reach_it_by_a_name_of_its_own(server: str) -> None:
    for host in ("evil.example:8080", "127.0.0.1.evil.example", "[::2]", "[::1", "localhost.evil.example:80"):
        status, words = ask(server, "GET", "/api/studies", host=host)
        assert status == 403
        assert b"127.0.0.1 only" in words


@pytest.mark.parametrize(
    ("method", "host", "writable", "passes"),
    [
        ("GET", "127.0.0.1:1", False, True),
        ("HEAD", "localhost:8080", False, True),
        ("GET", "[::1]:8080", False, True),
        ("DELETE", "localhost", False, False),
        ("DELETE", "localhost", True, True),
        ("DELETE", "elsewhere", True, False),
        ("OPTIONS", "localhost", False, False),
    ],
)
def test_the_guard(method: str, host: str, writable: bool, passes: bool) -> None:
    status: list[str] = []
    guard = guarded(lambda environ, start: [b"inside"], writable=writable)
    answer = guard({"REQUEST_METHOD": method, "HTTP_HOST": host}, lambda code, headers: status.append(code))
    assert (list(answer) == [b"inside"]) == passes
    assert status == ([] if passes else ["403 Forbidden"])


def test_writable_is_a_choice_on_the_command_line(study: StudyHandle) -> None:
    command = [sys.executable, "-m", "kanlab", "dashboard", "--writable", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        status, _ = ask(url, "PUT", f"/api/studies/{study.id}/note", body={"body": "kept", "version": 1})
        assert status == 204
        process.terminate()
    attributes = storage_of(study.optuna).get_study_system_attrs(study.id)
    assert "kept" in json.dumps(attributes)
