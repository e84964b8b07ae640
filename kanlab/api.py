"""kanlab from Python: tune a study and look at the result."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from kanlab.baselines.registry import Baseline
from kanlab.data.dataset import Dataset
from kanlab.data.reading.dialect import ReadOptions
from kanlab.errors import StudyError
from kanlab.execution import starts_budget
from kanlab.execution.dask_cluster import Dask, chosen, cluster_workers
from kanlab.execution.final_check import AveragedNetworks
from kanlab.execution.manage import load_data
from kanlab.execution.manager import manager
from kanlab.execution.single_fit import fit as fit
from kanlab.explain.interval_columns import LEVEL
from kanlab.explain.new_rows import predict_table
from kanlab.explain.predictor import Predictions, Predictor
from kanlab.explain.study_predictor import predictor
from kanlab.export.study_json import study_json
from kanlab.files import write_whole
from kanlab.kan.search_space import SearchSpace
from kanlab.language import say, use
from kanlab.retelling import retold
from kanlab.selection import ranking
from kanlab.selection.headline import Use
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.selection.validation import Validation, read_validation
from kanlab.selection.validation_run import validate
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.patience import patiently
from kanlab.study.spec import StudySpec
from kanlab.study.state import StudyState, is_awaited, read_state
from kanlab.study.storage import STORAGE_ERRORS
from kanlab.study.trials import CompletedTrial, best_trial

if TYPE_CHECKING:
    from kanlab.charts.notebook import Plots
    from kanlab.explain.contributions import Explanation, RowExplainer
    from kanlab.explain.diagnostics import Diagnostics
    from kanlab.explain.formula import Formula
    from kanlab.explain.formulas import FormulaSearch
    from kanlab.explain.interactions import Interactions
    from kanlab.export.bundle import Bundle
    from kanlab.selection.feature_weights import FeatureWeights

logger = logging.getLogger(__name__)


class Study:
    """A study, running or done: every property reads the storage as it is now.

    What `tune` and `open_study` return.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.linspace(-2, 2, 40)
    >>> frame = pd.DataFrame({"x": x, "y": np.sin(2 * x)})
    >>> data = Dataset.from_frame(frame, "y")
    >>> study = tune(data, SearchSpace(neuron_num=(1, 2), grid=(3, 4), k=(3, 3)), workers=1)
    >>> study.state.name, len(study.table)
    ('finished', 3)
    >>> study.best.cell, study.best.n_params
    (Cell(neuron_num=1, grid=4, k=3, depth=1, multiplication=0), 17)
    >>> study.predict(frame.head(2)).frame.columns.tolist()
    ['x', 'y', 'y_predicted', 'y_lower', 'y_upper', 'y_extrapolates']
    """

    def __init__(self, handle: StudyHandle) -> None:
        self.handle = handle

    @property
    def name(self) -> str:
        return self.handle.name

    @property
    def spec(self) -> StudySpec:
        return self.handle.spec

    @property
    def state(self) -> StudyState:
        return read_state(self.handle.optuna.user_attrs)

    @property
    def baselines(self) -> list[Baseline]:
        return self.handle.baselines

    @property
    def table(self) -> pd.DataFrame:
        """One row a trial (kanlab.selection.ranking.COLUMNS); rss on the scale of the fit, rmse in units of the target."""
        return ranking.trial_table(self.handle.records())

    @property
    def best(self) -> CompletedTrial | None:
        """The trial of lowest AICc."""
        return best_trial(self.handle.records())

    @property
    def recommended(self) -> CompletedTrial | Baseline | AveragedNetworks | None:
        """The model to read: by AICc among networks, by leave-one-out errors against the linear models. The one to predict
        with is `recommendation.chosen_for("predict")`.
        """
        choice = self.recommendation.choice
        return choice.model if choice else None

    @property
    def validation(self) -> Validation | None:
        """What refits, cross-validation and the permutation test say of the finalists; None before `validate`."""
        return read_validation(self.handle.optuna.user_attrs)

    @property
    def judgement(self) -> Validation | None:
        """Alias of `validation`."""
        return self.validation

    @property
    def recommendation(self) -> Recommendation:
        """The model to take with the reasons, its ties and the warnings."""
        return recommend(self.handle, self.handle.records(), self.validation)

    @property
    def verdict(self) -> Recommendation:
        """Alias of `recommendation`."""
        return self.recommendation

    def validate(
        self,
        workers: int | None = None,
        on_progress: Callable[[Validation], None] | None = None,
        *,
        dask: Dask | None = None,
        families: Sequence[str] | None = None,
    ) -> Validation:
        """Refit the finalists from other seeds, cross-validate them beside other families, permute the target; wait for it.

        Parameters
        ----------
        workers : int, optional
            Workers at most; by default as the study had, or all there are.
        on_progress : function of the Validation, optional
            Called every two seconds and at the end; `done` of `total` steps.
        dask : str, path, or client or cluster of dask.distributed, optional
            Where it is done; as of `tune`.
        families : sequence of str, optional
            Other model families to compare with: by default "polynomial", "gam", "mlp" and "boosting"; "ebm" takes
            `kanlab[ebm]`.

        Returns
        -------
        Validation
            Kept with the study; `recommendation` takes it into account from now on.

        Raises
        ------
        StudyError
            Where the study still runs, is being validated already, or has no complete trial, or no cluster answers.
        """
        if self.state.is_live:
            raise StudyError(say("The study '{name}' is still running; validate it when it is done.", name=self.name))
        if (at_work := self.validation) is not None and at_work.is_live:
            raise StudyError(
                say("The study '{name}' is being validated already; wait for that to end.", name=self.name)
            )
        return validate(self.handle, families=families, workers=workers, dask=chosen(dask), on_progress=on_progress)

    def judge(
        self,
        workers: int | None = None,
        on_progress: Callable[[Validation], None] | None = None,
        *,
        dask: Dask | None = None,
    ) -> Validation:
        """Alias of `validate`."""
        return self.validate(workers, on_progress, dask=dask)

    def predict(
        self,
        rows: Any,
        trial: int | None = None,
        *,
        family: str | None = None,
        use: Use | None = None,
        interval: float | None = LEVEL,
        **reading: Any,
    ) -> Predictions:
        """Predict new rows by the recommended model, by the network of a trial, or by the model of another family.

        The recipe of the study's data is applied first: cells of text are read as those of the training table were, by its
        decimal sign, order of day and month, words for missing, and kinds.

        Parameters
        ----------
        rows : DataFrame of m rows, or path of a file
            The features, and whatever other columns it has. Data frames of other libraries, Arrow tables, mappings and arrays
            (whose columns are the features in their order) will do, and whatever `read_table` reads.
        trial : int, optional
            Number of a trial; by default the recommended model predicts.
        family : str, optional
            Name of another family that the study has, such as "linear", or after a validation "gam"; "average" is the mean of
            several networks.
        use : {"read", "predict"}, optional
            Which of the recommended models predicts: the one that can be read, with a formula of its own, or the one that
            predicts best, often an average; by default what `recommendation.use` says.
        interval : float or None
            The share of rows like those of the training that the intervals, or sets of classes, should hold; None for
            predictions alone.
        **reading
            How the rows are written, where that is not as in training: decimal, day_first, missing (more words for a missing
            value), kinds, and of a file any other field of ReadOptions.

        Returns
        -------
        Predictions
            `.frame` holds the m rows as they were given, their index kept, with `<target>_predicted`, in units of the target
            (of classes the likelier one, and its `<target>_probability` beside it), `<target>_lower` and `<target>_upper` (of
            classes `<target>_set`), and `<target>_extrapolates`; `.notes` says what was done, and how many of the test rows
            the intervals hold.

        Raises
        ------
        StudyError
            Where the study has no model, or not that trial.
        DatasetError
            Where a feature is missing that the recipe cannot fill.
        """
        return predict_table(self.predictor(trial, family, use), rows, ReadOptions().with_(**reading), interval)

    def predictor(self, trial: int | None = None, family: str | None = None, use: Use | None = None) -> Predictor:
        """The model of `predict`, fitted once for many tables; arguments and errors as there."""
        return predictor(self.handle, trial, family, use)

    def explain(
        self,
        rows: Any,
        trial: int | None = None,
        *,
        family: str | None = None,
        use: Use | None = None,
        interval: float | None = LEVEL,
        background: int | None = None,
        **reading: Any,
    ) -> Explanation:
        """Why rows are predicted as they are: what each feature adds to the mean prediction, and the nearest training rows.

        Contributions are Shapley values against training rows, on the scale of the link: log-odds for classes, the logarithm
        of the mean for counts, units of the target otherwise. They are exact where the model adds up what each feature says
        or has few features, and sampled elsewhere, with their standard errors; they always add up to the prediction less the
        mean. docs/explaining.md defines them.

        Parameters
        ----------
        rows, trial, family, use, interval, **reading
            As of `predict`.
        background : int, optional
            Training rows to hold against; by default 64 to 256, and all of an additive model.

        Returns
        -------
        Explanation
            `.frame` holds the rows with their predictions and a column for each feature, `.table(i)` the features of one row
            by the size of their contributions, `.neighbours(i)` the training rows nearest to it, `.support(i)` whether any
            is near.

        Raises
        ------
        StudyError, DatasetError
            As of `predict`.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"x": range(30), "z": [1, 2, 3] * 10, "y": [3 * i for i in range(30)]})
        >>> study = tune(Dataset.from_frame(frame, "y"), SearchSpace((1, 1), (2, 2), (1, 1)), name="why", workers=1)
        >>> found = study.explain(frame.head(2), family="linear")
        >>> found.table(0)["feature"].tolist(), bool(abs(found.values.sum(axis=1) + found.mean - found.totals).max() < 1e-8)
        (['x', 'z'], True)
        """
        explainer = self.explainer(trial, family, use, background)
        return explainer.explain(rows, ReadOptions().with_(**reading), interval)

    def interactions(
        self,
        trial: int | None = None,
        *,
        family: str | None = None,
        use: Use | None = "read",
        nulls: int = 19,
    ) -> Interactions:
        """Which features interact in a model, how strongly, and whether that is more than chance.

        Parameters
        ----------
        trial, family, use
            As of `predict`; by default the recommended model to read.
        nulls : int
            Networks to fit to targets without interactions, against which those of a network are held; 0 for none. They are
            kept with the study.

        Returns
        -------
        Interactions
            `.table` has a row for each pair with Friedman's H, `.sentence` says whether the model is additive.

        Raises
        ------
        StudyError
            As of `predict`, and where too few of the networks could be fitted.
        """
        from kanlab.explain import interactions as found

        model, data = self.predictor(trial, family, use), load_data(self.handle)
        if nulls and found.can_be_tested(self.handle, model):
            kept = found.read_test(self.handle, model)
            if kept is None or kept["state"] != "done" or len(kept["nulls"]) < nulls:
                found.fit_nulls(self.handle, model, nulls=nulls)
        return found.interactions(self.handle, model, data)

    def explainer(
        self,
        trial: int | None = None,
        family: str | None = None,
        use: Use | None = None,
        background: int | None = None,
    ) -> RowExplainer:
        """What `explain` uses, made once for many tables; arguments and errors as there."""
        from kanlab.explain.contributions import RowExplainer

        return RowExplainer(self.predictor(trial, family, use), load_data(self.handle), rows=background)

    @property
    def feature_weights(self) -> FeatureWeights | None:
        """How much of the evidence uses each feature: Akaike weights, summed over the models that use it; `.table`, and
        `.sentence` says what they come to. None before there is a model (kanlab.selection.feature_weights).
        """
        from kanlab.selection.feature_weights import feature_weights

        return feature_weights(self.recommendation.ranked, load_data(self.handle))

    def diagnostics(
        self, trial: int | None = None, *, family: str | None = None, use: Use | None = None
    ) -> Diagnostics:
        """What the rows say against a model: residuals, leverage and Cook's distance of each, and checks with a verdict.

        Parameters
        ----------
        trial, family, use
            Which model; as of `predict`.

        Returns
        -------
        Diagnostics
            `.rows` holds every row with its prediction, residual and influence, `.checks` the verdicts, `.departures` those
            that find something, `.most_influential` the training rows that decide most. docs/model.md lists the checks.

        Raises
        ------
        StudyError
            Where the study has no such model.
        """
        from kanlab.explain.diagnostics import diagnostics_of

        return diagnostics_of(self.predictor(trial, family, use).fitted, load_data(self.handle))

    def effects(
        self,
        features: str | Sequence[str] | None = None,
        trial: int | None = None,
        *,
        family: str | None = None,
        use: Use | None = None,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """The mean prediction as one feature changes and the others stay as they are in the training rows, with bands.

        Partial dependence (Friedman 2001), in units of the target; of many classes the probability of the last one.

        Parameters
        ----------
        features : str or sequence of str, optional
            By default all.
        trial, family, use
            Which model; as of `predict`.
        level : float
            Of the pointwise bands, by the delta method with the penalty's Bayesian covariance (Wood 2017); those of an average
            include how far its models lie apart (Buckland, Burnham & Augustin 1997). They hold the mean, not a new row.

        Returns
        -------
        DataFrame
            Columns feature, value, effect, lower and upper; the last two are missing where a model has no standard errors.

        Raises
        ------
        StudyError
            Where the study has no such model, or the data no such feature, or the level is no share.
        """
        from kanlab.explain.bands import effects_of

        model, data = self.predictor(trial, family, use), load_data(self.handle)
        return effects_of(model.fitted, data, [features] if isinstance(features, str) else features, level)

    def formulas(
        self,
        minutes: float | None = None,
        *,
        functions: Sequence[str] | None = None,
        forbidden: Sequence[str] = (),
        required: Mapping[str, str] | None = None,
        repeats: int = 0,
        workers: int | None = None,
        dask: Dask | None = None,
        on_progress: Callable[[FormulaSearch], None] | None = None,
    ) -> list[Formula]:
        """The front of formulas, by complexity: searched the first time, and then kept with the study.

        Parameters
        ----------
        minutes : float, optional
            About how many of one processor the search may take, 0.1 by default; given, the search is made again. It ends at
            a number of evaluations, so that the same study gives the same formulas.
        functions, forbidden : sequence of str, optional
            The functions a formula may hold, and those it may not (docs/formula.md lists them); given, searched again.
        required : mapping of str to str, optional
            Feature to function: the recommended formula holds the feature inside that function.
        repeats : int
            Searches of rows drawn with replacement, which say how often the recommended formula is found again.
        workers, dask : as of `validate`
        on_progress : function of the FormulaSearch, optional
            Called after each of its steps.

        Returns
        -------
        list of Formula
            `.sympy` and `.latex` in the names of the columns, `.complexity`, `.rmse_train`, `.rmse_test`, `.aicc`,
            `.predict(frame)`. `formula` is the one in use, at first the recommended one.

        Raises
        ------
        StudyError
            Where the study has no model yet, or an argument cannot be.
        """
        from kanlab.explain.formulas import formulas_in, found_formulas
        from kanlab.formulas.options import formula_options

        asked = minutes is not None or functions is not None or forbidden or required or repeats
        options = formula_options(
            self.handle.data.features,
            minutes=minutes,
            functions=functions,
            forbidden=forbidden,
            required=required,
            repeats=repeats,
            seed=self.spec.seed,
        )
        found = found_formulas(
            self.handle, options if asked else None, workers=workers, dask=chosen(dask), on_progress=on_progress
        )
        return formulas_in(self.handle, found, load_data(self.handle))

    @property
    def formula(self) -> Formula:
        """The formula in use: the one chosen by `use_formula`, else the recommended one, searched for where that was not done
        yet; errors as of `formulas`.
        """
        from kanlab.explain.formulas import found_formulas

        front, found = self.formulas(), found_formulas(self.handle).found
        assert found is not None
        return front[found.used]

    def edit_formula(
        self,
        formula: Formula | int,
        *,
        switch: Mapping[int, str] | None = None,
        drop: Sequence[int] = (),
        fix: Mapping[int, str | float] | None = None,
        free: Sequence[int] = (),
    ) -> Formula:
        """A formula changed by hand and fitted again, kept with the study beside the others and marked as edited.

        Parameters
        ----------
        formula : Formula or int
            One of `formulas`, or its place among them.
        switch : mapping of int to str, optional
            Part to function (docs/formula.md lists them): `{2: "tanh"}`. `Formula.parts` numbers the parts.
        drop : sequence of int
            Terms and factors that go.
        fix : mapping of int to number or str, optional
            Constant to the number it is held at: `{5: 9.81}`, `{5: "pi/2"}`.
        free : sequence of int
            Constants that were held, and are fitted.

        Returns
        -------
        Formula

        Raises
        ------
        StudyError
            Where there are no formulas yet, an edit cannot be made, or the new one is not defined at every training row.
        """
        from kanlab.explain import formula_edits

        edits = formula_edits.edits_of(switch, drop, fix, free)
        place = formula_edits.edit(self.handle, self._place(formula), edits, load_data(self.handle))
        return self.formulas()[place]

    def use_formula(self, formula: Formula | int | None) -> None:
        """Choose what `formula`, exports and bundles take: one of `formulas` or its place; None for the recommended one."""
        from kanlab.explain import formula_edits

        formula_edits.use(self.handle, None if formula is None else self._place(formula))

    def remove_formula(self, formula: Formula | int) -> None:
        """Take an edited formula, or the one at a place, off the list. Raises StudyError for one that a search found."""
        from kanlab.explain import formula_edits

        formula_edits.remove(self.handle, self._place(formula))

    def _place(self, formula: Formula | int) -> int:
        from kanlab.explain.formula_choices import key_of
        from kanlab.explain.formula_edits import front_of

        if isinstance(formula, int):
            return formula
        keys = [key_of(f) for f in front_of(self.handle).formulas]
        if (key := key_of(formula.found)) not in keys:
            raise StudyError(
                say("The formula is none of the study '{name}'; take one of `formulas()`.", name=self.name)
            )
        return keys.index(key)

    @property
    def units(self) -> dict[str, str]:
        """Units of columns, as `set_units` has them."""
        from kanlab.explain.units import read_units

        return read_units(self.handle)

    def set_units(self, units: Mapping[str, str]) -> None:
        """Say in which units columns are, for the formulas: `{"length": "m", "time": "s"}`; those before are forgotten.

        `Formula.units` then says whether its units add up. Raises StudyError for what is no unit, and no column.
        """
        from kanlab.explain import units as of_columns

        of_columns.set_units(self.handle, units)

    def bundle(
        self,
        trial: int | None = None,
        family: str | None = None,
        use: Use | None = None,
        *,
        explain: bool = False,
    ) -> Bundle:
        """The model of `predict` with all it takes to predict with it: see kanlab.export.bundle. explain: as of `export`."""
        from kanlab.export.bundle import bundle  # which loads half of SciPy for its formulas

        return bundle(self.handle, self.predictor(trial, family, use), load_data(self.handle), explain=explain)

    def export(
        self,
        path: str | PathLike[str],
        trial: int | None = None,
        family: str | None = None,
        use: Use | None = None,
        *,
        explain: bool = False,
        formula: bool = False,
        interval: float | None = LEVEL,
    ) -> Path:
        """Write the model as a zip whose predict.py needs NumPy alone, or in the form that the ending of the path names.

        Parameters
        ----------
        path : path of the file
            Ending in .onnx, .sql, .xlsx, .py, .js or .c the model in that form (docs/exports.md); anything else is a bundle.
        trial : int, optional
            Number of a trial; by default the recommended model is written.
        family : str, optional
            Name of another family that the study has.
        use : {"read", "predict"}, optional
            As of `predict`.
        explain : bool
            With 64 to 256 training rows, without their targets, against which `python predict.py --explain` says what each
            feature contributes; of an additive model their means alone.
        formula : bool
            Whether the formula in use is written in place of the model; it is searched for where that was not done yet.
        interval : float or None
            Of a model by itself the share of rows that its intervals should hold, None for predictions alone; a bundle takes
            any share when it predicts.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        StudyError
            Where the study has no model, or not that trial, or the model has no such form.
        """
        from kanlab.execution.intervals import checked_level
        from kanlab.export.bundle import write
        from kanlab.export.code_forms import ENDINGS, form_of

        ending = Path(path).suffix.lower()
        if formula or ending in ENDINGS:
            what = self.formula if formula else self.predictor(trial, family, use)
            write_whole(Path(path), form_of(ending).write(what, checked_level(interval)), StudyError)
            return Path(path)
        write(self.bundle(trial, family, use, explain=explain), Path(path))
        return Path(path)

    def present(self, path: str | PathLike[str], theme: Literal["", "light", "dark"] = "") -> Path:
        """Write the presentation of the study, one HTML file that needs neither kanlab nor a network.

        Parameters
        ----------
        path : path of the file
            Any browser shows it; arrow keys move, and its sliders ask the recommended model to read.
        theme : {"", "light", "dark"}
            By default that of the browser.

        Returns
        -------
        Path
            The path of the file.

        Raises
        ------
        StudyError
            Where the study has no model yet, or the file cannot be written.
        """
        from kanlab.export.present import presentation

        write_whole(Path(path), presentation(self.handle, theme).encode("utf-8"), StudyError)
        return Path(path)

    def attach(self, trial: int | None = None, family: str | None = None, use: Use | None = None) -> list[str]:
        """Keep the bundle of a model, its report and its diagram with the study, where optuna-dashboard offers them.

        Parameters
        ----------
        trial, family, use
            Which model, as of `export`; by default the recommended one.

        Returns
        -------
        list of str
            The names of the files. Those that were there before are replaced.
        """
        from kanlab.export.attached import attach_bundle

        return attach_bundle(self.handle, self.bundle(trial, family, use))

    def to_mlflow(self, uri: str) -> str:
        """Write a run of MLflow: parameters, the figures of every trial, the report, and the recommended model with its
        signature.

        Parameters
        ----------
        uri : str
            Where MLflow keeps its runs, such as "sqlite:///mlflow.db" or "http://127.0.0.1:5000".

        Returns
        -------
        str
            The id of the run; `mlflow.pyfunc.load_model(f"runs:/{id}/model")` is the model.

        Raises
        ------
        StudyError
            Where MLflow is not installed or does not take it.
        """
        from kanlab.export.bundle import bundle
        from kanlab.export.mlflow_run import check_installed, log_study

        check_installed()
        model = self.predictor()
        return log_study(self.handle, self.to_dict(), model, bundle(self.handle, model, load_data(self.handle)), uri)

    @property
    def plot(self) -> Plots:
        """Charts as Altair objects: `plot.front()`, `aicc()`, `history()`, `map()`, `slices()`."""
        from kanlab.charts.notebook import Plots  # which loads Altair

        return Plots(self.handle, lambda: self.recommendation)

    def _repr_html_(self) -> str:
        """For notebooks: the state, the recommendation, and AICc against K."""
        from kanlab.charts.notebook import study_html

        return study_html(self.handle, self.handle.records(), self.recommendation)

    @property
    def pareto(self) -> list[CompletedTrial]:
        """The Pareto front over (n_params, rss_train), of classes over (n_params, deviance), by n_params."""
        return ranking.front(self.handle.records())

    def to_dict(self) -> dict[str, Any]:
        """The study as one JSON object, the output of `kanlab tune --json`."""
        records = self.handle.records()
        with use("en"):
            return study_json(self.handle, records, recommend(self.handle, records, self.validation))


def run_study(
    handle: StudyHandle,
    on_progress: Callable[[Study], None] | None = None,
    *,
    every: float = 0.1,
    warn: Callable[[str], None] = logger.warning,
    dask: Dask | None = None,
) -> Study:
    """Run a study, new or interrupted, and wait for its end. Ctrl-C, or an error of on_progress, stops it and is raised.

    A storage that does not answer is waited for. Where another process takes the study over, because this one slept or was
    out of reach for long, that one is followed to its end, whatever becomes of this one.

    Parameters
    ----------
    handle : StudyHandle
        From `create_study` or `load_study` of kanlab.study.handle.
    on_progress : function of the Study, optional
        Called about every `every` seconds and once at the end.
    every : float
        Seconds.
    warn : function of a sentence, optional
        Told what the study waits for, and who runs it where that is another process; by default the log is.
    dask : str, path, or client or cluster of dask.distributed, optional
        Where the fits are done; as of `tune`.

    Returns
    -------
    Study
        Its `state` says how it ended: "finished", or "paused", "stopped" or "interrupted" with configurations left to fit.

    Raises
    ------
    StudyError
        Where the study failed, with the reason, or its storage stayed out of reach.
    """
    study = Study(handle)

    def report() -> None:
        if on_progress:
            _tell(study, on_progress, warn)

    supervisor = patiently(lambda: manager().start(handle, chosen(dask)), warn)
    try:
        while supervisor.is_alive():
            supervisor.join(every)
            report()
    except BaseException:
        with contextlib.suppress(*STORAGE_ERRORS):  # which does not keep anybody who wants to leave
            manager().stop(handle)
            supervisor.join(timeout=10)
        raise
    if supervisor.replaced:
        warn(say("Another process has taken the study '{name}' over; this one follows it to its end.", name=study.name))
        while patiently(lambda: is_awaited(handle.optuna.user_attrs), warn):
            time.sleep(every)
            report()
        report()
    elif supervisor.trouble:
        sentence = say("The study '{name}' was interrupted.", name=study.name)
        raise StudyError(f"{sentence} {retold(supervisor.trouble)}")
    state = patiently(lambda: study.state, warn)
    if state.name == "failed":
        raise StudyError(say("The study '{name}' failed: {detail}", name=study.name, detail=retold(state.detail)))
    return study


def _tell(study: Study, on_progress: Callable[[Study], None], warn: Callable[[str], None]) -> None:
    """Report progress; where the storage does not answer, once it does."""
    for last in (False, False, True):
        try:
            return on_progress(study)
        except STORAGE_ERRORS:
            if last:  # while the storage answers: an error of the report itself
                raise
            patiently(lambda: study.state, warn)


def tune(
    dataset: Dataset,
    space: SearchSpace | None = None,
    trials: int | None = None,
    seed: int | None = None,
    storage: str | None = None,
    *,
    name: str | None = None,
    spec: StudySpec | None = None,
    on_progress: Callable[[Study], None] | None = None,
    dask: Dask | None = None,
    **settings: Any,
) -> Study:
    """Fit the configurations of a space to a data set and rank them by AICc; returns when the budget is spent.

    Same data, space and seed give the same numbers, whatever the number of workers.

    Parameters
    ----------
    dataset : Dataset
    space : SearchSpace, optional
        Ranges of neuron_num, grid, k, depth and multiplication; by default 1-10, 2-10, 1-3, 1 and 0.
    trials : int, optional
        Configurations to fit at most; by default all admissible ones.
    seed : int, optional
    storage : str, optional
        URL of an Optuna storage; by default kanlab's own file.
    name : str, optional
        Of the study; by default after the data.
    spec : StudySpec, optional
        The settings to start from, of which the other arguments, where given, change a field.
    on_progress : function of the Study, optional
        Called about ten times a second and once at the end. In a notebook it is by default a bar.
    dask : str, path, or client or cluster of dask.distributed, optional
        A Dask cluster whose workers do the fits: the address of its scheduler ("tcp://host:8786"), the path of its scheduler
        file, or an object. By default what $KANLAB_DASK names, or else this machine; "" is this machine in any case. The
        numbers are the same.
    **settings
        Any other field of StudySpec: engine, sampler, count, minutes, workers, ... With minutes=5, starts_fill=True each
        configuration gets as many starts as 5 minutes allow on this machine; the number is then in `spec.options.starts`
        of the study. constraints={"monotone": {"price": "down"}, "convex": ["dose"]} is what is known of the effects
        (kanlab.kan.constraints; docs/constraints.md).

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        Where a setting is impossible, the name is taken, no cluster answers, or no worker could fit anything.
    SpaceError
        Where AICc is not defined for any network of the space: more parameters than rows.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> x = np.linspace(-2, 2, 40)
    >>> data = Dataset.from_frame(pd.DataFrame({"x": x, "y": np.sin(2 * x)}), "y")
    >>> study = tune(data, SearchSpace(neuron_num=(1, 1), grid=(2, 5), k=(3, 3)), name="sine", workers=1)
    >>> study.table[["grid", "n_params"]].values.tolist()
    [[2, 13], [3, 15], [4, 17], [5, 19]]
    >>> [record.cell.grid for record in study.pareto]
    [2, 3, 4, 5]
    """
    base = spec or StudySpec()
    changes: dict[str, Any] = dict(settings)
    if seed is not None:
        changes["seed"] = seed
    if space is not None:
        changes["space"] = space
    if trials is not None:
        changes["trials"] = trials
    place = chosen(dask)
    at_hand = cluster_workers(place)  # before a study is made that could not run
    old = spec if spec and spec.options.starts else None
    asked = replace(base, **changes)
    asked.constraints.check(dataset, asked.engine)
    wanted = starts_budget.settled(dataset, asked, old, at_hand)
    handle = create_study(dataset, wanted, name=name, storage_url=storage)
    if on_progress is None and "IPython" in sys.modules:
        from kanlab.charts.notebook import progress_bar

        on_progress = progress_bar(handle)
    return run_study(handle, on_progress, dask="" if place is None else place)


def open_study(name: str, *, storage: str | None = None) -> Study:
    """A study by name, running or done.

    Parameters
    ----------
    name : str
    storage : str, optional
        URL of an Optuna storage; by default kanlab's own file.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        Where there is no study of that name; the sentence names the newest ones.

    Examples
    --------
    >>> open_study("no such study")
    Traceback (most recent call last):
        ...
    kanlab.errors.StudyError: There is no study 'no such study'...
    """
    return Study(load_study(name, storage_url=storage))
