"""What decides the numbers of a study, given its data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import takewhile
from typing import Any, Literal, get_args

import msgspec

from kanlab.data.dataset import Dataset
from kanlab.engines.catalogue import ENGINES, NO_MULTIPLICATION
from kanlab.engines.registry import FitOptions
from kanlab.errors import KanlabError, StudyError
from kanlab.kan.constraints import Constraints
from kanlab.kan.parameter_count import CountingRule
from kanlab.kan.search_space import Cell, SearchSpace, cell_n_params, few_values, values_of
from kanlab.kan.shapes import Shape
from kanlab.language import say
from kanlab.stats.criteria import subset_charge
from kanlab.study.sampler import SAMPLERS
from kanlab.text import counted

Count = Literal["effective", "identifiable", "trainable", "coefficients", "article"]
COUNTS: tuple[Count, ...] = get_args(Count)
MAX_SEED = 2**31 - 1
FEW_ROWS_SMOOTHING = 10_000.0  # in the place of the default, where configurations are admissible after the fit
MOST_PARAMETERS_A_ROW = 4.0  # of a configuration that may be: beyond that no penalty leaves enough rows
ROWS_PER_PARAMETER = 2.0  # of the smallest network, where features are screened so that there can be one


@lru_cache(maxsize=32)
def _smallest(spec: StudySpec, features: int) -> int:
    return min(spec._count(c, features) for c in spec.space.cells)


@lru_cache(maxsize=32)
def _for_few_rows(spec: StudySpec, n: int, d: int) -> StudySpec:
    return spec._carried(n, d)


@lru_cache(maxsize=32)
def _admissible(
    space: SearchSpace,
    n: int,
    d: int,
    outputs: int,
    rule: CountingRule,
    count_sigma2: bool,
    values: tuple[int, ...],
    shape: Shape,
) -> tuple[Cell, ...]:
    """A page asks every second."""
    return tuple(space.admissible(n, d, m=outputs, rule=rule, count_sigma2=count_sigma2, values=values, shape=shape))


@dataclass(frozen=True)
class StudySpec:
    """Everything that decides the numbers of a study, given its data.

    Parameters
    ----------
    space : SearchSpace
        The configurations to compare.
    engine : str
        "lm", "pykan-lbfgs" or "pykan-adam".
    sampler : str
        "auto", "exhaustive", "gp", "tpe", "random" or "nsga2"; auto is exhaustive where `trials` covers every admissible
        cell, else gp, a Gaussian process.
    count : str
        Counting rule of the parameters: see `kanlab.n_params`. "effective" ranks networks among each other by what each fit
        has spent (`kanlab.kan.parameter_count.effective_count`), where its engine knows that; all else, the front and every
        comparison with other families, goes by "identifiable".
    count_sigma2 : bool
        Whether the noise variance counts as a parameter.
    trials : int, optional
        Cells to fit at most; by default all admissible ones.
    minutes : float, optional
        Wall time to spend at most.
    patience : int, optional
        The study ends when the lowest AICc has not fallen for so many trials.
    seed : int
    test_fraction : float
        Share of the rows held out, as the data were split.
    workers : int, optional
        Processes; by default one a core.
    options : FitOptions
        Settings of each fit: starts, time_limit, early_stopping, smoothing.
    starts_fill : bool
        Whether options.starts is as many as the minutes allow (kanlab.execution.starts_budget), found once, before the study
        was made.
    outputs : int
        Of every network: one less than there are classes, else 1. It follows from the data, and a study takes it from them.
    values : tuple of int
        Distinct values of each feature in the training rows, where one has so few that they bound what is counted; else ().
        It follows from the data as well.
    after_fit : bool
        Whether configurations are admissible by what their fits have spent, which is known after the fit, because the rows
        carry no network of all features by the count known before. n_params and AICc are then by that. It follows from the
        data as well.
    constraints : Constraints
        What is known of the effects of the features; a mapping with the keywords of `Constraints.of` will do.

    Raises
    ------
    StudyError
        Where a setting is impossible.

    Examples
    --------
    >>> spec = StudySpec(space=SearchSpace((1, 3), (2, 4), (3, 3)), trials=5)
    >>> len(spec.admissible(n=40, d=1)), spec.resolved_sampler(7)
    (7, 'gp')
    >>> StudySpec(seed=-1)
    Traceback (most recent call last):
        ...
    kanlab.errors.StudyError: The seed must lie within 0 to 2,147,483,647, not -1.
    """

    space: SearchSpace = SearchSpace()
    engine: str = "lm"
    sampler: str = "auto"
    count: Count = "effective"
    count_sigma2: bool = True
    trials: int | None = None
    minutes: float | None = None
    patience: int | None = None
    seed: int = 0
    test_fraction: float = 0.2
    workers: int | None = None
    options: FitOptions = FitOptions()
    starts_fill: bool = False
    outputs: int = 1
    values: tuple[int, ...] = ()
    after_fit: bool = False
    constraints: Constraints = Constraints()

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", Constraints.read(self.constraints))

        def require(ok: bool, sentence: str) -> None:
            if not ok:
                raise StudyError(sentence)

        require(
            self.engine in ENGINES,
            say(
                "There is no engine '{engine}'; choose one of {engines}.",
                engine=self.engine,
                engines=", ".join(ENGINES),
            ),
        )
        require(self.engine == "lm" or self.space.multiplication == (0, 0), say(NO_MULTIPLICATION))
        require(
            self.space.multiplication == (0, 0) or not replace(self.constraints, no_effect=()),
            say(
                "Networks with multiplication nodes keep no constraints; take multiplication back to 0, "
                "or the constraints away."
            ),
        )
        require(
            self.sampler in SAMPLERS,
            say(
                "There is no sampler '{sampler}'; choose one of {samplers}.",
                sampler=self.sampler,
                samplers=", ".join(SAMPLERS),
            ),
        )
        require(
            self.count in COUNTS,
            say(
                "There is no counting rule '{count}'; choose one of {counts}.",
                count=self.count,
                counts=", ".join(COUNTS),
            ),
        )
        for name in ("trials", "minutes", "patience", "workers"):
            value = getattr(self, name)
            require(
                value is None or value > 0,
                say("The number of {name} must be above 0, not {value}.", name=name, value=value),
            )
        for name in ("starts", "time_limit", "features"):
            value = getattr(self.options, name)
            require(
                value is None or value > 0,
                say("The option {name} must be above 0, not {value}.", name=name, value=value),
            )
        require(
            not self.starts_fill or self.minutes is not None,
            say("More starts need a time to fill; say how many minutes the study may take."),
        )
        require(
            0 <= self.seed <= MAX_SEED,
            say("The seed must lie within 0 to {max_seed:,}, not {seed}.", max_seed=MAX_SEED, seed=self.seed),
        )
        require(
            self.options.smoothing >= 0,
            say("The smoothing must be at least 0, not {smoothing}.", smoothing=self.options.smoothing),
        )

    def of(self, data: Dataset) -> StudySpec:
        """The specification with what follows from the data: outputs, values, and no noise variance where there is none."""
        sigma2 = self.count_sigma2 and data.likelihood.counts_variance
        values = few_values(data.X_train, self.space.most_values)
        shape = self.constraints.shape(data, self.engine)
        if (groups := len(shape.groups(data.d)) if shape else 0) > self.space.neuron_num[1]:
            raise StudyError(
                say(
                    "The features that may not interact need {groups} hidden neurons, one for each group "
                    "of those that may, and the search goes up to {neuron_num}; raise neuron_num, or let "
                    "more of them interact.",
                    groups=groups,
                    neuron_num=self.space.neuron_num[1],
                )
            )
        options = replace(self.options, shape=shape)
        return replace(self, outputs=data.outputs, count_sigma2=sigma2, values=values, after_fit=False, options=options)

    @property
    def rule(self) -> CountingRule:
        """The rule by which n_params are counted, before any fit."""
        return "identifiable" if self.count == "effective" else self.count

    @property
    def counted_by(self) -> str:
        """The name of the rule that `n_params` of its trials go by."""
        return "effective" if self.after_fit else self.rule

    @property
    def ranks_by_spent(self) -> bool:
        """Whether networks are ranked among each other by what each fit has spent."""
        return self.count == "effective"

    def admissible(self, n: int, d: int) -> list[Cell]:
        """Cells for which AICc is defined on n training rows and d features, fewest parameters first; or, where that is known
        after the fit, may be.
        """
        if self.after_fit:
            groups = len(self._shape(d).groups(d)) if self._shape(d) else 0
            may = [
                c
                for c in self.space.cells
                if self.n_params(c, d) <= MOST_PARAMETERS_A_ROW * n and c.neuron_num >= groups
            ]
            return sorted(may, key=lambda c: (self.n_params(c, d), c))
        of_data = self.outputs, self.rule, self.count_sigma2, values_of(self.values, self.inputs(d))
        return list(_admissible(self.space, n, self.inputs(d), *of_data, self._shape(self.inputs(d))))

    def _shape(self, features: int) -> Shape:
        """What is demanded of networks of so many features, where it is known which these are: all of them."""
        shape = self.options.shape
        return shape if self.options.features is None and shape.columns < features + 1 else Shape()

    def inputs(self, d: int) -> int:
        """How many of d features a network is fitted to."""
        return self.options.inputs(d)

    def screening_charge(self, d: int) -> float:
        """What AICc pays for the choice of features, beside models that take all d of them; 0 where networks do."""
        return subset_charge(d, self.inputs(d))

    def for_few_rows(self, n: int, d: int) -> StudySpec:
        """The specification for n training rows, where those carry no configuration of all d features.

        It is this one where they carry one, where the number of features is given, and where nothing would do. Else, if they
        carry one of one feature, configurations of all features are admissible after the fit, smoothed more than by default.
        Where even the smallest has too many parameters for that, or a fit does not tell what it has spent, networks are fitted
        to so few features that the rows carry one: as many as leave ROWS_PER_PARAMETER training rows for each parameter of the
        smallest, or the most there may be.

        >>> mtcars = StudySpec().for_few_rows(n=26, d=10)
        >>> mtcars.after_fit, mtcars.options.smoothing, len(mtcars.admissible(26, 10)) > 0
        (True, 10000.0, True)
        >>> StudySpec(count="identifiable").for_few_rows(n=26, d=10).options.features
        2
        """
        if self.options.features is not None or self.admissible(n, d):
            return self
        return _for_few_rows(self, n, d)

    def _carried(self, n: int, d: int) -> StudySpec:
        """`for_few_rows`, where the rows carry no configuration of all features."""
        later = replace(self, after_fit=True)
        knows = self.ranks_by_spent and self.engine == "lm" and self.options.smoothing > 0.0
        if knows and self._smallest(1) < n - 1 and later.admissible(n, d):
            given = self.options.smoothing
            smoothing = FEW_ROWS_SMOOTHING if given == FitOptions().smoothing else given
            return replace(later, options=replace(self.options, smoothing=smoothing))

        def of(features: int) -> StudySpec:
            return replace(self, options=replace(self.options, features=features))

        def carried(rows_per_parameter: float) -> int:
            fits = takewhile(
                lambda f: self._smallest(f) * rows_per_parameter <= n and of(f).admissible(n, d), range(1, d)
            )
            return max(fits, default=0)

        features = carried(ROWS_PER_PARAMETER) or carried(0.0)
        return of(features) if features else self

    def few_rows_words(self, n: int, d: int) -> str:
        """What so few training rows mean for networks of d features, in a sentence; "" where they take all of them."""
        smallest = self._smallest(d)
        need = say(
            "with all {d:,} features the smallest has {smallest:,} parameters, and AICc needs more "
            "than {least:,} training rows",
            d=d,
            smallest=smallest,
            least=smallest + 1,
        )
        if self.after_fit:
            return say(
                "There are {n} training rows; {need}. So {admissible} configurations, which may be "
                "admissible, are fitted with a roughness penalty of {smoothing:,g} and counted by "
                "what their fits have spent; those that follow their rows are inadmissible after the "
                "fit.",
                n=n,
                need=need,
                admissible=len(self.admissible(n, d)),
                smoothing=self.options.smoothing,
            )
        if self.inputs(d) < d:
            return say(
                "Networks take {inputs} of the {d:,} features, chosen by forward selection in the rows "
                "of each fit; {need}. Beside the other families their AICc is charged "
                "{screening_charge:.1f} for the choice.",
                inputs=self.inputs(d),
                d=d,
                need=need,
                screening_charge=self.screening_charge(d),
            )
        if self.admissible(n, d):
            return ""
        one = self._smallest(1)
        if smallest != one:
            return say(
                "There are {n} training rows, too few for a network: {need}, and even of one feature it has {one}. Bring "
                "more rows or lower the ranges. The other families are compared.",
                n=n,
                need=need,
                one=one,
            )
        return say(
            "There are {n} training rows, too few for a network: {need}. Bring more rows "
            "or lower the ranges. The other families are compared.",
            n=n,
            need=need,
        )

    def n_params(self, cell: Cell, d: int) -> int:
        """The K that enters AICc."""
        return self._count(cell, self.inputs(d))

    def _count(self, cell: Cell, features: int) -> int:
        of_data: dict[str, Any] = {"m": self.outputs, "values": values_of(self.values, features)}
        of_data["shape"] = self._shape(features)
        return cell_n_params(cell, features, rule=self.rule, count_sigma2=self.count_sigma2, **of_data)

    def _smallest(self, features: int) -> int:
        """Parameters of the smallest network of so many features."""
        return _smallest(self, features)

    def resolved_sampler(self, admissible: int) -> str:
        """The sampler "auto" stands for: exhaustive where the budget covers every admissible cell, else gp."""
        if self.sampler != "auto":
            return self.sampler
        return "exhaustive" if self.trials is None or self.trials >= admissible else "gp"

    @property
    def starts_words(self) -> str:
        """The starts per configuration and where their number is from; "" for the engine's own number."""
        starts = self.options.starts
        shown = "" if starts is None else counted(starts, "start")
        if not self.starts_fill:
            return say("{starts} per configuration", starts=shown) if shown else ""
        minutes = self.minutes
        if minutes == 1:
            if shown:
                return say("{starts} per configuration, as many as 1 minute allows", starts=shown)
            return say("the engine's own number of starts, since 1 minute allows no more")
        if shown:
            return say(
                "{starts} per configuration, as many as {minutes:g} minutes allow", starts=shown, minutes=minutes
            )
        return say("the engine's own number of starts, since {minutes:g} minutes allow no more", minutes=minutes)

    def to_dict(self) -> dict[str, Any]:
        content = asdict(self) | {"space": self.space.ranges()}
        if not self.constraints:  # which the specifications of earlier versions have not
            del content["constraints"], content["options"]["shape"]
        return content

    @classmethod
    def from_dict(cls, content: Any) -> StudySpec:
        """The inverse of `to_dict`. Raises StudyError where the content is damaged, or of a version that knows more."""
        try:
            _check_names(content, cls, "", optional=("starts_fill", "outputs", "values", "after_fit", "constraints"))
            _check_names(content["space"], SearchSpace, "space.", optional=("depth", "multiplication"))
            _check_names(content["options"], FitOptions, "options.", optional=[f.name for f in fields(FitOptions)])
            return msgspec.convert(content, cls)
        except (ValueError, KanlabError) as error:  # of msgspec, and of the values
            raise StudyError(
                say(
                    "The specification of this study cannot be read: {reason}; open it with the version "
                    "of kanlab that made it.",
                    reason=str(error).rstrip("."),
                )
            ) from error


def _check_names(content: Any, kind: type, place: str, optional: Collection[str]) -> None:
    """Raise ValueError where a mapping lacks a field of a dataclass, or has another one."""
    if not isinstance(content, Mapping):
        raise ValueError(say("'{place}' is no object", place=place.rstrip(".")) if place else say("it is no object"))
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(map(str, content.keys() - known)):
        raise ValueError(say("this version knows no '{place}'", place=place + unknown[0][:40]))
    if missing := sorted(known - content.keys() - set(optional)):
        raise ValueError(say("'{place}' is missing", place=place + missing[0]))
