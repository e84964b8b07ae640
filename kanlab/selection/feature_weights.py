"""How much of the evidence uses each feature: summed Akaike weights (Burnham & Anderson 2002, sections 4.2.2 and 6.9.1).

The models of a study differ in the features they use: networks have all, the one of the final check does without those that do
nothing, the stepwise linear model has those it chose, the mean has none. Of every set of features the model of lowest AICc
stands for it, as hundreds of configurations of one set would outvote the others; their Akaike weights are summed over the sets
that hold a feature. AICc is by the count that is known before a fit, for only by that one are networks and other families
compared; a reduced network and a stepwise model pay for their search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from kanlab.baselines.linear import forward
from kanlab.baselines.protocol import Affine
from kanlab.data.dataset import Dataset
from kanlab.language import say
from kanlab.selection.candidates import Candidate, names_words
from kanlab.stats.criteria import akaike_weights

_OF_NONE, _CHOOSES = "constant", "stepwise"
CLEAR, NO_SUPPORT = 0.9, 0.5


@dataclass(frozen=True)
class FeatureWeights:
    """Features and their summed weights, highest first, and how many sets of features were compared.

    >>> FeatureWeights(("a", "b"), (1.0, 0.2), 3).sentence
    'The evidence needs a (summed Akaike weight 0.9 and more); it does without b (below 0.5).'
    """

    features: tuple[str, ...]
    weights: tuple[float, ...]
    sets: int

    @property
    def table(self) -> pd.DataFrame:
        """Columns feature, weight."""
        return pd.DataFrame({"feature": self.features, "weight": self.weights})

    @property
    def sentence(self) -> str:
        """What they say, in one sentence."""
        if self.sets < 2:
            return say("All models of this study use the same features, so the evidence cannot tell these apart.")
        needed, rest = self._above(CLEAR), [f for f, w in self._pairs if w < NO_SUPPORT]
        if not needed and not rest:
            return say("The evidence is divided: models with and without each feature have support.")
        if not needed:
            return say("It does without {rest} (below {low}).", rest=names_words(rest), low=NO_SUPPORT)
        if not rest:
            return say(
                "The evidence needs {needed} (summed Akaike weight {high} and more).",
                needed=names_words(needed),
                high=CLEAR,
            )
        return say(
            "The evidence needs {needed} (summed Akaike weight {high} and more); it does without {rest} (below {low}).",
            needed=names_words(needed),
            high=CLEAR,
            rest=names_words(rest),
            low=NO_SUPPORT,
        )

    @property
    def _pairs(self) -> list[tuple[str, float]]:
        return list(zip(self.features, self.weights, strict=True))

    def _above(self, least: float) -> list[str]:
        return [f for f, w in self._pairs if w >= least]

    def to_list(self) -> list[dict[str, object]]:
        """As the JSON of a study has it."""
        return [{"feature": f, "weight": w} for f, w in self._pairs]


def feature_weights(listed: Sequence[Candidate], data: Dataset) -> FeatureWeights | None:
    """Those of the models of a study; None before any has an AICc. data: of the study."""
    lowest: dict[frozenset[str], float] = {}
    for candidate in listed:
        if candidate.aicc is not None and candidate.average is None:
            used = _used(candidate, data)
            lowest[used] = min(candidate.aicc, lowest.get(used, candidate.aicc))
    if not lowest:
        return None
    shares = akaike_weights(list(lowest.values()))
    sources = list(dict.fromkeys(column.source for column in data.columns))
    summed = {s: float(sum(w for w, used in zip(shares, lowest, strict=True) if s in used)) for s in sources}
    ordered = sorted(sources, key=lambda s: -summed[s])
    return FeatureWeights(tuple(ordered), tuple(min(1.0, summed[s]) for s in ordered), len(lowest))


def _used(candidate: Candidate, data: Dataset) -> frozenset[str]:
    """The features, columns of the table, that a model uses."""
    columns: Sequence[int] = range(data.d)
    if candidate.reduced is not None:
        columns = candidate.reduced.columns
    elif candidate.family == _OF_NONE:
        columns = ()
    elif candidate.family == _CHOOSES:
        found = forward(data.X_train, data.y_train).predict
        assert isinstance(found, Affine)
        columns = [i for i, weight in enumerate(found.weights) if weight != 0.0]
    return frozenset(data.columns[i].source for i in columns)
