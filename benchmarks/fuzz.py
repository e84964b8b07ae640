"""Broken files without end: read, profiled, prepared, and every step a table or one sentence.

    python benchmarks/fuzz.py [SECONDS] [SEED] [FOLDER]

Hypothesis draws the files (tests/helpers/fuzzing.py), in rounds of a seed of their own. The first file of each kind of
failure is kept in FOLDER and the run goes on; a finding that is mended is kept in tests/data/reading/test_fuzzing.py.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.fuzzing import broken_files, check, overruled, preparations

ROUND = 500
SLOW = 5.0  # seconds of CPU one small file may take


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path("fuzz")
    began, outcomes, failures = time.monotonic(), Counter[str](), Counter[str]()

    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(broken_files(), overruled(), preparations())
    def one_round(content: bytes, options: dict[str, Any], prepared: dict[str, Any]) -> None:
        outcomes["inputs"] += 1
        started = time.process_time()
        try:
            outcomes[check(content, options, prepared)] += 1
            assert time.process_time() - started < SLOW, f"more than {SLOW} s of CPU"
        except Exception as error:
            place = _place(error)
            failures[place] += 1
            if failures[place] == 1:
                folder.mkdir(exist_ok=True)
                path = folder / f"{len(failures)}.bin"
                path.write_bytes(content)
                traceback.print_exc(limit=-6)
                print(f"{place}\n{path}: {options} {prepared}\n", flush=True)

    while time.monotonic() - began < seconds:
        seed(number)(one_round)()
        number += 1
    words = ", ".join(f"{count:,} {name}" for name, count in outcomes.items())
    print(
        f"{words}; {len(failures)} kinds of failure in {time.monotonic() - began:.0f} s, {time.process_time():.0f} of CPU, next seed {number}"
    )
    for place, count in failures.most_common():
        print(f"{count:,} x {place}")
    sys.exit(bool(failures))


def _place(error: Exception) -> str:
    """Where in our own code it was raised."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/kanlab/" in f.filename or "/tests/" in f.filename or f.filename == __file__
    ]
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"


if __name__ == "__main__":
    main()
