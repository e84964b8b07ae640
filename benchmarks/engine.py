"""The engine beside stock pykan, on one machine, in one run.

    python benchmarks/engine.py all               everything below, written to benchmarks/engine.md and engine-cost.svg
    python benchmarks/engine.py sweep PROBLEM     all admissible cells with lm, and stock pykan on some of them
    python benchmarks/engine.py first-run         the sweep on an empty cache of compiled code, and again
    python benchmarks/engine.py first-trial       from the command to the first trial of a 500-row CSV, nothing warm
    python benchmarks/engine.py seeds             how far a cell's RSS moves with the seed
    python benchmarks/engine.py cost              cost of a fit against rows, inputs and nodes; distance from dgemm
    python benchmarks/engine.py feynman           equations of the KAN paper

Two worker processes of one BLAS thread each; CPU is the workers' own. Stock pykan trains as the article does: 50 LBFGS or
500 Adam steps, float32, no early stopping; its time over all cells is extrapolated from the sample. Imports are timed for
neither: the workers of both have loaded what they need. Prints Markdown; `all`,
which is what `make bench` runs, takes about six minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["TQDM_DISABLE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np  # noqa: E402
from machine import described  # noqa: E402
from threadpoolctl import ThreadpoolController  # noqa: E402

from kanlab.kan.parameter_count import n_params  # noqa: E402
from kanlab.solver import kernels_numba  # noqa: E402
from kanlab.solver.first_layer import first_layer  # noqa: E402
from kanlab.solver.fit import LmOptions, fit_cell, fit_path  # noqa: E402
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise  # noqa: E402
from kanlab.solver.problem import Problem  # noqa: E402
from kanlab.solver.scaling import scaled_rows  # noqa: E402
from kanlab.solver.starts import fresh_start  # noqa: E402

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # X, y, X_test, y_test
NEURON_NUMS, GRIDS, KS = range(1, 11), range(2, 11), range(1, 4)
SAMPLE = 14
PAGE = Path(__file__).with_name("engine.md")
COST_CHART = Path(__file__).with_name("engine-cost.svg")
WORKERS = 2


def _smooth() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def _csv(name: str, columns: slice) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    def load() -> tuple[np.ndarray, np.ndarray]:
        path = Path(__file__).parents[1] / "kanlab" / "data" / "tables" / name
        table = np.genfromtxt(path, delimiter=",", skip_header=1)[:, columns]
        return table[:, :-1], table[:, -1]

    return load


def _wine() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_wine

    X = load_wine().data
    return X[:, 1:6], X[:, 0]  # alcohol from five other measurements


PROBLEMS = {
    "smooth": _smooth,
    "diabetes": _csv("diabetes.csv", slice(None)),
    "engel": _csv("engel.csv", slice(None)),
    "wine": _wine,
}


def split(problem: str) -> Split:
    X, y = PROBLEMS[problem]()
    order = np.random.default_rng(1).permutation(len(y))
    train, test = order[len(y) // 5 :], order[: len(y) // 5]
    return X[train], y[train], X[test], y[test]


def admissible(problem: str) -> list[tuple[int, int, int]]:
    X, *_ = split(problem)
    n, d = X.shape
    return [
        (h, g, k)
        for g in GRIDS
        for k in KS
        for h in NEURON_NUMS
        if n - n_params((d, h, 1), g, k, count_sigma2=True) - 1 > 0
    ]


@dataclass(frozen=True)
class Fit:
    cell: tuple[int, int, int]
    rss_train: float
    rss_test: float
    cpu: float


def _lm_path(job: tuple[str, int, int, tuple[int, ...], float]) -> list[Fit]:
    problem, grid, k, nums, smoothing = job
    X, y, X_test, y_test = split(problem)
    fits, began = [], time.process_time()
    for model in fit_path(X, y, grid, k, nums, options=LmOptions(smoothing=smoothing)):
        error = model.predict(X_test) - y_test
        now = time.process_time()
        fits.append(Fit((model.spec.layer_widths[1], grid, k), model.rss_train, float(error @ error), now - began))
        began = now
    return fits


def _stock(job: tuple[str, tuple[int, int, int], str]) -> Fit:
    from kanlab.engines.pykan_training import train

    problem, (h, grid, k), engine = job
    X, y, X_test, y_test = split(problem)
    began = time.process_time()
    model = train(X, y, h, grid, k, engine=engine, early_stopping=False).model
    cpu = time.process_time() - began
    rss = [float(np.sum((model.predict(A) - b) ** 2)) for A, b in ((X, y), (X_test, y_test))]
    return Fit((h, grid, k), rss[0], rss[1], cpu)


def _ready(module: str) -> None:
    """Load what the timed jobs need, of lm its compiled loops."""
    __import__(module)
    if module == "kanlab.solver.kernels_numba":
        kernels_numba.kernels("compiled")


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"))


def lm_sweep(problem: str, smoothing: float, executor: ProcessPoolExecutor) -> tuple[dict, float, float]:
    """Fits by cell, wall and CPU seconds. The largest units of work go first, so that both workers end together."""
    units: dict[tuple[int, int], list[int]] = {}
    for h, g, k in admissible(problem):
        units.setdefault((g, k), []).append(h)
    jobs = [(problem, g, k, tuple(nums), smoothing) for (g, k), nums in units.items()]
    jobs.sort(key=lambda j: -sum(h * h for h in j[3]) * (j[1] + j[2]))
    began = time.perf_counter()
    fits = [f for path in executor.map(_lm_path, jobs) for f in path]
    return {f.cell: f for f in fits}, time.perf_counter() - began, sum(f.cpu for f in fits)


def sweep(problem: str) -> None:
    cells = admissible(problem)
    X, *_ = split(problem)
    sample = [cells[i] for i in np.random.default_rng(2).permutation(len(cells))[:SAMPLE]]
    print(f"\n### {problem}: n = {X.shape[0]}, d = {X.shape[1]}, {len(cells)} admissible cells\n")
    with pool() as executor:
        list(executor.map(_ready, ["kanlab.solver.kernels_numba"] * WORKERS * 2))
        ours, wall, cpu = lm_sweep(problem, 1000.0, executor)
        rough, *_ = lm_sweep(problem, 0.0, executor)
    print("| engine | wall s | CPU s | CPU ratio | train RSS at or below | median train ratio | median test ratio |")
    print("|---|---|---|---|---|---|---|")
    print(f"| lm, {len(cells)} cells | {wall:.1f} | {cpu:.1f} | 1 | | | |")
    for engine in ("pykan-lbfgs", "pykan-adam"):
        with pool() as executor:
            list(executor.map(_ready, ["kanlab.engines.pykan_training"] * WORKERS * 2))
            began = time.perf_counter()
            stock = list(executor.map(_stock, [(problem, c, engine) for c in sample]))
            stock_wall = time.perf_counter() - began
        share = len(cells) / len(sample)
        stock_cpu = sum(f.cpu for f in stock) * share
        finite = [f for f in stock if np.isfinite(f.rss_train)]
        train = np.array([rough[f.cell].rss_train / f.rss_train if f in finite else 0.0 for f in stock])
        test = np.array([ours[f.cell].rss_test / f.rss_test if f in finite else 0.0 for f in stock])
        print(
            f"| {engine}, {len(sample)} cells extrapolated | {stock_wall * share:.0f} | {stock_cpu:.0f} "
            f"| {stock_cpu / cpu:.0f} | {int((train <= 1.0).sum())} of {len(sample)} | {np.median(train):.3g} "
            f"| {np.median(test):.3g} |"
        )


def sweeps() -> None:
    for problem in PROBLEMS:
        sweep(problem)


def first_run() -> None:
    print("\n| 270 cells of smooth | wall s | CPU s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = home
        for label in ("nothing compiled yet", "compiled code in the cache"):
            began = time.perf_counter()
            with pool() as executor:
                _, _, cpu = lm_sweep("smooth", 1000.0, executor)
            print(f"| {label} | {time.perf_counter() - began:.1f} | {cpu:.1f} |", flush=True)


def first_trial() -> None:
    """Seconds from `kanlab tune` to the first trial its bar shows, each time in a home that is empty."""
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as home:
            X, y = PROBLEMS["smooth"]()
            table = Path(home) / "smooth.csv"
            np.savetxt(table, np.column_stack([X, y])[:500], delimiter=",", header="a,b,y", comments="")
            seconds.append(_seconds_to_first_trial(str(table), str(Path(home) / "kanlab")))
    print(f"First trial of `kanlab tune` on 500 rows, empty home: {', '.join(f'{s:.1f} s' for s in seconds)}.")


def _seconds_to_first_trial(table: str, home: str) -> float:
    import termios  # POSIX only

    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    environment = os.environ | {"KANLAB_HOME": home, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("TQDM_DISABLE")
    command = [sys.executable, "-m", "kanlab", "tune", table, "--target", "y", "--workers", str(WORKERS)]
    began, shown = time.perf_counter(), ""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    try:
        while not re.search(r"\b[1-9]\d*/\d+ ", shown):
            shown += os.read(screen, 4096).decode(errors="replace")
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the other end is closed
            while os.read(screen, 4096):
                pass
        process.wait(timeout=60)
        os.close(screen)


SEED_PAIRS = [(3, 3), (5, 2), (8, 3), (10, 1)]
SEEDS = {None: 16, 8: 4, 32: 2}  # seeds by starts, None the engine's own


def _seed_path(job: tuple[int, int, int, int | None]) -> tuple[list[float], float]:
    grid, k, seed, starts = job
    X, y, *_ = split("smooth")
    began = time.process_time()
    fits = fit_path(X, y, grid, k, NEURON_NUMS, options=LmOptions(starts=starts), seed=seed)
    return [f.rss_train for f in fits], time.process_time() - began


def seeds() -> None:
    """The spread of RSS over seeds on some (grid, k) of the smooth problem, and what more starts make of it."""
    rss, cpu = {}, {}
    with pool() as executor:
        for starts, count in SEEDS.items():
            jobs = [(g, k, s, starts) for g, k in SEED_PAIRS for s in range(count)]
            found = list(executor.map(_seed_path, jobs))
            rss[starts] = np.array([path for path, _ in found]).reshape(len(SEED_PAIRS), count, -1)
            cpu[starts] = sum(seconds for _, seconds in found) / count
    least = rss[None].min(axis=1, keepdims=True)
    print("\n| neuron_num | " + " | ".join(str(h) for h in NEURON_NUMS) + " |\n|" + "---|" * 11)
    for name, q in (("median", 0.5), ("90th percentile", 0.9)):
        values = np.quantile(rss[None] / least, q, axis=(0, 1))
        print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in values) + " |")
    print("\nRSS over the best of 16 seeds at the engine's own number of starts:\n")
    print("| starts | seeds | CPU | median | 90th percentile | geometric mean over the engine's own |")
    print("|---|---|---|---|---|---|")
    for starts, count in SEEDS.items():
        ratio = rss[starts] / least
        mean = np.exp(np.log(rss[starts]).mean() - np.log(rss[None]).mean())
        print(
            f"| {starts or 'own'} | {count} | {cpu[starts] / cpu[None]:.1f} | {np.median(ratio):.2f} "
            f"| {np.quantile(ratio, 0.9):.2f} | {mean:.2f} |"
        )


@dataclass(frozen=True)
class Cost:
    """An iteration of one cell, in ms: measured, and its counted arithmetic at the machine's dgemm rate."""

    n: int
    d: int
    neuron_num: int
    n_params: int
    measured: float
    arithmetic: float


