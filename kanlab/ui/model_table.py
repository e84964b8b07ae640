"""The Choose page: all models in one table, and what other rules would take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from kanlab.data.writing import to_csv
from kanlab.selection import ranking
from kanlab.selection.candidates import Candidate, cell_words
from kanlab.selection.recommendation import Recommendation
from kanlab.selection.validation import Validation, confidence_set
from kanlab.stats.criteria import akaike_weights, evidence_ratio
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, best_trial
from kanlab.ui import session
from kanlab.ui.widgets import AICC_HELP, literal, short

CLASS_SCORES = {
    "log_loss_train": ("log-loss train", "Mean of −ln(the probability given to what happened), in nats a row."),
    "log_loss_test": ("log-loss test", "On rows never trained on nor chosen by."),
    "accuracy_test": ("accuracy test", "Share of the test rows whose likelier class is the true one."),
    "auc_test": ("AUC test", "Share of the pairs of one row of each class that the probabilities put in order."),
}


def leaderboard_frame(found: Recommendation, handle: StudyHandle) -> pd.DataFrame:
    """One row a candidate; RMSE in units of the target, R² on the scale it is fitted on; of classes their scores instead."""
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


def leaderboard(found: Recommendation, handle: StudyHandle, validation: Validation | None) -> None:
    """All models, least AICc first."""
    frame = leaderboard_frame(found, handle)
    known, data = validation is not None, handle.data
    unit = literal(f"In units of {short(data.target)}.")
    # no class can be perturbed by a little, and none has a residual
    hidden = {"dof", "dof_se", "press"} if data.levels else set()
    if not known:
        hidden |= {"wins", "spread", "cv", "cv_se", "dof", "dof_se", "edf"}
    number = st.column_config.NumberColumn

    def pick() -> None:
        rows = st.session_state["leaderboard"]["selection"]["rows"]
        picked = found.candidates[rows[0]] if rows else None
        trial = (picked.trial or picked.reduced) if picked else None
        session.select_trial(trial.number if trial else None)

    st.dataframe(
        frame.drop(columns=list(hidden)),
        key="leaderboard",
        on_select=pick,
        selection_mode="single-row",
        hide_index=True,
        height=420,
        column_config={
            "model": st.column_config.TextColumn("model", width="medium"),
            "AICc": number(format="%.2f", help=AICC_HELP),
            "delta": number("ΔAICc", format="%.2f", help="AICc above the least."),
            "weight": number(format="%.3f", help="Akaike weight: the support for this model among those of the table."),
            "evidence": number(
                "evidence ratio", format="%.3g", help="How many times better supported the best model is."
            ),
            "K": number(format="%.4g", help="Counted parameters; effective degrees of freedom for penalised families."),
            "rows": number("n/K", format="%.1f", help="Training rows a parameter."),
            "rmse": number("RMSE train", format="%.4g", help=unit),
            "rmse_test": number("RMSE test", format="%.4g", help=f"{unit} On rows never trained on nor chosen by."),
            "r2": number("R²", format="%.3f", help=literal(f"Of {short(data.fitted_target)}, on the training rows.")),
            "wins": number(
                "seeds won", format="%d", help="Of 5 refits from other seeds, how often it is the best finalist."
            ),
            "spread": number("spread", format="%.1f", help="Standard deviation of its AICc over those seeds."),
            **{name: number(title, format="%.4g", help=words) for name, (title, words) in CLASS_SCORES.items()},
            "press": number(
                "left-out RMSE",
                format="%.4g",
                help=literal(
                    f"In units of {short(data.fitted_target)}: each training row predicted by a fit without it. Known of the "
                    "linear models and of the networks of least AICc."
                ),
            ),
            "cv": number(
                "CV log-loss" if data.levels else "CV RMSE",
                format="%.4g",
                help=f"{'' if data.levels else unit} 5-fold cross-validation on the training rows.".strip(),
            ),
            "cv_se": number("± SE", format="%.2g", help="Standard error over the folds."),
            "dof": number(
                "GDF", format="%.1f", help="Generalised degrees of freedom (Ye 1998), by perturbing the target."
            ),
            "dof_se": number("± SE GDF", format="%.1f"),
            "edf": number("edf", format="%.1f", help="Effective degrees of freedom: trace of the linearised smoother."),
        },
    )
    st.download_button(
        "Download the models",
        lambda: to_csv(frame),
        f"{handle.name}-models.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    _confidence(handle, validation)


def _confidence(handle: StudyHandle, validation: Validation | None) -> None:
    kept = confidence_set(handle.records())
    if not kept:
        return
    words = f"95% of the Akaike weight of the networks lies on {len(kept)} of them."
    if validation and validation.average:
        data, average = handle.data, validation.average  # of an earlier version without RMSE
        if data.levels and average.get("log_loss_train") is not None:
            words += (
                f" Their averaged prediction has a log-loss of {average['log_loss_train']:.4g} on the training rows"
            )
            test = average.get("log_loss_test")
            words += f" and {test:.4g} on the test rows." if test is not None else "."
        train = average.get("rmse_train") or data.rmse(average["rss_train"], data.n_train)
        test = average.get("rmse_test") or data.rmse(average["rss_test"], data.n_test)
        if train is not None:
            words += f" Their averaged prediction has an RMSE of {train:.4g} on the training rows"
            words += f" and {test:.4g} on the test rows." if test is not None else "."
    st.caption(words)


def other_rules(found: Recommendation, records: Sequence[TrialRecord]) -> None:
    """What other rules of selection would pick from the same fits."""
    best = best_trial(records)
    rows: list[tuple[str, str]] = []
    if found.choice is not None:
        rows.append(("kanlab: least AICc, if better than linear on rows left out", found.choice.label))
    if best is not None:
        rows.append(("least AICc among the networks", f"trial {best.number}: {cell_words(best.cell)}"))
    names = {"best": "PySR best", "accuracy": "PySR accuracy (least RSS or deviance)", "score": "PySR score"}
    rows += [
        (names[rule], f"trial {r.number}: {cell_words(r.cell)}") for rule, r in ranking.pysr_picks(records).items()
    ]
    knee = ranking.knee_trial(records)
    if knee is not None:
        rows.append(("knee of the front", f"trial {knee.number}: {cell_words(knee.cell)}"))
    verified = [c for c in found.candidates if c.cv_error is not None]
    if verified:
        least = min(verified, key=lambda c: c.cv_error or np.inf)
        rows.append(("least cross-validated error", least.label))
        limit = (least.cv_error or 0.0) + (least.cv_se or 0.0)
        simple = min((c for c in verified if (c.cv_error or np.inf) <= limit), key=lambda c: c.n_params or 0)
        rows.append(("simplest within one standard error of it", simple.label))
    st.dataframe(pd.DataFrame(rows, columns=["rule", "would take"]), hide_index=True, key="other-rules")
