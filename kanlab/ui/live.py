"""The Live page: the state of the study, the best trial so far, and a link to optuna-dashboard."""

from __future__ import annotations

import time
from collections import Counter
from urllib.parse import urlsplit

import streamlit as st

from kanlab.api import Study
from kanlab.engines.catalogue import ENGINES
from kanlab.execution import cost_model
from kanlab.execution.manager import JobManager
from kanlab.hosts import is_local, parse_host
from kanlab.language import marked, say
from kanlab.retelling import retold
from kanlab.selection.recommendation import Recommendation
from kanlab.study.dashboard import DashboardServer
from kanlab.study.state import STALE_SECONDS, StudyState
from kanlab.text import short, together
from kanlab.ui import session, shared, watching
from kanlab.ui.manage import steering_buttons
from kanlab.ui.widgets import literal, sentences

_BADGES = {
    "queued": (marked("Queued"), "gray"),
    "running": (marked("Running"), "blue"),
    "pausing": (marked("Pausing"), "orange"),
    "paused": (marked("Paused"), "orange"),
    "stopping": (marked("Stopping"), "orange"),
    "stopped": (marked("Stopped"), "orange"),
    "finished": (marked("Finished"), "green"),
    "failed": (marked("Failed"), "red"),
    "interrupted": (marked("Interrupted"), "red"),
}
_ADVICE = {
    "interrupted": marked("The finished trials are kept; Resume continues with the rest."),
    "failed": marked("The finished trials are kept; Resume tries the rest again."),
    "queued": "",
}


def _since(heartbeat: float) -> float:
    """Seconds since a heartbeat, within limits in case a clock has jumped."""
    return min(STALE_SECONDS, max(0.0, time.time() - heartbeat))


def status_bar(study: Study, reading: watching.Reading, jobs: JobManager) -> None:
    """State, counts, time left, progress, and the buttons that stop and resume."""
    current, records = reading.state, reading.records
    spec, data = study.spec, study.handle.data
    admissible = len(spec.admissible(data.n_train, data.d))
    total = min(spec.trials or admissible, admissible)
    states = Counter(r.shown_state for r in records)
    failed, running = states["failed"], states["running"]
    done = len(records) - running
    counts = current.is_live and current.name != "queued" and current.pid  # no time passes in the queue
    elapsed = current.elapsed + (_since(current.heartbeat) if counts else 0.0)

    label, color = _BADGES[current.name]
    parts = [say("{done:,} of {total:,} trials", done=done, total=total)]
    if failed:
        parts.append(say("{count:,} failed", count=failed))
    if states["inadmissible"]:
        parts.append(say("{count:,} inadmissible", count=states["inadmissible"]))
    if running and current.is_live:
        parts.append(say("{count:,} running", count=running))
    parts.append(say("{time} elapsed", time=cost_model.duration_text(elapsed)))
    if current.is_live and current.name != "queued" and done >= 2:
        left = cost_model.duration_text(elapsed / done * (total - done))
        parts.append(say("about {time} left", time=left))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(say(label), color=color)  # type: ignore[arg-type]
        st.markdown(" · ".join(parts))
        st.space("stretch")
        steering_buttons(study.handle, reading, jobs)
    if total:
        st.progress(min(1.0, done / total))
    cells = len(spec.space)
    facts = [
        say("Target {target}", target=short(data.fitted_target, 80)),
        say("{rows:,} training rows", rows=data.n_train),
        say(ENGINES[spec.engine].label),
        *([spec.starts_words] if spec.starts_words else []),
        say("K (parameters) counted by the rule '{counted_by}'", counted_by=say(shared.RULES[spec.counted_by])),
        *([say("networks ranked by effective K")] if spec.ranks_by_spent and not spec.after_fit else []),
    ]
    if admissible < cells:
        facts.append(
            say(
                "{inadmissible} of {count} configurations inadmissible, never trained",
                inadmissible=cells - admissible,
                count=cells,
            )
        )
    if not session.is_guided():
        st.caption(literal(" · ".join(facts)))
    if few := spec.few_rows_words(data.n_train, data.d):
        st.caption(literal(few))
    if trouble := jobs.trouble(study.handle):
        st.warning(literal(trouble), icon=":material/database_off:")
    elif current.name in ("interrupted", "failed", "queued") and current.detail:
        icon = ":material/hourglass_top:" if current.name == "queued" else ":material/warning:"
        (st.info if current.name == "queued" else st.warning)(
            literal(together([retold(current.detail), say(_ADVICE[current.name])])), icon=icon
        )
    else:
        st.caption(literal(current.detail or "\u2060"))  # a line in any case, so that none moves when it is filled


def no_trial_yet(current: StudyState, engine: str) -> None:
    """Why the charts are empty."""
    if current.name == "queued":
        if not current.detail:  # otherwise the status bar says how many studies come first
            st.info(say("The study is about to start."), icon=":material/hourglass_top:")
    elif current.is_live:
        loads = ENGINES[engine].needs_torch
        st.info(
            say(
                "The first points appear in a few seconds: the workers are loading PyTorch and fitting the first networks."
            )
            if loads
            else say("The first points appear in a few seconds: the workers are fitting the first networks."),
            icon=":material/hourglass_top:",
        )
    else:
        st.info(say("This study has no complete trial."), icon=":material/info:")


def recommendation(found: Recommendation, current: StudyState, engine: str) -> None:
    """The recommended model and the first reasons for it; or why there is none yet."""
    if current.is_live and not any(c.trial for c in found.candidates):
        no_trial_yet(current, engine)
        return  # a baseline is no recommendation before there is a network beside it
    if found.choice is None:
        return
    live = current.is_live
    told = [
        *found.reasons[:2],
        *[found.use_reason] * (found.use == "predict"),
    ]  # so that all pages name the same two models
    model, reasons = retold(found.summary), together(map(retold, told))
    sentence = (
        say("Recommended so far: {model}. {reasons}", model=model, reasons=reasons)
        if live
        else say("Recommended: {model}. {reasons}", model=model, reasons=reasons)
    )
    if found.choice.is_network:
        st.success(literal(sentence), icon=":material/flag:")
    else:
        st.warning(literal(sentence), icon=":material/balance:")


_DASHBOARD_ELSEWHERE = marked(
    "optuna-dashboard shows the same study, but only on the machine that runs this app: "
    "'kanlab dashboard' opens it there."
)


def _reachable() -> bool:
    """Whether the reader's browser is on the machine of the app, as far as the address in it tells."""
    url = st.context.url
    return url is None or is_local(parse_host(urlsplit(url).netloc))


@st.cache_resource
def _dashboard(url: str | None) -> DashboardServer:
    return DashboardServer(url)


def dashboard_link(study: Study) -> None:
    """A link to this study in optuna-dashboard, once its server answers."""
    if not _reachable():
        st.caption(say(_DASHBOARD_ELSEWHERE))
        return
    server = _dashboard(study.handle.storage_url)
    starting = not (server.url() or server.failed())

    @st.fragment(run_every=watching.interval(0) if starting else None)
    @sentences()
    def link() -> None:
        url = server.url()
        if starting and (url or server.failed()):
            st.rerun()  # the whole page, because asking ends there
        if url:
            st.link_button(
                say("Open in optuna-dashboard"),
                f"{url}/dashboard/studies/{study.handle.id}",
                icon=":material/open_in_new:",
                help=say("Read-only, and reachable from this machine only."),
            )
        elif server.failed():
            st.caption(say("optuna-dashboard did not start. Run 'kanlab dashboard' on the command line to see why."))
        else:
            st.caption(say("optuna-dashboard is starting…"))

    link()
