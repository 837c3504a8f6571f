"""Layer profiles as they are read: which layer of each candidate to use, and how flat its profile is."""

from __future__ import annotations

from shiftscope.core.profile import LayerProfile
from shiftscope.core.text import shown
from shiftscope.report.numerals import fixed, level, listed, small_count
from shiftscope.report.page import Cell, Column, Row, Table, cells
from shiftscope.report.ranked import RankReading
from shiftscope.report.vocabulary import MeasureWords

__all__ = ["best_line", "comparable", "layer_lead", "layer_table", "layer_text", "leading_profile"]

VERDICTS = {"earlier": "earlier is better", "flat": "flat", "last": "last is best", "unclear": "unclear"}
NAMED = 3  # other candidates that a sentence names


def leading_profile(view: RankReading) -> LayerProfile:
    """Return the profile of the first candidate that has one."""
    return next(iter(view.profiles.values()))


def comparable(view: RankReading) -> list[LayerProfile]:
    """Return the profiles made by the leading one's measure, best candidate first."""
    return [p for p in view.profiles.values() if p.measure == leading_profile(view).measure]


def layer_lead(view: RankReading) -> str:
    """Say which layer of the leading candidate to use."""
    profile = leading_profile(view)
    name = shown(profile.backbone)
    if len(profile.taps) == 1:
        return f"Only the last layer of {name} could be read."
    if profile.verdict == "earlier":
        return f"For a frozen head use {shown(profile.best)} of {name}: {_gain(view, profile)} over its last layer."
    why = "its profile is flat" if profile.verdict == "flat" else "no other is shown to be better"
    return f"For a frozen head the last layer of {name} will do: {why}."


def best_line(view: RankReading) -> str:
    """Say which layer of the leading candidate scores best, and how well."""
    profile = leading_profile(view)
    words, score = _words(view, profile), profile.best_tap.scores[profile.measure]
    which = "the last" if profile.best_tap is profile.last else shown(profile.best)
    reached = " ".join(filter(None, (words.value(score.value), words.ends(score.low, score.high))))
    among = f"Of {small_count(len(profile.taps))} layers" if len(profile.taps) > 1 else "Of the layers"
    return f"{among} of {shown(profile.backbone)}, {which} scores best: {reached}."


def layer_text(view: RankReading) -> str:
    """Say how flat the leading profile is, and what the other candidates' profiles say."""
    lead = leading_profile(view)
    return " ".join(filter(None, (_of_gain(view, lead), _of_spread(view, lead), _left_out(lead), _others(view, lead))))


def _of_gain(view: RankReading, profile: LayerProfile) -> str:
    """What the gain of the best layer is worth."""
    if profile.gain is None:
        return ""
    if profile.verdict == "earlier":
        return (
            f"It is the best of {small_count(len(profile.taps))}, picked by these samples: so the gain errs upward, "
            "and its interval is wide enough to allow for that."
        )
    return f"{shown(profile.best)} scores best, {_gain(view, profile)} over the last layer, which noise may explain."


def _of_spread(view: RankReading, profile: LayerProfile) -> str:
    """How much the later half varies, against what noise makes of equal layers."""
    if profile.spread is None or profile.noise is None:
        return ""
    words = _words(view, profile)
    return (
        f"Over the later half of {shown(profile.backbone)}, {words.name} differs by {words.gap(profile.spread)} at "
        f"most: {'within' if profile.flat else 'more than'} what noise alone can make of equal layers, "
        f"{words.gap(profile.noise)}."
    )


def _left_out(profile: LayerProfile) -> str:
    said = [f"{shown(name)} ({shown(why).removesuffix('.')})" for name, why in profile.left_out.items()]
    return f"Without a number: {listed(said)}." if said else ""


def _others(view: RankReading, lead: LayerProfile) -> str:
    """Name the other candidates of which an earlier layer is shown to be better."""
    others = [p for p in comparable(view) if p is not lead]
    earlier = [p for p in others if p.verdict == "earlier"]
    if not others:
        return ""
    if not earlier:
        return "Of no other candidate is an earlier layer shown to be better."
    named = [f"{shown(p.backbone)} at {shown(p.best)}" for p in earlier[:NAMED]]
    more = f" and {small_count(len(earlier) - NAMED)} more" if len(earlier) > NAMED else ""
    some = ", ".join(named) + more if more else listed(named)
    return f"An earlier layer is shown to be better in {some}."


def layer_table(view: RankReading) -> Table:
    """Tabulate the best layer of every candidate, its gain over the last, and how flat the later half is."""
    lead = leading_profile(view)
    words = _words(view, lead)
    unit = ", points" if words.share else ""
    columns = (
        Column("Candidate", left=True),
        Column("Best layer", left=True),
        Column("Depth, %"),
        Column(f"{words.head}{words.unit}"),
        Column(f"Over the last{unit}"),
        Column(f"Later half varies{unit}"),
        Column(f"Noise alone{unit}", brief=False),
        Column("Profile", left=True),
    )
    return Table(
        f"Which layer to use on {view.target}: the best of each candidate against its last.",
        columns,
        tuple(_row(view, p, chosen=p is lead) for p in comparable(view)),
        note=(
            f"Gains are paired, with {level(lead.level)} intervals that allow for the best having been picked; the "
            "values themselves err upward for that reason. A profile is flat where no two layers of the later half "
            "differ by more than noise can make of equal ones."
        ),
    ).filled()


def _row(view: RankReading, profile: LayerProfile, *, chosen: bool) -> Row:
    words, best, gain = _words(view, profile), profile.best_tap, profile.gain
    # A gap's form has no unit in a column that has it in its head.
    spread, noise = (
        None if v is None else (fixed(100 * v, 1) if words.share else words.form(v))
        for v in (profile.spread, profile.noise)
    )
    over = "" if gain is None else f"{words.difference(gain.value)} {words.ends(gain.low, gain.high)}"
    return Row(
        cells(
            Cell(shown(profile.backbone)),
            shown(best.name) + (" (last)" if best is profile.last else ""),
            fixed(100 * best.depth, 0),
            words.form(best.scores[profile.measure].value),
            over,
            spread or "",
            noise or "",
            VERDICTS[profile.verdict],
        ),
        chosen=chosen,
    )


def _gain(view: RankReading, profile: LayerProfile) -> str:
    assert profile.gain is not None
    words = _words(view, profile)
    return f"{words.change(profile.gain.value)} {words.ends(profile.gain.low, profile.gain.high)}"


def _words(view: RankReading, profile: LayerProfile) -> MeasureWords:
    return view.words_of(profile.measure)
