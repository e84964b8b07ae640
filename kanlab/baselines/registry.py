"""Model families that stand beside the KAN, ranked by the same criterion on the same rows.

A family is a name and a function `fit(X, y, seed) -> FamilyFit`; beside it `classify` tells two classes apart, and
`classify_many` more than two, of which y (n, classes) has a 1 in every row; both predict probabilities. `count` predicts the
means of counts. The linear ones below are fitted at the start of every study (`baselines`); the others cost more, load
scikit-learn, and are fitted when a study is validated (`comparison_family`).
`docs/families.md` shows how to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.leave_one_out import LEFT_OUT, MOST_ROWS
from kanlab.baselines.linear import constant, linear, ridge, stepwise
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.data.dataset import Dataset
from kanlab.errors import FitError
from kanlab.kan.shape_check import against_others
from kanlab.kan.shapes import Shape
from kanlab.language import marked, say
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION, TaskName
from kanlab.stats.metrics import HasFit, LeftOut, Scores
from kanlab.text import listing, quoted

__all__ = [
    "BASELINES",
    "COMPARISON_FAMILIES",
    "LABELS",
    "OPTIONAL_FAMILIES",
    "Baseline",
    "Family",
    "FamilyFit",
    "baselines",
    "broken_by",
    "chosen_families",
    "comparison_family",
    "fit_family",
    "fit_named",
    "fit_to",
    "label",
    "missing_extra",
    "predictions_left_out",
    "reference_losses",
]

Family = Callable[[Array, Array, int], FamilyFit]


def _by_newton(module: str, name: str) -> Family:
    """A family of kanlab.baselines.logistic or poisson, which load SciPy and are loaded where they are needed."""

    def fit(X: Array, y: Array, seed: int) -> FamilyFit:
        found: Family = getattr(import_module(f"kanlab.baselines.{module}"), name)
        return found(X, y, seed)

    return fit


BASELINES: dict[str, Family] = {"constant": constant, "linear": linear, "stepwise": stepwise, "ridge": ridge}
_BY_NEWTON = ("constant", "linear", "ridge")
CLASSIFIERS: dict[str, Family] = {name: _by_newton("logistic", name) for name in _BY_NEWTON}
OF_COUNTS: dict[str, Family] = {name: _by_newton("poisson", name) for name in _BY_NEWTON}
BASELINES_OF: dict[str, dict[str, Family]] = {
    REGRESSION: BASELINES,
    CLASSIFICATION: CLASSIFIERS,
    MULTICLASS: CLASSIFIERS,
    COUNTS: OF_COUNTS,
}
_FUNCTION_OF = {REGRESSION: "fit", CLASSIFICATION: "classify", MULTICLASS: "classify_many", COUNTS: "count"}
_TOLD = {"boosting"}  # families that are told what is demanded
_KEPT_BY = {"boosting": {"up", "down", "apart"}, "gam": {"apart"}}  # what they keep to, by construction or because told
COMPARISON_FAMILIES = {name: f"kanlab.baselines.{name}" for name in ("polynomial", "gam", "mlp", "boosting")}
# those fitted where they are asked for by name: the module of each, the one it needs, and the extra that brings it
OPTIONAL_FAMILIES = {"ebm": ("kanlab.baselines.ebm", "interpret", "ebm")}
LABELS = {
    "constant": marked("mean"),
    "linear": marked("linear"),
    "stepwise": marked("stepwise linear"),
    "ridge": marked("ridge"),
    "polynomial": marked("polynomial ridge"),
    "gam": marked("spline GAM"),
    "mlp": marked("neural network (MLP)"),
    "boosting": marked("gradient boosting"),
    "ebm": marked("explainable boosting (EBM)"),
}
LABELS_OF_CLASSES = LABELS | {
    "constant": marked("prevalence"),
    "linear": marked("logistic regression"),
    "ridge": marked("ridge logistic"),
}
LABELS_OF_MANY = LABELS_OF_CLASSES | {
    "constant": marked("class shares"),
    "linear": marked("multinomial logistic regression"),
}
LABELS_OF_COUNTS = LABELS | {"linear": marked("Poisson regression"), "ridge": marked("ridge Poisson")}
_LABELS_OF = {
    REGRESSION: LABELS,
    CLASSIFICATION: LABELS_OF_CLASSES,
    MULTICLASS: LABELS_OF_MANY,
    COUNTS: LABELS_OF_COUNTS,
}


def label(family: str, task: TaskName = REGRESSION) -> str:
    """What people call a family; of classes its logistic kind, of counts its Poisson kind.

    >>> label("linear"), label("linear", "classification")
    ('linear', 'logistic regression')
    """
    return say(_LABELS_OF[task].get(family, family))


@dataclass(frozen=True)
class Baseline(HasFit):
    """A model of another family fitted to a study's training rows.

    n_params: counted parameters, or effective degrees of freedom for a penalised family, the noise variance included where
    the study counts it; None where the family has no such number.  breaks: which constraint of the study it does not keep, in
    a sentence; "" where it keeps all of them.
    """

    family: str
    scores: Scores
    breaks: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Flat: the scores stand beside the family."""
        broken = {"breaks": self.breaks} if self.breaks else {}
        return {"family": self.family} | self.scores.to_dict() | broken

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Baseline:
        return cls(content["family"], Scores.from_dict(content), content.get("breaks", ""))


