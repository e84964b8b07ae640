"""Leave-one-out residuals of a network: linearised where that holds, else by a fit without the row."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.solver import refit
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.leave_one_out import TRUSTED_FREEDOM, predictions_left_out
from kanlab.solver.likelihood_of import OF_TASK
from kanlab.solver.refit import FEWEST_ITERATIONS, FEWEST_REFITS, MOST_ITERATIONS, WORK, affordable, continued
from kanlab.solver.smoother import leverages
from kanlab.stats.likelihood import CLASSIFICATION, LIKELIHOODS, MULTICLASS, TaskName, one_hot

SMOOTHING = 1000.0


def by_refits(fitted, X, y, smoothing=SMOOTHING):  # type: ignore[no-untyped-def]
    """Every row left out in turn, the network fitted again from where it is."""
    out = []
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        out.append(y[i] - continued(fitted, X[others], y[others], smoothing).predict(X[i : i + 1])[0])
    return np.array(out)


def test_near_refits_without_the_row() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (45, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.normal(size=45)
    fitted = continued(fit_cell(X, y, 1, 3, 3), X, y, SMOOTHING)
    found, exact = y - predictions_left_out(fitted, X, y, SMOOTHING), by_refits(fitted, X, y)
    assert np.sum(found**2) == pytest.approx(np.sum(exact**2), rel=0.1)
    assert np.sum((y - fitted.predict(X)) ** 2) < 0.85 * np.sum(exact**2)
    assert np.corrcoef(found, exact)[0, 1] > 0.98


def test_a_row_that_is_interpolated_is_no_row_predicted() -> None:
    """60 rows of 5 and one of 6: the network bends through that row, and without it is 5 there."""
    x, y = np.arange(60.0)[:, None], np.full(60, 5.0)
    y[30] = 6.0
    fitted = fit_cell(x, y, 2, 4, 1)
    assert np.abs(y - fitted.predict(x)).max() < 1e-6
    assert 1.0 - leverages(fitted, x, y)[30] < TRUSTED_FREEDOM
    assert 6.0 - predictions_left_out(fitted, x, y, SMOOTHING)[30] == pytest.approx(1.0, abs=0.05)


def test_a_row_far_from_the_others_is_held_to_the_range_of_the_outputs() -> None:
    rng = np.random.default_rng(0)
    x = np.append(rng.uniform(0, 1, 50), 30.0)[:, None]
    y = np.append(x[:-1, 0] + 0.1 * rng.normal(size=50), 9.0)
    fitted = fit_cell(x, y, 5, 3, 1, options=LmOptions(smoothing=1.0))
    found = y - predictions_left_out(fitted, x, y, 1.0)
    low, high = fitted.output_range[0] * fitted.y_scale[0] + fitted.y_offset[0]
    assert low - 1e-9 <= 9.0 - found[-1] <= high + 1e-9
    assert abs(found[-1]) > 1.0  # nothing else tells what lies there


@pytest.mark.parametrize("rows", [30, 800, 20_000])
@pytest.mark.parametrize("wanted", [0, 1, 5, 500])
def test_what_the_refits_of_a_network_take_is_bounded(rows: int, wanted: int) -> None:
    x = np.linspace(-1, 1, 40)[:, None]
    fitted = fit_cell(x, x[:, 0] ** 2, 4, 8, 3)
    refits, loop = affordable(fitted, rows, wanted)
    each = loop.max_iterations * refit.ROUNDS
    assert min(wanted, FEWEST_REFITS) <= refits <= wanted
    assert FEWEST_ITERATIONS <= each <= MOST_ITERATIONS
    size = rows * sum(layer.coef.size for layer in fitted.layers) ** 2
    assert refits * each * size <= max(WORK, FEWEST_REFITS * FEWEST_ITERATIONS * size)
    if wanted == 1 and rows < 1000:
        assert each == MOST_ITERATIONS


def test_without_noise_a_refit_ends_though_the_network_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of iterations a row would lower what is left of the residuals, and would not tell more of the row."""
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)
    fitted = fit_cell(X, y, 6, 10, 3)
    taken, minimise = [], refit.minimise

    def counted(*arguments, **options):  # type: ignore[no-untyped-def]
        found = minimise(*arguments, **options)
        taken.append(found.iteration)
        return found

    monkeypatch.setattr(refit, "minimise", counted)
    few = predictions_left_out(fitted, X, y, SMOOTHING)
    wanted = int(np.sum(1.0 - leverages(fitted, X, y) <= TRUSTED_FREEDOM))
    refits, loop = affordable(fitted, len(y), wanted)
    assert wanted >= refits > 0
    assert 0 < sum(taken) <= refits * refit.ROUNDS * loop.max_iterations
    monkeypatch.setattr(refit, "WORK", np.inf)
    many = predictions_left_out(fitted, X, y, SMOOTHING)
    for predicted in (few, many):  # by either, the network is far better than the mean of the rows
        assert np.sum((predicted - y) ** 2) < 0.01 * np.sum((y - y.mean()) ** 2)


