"""The Choose page: all models in one table, and the choices of other decision rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.data.writing import to_csv
from kanlab.language import marked, say, use
from kanlab.retelling import retold
from kanlab.selection import ranking
from kanlab.selection.candidates import Candidate, model_name, trial_words
from kanlab.selection.measures import MEASURES, four_digits
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.selection.validation import Validation
from kanlab.selection.validation_plan import confidence_set
from kanlab.stats.criteria import akaike_weights, evidence_ratio
from kanlab.stats.likelihood import COUNTS
from kanlab.study.data_summary import DataSummary
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, best_trial, first_ranked
from kanlab.text import agreeing, counted, short, together
from kanlab.ui import columns, session
from kanlab.ui.columns import CHOICE, RECOMMENDED, TO_PREDICT, TO_READ
from kanlab.ui.widgets import (
    AICC_HELP,
    DASH,
    LOG_LOSS_HELP,
    MEAN_DEVIANCE_HELP,
    SPENT_HELP,
    SPENT_RANKS_HELP,
    SUPPORT_HELP,
    TEST_HELP,
    download,
    literal,
    table,
)

CLASS_SCORES: dict[str, tuple[str, ...]] = {  # titles and help
    "log_loss_train": (marked("log-loss train"), LOG_LOSS_HELP),
    "log_loss_test": (marked("log-loss test"), TEST_HELP),
    "accuracy_test": (marked("accuracy test"), marked("Share of the test rows that are classified correctly.")),
    "auc_test": (
        marked("AUC test"),
        marked("Area under the ROC curve on the test rows: 1 is a perfect ranking, 0.5 is random."),
    ),
}


COUNT_SCORES: dict[str, tuple[str, ...]] = {
    "mean_deviance_train": (marked("mean deviance train"), MEAN_DEVIANCE_HELP),
    "mean_deviance_test": (marked("mean deviance test"), MEAN_DEVIANCE_HELP, TEST_HELP),
    "d2_test": (marked("D² test"), marked("Share of the deviance of the mean that is explained on the test rows.")),
}


def leaderboard_frame(found: Recommendation, handle: StudyHandle) -> pd.DataFrame:
    """One row per candidate: RMSE in units of the target and R² on the scale of the fit, or the scores of classes."""
    listed, data = found.candidates, handle.data
    to_predict = found.average if found.use == "predict" else None
    of_choice = (
        RECOMMENDED if to_predict is None else TO_READ
    )  # so that the headline, which is to predict, is no other answer
    values = np.array([np.nan if c.criterion is None else c.criterion for c in listed], dtype=float)
    by_spent = any(c.n_params_effective is not None for c in listed)
    weights, ratios = akaike_weights(values), evidence_ratio(values)
    total = data.n_train * data.y_std**2

    def scores(c: Candidate) -> dict[str, object]:
        if c.classes is not None:
            return {name: getattr(c.classes, name) for name in CLASS_SCORES}
        if c.counts is not None:
            return {name: getattr(c.counts, name) for name in COUNT_SCORES} | {"rmse_test": c.rmse_test}
        r2 = 1 - c.rss_train / total if total else None
        return {"rmse": c.rmse_train, "rmse_test": c.rmse_test, "r2": r2}

    def row(c: Candidate, weight: float, ratio: float) -> dict[str, object]:
        return {
            CHOICE: of_choice if c is found.choice else TO_PREDICT if c is to_predict else "",
            "model": c.label,
            **(_spent(c) if by_spent else {}),
            "AICc": c.aicc,
            "delta": None if c.criterion is None else c.criterion - np.nanmin(values),
            "weight": weight if c.aicc is not None else None,
            "evidence": ratio if c.aicc is not None and ratio < 1e6 else None,
            "K": c.n_params,
            "rows": data.n_train / c.n_params if c.n_params else None,
            **scores(c),
            "wins": c.wins,
            "spread": c.spread,
            "press": c.scores.error_loo(data.total_weight),
            "cv": c.cv_error,
            "cv_se": c.cv_se,
            "dof": c.dof,
            "dof_se": c.dof_se,
            "edf": c.edf,
        }

    return pd.DataFrame([row(c, w, r) for c, w, r in zip(listed, weights, ratios, strict=True)])


def _spent(c: Candidate) -> dict[str, float | None]:
    """Effective K and its AICc: of a network what its fit has spent; the K of a family is its degrees of freedom."""
    if c.is_network:
        return {"spent": c.n_params_effective, "AICc_spent": c.aicc_effective}
    return {"spent": c.n_params, "AICc_spent": c.aicc}


_ERROR_HELP = {"log-loss": LOG_LOSS_HELP, "mean deviance": MEAN_DEVIANCE_HELP}
_RANK = (CHOICE, "model", "AICc_spent", "AICc", "delta", "spent", "K")
_COUNTS_FIRST = (*_RANK, "mean_deviance_test", "rmse_test", "press", "cv")
_CLASSES_FIRST = (*_RANK, "log_loss_test", "accuracy_test", "press", "cv")
_FIRST = (*_RANK, "rmse_test", "press", "cv")
_GROUPS = {
    marked("Support"): ("weight", "evidence"),
    marked("Fit"): ("rmse", "r2", "rows", "log_loss_train", "auc_test", "mean_deviance_train", "d2_test"),
    marked("Validation"): ("wins", "spread", "cv_se"),
    marked("Degrees of freedom"): ("dof", "dof_se", "edf"),
}
_UNKNOWN = marked(
    "{dash} is not known: leave-one-out errors are computed for the linear models, the "
    "GAM of small tables and the networks of lowest AICc, cross-validated errors by the "
    "validation for its finalists and the other families. A neural network (MLP) and "
    "boosting have no number of parameters, and so no AICc; compare their errors.",
)


def leaderboard(found: Recommendation, handle: StudyHandle) -> None:
    """All models by rank; the recommended one is marked, and a click on a network selects its trial."""
    frame = leaderboard_frame(found, handle)

    def pick() -> None:
        rows = st.session_state["leaderboard"]["selection"]["rows"]
        picked = found.candidates[rows[0]] if rows else None
        trial = (picked.trial or picked.reduced) if picked else None
        session.select_trial(trial.number if trial else None)

    first = _CLASSES_FIRST if handle.data.levels else _COUNTS_FIRST if handle.data.task == COUNTS else _FIRST
    order = columns.shown("leaderboard", first, {say(name): held for name, held in _GROUPS.items()}, frame)
    table(
        frame.assign(
            model=[retold(model_name(c)) for c in found.candidates],
            **{CHOICE: [word and say(word) for word in frame[CHOICE]]},
        ),
        "leaderboard",
        column_order=order,
        on_select=pick,
        selection_mode="single-row",
        height=420,
        column_config=_column_config(frame, handle.data),
    )
    data = handle.data
    few = handle.spec.few_rows_words(data.n_train, data.d)
    st.caption("  \n".join(literal(words) for words in (say(_UNKNOWN, dash=DASH), few) if words))
    download(say("Download the models"), lambda: file_of(found, handle), f"{handle.name}-models.csv")
    _confidence(handle, found.validation)


@use("en")
def file_of(found: Recommendation, handle: StudyHandle) -> str:
    """The table as it is downloaded, in the names that programs know, whatever the language of the page."""
    return to_csv(leaderboard_frame(recommend(handle, handle.records(), found.validation), handle))


def _column_config(frame: pd.DataFrame, data: DataSummary) -> dict[str, Any]:
    """Titles, formats and help of the columns of `leaderboard_frame`, as far as it has them."""
    unit = literal(say("In units of {target}.", target=short(data.target)))
    fitted_unit = literal(say("in units of {fitted_target}", fitted_target=short(data.fitted_target)))
    errors = frame[[c for c in ("rmse", "rmse_test", "press", "cv") if c in frame]].to_numpy(dtype=float)
    same = columns.fixed(errors)  # so that errors can be compared across columns
    measure = MEASURES[data.task]
    error_help = say(_ERROR_HELP[measure.error]) if measure.error in _ERROR_HELP else unit
    whole = "%d" if (frame["K"].dropna() % 1 == 0).all() else "%.1f"
    texts: dict[str, tuple[str, str | None, str]] = {
        "AICc": ("AICc", "%.2f", say(AICC_HELP)),
        "AICc_spent": (say("AICc of effective K"), "%.2f", say(SPENT_RANKS_HELP)),
        "spent": (say("effective K"), "%.1f", say(SPENT_HELP)),
        "delta": (
            "ΔAICc",
            "%.2f",
            say(
                "AICc minus the lowest AICc of the table, of networks by effective K. {support_help}",
                support_help=say(SUPPORT_HELP),
            )
            if "spent" in frame
            else say("AICc minus the lowest AICc of the table. {support_help}", support_help=say(SUPPORT_HELP)),
        ),
        "weight": (
            say("Akaike weight"),
            "%.3f",
            say("Relative support for the model among those of the table; sums to 1."),
        ),
        "evidence": (
            say("evidence ratio"),
            "%.1f",
            say("Akaike weight of the best model divided by that of this model."),
        ),
        "K": (
            "K",
            whole,
            say(
                "Number of parameters by the counting rule; for penalised families, the effective "
                "degrees of freedom (edf)."
            ),
        ),
        "rows": ("n/K", "%.1f", say("Training rows per parameter.")),
        "rmse": (say("RMSE train"), same, say("Root mean squared error on the training rows. {unit}", unit=unit)),
        "rmse_test": (
            say("RMSE test"),
            same,
            say("Root mean squared error. {unit} {test_help}", unit=unit, test_help=say(TEST_HELP)),
        ),
        "r2": (
            "R²",
            "%.3f",
            literal(
                say(
                    "Share of the variance of {fitted_target} explained on the training rows.",
                    fitted_target=short(data.fitted_target),
                )
            ),
        ),
        "wins": (
            say("seeds won"),
            "%d",
            say("In how many of 5 refits from other seeds it is the best of the finalists."),
        ),
        "spread": (say("SD of AICc"), "%.1f", say("Standard deviation of its AICc over those seeds.")),
        **{
            name: (say(title), "%.3f", together(map(say, texts)))
            for name, (title, *texts) in (CLASS_SCORES | COUNT_SCORES).items()
        },
        "press": (
            say("LOO {error}", error=say(measure.error)),
            "%.3f" if data.has_deviance else same,
            say(
                "Leave-one-out error, {unit}: a fit without the row predicts each training row.",
                unit=say("a row") if data.has_deviance else fitted_unit,
            ),
        ),
        "cv": (
            say("CV {error}", error=say(measure.error)),
            "%.3f" if data.has_deviance else same,
            say("5-fold cross-validation on the training rows. {unit}", unit=error_help),
        ),
        "cv_se": (say("SE of CV"), None, say("Standard error of the cross-validated error over the folds.")),
        "dof": ("GDF", "%.1f", say("Generalised degrees of freedom (Ye 1998), found by perturbing the target.")),
        "dof_se": (say("SE of GDF"), "%.1f", say("Standard error of the GDF.")),
        "edf": ("edf", "%.1f", say("Effective degrees of freedom: the trace of the linearised smoother.")),
    }
    return columns.numbers(texts, frame) | {
        CHOICE: columns.choice_column(frame[CHOICE]),
        "model": st.column_config.TextColumn(say("model"), width=380),
    }


def _confidence(handle: StudyHandle, validation: Validation | None) -> None:
    kept = confidence_set(handle.records())
    if not kept:
        return
    sentence = say(
        "{networks} {hold} 95% of the Akaike weight of all networks; the weight is the relative "
        "support for a model by AICc, and sums to 1.",
        networks=counted(len(kept), "network"),
        hold=agreeing(len(kept), "holds", "hold"),
    )
    if validation and (average := validation.average):
        data = handle.data
        if data.levels:
            error, train, test = say("a log-loss"), average.get("log_loss_train"), average.get("log_loss_test")
        elif data.task == COUNTS:
            error, train, test = say("a mean deviance"), average["mean_deviance_train"], average["mean_deviance_test"]
        else:  # a validation of an earlier version has no RMSE
            error = say("an RMSE")
            train = average.get("rmse_train") or data.rmse(average["rss_train"], data.n_train)
            test = average.get("rmse_test") or data.rmse(average["rss_test"], data.n_test)
        if train is not None:
            whose = agreeing(len(kept), say("Its predictions have"), say("The average of their predictions has"))
            if test is None:
                sentence += say(
                    " {whose} {error} of {train} on the training rows.",
                    whose=whose,
                    error=error,
                    train=four_digits(train),
                )
            else:
                sentence += say(
                    " {whose} {error} of {train} on the training rows and {test} on the test rows.",
                    whose=whose,
                    error=error,
                    train=four_digits(train),
                    test=four_digits(test),
                )
    st.caption(sentence)


def other_rules(found: Recommendation, records: Sequence[TrialRecord]) -> None:
    """The choices of other decision rules from the same fits."""
    best, first = best_trial(records), first_ranked(records)
    rows: list[tuple[str, str]] = []
    if found.choice is not None:
        rows.append((say("kanlab: lowest AICc, if its LOO error beats the linear model's"), model_name(found.choice)))
    if best is not None:
        rows.append((say("lowest AICc among the networks"), trial_words(best)))
    if first is not None and first.n_params_effective is not None:
        rows.append((say("the same by effective K"), trial_words(first)))
    names = {
        "accuracy": say("PySR accuracy: lowest RSS (or deviance)"),
        "score": say("PySR score: steepest fall of ln RSS per parameter"),
        "best": say("PySR best: highest score with at most 1.5 times the lowest RSS"),
    }
    rows += [(names[rule], trial_words(r)) for rule, r in ranking.pysr_picks(records).items()]
    knee = ranking.knee_trial(records)
    if knee is not None:
        rows.append((say("knee of the Pareto front"), trial_words(knee)))
    verified = [c for c in found.candidates if c.cv_error is not None]
    if verified:
        lowest = min(verified, key=lambda c: c.cv_error or np.inf)
        rows.append((say("lowest cross-validated error"), lowest.label))
        limit = (lowest.cv_error or 0.0) + (lowest.cv_se or 0.0)
        simple = min((c for c in verified if (c.cv_error or np.inf) <= limit), key=lambda c: c.n_params or 0)
        rows.append((say("simplest within one standard error of it"), simple.label))
    told = [(rule, retold(choice)) for rule, choice in rows]
    table(pd.DataFrame(told, columns=[say("decision rule"), say("choice")]), "other-rules")