def fit_family(family: str, data: Dataset, fit: Family, *, count_sigma2: bool, seed: int = 0) -> Baseline:
    """Fit a family to the training rows, score it by AICc and by the test rows.

    Parameters
    ----------
    family : str
        What to call it.
    data : Dataset
    fit : function of X (n, d), y (n,) or (n, classes), and a seed to FamilyFit
        Of data whose rows have precision weights also of the keyword `weights` (n,).
    count_sigma2 : bool
        Whether the noise variance counts as a parameter.
    seed : int

    Returns
    -------
    Baseline
        Without AICc where the family has no degrees of freedom, or too many for the rows, and where it is a logistic
        regression and the classes are separated.

    Examples
    --------
    >>> import pandas as pd
    >>> data = Dataset.from_frame(pd.DataFrame({"x": range(20), "y": range(20)}), "y", test_fraction=0.0)
    >>> mean = fit_family("mean", data, constant, count_sigma2=True)
    >>> mean.n_params, mean.rss_train, round(mean.aicc, 2)
    (2, 665.0, 74.79)
    """
    y, weights = data.fit_target(data.y_train), data.w_train
    fitted = fit(data.X_train, y, seed) if weights is None else cast(Any, fit)(data.X_train, y, seed, weights=weights)
    return _scored(family, data, fitted, count_sigma2)


def _scored(family: str, data: Dataset, fitted: FamilyFit, count_sigma2: bool, shape: Shape = Shape()) -> Baseline:
    n_params = None if fitted.dof is None else fitted.dof + (count_sigma2 and data.likelihood.counts_variance)
    if n_params is not None and n_params == int(n_params):
        n_params = int(n_params)
    scores = replace(data.errors(fitted.predict), n_params=n_params)
    model = Baseline(family, scores, broken_by(family, data, shape, fitted))
    if n_params is None or (family == "linear" and separates(model)):
        return model
    value = aicc_of(data.likelihood.term(model.misfit, data.n), data.n, n_params)
    return model.rescored(aicc=value if np.isfinite(value) else None)


def separates(linear: Baseline) -> bool:
    """Whether a logistic regression classifies every training row correctly.

    Its coefficients could then grow without end, so that its likelihood has no maximum and AICc is not defined (Albert &
    Anderson, Biometrika 71, 1984).
    """
    return linear.classes is not None and linear.classes.accuracy_train == 1.0


