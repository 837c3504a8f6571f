"""Held-out quality of every candidate with its interval, between chance, raw pixels and random weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.records import Estimate
from shiftscope.report.figures.ranks import draw_shares, narrow_shares, places, style
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, few, fixed, level, listed, opened, small_count, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.verdicts import against_pixels

__all__ = ["accuracy"]

HEAD, FOOT = 44, 24
RANDOM_LABEL = "random weights"


@dataclass(frozen=True)
class _Panel:
    """Where the dots go: the scale, and the candidates with the middles of their rows."""

    view: RankReading
    scale: Scale
    rows: tuple[tuple[Candidate, float], ...]
    bottom: float

    @property
    def references(self) -> list[tuple[float, str]]:
        """Pixel and name of chance and of raw pixels, from left to right."""
        known = [("chance", self.view.chance), ("raw pixels", _value(self.view.pixels))]
        words = self.view.words
        return sorted((self.scale(v), f"{name} {words.form(v)}") for name, v in known if v is not None)


def accuracy(view: RankReading, number: int) -> Picture:
    """Make the figure of a ranking whose candidates have a quality."""
    name = f"fig-{number}"
    drawings = [_wide(view, f"{name}w"), _narrow(view, f"{name}n")]
    if places(view.drawn) > 1:
        drawings.append(narrow_shares(view, f"{name}r"))
    return Picture(name, number, _reading(view), _note(view), tuple(drawings), _table(view))


def _reading(view: RankReading) -> str:
    lead = [c.name for c in view.best_set]
    if len(view.candidates) == 1:
        first = f"{view.candidates[0].name} is the only candidate"
    elif not lead:
        first = "the candidates could not be ranked"
    elif len(lead) == 1:
        first = f"{lead[0]} comes first"
    elif len(lead) <= 3:
        first = f"{listed(lead)} cannot be told apart"
    else:
        first = f"{lead[0]} and {small_count(len(lead) - 1)} others cannot be told apart"
    told = against_pixels(view)
    return f"{opened(first) if not lead else first}{f'; {told}' if told else ''}."


def _note(view: RankReading) -> str:
    first = f"{opened(view.words.axis)} of the candidates on {view.target}, in the order of the ranking"
    parts = ["Dots are point values"]
    if view.has_intervals:
        parts = [f"Dots are point values, lines {level(view.level)} intervals"]
    if view.not_above_pixels:
        parts.append(
            f"hollow dots {'are not shown to beat' if view.has_paired_gains else 'do not lie above'} raw pixels"
        )
    if any(c.random_quality is not None for c in view.candidates):
        parts.append("small ticks are the same architecture with random weights")
    if len(view.best_set) > 1:
        parts.append("the blue band holds those that cannot be told apart from the first")
    if places(view.drawn) > 1:
        parts.append("small bars say how often a candidate took each rank")
    if any(c.has_error for c in view.drawn):
        parts.append("a cross marks an error finding")
    if len(view.drawn) < len(view.candidates):
        parts.append(f"{len(view.drawn)} of {len(view.candidates)} candidates are drawn, the table has all")
    return f"{first}. {'; '.join(parts)}."


def _wide(view: RankReading, name: str) -> Markup:
    height = 24
    bottom = HEAD + height * len(view.drawn)
    sheet = Sheet(WIDE, bottom + FOOT, "wide")
    rows = tuple((c, HEAD + height * (i + 0.5)) for i, c in enumerate(view.drawn))
    label = min(192.0, max(90.0, *(1.06 * text_width(c.name) for c in view.drawn)))
    shares = places(view.drawn) > 1
    right = WIDE - 6 - min(168.0, 14.0 * places(view.drawn)) if shares else WIDE
    panel = _Panel(view, _scale(view, label + 26, right - (80 if shares else 56)), rows, bottom)
    sheet.bars([(0, y - height / 2, WIDE, height) for c, y in rows if c.in_best_set], "wash p")
    _draw(sheet, panel, panel.scale.start, [(HEAD - 8, bottom)])
    for c, y in rows:
        sheet.text(6, y + 4, cut(c.name, label), "b np" if c.in_best_set else "")
        _write_value(sheet, view, c, panel.scale.end + 52, y + 4)
    if shares:
        draw_shares(sheet, rows, right, WIDE - 6, title=right)
    return sheet.render(name, *_spoken(view))


def _narrow(view: RankReading, name: str) -> Markup:
    """Draw with each name above its row, and the reference lines cut to the rows so that they cross no name."""
    height = 36
    bottom = HEAD + height * len(view.drawn)
    sheet = Sheet(NARROW, bottom + FOOT, "narrow")
    rows = tuple((c, HEAD + height * i + 25) for i, c in enumerate(view.drawn))
    panel = _Panel(view, _scale(view, 8, NARROW - 10), rows, bottom)
    sheet.bars([(0, y - 25, NARROW, height) for c, y in rows if c.in_best_set], "wash p")
    _draw(sheet, panel, 0, [(y - 6, y + 6) for _, y in rows])
    for c, y in rows:
        sheet.text(4, y - 10, cut(c.name, 262), "b np" if c.in_best_set else "")
        _write_value(sheet, view, c, NARROW - 4, y - 10)
    return sheet.render(name, *_spoken(view))


def _scale(view: RankReading, start: float, end: float) -> Scale:
    values = [v for c in view.drawn if c.quality for v in (c.quality.value, c.quality.low, c.quality.high)]
    values += [*(c.random_quality for c in view.drawn), view.chance, _value(view.pixels)]
    low, high = span(v for v in values if v is not None)
    if view.words.share:
        low, high = max(0.0, low), min(1.0, high)
    return Scale(low, high, start, end)


def _draw(sheet: Sheet, panel: _Panel, left: float, spans: Sequence[Point]) -> None:
    """Draw axis, grid, reference lines over each of ``spans`` and the marks of all rows."""
    view, x = panel.view, panel.scale
    ends = f" ({level(view.level)} interval)" if view.has_intervals else ""
    sheet.text(left, 12, f"{view.words.axis}{view.words.unit}{ends}", "s mu")
    ticks = x.ticks(5)
    sheet.lines([((x(t), HEAD - 6), (x(t), panel.bottom)) for t in ticks], "g")
    for t in ticks:
        last = f"{NBSP}%" if t == ticks[-1] else ""
        words = f"{fixed(100 * t, 0)}{last}" if view.words.share else tick(t)
        sheet.text(x(t), panel.bottom + 17, words, "s mu", "middle")
    sheet.lines([((at, top), (at, bottom)) for at, _ in panel.references for top, bottom in spans], "ref")
    _name_references(sheet, panel.references)
    _marks(sheet, panel)


def _name_references(sheet: Sheet, lines: Sequence[tuple[float, str]]) -> None:
    """Name the reference lines above the panel: centred on them, or pushed apart where the names would touch."""
    widths = [text_width(words, 11) for _, words in lines]
    if len(lines) == 2 and lines[1][0] - lines[0][0] < sum(widths) / 2 + 8:
        first = max(0.0, lines[0][0] - widths[0] - 2)
        sheet.text(first, 30, lines[0][1], "s mu")
        sheet.text(max(lines[1][0] + 2, first + widths[0] + 8), 30, lines[1][1], "s mu")
        return
    for (x, words), width in zip(lines, widths, strict=True):
        sheet.text(min(max(x, width / 2), sheet.width - width / 2), 30, words, "s mu", "middle")


def _marks(sheet: Sheet, panel: _Panel) -> None:
    x = panel.scale
    at_random = [(x(c.random_quality), y) for c, y in panel.rows if c.random_quality is not None]
    sheet.lines([((at, y - 5), (at, y + 5)) for at, y in at_random], "tick")
    for css in ("n", "p", "b"):
        mine = [(c, c.quality, y) for c, y in panel.rows if style(c) == css and c.quality is not None]
        ends = [(q.low, q.high, y) for _, q, y in mine if q.low is not None and q.high is not None]
        sheet.lines([((x(low), y), (x(high), y)) for low, high, y in ends], f"iv {css}")
        if css == "b":
            sheet.crosses([(x(q.value), y) for _, q, y in mine], "x")
            continue
        hollow = panel.view.not_above_pixels
        sheet.dots([(x(q.value), y) for c, q, y in mine if c not in hollow], css)
        sheet.rings([(x(q.value), y) for c, q, y in mine if c in hollow], css)
    _name_random_tick(sheet, panel)


def _name_random_tick(sheet: Sheet, panel: _Panel) -> None:
    """Say what the ticks are beside the first that has room for it, best where no reference line runs through."""
    needed = text_width(RANDOM_LABEL, 11) + 14
    roomy: list[tuple[bool, float, float]] = []
    for c, y in panel.rows:
        if c.random_quality is None or c.quality is None or c.in_best_set:
            continue
        left = panel.scale(c.random_quality)
        right = panel.scale(c.quality.value if c.quality.low is None else c.quality.low)
        if right - left > needed:
            roomy.append((any(left < at < left + needed for at, _ in panel.references), y, left))
    if roomy:
        _, y, left = min(roomy)
        sheet.text(left + 6, y + 4, RANDOM_LABEL, "s mu")


def _write_value(sheet: Sheet, view: RankReading, candidate: Candidate, x: float, y: float) -> None:
    value = _value(candidate)
    if value is None:
        sheet.text(x, y, "not measured", "s mu np", "end")
    else:
        sheet.text(x, y, view.words.form(value), {"p": "b tp np", "b": "tb", "n": ""}[style(candidate)], "end")


def _value(candidate: Candidate | None) -> float | None:
    return None if candidate is None or candidate.quality is None else candidate.quality.value


def _spoken(view: RankReading) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    words = view.words
    known = [(c.name, _value(c)) for c in view.drawn]
    said = listed(few([f"{name} {words.value(v)}" for name, v in known if v is not None]))
    lines = [("Chance", view.chance), ("Raw pixels", _value(view.pixels))]
    below = "".join(f" {name}: {words.value(v)}." for name, v in lines if v is not None)
    title = f"{opened(words.axis)} of the candidates on {view.target}"
    return title, f"Dot plot with intervals, in the order of the ranking: {said}.{below}"


def _table(view: RankReading) -> Table:
    words = view.words

    def numbers(quality: Estimate | None) -> tuple[str, str]:
        return (words.form(quality.value), words.ends(quality.low, quality.high)) if quality else ("", "")

    def at_random(c: Candidate) -> str:
        return "" if c.random_quality is None else words.form(c.random_quality)

    rows = tuple(Row(cells(c.name, *numbers(c.quality), at_random(c)), chosen=c.in_best_set) for c in view.candidates)
    below = []
    if view.pixels is not None:
        below.append(Row(cells("raw pixels", *numbers(view.pixels.quality), "")))
    if view.chance is not None:
        below.append(Row(cells("chance", words.form(view.chance), "", "")))
    columns = heads(
        "Candidate", f"{words.head}{words.unit}", f"{level(view.level)} interval", f"Random weights{words.unit}"
    )
    return Table(f"{opened(words.axis)} on {view.target}", columns, rows, tuple(below))
