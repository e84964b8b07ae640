"""All models of a study, trials and other families, with everything that is known of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.baselines.registry import Baseline, label
from kanlab.execution.final_check import AVERAGE, AveragedNetworks, ReducedTrial, final_check_of
from kanlab.kan.search_space import Cell
from kanlab.language import say
from kanlab.selection.validation import Validation
from kanlab.stats.metrics import HasFit, Scores
from kanlab.study.handle import StudyView, stored_baseline
from kanlab.study.model_key import NETWORK, ModelKey
from kanlab.study.trials import CompletedTrial, TrialRecord, charged, completed, criterion
from kanlab.text import counted, series


@dataclass(frozen=True)
class Candidate(HasFit):
    """A model on the list: a trial or a model of another family, with everything known of it."""

    label: str
    family: str
    trial: CompletedTrial | None
    scores: Scores
    wins: int | None = None  # seeds, of those refitted, in which it is the best of the finalists
    spread: float | None = None  # deviation of its AICc over the seeds
    cv_error: float | None = None  # cross-validated: RMSE, of classes log-loss, of counts mean deviance
    cv_se: float | None = None
    folds: tuple[
        float, ...
    ] = ()  # the held-out losses behind it: of each fold the mean squared error, log-loss or deviance
    dof: float | None = None  # generalised, by perturbation
    dof_se: float | None = None
    edf: float | None = None  # of the linearised smoother
    baseline: Baseline | None = None
    reduced: ReducedTrial | None = None
    average: AveragedNetworks | None = None
    apart: float | None = None  # of a network, how far its predictions are from the mean of those of lowest criterion
    wild: float | None = None  # of one not to be read: how far it departs between rows, in ranges of predictions

    @property
    def model(self) -> CompletedTrial | Baseline | AveragedNetworks | None:
        """What it stands for."""
        return self.trial or self.reduced or self.baseline or self.average

    @property
    def counted_later(self) -> bool:
        """Whether its n_params are what its fit has spent, because the rows carry no network by a count known before."""
        return self.n_params_effective is not None and self.n_params == self.n_params_effective

    @property
    def is_network(self) -> bool:
        return self.trial is not None or self.reduced is not None

    def to_dict(self) -> dict[str, Any]:
        """As the JSON contract has it, with its family."""
        return {"family": self.family} | (self.model.to_dict() if self.model else {})

    @property
    def key(self) -> ModelKey:
        network = self.trial or self.reduced
        return network.key if network else ModelKey(self.family)

    @property
    def name(self) -> str:
        """What pages, command line, reports and predictions call it."""
        if self.average is not None:
            return say("the {label}", label=self.label)
        return self.label if self.is_network else say("the {label} model", label=self.label)


def cell_words(cell: Cell) -> str:
    """A cell in words."""
    one = cell.neuron_num == 1
    if cell.depth > 1:
        layers = (
            say("{depth} layers of 1 neuron", depth=cell.depth)
            if one
            else say("{depth} layers of {neurons} neurons", depth=cell.depth, neurons=cell.neuron_num)
        )
    else:
        layers = say("1 hidden neuron") if one else say("{neurons} hidden neurons", neurons=cell.neuron_num)
    if cell.multiplication:
        layers = (
            say("1 hidden neuron, which multiplies")
            if one
            else say("{neurons} hidden neurons, one of which multiplies", neurons=cell.neuron_num)
        )
    return say("{layers}, grid {grid}, k {k}", layers=layers, grid=cell.grid, k=cell.k)


MOST_NAMES = 4


def names_words(names: Sequence[str]) -> str:
    """Some names in words, the rest of many counted."""
    if len(names) > MOST_NAMES:
        first = series(names[:MOST_NAMES])
        return say("{names} and {more} more", names=first, more=len(names) - MOST_NAMES)
    first = series(names[:-1])
    return say("{names} and {last}", names=first, last=names[-1]) if first else names[-1]


def trial_words(record: TrialRecord) -> str:
    """The network of a trial in words."""
    number, cell = record.number, cell_words(record.cell)
    if not isinstance(record, ReducedTrial):
        return say("trial {number}: {cell}", number=number, cell=cell)
    if record.of_edges is not None:
        left, count = record.of_edges
        return say(
            "trial {number} with {left} of {count} edges: {cell}", number=number, left=left, count=count, cell=cell
        )
    return say(
        "trial {number} without {features}: {cell}", number=number, features=names_words(record.without), cell=cell
    )


_LONG = 48  # characters of the name of a model that a table shows in full


def model_name(candidate: Candidate) -> str:
    """The name of a model, short enough for a column: many features that a network does without are counted."""
    reduced = candidate.reduced
    if reduced is None or reduced.of_edges is not None or len(trial_words(reduced)) <= _LONG:
        return candidate.label
    return say(
        "trial {number} without {features}: {cell}",
        number=reduced.number,
        features=counted(len(reduced.without), "feature"),
        cell=cell_words(reduced.cell),
    )


def seed_scores(handle: StudyView, validation: Validation) -> dict[ModelKey, dict[int, float]]:
    """What every finalist is ranked by, by seed."""
    scores: dict[ModelKey, dict[int, float]] = {}
    for key, entries in validation.refits.items():
        assert key.cell is not None  # finalists are networks
        spec, data = handle.spec, handle.data
        scores[key] = {
            e["seed"]: criterion(spec, data, key.cell, e.get("deviance_train", e["rss_train"]), e.get("edf"))
            + spec.screening_charge(data.d)
            for e in entries
        }
    return scores


def winners(scores: dict[ModelKey, dict[int, float]]) -> Counter[ModelKey]:
    """In how many seeds each finalist is the best of them."""
    seeds = set().union(*scores.values()) if scores else set()
    complete = [s for s in seeds if all(s in by_seed for by_seed in scores.values())]
    return Counter(min(scores, key=lambda key: scores[key][seed]) for seed in complete)


def candidates(handle: StudyView, records: Sequence[TrialRecord], validation: Validation | None) -> list[Candidate]:
    """Every complete trial and every model of another family, by what networks are ranked by, AICc of other families; those
    without AICc last.
    """
    others = other_families(handle, validation)
    validation, final_check = validation or Validation(), final_check_of(handle, records)
    scores = seed_scores(handle, validation)
    won = winners(scores)

    def known(key: ModelKey) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if key in scores:
            finite = [s for s in scores[key].values() if np.isfinite(s)]
            out |= {"wins": won[key], "spread": float(np.std(finite)) if len(finite) > 1 else None}
        if len(validation.folds.get(key, [])) > 1:  # one fold alone has no standard error
            losses, back = np.array(validation.folds[key]), (lambda x: x) if handle.data.has_deviance else np.sqrt
            out |= {
                "cv_error": float(back(losses.mean())),
                "cv_se": float(back(losses).std(ddof=1) / np.sqrt(len(losses))),
                "folds": tuple(validation.folds[key]),
            }
        if len(validation.dof.get(key, [])) > 1:
            draws = np.array(validation.dof[key])
            out |= {"dof": float(draws.mean()), "dof_se": float(draws.std(ddof=1) / np.sqrt(len(draws)))}
        if key in validation.edf:
            out["edf"] = validation.edf[key]
        return out

    def scores_of(r: CompletedTrial) -> Scores:
        left_out = final_check.errors_of(r.cell) if final_check else None
        scores = r.scores if left_out is None else r.scores.with_left_out(left_out)
        charge = handle.spec.screening_charge(handle.data.d)  # all networks pay it, so only the other families can tell
        return charged(scores, charge)

    out = [
        Candidate(
            trial_words(r),
            NETWORK,
            r,
            scores_of(r),
            apart=final_check.apart.get(r.cell) if final_check else None,
            wild=final_check.wild.get(r.cell) if final_check else None,
            **{"edf": r.edf} | known(r.key),
        )
        for r in completed(records)
    ]
    for r in final_check.pruned if final_check else ():
        of_it = {"edf": r.edf, "wild": r.wild} | known(r.key)
        out.append(Candidate(trial_words(r), NETWORK, None, r.scores, reduced=r, **of_it))
    if final_check and (a := final_check.average):
        out.append(Candidate(a.label, AVERAGE, None, a.scores, average=a, **known(ModelKey(AVERAGE))))
    out += [
        Candidate(label(b.family, handle.data.task), b.family, None, b.scores, baseline=b, **known(ModelKey(b.family)))
        for b in others
    ]
    return sorted(out, key=lambda c: (np.inf if c.criterion is None else c.criterion, c.n_params or 0))


def other_families(handle: StudyView, validation: Validation | None) -> list[Baseline]:
    """The models of other families: those fitted with the study, then those of the validation."""
    known = {b.family for b in handle.baselines}
    later = [stored_baseline(f, handle.data) for f in (validation.families if validation else ())]
    return [*handle.baselines, *(b for b in later if b.family not in known)]


def seeds_compared(listed: Sequence[Candidate]) -> int:
    """How many seeds the finalists were refitted from."""
    return sum(c.wins or 0 for c in listed)
