"""From forecast, probe and learning curve to advice: rules with names, the first that holds decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shiftscope.analysis.forecast.covariates import number
from shiftscope.analysis.rank import GAIN_MEASURE
from shiftscope.core.features import FeatureSet
from shiftscope.core.forecast import Arm, Forecast
from shiftscope.core.records import BackboneCost, Estimate, ShiftDiagnosis
from shiftscope.core.seeds import stream
from shiftscope.core.strategy import Action, LearningPoint, Reason, Strategy
from shiftscope.measures import MEASURES

__all__ = ["LIKELY", "RULES", "Facts", "advise", "decide", "learning_curve", "sure_level"]

LIKELY = 0.5
SOLVED = 0.95
DRAWS = 4  # of halves and of quarters, whose accuracies are averaged
# Rates that won the searches of the ground truth: networks of up to 2.6 million parameters under AdamW. Larger ones are
# fine-tuned at lower rates by custom; nothing was measured here.
SMALL_NETWORK, SMALL_RATES, LARGE_RATES = 5_000_000, (3e-3, 3e-2), (1e-5, 1e-3)


class Facts(NamedTuple):
    """What the rules of the decision read of one candidate on one target."""

    p_head: float | None  # chance that a frozen head ends below training from scratch
    p_full: float | None  # the same of fine-tuning
    gain_shown: bool  # over pixels or over the random copy
    level: float  # lower end of the held-out accuracy, as the share of what lies above the largest class
    gain_missing: bool = False  # over one of the two at least: with a likely harm, that is what NT201 says


RULES: dict[str, Action] = {
    "harm-in-both": "scratch",
    "nearly-solved": "head",
    "otherwise": "full",
}


def decide(facts: Facts) -> str:
    """Return the name of the first rule of ``docs/decision-protocol.md`` that holds; RULES says what it advises."""
    both = [facts.p_head, facts.p_full]
    if not facts.gain_shown and all(p is not None and p >= LIKELY for p in both):
        return "harm-in-both"
    if facts.level >= SOLVED:
        return "nearly-solved"
    return "otherwise"


def advise(
    forecast: Forecast,
    probe: Estimate,
    *,
    curve: Sequence[LearningPoint] = (),
    cost: BackboneCost | None = None,
    diagnoses: Sequence[ShiftDiagnosis] = (),
    alignability: Mapping[str, Estimate] | None = None,
) -> Strategy:
    """Return the advice for one candidate: its forecast, and ``probe``, the estimate of ``ridge`` on the target.

    Parameters
    ----------
    curve
        Accuracy of the probe with fewer samples.
    cost
        For the size of the network; no learning rates are advised where it is not known.
    diagnoses
        Of the shift from each source, where there are any.
    alignability
        Source -> which share of its shift a linear map removes.
    """
    facts = _facts(forecast, probe)
    rule = decide(facts)
    action = RULES[rule]
    reasons = [Reason(rule=rule, says=_because(rule, facts), scored=True)]
    rates = None
    if action != "head" and cost is not None and cost.parameters is not None:
        small = cost.parameters < SMALL_NETWORK
        rates = SMALL_RATES if small else LARGE_RATES
        reasons.append(_rates(rates, small=small))
    more = (_more_labels(curve), *_aligned(alignability or {}), _sources(diagnoses))
    reasons += [r for r in more if r is not None]
    return Strategy(
        target=forecast.target,
        backbone=forecast.backbone,
        action=action,
        rates=rates,
        reasons=reasons,
        curve=list(curve),
    )


def learning_curve(features: FeatureSet, *, seed: int = 0) -> list[LearningPoint]:
    """Held-out accuracy of the probe on a quarter and on half of the samples, averaged over draws.

    Empty where a quarter leaves a class with fewer than two samples, and where samples come in groups. Cost: eight
    decompositions of parts.
    """
    counts = features.target.counts
    if features.target.kind != "class" or features.groups is not None or counts.min() < 8:
        return []
    rng = stream(seed, "learning curve")
    found = []
    for part in (4, 2):
        rows = [_part(features, part, rng) for _ in range(DRAWS)]
        accuracies = [_accuracy(features.take(r), seed) for r in rows]
        found.append(LearningPoint(n=len(rows[0]), accuracy=float(np.mean(accuracies))))
    return found


def _part(features: FeatureSet, part: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw one in ``part`` samples of every class."""
    codes = features.target.values
    rows = [rng.permutation(np.flatnonzero(codes == c)) for c in range(features.target.n_classes)]
    return np.concatenate([r[: max(2, len(r) // part)] for r in rows])


def _facts(forecast: Forecast, probe: Estimate) -> Facts:
    chance: dict[Arm, float | None] = {a.arm: a.probability for a in forecast.arms}
    gains = [e.shown for e in forecast.evidence if e.measure == GAIN_MEASURE]
    return Facts(
        p_head=chance.get("head"),
        p_full=chance.get("full"),
        gain_shown=any(gains),
        level=sure_level(probe),
        gain_missing=not all(gains),
    )


def sure_level(probe: Estimate) -> float:
    """Lower end of a held-out accuracy, as the share of what lies between the largest class and 1.

    The value itself will not do: without an error among ten samples it is 1, by luck.
    """
    largest = number(probe, "largest_class")
    low = probe.value if probe.low is None else probe.low
    return (low - largest) / (1 - largest)


def _because(rule: str, facts: Facts) -> str:
    match rule:
        case "harm-in-both":
            return (
                f"Harm is more likely than not with a frozen head ({facts.p_head:.2f}) and with fine-tuning "
                f"({facts.p_full:.2f}), and the probe is not shown to beat raw pixels or random weights: train from "
                "scratch or look elsewhere."
            )
        case "nearly-solved":
            return (
                f"A linear head on frozen features covers at least {100 * facts.level:.0f} % of the way from the "
                "largest class to no errors: little is left for fine-tuning to gain."
                f"{_against('a frozen head', facts.p_head, facts)}"
            )
    lost_least = "in the ground truth that lost least, with 5 labelled samples per class as with hundreds."
    against = _against("fine-tuning", facts.p_full, facts)
    lead = "By this rule fine-tune" if against else "Nothing speaks against fine-tuning"
    return f"{lead} all layers: {lost_least}{against}"


def _against(what: str, probability: float | None, facts: Facts) -> str:
    """Name the forecast that speaks against what a rule advises, and the finding that says so where there is one."""
    if probability is None or probability < LIKELY:
        return ""
    told = (
        "See NT201 before you train."
        if facts.gain_missing
        else "Yet the probe is shown to beat raw pixels and random weights."
    )
    return (
        f" The forecast speaks against it: {what} ends below training from scratch with a probability of "
        f"{probability:.2f}. {told}"
    )


def _rates(rates: tuple[float, float], *, small: bool) -> Reason:
    low, high = rates
    says = (
        f"Search the learning rate of AdamW from {low:g} to {high:g}, less for early layers: where the searches of the "
        "ground truth ended, with networks of up to 2.6 million parameters."
        if small
        else f"Search the learning rate of AdamW from {low:g} to {high:g}, less for early layers: the custom with "
        "networks of this size."
    )
    return Reason(rule="learning-rate", says=says, scored=False)


def _more_labels(curve: Sequence[LearningPoint]) -> Reason | None:
    """Read what doubling the labels would add off a quarter, half and all of them: steps shrink by a constant ratio."""
    if len(curve) < 3:
        return None
    quarter, half, whole = (p.accuracy for p in curve)
    before, last = half - quarter, whole - half
    ratio = min(max(last / before, 0.0), 1.0) if before > 0 else 0.0
    gain = 100 * max(last, 0.0) * ratio
    says = (
        f"The probe gained {100 * last:.1f} points from the last doubling of the labels; another doubling to "
        f"{2 * curve[-1].n} may add about {gain:.1f}."
    )
    return Reason(rule="label-more", says=says, scored=False)


def _aligned(alignability: Mapping[str, Estimate]) -> Iterator[Reason]:
    for source, found in alignability.items():
        if found.low is None or found.low <= 0:
            continue
        name = source if len(alignability) > 1 else "the source"
        says = (
            f"A linear map removes {100 * found.value:.0f} % of the shift from {name} on held-out samples: "
            "align the features before training on both."
        )
        yield Reason(rule="align-first", says=says, scored=False)


def _sources(diagnoses: Sequence[ShiftDiagnosis]) -> Reason | None:
    if not diagnoses:
        return None
    says = (
        f"Samples of {', '.join(d.source for d in diagnoses)} may help or hurt if trained on together with the "
        "target: 'shiftscope sources' weighs them."
    )
    return Reason(rule="weigh-sources", says=says, scored=False)


def _accuracy(features: FeatureSet, seed: int) -> float:
    return MEASURES[GAIN_MEASURE](features, rng=seed, intervals=False).value
