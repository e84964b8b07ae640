"""Why a model is recommended, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.baselines.registry import COMPARISON_FAMILIES
from kanlab.execution.final_check import ReducedTrial
from kanlab.kan.constraints import Constraints
from kanlab.selection.candidates import Candidate, names_words, seeds_compared
from kanlab.selection.decision import (
    Decision,
    aicc_of,
    beats,
    criterion_of,
    eligible,
    exact_models,
    reference,
    with_support,
)
from kanlab.selection.measures import four_digits, measure_for
from kanlab.stats.criteria import SUPPORTED


def explain(decision: Decision, listed: Sequence[Candidate]) -> list[str]:
    """The reasons for a choice among the candidates."""
    choice, noise = decision.choice, decision.noise
    assert choice is not None
    assert choice.aicc is not None
    rivals = eligible(listed)
    if choice in exact_models(rivals):
        return [
            f"{choice.name[:1].upper()}{choice.name[1:]} reproduces the target exactly, up to rounding: the target is "
            "a formula of the features, and differences of AICc between models that do so are no evidence."
        ]
    held, lowest = reference([c for c in rivals if not c.is_network]), min(rivals, key=aicc_of)
    first = min((c for c in rivals if c.is_network), key=criterion_of, default=None)
    spent = choice.is_network and choice.n_params_effective is not None
    above = criterion_of(choice) - criterion_of(first) if spent and first else choice.aicc - aicc_of(lowest)
    if spent and first is not None:
        lowest = first
    reasons = []
    if decision.instead_of is not None:
        reasons.append(_overruled(decision, choice, decision.instead_of))
    elif choice.is_network and (near := _near_the_mean(choice, rivals, held, above)):
        reasons.append(near)
    elif above == 0.0 and spent:
        reasons.append(_by_what_is_spent(choice))
    elif above == 0.0:
        beside = _network_above(choice, rivals) + _beside(choice, listed)
        reasons.append(f"It has the lowest AICc of all networks and linear models{beside}.")
    elif above <= noise:
        reasons.append(
            f"Its AICc is {above:.1f} above the lowest, within the {noise:.1f} units by which the AICc of a network changes "
            "with its seed, and it has fewer parameters."
        )
    elif held is not None and lowest.press is not None:
        reasons.append(_not_the_lowest(choice, held, lowest))
    if choice.reduced is not None:
        reasons.append(_without(choice, listed))
    if held is not None and choice is not held and choice.press is not None and choice.press_se:
        gain = ((held.press or 0.0) - choice.press) / choice.press_se
        reasons.append(
            f"Its leave-one-out (LOO) error is {_against(choice, held)} than that of {_name(held)}, a difference of "
            f"{abs(gain):.1f} standard errors."
        )
    linear = next((c for c in rivals if c.family == "linear"), None)
    if choice.is_network and linear is not None and linear.aicc is not None:
        reasons.append(_beside_linear(choice, linear, rivals))
    if choice.wins is not None:
        reasons.append(
            f"Refitted from {seeds_compared(listed)} other seeds, it is the best of the finalists in {choice.wins or 'none'}."
        )
    if choice.cv_error is not None and choice.cv_se is not None:
        measure = measure_for(choice)
        what, unit = ("error", ", in units of the target") if measure.error == "RMSE" else (measure.error, " a row")
        reasons.append(f"Its cross-validated {what} is {four_digits(choice.cv_error)} ± {choice.cv_se:.2g}{unit}.")
    if choice.classes is not None and choice.classes.accuracy_test is not None:
        reasons.append(
            f"It classifies {100 * choice.classes.accuracy_test:.0f}% of the test rows correctly{_base_rate(listed)}."
        )
    if choice.counts is not None and choice.counts.d2_test is not None:
        share = choice.counts.d2_test
        does = f"explains {100 * share:.0f}%" if share > 0 else "explains nothing"
        reasons.append(
            f"It {does} of the deviance of the test rows around their mean (D² {share:.2f}); its RMSE there is "
            f"{four_digits(choice.rmse_test)}."
        )
    return reasons


def constraint_reasons(constraints: Constraints, listed: Sequence[Candidate]) -> list[str]:
    """That the choice keeps to what is demanded of the effects, and which models could not be chosen for breaking that."""
    if not constraints:
        return []
    broken = [c.baseline.breaks for c in listed if c.baseline and c.baseline.breaks]
    others = f" Not taken, because they do not: {' '.join(broken)}" if broken else ""
    return [f"It keeps to the constraints of the study: {'; '.join(constraints.sentences())}.{others}"]


def _by_what_is_spent(choice: Candidate) -> str:
    """Why it is the first of the networks."""
    held = (
        f"of the {choice.n_params:,g} parameters that could be identified the roughness penalty holds the rest"
        if choice.n_params != choice.n_params_effective
        else "the roughness penalty holds the rest of its parameters"
    )
    return (
        f"Of all networks it has the lowest AICc by what its fit has spent, {choice.n_params_effective:,.1f} effective "
        f"parameters ({choice.edf:,.1f} effective degrees of freedom and a charge for the search); {held}."
    )


def _near_the_mean(choice: Candidate, rivals: Sequence[Candidate], held: Candidate | None, above: float) -> str:
    """That its predictions are nearest to the mean of several networks; "" where that has not decided."""
    looked_at = [c for c in rivals if c.apart is not None]
    if not looked_at or not choice.is_network:
        return ""
    sound = [c for c in looked_at if held is None or beats(c, held, held)] or looked_at
    near = with_support(sound)
    nearest = min(near, key=lambda c: c.apart or 0.0)
    alone = len(near) == 1
    if (choice is nearest and alone) or (choice is not nearest and choice.reduced is None):
        return ""
    better = f" of those better than {_name(held)} on rows left out" if held and len(sound) < len(looked_at) else ""
    of = (
        "Of all networks"
        if alone
        else f"Of the {len(near)} networks within {SUPPORTED:g} units of the lowest AICc{better}"
    )
    mean = f"the mean of {len(looked_at)} networks, which predicts better than most of them alone"
    which = f"the one of lowest AICc{better}" if alone else f"the one whose predictions are nearest to {mean}"
    if choice.reduced is None or choice is nearest:
        lowest = "it also has the lowest AICc" if above <= 0.0 else f"its AICc is {above:,.1f} above the lowest"
        return f"{of} it is {which}; {lowest}."
    return (
        f"{of} {_name(nearest)} is {which}; this one has lost "
        f"{'edges' if choice.reduced.of_edges else 'features'}, has a lower AICc and predicts rows left out as well."
    )


def _beside_linear(choice: Candidate, linear: Candidate, rivals: Sequence[Candidate]) -> str:
    """That there is something beyond the linear model, by the count known before any fit."""
    gap = aicc_of(linear) - aicc_of(choice)
    if gap > 0.0:
        return f"Its AICc is {gap:,.1f} below that of the {linear.label} model."
    lowest = min((c for c in rivals if c.is_network), key=aicc_of)
    beyond = aicc_of(linear) - aicc_of(lowest)
    if beyond <= 0.0:
        return f"No network has a lower AICc than the {linear.label} model, if all its parameters count in full."
    return (
        f"That there is more than a {linear.label} model shows with all parameters counted in full: the AICc of "
        f"{lowest.label} is {beyond:,.1f} below it."
    )


def _overruled(decision: Decision, choice: Candidate, first: Candidate) -> str:
    """What the validation has against the model that AICc and the leave-one-out errors put first."""
    by_criteria = f"By AICc and the leave-one-out (LOO) error {_name(first)} would be taken, but "
    if decision.by == "permutation test":
        return f"{by_criteria}networks fitted to shuffled targets gain as much AICc over the mean; it may show chance."
    gain = np.subtract(first.folds, choice.folds)
    errors = gain.mean() / max(gain.std(ddof=1) / np.sqrt(len(gain)), np.finfo(float).tiny)
    many = f"a difference of {errors:.1f} standard errors" if errors < 100 else "in every fold alike"
    against = f"{four_digits(choice.cv_error)} against {four_digits(first.cv_error)}"
    return f"{by_criteria}the cross-validated error of this model is lower, {against}, {many}."


def _network_above(choice: Candidate, rivals: Sequence[Candidate]) -> str:
    """By how much the best network is above a choice that is none."""
    networks = [c for c in rivals if c.is_network]
    if choice.is_network or not networks:
        return ""
    best = min(networks, key=aicc_of)
    counted_so = (
        ", with all its parameters counted in full," if best.n_params_effective not in (None, best.n_params) else ""
    )
    return (
        f"; that of the best network, {best.label}{counted_so or ','} is {aicc_of(best) - aicc_of(choice):,.1f} higher"
    )


def _beside(choice: Candidate, listed: Sequence[Candidate]) -> str:
    """The model of a family that is compared and not recommended, where its AICc is lower."""
    lower = [c for c in listed if c.family in COMPARISON_FAMILIES and aicc_of(c) < aicc_of(choice)]
    if not lower:
        return ""
    best = min(lower, key=aicc_of)
    return (
        f"; that of the {best.label} model, which is compared but not recommended because its leave-one-out error is not "
        f"known, is {aicc_of(choice) - aicc_of(best):,.1f} lower"
    )


def _base_rate(listed: Sequence[Candidate]) -> str:
    """How often the most frequent class of the training rows is right by itself."""
    mean = next((c.classes for c in listed if c.family == "constant" and c.classes is not None), None)
    if mean is None or mean.accuracy_test is None:
        return ""
    return f"; always naming the most frequent class, {100 * mean.accuracy_test:.0f}%"


def _name(candidate: Candidate) -> str:
    if candidate.family == "constant":
        return "the mean" if candidate.classes is None else "the class shares"
    return f"the network of {candidate.label}" if candidate.is_network else f"the {candidate.label} model"


def _change(candidate: Candidate, held: Candidate) -> float:
    """Its leave-one-out RMSE, or log-loss, against that of the reference, as a share of that."""
    ratio = (candidate.press or 0.0) / max(held.press or 0.0, np.finfo(float).tiny)
    return float(np.sqrt(ratio) if measure_for(candidate).error == "RMSE" else ratio) - 1


def _against(candidate: Candidate, held: Candidate) -> str:
    change = _change(candidate, held)
    return f"{100 * abs(change):.1f}% {'lower' if change < 0 else 'higher'}"


def _not_the_lowest(choice: Candidate, held: Candidate, lowest: Candidate) -> str:
    """Why another model's AICc is lower, and it is not taken all the same."""
    both = choice.is_network and lowest.is_network
    gap = criterion_of(choice) - criterion_of(lowest) if both else aicc_of(choice) - aicc_of(lowest)
    lower = f"{gap:,.1f} lower" if gap >= 0.1 else "as low"
    words = f"The AICc of {_name(lowest)} is {lower}, but its leave-one-out (LOO) error is "
    if lowest is held or beats(lowest, held, held):
        beyond = ", too small a difference to be sure of." if _change(lowest, choice) < 0 else "."
        return words + f"{_against(lowest, choice)} than that of this model{beyond}"
    if abs(_change(lowest, held)) < 0.0005:  # 0.0% as it would be written
        return words + f"as high as that of {_name(held)}."
    beyond = "." if _change(lowest, held) >= 0 else ", too small a difference to be sure of."
    return words + f"{_against(lowest, held)} than that of {_name(held)}{beyond}"


