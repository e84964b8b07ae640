"""A hint to let a node multiply, where two features interact strongly in a network of a study that had no such nodes.

The test of interactions (kanlab.explain.interactions) keeps its strongest pair with the study, so that the hint costs no fit
wherever it is shown. It comes where products pay, and sometimes where curves do as well: benchmarks/README.md says how often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kanlab.kan.bspline import SQUARE_K
from kanlab.kan.search_space import SearchSpace
from kanlab.language import say
from kanlab.selection.decision import SIGNIFICANCE
from kanlab.study.spec import StudySpec
from kanlab.text import short

INTERACTIONS, STRONGEST = "interactions", "strongest"  # the attribute of a study, and what is kept in it
STRONG = 0.1  # of the spread of the predictions, beyond the sum of both features


@dataclass(frozen=True)
class StrongestPair:
    """Two features, how strongly they interact as a share of the spread of the predictions, and the p-value of that."""

    first: str
    second: str
    share: float
    p: float

    @classmethod
    def kept(cls, attributes: Mapping[str, Any]) -> StrongestPair | None:
        """That of the last test of a study; None before there is one."""
        content = attributes.get(INTERACTIONS)
        found = content.get(STRONGEST) if isinstance(content, dict) and content.get("state") == "done" else None
        return cls(**found) if found else None

    def to_dict(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)


def with_products(spec: StudySpec) -> SearchSpace | None:
    """The search of a study with networks one of whose nodes multiplies; None where it had some, or cannot have any."""
    space = spec.space
    constrained = bool(replace(spec.constraints, no_effect=()))
    if spec.engine != "lm" or any(space.multiplication) or constrained or space.k[1] < SQUARE_K or space.depth[0] > 1:
        return None
    return replace(space, multiplication=(0, 1))


def product_hint(spec: StudySpec, pair: StrongestPair | None) -> tuple[str, SearchSpace] | None:
    """What to search next, in a sentence and as ranges; None where there is nothing to say."""
    if pair is None or pair.p > SIGNIFICANCE or pair.share < STRONG:
        return None
    space = with_products(spec)
    if space is None:
        return None
    sentence = say(
        "{first} and {second} interact strongly (beyond the sum of both {share:.0%} of the spread of the predictions, "
        "p = {p:.2g}), and no node of these networks could multiply; a search in which one may often predicts better then.",
        first=short(pair.first, 40),
        second=short(pair.second, 40),
        share=pair.share,
        p=pair.p,
    )
    return sentence, space
