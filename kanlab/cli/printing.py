"""How the command line shows a study: a progress bar while it runs, then its tables."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kanlab.language import marked, say, use
from kanlab.retelling import retold
from kanlab.text import columns_of, counted, padded

if TYPE_CHECKING:
    from kanlab.api import Study
    from kanlab.study.handle import StudyHandle
    from kanlab.study.spec import StudySpec

# columns of the printed table: the key of the value, and its digits
QUANTITY_SCORES = {
    marked("RSS train"): ("rss_train", 5),
    marked("RMSE train"): ("rmse_train", 5),
    marked("RMSE test"): ("rmse_test", 5),
}
CLASS_SCORES = {
    marked("deviance"): ("deviance_train", 5),
    marked("log-loss test"): ("log_loss_test", 4),
    marked("accuracy train"): ("accuracy_train", 3),
    marked("accuracy test"): ("accuracy_test", 3),
    marked("AUC test"): ("auc_test", 3),
}
COUNT_SCORES = {
    marked("deviance"): ("deviance_train", 5),
    marked("mean deviance test"): ("mean_deviance_test", 4),
    marked("D2 test"): ("d2_test", 3),
    marked("RMSE test"): ("rmse_test", 4),
}
SCORES_OF = {"regression": QUANTITY_SCORES, "counts": COUNT_SCORES}  # of classes CLASS_SCORES

STATES = (marked("queued"), marked("running"), marked("pausing"), marked("paused"), marked("stopping"),
          marked("stopped"), marked("finished"), marked("failed"), marked("interrupted"))  # fmt: skip

NOT_DONE = 130  # exit code of a study that was paused, stopped or interrupted, here or by another process


def exit_code(studies: Sequence[Study]) -> int:
    """0 where nothing is left to fit."""
    from kanlab.study.patience import patiently

    done = patiently(lambda: all(study.state.name == "finished" for study in studies))
    return 0 if done else NOT_DONE


def run_and_print(handles: Sequence[StudyHandle], as_json: bool, dask: str | None = None) -> list[Study]:
    """Run a study, or those of several targets, with a progress bar, then print them. dask: as of kanlab.tune."""
    from tqdm import tqdm

    from kanlab.api import Study, run_study
    from kanlab.study.patience import patiently

    for handle in handles:
        print(*_announced(handle), sep="\n", file=sys.stderr)
    studies, before = [Study(handle) for handle in handles], 0
    total = sum(_trials_planned(handle) for handle in handles)
    with tqdm(total=total, unit=say("trial"), file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def show(study: Study) -> None:
            records = [r for r in study.handle.records() if r.state != "running"]
            scores = [r.aicc for r in records if r.aicc is not None]
            bar.set_postfix_str(
                say("lowest AICc {aicc:.2f}", aicc=min(scores)) if scores else say("starting the workers")
            )
            bar.update(before + len(records) - bar.n)

        def tell(sentence: str) -> None:
            bar.clear()
            print(f"kanlab: {retold(sentence)}", file=sys.stderr, flush=True)

        with _quiet_supervisor():
            for number, handle in enumerate(handles, 1):
                if len(handles) > 1:
                    target = handle.data.target[:20]
                    bar.set_description_str(
                        say("{target} ({number} of {count})", target=target, number=number, count=len(handles))
                    )
                if patiently(lambda study=studies[number - 1]: study.state.name, tell) != "finished":  # type: ignore[misc]
                    run_study(handle, show, warn=tell, dask=dask)
                before += _trials_planned(handle)
            details, printed = patiently(lambda: (_details(studies), shown(studies, as_json)), tell)
    print(*details, sep="\n", file=sys.stderr)
    print(printed)
    return studies


def _details(studies: Sequence[Study]) -> list[str]:
    """What became of each."""
    details = [retold(study.state.detail) for study in studies]
    if len(studies) == 1:
        return details
    targets = [study.handle.data.target for study in studies]
    return [say("{target}: {detail}", target=t, detail=d) for t, d in zip(targets, details, strict=True)]


def _trials_planned(handle: StudyHandle) -> int:
    spec, data = handle.spec, handle.data
    admissible = len(spec.admissible(data.n_train, data.d))
    return min(spec.trials or admissible, admissible)


def _announced(handle: StudyHandle) -> Iterator[str]:
    """What is about to be done, in sentences."""
    spec, data = handle.spec, handle.data
    yield (
        say(
            "study '{name}': {admissible} of {cells} configurations are admissible with "
            "{rows} training rows; {trials} with the engine {engine}",
            name=handle.name,
            admissible=len(spec.admissible(data.n_train, data.d)),
            cells=len(spec.space.cells),
            rows=data.n_train,
            trials=counted(_trials_planned(handle), "trial"),
            engine=spec.engine,
        )
        + _starts(spec)
    )
    if spec.constraints:
        demands = _joined(spec.constraints.sentences())
        yield say("demanded of the effects: {sentences}", sentences=demands)
    if words := spec.few_rows_words(data.n_train, data.d):
        yield words


@contextlib.contextmanager
def _quiet_supervisor() -> Iterator[None]:
    """Without the warnings of the thread that runs the study, where they are said here."""
    logger = logging.getLogger("kanlab.execution.supervisor")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def shown(studies: Sequence[Study], as_json: bool) -> str:
    """A study, or those of several targets; as text or by the JSON contract."""
    if as_json:
        from kanlab.targets import StudyGroup

        with use("en"):
            content = studies[0].to_dict() if len(studies) == 1 else StudyGroup([s.handle for s in studies]).to_dict()
        return json.dumps(content, indent=2, allow_nan=False)
    return "\n\n".join(map(_shown, studies))


def _shown(study: Study) -> str:
    """Its best trials, the other families, the recommendation and why."""
    from kanlab.selection.candidates import other_families
    from kanlab.selection.ranking import EFFECTIVE_COLUMNS, by_rank

    found, data, spec = study.recommendation, study.handle.data, study.spec
    table = by_rank(study.table.query("state == 'complete'")).head(10)
    spent = {say("effective K"): 1, say("its AICc"): 2} if "aicc_effective" in table and not spec.after_fit else {}
    shown = SCORES_OF.get(data.task, CLASS_SCORES)
    names = spec.space.parameters
    header = (say("trial"), *names, *spent, "K", "AICc", say("delta AICc"), *map(say, shown))

    def effective(r: dict[str, Any]) -> list[str]:
        return [f"{r[name]:.{digits}f}" for name, digits in zip(EFFECTIVE_COLUMNS, spent.values(), strict=False)]

    rows = [
        (r["number"], *(r[name] for name in names), *effective(r), f"{r['n_params']:.6g}", f"{r['aicc']:.2f}",
         f"{r['delta_aicc']:.2f}", *(short_number(r[name], digits) for name, digits in shown.values()))
        for r in table.to_dict("records")
    ]  # fmt: skip
    for model in other_families(study.handle, found.validation):
        scores, aicc = model.scores.to_dict(), "" if model.aicc is None else f"{model.aicc:.2f}"
        errors = (short_number(scores[name], digits) for name, digits in shown.values())
        rows.append((model.family, *[""] * len([*names, *spent]), short_number(model.n_params), aicc, "", *errors))
    lines = [
        say(
            "study {name}: {state}; K parameters, counted by the rule '{rule}'{starts}; the lower the AICc, the better",
            name=study.name,
            state=say(study.state.name),
            rule=spec.counted_by,
            starts=_starts(spec),
        )
    ]
    if spent:
        lines.append(say("networks are ranked among each other by the AICc of effective K, what each fit has spent"))
    if data.outputs > 1:
        lines.append(
            say(
                "{target}: probabilities of {classes} classes; AICc is computed from the deviance",
                target=data.target,
                classes=len(data.levels),
            )
        )
    elif data.levels:
        zero, one = data.levels
        lines.append(
            say(
                "{target}: probability of {one!r} rather than {zero!r}; AICc is computed from the deviance",
                target=data.target,
                one=one,
                zero=zero,
            )
        )
    elif data.task == "counts":
        lines.append(say("{target}: mean of a count; AICc is computed from the Poisson deviance", target=data.target))
    elif data.fitted_target != data.target:
        lines.append(
            say(
                "AICc and RSS are of {fitted_target}, RMSE is in units of {target}",
                fitted_target=data.fitted_target,
                target=data.target,
            )
        )
    summary = found.summary if found.choice is None else say("recommended: {model}", model=found.summary)
    lines += [columns([header, *rows]), summary]
    lines += [f"  {reason}" for reason in found.reasons]
    if found.average is not None:
        lines.append(say("to predict: {model}. {reason}", model=found.average.name, reason=found.average_reason))
    lines += [f"! {warning.sentence}" for warning in found.warnings]
    return "\n".join(lines)


def _starts(spec: StudySpec) -> str:
    return say("; {words}", words=spec.starts_words) if spec.starts_words else ""


def _joined(sentences: Sequence[str]) -> str:
    joined = sentences[0]
    for sentence in sentences[1:]:
        joined += say("; {words}", words=sentence)
    return joined


def short_number(value: float | None, digits: int = 4) -> str:
    """A number of so many digits; nothing for None."""
    return "" if value is None else f"{value:.{digits}g}"


def columns(rows: Sequence[Sequence[Any]]) -> str:
    """Rows of cells under one another, the first one the header."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(columns_of(row[i]) for row in texts) for i in range(len(texts[0]))]
    return "\n".join("  ".join(padded(c, w) for c, w in zip(row, widths, strict=True)).rstrip() for row in texts)
