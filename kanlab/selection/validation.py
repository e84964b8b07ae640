"""What a validation of the finalists says: refits from other seeds, cross-validation, other families, a permutation test.

It is kept beside the study, as a user attribute, and written as it grows, so that any page or process can show it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

from kanlab.execution.worker_pool import Failure
from kanlab.language import say
from kanlab.study.model_key import ModelKey

VALIDATION = "validation"
_EARLIER = "judgement"  # the attribute of versions before
_KEYED = ("refits", "folds", "dof", "edf")
STALE_SECONDS = 120.0


class Step(NamedTuple):
    """One step of a validation. model: None where it is of the study as a whole.  number: seed, fold, draw or permutation."""

    kind: Literal["final check", "refit", "fold", "family", "average", "permutation", "dof", "edf"]
    model: ModelKey | None = None
    number: int = 0

    @property
    def order(self) -> tuple[str, str, int]:
        """Answers arrive in any order and are collected in this one."""
        return self.kind, str(self.model or ""), self.number


@dataclass(frozen=True)
class Validation:
    """What is known so far.

    written: when this was written, seconds since 1970.
    refits: of each finalist one entry a seed {seed, rss_train, rss_test, extrapolates}, of classes with deviance_train.
    folds: of each verified candidate the held-out mean squared error of every fold, in units of the data; of classes the
    log-loss.
    families: baselines of other families.  dof: of each finalist the draws of its generalised degrees of freedom (not of
    classes, which cannot be perturbed by a little).
    edf: of each finalist its effective degrees of freedom, where the engine is lm.
    null: AICc gain over the mean, of the study's own target and of permuted ones, on the same cells.
    average: errors of the averaged prediction of the confidence set.
    """

    state: str = "running"
    written: float = 0.0
    done: int = 0
    total: int = 0
    detail: str = ""
    refits: dict[ModelKey, list[dict[str, Any]]] = field(default_factory=dict)
    folds: dict[ModelKey, list[float]] = field(default_factory=dict)
    families: list[dict[str, Any]] = field(default_factory=list)
    dof: dict[ModelKey, list[float]] = field(default_factory=dict)
    edf: dict[ModelKey, float] = field(default_factory=dict)
    null: dict[str, Any] = field(default_factory=dict)
    average: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, the models by their keys as text."""
        return vars(self) | {name: {str(k): v for k, v in getattr(self, name).items()} for name in _KEYED}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        keyed = {name: {ModelKey.parse(k): v for k, v in content.get(name, {}).items()} for name in _KEYED}
        return cls(**dict(content) | keyed)

    @property
    def is_live(self) -> bool:
        """Whether it is being made; one that has not been written for long was left by a process that is gone."""
        return self.state == "running" and time.time() - self.written < STALE_SECONDS


def read_validation(attributes: Mapping[str, Any]) -> Validation | None:
    """The validation among a study's user attributes."""
    content = attributes.get(VALIDATION, attributes.get(_EARLIER))
    return Validation.from_dict(content) if content is not None else None


def collect(answers: Mapping[Step, Any], total: int, state: str, detail: str = "") -> Validation:
    """What the answers so far come to. Failures count as done and leave a gap."""
    validation = Validation(state=state, written=time.time(), done=len(answers), total=total, detail=detail)
    gains: dict[int, float] = {}
    for (kind, key, number), answer in sorted(answers.items(), key=lambda item: item[0].order):
        if isinstance(answer, Failure):
            continue
        if key is None:
            if kind == "permutation":
                gains[number] = answer["gain"]
            elif kind == "average":
                validation.average.update(answer)
        elif kind == "refit":
            validation.refits.setdefault(key, []).append({"seed": number} | answer)
        elif kind == "fold":
            validation.folds.setdefault(key, []).append(answer["loss"] / answer.get("weight", answer["rows"]))
        elif kind == "family":
            validation.families.append({k: v for k, v in answer.items() if k != "seconds"})
        elif kind == "dof":
            validation.dof.setdefault(key, []).append(answer["dof"])
        elif kind == "edf":
            validation.edf[key] = answer["edf"]
    if 0 in gains:
        validation.null.update({"gain": gains.pop(0), "permuted": sorted(gains.values())})
    return validation


def p_value(validation: Validation) -> float:
    """Of the permutation test: the share of the draws, its own target included, that gain at least as much AICc.

    Raises KeyError before any permuted target is fitted.
    """
    permuted = validation.null["permuted"]
    return (1 + sum(g >= validation.null["gain"] for g in permuted)) / (1 + len(permuted))


def p_words(validation: Validation) -> str:
    """The permutation test in words. With none of m permuted targets as good, p is at most 1 / (m + 1), rounded up here.

    >>> p_words(Validation(null={"gain": 5.0, "permuted": [0.0] * 20}))
    'none of 20 shuffled targets gains as much AICc over the mean as this one, so p ≤ 0.05'
    """
    permuted = validation.null["permuted"]
    as_good, p = sum(g >= validation.null["gain"] for g in permuted), p_value(validation)
    if not as_good:
        return say(
            "none of {permuted} shuffled targets gains as much AICc over the mean as this one, so p ≤ {p:.2f}",
            permuted=len(permuted),
            p=math.ceil(100 * p) / 100,
        )
    if as_good == 1:
        return say(
            "1 of {permuted} shuffled targets gains as much AICc over the mean as this one, so p = {p:.2f}",
            permuted=len(permuted),
            p=p,
        )
    return say(
        "{as_good} of {permuted} shuffled targets gain as much AICc over the mean as this one, so p = {p:.2f}",
        as_good=as_good,
        permuted=len(permuted),
        p=p,
    )