def baselines(
    data: Dataset,
    *,
    count_sigma2: bool = True,
    families: Sequence[str] | None = None,
    also: Sequence[str] = (),
    shape: Shape = Shape(),
    left_out: bool = True,
) -> list[Baseline]:
    """The mean, the linear model, the stepwise linear and the ridge model: in the table of every study.

    Parameters
    ----------
    data : Dataset
    count_sigma2 : bool
        Whether the noise variance counts as a parameter.
    families : sequence of str, optional
        Some of them by name.
    also : sequence of str
        Families of COMPARISON_FAMILIES to fit as well.
    shape : Shape
        What is demanded of the effects of the features; a model says whether it keeps to that.
    left_out : bool
        Whether leave-one-out errors are wanted; of many classes they take by far the longest.

    Returns
    -------
    list of Baseline
        Of classes: their shares, logistic regression, and ridge; of counts the mean, Poisson regression, and ridge.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20.0) + np.tile([0.0, 1.0], 10)})
    >>> found = baselines(Dataset.from_frame(frame, "y"))
    >>> [b.family for b in found], found[1].aicc < found[0].aicc
    (['constant', 'linear', 'stepwise', 'ridge'], True)
    """
    X, y = data.X_train, data.fit_target(data.y_train)
    w = data.w_train
    fits = {
        name: fit_named(name, X, y, task=data.task, weights=w)
        for name in [*(families or BASELINES_OF[data.task]), *also]
    }
    found = [_scored(name, data, fitted, count_sigma2, shape) for name, fitted in fits.items()]
    if not left_out or not _can_leave_out(data):
        return found
    held = {name: predictions_left_out(name, data, fitted) for name, fitted in fits.items()}
    by = next((_reference(b) for b in found if b.family == "linear"), None)
    reference = data.losses(held[by]) if by in held else reference_losses(data, count_sigma2=count_sigma2, shape=shape)
    assert reference is not None
    return [b.with_left_out(LeftOut.of(data.likelihood, held[b.family], data.y_train, reference, w)) for b in found]


def reference_losses(data: Dataset, *, count_sigma2: bool = True, shape: Shape = Shape()) -> Array | None:
    """Weighted losses (n,) of the training rows by the model all are held against, each row had it not been fitted: the linear
    model, or the mean where that has no AICc or does not keep to what is demanded. None where there are too many rows to look,
    or too few.
    """
    if not _can_leave_out(data):
        return None
    fitted = fit_to("linear", data)
    by = _reference(_scored("linear", data, fitted, count_sigma2, shape))
    return data.losses(predictions_left_out(by, data, fitted if by == "linear" else None))


def _can_leave_out(data: Dataset) -> bool:
    return 2 < data.n <= MOST_ROWS // data.outputs


def _reference(linear: Baseline) -> str:
    """The family that all are held against."""
    return "constant" if linear.aicc is None or linear.breaks else "linear"


def predictions_left_out(family: str, data: Dataset, fitted: FamilyFit | None = None) -> Array:
    """Predictions of the training rows by a family, (n,) or (n, classes), each row had it not been fitted.

    fitted: the family's fit to all of them, where there is one.
    """
    if not data.has_deviance:
        return data.y_train - LEFT_OUT[family](data.X_train, data.y_train, data.w_train)
    fitted = fitted or fit_to(family, data)
    assert fitted.left_out is not None  # every family that is fitted with a study has a formula
    return fitted.left_out()


