"""Every shift measure in units of its own noise floor, on one logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, cut
from shiftscope.report.numerals import (
    NBSP,
    TIMES,
    interval,
    listed,
    multiple,
    opened,
    pvalue,
    ratio,
    significant,
    small_count,
)
from shiftscope.report.page import Column, Picture, Row, Table, cells, heads
from shiftscope.report.shifted import ShiftLine, ShiftReading
from shiftscope.report.verdicts import all_the_same, times

__all__ = ["effect"]

HEAD, ROW, FOOT = 40, 27, 22


def effect(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where no measure has a noise floor to be compared with."""
    if all(line.ratio is None for line in view.lines):
        return None
    name = f"fig-{number}"
    drawings = (_wide(view, f"{name}w"), _narrow(view, f"{name}n"))
    splits = max(line.row.n_splits for line in view.lines)
    note = (
        f"Effect divided by its noise floor, {view.target} against {view.source}, backbone {view.backbone}. The floor "
        "is the 95th percentile of the same measure between halves of one side"
        f"{f', over {splits} splits' if splits else ''}; lines are 95\N{NO-BREAK SPACE}% intervals over the splits."
    )
    return Picture(name, number, _reading(view), note, drawings, shift_table(view), open=True, css="far")


def _reading(view: ShiftReading) -> str:
    known = [line for line in view.lines if line.ratio is not None]
    beyond = [line for line in known if line.beyond]
    n = small_count(len(known))
    if not beyond:
        who = "The one measure is not" if len(known) == 1 else "No measure is"
        return f"{who} shown to lie beyond its noise floor.{all_the_same(view)}"
    most = max(beyond, key=lambda line: line.ratio or 0.0)
    name, extent = most.words.name, times(most.ratio or 0.0)
    if len(known) == 1:
        return f"The one measure, {name}, is {extent} its noise floor."
    if len(beyond) == 1:
        return f"One of {n} measures lies beyond its noise floor: {name}, which is {extent} its floor."
    who = f"{opened(small_count(len(beyond)))} of {n} measures lie beyond their"
    if len(beyond) == len(known):
        who = "Every measure lies beyond its"
    return f"{who} noise floor; {name} is the farthest, at {extent} its floor."


def shift_table(view: ShiftReading) -> Table:
    """Tabulate every measure: value, interval, effect, floor, their ratio, p-values."""
    rows = [
        Row(
            cells(
                f"{line.words.head}{line.words.unit}",
                line.words.form(line.row.value),
                line.words.ends(line.row.low, line.row.high),
                "" if line.row.effect is None else line.words.form(line.row.effect),
                "" if line.row.floor is None else line.words.form(line.row.floor),
                "" if line.ratio is None else ratio(line.ratio),
                "" if line.ends is None else interval(*line.ends, multiple),
                line.row.band or "",
                "" if line.row.pvalue is None else pvalue(line.row.pvalue),
                "" if line.row.pvalue_holm is None else pvalue(line.row.pvalue_holm),
                "" if line.row.pvalue_max_t is None else pvalue(line.row.pvalue_max_t),
            )
        )
        for line in view.lines
    ]
    columns = (
        *heads("Measure", "Value", "Interval", "Effect", "Noise floor", "Ratio"),
        Column("Its interval", brief=False),
        Column("Extent", left=True),
        *heads("p", f"Holm{NBSP}p"),
        Column(f"max-T{NBSP}p", brief=False),
    )
    return Table(f"Shift of {view.target} against {view.source} under {view.backbone}", columns, tuple(rows)).filled()


def _wide(view: ShiftReading, name: str) -> Markup:
    bottom = HEAD + ROW * len(view.lines)
    sheet = Sheet(WIDE, bottom + FOOT, "wide")
    scale = _scale(view.lines, 190, 506)
    rows = [(line, HEAD + ROW * (i + 0.5)) for i, line in enumerate(view.lines)]
    _ground(sheet, scale, bottom, [(HEAD - 4, bottom)])
    for words, x in (("value", 582), ("floor", 642), (f"Holm{NBSP}p", 700)):
        sheet.text(x, 12, words, "s mu", "end")
    for line, y in rows:
        sheet.text(0, y + 4, cut(f"{line.words.head}{line.words.unit}", 180))
        _mark(sheet, scale, line, y)
        sheet.text(582, y + 4, line.words.form(line.row.value), "", "end")
        if line.row.floor is not None:
            floor = line.words.form(line.row.floor) if line.words.share else significant(line.row.floor, 2)
            sheet.text(642, y + 4, floor, "mu", "end")
        if line.pvalue is not None:
            sheet.text(700, y + 4, pvalue(line.pvalue), "mu", "end")
    return sheet.render(name, *_spoken(view))


