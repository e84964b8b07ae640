"""Broken files without end: read, profiled, prepared, and every step a table or one sentence.

    python benchmarks/fuzz.py [SECONDS] [SEED] [FOLDER] [text|rows|parts]

Hypothesis draws the files, in rounds of a seed of their own: text (tests/helpers/fuzzing.py), rows to predict, or workbooks and Parquet files
from broken parts (tests/helpers/broken_parts.py), each read in a fork whose time and memory are bounded. The first file of
each kind of failure is kept in FOLDER and the run goes on; a finding that is mended is kept in
tests/data/reading/test_fuzzing.py.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import booleans

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.helpers.broken_parts import broken_binaries, read_in_a_fork
from tests.helpers.fuzzing import (
    broken_files,
    broken_new_rows,
    check,
    check_new_rows,
    overruled,
    preparations,
    trained,
)

ROUND = 500
SLOW = 5.0  # seconds of CPU one small file may take


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path("fuzz")
    began, outcomes, failures = time.monotonic(), Counter[str](), Counter[str]()

    parts, rows = sys.argv[4:] == ["parts"], sys.argv[4:] == ["rows"]
    costs = [0.0, 0.0]

    def kept(error: Exception, content: bytes, said: str) -> None:
        place = _place(error)
        failures[place] += 1
        if failures[place] == 1:
            folder.mkdir(exist_ok=True)
            path = folder / f"{len(failures)}.bin"
            path.write_bytes(content)
            traceback.print_exc(limit=-6)
            print(f"{place}\n{path}: {said}\n", flush=True)

    rounds = settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @rounds
    @given(broken_files(), overruled(), preparations())
    def round_of_text(content: bytes, options: dict[str, Any], prepared: dict[str, Any]) -> None:
        outcomes["inputs"] += 1
        started = time.process_time()
        try:
            outcomes[check(content, options, prepared)] += 1
            assert time.process_time() - started < SLOW, f"more than {SLOW} s of CPU"
        except Exception as error:
            kept(error, content, f"{options} {prepared}")

    @rounds
    @given(broken_new_rows(), booleans(), overruled())
    def round_of_rows(content: bytes, pooled: bool, options: dict[str, Any]) -> None:
        outcomes["inputs"] += 1
        try:
            outcomes[check_new_rows(content, trained(pooled), options)] += 1
        except Exception as error:
            kept(error, content, f"{pooled} {options}")

    @rounds
    @given(broken_binaries())
    def round_of_parts(content: bytes) -> None:
        if time.monotonic() - began > seconds:
            return
        outcomes["inputs"] += 1
        try:
            found = read_in_a_fork(content)
            outcomes[found.outcome] += 1
            costs[:] = max(costs[0], found.seconds), max(costs[1], found.megabytes)
        except Exception as error:
            kept(error, content, str(error)[:300])

    one_round = round_of_parts if parts else round_of_rows if rows else round_of_text
    while time.monotonic() - began < seconds:
        seed(number)(one_round)()
        number += 1
    words = ", ".join(f"{count:,} {name}" for name, count in outcomes.items())
    print(
        f"{words}; {len(failures)} kinds of failure in {time.monotonic() - began:.0f} s, {time.process_time():.0f} of CPU, next seed {number}"
    )
    if parts:
        print(f"at most {costs[0]:.1f} s of CPU and {costs[1]:.0f} MB a file")
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
    said = f" ({str(error)[:60]})" if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}{said}"


if __name__ == "__main__":
    main()
