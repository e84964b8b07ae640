"""A million rows and files that are no table through the app itself, in Chromium: seconds to a usable page, memory.

    python benchmarks/upload.py [ROWS [FILES]]

FILES: how many of the files, from the first; all by default.
Every file has a fresh server. Usable means: read, profiled, made ready, and the button to the search is there. Memory is
the peak of the Streamlit process (VmHWM), which holds the uploaded bytes as well. Of the reader's processor time and memory the
system tells (docs/security.md has them); here its time is that of the children the server has waited for.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.app import serve
from tests.helpers.corpus import zip_bomb

COLUMNS = 20


def large(rows: int) -> bytes:
    rng, text = np.random.default_rng(0), io.StringIO()
    for start in range(0, rows, 100_000):
        block = rng.normal(size=(min(100_000, rows - start), COLUMNS)).round(6)
        frame = pd.DataFrame(block, columns=[f"c{i}" for i in range(COLUMNS)])
        frame.to_csv(text, header=start == 0, index=False)
    return text.getvalue().encode()


def wide() -> bytes:
    row = ",".join(["1"] * 10_000)
    return (",".join(f"c{i}" for i in range(10_000)) + "\n" + f"{row}\n" * 500).encode()


def files(rows: int) -> dict[str, tuple[str, bytes]]:
    return {
        f"{rows:,} x {COLUMNS}": ("large.csv", large(rows)),
        f"{rows:,} x {COLUMNS}, gzip": ("large.csv.gz", gzip.compress(large(rows), 1)),
        "a zip bomb of 1 GB": ("bomb.zip", zip_bomb()),
        "10,000 columns": ("wide.csv", wide()),
        "one line of 190 MB": ("line.csv", b"1," * 95_000_000),
        "one line of 1 GB, gzip": ("line.csv.gz", gzip.compress(b"7" * 2**24) * 64),
        "190 MB of zero bytes": ("zeros.csv", bytes(190_000_000)),
    }


def peak_megabytes(pid: int) -> float:
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    status = Path(f"/proc/{child}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def cpu_seconds(pid: int) -> tuple[float, float]:
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own / os.sysconf("SC_CLK_TCK"), children / os.sysconf("SC_CLK_TCK")


def measured(chromium: str, path: Path) -> tuple[float, float, float, float, float, str]:
    """Seconds, CPU seconds of server and reader, peak MB of the server, its MB before, and the sentence of a refusal."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url, _ = serve(Path(home))
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(url)
            page.get_by_role("heading", name="Data", exact=True).wait_for()
            page.wait_for_timeout(1000)
            before, cpu = peak_megabytes(process.pid), cpu_seconds(process.pid)
            began = time.perf_counter()
            page.locator("input[type=file]").set_input_files(path)
            error = page.get_by_test_id("stAlertContentError")
            page.get_by_role("button", name="Go to the search").or_(error).first.wait_for(timeout=180_000)
            seconds = time.perf_counter() - began
            sentence = error.first.inner_text().split("\n")[-1] if error.count() else ""
            own, reader = (after - at for after, at in zip(cpu_seconds(process.pid), cpu, strict=True))
            result = seconds, own, reader, peak_megabytes(process.pid), before, sentence
            browser.close()
        finally:
            os.killpg(process.pid, 15)
            process.wait()
    return result


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is missing; install it from the system's packages.")
    print(
        "| file | MB | s | CPU s of the server | of the reader | MB of the server, before | peak | said |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (filename, content) in list(files(rows).items())[: int(sys.argv[2]) if len(sys.argv) > 2 else None]:
            path = Path(folder) / filename
            path.write_bytes(content)
            seconds, cpu, reader, peak, before, sentence = measured(chromium, path)
            size = len(content) / 1e6
            print(
                f"| {name} | {size:.1f} | {seconds:.1f} | {cpu:.1f} | {reader:.1f} | {before:.0f} | {peak:.0f} | {sentence or 'read'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
