"""What the doctor finds and what the garbage collector takes."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.execution import doctor as housekeeping
from kanlab.execution.doctor import Check, doctor, in_bytes
from kanlab.execution.manage import delete
from kanlab.study.handle import create_study
from kanlab.study.lease import claim, holder
from kanlab.study.leftovers import leftovers, orphaned_leases, remove
from kanlab.study.spec import StudySpec
from kanlab.study.storage import data_path, get_storage
from tests.faults.test_crashes import Runner, kill, runner  # noqa: F401, a fixture
from tests.helpers.studies import wait_for

Fake = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))


def test_scratch_folders_of_processes_that_have_ended(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    for pid in (ended.pid, os.getpid()):
        (tmp_path / "tmp" / f"kanlab-{pid}-abc").mkdir()
    found = leftovers(get_storage())
    assert [p.name for p in found.files] == [f"kanlab-{ended.pid}-abc"]
    remove(get_storage(), found)
    assert [p.name for p in (tmp_path / "tmp").iterdir()] == [f"kanlab-{os.getpid()}-abc"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_try_worker", lambda name, preload: Check(name, True, "ready"))


def findings(**settings: object) -> dict[str, Check]:
    return {f.what: f for f in doctor(**settings)}  # type: ignore[arg-type]


def test_a_healthy_machine(quick: None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = findings(port=port)
    assert {what for what, f in found.items() if not f.ok} == set()
    looked_at = {"versions", "disk", "privacy", "compiled code", "storage", "leases", "unfinished studies", "port"}
    assert set(found) == looked_at | {"worker", "worker with pykan"}


def test_a_worker_is_really_started() -> None:
    assert housekeeping._try_worker("worker", False).ok


def test_what_is_wrong_is_found(quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Dataset) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert not findings(port=taken.getsockname()[1])["port"].ok
    broken = findings(storage_url="sqlite:////nowhere/at/all/x.db")["storage"]
    assert not broken.ok
    assert "cannot be opened" in broken.detail
    monkeypatch.setattr(housekeeping, "LEAST_FREE", 2**60)
    assert not findings()["disk"].ok
    (tmp_path / "file").touch()
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "file" / "below"))
    assert "cannot be created" in findings()["disk"].detail


def test_leases_of_processes_that_have_ended(
    small: Dataset,
    runner: Callable[..., tuple[Runner, Path]],  # noqa: F811
    quick: None,
) -> None:
    program, _ = runner(seconds=1)
    handle = create_study(small, StudySpec(engine="pykan-lbfgs"))
    held = claim(create_study(small, StudySpec()).optuna)
    pid = program.run(handle.name)
    wait_for(lambda: holder(handle.optuna))
    assert orphaned_leases(get_storage()) == []
    kill(pid)
    assert orphaned_leases(get_storage()) == [handle.id]
    assert "resume" in findings()["leases"].detail
    remove(get_storage(), leftovers(get_storage()))
    assert orphaned_leases(get_storage()) == []
    held.renew()  # that of a living process stays
    held.release()


def test_data_no_study_refers_to(small: Dataset, frame: pd.DataFrame, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    other = Dataset.from_frame(frame, "y", ["a"])
    kept, gone = create_study(small, StudySpec()), create_study(other, StudySpec())
    delete(gone)
    assert leftovers(get_storage()).files == []  # too young: a study may just be being made of it
    for path in data_path(small.sha256).parent.iterdir():
        os.utime(path, (0, 0))
    found = leftovers(get_storage())
    assert found.files == [data_path(other.sha256)]
    assert found.size == data_path(other.sha256).stat().st_size
    remove(get_storage(), found)
    assert [p.name for p in data_path(small.sha256).parent.iterdir()] == [f"{kept.data.sha256}.parquet"]

    shared, two = (create_study(d, StudySpec(), storage_url=url) for d in (small, other))
    delete(two)
    found = leftovers(get_storage(url))
    assert len(found.blobs) == 1
    remove(get_storage(url), found)
    assert leftovers(get_storage(url)).blobs == []
    assert shared.optuna.user_attrs["artifact"]["id"] not in found.blobs


def test_data_of_the_own_file_stay_whatever_storage_is_cleaned(small: Dataset, tmp_path: Path) -> None:
    """They are nowhere else."""
    create_study(small, StudySpec())
    path = data_path(small.sha256)
    os.utime(path, (0, 0))
    another = get_storage(f"sqlite:///{tmp_path / 'another.db'}")
    found = leftovers(another)
    assert found.files == []
    remove(another, found)
    assert path.exists()


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (5e9, "5 GB")])
def test_sizes_in_words(size: float, words: str) -> None:
    assert in_bytes(size) == words
