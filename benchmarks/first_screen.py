"""The study on the first screen of the app, done again and written: python benchmarks/first_screen.py"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["KANLAB_HOME"] = home
        from kanlab.ui.shown_study import RECORDED, recorded, study

        RECORDED.write_text(recorded(study()), encoding="utf-8")
        print(f"{RECORDED} is written ({Path(RECORDED).stat().st_size:,} bytes).")
