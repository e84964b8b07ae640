"""The Choose page: all models in one table, and the choices of other decision rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.data.writing import to_csv
from kanlab.selection import ranking
from kanlab.selection.candidates import Candidate, trial_words
from kanlab.selection.recommendation import Recommendation
from kanlab.selection.validation import Validation
from kanlab.selection.validation_plan import confidence_set
from kanlab.stats.criteria import akaike_weights, evidence_ratio
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.text import agreeing, counted, short
from kanlab.ui import session
from kanlab.ui.widgets import AICC_HELP, LOG_LOSS_HELP, TEST_HELP, download, literal, table

CLASS_SCORES = {
    "log_loss_train": ("log-loss train", LOG_LOSS_HELP),
    "log_loss_test": ("log-loss test", TEST_HELP),
    "accuracy_test": ("accuracy test", "Share of the test rows that are classified correctly."),
    "auc_test": ("AUC test", "Area under the ROC curve on the test rows: 1 is a perfect ranking, 0.5 is random."),
}


def leaderboard_frame(found: Recommendation, handle: StudyHandle) -> pd.DataFrame:
    """One row per candidate: RMSE in units of the target and R² on the scale of the fit, or the scores of classes."""
    listed, data = found.candidates, handle.data
    values = np.array([np.nan if c.aicc is None else c.aicc for c in listed], dtype=float)
    weights, ratios = akaike_weights(values), evidence_ratio(values)
    total = data.n_train * data.y_std**2

    def scores(c: Candidate) -> dict[str, object]:
        if c.classes is not None:
            return {name: getattr(c.classes, name) for name in CLASS_SCORES}
        r2 = 1 - c.rss_train / total if total else None
        return {"rmse": c.rmse_train, "rmse_test": c.rmse_test, "r2": r2}

    def row(c: Candidate, weight: float, ratio: float) -> dict[str, object]:
        return {
            "model": c.label,
            "AICc": c.aicc,
            "delta": None if c.aicc is None else c.aicc - np.nanmin(values),
            "weight": weight if c.aicc is not None else None,
            "evidence": ratio if c.aicc is not None and ratio < 1e6 else None,
            "K": c.n_params,
            "rows": data.n_train / c.n_params if c.n_params else None,
            **scores(c),
            "wins": c.wins,
            "spread": c.spread,
            "press": np.sqrt(c.press / data.n_train) if c.press is not None else None,
            "cv": c.cv_error,
            "cv_se": c.cv_se,
            "dof": c.dof,
            "dof_se": c.dof_se,
            "edf": c.edf,
        }

    return pd.DataFrame([row(c, w, r) for c, w, r in zip(listed, weights, ratios, strict=True)])


def leaderboard(found: Recommendation, handle: StudyHandle) -> None:
    """All models, lowest AICc first."""
    frame = leaderboard_frame(found, handle)
    data = handle.data
    unit = literal(f"In units of {short(data.target)}.")
    # classes have no residuals, and cannot be perturbed slightly
    hidden = {"dof", "dof_se", "press"} if data.levels else set()
    if found.validation is None:
        hidden |= {"wins", "spread", "cv", "cv_se", "dof", "dof_se", "edf"}
    number = st.column_config.NumberColumn

    def pick() -> None:
        rows = st.session_state["leaderboard"]["selection"]["rows"]
        picked = found.candidates[rows[0]] if rows else None
        trial = (picked.trial or picked.reduced) if picked else None
        session.select_trial(trial.number if trial else None)

    table(
        frame.drop(columns=list(hidden)),
        "leaderboard",
        on_select=pick,
        selection_mode="single-row",
        height=420,
        column_config={
            "model": st.column_config.TextColumn("model", width=250),
            "AICc": number(format="%.2f", help=AICC_HELP),
            "delta": number("ΔAICc", format="%.2f", help="AICc minus the lowest AICc of the table."),
            "weight": number(
                "Akaike weight",
                format="%.3f",
                help="Relative support for the model among those of the table; sums to 1.",
            ),
            "evidence": number(
                "evidence ratio", format="%.3g", help="Akaike weight of the best model divided by that of this model."
            ),
            "K": number(
                format="%.4g",
                help="Number of parameters by the counting rule; for penalised families, effective degrees of freedom.",
            ),
            "rows": number("n/K", format="%.1f", help="Training rows per parameter."),
            "rmse": number("RMSE train", format="%.4g", help=unit),
            "rmse_test": number("RMSE test", format="%.4g", help=f"{unit} {TEST_HELP}"),
            "r2": number(
                "R²",
                format="%.3f",
                help=literal(
                    f"Share of the variance of {short(data.fitted_target)} that the model explains on the training rows."
                ),
            ),
            "wins": number(
                "seeds won",
                format="%d",
                help="In how many of 5 refits from other seeds it is the best of the finalists.",
            ),
            "spread": number("SD of AICc", format="%.1f", help="Standard deviation of its AICc over those seeds."),
            **{name: number(title, format="%.4g", help=text) for name, (title, text) in CLASS_SCORES.items()},
            "press": number(
                "LOO RMSE",
                format="%.4g",
                help=literal(
                    f"Leave-one-out error, in units of {short(data.fitted_target)}: a fit without the row predicts each "
                    "training row. Known for the linear models and the networks of lowest AICc."
                ),
            ),
            "cv": number(
                "CV log-loss" if data.levels else "CV RMSE",
                format="%.4g",
                help=f"5-fold cross-validation on the training rows. {'' if data.levels else unit}".strip(),
            ),
            "cv_se": number("± SE", format="%.2g", help="Standard error of the cross-validated error over the folds."),
            "dof": number(
                "GDF", format="%.1f", help="Generalised degrees of freedom (Ye 1998), found by perturbing the target."
            ),
            "dof_se": number("± SE of GDF", format="%.1f", help="Standard error of the GDF."),
            "edf": number(
                "edf", format="%.1f", help="Effective degrees of freedom: the trace of the linearised smoother."
            ),
        },
    )
    download("Download the models", lambda: to_csv(frame), f"{handle.name}-models.csv")
    _confidence(handle, found.validation)


def _confidence(handle: StudyHandle, validation: Validation | None) -> None:
    kept = confidence_set(handle.records())
    if not kept:
        return
    holding = f"{counted(len(kept), 'network')} {agreeing(len(kept), 'holds', 'hold')}"
    sentence = f"{holding} 95% of the Akaike weight of all networks."
    if validation and (average := validation.average):
        data = handle.data
        if data.levels:
            error, train, test = "a log-loss", average.get("log_loss_train"), average.get("log_loss_test")
        else:  # a validation of an earlier version has no RMSE
            error = "an RMSE"
            train = average.get("rmse_train") or data.rmse(average["rss_train"], data.n_train)
            test = average.get("rmse_test") or data.rmse(average["rss_test"], data.n_test)
        if train is not None:
            whose = agreeing(len(kept), "Its predictions have", "The average of their predictions has")
            sentence += f" {whose} {error} of {train:.4g} on the training rows"
            sentence += f" and {test:.4g} on the test rows." if test is not None else "."
    st.caption(sentence)


def other_rules(found: Recommendation, records: Sequence[TrialRecord]) -> None:
    """The choices of other decision rules from the same fits."""
    best = best_trial(records)
    rows: list[tuple[str, str]] = []
    if found.choice is not None:
        rows.append(("kanlab: lowest AICc, if its LOO error beats the linear model's", found.choice.label))
    if best is not None:
        rows.append(("lowest AICc among the networks", trial_words(best)))
    names = {
        "accuracy": "PySR accuracy: lowest RSS (or deviance)",
        "score": "PySR score: steepest fall of ln RSS per parameter",
        "best": "PySR best: highest score with at most 1.5 times the lowest RSS",
    }
    rows += [(names[rule], trial_words(r)) for rule, r in ranking.pysr_picks(records).items()]
    knee = ranking.knee_trial(records)
    if knee is not None:
        rows.append(("knee of the Pareto front", trial_words(knee)))
    verified = [c for c in found.candidates if c.cv_error is not None]
    if verified:
        lowest = min(verified, key=lambda c: c.cv_error or np.inf)
        rows.append(("lowest cross-validated error", lowest.label))
        limit = (lowest.cv_error or 0.0) + (lowest.cv_se or 0.0)
        simple = min((c for c in verified if (c.cv_error or np.inf) <= limit), key=lambda c: c.n_params or 0)
        rows.append(("simplest within one standard error of it", simple.label))
    table(pd.DataFrame(rows, columns=["decision rule", "choice"]), "other-rules")
