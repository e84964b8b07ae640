"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kanlab import programs
from kanlab.errors import DatasetError
from kanlab.files import OWNERS_FILE, private_folder, who_else_may_write, write_whole, written_whole
from tests.helpers.sentences import refused


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != "home")


def test_a_file_takes_the_place_of_the_old_one_and_its_permissions(old: Path) -> None:
    write_whole(old, b"new")
    assert (old.read_bytes(), mode(old), names(old.parent)) == (b"new", 0o640, ["out.csv"])


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "whole", b"new")
    assert mode(tmp_path / "whole") == mode(tmp_path / "plain")
    with written_whole(tmp_path / "private", OWNERS_FILE) as partial:
        assert mode(partial) == 0o600
    assert mode(tmp_path / "private") == 0o600


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.write_bytes"])
def test_an_error_leaves_the_old_file_and_nothing_else(old: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(place, full)
    with refused(DatasetError, f"{old} cannot be written: No space left on device."):
        write_whole(old, b"new", DatasetError)
    assert (old.read_bytes(), names(old.parent)) == (b"old", ["out.csv"])


def test_an_interruption_leaves_the_old_file(old: Path) -> None:
    def interrupted() -> None:
        with written_whole(old) as partial:
            partial.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (old.read_bytes(), names(old.parent)) == (b"old", ["out.csv"])


def test_a_kill_leaves_the_old_file(old: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from kanlab.files import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half'); os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-P", "-c", program, str(old)]
    assert subprocess.run(command, env=programs.environment()).returncode == -signal.SIGKILL
    assert old.read_bytes() == b"old"


def test_a_link_is_followed(old: Path) -> None:
    link = old.with_name("link.csv")
    link.symlink_to(old.name)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_a_device_is_written_to_itself() -> None:
    write_whole(Path(os.devnull), b"gone")
    assert not Path(os.devnull).is_file()


def test_a_place_that_is_none(tmp_path: Path, old: Path) -> None:
    for path in (tmp_path / "nowhere" / "out.csv", old / "below.csv", tmp_path):
        with refused(DatasetError, "cannot be written"):
            write_whole(path, b"new", DatasetError)


def test_who_else_may_write(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "one" / "two")
    assert mode(folder) == 0o700
    assert who_else_may_write(folder) == ""
    (tmp_path / "one").chmod(0o777)
    assert who_else_may_write(folder) == f"others may write to {tmp_path / 'one'}"
    (tmp_path / "one").chmod(0o1777)
    assert who_else_may_write(folder) == ""
    folder.chmod(0o755)
    assert who_else_may_write(folder) == ""
    (folder / "file").touch(0o600)
    (folder / "file").chmod(0o602)
    assert who_else_may_write(folder) == f"others may write to {folder / 'file'}"
    assert "is not there" in who_else_may_write(tmp_path / "nowhere")
