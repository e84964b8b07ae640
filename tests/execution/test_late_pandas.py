"""A worker that fits networks loads no pandas, and has it as soon as something asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kanlab.data.dataset import Dataset

PROGRAM = """
import sys
import kanlab.execution.worker
from pathlib import Path
from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit, fit_unit

data = Dataset.load(Path(sys.argv[1]))
(found,) = fit_unit(data, Unit(2, 1, (1,)), "lm", FitOptions(), seed=0)
print(found.rss_train is not None, "pandas._libs" in sys.modules)
import pandas as late
import pandas.api.types
print(late.DataFrame({"a": [1]}).shape, sys.modules["pandas"].__version__ == late.__version__)
print(isinstance(pandas.Series([1.5]), late.Series), pandas.api.types.is_numeric_dtype(float))
"""


def test_a_worker_loads_pandas_when_it_is_asked_for(small: Dataset, tmp_path: Path) -> None:
    small.save(tmp_path / "data.parquet")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "data.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "True False"
    assert done.stdout.splitlines()[1:] == ["(1, 1) True", "True True"]
