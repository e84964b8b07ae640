"""A server is started anew, or a lead sleeps: the commands that run a study wait, or follow, and end with the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy

from kanlab.api import Study, run_study
from kanlab.data.dataset import Dataset
from kanlab.execution.manager import manager
from kanlab.execution.messages import Error
from kanlab.execution.schedule import make_schedule
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import SearchSpace
from kanlab.selection import validation_run
from kanlab.study import lease, patience
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.lease import Watch, claim
from kanlab.study.patience import patiently
from kanlab.study.spec import StudySpec
from kanlab.study.state import request_stop
from kanlab.study.storage import STORAGE_ERRORS
from tests.helpers import fake_cli
from tests.helpers.command_line import RANGES, strict_json
from tests.helpers.command_line import STOCK as STOCK_OPTIONS
from tests.helpers.fits import fitted_cells, release
from tests.helpers.postgres import Server
from tests.helpers.sentences import assert_sentence
from tests.helpers.studies import STOCK, by_cell, finish, finished, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 2), (2, 9), (1, 2))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(fake_workers: Fake, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `kanlab ARGUMENTS` in a process whose fits are made by fake workers; what it says goes to `said`."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, fake_cli.__file__, *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=(tmp_path / "said").open("w"),
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def said(tmp_path: Path) -> Callable[[], str]:
    return lambda: (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""


def completed(handle: StudyHandle) -> list[tuple[object, ...]]:
    return by_cell([r for r in handle.records() if r.state != "running"])


def assert_every_cell_once(handle: StudyHandle) -> None:
    assert sorted(finished(handle)) == sorted(handle.spec.admissible(handle.data.n_train, handle.data.d))
    assert {r.state for r in handle.records()} == {"complete"}


# ---- a server that is started anew


@pytest.mark.parametrize(("verb", "how"), [("tune", "immediate"), ("resume", "fast"), ("rerun", "kill -9")])
def test_a_server_started_anew_is_waited_for(
    verb: str,
    how: str,
    url: str,
    csv: str,
    small: Dataset,
    postgres_server: Server,
    fake_workers: Fake,
    command: Callable[..., subprocess.Popen[str]],
    said: Callable[[], str],
) -> None:
    log = fake_workers(hold_after=5)
    name = f"{verb} {how}"
    if verb == "tune":
        process = command(
            "tune", csv, "--target", "y", *RANGES, *STOCK_OPTIONS, "--study", name, "--storage", url, "--json"
        )
    else:
        handle = create_study(small, StudySpec(space=SPACE, engine=STOCK), name=name, storage_url=url)
        if verb == "rerun":
            release(log)
            finish(handle)
            log.write_text("")
            log.with_suffix(".go").unlink()
            process = command("rerun", name, "--study", f"{name} again", "--storage", url, "--json")
            name = f"{name} again"
        else:
            process = command("resume", name, "--storage", url, "--json")
    wait_for(lambda: len(fitted_cells(log)) > 5, 60)
    handle = load_study(name, storage_url=url)
    wait_for(lambda: len(finished(handle)) >= 5)
    before = completed(handle)
    postgres_server.stop(how)
    wait_for(lambda: "does not answer" in said(), 60)
    assert process.poll() is None
    release(log)
    postgres_server.start()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said()
    assert "Traceback" not in said()
    for line in said().splitlines():
        if "does not answer" in line:
            assert_sentence(line.removeprefix("kanlab: "))
    assert "The storage answers again." in said()
    content = strict_json(out)
    assert content["state"] == "finished"
    after = patiently(lambda: completed(handle))  # the connections of this process broke as well
    assert [row for row in after if row in before] == before  # lost: 0
    assert_every_cell_once(handle)  # none lost, none twice


def test_progress_is_reported_again_once_the_storage_answers(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.01)
    log = fake_workers(hold_after=3)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    broken = sqlalchemy.exc.OperationalError("", {}, Exception("server closed the connection"))
    reports: list[int] = []

    def report(study: Study) -> None:
        reports.append(len(study.handle.records()))
        if len(reports) in (2, 3):
            raise broken
        if len(reports) == 5:
            release(log)

    assert run_study(handle, report, every=0.01).state.name == "finished"
    assert len(reports) > 5


def test_an_error_of_the_report_itself_is_raised(small: Dataset, fake_workers: Fake) -> None:
    """Of its own database, which never answers while the storage of the study does."""
    fake_workers(hold_after=0)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))

    def report(study: Study) -> None:
        raise sqlalchemy.exc.OperationalError("", {}, Exception("another database"))

    with pytest.raises(sqlalchemy.exc.OperationalError, match="another database"):
        run_study(handle, report, every=0.01)
    assert state(handle).name == "stopped"


def test_a_start_that_broke_off_keeps_nobody_from_the_study(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()
    handle = create_study(small, StudySpec(space=SearchSpace((1, 1), (2, 3), (1, 1)), engine=STOCK))
    broken = sqlalchemy.exc.OperationalError("", {}, Exception("gone"))
    with monkeypatch.context() as patch:
        patch.setattr("kanlab.execution.manager.request_run", lambda study: (_ for _ in ()).throw(broken))
        with pytest.raises(STORAGE_ERRORS):
            manager().start(handle)
    assert run_study(handle).state.name == "finished"


def test_a_validation_waits_for_its_storage(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers()
    monkeypatch.setattr(patience, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(validation_run, "WRITE_SECONDS", 0.0)
    handle = create_study(small, StudySpec(space=SearchSpace((1, 1), (2, 3), (1, 1)), engine=STOCK, workers=1))
    finish(handle)
    write, calls = type(handle.optuna).set_user_attr, []

    def unsteady(study: object, key: str, value: object) -> None:
        calls.append(key)
        if len(calls) % 3 == 0:
            raise sqlalchemy.exc.OperationalError("", {}, Exception("server closed the connection"))
        write(study, key, value)  # type: ignore[arg-type]

    monkeypatch.setattr(type(handle.optuna), "set_user_attr", unsteady)
    found = validation_run.validate(handle, workers=1)
    assert found.state == "done"
    assert found.done == found.total
    assert len(calls) > 6


# ---- a lead that slept


def put_to_sleep(
    csv: str, log: Path, command: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> tuple[subprocess.Popen[str], StudyHandle, lease.Lease]:
    """`kanlab tune` frozen in the middle of its fits, its lease taken over by this process."""
    process = command("tune", csv, "--target", "y", *RANGES, *STOCK_OPTIONS, "--study", "mine", "--json")
    wait_for(lambda: len(fitted_cells(log)) > 5, 60)
    handle = load_study("mine")
    wait_for(lambda: len(finished(handle)) >= 5)
    process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.5)
    watch = Watch(handle.optuna)
    return process, handle, wait_for(watch.claim)


@pytest.mark.parametrize("wakes", ["while it runs", "when it is over"])
def test_a_lead_that_slept_follows_who_took_over(
    wakes: str,
    csv: str,
    fake_workers: Fake,
    command: Callable[..., subprocess.Popen[str]],
    said: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = fake_workers(hold_after=5)
    process, handle, ours = put_to_sleep(csv, log, command, monkeypatch)
    before = completed(handle)
    second = Supervisor(handle, lease=ours)
    second.start()
    wait_for(lambda: state(handle).pid == os.getpid())
    if wakes == "when it is over":
        release(log)
        second.join(60)
        assert state(handle).name == "finished"
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: "Another process has taken the study 'mine' over" in said(), 60)
    if wakes == "while it runs":
        assert process.poll() is None  # it follows
        release(log)
        second.join(60)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said()
    content = strict_json(out)
    assert content["state"] == "finished"
    assert {t["state"] for t in content["trials"]} == {"complete"}
    after = completed(handle)
    assert [row for row in after if row in before] == before  # lost: 0
    assert_every_cell_once(handle)  # none lost, none twice


def test_cells_left_open_by_who_took_over_are_no_success(
    csv: str,
    fake_workers: Fake,
    command: Callable[..., subprocess.Popen[str]],
    said: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = fake_workers(hold_after=5)
    process, handle, ours = put_to_sleep(csv, log, command, monkeypatch)
    second = Supervisor(handle, lease=ours)
    second.start()
    wait_for(lambda: state(handle).pid == os.getpid())
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: "Another process has taken the study 'mine' over" in said(), 60)
    request_stop(handle.optuna)
    second.join(60)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said()
    assert "Resume continues from there." in said()
    assert strict_json(out)["state"] == "stopped"


def test_all_that_runs_a_study_asleep_for_a_while(
    csv: str,
    fake_workers: Fake,
    command: Callable[..., subprocess.Popen[str]],
    said: Callable[[], str],
) -> None:
    """As on a laptop that is closed: nobody else takes over, and all of it goes on."""
    log = fake_workers(hold_after=5)
    process = command("tune", csv, "--target", "y", *RANGES, *STOCK_OPTIONS, "--study", "mine")
    wait_for(lambda: len(fitted_cells(log)) > 5, 60)
    asleep = [process.pid, *(p.pid for p in psutil.Process(process.pid).children(recursive=True))]
    assert len(asleep) > 1
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in asleep))
    before = completed(load_study("mine"))
    release(log)
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0, said()
    handle = load_study("mine")
    assert [row for row in completed(handle) if row in before] == before  # lost: 0
    assert_every_cell_once(handle)  # none lost, none twice


def test_a_result_of_a_lead_that_slept_is_not_written(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a trial left that it opened when it woke up, in the middle of a step."""
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, sampler="random"))
    first = Supervisor(handle, lease=claim(handle.optuna))
    first._schedule = make_schedule(handle)
    first._schedule.before_writing = first._check_lease
    lease._ours.clear()  # as if its process had ended
    second = claim(load_study(handle.name).optuna)
    job = first._schedule.take()
    assert job is not None
    with pytest.raises(lease.LeaseLost) as caught:
        first._schedule.answered(job, Error("broke off"))
    assert len(handle.records()) == 1
    first._give_way(caught.value)
    assert first.replaced
    assert handle.records() == []  # interrupted: its cell is open
    second.release()