def _without(choice: Candidate, listed: Sequence[Candidate]) -> str:
    """What is gained without the features left out."""
    reduced = choice.reduced
    assert reduced is not None
    full = next((c for c in listed if c.trial is not None and c.trial.number == reduced.number), None)
    if reduced.of_edges is not None:
        return _with_fewer_edges(choice, reduced, listed)
    one = len(reduced.without) == 1
    words = f"The edges of {names_words(reduced.without)} do next to nothing"
    if full is None or full.criterion is None or reduced.criterion is None:
        return f"{words}, so {'that feature is' if one else 'those features are'} left out."
    return (
        f"{words}: without {'that feature' if one else 'those features'} K is {reduced.n_params} instead of {full.n_params} "
        f"and AICc {full.criterion - reduced.criterion:,.1f} lower, {reduced.charge:.1f} for the choice among features "
        "included."
    )


def _with_fewer_edges(choice: Candidate, reduced: ReducedTrial, listed: Sequence[Candidate]) -> str:
    """What is gained without single edges."""
    assert reduced.of_edges is not None
    left, count = reduced.of_edges
    lost = "1 edge does" if count - left == 1 else f"{count - left} edges do"
    words = f"Of its {count} edges from the features {lost} next to nothing"
    if reduced.without:
        words += f", all those of {names_words(reduced.without)} among them"
    full = next((c for c in listed if c.trial is not None and c.trial.number == reduced.number), None)
    if full is None or full.criterion is None or choice.criterion is None:
        return f"{words}, so {'it is' if count - left == 1 else 'they are'} left out."
    change = full.criterion - choice.criterion
    return (
        f"{words}: without {'it' if count - left == 1 else 'them'} K is {reduced.n_params:,g} instead of "
        f"{full.n_params:,g} and AICc {abs(change):,.1f} {'lower' if change >= 0 else 'higher'}, {reduced.charge:.1f} for the "
        "choice among edges included."
    )
