"""Several targets of one table from Python: a study for each, tuned, opened, predicted with and exported as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanlab.api import Study, run_study
from kanlab.data.dataset import Dataset
from kanlab.data.reading.dialect import ReadOptions
from kanlab.execution.dask_cluster import Dask, chosen, cluster_workers
from kanlab.execution.starts_budget import settled
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.several_targets import JointPredictions, predict_together, read_rows_of
from kanlab.kan.search_space import SearchSpace
from kanlab.selection.headline import Use
from kanlab.selection.validation import Validation
from kanlab.study.handle import StudyHandle
from kanlab.study.several_targets import Group, create_studies, load_studies
from kanlab.study.spec import StudySpec

if TYPE_CHECKING:
    from kanlab.export.bundle import Bundle


class StudyGroup:
    """The studies of several targets of one table, in the order of the targets.

    What `tune_targets` and `open_group` return; `group["a"]` is the `Study` of a target.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.linspace(-2, 2, 40)
    >>> frame = pd.DataFrame({"x": x, "a": np.sin(2 * x), "b": x**2})
    >>> group = tune_targets(frame, ["a", "b"], SearchSpace((1, 1), (3, 4), (3, 3)), name="both", workers=1)
    >>> group.targets, group["b"].name
    (('a', 'b'), 'both.b')
    >>> group.predict(frame[["x"]].head(2)).frame.columns.tolist()
    ['x', 'a_predicted', 'a_lower', 'a_upper', 'a_extrapolates', 'b_predicted', 'b_lower', 'b_upper', 'b_extrapolates']
    """

    def __init__(self, handles: Sequence[StudyHandle]) -> None:
        self.studies = {handle.data.target: Study(handle) for handle in handles}

    @property
    def name(self) -> str:
        """Of the group; of a study that is alone its own."""
        first = next(iter(self.studies.values()))
        group = Group.of(first.handle.optuna.user_attrs)
        return group.name if group else first.name

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(self.studies)

    def __getitem__(self, target: str) -> Study:
        return self.studies[target]

    def predict(
        self,
        rows: Any,
        *,
        family: str | None = None,
        use: Use | None = None,
        interval: float | None = LEVEL,
        **reading: Any,
    ) -> JointPredictions:
        """Predict new rows by the recommended model of each target, or by another family; as `Study.predict`.

        Parameters
        ----------
        rows : DataFrame of m rows, or path of a file
        family : str, optional
            Name of another family that each study has, such as "linear".
        use : {"read", "predict"}, optional
            As of `Study.predict`.
        interval : float or None
            As of `Study.predict`.
        **reading
            How the rows are written, where that is not as in training.

        Returns
        -------
        JointPredictions
            `.frame` holds the m rows as they were given and beside them the columns of each target.
        """
        models = [study.predictor(family=family, use=use) for study in self.studies.values()]
        options = ReadOptions().with_(**reading)
        if isinstance(rows, (str, PathLike)) or hasattr(rows, "read"):
            rows = read_rows_of(rows, models, options=options)
        return predict_together(models, rows, options, interval)

    def validate(
        self,
        workers: int | None = None,
        on_progress: Callable[[Validation], None] | None = None,
        *,
        dask: Dask | None = None,
    ) -> dict[str, Validation]:
        """Validate the finalists of each target, one after the other; arguments as of `Study.validate`."""
        return {target: study.validate(workers, on_progress, dask=dask) for target, study in self.studies.items()}

    def bundle(self, family: str | None = None, use: Use | None = None, *, explain: bool = False) -> Bundle:
        """The models of all targets with all it takes to predict with them: see kanlab.export.bundle."""
        from kanlab.export.bundle import joint_bundle

        return joint_bundle(
            self.name,
            [(target, s.bundle(family=family, use=use, explain=explain)) for target, s in self.studies.items()],
        )

    def export(
        self,
        path: str | PathLike[str],
        family: str | None = None,
        use: Use | None = None,
        *,
        explain: bool = False,
    ) -> Path:
        """Write the models as one zip whose predict.py adds the columns of every target and needs NumPy alone.

        explain: as of `Study.export`.
        """
        from kanlab.export.bundle import write

        write(self.bundle(family, use, explain=explain), Path(path))
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """The studies as one JSON object, the output of `kanlab tune --target a,b --json`."""
        return {
            "study": self.name,
            "targets": list(self.targets),
            "studies": [study.to_dict() for study in self.studies.values()],
        }


def specs_of(spec: StudySpec, datasets: Sequence[Dataset]) -> list[StudySpec]:
    """The specification of the study of each target: the minutes are for all of them, the rest is the same.

    How many features networks take where few rows ask for it follows from the rows of each.
    """
    minutes = None if spec.minutes is None else spec.minutes / len(datasets)
    others = replace(spec, minutes=minutes, options=replace(spec.options, features=None))
    return [replace(spec, minutes=minutes), *[others] * (len(datasets) - 1)]


def create_group(
    datasets: Sequence[Dataset],
    spec: StudySpec,
    *,
    name: str | None = None,
    storage: str | None = None,
    at_hand: int | None = None,
) -> list[StudyHandle]:
    """A study for each data set, with the same settings; nothing is fitted yet. at_hand: workers of a cluster."""
    for data in datasets:
        spec.constraints.check(data, spec.engine)
    own = zip(datasets, specs_of(spec, datasets), strict=True)
    return create_studies(
        datasets, [settled(data, each, at_hand=at_hand) for data, each in own], name=name, storage_url=storage
    )


def tune_targets(
    frame: Any,
    targets: Sequence[str],
    space: SearchSpace | None = None,
    *,
    features: Sequence[str] | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    name: str | None = None,
    storage: str | None = None,
    spec: StudySpec | None = None,
    on_progress: Callable[[Study], None] | None = None,
    dask: Dask | None = None,
    preparing: dict[str, Any] | None = None,
    **settings: Any,
) -> StudyGroup:
    """Tune a study for each of several targets of one table, one after the other; returns when all are done.

    Parameters
    ----------
    frame : DataFrame
        The table; none of the targets is a feature of another.
    targets : sequence of str
        The columns to predict.
    space : SearchSpace, optional
        As of `tune`.
    features : sequence of str, optional
        Columns to predict them from; by default all others that are usable.
    test_fraction, seed
        As of `Dataset.from_frame`; the seed also draws the starts.
    name : str, optional
        Of the group; by default after the data.
    storage, spec, on_progress, dask
        As of `tune`. The minutes of the specification are for all studies together.
    preparing : dict, optional
        Any other argument of `Dataset.from_frame`, such as `{"name": "wine.csv"}`.
    **settings
        Any other field of StudySpec.

    Returns
    -------
    StudyGroup

    Raises
    ------
    DatasetError
        Where there is nothing to fit for one of them.
    StudyError
        As of `tune`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.linspace(-2, 2, 40)
    >>> frame = pd.DataFrame({"x": x, "wave": np.sin(2 * x), "bowl": x**2})
    >>> space = SearchSpace(neuron_num=(1, 1), grid=(2, 3), k=(3, 3))
    >>> group = tune_targets(frame, ["wave", "bowl"], space, name="pair", workers=1)
    >>> group.targets
    ('wave', 'bowl')
    """
    options = {"test_fraction": test_fraction, "seed": seed} | (preparing or {})
    datasets = Dataset.for_targets(frame, targets, features, **options)
    wanted = replace(spec or StudySpec(), seed=seed, test_fraction=test_fraction, **settings)
    wanted = wanted if space is None else replace(wanted, space=space)
    place = chosen(dask)
    handles = create_group(datasets, wanted, name=name, storage=storage, at_hand=cluster_workers(place))
    for handle in handles:
        run_study(handle, on_progress, dask="" if place is None else place)
    return StudyGroup(handles)


def open_group(name: str, *, storage: str | None = None) -> StudyGroup:
    """The studies of several targets by the name they have together, running or done.

    Parameters
    ----------
    name : str
        Of the group, or of one study.
    storage : str, optional
        URL of an Optuna storage; by default kanlab's own file.

    Returns
    -------
    StudyGroup

    Raises
    ------
    StudyError
        Where there is no group and no study of that name.

    Examples
    --------
    >>> open_group("no such group")
    Traceback (most recent call last):
        ...
    kanlab.errors.StudyError: There is no study 'no such group'...
    """
    return StudyGroup(load_studies(name, storage_url=storage))