def chosen_families(wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Names of comparison families, each once; all but the optional ones by default. "none" stands for none.

    Raises
    ------
    FitError
        For a name that is none, and a family whose package is not installed.

    Examples
    --------
    >>> chosen_families(None), chosen_families(["gam", "gam"]), chosen_families(["none"])
    (('polynomial', 'gam', 'mlp', 'boosting'), ('gam',), ())
    """
    if wanted is None:
        return tuple(COMPARISON_FAMILIES)
    found = tuple(dict.fromkeys(name for name in wanted if name != "none"))
    for name in found:
        if name not in COMPARISON_FAMILIES and name not in OPTIONAL_FAMILIES:
            known = listing([*COMPARISON_FAMILIES, *OPTIONAL_FAMILIES])
            raise FitError(
                say("There is no family '{name}' to compare with; choose from {known}.", name=name, known=known)
            )
        if missing := missing_extra(name):
            raise FitError(
                say(
                    "The family {name} needs a package that is not installed: pip install 'kanlab[{missing}]'.",
                    name=name,
                    missing=missing,
                )
            )
    return found


def missing_extra(family: str) -> str:
    """The extra that brings what a family needs, where that is not installed; otherwise ""."""
    _, needed, extra = OPTIONAL_FAMILIES.get(family, ("", "", ""))
    return extra if needed and find_spec(needed) is None else ""


def comparison_family(
    family: str, data: Dataset, *, count_sigma2: bool, seed: int = 0, shape: Shape = Shape()
) -> Baseline:
    """One of the families that are fitted when a study is validated."""
    return _scored(family, data, fit_to(family, data, seed, shape), count_sigma2, shape)


def fit_to(family: str, data: Dataset, seed: int = 0, shape: Shape = Shape()) -> FamilyFit:
    """A family fitted to the training rows, within what is demanded of the effects where it can be told to."""
    return fit_named(family, data.X_train, data.fit_target(data.y_train), seed, data.task, shape, weights=data.w_train)


def fit_named(
    family: str,
    X: Array,
    y: Array,
    seed: int = 0,
    task: TaskName = REGRESSION,
    shape: Shape = Shape(),
    *,
    weights: Array | None = None,
) -> FamilyFit:
    """A family fitted to (X, y), within what is demanded of the effects where it can be told to.

    weights: (n,), how precise each row of a quantity is.
    """
    fit = BASELINES_OF[task].get(family) or _comparison(family, task, shape)
    return fit(X, y, seed) if weights is None else cast(Any, fit)(X, y, seed, weights=weights)


def broken_by(family: str, data: Dataset, shape: Shape, fitted: FamilyFit | None = None) -> str:
    """Which demand a family fitted to the training rows does not keep, in a sentence; "" where it keeps all of them.

    fitted: its fit, where there is one.
    """
    asked = {f.name for f in fields(shape) if getattr(shape, f.name)} - {"zero", "of_class"}
    kept = _KEPT_BY.get(family, set()) - ({"up", "down"} if data.task == MULTICLASS else set())
    if family == "constant" or not asked or asked <= kept:
        return ""
    if family not in BASELINES_OF[data.task]:
        return say("The {label} model cannot be held to the constraints.", label=label(family, data.task))
    fitted = fitted or fit_to(family, data)
    if not isinstance(model := fitted.predict, Affine):  # where a logistic regression was not found
        return ""
    slopes = model.weights.reshape(data.d, -1) / model.scale[:, None]
    if data.task == MULTICLASS:
        slopes = against_others(slopes, shape.of_class)
    wrong = [c for c in (*shape.up, *shape.down) if (slopes[c] * shape.direction(c)).min() < 0.0]
    if not wrong:
        return ""
    shown = {"label": label(family, data.task), "feature": quoted(data.features[wrong[0]])}
    if data.task == MULTICLASS:
        return say("In the {label} model the log-odds of the class run the other way in {feature}.", **shown)
    if shape.direction(wrong[0]) > 0:
        return say("The {label} model runs down in {feature}.", **shown)
    return say("The {label} model runs up in {feature}.", **shown)


def _comparison(family: str, task: TaskName, shape: Shape = Shape()) -> Family:
    name = _FUNCTION_OF[task]
    module = OPTIONAL_FAMILIES[family][0] if family in OPTIONAL_FAMILIES else COMPARISON_FAMILIES[family]
    found: Family | None = getattr(import_module(module), name, None)
    if found is None:
        raise FitError(
            say(
                "The family '{family}' has no function {name}, so it cannot be fitted to such a target.",
                family=family,
                name=name,
            )
        )
    return partial(cast(Any, found), shape=shape) if shape and family in _TOLD else found
