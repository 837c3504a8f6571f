"""The sentences that open a report, chosen by rule from the record."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.shift import Band
from shiftscope.report.margins import Margin
from shiftscope.report.numerals import (
    NBSP,
    fixed,
    interval,
    listed,
    multiple,
    opened,
    percent,
    pvalue,
    small_count,
)
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.shifted import ShiftLine, ShiftReading

__all__ = [
    "against_pixels",
    "all_the_same",
    "cheaper_in_set",
    "headline",
    "how_far",
    "leads",
    "order_line",
    "rank_headline",
    "rank_lead",
    "set_line",
    "shift_headline",
    "shift_lead",
    "times",
    "times_floor",
]

# Kendall's W from which measures are said to agree closely, by and large, and in part.
AGREEING = (0.9, 0.7, 0.5)
FAR: dict[Band, str] = {
    "within noise": "Not shown to be beyond noise",
    "small": "Somewhat",
    "far": "Far",
    "very far": "Very far",
}


def headline(rankings: Sequence[RankReading], shifts: Sequence[ShiftReading]) -> str:
    """Return the one sentence for the whole record."""
    if len(rankings) == 1:
        return rank_headline(rankings[0])
    if rankings:
        return _several_rankings(rankings)
    if len(shifts) == 1:
        return shift_headline(shifts[0])
    if shifts:
        return _several_shifts(shifts)
    return "Nothing was measured."


def leads(rankings: Sequence[RankReading], shifts: Sequence[ShiftReading]) -> list[str]:
    """Return the lines below it: the numbers behind every recommendation, else behind every shift."""
    if rankings:
        return [rank_lead(view) for view in rankings]
    if len(shifts) == 1:
        return [shift_lead(shifts[0])]
    return [f"{view.target}{view.origin}: {shift_lead(view)}" for view in shifts]


def rank_headline(view: RankReading) -> str:
    """Return the recommendation for one target."""
    best, lead = view.best, view.best_set
    if not view.candidates:
        return "There is no candidate to start from."
    if best is None:
        return "The candidates could not be ranked."
    if view.none_beats_pixels:
        return f"No candidate {_beats(view)} raw pixels."
    if len(view.candidates) == 1:
        over = best.over_pixels
        gain = "" if over is None else f", and it {'beats' if over.ends else 'scores above'} raw pixels"
        return f"{best.name} is the only candidate{gain}."
    if len(lead) == 1:
        return f"Start from {best.name}."
    if len(lead) == 2:
        return f"{best.name} and {lead[1].name} cannot be told apart; start from {best.name}."
    return f"Start from {best.name}; {small_count(len(lead) - 1)} others cannot be told apart from it."


def rank_lead(view: RankReading) -> str:
    """Return the recommendation's numbers: its quality, its gains over the baselines, a cheaper one of the set."""
    best = view.best
    if best is None or best.quality is None:
        return ""
    words, q = view.words, best.quality
    ends = words.ends(q.low, q.high)
    sentence = f"{best.name} reaches {words.value(q.value)} {words.name} on {view.target}{f' {ends}' if ends else ''}"
    sentence += f"{_gains(view, best)}.{_not_told_apart(best)}"
    if best.has_error:
        sentence += " An error finding names it: read that first."
    cheap = cheaper_in_set(view)
    if cheap is not None and not view.none_beats_pixels:
        sentence += f" {cheap.name} is in the same set and needs {_saved(cheap, best)}{NBSP}% less compute."
    return sentence


def _beats(view: RankReading) -> str:
    """Verb of a sentence about no candidate: point values show nothing, they only lie where they lie."""
    return "is shown to beat" if view.has_paired_gains else "scores above"


def against_pixels(view: RankReading) -> str:
    """Count the candidates that beat raw pixels, that cannot be told apart from them, lie below or have no margin."""
    places = [c.over_pixels.place for c in view.candidates if c.over_pixels is not None]
    if not places:
        return ""
    above, unclear, below = (places.count(p) for p in ("above", "unclear", "below"))
    n = len(view.candidates)
    lost = [f"{small_count(n - len(places))} could not be compared with them"] if len(places) < n else []
    if not view.has_paired_gains:
        if above == n:
            return "every candidate scores above raw pixels"
        return ", ".join([f"{_of(above, n)} {'scores' if above < 2 else 'score'} above raw pixels", *lost])
    if above == n:
        return f"{'it beats' if n == 1 else 'every candidate beats'} raw pixels"
    if unclear == n:
        return f"{'it' if n == 1 else 'none of them'} {'cannot' if n == 1 else 'can'} be told apart from raw pixels"
    if below == n:
        return f"{'it lies' if n == 1 else 'all of them lie'} below raw pixels"
    rest = [f"{small_count(unclear)} cannot be told apart from them"] if unclear else []
    rest += [f"{small_count(below)} {'lies' if below == 1 else 'lie'} below them"] if below else []
    return f"{_of(above, n)} {'beats' if above < 2 else 'beat'} raw pixels, {listed([*rest, *lost])}"


