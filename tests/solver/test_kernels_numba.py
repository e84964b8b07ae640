"""The compiled loops give the bits of the NumPy loops, and nobody waits for them."""

import functools
import itertools
import os
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab import files
from kanlab.errors import FitError
from kanlab.kan.bspline import interval_polynomials, silu, unit_knots
from kanlab.solver import kernels_numba
from kanlab.solver.fit import LmOptions, fit_path
from kanlab.solver.kernels import NUMPY, SplineRows

pytest.importorskip("numba")


@pytest.fixture(scope="module", autouse=True)
def _in_the_home():
    """Compiled code lies in the home, as for a user, and not where the tests share it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KANLAB_COMPILED")
        yield


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Compiled once for this module, into a folder of its own."""
    before = os.environ.get("KANLAB_HOME")
    os.environ["KANLAB_HOME"] = str(tmp_path_factory.mktemp("home"))
    made = kernels_numba.CompiledKernels()
    kernels_numba._exercise(made)
    os.environ.pop("KANLAB_HOME")
    if before is not None:
        os.environ["KANLAB_HOME"] = before
    return made


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 4),
    st.integers(1, 10),
    st.integers(1, 3),
    st.sampled_from([1.0, 0.4, 0.02]),
)
@settings(max_examples=40)
def test_same_bits_as_numpy(loops, seed, h, grid, k, mix):
    rng, n, r = np.random.default_rng(seed), 50, 5
    unit = rng.random((h, n))
    unit[:, 0], unit[:, 1] = 0.0, 1.0
    knots = unit_knots(np.sort(unit, axis=1), grid, k, mix, 0.02)
    starts = np.ascontiguousarray(knots[:, k : k + grid])
    inverse, table = 1.0 / (knots[:, k + 1 : k + grid + 1] - starts), interval_polynomials(knots, k)
    results = []
    for kernels in (NUMPY, loops):
        rows, slopes, J = SplineRows.empty(h, grid, k, n), np.empty((h, n)), np.empty((h, r, n))
        kernels.splines(unit, starts, inverse, table, silu(unit), rows)
        draw = np.random.default_rng(seed)
        kernels.node_slopes(draw.normal(size=(h, grid + k)), rows, slopes)
        arrays = [draw.normal(size=s) for s in ((r, n), (h, n), (h, n), (h, n), (h, r), (h, r))]
        kernels.jacobian(*arrays, J)
        results.append((rows.design, rows.slopes, rows.interval, slopes, J))
    for reference, ours in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, reference)


def test_a_whole_fit_has_the_same_bits(loops, monkeypatch):
    monkeypatch.setattr(kernels_numba, "_load", lambda: loops)
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    y = X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=60)
    numpy, ours = (list(fit_path(X, y, 4, 3, (1, 2), options=LmOptions(kernels=k))) for k in ("numpy", "compiled"))
    for a, b in zip(numpy, ours, strict=True):
        np.testing.assert_array_equal(a.loss_curve, b.loss_curve)
        np.testing.assert_array_equal(a.layers[0].coef, b.layers[0].coef)
        np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.fixture
def nothing_loaded(monkeypatch):
    """A process that has loaded nothing yet, and starts nothing."""
    functions = kernels_numba._load, kernels_numba._trouble_with, kernels_numba._marker
    for function in functions:
        function.cache_clear()
    started = []
    monkeypatch.setattr(kernels_numba, "_compile_in_background", lambda: started.append(True))
    yield started
    for function in functions:
        function.cache_clear()


def test_small_work_runs_on_numpy_and_starts_nothing(nothing_loaded):
    assert kernels_numba.kernels("auto", spent=0.0) is NUMPY
    assert not nothing_loaded


def test_long_work_runs_on_numpy_while_the_others_are_compiled(nothing_loaded):
    assert kernels_numba.kernels("auto", spent=10.0) is NUMPY
    assert nothing_loaded


def test_takes_over_when_ready(nothing_loaded, loops, monkeypatch):
    assert not kernels_numba.cache_trouble()
    kernels_numba._marker().touch()
    monkeypatch.setattr(kernels_numba, "CompiledKernels", lambda: loops)
    assert kernels_numba.kernels("auto", spent=10.0) is loops


