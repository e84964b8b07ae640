"""kanlab: from a table to the right-sized Kolmogorov-Arnold network.

The public names load what they need on first use; importing kanlab itself loads neither torch nor pykan nor Streamlit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "aicc": "stats.criteria",
    "akaike_weights": "stats.criteria",
    "n_params": "kan.parameter_count",
    "read_table": "data.reading.table",
    "Table": "data.reading.table",
    "Dataset": "data.dataset",
    "SearchSpace": "kan.search_space",
    "StudySpec": "study.spec",
    "tune": "api",
    "fit": "execution.single_fit",
    "fit_cell": "solver.fit",
    "LmOptions": "solver.fit",
    "FittedKan": "kan.network",
    "KanSpec": "kan.network",
    "open_study": "api",
    "Study": "api",
    "tune_targets": "targets",
    "open_group": "targets",
    "StudyGroup": "targets",
    "KANWrapper": "kan.pykan_network",
    "KanlabError": "errors",
}

__all__ = [
    "Dataset",
    "FittedKan",
    "KANWrapper",
    "KanSpec",
    "KanlabError",
    "LmOptions",
    "SearchSpace",
    "Study",
    "StudyGroup",
    "StudySpec",
    "Table",
    "aicc",
    "akaike_weights",
    "fit",
    "fit_cell",
    "n_params",
    "open_group",
    "open_study",
    "read_table",
    "tune",
    "tune_targets",
]

if TYPE_CHECKING:
    from kanlab.api import Study, open_study, tune
    from kanlab.data.dataset import Dataset
    from kanlab.data.reading.table import Table, read_table
    from kanlab.errors import KanlabError
    from kanlab.execution.single_fit import fit
    from kanlab.kan.network import FittedKan, KanSpec
    from kanlab.kan.parameter_count import n_params
    from kanlab.kan.pykan_network import KANWrapper
    from kanlab.kan.search_space import SearchSpace
    from kanlab.solver.fit import LmOptions, fit_cell
    from kanlab.stats.criteria import aicc, akaike_weights
    from kanlab.study.spec import StudySpec
    from kanlab.targets import StudyGroup, open_group, tune_targets


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kanlab' has no attribute {name!r}")
    value = getattr(import_module(f"kanlab.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
