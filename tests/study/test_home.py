"""kanlab's own folder: for its owner alone, of whatever name, and told where it cannot be written to."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from streamlit.testing.v1 import AppTest

from kanlab import programs
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.doctor import doctor
from kanlab.study.handle import create_study, load_study, study_names
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage, home, own_file, own_url, store_dataset
from tests.helpers.sentences import assert_sentence, refused

NOBODY = 65534


def modes(folder: Path) -> dict[str, int]:
    """Of the folder and all that is in it."""
    return {str(p.relative_to(folder)): stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*"))}


def test_all_of_it_is_its_owners_alone(kanlab_home: Path, small: Dataset) -> None:
    create_study(small, StudySpec())
    found = modes(kanlab_home)
    data = f"data/{small.sha256}.parquet"
    assert {name: found[name] for name in (".", "data", data, "studies.db", "studies.db-wal")} == {
        ".": 0o700, "data": 0o700, data: 0o600, "studies.db": 0o600, "studies.db-wal": 0o600,
    }  # fmt: skip
    assert not any(m & 0o077 for m in found.values())


def test_one_of_an_earlier_version_is_narrowed(kanlab_home: Path) -> None:
    (kanlab_home / "data").mkdir(parents=True)
    (kanlab_home / "compiled").mkdir()
    for name in ("studies.db", "studies.db-wal", "data/a.parquet"):
        (kanlab_home / name).touch()
    for path in (kanlab_home, *kanlab_home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o664)
    home()
    found = modes(kanlab_home)
    assert found.pop("compiled") == 0o777  # so that it is seen that others could write to it
    assert set(found.values()) == {0o700, 0o600}


def test_a_folder_that_holds_more_is_left_and_told(kanlab_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be somebody's desk; taking it from others is for its owner to do."""
    monkeypatch.setattr("kanlab.execution.doctor._try_worker", lambda *_: None)
    (kanlab_home / "thesis").mkdir(parents=True)
    kanlab_home.chmod(0o755)
    home()
    assert modes(kanlab_home)["."] == 0o755
    (found,) = (f for f in doctor() if f is not None and f.what == "privacy")
    assert not found.ok
    assert f"other users can look into {kanlab_home}" in found.detail
    kanlab_home.chmod(0o700)
    (found,) = (f for f in doctor() if f is not None and f.what == "privacy")
    assert found.ok


ODD = ["a?b&mode=memory", "a%41", "~", "a#b@c:d", "häus 家 {SCHEMA_VERSION}", "a'b\"c"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Dataset) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / name))
    made = create_study(small, StudySpec(), name="here")
    assert own_file() == tmp_path / name / "studies.db"
    assert own_file().read_bytes()[:6] == b"SQLite"
    assert load_study("here").optuna.study_name == made.name
    assert optuna.study.get_all_study_names(own_url()) == ["here"]  # as optuna-dashboard opens it
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "home") == [name]


def test_an_odd_name_on_the_command_line(tmp_path: Path, small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "a?%41 #~"))
    create_study(small, StudySpec(), name="here")
    done = subprocess.run(
        programs.command("kanlab", "studies"), env=programs.environment(), capture_output=True, text=True, check=True
    )
    assert "here" in done.stdout


def test_the_users_home_is_known_by_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a service's settings no shell replaces it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KANLAB_HOME", "~/mine")
    assert home() == tmp_path / "mine"
    monkeypatch.setenv("KANLAB_HOME", "~nobody-of-this-name/mine")
    with refused(StudyError, "KANLAB_HOME must be a folder, not '~nobody-of-this-name/mine'"):
        home()


def test_a_program_in_another_folder_has_the_same_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KANLAB_HOME", "mine")
    monkeypatch.setenv("KANLAB_ARTIFACTS", "theirs")
    found = programs.environment()
    assert (found["KANLAB_HOME"], found["KANLAB_ARTIFACTS"]) == (str(tmp_path / "mine"), str(tmp_path / "theirs"))
    monkeypatch.setenv("KANLAB_ARTIFACTS", "s3://bucket")
    assert programs.environment()["KANLAB_ARTIFACTS"] == "s3://bucket"


# ---- read-only


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Refuses what the system refuses in a folder of a disk that is mounted read-only; a test may be run as root."""

    def make() -> None:
        real = os.open

        def refuse(path: object, flags: int, *rest: object, **more: object) -> int:
            if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and str(home()) in str(path):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            return real(path, flags, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "access", lambda path, mode, **_: not mode & os.W_OK)

    return make


def test_python_and_the_command_line_say_so(
    read_only: Callable[[], None], csv: str, small: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    home()
    read_only()
    with refused(StudyError, f"kanlab's own folder {home()}", "it is read-only", "KANLAB_HOME"):
        create_study(small, StudySpec())
    with refused(StudyError, "it is read-only"):
        store_dataset(small)
    for arguments in (["studies"], ["tune", csv, "--target", "y"], ["show", "one"], ["gc"]):
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "it is read-only" in line


def test_the_pages_say_so(read_only: Callable[[], None], app: AppTest) -> None:
    home()
    read_only()
    app.query_params["study"] = "one"
    for page in ("studies", "live", "choose", "model", "export"):
        app.switch_page(f"pages/{page}.py").run()
        assert not app.exception
        (error,) = app.error
        assert "read\\-only" in error.value


def test_the_system_refuses() -> None:
    """By permissions, in a process that they hold for."""
    with tempfile.TemporaryDirectory() as outer:  # pytest's folders are open to its own user alone
        folder, command = Path(outer, "home"), programs.command("kanlab", "studies")
        Path(outer).chmod(0o755)
        folder.mkdir(mode=0o555)
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                pytest.skip("setpriv is missing")
            user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            if subprocess.run([*user, *command, "--help"], env=programs.environment(), capture_output=True).returncode:
                pytest.skip("this Python is not for other users to run")
            command = [*user, *command]
        environment = programs.environment(KANLAB_HOME=str(folder))
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert list(folder.iterdir()) == []
        folder.chmod(0o755)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "it is read-only" in line
    assert_sentence(line.removeprefix("kanlab: "))


def test_the_doctor_says_so(read_only: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanlab.execution.doctor._try_worker", lambda *_: None)
    home()
    read_only()
    found = {f.what: f for f in doctor() if f is not None}
    for what in ("disk", "storage"):
        assert not found[what].ok
        assert "it is read-only" in found[what].detail


def test_a_storage_elsewhere_does_not_need_it(tmp_path: Path, small: Dataset, read_only: Callable[[], None]) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    create_study(small, StudySpec(), name="there", storage_url=url)
    read_only()
    assert study_names(get_storage(url)) == ["there"]