# what varies, and the cells (n, d, neuron_num) it varies over
SCANS = {
    "rows n": [(n, 2, 5) for n in (200, 800, 3200, 8000, 32000)],
    "inputs d": [(800, d, 5) for d in (1, 2, 4, 8, 16)],
    "parameters K": [(800, 2, h) for h in (1, 2, 5, 10, 20)],
}


def dgemm_rate() -> float:
    """Floating-point operations a second in a large matrix product, on one thread."""
    A = np.random.default_rng(0).normal(size=(1200, 1200))
    began = time.process_time()
    for _ in range(5):
        A @ A
    return 5 * 2 * 1200**3 / (time.process_time() - began)


def iteration_cost(n: int, d: int, h: int, rate: float, grid: int = 5, k: int = 3) -> Cost:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, d))
    y = np.exp(np.sin(np.pi * X[:, 0]) + X[:, -1] ** 2) + 0.1 * rng.normal(size=n)
    rows = scaled_rows(X, y)
    design = first_layer(rows.x, grid, k)
    problem = Problem(design, rows.y, h, 1000.0, kernels_numba.kernels("compiled"))
    state = fresh_start(problem, rng)
    assert state is not None
    began = time.process_time()
    found = minimise(problem, state, LoopOptions(max_iterations=30, tolerance=0.0))
    spent = (time.process_time() - began) / max(1, found.iteration)
    p1, p2 = h * design.rank, h * (grid + k + 1)
    flops = n * p1 * (p1 + 2 * p2) + p1 * p2 * (p1 + p2) + p1**3 / 3 + 2 * n * p2 * p2
    return Cost(n, d, h, n_params((d, h, 1), grid, k), 1e3 * spent, 1e3 * flops / rate)


