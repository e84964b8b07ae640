"""The worker program itself: stock pykan in a process of its own."""

from __future__ import annotations

import os
import queue
from pathlib import Path

import numpy as np
import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, fit_unit
from kanlab.execution.messages import Done, Exit, Fit, Ready, Request, UnitTask
from kanlab.execution.worker_process import WorkerProcess

pytestmark = pytest.mark.usefixtures("real_workers")


def test_a_real_worker(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits a unit as this process would, dies of one it cannot read, and leaves no files."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data.parquet"
    small.save(path)
    worker = WorkerProcess(queue.Queue(), preload_pykan=True)
    try:
        assert worker.inbox.get(timeout=60)[1] == Ready()
        unit, options = Unit(2, 1, (1, 2)), FitOptions(starts=1)
        task = UnitTask(unit=unit, engine="pykan-adam", options=options, seed=3)
        worker.send(Request(str(path), task))
        expected = list(fit_unit(small, unit, "pykan-adam", options, 3))
        for wanted in expected:
            message = worker.inbox.get(timeout=60)[1]
            assert isinstance(message, Fit)
            found = message.outcome
            assert (found.neuron_num, found.status, found.iterations) == (
                wanted.neuron_num,
                wanted.status,
                wanted.iterations,
            )
            assert found.rss_train == pytest.approx(wanted.rss_train, rel=1e-3)
            assert found.rss_test == pytest.approx(wanted.rss_test, rel=1e-2)
            assert np.isfinite(found.loss_curve).all()
        assert worker.inbox.get(timeout=60)[1] == Done()
        assert os.listdir(worker._scratch) == ["stderr.txt"]

        worker.send(Request(str(tmp_path / "nowhere.parquet"), task))
        ended = worker.inbox.get(timeout=60)[1]
        assert isinstance(ended, Exit)
        assert "nowhere.parquet" in ended.reason
    finally:
        worker.kill()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.parquet"]
