"""What a user knows of the effects of the features, by the names of the columns, before any fit.

    monotone         the prediction never falls as the feature rises (up), or never rises (down), whatever the others are
    convex, concave  the prediction is such a function of the feature; of two classes its log-odds, of counts its logarithm
    linear           its effect is a straight line, added to the rest
    no effect        it is left out of every model
    no interaction   the features of a group act apart: none changes the effect of another

Of three and more classes monotone, convex and concave are of one class, which is named: of its log-odds against each of the
others, so that its probability never falls (never rises) with a monotone feature. The rest is of the log-odds of all classes.

`kanlab.kan.shapes.Shape` is the same for the inputs of a network. docs/constraints.md tells how they are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Any

from kanlab.data.dataset import Dataset
from kanlab.data.encoders import MISSING, ORDER, EncodedColumn
from kanlab.data.preparation import DATE_PARTS
from kanlab.errors import StudyError
from kanlab.kan.shapes import OF_A_CLASS, Shape
from kanlab.language import marked, say
from kanlab.stats.likelihood import MULTICLASS
from kanlab.text import listing, quoted

KINDS = ("monotone", "convex", "concave", "linear", "no_effect", "no_interaction", "of_class")
_LISTS = ("up", "down", "convex", "concave", "linear", "no_effect")
DIRECTIONS = {"up": "up", "down": "down", "1": "up", "-1": "down", "increasing": "up", "decreasing": "down"}
_WORDS = {
    "up": marked("monotone up"),
    "down": marked("monotone down"),
    "convex": marked("convex"),
    "concave": marked("concave"),
    "linear": marked("linear"),
    "no_effect": marked("without effect"),
}
_DEMANDS = {
    "up": marked("{name} is monotone up"),
    "down": marked("{name} is monotone down"),
    "convex": marked("{name} is convex"),
    "concave": marked("{name} is concave"),
    "linear": marked("{name} is linear"),
    "no_effect": marked("{name} is without effect"),
}
_OF_EFFECTS = ("up", "down", "convex", "concave", "linear")
_CONTRADICT = (("up", "down"), ("convex", "concave"), *(("no_effect", kind) for kind in _OF_EFFECTS))


@dataclass(frozen=True)
class Constraints:
    """Demands on the effects of features.

    Parameters
    ----------
    up, down, convex, concave, linear, no_effect : tuple of str
        Columns of the table whose effect is such.
    no_interaction : tuple of tuples of str
        Groups of columns of which none changes the effect of another.
    of_class : str
        Of three and more classes, the one that up, down, convex and concave are of.

    Raises
    ------
    StudyError
        Where they contradict each other.

    Examples
    --------
    >>> known = Constraints.of(monotone={"price": "down"}, no_interaction=[("age", "price")])
    >>> known.sentences()
    ("'price' is monotone down", "'age' and 'price' do not interact")
    >>> Constraints(up=("price",), down=("price",))
    Traceback (most recent call last):
        ...
    kanlab.errors.StudyError: 'price' cannot be monotone up and monotone down at once; keep one of the two.
    """

    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    convex: tuple[str, ...] = ()
    concave: tuple[str, ...] = ()
    linear: tuple[str, ...] = ()
    no_effect: tuple[str, ...] = ()
    no_interaction: tuple[tuple[str, ...], ...] = ()
    of_class: str = ""

    def __post_init__(self) -> None:
        for one, other in _CONTRADICT:
            if both := sorted(set(getattr(self, one)) & set(getattr(self, other))):
                sentence = say(
                    "{name} cannot be {first} and {second} at once; keep one of the two.",
                    name=quoted(both[0]),
                    first=say(_WORDS[one]),
                    second=say(_WORDS[other]),
                )
                also = say("A straight line is both: say linear.") if one == "convex" else ""
                raise StudyError(f"{sentence} {also}".rstrip())
        for group in self.no_interaction:
            if len(set(group)) < 2:
                raise StudyError(
                    say(
                        "No interaction is a demand on two features and more, not on {group} alone; name "
                        "another feature beside it, or the linear or monotone demand that is meant.",
                        group=listing(group),
                    )
                )

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))  # a class alone, too, so that it is looked up

    @classmethod
    def of(
        cls,
        *,
        monotone: Mapping[str, str | int] | None = None,
        convex: Iterable[str] = (),
        concave: Iterable[str] = (),
        linear: Iterable[str] = (),
        no_effect: Iterable[str] = (),
        no_interaction: Iterable[Sequence[str]] = (),
        of_class: Any = "",
    ) -> Constraints:
        """From what a user writes: monotone {"price": "down"}, lists of columns, groups of columns, a class by its label."""
        ways: dict[str, list[str]] = {"up": [], "down": []}
        for name, way in (monotone or {}).items():
            if str(way).lower() not in DIRECTIONS:
                raise StudyError(
                    say(
                        "{name} is monotone up or down, not {way}; say one of the two.",
                        name=quoted(name),
                        way=quoted(way),
                    )
                )
            ways[DIRECTIONS[str(way).lower()]].append(str(name))
        lists = {"convex": convex, "concave": concave, "linear": linear, "no_effect": no_effect, **ways}
        named = {kind: _names(kind, columns) for kind, columns in lists.items()}
        groups = tuple(_names("no_interaction", group) for group in no_interaction)
        return cls(**named, no_interaction=groups, of_class="" if of_class is None else str(of_class))

    @classmethod
    def read(cls, content: Constraints | Mapping[str, Any] | None) -> Constraints:
        """Constraints, or a mapping with the keywords of `of`."""
        if isinstance(content, Constraints):
            return content
        if unknown := sorted(map(str, (content or {}).keys() - set(KINDS))):
            raise StudyError(
                say(
                    "There is no constraint {unknown}; there are {kinds}.",
                    unknown=quoted(unknown[0]),
                    kinds=listing(KINDS, len(KINDS)),
                )
            )
        return cls.of(**(content or {}))

    def sentences(self) -> tuple[str, ...]:
        """What is demanded, column by column."""
        of_class, found = self.of_class if self.demands_a_class else "", []
        for kind in _LISTS:
            for name in getattr(self, kind):
                sentence = say(_DEMANDS[kind], name=quoted(name))
                if of_class and kind in OF_A_CLASS:
                    shown = {"sentence": sentence, "of_class": quoted(of_class)}
                    sentence = say("{sentence} for {of_class} against each other class", **shown)
                found.append(sentence)
        return (
            *found,
            *(
                say("{names} do not interact", names=say(" and ").join(map(quoted, group)))
                for group in self.no_interaction
            ),
        )

    def named(self) -> tuple[str, ...]:
        """Every column that is named."""
        flat = [name for kind in _LISTS for name in getattr(self, kind)]
        return tuple(dict.fromkeys([*flat, *(name for group in self.no_interaction for name in group)]))

    def only(self, names: Collection[str]) -> Constraints:
        """The demands on some columns alone."""
        kept = {kind: tuple(n for n in getattr(self, kind) if n in names) for kind in _LISTS}
        groups = (tuple(n for n in group if n in names) for group in self.no_interaction)
        of_class = self.of_class if any(kept[kind] for kind in OF_A_CLASS) else ""
        return Constraints(**kept, no_interaction=tuple(g for g in groups if len(g) > 1), of_class=of_class)

    @property
    def demands_a_class(self) -> bool:
        """Whether there are demands that, of three and more classes, are of one of them."""
        return any(getattr(self, kind) for kind in OF_A_CLASS)

    def check(self, data: Dataset, engine: str = "lm") -> None:
        """Raise StudyError, with one sentence, where they cannot be kept for a data set whose features are all there."""
        if not self:
            return
        known = data.recipe.sources
        if data.target in self.named():
            raise StudyError(
                say(
                    "{target} is the target; constraints are on the features. Take it out of them.",
                    target=quoted(data.target),
                )
            )
        if unknown := [name for name in self.named() if name not in known]:
            raise StudyError(
                say(
                    "There is no feature {name} to constrain; the features are {features}.",
                    name=quoted(unknown[0]),
                    features=listing(known, 12),
                )
            )
        if set(self.no_effect) >= set(known):
            raise StudyError(say("Every feature is without effect, so nothing can be predicted; leave one in."))
        self.shape(data, engine)

    def shape(self, data: Dataset, engine: str = "lm") -> Shape:
        """The same for the inputs of a network. Columns without effect may be gone already (`without_idle`)."""
        if not self:
            return Shape()
        if replace(self, no_effect=()) and engine != "lm":
            raise StudyError(
                say(
                    "Constraints are kept by the engine lm, not by '{engine}'; choose lm, or take the "
                    "constraints away.",
                    engine=engine,
                )
            )
        columns: dict[str, list[int]] = {}
        for i, column in enumerate(data.columns):
            columns.setdefault(column.source, []).append(i)
        of: dict[str, tuple[int, ...]] = {}
        for kind in _OF_EFFECTS:
            names = [n for n in getattr(self, kind) if not (kind in ("convex", "concave") and n in self.linear)]
            of[kind] = tuple(sorted(_number(data.columns, columns, name, kind) for name in names))
        zero = tuple(sorted(i for name in self.no_effect for i in columns.get(name, ())))
        pairs = {
            (min(a, b), max(a, b))
            for group in self.no_interaction
            for one, other in combinations(group, 2)
            if one != other
            for a in columns.get(one, ())
            for b in columns.get(other, ())
        }
        apart = tuple(sorted(p for p in pairs if not set(p) & {*zero, *of["linear"]}))
        shape = Shape(**of, zero=zero, apart=apart, of_class=self._class_of(data))
        if shape and not shape.groups(data.d):
            raise StudyError(
                say(
                    "Every feature is linear or without effect, so there is nothing for a network to "
                    "fit; leave a feature free, or take the linear model."
                )
            )
        return shape

    def _class_of(self, data: Dataset) -> int | None:
        """The number of the class that monotone, convex and concave are of, of three and more."""
        if data.task != MULTICLASS:
            if self.of_class:
                raise StudyError(
                    say(
                        "{target} does not have three classes or more, so the demands are of it as it is; leave out "
                        "the class {of_class}.",
                        target=quoted(data.target),
                        of_class=quoted(self.of_class),
                    )
                )
            return None
        if self.of_class and self.of_class not in data.levels:
            raise StudyError(
                say(
                    "There is no class {of_class}; the classes of {target} are {levels}.",
                    of_class=quoted(self.of_class),
                    target=quoted(data.target),
                    levels=listing(data.levels, 12),
                )
            )
        if not self.demands_a_class:
            if self.of_class:
                raise StudyError(
                    say(
                        "Nothing is demanded of the class {of_class}: monotone, convex and concave are of one class, "
                        "the rest is of all of them; demand one of the three, or leave out the class.",
                        of_class=quoted(self.of_class),
                    )
                )
            return None
        if not self.of_class:
            raise StudyError(
                say(
                    "{target} has {levels} classes, whose probabilities add up to 1: one rises as others fall. Say of "
                    "which class the effect is to be monotone, convex or concave (--of-class): its log-odds against "
                    "each other class then are.",
                    target=quoted(data.target),
                    levels=len(data.levels),
                )
            )
        return data.levels.index(self.of_class)

    def without_idle(self, data: Dataset) -> Dataset:
        """The data without the columns of no effect, which no model then sees."""
        kept = [i for i, column in enumerate(data.columns) if column.source not in self.no_effect]
        if len(kept) == data.d:
            return data
        columns = tuple(data.columns[i] for i in kept)
        return replace(data, columns=columns, X_train=data.X_train[:, kept], X_test=data.X_test[:, kept])


def constrainable(kind: str, data: Dataset) -> list[str]:
    """The columns of the features that can be asked for an effect of a kind, each by itself."""
    inputs: dict[str, list[int]] = {}
    for i, column in enumerate(data.columns):
        inputs.setdefault(column.source, []).append(i)
    return [name for name in data.recipe.sources if _can_have(kind, name, data, inputs)]


def _can_have(kind: str, name: str, data: Dataset, inputs: Mapping[str, list[int]]) -> bool:
    """inputs: of a network, by the column of the table they come from."""
    if kind == "no_effect":
        return len(inputs.get(name, ())) < data.d
    try:
        _number(data.columns, inputs, name, kind)
    except StudyError:
        return False
    return kind != "linear" or data.d > 1  # a network needs a feature that is free


def _names(kind: str, columns: Any) -> tuple[str, ...]:
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise StudyError(
            say("The constraint {kind} takes a list of columns, not {columns}.", kind=kind, columns=quoted(columns))
        )
    return tuple(dict.fromkeys(map(str, columns)))


def _number(columns: Sequence[EncodedColumn], of: Mapping[str, list[int]], name: str, kind: str) -> int:
    """The one input that a column of numbers, or of ordered levels where that will do, has become."""
    words = say(_WORDS[kind])
    if name not in of:
        raise StudyError(
            say(
                "There is no feature {name} that could be {words}; it was left out of the features.",
                name=quoted(name),
                words=words,
            )
        )
    own = [i for i in of[name] if columns[i].part != MISSING]
    ordered = kind in ("up", "down")
    if len(own) == 1 and (columns[own[0]].is_number or (ordered and columns[own[0]].part == ORDER)):
        return own[0]
    shown = {"name": quoted(name), "words": words}
    raise StudyError(
        say(
            "{name} cannot be {words}: it is a date, and that needs numbers; take it out, or "
            "have the column read as numbers.",
            **shown,
        )
        if any(columns[i].part in DATE_PARTS for i in own)
        else say(
            "{name} cannot be {words}: it is a category, and that needs numbers; take it out, or "
            "have the column read as numbers.",
            **shown,
        )
    )
