"""What kanlab is imported into, a notebook or another program, keeps the settings it has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import kanlab

ROOT = Path(kanlab.__file__).parents[1]

PROGRAM = """
import importlib, json, logging, os, pkgutil, random, signal, sys, warnings
import altair, kan, matplotlib.pyplot, numba, numpy as np, optuna, pandas as pd, scipy.special, sklearn, sympy, torch

# settings of the host, none of them a default
altair.data_transformers.enable("default", max_rows=77)
altair.theme.enable("dark")
matplotlib.pyplot.switch_backend("svg")
matplotlib.rcParams["lines.linewidth"] = 7
np.set_printoptions(precision=3)
np.seterr(under="warn")
optuna.logging.set_verbosity(optuna.logging.INFO)
pd.set_option("display.max_rows", 7)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True, warn_only=True)
warnings.simplefilter("always", ResourceWarning)
logging.basicConfig(level=logging.ERROR)
random.seed(1), np.random.seed(1), torch.manual_seed(1)


def state():
    return {
        "altair": [altair.data_transformers.active, altair.data_transformers.options, altair.theme.active],
        "renderer": [altair.renderers.active, altair.renderers.options],
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "hooks": [repr(sys.excepthook), repr(warnings.showwarning)],
        "logging": [logging.getLogger().level, repr(logging.getLogger().handlers)],
        "matplotlib": {k: str(v) for k, v in matplotlib.rcParams.items()},
        "numba": [str(numba.config.CACHE_DIR), numba.config.NUMBA_NUM_THREADS],
        "numpy": [np.geterr(), str(np.get_printoptions())],
        "optuna": [optuna.logging.get_verbosity(), repr(logging.getLogger("optuna").handlers)],
        "pandas": pd.get_option("display.max_rows"),
        "path": list(sys.path),
        "random": [hash(random.getstate()), str(np.random.get_state()), torch.get_rng_state().tolist()],
        "signals": [repr(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM)],
        "torch": [str(torch.get_default_dtype()), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
                  torch.is_deterministic_algorithms_warn_only_enabled()],
        "warnings": [str(f) for f in warnings.filters],
    }


def changed(since):
    now = state()
    return {name: [since[name], now[name]] for name in since if since[name] != now[name]}


def main():
    before, found = state(), {}
    import kanlab

    for name in kanlab.__all__:
        getattr(kanlab, name)
    kanlab.KANWrapper((2, 1, 1), grid=2, k=1, seed=0)
    found["public names"] = changed(before)

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"]).assign(y=lambda d: d["a"] ** 2)
    data = kanlab.Dataset.from_frame(frame, "y")
    for sampler in ("auto", "tpe"):
        study = kanlab.tune(data, kanlab.SearchSpace((1, 2), (2, 2), (2, 2)), trials=2, workers=1, sampler=sampler)
    assert study.best is not None
    study.predict(frame)
    found["tune"] = changed(before)

    own = ("kanlab.ui", "kanlab.cli", "kanlab.__main__", "kanlab.execution.worker", "kanlab.data.reading.reader")
    for module in pkgutil.walk_packages(kanlab.__path__, "kanlab."):
        if not module.name.startswith(("kanlab.ui", "kanlab.cli")) and module.name not in own:
            importlib.import_module(module.name)
    found["all modules"] = changed(before)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
"""


def test_imports_and_a_study_leave_the_settings_of_their_host(tmp_path: Path) -> None:
    """The programs of kanlab's own processes, its pages and its command line are not imported."""
    program = tmp_path / "host.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program)]
    environment = {"PYTHONPATH": str(ROOT), "KANLAB_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False, timeout=300
    )
    assert process.returncode == 0, process.stderr[-3000:]
    assert "A new study created" not in process.stderr  # nor does Optuna speak in kanlab's place
    assert json.loads(process.stdout) == {"public names": {}, "tune": {}, "all modules": {}}