def _of(k: int, n: int) -> str:
    return f"{small_count(k) if k else 'none'} of {small_count(n)}"


def cheaper_in_set(view: RankReading) -> Candidate | None:
    """Return the candidate of the best set with the least compute, where it is less than the first one's."""
    best = view.best
    if best is None or best.flops is None:
        return None
    known = [c for c in view.best_set if c.flops is not None and c.flops < (best.flops or 0)]
    return min(known, key=lambda c: c.flops or 0, default=None)


def _saved(cheap: Candidate, best: Candidate) -> str:
    return percent(1 - (cheap.flops or 0) / (best.flops or 1))


def _gains(view: RankReading, best: Candidate) -> str:
    against = [(best.over_pixels, "raw pixels"), (best.over_random, "its own architecture with random weights")]
    known = [(gain, name) for gain, name in against if gain is not None]
    if not known:
        return ""
    points = "" if any(gain.ends for gain, _ in known) else ", as point values"
    return f": {listed([_gain(view, gain, name) for gain, name in known])}{points}"


def _gain(view: RankReading, gain: Margin, name: str) -> str:
    if gain.ends is None:
        return f"{view.words.gap(gain.value)} {'above' if gain.value > 0 else 'below'} {name}"
    return f"{view.words.change(gain.value)} {view.words.ends(*gain.ends)} over {name}"


def _not_told_apart(best: Candidate) -> str:
    against = [(best.over_pixels, "raw pixels"), (best.over_random, "random weights")]
    said = []
    for place, words in (("unclear", "cannot be told apart from"), ("below", "lies below")):
        names = [name for gain, name in against if gain is not None and gain.ends and gain.place == place]
        said += [f"{words} {listed(names, 'or' if place == 'unclear' else 'and')}"] if names else []
    return f" It {listed(said)}." if said else ""


def _several_rankings(views: Sequence[RankReading]) -> str:
    by_best: dict[str, list[str]] = {}
    for view in views:
        usable = view.best is not None and not view.none_beats_pixels
        by_best.setdefault(view.best.name if view.best is not None and usable else "", []).append(view.target)
    none = by_best.pop("", [])
    if not by_best:
        if all(view.none_beats_pixels for view in views):
            verb = "is shown to beat" if any(view.has_paired_gains for view in views) else "scores above"
            return f"No candidate {verb} raw pixels on {listed(none)}."
        return f"No candidate is worth starting from on {listed(none)}."
    parts = [f"from {name} on {listed(targets)}" for name, targets in by_best.items()]
    tail = f"; on {listed(none)} no candidate is worth starting from" if none else ""
    return f"Start {listed(parts)}{tail}."


def shift_headline(view: ShiftReading) -> str:
    """Return what is known of the shift of one target."""
    return {
        "moved": f"{view.target} has shifted from {view.source}.",
        "small": f"{view.target} differs from {view.source}, not clearly by more than the noise floor.",
        "unclear": f"{view.target} cannot be told apart from {view.source}.",
        "untested": f"The shift of {view.target} from {view.source} was measured but not tested.",
    }[view.verdict]


def shift_lead(view: ShiftReading) -> str:
    """Return the numbers behind it: times the floor, p, and classes."""
    key = view.key
    if key is None:
        return "No shift measure gave a number."
    first = f"Under {view.backbone}, {times_floor(key)}"
    classes = ""
    if view.classes and not view.tested_classes:
        classes = " The classes were not tested one by one."
    elif view.classes:
        moved, total = len(view.moved_classes), len(view.tested_classes)
        who = f"{opened(small_count(moved))} of {small_count(total)} classes"
        if moved == total:
            who = {1: "The one class", 2: "Both classes"}.get(total, f"All {small_count(total)} classes")
        classes = f" {who} {'has' if moved == 1 else 'have'} moved on {'its' if moved == 1 else 'their'} own."
        classes = classes if moved else " No class by itself can be told from noise."
    return f"{first}.{classes}"


