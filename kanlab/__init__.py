"""kanlab: from a table to the right-sized Kolmogorov-Arnold network.

The public names load what they need on first use; importing kanlab itself loads neither torch nor pykan nor Streamlit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "aicc": "criteria",
    "akaike_weights": "criteria",
    "n_params": "complexity",
    "read_table": "reading",
    "Table": "reading",
    "Dataset": "dataset",
    "SearchSpace": "space",
    "StudySpec": "study_spec",
    "tune": "tuning",
    "fit": "tuning",
    "fit_cell": "lm",
    "LmOptions": "lm",
    "FittedKan": "kan",
    "KanSpec": "kan",
    "open_study": "tuning",
    "Study": "tuning",
    "KANWrapper": "wrapper",
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
    "StudySpec",
    "Table",
    "aicc",
    "akaike_weights",
    "fit",
    "fit_cell",
    "n_params",
    "open_study",
    "read_table",
    "tune",
]

if TYPE_CHECKING:
    from kanlab.complexity import n_params as n_params
    from kanlab.criteria import aicc as aicc
    from kanlab.criteria import akaike_weights as akaike_weights
    from kanlab.dataset import Dataset as Dataset
    from kanlab.errors import KanlabError as KanlabError
    from kanlab.kan import FittedKan as FittedKan
    from kanlab.kan import KanSpec as KanSpec
    from kanlab.lm import LmOptions as LmOptions
    from kanlab.lm import fit_cell as fit_cell
    from kanlab.reading import Table as Table
    from kanlab.reading import read_table as read_table
    from kanlab.space import SearchSpace as SearchSpace
    from kanlab.study_spec import StudySpec as StudySpec
    from kanlab.tuning import Study as Study
    from kanlab.tuning import fit as fit
    from kanlab.tuning import open_study as open_study
    from kanlab.tuning import tune as tune
    from kanlab.wrapper import KANWrapper as KANWrapper


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kanlab' has no attribute {name!r}")
    value = getattr(import_module(f"kanlab.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
