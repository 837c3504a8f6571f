"""The ten-second reading: a few questions, each with a figure, a word or a number, and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.forecast import Arm
from shiftscope.core.text import shown
from shiftscope.report.advised import advised_arm, rates_line, reasons, regret_line, strategy_lead, to_do
from shiftscope.report.figures.chances import chances
from shiftscope.report.figures.zones import strips
from shiftscope.report.forecasted import ZONES, arm_of, harm_lead, harm_text, out_of_range, told_chance, zone_of
from shiftscope.report.nearest import NearestReading
from shiftscope.report.numerals import (
    NBSP,
    count,
    drawn,
    level,
    listed,
    lowered,
    opened,
    plural,
    pvalue,
    ratio,
    small_count,
)
from shiftscope.report.profiled import layer_lead, leading_profile
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.shifted import ShiftReading
from shiftscope.report.verdicts import against_pixels, headline, rank_headline, rank_lead, shift_headline, times_floor

__all__ = ["Answer", "answers"]

USED: dict[Arm, str] = {"head": "as a frozen head", "full": "fine-tuned"}


@dataclass(frozen=True)
class Answer:
    """One line of the ten-second reading.

    ``tone`` is a severity whose icon stands before the word ``big``, or empty.
    """

    question: str
    big: str
    unit: str
    say: str
    tone: str = ""
    drawings: tuple[Markup, ...] = ()


def answers(
    rankings: Sequence[RankReading], shifts: Sequence[ShiftReading], orders: Sequence[NearestReading] = ()
) -> list[Answer]:
    """Return the lines of a record: by question for one target, by target for several; of many sources one a target."""
    moved: dict[str, list[ShiftReading]] = {}
    for shift in shifts:
        moved.setdefault(shift.diagnosis.target, []).append(shift)
    if len(rankings) == 1 and len(moved) <= 1:
        view = rankings[0]
        found = [_how_sure(view), _is_it_safe(view), _what_next(view), _which_layer(view)]
        return [a for a in found if a is not None] + [_shift(some, orders, "Shift") for some in moved.values()]
    if not rankings and len(shifts) == 1:
        return _shift_only(shifts[0])
    return [
        *(_of_target(view) for view in rankings),
        *(_shift(some, orders, f"Shift of {some[0].target}") for some in moved.values()),
    ]


def _how_sure(view: RankReading) -> Answer | None:
    best = view.best
    if best is None or best.row.p_best is None or len(view.candidates) < 2:
        return None
    others = len(view.best_set) - 1
    at = level(view.ranking.level)
    verb = "cannot" if others else "can"
    who = f"{opened(small_count(others))} other{'s' if others > 1 else ''}" if others else "All others"
    over = listed([view.words_of(m).name for m in view.ranking.measures])
    draws = f"{count(view.ranking.n_draws)} draws of half the samples"
    first = f"in all {draws} it had" if best.row.p_best == 1 else f"its share of {draws} with"
    say = (
        f"probability that {best.name} is the best of {len(view.candidates)}: {first} the least "
        f"mean rank over {over}. {who} {verb} be told apart from it at {at}."
    )
    return Answer("How sure?", drawn(best.row.p_best, view.ranking.n_draws), "", say, drawings=chances(view, "sure"))


def _is_it_safe(view: RankReading) -> Answer | None:
    """Say it of the way that is advised, and of the other after it."""
    best = view.best
    if best is None or best.forecast is None:
        return None
    arm = advised_arm(view)
    words = ZONES[zone_of(best, arm)]
    if not best.forecast.arms:
        return Answer("Is it safe?", words.answer, "", harm_text(view), words.tone)
    other: Arm = "full" if arm == "head" else "head"
    first = f"{opened(USED[arm])}, {_ends_below(best, arm, best.name, ' end below training from scratch')}"
    say = f"{first}; {USED[other]}, {_ends_below(best, other, 'it')}."
    return Answer("Is it safe?", words.answer, "", say, words.tone, strips(best, "safe"))


def _ends_below(best: Candidate, arm: Arm, who: str, what: str = "") -> str:
    found, zone = arm_of(best, arm), zone_of(best, arm)
    if zone == "unknown":
        outside = "" if found is None else out_of_range(found)
        return f"no probability can be given{f': {outside} is out of range' if outside else ''}"
    likely = {"safe": "is unlikely to", "unclear": "may or may not", "hurts": "is likely to"}[zone]
    return f"{who} {likely}{what}, probability {told_chance(found)}"


def _what_next(view: RankReading) -> Answer | None:
    best = view.best
    if best is None:
        return None
    if view.strategy is not None and view.strategy.action == "scratch":
        return Answer("What next?", "0", "runs", f"{strategy_lead(view)} {reasons(view)[0].says}")
    if view.none_beats_pixels:
        unclear = any(c.over_pixels is not None and c.over_pixels.place == "unclear" for c in view.candidates)
        say = (
            f"As frozen features, {against_pixels(view)}. {'Label more samples, or add' if unclear else 'Add'} "
            "candidates from a nearer domain; check channel order, value range and input size of those you have."
        )
        nevertheless = f" To use one nevertheless: {lowered(strategy_lead(view))}" if view.strategy else ""
        return Answer("What next?", "0", "runs", f"{say}{nevertheless}")
    return _runs(view, best)


def _runs(view: RankReading, best: Candidate) -> Answer:
    """Say which candidates to train: the two that are advised, or all of the best set where the record advises none."""
    lead = [c.name for c in view.best_set]
    after = " ".join(filter(None, (rates_line(view), regret_line(view, alone=len(lead) == 1))))
    if len(lead) == 1:
        alone = "; as far as sampling noise of the probe goes, no other candidate needs a trial"
        rest = alone if len(view.candidates) > 1 else ""
        return Answer("What next?", "1", "run", f"{opened(to_do(view, lead))} on {view.target}{rest}. {after}".strip())
    two = [shown(name) for name in view.ranking.choices[-1].backbones] if view.ranking.choices else []
    if two:
        say = f"{opened(to_do(view, two))} on {view.target} and keep the better. {after}"
        return Answer("What next?", str(len(two)), "runs", say.strip())
    some = listed(lead) if len(lead) <= 4 else f"the {len(lead)} that cannot be told apart"
    keep = "better" if len(lead) == 2 else "best"
    say = f"{opened(to_do(view, [some]))} on {view.target} and keep the {keep}; with one run only, take {best.name}."
    return Answer("What next?", str(len(lead)), "runs", say)


def _which_layer(view: RankReading) -> Answer | None:
    if not view.profiles:
        return None
    word = "earlier" if leading_profile(view).verdict == "earlier" else "last"
    return Answer("Which layer?", word, "", layer_lead(view))


def _shift(views: Sequence[ShiftReading], orders: Sequence[NearestReading], question: str) -> Answer:
    """Say how far one target has moved: from its source, or from how many of its sources, and which is nearest."""
    if len(views) > 1:
        moved = [view.source for view in views if view.verdict == "moved"]
        nearest = [f" {opened(order.line)}." for order in orders if order.order.target == views[0].diagnosis.target]
        say = f"{headline([], views)}{''.join(nearest)}"
        return Answer(question, f"{len(moved)}/{len(views)}", "sources", say)
    (view,) = views
    tone, word = _word(view)
    key = view.key
    floor = times_floor(key) if key is not None else "no measure gave a number"
    say = f"{shift_headline(view)} Under {view.backbone}, {floor}."
    return Answer(question, word, "", say, tone)


def _word(view: ShiftReading) -> tuple[str, str]:
    return {
        "moved": ("warning", "moved"),
        "small": ("note", "small"),
        "unclear": ("note", "unclear"),
        "untested": ("note", "untested"),
    }[view.verdict]


def _shift_only(view: ShiftReading) -> list[Answer]:
    tone, word = _word(view)
    found = [Answer("Has it moved?", word, "", f"{shift_headline(view)} {_test(view)}", tone)]
    key = view.key
    if key is not None and key.ratio is not None and key.ratio > 0:
        say = f"the noise floor, by {key.words.name} under {view.backbone}. {_others(view)}"
        found.append(Answer("How far?", ratio(key.ratio), "", say))
    if view.tested_classes:
        moved = [shown(c.name) for c in view.moved_classes]
        some = f": {listed(moved[:3])}{' most' if len(moved) > 3 else ''}" if moved else ""
        n = len(view.tested_classes)
        by = "has moved by a test of its own" if 1 in (n, len(moved)) else "have moved by tests of their own"
        say = f"of {small_count(n)} class{'' if n == 1 else 'es'} {by}{some}."
        found.append(Answer("Which classes?", str(len(moved)), "", say))
    say = f"A shift does not say which model copes with it: rank candidates on {view.target}, with labels."
    found.append(Answer("What next?", "rank", "", say))
    return found


def _test(view: ShiftReading) -> str:
    tested = [line for line in view.lines if line.pvalue is not None]
    if not tested:
        return "No measure has a test."
    least = min(line.pvalue or 1.0 for line in tested)
    kind = "Holm-adjusted " if any(line.row.pvalue_holm is not None for line in tested) else ""
    return (
        f"The least {kind}p of {small_count(len(tested))} test{'s' if len(tested) > 1 else ''} is "
        f"{pvalue(least)}, with {count(view.diagnosis.n_source)} against {count(view.diagnosis.n_target)}{NBSP}samples."
    )


def _others(view: ShiftReading) -> str:
    rest = [line for line in view.lines if line is not view.key and line.ratio is not None]
    if not rest:
        return ""
    beyond = sum(line.beyond for line in rest)
    if beyond == len(rest) > 1:
        return f"All {small_count(beyond)} other measures lie beyond theirs."
    which = small_count(beyond) if beyond else "none"
    return f"Of {plural(len(rest), 'other measure')} {which} {'lies' if beyond < 2 else 'lie'} beyond its floor."


def _of_target(view: RankReading) -> Answer:
    best = view.best
    question = f"On {view.target}"
    told = rank_headline(view) if len(view.best_set) > 1 or view.none_beats_pixels else ""
    if best is None or best.row.p_best is None or len(view.candidates) < 2:
        return Answer(question, "", "", " ".join(filter(None, (rank_headline(view), rank_lead(view)))))
    chance = f"probability that {best.name} is the best of {len(view.candidates)}."
    parts = (chance, told, rank_lead(view), strategy_lead(view), harm_lead(view) if view.has_forecasts else "")
    return Answer(question, drawn(best.row.p_best, view.ranking.n_draws), "", " ".join(filter(None, parts)))
