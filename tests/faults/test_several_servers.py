"""Several servers over one set of studies in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kanlab.data.dataset import Dataset
from kanlab.execution.manager import manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study import storage
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.lease import claim, holder
from kanlab.study.optuna_adapter import storage_of
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage
from tests.helpers.fits import fitted_cells
from tests.helpers.studies import STOCK, by_cell, finish, finished, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 9), (1, 3))


def test_numbers_are_those_of_one_machine(url: str, small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    spec = StudySpec(space=SPACE, engine=STOCK, sampler="tpe", trials=20, seed=3)
    handles = [create_study(small, spec, storage_url=u) for u in (url, None)]
    for handle in handles:
        finish(handle)
    assert by_cell(handles[0].records()) == by_cell(handles[1].records())


def test_another_server_resumes_a_study(
    url: str, small: Dataset, fake_workers: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has nothing of it but the address of the database."""
    log = fake_workers(hold_after=5)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK), name="moved", storage_url=url)
    supervisor = manager().start(handle)
    wait_for(lambda: len(fitted_cells(log)) > 5 and len(finished(handle)) >= 5)
    manager().stop(handle)
    supervisor.join(60)
    before = by_cell([r for r in handle.records() if r.state != "running"])
    log.with_suffix(".go").touch()
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "another"))
    assert not storage.data_path(small.sha256).exists()
    there = load_study("moved", storage_url=url)
    manager().start(there).join(60)
    after = by_cell(there.records())
    assert sorted(finished(there)) == sorted(there.spec.admissible(small.n, small.d))
    assert [row for row in after if row in before] == before


def test_the_lease_on_postgresql(url: str, small: Dataset) -> None:
    handle: StudyHandle = create_study(small, StudySpec(), storage_url=url)
    lease = claim(handle.optuna, wait=0)
    lease.renew()
    assert holder(handle.optuna) is not None
    lease.release()
    assert holder(handle.optuna) is None
    assert get_storage(url) is storage_of(handle.optuna)
