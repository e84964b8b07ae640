"""A study of 10,000 trials: reading it, showing it, polling it, beside optuna-dashboard on the same storage.

python benchmarks/storage.py [TRIALS]    prints one table; everything in one run, in a home of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import sqlalchemy

ROOT = Path(__file__).parents[1]
NAME = "large"
POLLERS, SECONDS = 4, 8


def seed(trials: int) -> None:
    """A study with finished trials, written in bulk; it is shown as running, by this process."""
    from kanlab.data.dataset import Dataset
    from kanlab.kan.search_space import SearchSpace
    from kanlab.study.handle import create_study
    from kanlab.study.spec import StudySpec
    from kanlab.study.state import StudyState, write_state

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60_000, 2)), columns=["a", "b"])
    frame["y"] = frame["a"] ** 2 + frame["b"]
    space = SearchSpace((1, 50), (1, 100), (1, 3))
    spec = StudySpec(space=space, engine="pykan-lbfgs", sampler="tpe", trials=trials)
    data = Dataset.from_frame(frame, "y")
    handle = create_study(data, spec, name=NAME)
    cells = spec.admissible(data.n, data.d)[:trials]
    chosen = [cells[i] for i in rng.permutation(len(cells))]
    study_id = handle.id
    from kanlab.study.optuna_adapter import database, storage_of
    from kanlab.study.sampler import distributions

    kinds = {
        n: json.dumps({"name": "IntDistribution", "attributes": d._asdict()}) for n, d in distributions(space).items()
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "trials": [],
        "trial_params": [],
        "trial_values": [],
        "trial_user_attributes": [],
    }
    for number, cell in enumerate(chosen):
        trial_id = number + 1
        n_params = spec.n_params(cell, data.d)
        rss = float(1e4 * rng.uniform(0.5, 1.5) / (1 + n_params))
        score = data.n * np.log(rss / data.n) + 2 * n_params
        now = pd.Timestamp("2026-01-01").to_pydatetime()
        rows["trials"].append(
            {
                "trial_id": trial_id,
                "number": number,
                "study_id": study_id,
                "state": "COMPLETE",
                "datetime_start": now,
                "datetime_complete": now,
            }
        )
        rows["trial_params"] += [
            {"trial_id": trial_id, "param_name": n, "param_value": float(v), "distribution_json": kinds[n]}
            for n, v in space.params(cell).items()
        ]
        rows["trial_values"].append({"trial_id": trial_id, "objective": 0, "value": score, "value_type": "FINITE"})
        fit = {
            "status": "stalled",
            "seconds": 1.0,
            "iterations": 50,
            "curve": [round(rss * (1 + 1 / (i + 1)), 4) for i in range(60)],
        }
        attributes = {"n_params": n_params, "rss_train": rss, "rss_test": rss / 4, "aicc": score, "fit": fit}
        rows["trial_user_attributes"] += [
            {"trial_id": trial_id, "key": k, "value_json": json.dumps(v)} for k, v in attributes.items()
        ]
    with database(storage_of(handle.optuna)).begin() as connection:
        for table, content in rows.items():
            names = list(content[0])
            query = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)})"
            connection.execute(sqlalchemy.text(query), content)
    write_state(handle.optuna, StudyState("running", elapsed=60.0))


def timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def worked(act: Any) -> float:
    """Seconds of CPU that this process spends on it, whatever else the machine does."""
    began = time.process_time()
    act()
    return time.process_time() - began


def read(_: str) -> dict[str, float]:
    """In a process of its own: reading the study the first and the second time, by us and by Optuna."""
    from kanlab.study.handle import load_study

    handle = load_study(NAME)
    first, second = timed(handle.records), timed(handle.records)
    return {
        "first read, s": first,
        "second read, ms": 1000 * second,
        "first read by Optuna, s": timed(lambda: handle.optuna.get_trials(deepcopy=False)),
        "second read by Optuna, ms": 1000 * timed(lambda: handle.optuna.get_trials(deepcopy=False)),
    }


def page(_: str) -> dict[str, float]:
    """In a process of its own: the Live page opened, then refreshed, then polled by several at once."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.testing.v1 import AppTest

    from kanlab.study.dashboard import DashboardServer
    from kanlab.study.handle import load_study
    from kanlab.study.sampler import distributions
    from kanlab.study.state import StudyState, write_state
    from kanlab.ui import drawing, shared

    DashboardServer.__init__ = lambda self, url: None  # type: ignore[method-assign, assignment]
    DashboardServer.url = lambda self: "http://127.0.0.1:1"  # type: ignore[method-assign]
    PagesManager.uses_pages_directory = False
    script = f"import streamlit as st\nst.query_params['study'] = {NAME!r}\nexec(open({str(ROOT / 'pages/live.py')!r}).read())"

    def keep_alive() -> None:
        write_state(load_study(NAME).optuna, StudyState("running", elapsed=60.0))

    keep_alive()
    app = AppTest.from_string(script, default_timeout=60)
    before = time.process_time()
    opened = timed(app.run)
    opened_cpu = time.process_time() - before
    assert not app.exception, app.exception[0].message
    again = [timed(app.run) for _ in range(5)]
    again_cpu = [worked(app.run) for _ in range(5)]
    study = load_study(NAME)
    free = iter(sorted(set(study.spec.admissible(study.data.n_train, 2)) - {r.cell for r in study.records()}))
    changed = []
    for _ in range(20):
        trial = optuna.trial.create_trial(
            params=study.spec.space.params(next(free)), distributions=distributions(study.spec.space), value=0.0,
            user_attrs={"n_params": 9, "rss_train": 1e4, "aicc": 0.0, "fit": {"status": "stalled"}},
        )  # fmt: skip
        study.optuna.add_trial(trial)
        changed.append(timed(app.run))
    redrawn, redrawn_cpu = [], []
    for measure, found in 3 * [(timed, redrawn), (worked, redrawn_cpu)]:
        shared.table.clear()
        drawing._drawn_once.clear()
        found.append(measure(app.run))
    apps = [AppTest.from_string(script, default_timeout=60).run() for _ in range(POLLERS)]
    cpu, began = time.process_time(), time.perf_counter()

    def poll(each: AppTest) -> None:
        for beat in range(SECONDS):
            time.sleep(max(0.0, began + beat - time.perf_counter()))
            each.run()

    threads = [threading.Thread(target=poll, args=(each,)) for each in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cores = (time.process_time() - cpu) / max(SECONDS, time.perf_counter() - began)
    return {
        "Live page opened, s": opened,
        "s of CPU": opened_cpu,
        "refresh, ms": 1000 * float(np.median(again)),
        "of CPU": 1000 * float(np.median(again_cpu)),
        "refresh with a new trial, median ms": 1000 * float(np.median(changed)),
        "90th percentile ms": 1000 * float(np.percentile(changed, 90)),
        "drawn anew, ms": 1000 * float(np.median(redrawn)),
        "ms of CPU": 1000 * float(np.median(redrawn_cpu)),
        f"{POLLERS} pollers, cores": cores,
    }


def browsers(_: str) -> dict[str, float]:
    """Four Chromium windows on the Live page of a real server, while a trial arrives every second; and one more opened."""
    from playwright.sync_api import sync_playwright

    from app import serve
    from kanlab.study.handle import load_study
    from kanlab.study.sampler import distributions
    from kanlab.study.state import StudyState, write_state

    study = load_study(NAME)
    free = iter(sorted(set(study.spec.admissible(study.data.n_train, 2)) - {r.cell for r in study.records()}))
    over = threading.Event()

    def arrive() -> None:
        while not over.wait(1.0):
            write_state(study.optuna, StudyState("running", elapsed=60.0))
            trial = optuna.trial.create_trial(
                params=study.spec.space.params(next(free)), distributions=distributions(study.spec.space), value=0.0,
                user_attrs={"n_params": 9, "rss_train": 1e4, "aicc": 0.0, "fit": {"status": "stalled"}},
            )  # fmt: skip
            study.optuna.add_trial(trial)

    write_state(study.optuna, StudyState("running", elapsed=60.0))
    arriving = threading.Thread(target=arrive)
    arriving.start()
    process, url, _ = serve(Path(os.environ["KANLAB_HOME"]))
    child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]

    def cpu() -> float:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])

            def visit() -> None:
                page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
                page.goto(f"{url}/live?study={NAME}")
                page.locator('[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg').nth(
                    2
                ).wait_for(timeout=120_000)

            opened, spent = [], []
            for _ in range(POLLERS):
                before = cpu()
                opened.append(timed(visit))
                spent.append(cpu() - before)
            time.sleep(3)
            before, began = cpu(), time.perf_counter()
            time.sleep(3 * SECONDS)
            cores = (cpu() - before) / (time.perf_counter() - began)
            browser.close()
    finally:
        over.set()
        arriving.join()
        os.killpg(process.pid, 15)
        process.wait()
    return {
        "first window, s": opened[0],
        "of CPU of the server": spent[0],
        "second window, s": opened[1],
        "second, of CPU of the server": spent[1],
        f"{POLLERS} windows, cores of the server": cores,
    }


