"""Whether each candidate is likely to hurt, frozen and fine-tuned, beside its gains over the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.forecast import ARMS, HURTS, SAFE, Arm, Paired
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, cut, text_width
from shiftscope.report.figures.zones import draw_zones, mark_chances, name_zones, spoken_arms
from shiftscope.report.forecasted import PROBE, arm_of, bases, gain_over, harm_reading, interval_level
from shiftscope.report.harm_tables import ARM_HEADS, KINDS, harm_table
from shiftscope.report.numerals import few, level, listed, probability, signed, tick
from shiftscope.report.page import Picture
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.vocabulary import words_for

__all__ = ["harm"]

HEAD, FOOT = 54, 38
ROW, TALL = 24, 38
LABEL, APART = 184.0, 22.0
# Half a diagonal of a diamond, and how far the two gains of a row lie off its middle.
R, ASIDE = 4.5, 4.0


@dataclass(frozen=True)
class _Rows:
    """Candidates with the middles of their rows, and the spans of heights in which grounds and lines are drawn."""

    of: Sequence[tuple[Candidate, float]]
    spans: Sequence[Point]

    @property
    def bottom(self) -> float:
        """Where the panel ends."""
        return self.spans[-1][1]


def harm(view: RankReading, number: int) -> Picture | None:
    """Make the figure, or None where no candidate has a forecast of either arm."""
    if not any(arm_of(c, arm) for c in view.candidates for arm in ARMS):
        return None
    name = f"fig-{number}"
    drawings = (_wide(view, f"{name}w"), _narrow_chances(view, f"{name}n"), _narrow_gains(view, f"{name}g"))
    return Picture(name, number, harm_reading(view), _note(view), drawings, harm_table(view), css="far grid")


def _note(view: RankReading) -> str:
    base = "; dashed is the base rate, what to expect of any pair" if bases(view) else ""
    drawn = ""
    if len(view.drawn) < len(view.candidates):
        drawn = f" {len(view.drawn)} of {len(view.candidates)} candidates are drawn, the table has all."
    return (
        f"Probability of ending below training from scratch on {view.target}, lines {interval_level(view)}intervals: "
        f"discs are safe, crosses likely to hurt, rings unclear{base}. Beside it the gain in {words_for(PROBE).axis} "
        f"over raw pixels (diamonds) and over random weights (rings), lines {_gain_level(view)} intervals: blue where "
        f"it is shown to lie above zero, orange where its interval lies below.{drawn}"
    )


def _gains(view: RankReading, c: Candidate) -> list[tuple[str, Paired]]:
    known = ((kind, gain_over(view, c, kind)) for kind in KINDS)
    return [(kind, gain) for kind, gain in known if gain is not None]


def _gain_level(view: RankReading) -> str:
    return next((level(gain.level) for c in view.candidates for _, gain in _gains(view, c)), "")


def _wide(view: RankReading, name: str) -> Markup:
    bottom = HEAD + ROW * len(view.drawn)
    sheet = Sheet(WIDE, bottom + FOOT, "wide")
    rows = _Rows([(c, HEAD + ROW * (i + 0.5)) for i, c in enumerate(view.drawn)], [(HEAD, bottom)])
    label = min(LABEL, max(90.0, *(1.06 * text_width(c.name) for c in view.drawn)))
    panel = (WIDE - label - 3 * APART) / 3.3
    starts = [label + APART + (panel + APART) * i for i in range(3)]
    sheet.text(starts[0], 12, _axis(view), "s mu")
    for arm, start in zip(ARMS, starts[:2], strict=True):
        _panel(sheet, view, arm, Scale(0, 1, start, start + panel), rows)
    _gain_panel(sheet, view, rows, (starts[2], WIDE - 10))
    for c, y in rows.of:
        sheet.text(0, y + 4, cut(c.name, label), "b" if c.in_best_set else "")
    return sheet.render(name, *_spoken(view))


def _axis(view: RankReading) -> str:
    ends = interval_level(view)
    return f"probability that it hurts{f' ({ends}interval)' if ends else ''}"


def _narrow_chances(view: RankReading, name: str) -> Markup:
    """Draw both panels with each name above its row; the zones are cut to the rows, so that they cross no name."""
    sheet, rows = _narrow(view)
    half = (NARROW - APART) / 2
    sheet.text(0, 12, _axis(view), "s mu")
    for arm, start in zip(ARMS, (4.0, half + APART), strict=True):
        _panel(sheet, view, arm, Scale(0, 1, start, start + half - 4), rows)
    return sheet.render(name, *_spoken(view))


def _narrow_gains(view: RankReading, name: str) -> Markup:
    sheet, rows = _narrow(view)
    _gain_panel(sheet, view, rows, (10, NARROW - 10))
    return sheet.render(name, f"Gains over the baselines on {view.target}", _spoken_gains(view))


def _narrow(view: RankReading) -> tuple[Sheet, _Rows]:
    sheet = Sheet(NARROW, HEAD + TALL * len(view.drawn) + FOOT, "narrow")
    rows = [(c, HEAD + TALL * i + 28.0) for i, c in enumerate(view.drawn)]
    for c, y in rows:
        sheet.text(4, y - 15, cut(c.name, NARROW - 8), "b" if c.in_best_set else "")
    return sheet, _Rows(rows, [(y - 9, y + 9) for _, y in rows])


def _panel(sheet: Sheet, view: RankReading, arm: Arm, x: Scale, rows: _Rows) -> None:
    """Draw the probabilities of one arm."""
    sheet.text(x.start, 29, ARM_HEADS[arm], "b")
    name_zones(sheet, x, HEAD - 7)
    draw_zones(sheet, x, rows.spans)
    for t in (0, SAFE, HURTS, 1):
        sheet.text(x(t), rows.bottom + 15, tick(t), "s mu", "middle")
    basis = bases(view).get(arm)
    if basis is not None:
        at, words = x(basis.base_rate), f"base rate {probability(basis.base_rate)}"
        sheet.lines([((at, top), (at, end)) for top, end in rows.spans], "ref")
        half = text_width(words, 11) / 2
        sheet.text(min(max(at, x.start + half), x.end - half), rows.bottom + 30, words, "s mu", "middle")
    mark_chances(sheet, [(arm_of(c, arm), y) for c, y in rows.of], x)


def _gain_panel(sheet: Sheet, view: RankReading, rows: _Rows, ends: Point) -> None:
    gains = [(kind, gain, y) for c, y in rows.of for kind, gain in _gains(view, c)]
    low, high = span([0.0, *(end for _, gain, _ in gains for end in (gain.low, gain.high))])
    x = Scale(low, high, *ends)
    axis = f"gain, points ({_gain_level(view)} interval)"
    sheet.text(min(x.start, sheet.width - text_width(axis, 11)), 12, axis, "s mu")
    for t in x.ticks(4):
        sheet.lines([((x(t), top), (x(t), end)) for top, end in rows.spans], "zero" if t == 0 else "g")
        sheet.text(x(t), rows.bottom + 15, signed(100 * t, 0), "s mu", "middle")
    for words, anchor, css, room in (("worse", "end", "tb", x(0) - x.start), ("better", "start", "tp", x.end - x(0))):
        if room > text_width(words, 11) + 6:
            sheet.text(x(0) + (-6 if anchor == "end" else 6), HEAD - 7, words, f"s {css}", anchor)
    for css in ("n", "b", "p"):
        mine = [
            (kind, gain, y + (ASIDE if kind == "random" else -ASIDE)) for kind, gain, y in gains if _css(gain) == css
        ]
        sheet.lines([((x(gain.low), y), (x(gain.high), y)) for _, gain, y in mine], f"iv {css}")
        sheet.rings([(x(gain.gain), y) for kind, gain, y in mine if kind == "random"], css)
        sheet.shapes([_diamond(x(gain.gain), y) for kind, gain, y in mine if kind == "pixels"], f"fill {css}")


def _css(gain: Paired) -> str:
    return "p" if gain.shown else "b" if gain.high < 0 else "n"


def _diamond(x: float, y: float) -> tuple[Point, ...]:
    return (x, y - R), (x + R, y), (x, y + R), (x - R, y)


def _spoken(view: RankReading) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    said = "; ".join(few([spoken_arms(c) for c in view.drawn]))
    return f"Probability of ending below training from scratch on {view.target}", f"Dot plot with intervals: {said}."


def _spoken_gains(view: RankReading) -> str:
    words = words_for(PROBE)
    said = [
        f"{c.name} {listed([f'{words.change(gain.gain)} over {kind}' for kind, gain in _gains(view, c)])}"
        for c in view.drawn
    ]
    return f"Dot plot with intervals: {'; '.join(few(said))}."