def test_one_process_compiles_at_a_time(kanlab_home, monkeypatch):
    kernels_numba._marker.cache_clear()
    started = []
    monkeypatch.setattr(kernels_numba.subprocess, "Popen", lambda *a, **k: started.append(a))
    kernels_numba.cache_folder().mkdir(parents=True)
    kernels_numba._compile_in_background()
    kernels_numba._compile_in_background()
    assert len(started) == 1
    kernels_numba._marker.cache_clear()


def test_without_numba(nothing_loaded, monkeypatch):
    monkeypatch.setattr(kernels_numba.importlib.util, "find_spec", lambda name: None)
    assert kernels_numba.kernels("auto", spent=10.0) is NUMPY
    with pytest.raises(FitError):
        kernels_numba.kernels("compiled")


def test_the_cache_is_under_the_home_or_where_it_is_wanted(kanlab_home, monkeypatch, tmp_path):
    assert kernels_numba.cache_folder().is_relative_to(kanlab_home)
    monkeypatch.setenv("KANLAB_COMPILED", str(tmp_path / "for all homes"))
    assert kernels_numba.cache_folder() == tmp_path / "for all homes"


@pytest.fixture
def fresh(monkeypatch):
    kernels_numba._trouble_with.cache_clear()
    yield kernels_numba.cache_folder()
    kernels_numba._trouble_with.cache_clear()


def test_the_cache_is_for_its_owner_alone(fresh, kanlab_home):
    assert not kernels_numba.cache_trouble()
    assert [stat.S_IMODE(p.stat().st_mode) for p in (kanlab_home, fresh)] == [0o700, 0o700]


@pytest.mark.parametrize("what", ["the folder", "one above", "a file in it", "another's"])
def test_a_cache_others_can_write_to_is_not_used(fresh, what, kanlab_home, monkeypatch, nothing_loaded):
    """It is code: what others put there would be run."""
    fresh.mkdir(parents=True)
    (fresh / "loops.nbc").touch()
    if what == "the folder":
        fresh.chmod(0o777)
    elif what == "one above":
        kanlab_home.chmod(0o777)
    elif what == "a file in it":
        fresh.chmod(0o755)
        (fresh / "loops.nbc").chmod(0o666)
    else:
        monkeypatch.setattr(files, "_is_ours", lambda found: stat.S_ISDIR(found.st_mode))
    assert kernels_numba.cache_trouble()
    compiled = []
    monkeypatch.setattr("numba.njit", lambda **options: compiled.append(options) or (lambda loop: loop))
    kernels_numba._compile(kernels_numba.fill_node_slopes)
    assert compiled == [{"error_model": "numpy"}]
    monkeypatch.setattr(kernels_numba, "_load", functools.cache(lambda: "compiled here"))
    assert kernels_numba.kernels("auto", spent=10.0) is NUMPY
    assert kernels_numba.kernels("auto", spent=2 * kernels_numba.WORTH_COMPILING) == "compiled here"
    assert not nothing_loaded  # and nothing is compiled for a cache
    kernels_numba.main()
    assert [p.name for p in fresh.iterdir()] == ["loops.nbc"]


def test_a_sticky_folder_above_is_no_danger(tmp_path, monkeypatch, fresh):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    monkeypatch.setenv("KANLAB_HOME", str(tmp_path / "tmp" / "mine"))
    assert not kernels_numba.cache_trouble()
    assert not files.who_else_may_write(tmp_path / "tmp" / "mine")
    assert files.who_else_may_write(tmp_path / "tmp")


def test_the_work_of_many_short_fits_counts_together(monkeypatch):
    clock, asked = itertools.count(), []
    monkeypatch.setattr(kernels_numba.time, "process_time", lambda: float(next(clock)))
    monkeypatch.setattr(kernels_numba, "kernels", lambda wanted, *, spent: asked.append(spent) or NUMPY)
    kernels_numba._first_fit.cache_clear()
    X = np.linspace(-1, 1, 30)[:, None]
    for _ in range(2):
        list(fit_path(X, X[:, 0] ** 2, 3, 2, (1,)))
    assert asked[0] <= 1.0
    assert asked == sorted(asked)
    assert len(set(asked)) > 1
    monkeypatch.setattr(kernels_numba.os, "getpid", lambda: -1)  # a forked process, whose clock begins anew
    assert kernels_numba.seconds_fitting() <= 1.0
    kernels_numba._first_fit.cache_clear()
