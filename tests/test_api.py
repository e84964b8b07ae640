"""kanlab from Python: studies end to end, with stock pykan and with workers that fit nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kanlab
from kanlab.api import Study, open_study, run_study, tune
from kanlab.baselines.registry import baselines
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, fit_unit
from kanlab.errors import FitError, KanlabError, SpaceError, StudyError
from kanlab.execution import supervisor
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study.handle import create_study, load_study
from kanlab.study.spec import StudySpec
from tests.helpers.fake_worker import rss
from tests.helpers.fits import release
from tests.helpers.sentences import refused
from tests.helpers.studies import STOCK, by_cell, numbers, state

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))
TINY = SearchSpace((1, 3), (2, 2), (1, 1))


def test_stock_pykan_end_to_end(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real fits in real workers: one or two of them, the same numbers, and no files."""
    monkeypatch.chdir(tmp_path)
    studies = [tune(small, TINY, engine="pykan-lbfgs", workers=workers, seed=3) for workers in (1, 2)]
    one, two = (numbers(s.handle.records()) for s in studies)
    assert one == two
    records = studies[0].handle.records()
    assert {r.cell for r in records} == set(TINY.cells)
    linear = baselines(small)[1]
    for r in records:
        assert r.state == "complete"
        assert r.rss_train is not None
        assert r.rss_train < linear.rss_train
        assert 1 <= r.iterations <= 50
        assert r.loss_curve[-1] < r.loss_curve[0]
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_the_default_engine_end_to_end(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of (grid, k) in real workers: the same numbers from one or two, and a wider network never fits worse."""
    monkeypatch.chdir(tmp_path)
    studies = [tune(small, SPACE, workers=workers, seed=3) for workers in (1, 2)]
    one, two = (by_cell(s.handle.records()) for s in studies)
    assert one == two
    found = {r.cell: r.rss_train for r in studies[0].handle.records()}
    assert set(found) == set(studies[0].spec.admissible(48, 2))
    for cell, value in found.items():
        wider = cell._replace(neuron_num=cell.neuron_num + 1)
        assert value is not None
        assert (found.get(wider) or 0.0) <= value * (1 + 1e-9)
    assert [p.name for p in tmp_path.iterdir()] == ["home"]


def test_a_study_from_python(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    seen: list[int] = []
    study = tune(small, SPACE, name="mine", engine=STOCK, on_progress=lambda s: seen.append(len(s.handle.records())))
    cells = study.spec.admissible(48, 2)
    assert study.name == "mine"
    assert study.state.name == "finished"
    assert len(study.table) == len(cells)
    assert study.table["rss_train"].tolist() == [rss(c) for c in cells]
    assert study.best is not None
    assert study.best.aicc == study.table["aicc"].min()
    assert seen == sorted(seen)
    assert seen[-1] == len(cells)
    assert study.baselines == baselines(small)
    assert open_study("mine").to_dict() == study.to_dict()
    assert json.loads(json.dumps(study.to_dict(), allow_nan=False)) == study.to_dict()


def test_arguments_change_fields_of_the_specification(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    spec = StudySpec(space=SPACE, seed=7, trials=2, sampler="random", options=FitOptions(starts=3))
    assert tune(small, spec=spec).spec == spec
    changed = tune(small, TINY, 1, 8, spec=spec, workers=1).spec
    assert changed == StudySpec(space=TINY, seed=8, trials=1, sampler="random", workers=1, options=FitOptions(starts=3))
    assert tune(small, TINY).spec == StudySpec(space=TINY)


def test_a_storage_of_ones_own(small: Dataset, fake_workers: Fake, tmp_path: Path) -> None:
    fake_workers()
    url = f"sqlite:///{tmp_path / 'own.db'}"
    study = tune(small, TINY, storage=url, name="mine")
    assert len(open_study("mine", storage=url).table) == len(study.table) > 0
    with refused(StudyError, "no study 'mine'"):
        open_study("mine")


def test_a_study_that_fails_raises_its_sentence(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(stillborn=True)
    with pytest.raises(StudyError, match="'mine' failed: The worker processes do not start"):
        tune(small, TINY, name="mine", workers=1)


def test_nothing_is_trained_where_nothing_is_admissible(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers()
    study = tune(small, SearchSpace((9, 10), (9, 10), (3, 3)))
    assert log.read_text() == ""
    assert study.state.name == "finished"
    assert study.handle.records() == []
    assert [b.family for b in study.handle.baselines] == ["constant", "linear", "stepwise", "ridge", "gam"]
    assert study.recommended in study.handle.baselines


def test_ctrl_c_stops_the_study_and_it_can_be_resumed(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=3)
    handle = create_study(small, StudySpec(space=SPACE, workers=1), name="mine")

    def impatient(study: Study) -> None:
        if len(study.table.query("state == 'complete'")) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(handle, impatient, every=0.01)
    assert state(handle).name == "stopped"
    before = numbers(handle.records())
    release(log)
    assert 2 <= len(before) < len(handle.spec.admissible(48, 2))
    resumed = run_study(load_study("mine"))
    assert resumed.state.name == "finished"
    assert numbers(resumed.handle.records())[: len(before)] == before


def test_a_broken_progress_report_does_not_leave_the_study_running_unseen(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(hold_after=0)

    def broken(study: Study) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tune(small, SPACE, on_progress=broken, name="mine")
    assert open_study("mine").state.name == "stopped"


@pytest.mark.parametrize("engine", ["lm", "pykan-adam"])
def test_one_network_from_python(engine: str, small: Dataset) -> None:
    """The network itself, not only its numbers: its predictions leave the RSS it reports."""
    fitted = kanlab.fit(small, 2, 3, 2, engine=engine, seed=4)
    left = float(np.sum((fitted.predict(small.X_train) - small.y_train) ** 2))
    assert fitted.rss_train == pytest.approx(left, rel=1e-6)
    assert left < baselines(small)[1].rss_train
    assert fitted.n_params == kanlab.n_params((2, 2, 1), 3, 2)
    (outcome,) = fit_unit(small, Unit(3, 2, (2,)), engine, FitOptions(), 4)
    assert outcome.rss_train == pytest.approx(fitted.rss_train, rel=1e-3)


@pytest.mark.parametrize(
    ("cell", "engine", "error"),
    [((0, 3, 2), "lm", SpaceError), ((2, 3, 4), "pykan-adam", SpaceError), ((2, 3, 2), "nn", FitError)],
)
def test_networks_that_cannot_be(cell: tuple[int, int, int], engine: str, error: type, small: Dataset) -> None:
    with refused(error):
        kanlab.fit(small, *cell, engine=engine)


def test_public_names() -> None:
    assert set(kanlab.__all__) <= set(dir(kanlab))
    for name in kanlab.__all__:
        assert getattr(kanlab, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kanlab.nothing  # noqa: B018
    assert issubclass(SpaceError, KanlabError)


def test_the_contract_of_the_public_functions(fake_workers: Fake) -> None:
    """The calls of the documentation, one after the other."""
    import io

    fake_workers()
    rows = "\n".join(f"{i},{(i * 7) % 11},{(i * i) % 13}" for i in range(60))
    table = kanlab.read_table(io.BytesIO(f"a,b,y\n{rows}\n".encode()))
    data = kanlab.Dataset.from_frame(table.frame, "y")
    study = kanlab.tune(data, kanlab.SearchSpace((1, 1), (2, 3), (1, 1)))
    assert kanlab.n_params((2, 1, 1), 2, 1) + 1 == study.table["n_params"].iloc[0]
    first = study.table.iloc[0]
    assert kanlab.aicc(first["rss_train"], data.n, int(first["n_params"])) == first["aicc"]
    assert kanlab.akaike_weights(study.table["aicc"]).tolist() == study.table["akaike_weight"].tolist()
    assert study.pareto[0].cell == Cell(1, 2, 1)
    assert supervisor.default_workers() >= 1