def dashboard(_: str) -> dict[str, float]:
    """The requests optuna-dashboard's page makes: the whole study, then what is new, every few seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kanlab.study.dashboard"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    size = [0]

    def get() -> None:
        with urllib.request.urlopen(f"{url}/api/studies/1?after=0", timeout=120) as answer:
            size[0] = len(answer.read())

    first = timed(get)
    again = [timed(get) for _ in range(3)]
    process.kill()
    process.wait()
    return {"first answer, s": first, "next answers, ms": 1000 * float(np.median(again)), "answer, MB": size[0] / 1e6}


PARTS = {"read": read, "page": page, "browsers": browsers, "dashboard": dashboard}


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] in PARTS:
        print(json.dumps(PARTS[sys.argv[1]](sys.argv[2])))
        return
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"KANLAB_HOME": home, "PYTHONPATH": str(ROOT)}
        seed(trials)
        print(
            f"{trials:,} trials, {(Path(home) / 'studies.db').stat().st_size / 1e6:.1f} MB, load {os.getloadavg()[0]:.1f}"
        )
        for part in PARTS:
            done = subprocess.run([sys.executable, __file__, part, "-"], capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr[-2000:])
            print(part, {k: round(v, 3) for k, v in json.loads(done.stdout.splitlines()[-1]).items()})


if __name__ == "__main__":
    main()
