"""Stock training: the same as pykan's own, repeatable, and never a crash."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import kan
import numpy as np
import pytest
import torch
from scipy.special import expit

from kanlab.api import tune
from kanlab.data.dataset import Dataset
from kanlab.engines import pykan_training
from kanlab.engines.pykan_training import SCHEDULES, Training, train
from kanlab.kan.pykan_network import KANWrapper, reproducible
from kanlab.kan.search_space import SearchSpace
from kanlab.stats.likelihood import BERNOULLI
from tests.helpers.two_classes import table
from tests.kan.test_pykan_network import generators

torch.set_num_threads(1)  # as in a worker
RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 2))
Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2

ENGINES = list(SCHEDULES)


def rss(training: Training, X: np.ndarray = X, y: np.ndarray = Y) -> float:
    return float(np.sum((training.model.predict(X) - y) ** 2))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer steps than a study takes."""
    for name, steps in (("pykan-adam", 25), ("pykan-lbfgs", 6)):
        monkeypatch.setitem(SCHEDULES, name, replace(SCHEDULES[name], steps=steps))


def test_the_schedules_of_the_article(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    adam, lbfgs = SCHEDULES["pykan-adam"], SCHEDULES["pykan-lbfgs"]
    assert (adam.optimizer, adam.steps, adam.learning_rate) == ("Adam", 500, 0.01)
    assert (lbfgs.optimizer, lbfgs.steps) == ("LBFGS", 50)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_is_that_of_pykan(engine: str) -> None:
    """Digit for digit what pykan makes of the same scaled numbers, called by hand."""
    ours = train(X, Y, 2, 3, 3, engine=engine, seed=4, early_stopping=False)
    schedule = SCHEDULES[engine]
    with reproducible(4):
        stock = kan.KAN(width=[2, 2, 1], grid=3, k=3, seed=4, auto_save=False)
    inputs, labels = ours.model.scale_inputs(X), ours.model.scale_targets(Y)
    test = {"test_input": inputs[:2], "test_label": labels[:2]}  # their number decides the order of the rows it draws
    data = {"train_input": inputs, "train_label": labels, **test}
    with reproducible(4):
        stock.fit(data, opt=schedule.optimizer, steps=schedule.steps, lr=schedule.learning_rate, log=10**9)
    with torch.no_grad():
        expected = stock(inputs).numpy()[:, 0].astype(float) * Y.std() + Y.mean()
    np.testing.assert_array_equal(ours.model.predict(X), expected)
    assert len(ours.loss_curve) == schedule.steps


@pytest.mark.parametrize("engine", ENGINES)
def test_training_repeats_bit_for_bit(engine: str) -> None:
    first = train(X, Y, 3, 3, 3, engine=engine, seed=1)
    torch.rand(7)  # whatever happens to the global generators in between
    random.random()
    np.random.rand()
    again, other = (train(X, Y, 3, 3, 3, engine=engine, seed=s) for s in (1, 2))
    assert first.loss_curve == again.loss_curve
    np.testing.assert_array_equal(first.model.predict(X), again.model.predict(X))
    assert first.loss_curve != other.loss_curve


@pytest.mark.parametrize("engine", ENGINES)
def test_no_trace_is_left(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    before = generators()
    train(X, Y, 2, 3, 3, engine=engine)
    assert generators() == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("engine", ENGINES)
def test_training_learns(engine: str) -> None:
    training = train(X, Y, 3, 3, 3, engine=engine)
    untrained = KANWrapper((2, 3, 1), 3, 3)
    untrained.set_scaling(X, Y)
    assert rss(training) < 0.5 * np.sum((untrained.predict(X) - Y) ** 2)


def test_the_loss_curve_is_rss_in_units_of_y() -> None:
    """Adam's first loss is that of the network before any step, its grid just fitted to the data."""
    training = train(X, 50 * Y, 2, 5, 3, engine="pykan-adam")
    untrained = KANWrapper((2, 2, 1), 5, 3)
    untrained.set_scaling(X, 50 * Y)
    assert training.loss_curve[0] == pytest.approx(np.sum((untrained.predict(X) - 50 * Y) ** 2), rel=0.02)


@pytest.mark.parametrize("engine", ENGINES)
def test_powers_of_two_change_nothing_but_the_units(engine: str) -> None:
    """They leave every digit of the scaled numbers as it is, so the whole training must be the same."""
    one, two = train(X, Y, 2, 3, 3, engine=engine), train(X * 16, Y / 64, 2, 3, 3, engine=engine)
    np.testing.assert_array_equal(two.model.predict(X * 16) * 64, one.model.predict(X))
    assert two.loss_curve == pytest.approx([loss / 64**2 for loss in one.loss_curve], rel=1e-12)


def test_offsets_and_scales_of_real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    moved = X * 1e3 + 1e5
    training = train(moved, Y, 3, 5, 3)
    assert np.sqrt(rss(training, moved) / len(Y)) < 0.03


# ---- ends


@pytest.mark.parametrize("engine", ENGINES)
def test_targets_that_are_no_numbers_diverge(engine: str) -> None:
    y = Y.copy()
    y[3] = np.nan
    assert train(X, y, 2, 3, 3, engine=engine).status.startswith("diverged")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_huge_learning_rate_diverges(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULES, engine, replace(SCHEDULES[engine], learning_rate=1e30))
    training = train(X, Y, 2, 3, 3, engine=engine)
    assert training.status.startswith("diverged")
    assert "\n" not in training.status


@pytest.mark.parametrize(
    "error", [RuntimeError("torch.linalg: singular\nand more"), RuntimeError(), UnboundLocalError("x")]
)
def test_an_error_inside_pykan_is_a_status(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(KANWrapper, "fit", broken)
    status = train(X, Y, 2, 3, 3).status
    assert status == f"diverged: {(str(error) or 'RuntimeError').splitlines()[0]}"


def test_early_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that does not fall ends training after `patience` steps, unless early stopping is off."""
    monkeypatch.setitem(SCHEDULES, "pykan-adam", replace(SCHEDULES["pykan-adam"], learning_rate=0.0, patience=5))
    stalled = train(X, Y, 2, 3, 3, engine="pykan-adam")
    patient = train(X, Y, 2, 3, 3, engine="pykan-adam", early_stopping=False)
    assert stalled.status == "stalled"
    assert 6 <= len(stalled.loss_curve) <= 20
    assert (patient.status, len(patient.loss_curve)) == ("iteration limit", 25)


def test_patience_counts_from_the_last_decrease() -> None:
    monitor = pykan_training._Monitor(patience=3, deadline=np.inf, scale=2.0)
    losses = iter([5.0, 4.0, 4.1, 4.2, 3.0, 2.9999, 3.5, 3.5, 1.0])
    pykan_training._PYKAN.train_loss = next(losses)
    with contextlib.suppress(pykan_training._Stop):
        while True:
            monitor()
            pykan_training._PYKAN.train_loss = next(losses)
    assert monitor.status == "stalled"
    assert monitor.curve == [10.0, 8.0, 8.2, 8.4, 6.0, 5.9998, 7.0, 7.0]
    assert next(losses) == 1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_time_limit(engine: str) -> None:
    training = train(X, Y, 2, 3, 3, engine=engine, time_limit=0.0)
    assert training.status == "time limit"
    assert len(training.loss_curve) == 1


def test_several_targets() -> None:
    both = np.column_stack([Y, -3 * Y])
    training = train(X, both, 2, 3, 3)
    assert training.model.predict(X).shape == (60, 2)
    assert training.model.layer_widths == (2, 2, 2)


# ---- two classes


def test_stock_pykan_learns_classes() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (150, 2))
    y = (rng.random(150) < expit(4 * np.sin(3 * X[:, 0]))).astype(float)
    training = train(X, y, 1, 3, 3, engine="pykan-lbfgs", task="classification")
    p = training.model.predict(X)
    assert ((p > 0) & (p < 1)).all()
    deviance = BERNOULLI.misfit(p, y)
    assert deviance < 0.75 * BERNOULLI.misfit(np.full(150, y.mean()), y)
    assert min(training.loss_curve) < 1.1 * deviance
    fitted = training.model.to_fitted()
    assert fitted.task == "classification"
    np.testing.assert_allclose(fitted.predict(X), p, atol=1e-4)
    np.testing.assert_allclose(fitted.to_pykan().predict(X), fitted.predict(X), atol=1e-9)


def test_a_study_of_stock_pykan() -> None:
    data = Dataset.from_frame(table(60), "state")
    found = tune(data, SearchSpace((1, 1), (2, 2), (2, 2)), engine="pykan-lbfgs", workers=1)
    (record,) = found.handle.records()
    assert record.classes is not None
    assert record.aicc is not None
