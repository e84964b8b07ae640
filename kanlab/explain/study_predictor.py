"""The model of a study that is asked for, fitted as the study did and put behind the recipe of its data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kanlab.baselines.registry import Baseline, label
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.final_check import AVERAGE, AveragedNetworks, ReducedTrial, nested_below
from kanlab.execution.intervals import (
    IntervalRecord,
    average_left_out,
    of_average,
    of_family,
    of_network,
)
from kanlab.execution.messages import NetworksTask
from kanlab.explain.average import AveragedModel
from kanlab.explain.models import Model, held_family
from kanlab.explain.predictor import Predictor
from kanlab.explain.refits import SAME_RSS, all_refitted, fitted_with_rows, why_changed
from kanlab.language import say, use
from kanlab.selection.candidates import other_families, trial_words
from kanlab.selection.headline import USES, Use
from kanlab.selection.recommendation import recommend
from kanlab.selection.validation import read_validation
from kanlab.stats.metrics import squared_difference
from kanlab.study.artifacts import local_data
from kanlab.study.handle import StudyHandle
from kanlab.study.model_key import ModelKey
from kanlab.study.trials import CompletedTrial


@use("en")  # what is kept with the model, and written into its bundle
def predictor(
    handle: StudyHandle, trial: int | None = None, family: str | None = None, use: Use | None = None
) -> Predictor:
    """The recommended model of a study, the network of a trial, or the model of another family, fitted as the study did.

    family: its name in `kanlab.baselines.registry`, such as "gam", or "average" for the mean of several networks.
    use: whether the recommended model is one to read or one to predict with; by default whichever the evidence speaks for.
    Of a given trial nothing is ranked: it is read alone, with the trials that failed before it.
    Raises StudyError where there is none, FitError where it cannot be fitted.
    """
    model, name, key = _chosen(handle, trial, family, use)
    data = Dataset.load(local_data(handle.optuna, handle.data.sha256))
    found: Model
    if isinstance(model, Baseline):
        found = held_family(data, model.family, handle.spec.seed, handle.spec.options.shape)
        notes = list[str]()
        interval = of_family(data, found, model.family, handle.spec.seed, handle.spec.options.shape)
    elif isinstance(model, AveragedNetworks):
        found, notes, interval = _averaged(handle, model, data)
    else:
        network, left_out, notes = fitted_with_rows(handle, model, left_out=True)
        found = replace(network, features=data.features)
        used = len(model.columns) if isinstance(model, ReducedTrial) else handle.spec.options.inputs(data.d)
        interval = of_network(data, network, left_out, used)
    trial = model.number if isinstance(model, CompletedTrial) else None
    without = model.without if isinstance(model, ReducedTrial) else ()
    return Predictor(name, data.recipe, found, tuple(notes), trial, without, key, smearing(found, data), interval)


def smearing(model: Model, data: Dataset) -> float | None:
    """How many times as large as a model's predictions the means are, where it is fitted to the logarithm of a target.

    exp of a mean logarithm is a median; the mean of exp(residual) over the training rows makes a mean of it whatever the
    distribution of the residuals (Duan, JASA 78, 1983). None on other scales.
    """
    if data.target_transform.scale != "log":
        return None
    residual = data.y_train - model.predict_flagged(data.X_train)[0]
    if data.w_train is not None:
        residual = np.sqrt(data.w_train) * residual  # as of rows of weight 1
    with np.errstate(over="ignore"):
        value = float(np.mean(np.exp(residual)))
    return value if np.isfinite(value) else None


def _averaged(
    handle: StudyHandle, model: AveragedNetworks, data: Dataset
) -> tuple[AveragedModel, list[str], IntervalRecord | None]:
    """Its networks, fitted in a process of their own, and its other models; a warning where they differ from the study's;
    and what its intervals are made of.
    """
    spec, failed = handle.spec, handle.failed()
    cells = tuple((cell, nested_below(handle, cell, failed)) for cell in model.cells)
    kept = model.left_out(data.n)  # by the final check, which looked at the rows left out of each of them
    task = NetworksTask(cells=cells, engine=spec.engine, options=spec.options, seed=spec.seed, left_out=kept is None)
    networks = all_refitted(task, local_data(handle.optuna, data.sha256))
    members: list[Model] = [replace(network, features=data.features, reach=model.reach) for network, _ in networks]
    weights = [model.share / len(members)] * len(members)
    members += [held_family(data, name, 0) for name, _ in model.families]
    weights += [share for _, share in model.families]
    averaged = AveragedModel(members, weights)
    if kept is None:
        kept = average_left_out(data, [rows for _, rows in networks], model.share, model.families)
    features = spec.options.inputs(data.d)
    interval = of_average(data, averaged, [network for network, _ in networks], model.share, kept, features)
    rss = squared_difference(averaged.predict_flagged(data.X_train)[0], data.y_train, data.w_train)
    if data.levels or np.isclose(rss, model.rss_train or 0.0, rtol=SAME_RSS):
        return averaged, [], interval
    another = say(
        "The refit of the average has an RSS (residual sum of squares) of {rss:.6g}; in the study it was {before:.6g} "
        "({changed}).",
        rss=rss,
        before=model.rss_train or 0.0,
        changed=why_changed(handle),
    )
    return averaged, [another], interval


def _chosen(
    handle: StudyHandle, trial: int | None, family: str | None, use: Use | None
) -> tuple[CompletedTrial | Baseline | AveragedNetworks, str, ModelKey]:
    """The model that is asked for, what it is called, and its key; arguments and errors as of `predictor`."""
    if trial is not None:
        found = handle.record(trial)
        if not isinstance(found, CompletedTrial):
            raise StudyError(
                say(
                    "The study '{name}' has no complete trial {trial}; 'kanlab show' lists them.",
                    name=handle.name,
                    trial=trial,
                )
            )
        return found, trial_words(found), found.key
    validation = read_validation(handle.optuna.user_attrs)
    if use is not None and use not in USES:
        raise StudyError(say("A model is there to {uses}, not to {use!r}.", uses=" or to ".join(USES), use=use))
    if family == AVERAGE:
        average = recommend(handle, handle.records(), validation).average
        if average is None or average.model is None:
            raise StudyError(
                say(
                    "The study '{name}' has no average of several networks: it is made when a study has "
                    "ended, where it says more than a linear model.",
                    name=handle.name,
                )
            )
        return average.model, average.name, average.key
    if family is not None:
        known = {b.family: b for b in other_families(handle, validation)}
        if family not in known:
            raise StudyError(
                say(
                    "The study '{name}' has no model of the family '{family}' but {known}; 'kanlab "
                    "validate' fits the others.",
                    name=handle.name,
                    family=family,
                    known=", ".join(known),
                )
            )
        named = say("the {label} model", label=label(family, handle.data.task))
        return known[family], named, ModelKey(family)
    choice = recommend(handle, handle.records(), validation).chosen_for(use)
    if choice is None or choice.model is None:
        raise StudyError(say("The study '{name}' has no complete trial yet; run it first.", name=handle.name))
    return choice.model, choice.name, choice.key
