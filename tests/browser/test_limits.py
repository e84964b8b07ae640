"""What is too large or no table, uploaded to the app itself: one sentence, memory bounded, and the next file is read."""

from __future__ import annotations

import gzip
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_any_table import metric, upload
from tests.helpers.app_server import AppServer
from tests.helpers.corpus import zip_bomb

MEGABYTES_MORE = 500


def peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def test_each_is_one_sentence_and_the_server_stays_up(page: Page, server: AppServer, tmp_path: Path) -> None:
    wide = ",".join(["1"] * 10_000)
    cases = {
        "bomb.zip": (zip_bomb(), "unpacks to more than 200 times its size, which no table does"),
        "wide.csv": (f"{wide}\n{wide}\n".encode(), "10,000 columns and at most 2,000 are read"),
        "line.csv": (b"1," * 25_000_000, "no line end in its first 1 MB"),
        "line.csv.gz": (gzip.compress(b"7" * 2**24) * 64, "no line end in its first 1 MB"),
        "zeros.csv": (bytes(50_000_000), "is a binary file, not a text table"),
        "picture.csv": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 999, "is a binary file, not a text table"),
    }
    page.goto(server.url)
    expect(page.get_by_text("Nothing is chosen yet")).to_be_visible()
    before = peak_megabytes(server.ui_pid)
    for name, (content, sentence) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        page.locator("input[type=file]").set_input_files(path)
        error = page.get_by_test_id("stAlertContentError")
        expect(error).to_have_count(1, timeout=60_000)
        expect(error).to_contain_text(f"{name} ")
        expect(error).to_contain_text(sentence)
    assert peak_megabytes(server.ui_pid) - before < MEGABYTES_MORE

    good = tmp_path / "good.csv"
    good.write_text("a,b\n" + "".join(f"{i},{i * i}\n" for i in range(50)))
    page.locator("input[type=file]").set_input_files(good)
    metric(page, "Training rows n", "40")


def test_above_the_upload_limit_the_page_says_what_to_do(page: Page, server: AppServer, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(201 * 2**20)  # sparse
    upload(page, server, large)
    expect(page.get_by_test_id("stFileUploader")).to_contain_text("200.0MB or smaller")
    expect(page.get_by_text("pack it with gzip or save it as Parquet")).to_be_visible()
    expect(page.get_by_text("kanlab tune BIG.csv --target COLUMN")).to_be_visible()
