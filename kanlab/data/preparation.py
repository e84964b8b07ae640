"""What is asked for when a table is made ready: gaps, categories, dates, scales, selection and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from kanlab.data.splits import SPLITS, Split
from kanlab.data.transforms import SCALES
from kanlab.errors import DatasetError
from kanlab.language import marked, say
from kanlab.text import quoted

Gaps = Literal["drop", "fill"]
Copies = Literal["keep", "drop"]
WeightsAre = Literal["frequency", "precision"]
WEIGHTS_ARE: tuple[WeightsAre, ...] = ("frequency", "precision")
DATE_PARTS = (marked("year"), marked("month"), marked("weekday"), marked("hour"))
MAX_LEVELS = 12
AUTO = "auto"  # the scale of a target that is for its training rows to decide


@dataclass(frozen=True)
class Preparation:
    """How columns become numbers and rows become training and test rows. The default leaves a clean table as it is.

    Parameters
    ----------
    gaps : {"drop", "fill"}
        Rows with a missing feature are dropped, or filled with the median or the most frequent level of the training rows
        beside a column that says where.
    gaps_of : mapping of str to {"drop", "fill"}
        The same for single columns.
    max_levels : int
        Of a category, one column each but for the first.
    pool : bool
        Whether the levels beyond, the rarest ones, become one column; otherwise such a category is left out. One whose levels
        are nearly all of a single row, as names and numbers of things are, is left out in any case.
    ordered : mapping of str to tuple of str
        Categories and their levels from low to high, each one column of 0, 1, 2, ...
    date_parts : tuple of {"year", "month", "weekday", "hour"}
        What is used of every date.
    scales : mapping of str to {"none", "log", "rank"}
        Of single features.
    target_scale : {"auto", "none", "log", "rank"}
        Of the target; predictions come back in units of the data. auto is the logarithm where that fits far better, of
        features too (kanlab.data.scale_choice), and none elsewhere.
    screen : int, optional
        Keep this many features, those with the highest mutual information with the target in the training rows.
    split : {"random", "stratified", "time", "group"}
        Which rows are held out: any, from each stretch of the target's order alike, the last ones in the order of split_by,
        or whole groups of equal split_by.
    split_by : str, optional
        The column a split by time or group goes by.
    copies : {"keep", "drop"}
        What is done with rows that repeat others in every column of the table.
    weights : str
        A column of weights of the rows (kanlab.data.row_weights). "" for none.
    weights_are : {"frequency", "precision"}
        What it says: how often a row was seen, a whole number, so that a row of weight 3 counts as three rows in everything;
        or how precise its target is, in inverse proportion to the variance of its error.

    Raises
    ------
    DatasetError
        Where a choice does not exist.

    Examples
    --------
    >>> Preparation(gaps="fill", gaps_of={"age": "drop"}).gaps_in("age")
    'drop'
    """

    gaps: Gaps = "drop"
    gaps_of: Mapping[str, Gaps] = field(default_factory=dict)
    max_levels: int = MAX_LEVELS
    pool: bool = True
    ordered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    date_parts: tuple[str, ...] = ("year",)
    scales: Mapping[str, str] = field(default_factory=dict)
    target_scale: str = AUTO
    screen: int | None = None
    split: Split = "random"
    split_by: str | None = None
    copies: Copies = "keep"
    weights: str = ""
    weights_are: WeightsAre = "frequency"

    def __post_init__(self) -> None:
        def require(ok: bool, sentence: str) -> None:
            if not ok:
                raise DatasetError(sentence)

        for gaps in (self.gaps, *self.gaps_of.values()):
            require(
                gaps in ("drop", "fill"),
                say("Rows with missing values can be dropped or filled (drop, fill), not '{gaps}'.", gaps=gaps),
            )
        require(
            self.weights_are in WEIGHTS_ARE,
            say(
                "Weights say how often a row was seen or how precise its target is (frequency, "
                "precision), not '{weights_are}'.",
                weights_are=self.weights_are,
            ),
        )
        require(
            not self.weights or self.is_weighed or self.copies == "keep",
            say("Repeated rows cannot be left out where weights repeat rows; choose one of the two."),
        )
        kept = self.copies in ("keep", "drop")
        require(kept, say("Repeated rows can be kept or dropped (keep, drop), not '{copies}'.", copies=self.copies))
        for known, scales in ((SCALES, self.scales.values()), ((AUTO, *SCALES), [self.target_scale])):
            for scale in scales:
                require(
                    scale in known,
                    say("There is no scale '{scale}'; choose one of {known}.", scale=scale, known=", ".join(known)),
                )
        for part in self.date_parts:
            require(
                part in DATE_PARTS,
                say(
                    "A date has no part '{part}'; choose among {date_parts}.",
                    part=part,
                    date_parts=", ".join(DATE_PARTS),
                ),
            )
        for column, levels in self.ordered.items():
            distinct = len(set(levels)) == len(levels) > 1
            require(
                distinct,
                say("The order of {column} needs two or more unique levels, from low to high.", column=quoted(column)),
            )
        require(
            2 <= self.max_levels <= 50,
            say("A category can have 2 to 50 columns, not {max_levels}.", max_levels=self.max_levels),
        )
        require(self.screen is None or self.screen >= 1, say("The screen must keep at least one feature."))
        require(
            self.split in SPLITS,
            say("There is no split '{split}'; choose one of {splits}.", split=self.split, splits=", ".join(SPLITS)),
        )
        if self.split in ("time", "group"):
            require(
                bool(self.split_by),
                say("A split by {split} needs a column to split by; name it as split_by.", split=self.split),
            )

    @property
    def is_weighed(self) -> bool:
        """Whether rows have weights that say how precise their targets are."""
        return bool(self.weights) and self.weights_are == "precision"

    @property
    def asks_for_a_scale(self) -> bool:
        """Whether the target is to be fitted on another scale than its own."""
        return self.target_scale not in (AUTO, "none")

    def gaps_in(self, column: str) -> Gaps:
        """What is done about the gaps of a column."""
        return self.gaps_of.get(column, self.gaps)

    def to_dict(self) -> dict[str, Any]:
        content = asdict(self)
        if not self.weights:  # recipes without stay as those of earlier versions
            del content["weights"]
        if not self.is_weighed:
            del content["weights_are"]
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Preparation:
        ordered = {column: tuple(levels) for column, levels in content["ordered"].items()}
        return cls(**dict(content) | {"ordered": ordered, "date_parts": tuple(content["date_parts"])})
