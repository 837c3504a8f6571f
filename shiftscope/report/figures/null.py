"""The permutation null of MMD, and where the observed value lies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.core.records import Estimate
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, text_width
from shiftscope.report.numerals import NBSP, count, level, pvalue, ratio, significant, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.shifted import Null, ShiftReading

__all__ = ["null"]

BASE, TOP = 150, 34
# Below this share of the axis the histogram is a sliver: it is drawn again, enlarged.
SLIVER = 0.25
# The least room before the observed value in which it can be read.
ROOM = 150
# Up to this p the observed value lies in a tail, not just among the shuffles.
SMALL_P = 0.05


def null(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where the record holds no null."""
    found = view.null
    if found is None:
        return None
    name = f"fig-{number}"
    observed = found.observed
    has_interval = observed.low is not None
    purple = f", with its {level(observed.level or 0.95)} interval" if has_interval else ""
    note = (
        f"Grey: MMD² after shuffling which sample came from where, {count(found.n)} times. "
        f"Purple: the observed value{purple}."
    )
    drawings = (_draw(found, WIDE, "wide", f"{name}w"), _draw(found, NARROW, "narrow", f"{name}n"))
    return Picture(name, number, _reading(found), note, drawings, _table(found))


def _reading(found: Null) -> str:
    """Say where the observed value lies: above all shuffles, among them, or where no shift would put it."""
    value, (bottom, top), n = found.observed.value, found.ends, count(found.n)
    p = found.observed.pvalue
    test = "" if p is None else f", p{NBSP}={NBSP}{pvalue(p)}"
    if value > top:
        # "1.0 times the largest" would say less than "above".
        if top > 0 and value / top >= 1.05:
            return f"The observed MMD² is {ratio(value / top)} the largest of {n} shuffles."
        return f"The observed MMD² lies above all {n} shuffles{test}."
    if value < bottom:
        return f"The observed MMD² lies below all {n} shuffles{test}."
    if value < _middle(found):
        return f"The observed MMD² lies below the middle of the {n} shuffles{test}."
    if p is not None and p <= SMALL_P:
        return f"The observed MMD² lies in the upper tail of the {n} shuffles{test}."
    return f"The observed MMD² lies among the {n} shuffles{test}."


def _middle(found: Null) -> float:
    """Middle of the bin that holds the median shuffle."""
    reached = itertools.accumulate(found.counts)
    i = next(i for i, k in enumerate(reached) if 2 * k >= found.n)
    return (found.edges[i] + found.edges[i + 1]) / 2


def _draw(found: Null, width: int, kind: str, name: str) -> Markup:
    low, high = found.ends
    observed = found.observed
    reach = [low, high, 0.0, *(v for v in (observed.value, observed.low, observed.high) if v is not None)]
    start, end = span(reach, pad=0.03)
    full = Scale(start, end, 4, width - 8)
    enlarged = full(high) - full(low) < SLIVER * width
    gap = _gap(found, full)
    below = 96 if enlarged and (kind == "narrow" or gap[1] - gap[0] < ROOM) else 0
    sheet = Sheet(width, BASE + 42 + below, kind)
    if observed.low is not None and observed.high is not None:
        sheet.bars([(full(observed.low), TOP, full(observed.high) - full(observed.low), BASE - TOP)], "wash t")
    _bars(sheet, found, full, BASE, BASE - TOP - 14)
    _observed(sheet, observed.value, full)
    _axis(sheet, full, BASE)
    sheet.text(full.end, BASE + 36, found.statistic, "s mu", "end")
    # At whichever end of the histogram the observed value is not.
    if full(low) + 130 < full(_first(observed)):
        sheet.text(max(4.0, full(low)), TOP + 4, f"{count(found.n)} permutations", "s mu")
    elif not enlarged:
        sheet.text(full(high), TOP + 4, f"{count(found.n)} permutations", "s mu", "end")
    if enlarged and below:
        _enlarged(sheet, found, (4.0, width - 8.0), BASE + 114.0, 44)
    elif enlarged:
        _enlarged(sheet, found, gap, 118.0, 56)
    title = "Permutation null and observed MMD²"
    said = f"{count(found.n)} permutations lie between {significant(low)} and {significant(high)}; "
    return sheet.render(name, title, f"{said}the observed value is {significant(observed.value)}.")


def _first(observed: Estimate) -> float:
    """Left end of what is drawn of the observed value: of its interval, if it has one."""
    return observed.value if observed.low is None else observed.low


def _gap(found: Null, full: Scale) -> Point:
    """Ends of the gap between the histogram and the observed value; the first is the greater where there is none."""
    left = full(found.ends[1]) + 70
    return left, min(left + 230, full(_first(found.observed)) - 40)


def _bars(sheet: Sheet, found: Null, x: Scale, base: float, height: float) -> None:
    most = max(found.counts)
    edges = found.edges
    boxes = [
        (x(a), base - height * k / most, max(0.4, x(b) - x(a) - 0.4), height * k / most)
        for a, b, k in zip(edges[:-1], edges[1:], found.counts, strict=True)
        if k
    ]
    sheet.bars(boxes, "hist")


def _observed(sheet: Sheet, value: float, x: Scale) -> None:
    at = x(value)
    sheet.lines([((at, TOP - 10), (at, BASE))], "now")
    words = f"observed{NBSP}{significant(value)}"
    half = text_width(words) / 2 + 4
    sheet.text(min(max(at, half), sheet.width - half), TOP - 16, words, "b tt", "middle")


def _axis(sheet: Sheet, x: Scale, base: float, most: int = 6) -> None:
    sheet.lines([((x.start, base), (x.end, base))], "ax")
    ticks = x.ticks(most if sheet.width == WIDE else 4)
    sheet.lines([((x(t), base), (x(t), base + 4)) for t in ticks], "ax")
    for t in ticks:
        sheet.text(x(t), base + 17, tick(t), "s mu", "middle")


def _enlarged(sheet: Sheet, found: Null, ends: Point, base: float, height: float) -> None:
    """Draw the histogram once more between ``ends``."""
    x = Scale(*found.ends, *ends)
    _bars(sheet, found, x, base, height)
    _axis(sheet, x, base, most=4)
    sheet.text(x.start, base - height - 10, "the same permutations, enlarged", "s mu")


def _table(found: Null) -> Table:
    observed = found.observed
    low, high = found.ends
    quantities: Sequence[tuple[str, str]] = (
        ("Observed", significant(observed.value)),
        (
            f"{level(observed.level or 0.95)} interval",
            ""
            if observed.low is None or observed.high is None
            else f"[{significant(observed.low)},{NBSP}{significant(observed.high)}]",
        ),
        ("Lowest permutation, at least", significant(low)),
        ("Highest permutation, at most", significant(high)),
        ("Permutations", count(found.n)),
        ("p, the observed value counted", "" if observed.pvalue is None else pvalue(observed.pvalue)),
    )
    rows = tuple(Row(cells(*pair)) for pair in quantities)
    return Table("Permutation null of MMD²", heads("Quantity", "Value"), rows)
