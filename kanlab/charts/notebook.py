"""What a study shows in a notebook: its charts as Altair objects, itself as HTML, and a bar while it runs."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from kanlab.charts import cells, trials
from kanlab.language import say
from kanlab.selection import ranking
from kanlab.selection.recommendation import Recommendation
from kanlab.study.handle import StudyHandle
from kanlab.study.state import read_state
from kanlab.study.trials import TrialRecord
from kanlab.text import counted


class Plots:
    """The charts of a study, as Altair objects: `study.plot.front()`."""

    def __init__(self, handle: StudyHandle, found: Callable[[], Recommendation]) -> None:
        self._handle, self._found = handle, found

    def front(self) -> Any:
        """RSS (for classes the deviance) against K, the Pareto front, and the other families."""
        return trials.pareto_front(self._table(), self._handle.baselines, self._selected(), self._target()).chart()

    def aicc(self) -> Any:
        """AICc against RSS: every trial over curves of equal K."""
        n, families = self._handle.data.n_train, self._handle.baselines
        return trials.aicc_against_rss(self._table(), n, families, self._selected(), self._target()).chart()

    def history(self) -> Any:
        """AICc of every trial in their order, and its running minimum."""
        return trials.history(self._table(), self._selected()).chart()

    def map(self) -> Any:
        """AICc of every configuration, by neuron_num, grid and k."""
        return cells.aicc_map(self._table(), self._selected())

    def slices(self) -> Any:
        """AICc against each parameter of the space."""
        return cells.slices(self._table())

    def _table(self) -> Any:
        return ranking.trial_table(self._handle.records())

    def _target(self) -> str:
        return self._handle.data.fitted_target

    def _selected(self) -> int | None:
        choice = self._found().choice
        return choice.trial.number if choice and choice.trial else None


def study_html(handle: StudyHandle, records: Sequence[TrialRecord], found: Recommendation) -> str:
    """A study: its state in a sentence, then the recommendation with its picture."""
    state, data = read_state(handle.optuna.user_attrs), handle.data
    words = say(
        "<b>Study {name}</b>: {state}, {trials}; {target} from {features}, {n_train:,} training and {test_rows} of {data}.",
        name=escape(handle.name),
        state=escape(say(state.name)),
        trials=counted(len(records), "trial"),
        target=escape(data.target),
        features=counted(data.d, "feature"),
        n_train=data.n_train,
        test_rows=counted(data.n_test, "test row"),
        data=escape(data.name),
    )
    return f"<p>{words}</p>{found._repr_html_()}"


def in_notebook() -> bool:
    """Whether this process runs the cells of a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def progress_bar(handle: StudyHandle) -> Callable[[Any], None] | None:
    """What tells a notebook how far a study is, for `on_progress`; None elsewhere."""
    if not in_notebook():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no widget: the bar is of text then
        from tqdm.auto import tqdm
    admissible = len(handle.spec.admissible(handle.data.n_train, handle.data.d))
    bar = tqdm(total=min(handle.spec.trials or admissible, admissible), unit=say("trial"), desc=handle.name)

    def show(study: Any) -> None:
        done = sum(record.state != "running" for record in study.handle.records())
        bar.update(done - bar.n)
        if not study.state.is_live:
            bar.close()

    return show
