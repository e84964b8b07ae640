"""The Choose page: the terms of one AICc, and the ranking by another counting rule or criterion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import streamlit as st

from kanlab.kan.parameter_count import RULES, CountingRule
from kanlab.language import marked, say
from kanlab.selection.candidates import Candidate, trial_words
from kanlab.selection.sensitivity import CRITERIA, ranked_again, terms
from kanlab.stats.likelihood import COUNTS
from kanlab.study.handle import StudyHandle
from kanlab.study.trials import TrialRecord, completed
from kanlab.ui import columns, session, shared
from kanlab.ui.columns import CHOICE
from kanlab.ui.widgets import table

_RULES: dict[CountingRule, str] = {
    "identifiable": marked("Identifiable"),
    "trainable": marked("Trainable"),
    "coefficients": marked("Coefficients"),
    "article": marked("Article"),
}


def sensitivity(handle: StudyHandle, records: Sequence[TrialRecord], choice: Candidate | None) -> None:
    """The terms of one AICc, and the trials ranked by another counting rule or criterion. choice: the recommended model."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        _terms(handle, records)
    with right:
        _ranking(handle, records, choice)


def _terms(handle: StudyHandle, records: Sequence[TrialRecord]) -> None:
    done = sorted(completed(records), key=lambda r: (r.aicc, r.n_params))
    names: dict[int, str] = {r.number: trial_words(r) for r in done}
    picked = session.selected_trial()
    st.markdown(say("**The terms of one AICc**"))
    index = list(names).index(picked) if picked in names else 0
    number = st.selectbox(
        say("Trial"),
        list(names),
        index=index,
        format_func=lambda n: names[n],
        key=f"sensitivity-trial-{list(names)[index]}",  # another one that is selected is shown
        persist_state="page",
    )
    record = next(r for r in done if r.number == number)
    data, n, count = handle.data, handle.data.n_train, record.n_params
    opened = terms(record.misfit, n, count, likelihood=data.likelihood)
    mean, total = _number(record.misfit / (2 * n)), _number(record.misfit)
    fit = rf"2\cdot {n}\cdot {mean}" if data.levels else rf"{n}\ln({total}/{n})"
    if data.task == COUNTS:
        fit = rf"{n}\cdot {_number(record.misfit / n)}"
    st.latex(
        r"\begin{aligned}"
        rf"{fit} &= {opened.fit:,.2f}\\"
        rf"2\cdot {count:g} &= {opened.penalty:,.0f}\\"
        rf"\frac{{2\cdot {count:g}\cdot {count + 1:g}}}{{{n}-{count:g}-1}} &= {opened.correction:,.2f}\\[4pt]"
        rf"\mathrm{{AICc}} &= {opened.total:,.2f}"
        r"\end{aligned}"
    )
    sigma2 = handle.spec.count_sigma2
    deviance = say(
        "The first term is the deviance, −2 ln L: twice {n} rows times the log-loss, which "
        "is the mean of −ln(predicted probability of the observed class). ",
        n=n,
    )
    if data.task == COUNTS:
        deviance = say("The first term is the Poisson deviance: {n} rows times the mean deviance. ", n=n)
    *first, last = (f"{n_in} × {n_out}" for n_in, n_out in pairwise(record.cell.layer_widths(data.d)))
    edges = say("{first} and {second}", first=", ".join(first), second=last)
    spline = {"edges": edges, "grid": record.cell.grid, "k": record.cell.k}
    counting = {"count": count, "rule": say(shared.RULES[handle.spec.counted_by])}
    st.caption(
        deviance * data.has_deviance
        + (
            say(
                "K is {count:,g}, counted by the rule '{rule}'. The network has {edges} edges with {grid} + {k} spline "
                "coefficients and one silu term each; the noise variance counts as one parameter.",
                **counting,
                **spline,
            )
            if sigma2
            else say(
                "K is {count:,g}, counted by the rule '{rule}'. The network has {edges} edges with {grid} + {k} spline "
                "coefficients and one silu term each.",
                **counting,
                **spline,
            )
        )
    )


def _ranking(handle: StudyHandle, records: Sequence[TrialRecord], choice: Candidate | None) -> None:
    n, data = handle.data.n_train, handle.data
    st.markdown(say("**The ranking by another counting rule or criterion**"))
    a, b, c = st.columns(3, vertical_alignment="bottom")
    rule = a.selectbox(
        say("Counting rule"),
        RULES,
        index=RULES.index(handle.spec.rule),
        format_func=lambda known: say(_RULES[known]),
        key="sensitivity-count",
        persist_state="page",
    )
    criterion: Any = b.selectbox(say("Criterion"), list(CRITERIA), key="sensitivity-criterion", persist_state="page")
    sigma2 = data.likelihood.counts_variance and c.checkbox(
        say("Count the noise variance"), handle.spec.count_sigma2, key="sensitivity-sigma2", persist_state="page"
    )
    again = ranked_again(
        records,
        n,
        data.d,
        rule=rule,
        count_sigma2=sigma2,
        criterion=criterion,
        likelihood=data.likelihood,
        outputs=data.outputs,
        values=handle.spec.values,
        shape=handle.spec.options.shape,
    )
    marks = columns.marks(again["number"].tolist(), choice)
    again[CHOICE] = [say(columns.RECOMMENDED) if words else "" for words in marks]  # short, as the table is narrow
    shown = [CHOICE] if again[CHOICE].any() else []
    lost = int(again["rank"].isna().sum())
    table(
        again,
        "sensitivity-table",
        height=300,
        column_order=[*shown, "rank", "rank_before", "number", *handle.spec.space.parameters, "n_params", "value"],
        column_config={
            CHOICE: columns.choice_column(again[CHOICE]),
            "rank": say("rank now"),
            "rank_before": say("rank in the study"),
            "number": say("trial"),
            "neuron_num": say("hidden neurons"),
            "grid": say("grid"),
            "depth": say("depth"),
            "multiplication": say("multiplication"),
            "n_params": st.column_config.NumberColumn("K", help=say("Number of parameters by this counting rule.")),
            "value": st.column_config.NumberColumn(criterion, format="%.2f"),
        },
    )
    if lost:
        st.caption(say("{lost} of the trials are inadmissible under this counting rule and have no rank.", lost=lost))


def _number(value: float) -> str:
    """A number of five digits in LaTeX."""
    mantissa, _, exponent = f"{value:.5g}".partition("e")
    return rf"{mantissa}\cdot 10^{{{int(exponent)}}}" if exponent else mantissa