def cost() -> None:
    """CPU time of an iteration against n, d and K, the arithmetic it stands for, and a chart of both."""
    with ThreadpoolController().limit(limits=1, user_api="blas"):
        rate = dgemm_rate()
        scans = {name: [iteration_cost(*cell, rate) for cell in cells] for name, cells in SCANS.items()}
    print(f"\ndgemm: {rate / 1e9:.0f} GFlop/s\n")
    print("| n | d | neuron_num | K | ms an iteration | ms of arithmetic at the dgemm rate | slope |")
    print("|---|---|---|---|---|---|---|")
    for name, costs in scans.items():
        size = [_size(name, c) for c in costs]
        for i, c in enumerate(costs):
            slope = np.log(c.measured / costs[i - 1].measured) / np.log(size[i] / size[i - 1]) if i else None
            told = "" if slope is None else f"{slope:.1f} in {name.split()[-1]}"
            print(f"| {c.n} | {c.d} | {c.neuron_num} | {c.n_params} | {c.measured:.2f} | {c.arithmetic:.2f} | {told} |")
    draw_cost(scans)
    print(f"\n![Time of an iteration against rows, inputs and parameters]({COST_CHART.name})")


def _size(scan: str, c: Cost) -> int:
    return {"rows n": c.n, "inputs d": c.d, "parameters K": c.n_params}[scan]