def times_floor(line: ShiftLine) -> str:
    """Say how large one measure is: "MMD² is 48 times its noise floor, Holm p = 0.004"."""
    test = ""
    if line.pvalue is not None:
        name = "p" if line.row.pvalue_holm is None else f"Holm{NBSP}p"
        test = f", {name}{NBSP}={NBSP}{pvalue(line.pvalue)}"
    name = line.words.name
    if line.ratio is None:
        return f"{name} is {line.words.form(line.row.value)}{test}"
    if line.ratio <= 0:
        return f"the effect on {name} is not above zero{test}"
    return f"{name} is {times(line.ratio)} its noise floor{test}"


def times(value: float) -> str:
    """How many times, for a sentence: "48 times", "0.63 times"."""
    return f"{multiple(value)}{NBSP}times"


def _several_shifts(views: Sequence[ShiftReading]) -> str:
    words = {
        "moved": "shifted from {}",
        "small": "not clearly further than the noise floor from {}",
        "unclear": "not to be told apart from {}",
        "untested": "measured but not tested",
    }
    targets: dict[tuple[str, str], list[str]] = {}
    for view in views:
        targets.setdefault((words[view.verdict], view.source), []).append(view.target)
    # Sources of which the same is said of the same targets share a sentence.
    sources: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (what, source), names in targets.items():
        sources.setdefault((what, tuple(names)), []).append(source)
    said = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what.format(listed(found))}"
        for (what, names), found in sources.items()
    ]
    return f"{'; '.join(said)}."


def set_line(view: RankReading) -> str:
    """Answer "which model" in one line, in words that the headline does not use."""
    best, n = view.best, len(view.best_set)
    if best is None:
        return "None could be ranked."
    if view.none_beats_pixels:
        return f"None of them as it is: {_instead(view, best)}."
    if len(view.candidates) == 1:
        return f"There is no choice to make: {best.name} is the only one."
    if n == 1:
        return f"{best.name}: no other candidate comes close enough to be taken for it."
    if n == len(view.candidates):
        return "Any of them: on this sample the candidates cannot be told apart."
    some = f"One of {small_count(n)} of the {small_count(len(view.candidates))} candidates"
    return f"{some}; on this sample they cannot be told apart."


def _instead(view: RankReading, best: Candidate) -> str:
    gain = best.over_pixels
    if gain is None:
        return f"{best.name} could not be compared with raw pixels, and no other {_beats(view)} them"
    verb = "do better than" if gain.place == "below" else "may do as well as"
    return f"raw pixels {verb if gain.ends else 'score no lower than'} {best.name}"


def order_line(view: RankReading) -> str:
    """Say what the order is by, and whether the measure that figures show agrees on the first place."""
    parts = []
    if view.quality == "ridge":
        parts.append("Accuracy is that of a ridge probe on frozen features, each sample predicted while held out.")
    over = [view.words_of(m).name for m in view.ranking.measures]
    if len(over) > 1:
        parts.append(f"The order is by the mean rank over {listed(over)}.{_agreement(view.ranking.kendall_w)}")
    elif over:
        parts.append(f"The order is by {over[0]}.")
    measured = [c for c in view.candidates if c.quality is not None]
    if view.quality not in view.ranking.measures and len(measured) > 1 and view.best is not None:
        first = max(measured, key=lambda c: c.quality.value if c.quality else 0.0)
        agrees = "also comes first" if first is view.best else "would come first"
        parts.append(f"By {view.words.name} alone {first.name} {agrees}.")
    return " ".join(parts)


def _agreement(w: float | None) -> str:
    """Say how far the measures agree on the order, by Kendall's W."""
    if w is None:
        return ""
    words = ("agree closely", "agree by and large", "agree in part only", "disagree")
    said = words[sum(w < least for least in AGREEING)]
    return f" These measures {said} on it (Kendall's W{NBSP}{fixed(w, 2)}, from 0 to 1)."


def how_far(view: ShiftReading) -> str:
    """Answer "how far" in one line, by the band that the whole interval reaches."""
    key = view.key
    if key is None or key.ratio is None or key.row.band is None:
        return shift_headline(view)
    far, despite = FAR[key.row.band], "" if key.beyond else all_the_same(view)
    if key.ratio <= 0:
        return f"{far}: the effect on {key.words.name} is not above zero.{despite}"
    ends = "" if key.ends is None else f" {interval(*key.ends, multiple)}"
    return f"{far}: {key.words.name} is {times(key.ratio)}{ends} what halves of one side differ by.{despite}"


def all_the_same(view: ShiftReading) -> str:
    """Say that a test rejects, after a sentence about an effect that is not shown to be beyond noise."""
    return " A test tells the sides apart all the same." if view.diagnosis.rejects else ""
