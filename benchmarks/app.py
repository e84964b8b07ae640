"""How fast the app feels: first paint, and from Start to the first point, in Chromium on this machine.

    .venv/bin/python benchmarks/app.py [runs]

Prints a table for benchmarks/README.md. Every run has a fresh server, a fresh browser and an empty home.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "kanlab" / "data" / "tables" / "diabetes.csv"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(home: Path) -> tuple[subprocess.Popen[bytes], str, float]:
    """A running app, its address, and the seconds until it answered."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "kanlab", "app", "--headless", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"KANLAB_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return process, url, time.perf_counter() - began
        except OSError:
            time.sleep(0.02)


def resident_megabytes(process: subprocess.Popen[bytes]) -> float:
    """Memory of the Streamlit process, the child of the command."""
    child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    status = Path(f"/proc/{child}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def one_run(chromium: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url, up = serve(Path(home))
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            began = time.perf_counter()
            page.goto(url)
            page.get_by_role("heading", name="Data", exact=True).wait_for()
            painted = time.perf_counter() - began
            page.locator("input[type=file]").set_input_files(DATA)
            page.get_by_role("button", name="Go to the search").click()
            start = page.get_by_role("button", name="Start", exact=True)
            start.wait_for()
            page.wait_for_timeout(3000)  # the timing of a few cells is over
            began = time.perf_counter()
            start.click()
            page.locator('[data-testid="stVegaLiteChart"] path[aria-label*="trial:"]').first.wait_for(state="attached")
            first_point = time.perf_counter() - began
            page.get_by_text("Finished", exact=True).wait_for(timeout=300_000)
            done = time.perf_counter() - began
            memory = resident_megabytes(process)
            browser.close()
        finally:
            os.killpg(process.pid, 15)
            process.wait()
    return {
        "server up": up,
        "first paint": painted,
        "Start to first point": first_point,
        "Start to finished": done,
        "MB": memory,
    }


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is missing; install it from the system's packages.")
    results = [one_run(chromium) for _ in range(runs)]
    print(f"| median of {runs} runs | |\n|---|---|")
    for name in results[0]:
        value = statistics.median(r[name] for r in results)
        print(f"| {name} | {value:.0f} MB |" if name == "MB" else f"| {name} | {value:.2f} s |")


if __name__ == "__main__":
    main()