def _narrow(view: ShiftReading, name: str) -> Markup:
    row = 40
    bottom = HEAD + row * len(view.lines)
    sheet = Sheet(NARROW, bottom + FOOT, "narrow")
    scale = _scale(view.lines, 12, NARROW - 12)
    ys = [HEAD + row * i + 14 for i in range(len(view.lines))]
    _ground(sheet, scale, bottom, [(y + 6, y + 22) for y in ys])
    for y, line in zip(ys, view.lines, strict=True):
        sheet.text(0, y, cut(line.words.head, 150))
        tail = "" if line.pvalue is None else f", p = {pvalue(line.pvalue)}"
        sheet.text(NARROW, y, f"{line.words.form(line.row.value)}{line.words.unit[1:]}{tail}", "mu", "end")
        _mark(sheet, scale, line, y + 14)
    return sheet.render(name, *_spoken(view))


def _scale(lines: Sequence[ShiftLine], start: float, end: float) -> Scale:
    """Range of the ratios with 1 always well inside; what is not above a tenth is drawn at the left end."""
    ratios = [r for line in lines if line.ratio is not None for r in (line.ratio, *(line.ends or ()))]
    low = min([0.3, *(r / 1.4 for r in ratios if r > 0)])
    return Scale(max(0.1, low), max([10.0, *(1.5 * r for r in ratios)]), start, end, log=True)


def _ground(sheet: Sheet, scale: Scale, bottom: float, spans: Sequence[Point]) -> None:
    """Draw the zone of noise and the line at ratio 1 over each of ``spans``, the grid and its numbers."""
    one = scale(1.0)
    sheet.text(scale.start, 12, "effect ÷ noise floor (log scale)", "s mu")
    sheet.bars([(scale.start, top, one - scale.start, end - top) for top, end in spans], "wash n")
    ticks = scale.ticks(7 if sheet.width == WIDE else 5)
    sheet.lines([((scale(t), top), (scale(t), end)) for t in ticks if t > 1 for top, end in spans], "g")
    sheet.lines([((one, 20), (one, 32)), *(((one, top), (one, end)) for top, end in spans)], "zero")
    sheet.text(one - 5, 30, "within noise", "s mu", "end")
    sheet.text(one + 5, 30, "beyond noise →", "s mu")
    for t in ticks:
        sheet.text(scale(t), bottom + 16, f"{t:g}{TIMES}", "s mu", "middle")


def _mark(sheet: Sheet, scale: Scale, line: ShiftLine, y: float) -> None:
    if line.ratio is None:
        sheet.text(scale(1.0) + 8, y + 4, "no noise floor", "s mu")
        return
    css = "t" if line.beyond else "n"
    if line.ends is not None:
        sheet.lines([((scale.clipped(line.ends[0]), y), (scale.clipped(line.ends[1]), y))], f"iv {css}")
    x = scale.clipped(line.ratio)
    if line.beyond:
        sheet.dots([(x, y)], css)
    elif line.ratio < scale.low:
        sheet.shapes([((x, y), (x + 7, y - 4), (x + 7, y + 4))], "fill n")
        sheet.text(x + 12, y + 4, ratio(line.ratio), "s mu")
    else:
        sheet.rings([(x, y)], css)


def _spoken(view: ShiftReading) -> tuple[str, str]:
    said = [f"{line.words.name} {ratio(line.ratio)}" for line in view.lines if line.ratio is not None]
    return (
        f"Shift measures of {view.target} against {view.source} in units of the noise floor",
        f"Effect divided by noise floor: {listed(said)}.",
    )