def class_rows(classes: int, n: int = 40) -> tuple[np.ndarray, np.ndarray, TaskName]:
    """X, and y as a fit takes it."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (n, 2))
    logits = np.column_stack([6 * X[:, 0] * X[:, 1], *[3 * np.cos(3 * X[:, 0] + i) for i in range(classes - 1)]])
    number = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return (X, number.astype(float), CLASSIFICATION) if classes == 2 else (X, one_hot(number, classes), MULTICLASS)


@pytest.mark.parametrize("classes", [2, 3])
def test_of_classes_near_refits_without_the_row(classes: int) -> None:
    X, y, task = class_rows(classes)
    fitted = continued(fit_cell(X, y, 1, 2, 2, task=task), X, y, SMOOTHING)
    found = predictions_left_out(fitted, X, y, SMOOTHING)
    exact = []
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        exact.append(continued(fitted, X[others], y[others], SMOOTHING).predict(X[i : i + 1])[0])
    likelihood, number = LIKELIHOODS[task], y if classes == 2 else y.argmax(axis=1)
    of_found, of_exact = likelihood.losses(found, number), likelihood.losses(exact, number)
    assert of_found.sum() == pytest.approx(of_exact.sum(), rel=0.1)
    assert np.corrcoef(of_found, of_exact)[0, 1] > 0.97
    assert likelihood.misfit(fitted.predict(X), number) < 0.95 * of_exact.sum()


def test_two_classes_are_the_multinomial_of_two() -> None:
    """The smoother of c classes at c = 2 is that of the Bernoulli likelihood, to the last term."""
    _, y, _ = class_rows(2)
    theta, both = np.linspace(-2, 2, 40)[None], np.stack([1.0 - y, y])
    one, many = OF_TASK[CLASSIFICATION](y[None], 1), OF_TASK[MULTICLASS](both, 1)
    np.testing.assert_allclose(one.score(theta, 0.0), many.score(theta, 0.0), atol=1e-12)
    np.testing.assert_allclose(one.roots(theta, 0.0) ** 2, many.roots(theta, 0.0) ** 2, atol=1e-12)


def test_an_odd_class_among_many_is_no_row_predicted() -> None:
    """One row of another class in the middle of 60: without it the network gives it next to nothing."""
    x, y = np.arange(60.0)[:, None], np.zeros(60)
    y[30:] = 1.0
    y[10] = 1.0
    fitted = fit_cell(x, y, 2, 10, 1, options=LmOptions(smoothing=1.0), task=CLASSIFICATION)
    left_out = predictions_left_out(fitted, x, y, 1.0)[10]
    assert left_out < 0.1
    assert left_out < 0.5 * fitted.predict(x[10:11])[0]