def draw_cost(scans: dict[str, list[Cost]]) -> None:
    """One panel a scan, both axes logarithmic."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "kanlab"  # the same figures give the same file
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(scans), figsize=(10, 3.2), sharey=True, layout="constrained")
    for panel, (name, costs) in zip(panels, scans.items(), strict=True):
        size = [_size(name, c) for c in costs]
        panel.loglog(size, [c.measured for c in costs], "o-", color="#0072B2", label="measured")
        panel.loglog(size, [c.arithmetic for c in costs], "s--", color="#D55E00", label="arithmetic at the dgemm rate")
        fixed = "".join(f", {n} = {v}" for n, v in (("n", 800), ("d", 2), ("neuron_num", 5)) if not _varies(n, name))
        panel.set(xlabel=name, title=f"grid 5, k 3{fixed}")
        panel.title.set_fontsize(8)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("ms of CPU an iteration")
    panels[0].legend(fontsize=8)
    figure.savefig(COST_CHART, metadata={"Date": None})


def _varies(quantity: str, scan: str) -> bool:
    return scan.endswith(f" {quantity}") or (quantity == "neuron_num" and scan == "parameters K")


# Dimensionless Feynman equations of two variables from the KAN paper, section 3.3
FEYNMAN: dict[str, tuple[Callable[..., np.ndarray], list[tuple[float, float]]]] = {
    "I.6.2: exp(-t²/2s²) / sqrt(2πs²)": (
        lambda t, s: np.exp(-(t**2) / (2 * s**2)) / np.sqrt(2 * np.pi * s**2), [(-1, 1), (0.5, 2)]),
    "I.12.11: 1 + a sin t": (lambda a, t: 1 + a * np.sin(t), [(-1, 1), (-1, 1)]),
    "I.16.6: (a + b) / (1 + ab)": (lambda a, b: (a + b) / (1 + a * b), [(-0.9, 0.9), (-0.9, 0.9)]),
    "I.26.2: arcsin(n sin t)": (lambda a, t: np.arcsin(a * np.sin(t)), [(-1, 1), (-1, 1)]),
    "I.27.6: 1 / (1 + ab)": (lambda a, b: 1 / (1 + a * b), [(-0.9, 0.9), (-0.9, 0.9)]),
    "I.30.3: sin²(nt/2) / sin²(t/2)": (
        lambda a, t: np.sin(a * t / 2) ** 2 / np.sin(t / 2) ** 2, [(1, 3), (0.5, 2)]),
    "I.40.1: a exp(-b)": (lambda a, b: a * np.exp(-b), [(-1, 1), (-1, 1)]),
}  # fmt: skip

# Lowest test RMSE of a pruned KAN, an unpruned KAN and an MLP: arXiv:2404.19756, table 2, after its first version. Read in
# two transcriptions of the page, which agree on all but the exponent that is left out.
PAPER: dict[str, tuple[float, float, float | None]] = {
    "I.6.2": (2.86e-5, 4.60e-5, 1.45e-4),
    "I.12.11": (1.39e-3, 9.13e-4, 6.71e-4),
    "I.16.6": (1.19e-3, 1.53e-3, 6.20e-4),
    "I.26.2": (7.90e-4, 8.63e-4, None),
    "I.27.6": (1.94e-4, 2.14e-4, 2.46e-4),
    "I.30.3": (1.03e-3, 1.11e-2, 1.50e-2),
    "I.40.1": (5.01e-4, 3.12e-4, 3.99e-4),
}


def _feynman_fit(X: np.ndarray, y: np.ndarray, starts: int | None) -> tuple[float, float]:
    """Test RMSE and CPU seconds of one fit to the first 1000 rows."""
    began = time.process_time()
    model = fit_cell(X[:1000], y[:1000], 5, 10, 3, options=LmOptions(max_iterations=100, starts=starts))
    return float(np.sqrt(np.mean((model.predict(X[1000:]) - y[1000:]) ** 2))), time.process_time() - began


def feynman() -> None:
    """Test RMSE of [2, 5, 1] with grid 10 and k 3, 1000 rows to train on and 1000 to test, without noise.

    Beside it the paper's, which is the lowest of several nets and seeds on ranges of its own.
    """
    print(
        "\n| equation | test RMSE | of the deviation of y | CPU s | 16 starts | CPU s "
        "| the paper's, KAN pruned / unpruned / MLP |"
    )
    print("|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for name, (f, ranges) in FEYNMAN.items():
        X = np.stack([rng.uniform(a, b, 2000) for a, b in ranges], axis=1)
        y = f(*X.T)
        (one, cpu_one), (many, cpu_many) = (_feynman_fit(X, y, starts) for starts in (None, 16))
        paper = " / ".join("unclear" if v is None else f"{v:.2e}" for v in PAPER[name.split(":")[0]])
        print(
            f"| {name} | {one:.1e} | {one / y.std():.1e} | {cpu_one:.2f} | {many:.1e} | {cpu_many:.1f} | {paper} |",
            flush=True,
        )
    print("\nThe paper's: arXiv:2404.19756, table 2; benchmarks/README.md says what differs.")


def everything() -> None:
    """All of it, printed and written to the results page."""
    parts: list[tuple[str, Callable[[], None]]] = [
        ("All admissible cells beside stock pykan", sweeps),
        ("How long the 270 cells of the smooth problem take", first_run),
        ("How long the first trial takes", first_trial),
        ("How far RSS moves with the seed", seeds),
        ("Cost of an iteration", cost),
        ("Equations of the KAN paper", feynman),
    ]
    began = time.perf_counter()
    machine = described(["numpy", "scipy", "numba", "torch", "pykan"])
    page = [
        f"# The engine, measured\n\nWritten by `make bench` on {machine} benchmarks/README.md says what was measured."
    ]
    for title, part in parts:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            part()
        page.append(f"## {title}\n\n{printed.getvalue().strip()}")
        print("\n" + page[-1], flush=True)
    page.append(f"All of it took {(time.perf_counter() - began) / 60:.1f} minutes.")
    PAGE.write_text("\n\n".join(page) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sweep").add_argument("problem", choices=PROBLEMS)
    others = {
        "all": everything,
        "first-run": first_run,
        "first-trial": first_trial,
        "seeds": seeds,
        "cost": cost,
        "feynman": feynman,
    }
    for name in others:
        commands.add_parser(name)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.command == "sweep":
        sweep(arguments.problem)
    else:
        others[arguments.command]()


if __name__ == "__main__":
    main()
