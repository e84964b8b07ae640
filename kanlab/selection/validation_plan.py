"""The steps of a validation: which models are refitted, cross-validated, perturbed and compared, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kanlab.baselines.registry import chosen_families
from kanlab.execution import messages
from kanlab.execution.final_check import final_check_of, final_check_task
from kanlab.execution.worker_pool import Job
from kanlab.kan.search_space import Cell
from kanlab.selection.validation import Step
from kanlab.stats.criteria import akaike_weights
from kanlab.study.handle import StudyHandle
from kanlab.study.model_key import ModelKey
from kanlab.study.spec import StudySpec
from kanlab.study.trials import CompletedTrial, TrialRecord, ranked

FINALISTS, SEEDS = 5, 5
VERIFIED, FOLDS = 8, 5
PERMUTATIONS, NULL_CELLS, NULL_ROWS = 20, 6, 3
DOF_FINALISTS, DOF_PAIRS = 3, 8
CONFIDENCE = 0.95


def confidence_set(records: Sequence[TrialRecord], share: float = CONFIDENCE) -> list[tuple[CompletedTrial, float]]:
    """The fewest trials whose Akaike weights sum to `share`, by what they are ranked by; and these weights, renormalised."""
    listed = ranked(records)
    weights = akaike_weights([r.criterion for r in listed])
    count = int(np.searchsorted(np.cumsum(weights), share) + 1) if len(listed) else 0
    kept = weights[:count]
    return list(zip(listed[:count], (float(w) for w in kept / kept.sum()), strict=True)) if count else []


def null_cells(spec: StudySpec, n: int, d: int) -> list[Cell]:
    """A few cells from small to large, chosen without a look at the target, so that permuted targets are treated alike.

    Those with at least NULL_ROWS training rows a parameter, or the smallest where there are none. Where some have a node that
    multiplies, half of the cells are plain and half are such, or a target that is a product would be tested by sums.
    """
    admissible = spec.admissible(n, d)
    roomy = [c for c in admissible if n >= NULL_ROWS * spec.n_params(c, d)] or admissible[:NULL_CELLS]
    kinds = [kind for products in (0, 1) if (kind := [c for c in roomy if c.multiplication == products])]
    return [cell for kind in kinds for cell in _spread_by_size(spec, kind, d, NULL_CELLS // len(kinds))]


def _spread_by_size(spec: StudySpec, cells: Sequence[Cell], d: int, count: int) -> list[Cell]:
    """At most so many of some cells, from the smallest to the largest in even steps of the logarithm of K."""
    sizes = np.log([spec.n_params(c, d) for c in cells])
    steps = np.linspace(sizes[0], sizes[-1], count)
    return [cells[i] for i in sorted({int(np.argmin(np.abs(sizes - at))) for at in steps})]


def plan(handle: StudyHandle, families: Sequence[str] | None = None) -> list[Job]:
    """The tasks of a validation, those that say most first. families: as of `kanlab.baselines.registry.chosen_families`."""
    compared = chosen_families(families)
    spec, records = handle.spec, handle.records()
    finalists = ranked(records)
    fit: dict[str, Any] = {"engine": spec.engine, "options": spec.options}
    final_check, shape = final_check_task(handle, records), spec.options.shape
    jobs = [Job(final_check, Step("final check"))] if final_check else []

    for record in finalists[:FINALISTS]:
        for seed in range(spec.seed + 1, spec.seed + 1 + SEEDS):
            jobs.append(Job(messages.RefitTask(cell=record.cell, seed=seed, **fit), Step("refit", record.key, seed)))
    verified, known = list[CompletedTrial](finalists[:VERIFIED]), final_check_of(handle, records)
    if known:
        verified += known.pruned
    for record in verified:
        of: dict[str, Any] = {"cell": record.cell, "columns": record.key.columns, "gone": record.key.gone}
        for fold in range(FOLDS):
            task = messages.FoldTask(**of, fold=fold, folds=FOLDS, seed=spec.seed, **fit)
            jobs.append(Job(task, Step("fold", record.key, fold)))
    for name in dict.fromkeys([*(b.family for b in handle.baselines), *compared]):
        for fold in range(FOLDS):
            held_out = messages.FamilyFoldTask(family=name, fold=fold, folds=FOLDS, seed=spec.seed, shape=shape)
            jobs.append(Job(held_out, Step("fold", ModelKey(name), fold)))
    jobs += [
        Job(
            messages.FamilyTask(family=name, seed=spec.seed, count_sigma2=spec.count_sigma2, shape=shape),
            Step("family", ModelKey(name)),
        )
        for name in compared
        if name not in {b.family for b in handle.baselines}
    ]
    kept = confidence_set(records)[:20]
    if kept:
        total = sum(w for _, w in kept)
        weights, cells = tuple(w / total for _, w in kept), tuple(r.cell for r, _ in kept)
        jobs.append(Job(messages.AverageTask(cells=cells, weights=weights, seed=spec.seed, **fit), Step("average")))
    fit |= {"seed": spec.seed}
    cells = tuple(null_cells(spec, handle.data.n_train, handle.data.d))
    counting: dict[str, Any] = {
        "count": spec.rule,
        "count_sigma2": spec.count_sigma2,
        "values": spec.values,
        "after_fit": spec.after_fit,
    }
    for number in range(PERMUTATIONS + 1 if cells else 0):
        shuffle = None if number == 0 else spec.seed + number
        jobs.append(
            Job(
                messages.PermutationTask(cells=cells, shuffle=shuffle, **fit, **counting),
                Step("permutation", number=number),
            )
        )
    for record in finalists[:DOF_FINALISTS]:
        if spec.engine == "lm":
            jobs.append(Job(messages.EdfTask(cell=record.cell, **fit), Step("edf", record.key)))
        for pair in range(0 if handle.data.has_deviance else DOF_PAIRS):
            draw = messages.DofTask(cell=record.cell, pair=pair, rss_train=record.rss_train, **fit)
            jobs.append(Job(draw, Step("dof", record.key, pair)))
    return jobs
