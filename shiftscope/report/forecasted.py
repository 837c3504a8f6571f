"""Forecasts of harm as they are read: what may be said of each way of using a candidate, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shiftscope.core.audit import MARGIN
from shiftscope.core.forecast import ARMS, HURTS, SAFE, Arm, ArmForecast, Basis, Paired, Zone
from shiftscope.core.text import shown
from shiftscope.report.numerals import NBSP, fixed, interval, level, listed, opened, plural, probability
from shiftscope.report.numerals import small_count as some
from shiftscope.report.ranked import Candidate, RankReading

__all__ = [
    "ARM_NAMES",
    "PROBE",
    "ZONES",
    "arm_of",
    "bases",
    "basis_note",
    "ends_of",
    "gain_over",
    "harm_lead",
    "harm_reading",
    "harm_text",
    "interval_level",
    "out_of_range",
    "told_chance",
    "zone_of",
]

ARM_NAMES: dict[Arm, str] = {"head": "a frozen head", "full": "fine-tuning"}
COVARIATES = {
    "gain_over_random": "the gain over the random copy",
    "gain_over_pixels": "the gain over raw pixels",
    "level": "the accuracy",
    "ln_per_class": "the number of labels per class",
}
PROBE = "ridge"
# AUROC up to which an order is called barely, and somewhat, better than chance.
BARELY, SOMEWHAT = 0.65, 0.8


@dataclass(frozen=True)
class ZoneWords:
    """A zone in a cell, as answer to "Is it safe?" with its icon, in a count of candidates; the class of its marks."""

    name: str
    answer: str
    tone: str
    counted: str
    css: str


ZONES: dict[Zone, ZoneWords] = {
    "safe": ZoneWords("safe", "Yes", "good", "safe with", "p"),
    "unclear": ZoneWords("unclear", "Unclear", "note", "unclear with", "n"),
    "hurts": ZoneWords("hurts", "No", "error", "likely to hurt with", "b"),
    "unknown": ZoneWords("no probability", "Not enough data", "note", "without a probability for", "n"),
}


def arm_of(candidate: Candidate, arm: Arm) -> ArmForecast | None:
    """Return the forecast of one way of using a candidate, if there is one."""
    return None if candidate.forecast is None else candidate.forecast.of(arm)


def zone_of(candidate: Candidate, arm: Arm) -> Zone:
    """Return the zone of one way of using a candidate; unknown where nothing was forecast."""
    found = arm_of(candidate, arm)
    return "unknown" if found is None else found.zone


def gain_over(view: RankReading, candidate: Candidate, kind: str, measure: str = PROBE) -> Paired | None:
    """Return the gain over ``"pixels"`` or over the ``"random"`` copy by one measure, if it was measured."""
    pixels = view.pixels.row.backbone if view.pixels is not None else ""
    baseline = pixels if kind == "pixels" else candidate.row.random_copy or ""
    return None if candidate.forecast is None else candidate.forecast.over(baseline, measure)


def told_chance(found: ArmForecast | None) -> str:
    """Say a probability with its interval: "0.13 [0.08, 0.19]"; nothing where there is none."""
    if found is None or found.probability is None:
        return ""
    return f"{probability(found.probability)} {ends_of(found)}".strip()


def ends_of(found: ArmForecast) -> str:
    """Return the interval of a probability in brackets, or nothing where there is none."""
    return "" if found.low is None or found.high is None else interval(found.low, found.high, lambda p: fixed(p, 2))


def out_of_range(found: ArmForecast) -> str:
    """Name the covariates that lie outside of what the forecast was learnt from."""
    return listed([COVARIATES.get(name, shown(name)) for name in found.outside])


def interval_level(view: RankReading) -> str:
    """Level of the intervals of probabilities, to stand before a noun; nothing where the record does not say it."""
    levels = [f.level for c in view.candidates for arm in ARMS if (f := arm_of(c, arm)) and f.level is not None]
    return f"{level(levels[0])} " if levels else ""


def harm_lead(view: RankReading) -> str:
    """Say of the first candidate whether a frozen head, and whether fine-tuning, is likely to hurt."""
    best = view.best
    if best is None:
        return "No candidate came first of which it could be said."
    head, full = (zone_of(best, arm) for arm in ARMS)
    if head != full:
        return f"{opened(_clause(f'a frozen head on {best.name}', head))}; {_clause('fine-tuning it', full)}."
    return {
        "safe": f"A frozen head on {best.name} and fine-tuning it are both unlikely to hurt.",
        "hurts": f"A frozen head on {best.name} and fine-tuning it are both likely to hurt.",
        "unclear": f"Whether a frozen head on {best.name} or fine-tuning it hurts is unclear.",
        "unknown": f"For {best.name} there is no probability, neither frozen nor fine-tuned.",
    }[head]


def _clause(what: str, zone: Zone) -> str:
    return {
        "safe": f"{what} is unlikely to hurt",
        "hurts": f"{what} is likely to hurt",
        "unclear": f"whether {what} hurts is unclear",
        "unknown": f"for {what} there is no probability",
    }[zone]


def harm_text(view: RankReading) -> str:
    """Say what the words mean, and why there is no probability where there is none."""
    if not any(arm_of(c, arm) for c in view.candidates for arm in ARMS):
        return (
            "A probability needs the gain over raw pixels and that over the same architecture with random weights; "
            "this run lacks one of these baselines, or both."
        )
    ends = f"{interval_level(view)}interval of the probability"
    meaning = (
        f"To hurt is to end more than {plural(round(100 * MARGIN), 'point')} below the same architecture trained from "
        f"scratch on these labels. Unlikely means that the whole {ends} lies below {fixed(SAFE, 1)}, likely that it "
        f"lies above {fixed(HURTS, 1)}."
    )
    return " ".join([meaning, *(_no_probability(view, name) for name in _outside(view))])


def _outside(view: RankReading) -> list[str]:
    found = [f for c in view.candidates for arm in ARMS if (f := arm_of(c, arm)) is not None]
    return list(dict.fromkeys(name for forecast in found for name in forecast.outside))


def _no_probability(view: RankReading, covariate: str) -> str:
    who = [c for c in view.candidates if any((f := arm_of(c, a)) and covariate in f.outside for a in ARMS)]
    subject = who[0].name if len(who) == 1 else opened(f"{some(len(who))} candidates")
    what = COVARIATES.get(covariate, shown(covariate))
    return (
        f"{subject} {'has' if len(who) == 1 else 'have'} no probability: {what} is out of the range it was learnt from."
    )


def harm_reading(view: RankReading) -> str:
    """Count the candidates in each zone, fine-tuning first."""
    return f"{opened('; '.join(_tally(view, arm) for arm in reversed(ARMS)))}."


def _tally(view: RankReading, arm: Arm) -> str:
    zones = [zone_of(c, arm) for c in view.candidates]
    counts = [(zones.count(zone), words.counted) for zone, words in ZONES.items() if zone in zones]
    n = len(zones)
    if len(counts) == 1:
        who = ["it", "both"][n - 1] if n < 3 else f"all {some(n)}"
        return f"{ARM_NAMES[arm]} is {counts[0][1]} {who}"
    return f"{ARM_NAMES[arm]} is {listed([f'{words} {some(k)}' for k, words in counts])} of {some(n)}"


def bases(view: RankReading) -> Mapping[Arm, Basis]:
    """What the probabilities of each arm were learnt from, as far as the record says."""
    known = {arm: [f.basis for c in view.candidates if (f := arm_of(c, arm)) and f.basis is not None] for arm in ARMS}
    return {arm: found[0] for arm, found in known.items() if found}


def basis_note(view: RankReading) -> str:
    """Say what the probabilities rest on, and how well such probabilities did on pairs they had not seen."""
    found = bases(view)
    if not found:
        return ""
    looks = plural(max(b.n_cells for b in found.values()), "comparison")
    rates = [f"{fixed(100 * b.base_rate, 0)}{NBSP}% for {ARM_NAMES[arm]}" for arm, b in found.items()]
    return (
        f"{looks} with training from scratch, each of one pair of weights and target at one amount of labels, with "
        "small networks and pictures of 32 or 48 pixels. The mean chance of harm in them, noise of the measurement "
        f"included, is {listed(rates)}. {_order_of_unseen(found)}"
    ).strip()


def _order_of_unseen(found: Mapping[Arm, Basis]) -> str:
    known = {arm: b.auroc for arm, b in found.items() if b.auroc is not None}
    if not known:
        return ""
    said = [
        f"{_how_well(value, low)} for {ARM_NAMES[arm]} (AUROC "
        f"{fixed(value, 2)}{NBSP}{interval(low, high, lambda v: fixed(v, 2))})"
        for arm, (value, low, high) in known.items()
    ]
    weak = any(value < SOMEWHAT for value, _, _ in known.values())
    so = " So its interval and the gains over both baselines count for more than a probability itself." if weak else ""
    return f"Pairs that the forecast had not seen it put in order {listed(said)}; 0.50 is chance.{so}"


def _how_well(auroc: float, low: float) -> str:
    if low <= 0.5:
        return "no better than chance as far as can be told"
    if auroc < BARELY:
        return "barely better than chance"
    return "somewhat better than chance" if auroc < SOMEWHAT else "well"
