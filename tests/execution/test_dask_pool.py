"""Studies on a Dask cluster: a real scheduler and real workers, started as programs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from distributed import Client
from distributed.client import ClosedClientError

from kanlab.api import open_study, tune
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution import dask_cluster, dask_pool
from kanlab.execution.dask_cluster import address_of, chosen, cluster_workers
from kanlab.execution.final_check import FINAL_CHECK
from kanlab.execution.manage import differences
from kanlab.execution.manager import manager
from kanlab.execution.run_tasks import TaskQueue
from kanlab.execution.supervisor import Supervisor
from kanlab.execution.worker_pool import ClusterLost
from kanlab.kan.search_space import SearchSpace
from kanlab.selection.validation_run import validate
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.spec import StudySpec
from tests.helpers.dask_programs import ROOT, DaskPrograms, gone
from tests.helpers.fits import fitted_cells, release, worker_pids
from tests.helpers.sentences import assert_sentence, refused
from tests.helpers.studies import NESTED, STOCK, assert_whole, end, finish, finished, results, state, wait_for

SPACE = SearchSpace((1, 2), (2, 6), (1, 2))
Plan = Callable[..., Path]


@pytest.fixture
def cluster(programs: DaskPrograms) -> DaskPrograms:
    """Two workers whose fits are real."""
    programs.ready(2)
    programs.use({})
    return programs


def running(handle: StudyHandle, programs: DaskPrograms) -> Supervisor:
    return manager().start(handle, programs.address)


# ---- the same numbers


@pytest.mark.parametrize("sampler", ["exhaustive", "tpe"])
def test_numbers_are_those_of_one_machine(sampler: str, small: Dataset, cluster: DaskPrograms) -> None:
    spec = StudySpec(space=SearchSpace((1, 2), (2, 4), (3, 3)), sampler=sampler, trials=5, workers=2)
    here, there = (create_study(small, spec, name=name) for name in ("here", "there"))
    finish(here)
    assert end(running(there, cluster)) == "finished"
    assert len(there.records()) == 5
    assert differences(here.records(), there.records()) == []
    assert there.optuna.user_attrs[FINAL_CHECK] == here.optuna.user_attrs[FINAL_CHECK]
    if sampler == "tpe":  # whose proposals follow from the results
        assert [r.cell for r in here.records()] == [r.cell for r in there.records()]


def test_validation_is_that_of_one_machine(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    plan()
    handle = create_study(small, StudySpec(space=SPACE))
    finish(handle)
    here = validate(handle, workers=2).to_dict()
    there = validate(handle, dask=programs.address).to_dict()
    assert there.pop("written") >= here.pop("written")
    assert there == here
    assert there["state"] == "done"


def test_data_travel_once_to_each_worker(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    plan()
    with Client(programs.address, set_as_default=False) as client:
        before = sum(client.run(received).values())
        handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
        assert end(running(handle, programs)) == "finished"
        assert (
            sum(client.run(received).values()) - before <= 1
        )  # one worker has them of the scheduler, the other of that


def received(dask_worker: Any) -> int:
    """How often a worker was sent what another worker held."""
    return len(dask_worker.transfer_incoming_log)


# ---- how it is named


def test_a_client_is_left_as_it_was(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    plan()
    with Client(programs.address, set_as_default=False) as client:
        study = tune(small, SPACE, engine=STOCK, dask=client)
        assert study.state.name == "finished"
        assert client.submit(sum, (1, 2)).result() == 3
        assert address_of(client) == programs.address


def test_the_command_line(small: Dataset, csv: str, plan: Plan, programs: DaskPrograms, capsys: Any) -> None:
    log = plan()
    options = ["--target", "y", "--neuron-num", "1:2", "--grid", "2:4", "--k", "1", "--study", "one", "--json"]
    assert main(["tune", csv, *options, "--dask", str(programs.file)]) == 0
    assert len(json.loads(capsys.readouterr().out)["trials"]) == 6
    there = {psutil.Process(w.pid).pid for w in programs.living()}
    assert there
    assert set(fitted_cells(log)) == {r.cell for r in open_study("one").handle.records()}
    assert main(["rerun", "one", "--dask", programs.address]) == 0
    assert main(["validate", "one", "--dask", programs.address]) == 0
    assert main(["resume", "one", "--dask", programs.address]) == 0


def test_the_environment_names_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(None) is None
    monkeypatch.setenv("KANLAB_DASK", "tcp://one:8786")
    assert chosen(None) == "tcp://one:8786"
    assert chosen("tcp://two:8786") == "tcp://two:8786"
    assert chosen("") is None
    assert address_of("one:8786") == "tcp://one:8786"


def test_a_cluster_that_is_not_there_makes_no_study(
    csv: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.5)
    assert main(["tune", csv, "--target", "y", "--dask", "127.0.0.1:9", "--study", "none"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in said
    with pytest.raises(StudyError, match="no study 'none'"):
        open_study("none")
    with refused(StudyError, "cannot be read"):
        cluster_workers(str(tmp_path / "missing.json"))
    (tmp_path / "other.json").write_text("[1]")
    with refused(StudyError, "is no scheduler file"):
        cluster_workers(tmp_path / "other.json")
    for wrong in ("http://127.0.0.1:9", "tcp://127.0.0.1", "a b"):
        with refused(StudyError, "is no address of a Dask scheduler"):
            cluster_workers(wrong)
    with refused(StudyError, "needs a certificate"):
        cluster_workers("tls://127.0.0.1:9")
    with refused(StudyError, "has no scheduler"):
        address_of(3)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refused(StudyError, "pip install"):
        cluster_workers("127.0.0.1:9")


# ---- what is asked of a running study


def begun(log: Path, count: int = 1) -> set[int]:
    """The programs of the fits, once so many have begun."""
    wait_for(lambda: len(fitted_cells(log)) >= count, 60)
    return set(worker_pids(log))


def test_a_stop_ends_the_fits_in_hand(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=0)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    supervisor = running(handle, programs)
    pids = begun(log, 2)
    assert len(pids) == 2
    manager().stop(handle)
    assert end(supervisor) == "stopped"
    wait_for(lambda: gone(pids), 60)  # though the gate was never opened
    release(log)
    assert end(running(handle, programs)) == "finished"
    assert_whole(handle, [])


def test_a_pause_lets_the_fits_in_hand_end(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=4)
    handle = create_study(small, StudySpec(space=SPACE, engine=NESTED))
    supervisor = running(handle, programs)
    begun(log, 6)
    with programs.changed(IDLE_SECONDS=0.5):
        manager().pause(handle)
        wait_for(lambda: state(handle).name == "pausing", 60)
        release(log)
        assert end(supervisor) == "paused"
        before = results(handle)
        assert len(before) == 6
        wait_for(lambda: gone(set(worker_pids(log))), 60)
    assert end(running(handle, programs)) == "finished"
    assert_whole(handle, before)


def test_a_fit_beyond_its_time_limit(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    cell = (1, 3, 1)
    log = plan(hang=[cell])
    options = {"options": StudySpec().options.__class__(time_limit=0.1)}
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, **options))
    with programs.changed(GRACE_SECONDS=0.5):
        assert end(running(handle, programs)) == "finished"
    failed = [r for r in handle.records() if r.state == "failed"]
    assert [tuple(r.cell)[:3] for r in failed] == [cell]
    assert "time limit" in (failed[0].status or "")
    assert len(finished(handle)) == len(fitted_cells(log))


@pytest.mark.parametrize("wrong", ["crash", "garbage", "nan"])
def test_a_fit_that_goes_wrong(wrong: str, small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    cell = (1, 3, 1)
    log = plan(**{wrong: [cell]})
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    assert end(running(handle, programs)) == "finished"
    assert [tuple(r.cell)[:3] for r in handle.records() if r.state == "failed"] == [cell]
    assert len([c for c in fitted_cells(log) if tuple(c)[:3] == cell]) == (1 if wrong == "nan" else 2)


def test_machines_of_another_version_are_told_in_one_sentence(
    small: Dataset, plan: Plan, programs: DaskPrograms, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan()
    monkeypatch.setattr(dask_pool, "fitting_versions", lambda with_torch: {"kanlab": "99.0"})
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    assert end(running(handle, programs)) == "failed"
    detail = state(handle).detail
    assert_sentence(detail)
    assert "and the study kanlab 99.0; install the same version on all machines" in detail
    assert not finished(handle)


def test_a_program_that_does_not_start(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    plan(stillborn=True)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    assert end(running(handle, programs)) == "failed"
    assert "do not start" in state(handle).detail


def test_a_run_of_this_machine_loads_no_dask(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np, pandas as pd\n"
        "from kanlab import Dataset, SearchSpace, tune\n"
        "x = np.linspace(-2, 2, 40)\n"
        "data = Dataset.from_frame(pd.DataFrame({'x': x, 'y': np.sin(2 * x)}), 'y')\n"
        "study = tune(data, SearchSpace((1, 1), (2, 3), (3, 3)), workers=1)\n"
        "assert study.state.name == 'finished'\n"
        "print([m for m in ('dask', 'distributed') if m in sys.modules])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_client_that_closes_in_the_middle_of_a_step_is_a_lost_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = object.__new__(dask_pool.DaskPool)
    pool._client, pool._address = SimpleNamespace(status="running"), "tcp://10.0.0.1:8786"  # type: ignore[assignment]

    def closed(*_: object) -> None:
        raise ClosedClientError("Client is closed.")

    monkeypatch.setattr(pool, "_hand_out", closed)
    with pytest.raises(ClusterLost, match="no longer answers"):
        pool.step(TaskQueue([]), 1)
