"""requirements.lock pins all that requirements.txt asks for; the audit of packages tells what it could not look up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kanlab
from benchmarks.audit import installed, verdict

ROOT = Path(kanlab.__file__).parents[1]


def requirements(name: str) -> list[Requirement]:
    lines = (line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_lock_covers_every_requirement_at_a_version_it_allows() -> None:
    locked = {canonicalize_name(r.name): r for r in requirements("requirements.lock")}
    for asked in requirements("requirements.txt"):
        (pin,) = locked[canonicalize_name(asked.name)].specifier
        assert pin.operator == "=="
        assert asked.specifier.contains(pin.version)
    assert len(locked) > len(requirements("requirements.txt"))  # and what they need themselves


def test_it_serves_as_constraints() -> None:
    """Which pip takes without extras and addresses only."""
    assert not any(r.extras or r.url for r in requirements("requirements.lock"))
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("package", "code", "said"),
    [
        ({"vulns": []}, 0, "1 package has no known vulnerability."),
        ({"vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}, 1, "a 1 is vulnerable (CVE-1); mended in 2."),
        ({"vulns": [{"id": "CVE-1", "fix_versions": []}]}, 1, "a 1 is vulnerable (CVE-1); mended in no version yet."),
        ({"skip_reason": "unknown"}, 1, "These packages could not be audited: a."),
    ],
)
def test_what_the_audit_says(package: dict[str, object], code: int, said: str) -> None:
    report = json.dumps({"dependencies": [{"name": "a", "version": "1"} | package]})
    assert verdict(report, "") == (code, [said])


@pytest.mark.parametrize("report", ["", "{}", "[]", '{"dependencies": []}'])
def test_an_audit_that_could_not_be_made_is_a_failure(report: str) -> None:
    code, (said,) = verdict(report, "Traceback\nConnectionError: no route to the database")
    assert code == 2
    assert said.startswith("The packages could not be audited: ")


def test_all_packages_are_asked_about() -> None:
    names = {canonicalize_name(Requirement(line).name) for line in installed()}
    assert {"numpy", "streamlit", "sqlalchemy"} <= names
    assert not any("+" in line for line in installed())
