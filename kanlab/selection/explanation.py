"""Why a model is recommended, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.baselines.registry import COMPARISON_FAMILIES
from kanlab.execution.final_check import ReducedTrial
from kanlab.kan.constraints import Constraints
from kanlab.language import say
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
from kanlab.text import beginning, together

NEARLY = 1.3  # training rows a parameter, up to which a network can pass through nearly all of them


def explain(decision: Decision, listed: Sequence[Candidate], rows: int | None = None) -> list[str]:
    """The reasons for a choice among the candidates. rows: training rows that a fit could pass through, which has no meaning
    of classes.
    """
    choice, noise = decision.choice, decision.noise
    assert choice is not None
    assert choice.aicc is not None
    rivals = eligible(listed)
    if choice in exact_models(rivals):
        return [
            say(
                "{model} reproduces the target exactly, up to rounding: the target is a "
                "formula of the features, and differences of AICc between models that do so are no "
                "evidence.",
                model=beginning(choice.name),
            )
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
        reasons.append(say("It has the lowest AICc of all networks and linear models{beside}.", beside=beside))
    elif above <= noise:
        reasons.append(
            say(
                "Its {aicc} is {above:.1f} above the lowest, within the {noise:.1f} units by which the "
                "AICc of a network changes with its seed, and it has fewer parameters.",
                aicc=_aicc_words(choice),
                above=above,
                noise=noise,
            )
        )
    elif held is not None and lowest.press is not None and lowest.wild is None:
        reasons.append(_not_the_lowest(choice, held, lowest))
    if decision.instead_of is None and choice.is_network:
        reasons += _set_aside(choice, rivals)
    if choice.reduced is not None:
        reasons.append(_without(choice, listed))
    if held is not None and choice is not held and choice.press is not None and choice.press_se:
        gain = ((held.press or 0.0) - choice.press) / choice.press_se
        change, name = _change(choice, held), _name(held)
        reasons.append(
            say(
                "Its leave-one-out (LOO) error is {share:.1%} lower than that of {name}, a difference of "
                "{errors:.1f} standard errors.",
                share=abs(change),
                name=name,
                errors=abs(gain),
            )
            if change < 0
            else say(
                "Its leave-one-out (LOO) error is {share:.1%} higher than that of {name}, a difference of "
                "{errors:.1f} standard errors.",
                share=abs(change),
                name=name,
                errors=abs(gain),
            )
        )
    linear = next((c for c in rivals if c.family == "linear"), None)
    if choice.is_network and linear is not None and linear.aicc is not None:
        reasons.append(_beside_linear(choice, linear, rivals))
    if choice.wins is not None:
        reasons.append(
            say(
                "Refitted from {seeds} other seeds, it is the best of the finalists in {wins}.",
                seeds=seeds_compared(listed),
                wins=choice.wins,
            )
            if choice.wins
            else say(
                "Refitted from {seeds} other seeds, it is the best of the finalists in none.",
                seeds=seeds_compared(listed),
            )
        )
    if choice.cv_error is not None and choice.cv_se is not None:
        measure = measure_for(choice)
        reasons.append(
            say(
                "Its cross-validated error is {error} ± {cv_se:.2g}, in units of the target.",
                error=four_digits(choice.cv_error),
                cv_se=choice.cv_se,
            )
            if measure.error == "RMSE"
            else say(
                "Its cross-validated {what} is {error} ± {cv_se:.2g} a row.",
                what=say(measure.error),
                error=four_digits(choice.cv_error),
                cv_se=choice.cv_se,
            )
        )
    if choice.classes is not None and choice.classes.accuracy_test is not None:
        right, base_rate = choice.classes.accuracy_test, _base_rate(listed)
        reasons.append(
            say("It classifies {share:.0%} of the test rows correctly.", share=right)
            if base_rate is None
            else say(
                "It classifies {share:.0%} of the test rows correctly; always naming the most frequent class, "
                "{base_rate:.0%}.",
                share=right,
                base_rate=base_rate,
            )
        )
    if choice.counts is not None and choice.counts.d2_test is not None:
        share, rmse = choice.counts.d2_test, four_digits(choice.rmse_test)
        reasons.append(
            say(
                "It explains {share:.0%} of the deviance of the test rows around their mean (D²); its "
                "RMSE there is {rmse}.",
                share=share,
                rmse=rmse,
            )
            if share > 0
            else say(
                "It explains nothing of the deviance of the test rows around their mean (D² {share:.2f}); its "
                "RMSE there is {rmse}.",
                share=share,
                rmse=rmse,
            )
        )
    if rows is not None and choice.is_network and rows <= NEARLY * (choice.n_params or 0.0):
        reasons.append(
            say(
                "With {n_params:,g} parameters for {rows:,} training rows it can pass through nearly every one of them, "
                "whatever the target is (interpolation): how well it follows those rows is no evidence, and between them "
                "other curves would do as well.",
                n_params=choice.n_params,
                rows=rows,
            )
        )
    return reasons


def constraint_reasons(constraints: Constraints, listed: Sequence[Candidate]) -> list[str]:
    """That the choice keeps to what is demanded of the effects, and which models could not be chosen for breaking that."""
    if not constraints:
        return []
    broken = [c.baseline.breaks for c in listed if c.baseline and c.baseline.breaks]
    sentences = say("; ").join(constraints.sentences())
    if broken:
        return [
            say(
                "It keeps to the constraints of the study: {sentences}. Not taken, because they do not: {broken}",
                sentences=sentences,
                broken=together(broken),
            )
        ]
    return [say("It keeps to the constraints of the study: {sentences}.", sentences=sentences)]


def _aicc_words(network: Candidate) -> str:
    """By which AICc it is ranked among networks: tables have one of effective K beside that of K."""
    return say("AICc of effective K") if network.n_params_effective not in (None, network.n_params) else "AICc"


def _by_what_is_spent(choice: Candidate) -> str:
    """Why it is the first of the networks."""
    if choice.n_params != choice.n_params_effective:
        return say(
            "Of all networks it has the lowest AICc by what its fit has spent, "
            "{spent:,.1f} effective parameters ({edf:,.1f} effective degrees of "
            "freedom and a charge for the search); of the {n_params:,g} parameters that could be identified the "
            "roughness penalty holds the rest.",
            spent=choice.n_params_effective,
            edf=choice.edf,
            n_params=choice.n_params,
        )
    return say(
        "Of all networks it has the lowest AICc by what its fit has spent, "
        "{spent:,.1f} effective parameters ({edf:,.1f} effective degrees of "
        "freedom and a charge for the search); the roughness penalty holds the rest of its parameters.",
        spent=choice.n_params_effective,
        edf=choice.edf,
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
    better = (
        say(" of those better than {name} on rows left out", name=_name(held))
        if held and len(sound) < len(looked_at)
        else ""
    )
    of = (
        say("Of all networks")
        if alone
        else say(
            "Of the {near} networks within {supported:g} units of the lowest {aicc}{better}",
            near=len(near),
            supported=SUPPORTED,
            aicc=_aicc_words(choice),
            better=better,
        )
    )
    mean = say(
        "the mean of {looked_at} networks, which predicts better than most of them alone", looked_at=len(looked_at)
    )
    which = (
        say("the one of lowest {aicc}{better}", aicc=_aicc_words(choice), better=better)
        if alone
        else say("the one whose predictions are nearest to {mean}", mean=mean)
    )
    if choice.reduced is None or choice is nearest:
        lowest = (
            say("it also has the lowest {aicc}", aicc=_aicc_words(choice))
            if above <= 0.0
            else say("its {aicc} is {above:,.1f} above the lowest", aicc=_aicc_words(choice), above=above)
        )
        return say("{of} it is {which}; {lowest}.", of=of, which=which, lowest=lowest)
    if choice.reduced.of_edges:
        return say(
            "{of} {name} is {which}; this one has lost edges, has a lower AICc and predicts rows left out as well.",
            of=of,
            name=_name(nearest),
            which=which,
        )
    return say(
        "{of} {name} is {which}; this one has lost features, has a lower AICc and predicts rows left out as well.",
        of=of,
        name=_name(nearest),
        which=which,
    )


def _set_aside(choice: Candidate, rivals: Sequence[Candidate]) -> list[str]:
    """That networks of lower AICc depart from all others between the rows."""
    wild = [c for c in rivals if c.wild is not None and criterion_of(c) < criterion_of(choice)]
    if not wild:
        return []
    furthest = max(wild, key=lambda c: c.wild or 0.0)
    if len(wild) == 1:
        return [
            say(
                "{name} has a lower AICc and is not taken: where values of two training rows are put together, it departs "
                "from the other networks by up to {share:.0%} of the range of their predictions.",
                name=beginning(_name(furthest)),
                share=furthest.wild,
            )
        ]
    return [
        say(
            "{networks} networks with a lower AICc are not taken: where values of two training rows are put together, they "
            "depart from the others by up to {share:.0%} of the range of their predictions.",
            networks=len(wild),
            share=furthest.wild,
        )
    ]


def _beside_linear(choice: Candidate, linear: Candidate, rivals: Sequence[Candidate]) -> str:
    """That there is something beyond the linear model, by the count known before any fit."""
    gap = aicc_of(linear) - aicc_of(choice)
    if gap > 0.0:
        return say("Its AICc is {gap:,.1f} below that of the {label} model.", gap=gap, label=linear.label)
    lowest = min((c for c in rivals if c.is_network), key=aicc_of)
    beyond = aicc_of(linear) - aicc_of(lowest)
    if beyond <= 0.0:
        return say(
            "No network has a lower AICc than the {label} model, if all its parameters count in full.",
            label=linear.label,
        )
    return say(
        "That there is more than a {label} model shows with all parameters counted in full: "
        "the AICc of {network} is {beyond:,.1f} below it.",
        label=linear.label,
        network=lowest.label,
        beyond=beyond,
    )


def _overruled(decision: Decision, choice: Candidate, first: Candidate) -> str:
    """What the validation has against the model that AICc and the leave-one-out errors put first."""
    name = _name(first)
    if decision.by == "permutation test":
        return say(
            "By AICc and the leave-one-out (LOO) error {name} would be taken, but networks fitted to shuffled targets "
            "gain as much AICc over the mean; it may show chance.",
            name=name,
        )
    gain = np.subtract(first.folds, choice.folds)
    errors = gain.mean() / max(gain.std(ddof=1) / np.sqrt(len(gain)), np.finfo(float).tiny)
    many = (
        say("a difference of {errors:.1f} standard errors", errors=errors)
        if errors < 100
        else say("in every fold alike")
    )
    return say(
        "By AICc and the leave-one-out (LOO) error {name} would be taken, but the cross-validated error of this model "
        "is lower, {own} against {other}, {many}.",
        name=name,
        own=four_digits(choice.cv_error),
        other=four_digits(first.cv_error),
        many=many,
    )


def _network_above(choice: Candidate, rivals: Sequence[Candidate]) -> str:
    """By how much the best network is above a choice that is none."""
    networks = [c for c in rivals if c.is_network]
    if choice.is_network or not networks:
        return ""
    best = min(networks, key=aicc_of)
    higher = aicc_of(best) - aicc_of(choice)
    if best.n_params_effective not in (None, best.n_params):
        return say(
            "; that of the best network, {label}, with all its parameters counted in full, is {higher:,.1f} higher",
            label=best.label,
            higher=higher,
        )
    return say("; that of the best network, {label}, is {higher:,.1f} higher", label=best.label, higher=higher)


def _beside(choice: Candidate, listed: Sequence[Candidate]) -> str:
    """The model of a family that is compared and not recommended, where its AICc is lower."""
    lower = [c for c in listed if c.family in COMPARISON_FAMILIES and aicc_of(c) < aicc_of(choice)]
    if not lower:
        return ""
    best = min(lower, key=aicc_of)
    return say(
        "; that of the {label} model, which is compared but not recommended because its "
        "leave-one-out error is not known, is {lower:,.1f} lower",
        label=best.label,
        lower=aicc_of(choice) - aicc_of(best),
    )


def _base_rate(listed: Sequence[Candidate]) -> float | None:
    """How often the most frequent class of the training rows is right by itself."""
    mean = next((c.classes for c in listed if c.family == "constant" and c.classes is not None), None)
    return None if mean is None else mean.accuracy_test


def _name(candidate: Candidate) -> str:
    if candidate.family == "constant":
        return say("the mean") if candidate.classes is None else say("the class shares")
    if candidate.is_network:
        return say("the network of {label}", label=candidate.label)
    return say("the {label} model", label=candidate.label)


def _change(candidate: Candidate, held: Candidate) -> float:
    """Its leave-one-out RMSE, or log-loss, against that of the reference, as a share of that."""
    ratio = (candidate.press or 0.0) / max(held.press or 0.0, np.finfo(float).tiny)
    return float(np.sqrt(ratio) if measure_for(candidate).error == "RMSE" else ratio) - 1


def _not_the_lowest(choice: Candidate, held: Candidate, lowest: Candidate) -> str:
    """Why another model's AICc is lower, and it is not taken all the same."""
    both = choice.is_network and lowest.is_network
    gap = criterion_of(choice) - criterion_of(lowest) if both else aicc_of(choice) - aicc_of(lowest)
    name, words = _name(lowest), _aicc_words(choice) if both else "AICc"
    lower = (
        say("The {aicc} of {name} is {gap:,.1f} lower", aicc=words, name=name, gap=gap)
        if gap >= 0.1
        else say("The {aicc} of {name} is as low", aicc=words, name=name)
    )
    to_this = lowest is held or beats(lowest, held, held)
    other = say("this model") if to_this else _name(held)
    change = _change(lowest, choice if to_this else held)
    if not to_this and abs(change) < 0.0005:  # 0.0% as it would be written
        return say(
            "{lower}, but its leave-one-out (LOO) error is as high as that of {other}.", lower=lower, other=other
        )
    if change < 0:
        return say(
            "{lower}, but its leave-one-out (LOO) error is {share:.1%} lower than that of {other}, too small a "
            "difference to be sure of.",
            lower=lower,
            share=abs(change),
            other=other,
        )
    return say(
        "{lower}, but its leave-one-out (LOO) error is {share:.1%} higher than that of {other}.",
        lower=lower,
        share=abs(change),
        other=other,
    )


def _without(choice: Candidate, listed: Sequence[Candidate]) -> str:
    """What is gained without the features left out."""
    reduced = choice.reduced
    assert reduced is not None
    full = next((c for c in listed if c.trial is not None and c.trial.number == reduced.number), None)
    if reduced.of_edges is not None:
        return _with_fewer_edges(choice, reduced, listed)
    one, features = len(reduced.without) == 1, names_words(reduced.without)
    if full is None or full.criterion is None or reduced.criterion is None:
        return (
            say("The edges of {features} do next to nothing, so that feature is left out.", features=features)
            if one
            else say("The edges of {features} do next to nothing, so those features are left out.", features=features)
        )
    return say(
        "The edges of {features} do next to nothing: without {them} K is {n_params} instead of {before} and AICc "
        "{change}, {charge:.1f} for the choice among features included.",
        features=features,
        them=say("that feature") if one else say("those features"),
        n_params=reduced.n_params,
        before=full.n_params,
        change=_lower_or_higher(full.criterion - reduced.criterion),
        charge=reduced.charge,
    )


def _lower_or_higher(difference: float) -> str:
    return (
        say("{difference:,.1f} lower", difference=difference)
        if difference >= 0
        else say("{difference:,.1f} higher", difference=-difference)
    )


def _with_fewer_edges(choice: Candidate, reduced: ReducedTrial, listed: Sequence[Candidate]) -> str:
    """What is gained without single edges."""
    assert reduced.of_edges is not None
    left, count = reduced.of_edges
    one, gone, among = count - left == 1, count - left, names_words(reduced.without) if reduced.without else ""
    if one:
        words = say("Of its {count} edges from the features 1 edge does next to nothing", count=count)
    else:
        words = say("Of its {count} edges from the features {gone} edges do next to nothing", count=count, gone=gone)
    if among:
        words = say("{words}, all those of {features} among them", words=words, features=among)
    full = next((c for c in listed if c.trial is not None and c.trial.number == reduced.number), None)
    if full is None or full.criterion is None or choice.criterion is None:
        return (
            say("{words}, so it is left out.", words=words)
            if one
            else say("{words}, so they are left out.", words=words)
        )
    change = _lower_or_higher(full.criterion - choice.criterion)
    if one:
        return say(
            "{words}: without it K is {n_params:,g} instead of {before:,g} and AICc {change}, {charge:.1f} for the "
            "choice among edges included.",
            words=words,
            n_params=reduced.n_params,
            before=full.n_params,
            change=change,
            charge=reduced.charge,
        )
    return say(
        "{words}: without them K is {n_params:,g} instead of {before:,g} and AICc {change}, {charge:.1f} for the "
        "choice among edges included.",
        words=words,
        n_params=reduced.n_params,
        before=full.n_params,
        change=change,
        charge=reduced.charge,
    )
