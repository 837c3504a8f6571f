"""What each source does to the probe by itself, with intervals, beside the weight that its samples should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup

from shiftscope.core.sources import SourceRow, SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, cut, text_width
from shiftscope.report.numerals import few, interval, level, listed, opened, percent, points, signed, small_count, tick
from shiftscope.report.page import Picture
from shiftscope.report.source_tables import source_table, weight, weight_table

__all__ = ["source_gaps", "source_weights"]

HEAD, FOOT = 42, 24
ROW, TALL = 26, 38
LABEL = 190.0
Rows = Sequence[tuple[SourceRow, float]]


def source_gaps(view: SourcesReport, number: int) -> Picture:
    """Make the figure of the gaps."""
    name = f"fig-{number}"
    note = (
        f"Held-out error of the probe on {shown(view.target)} with each source at weight 1, less that without, lines "
        f"{level(view.level)} intervals. Cross: hurts; disc: helps; ring: cannot be told."
    )
    drawings = tuple(
        _draw(view, wide=wide, name=f"{name}{'w' if wide else 'n'}", weights=False) for wide in (True, False)
    )
    return Picture(name, number, _reading(view), note, drawings, source_table(view), open=True, css="far")


def source_weights(view: SourcesReport, number: int) -> Picture:
    """Make the figure of the learned weights."""
    name = f"fig-{number}"
    most = max(row.weight for row in view.sources)
    top = [shown(row.name) for row in view.sources if weight(row.weight) == weight(most)]
    reading = f"{listed(top)} {'counts' if len(top) == 1 else 'count'} most: {weight(most)} of a target sample."
    note = (
        "Bars are learned weights of one source sample against one of the target, lines their range when a fold is "
        "left out; rings are 1 / (1 + distance)."
    )
    drawings = tuple(
        _draw(view, wide=wide, name=f"{name}{'w' if wide else 'n'}", weights=True) for wide in (True, False)
    )
    return Picture(
        name,
        number,
        reading if most else "Every source has weight 0.",
        note,
        drawings,
        weight_table(view),
        open=True,
    )


def _reading(view: SourcesReport) -> str:
    """Count what the sources do."""
    verdicts: Counter[str] = Counter(row.verdict for row in view.sources)
    n = len(view.sources)
    if n == 1:
        return {
            "hurts": "The one source hurts.",
            "helps": "The one source helps.",
            "cannot be told": "Whether the one source hurts or helps cannot be told.",
        }[view.sources[0].verdict]
    said = [
        f"{small_count(k)} {verb}{'s' if k == 1 else ''}" for verb in ("hurt", "help") if (k := verdicts[f"{verb}s"])
    ]
    unclear = verdicts["cannot be told"]
    said += [f"of {small_count(unclear)} it cannot be told"] if unclear else []
    return f"Of {small_count(n)} sources {listed(said)}."


def _draw(view: SourcesReport, *, wide: bool, name: str, weights: bool) -> Markup:
    height = ROW if wide else TALL
    sheet = Sheet(WIDE if wide else NARROW, HEAD + height * len(view.sources) + FOOT, "wide" if wide else "narrow")
    rows = [(row, HEAD + height * i + (height / 2 if wide else 27.0)) for i, row in enumerate(view.sources)]
    spans = [(HEAD - 6, HEAD + height * len(rows))] if wide else [(y - 8, y + 8) for _, y in rows]
    label = min(LABEL, max(90.0, *(1.06 * text_width(shown(row.name)) for row in view.sources))) if wide else 4.0
    ends = (label + 18, WIDE - 80) if wide else (8, NARROW - 12)
    (_weights if weights else _gaps)(sheet, view, rows, ends, spans)
    for row, y in rows:
        told = weight(row.weight) if weights else points(row.gap.value)
        sheet.text(0, y + 4 if wide else y - 13, cut(shown(row.name), label if wide else 230))
        sheet.text(sheet.width, y + 4 if wide else y - 13, told, "mu", "end")
    return sheet.render(name, *_spoken(view, weights=weights))


def _gaps(sheet: Sheet, view: SourcesReport, rows: Rows, ends: Point, spans: Sequence[Point]) -> None:
    x = Scale(*span([0.0, *(end for row, _ in rows for end in (row.gap.low, row.gap.high))]), *ends)
    sheet.text(x.start, 12, f"gap in error, points ({level(view.level)} interval)", "s mu")
    for words, anchor, css, room in (("helps", "end", "tp", x(0) - x.start), ("hurts", "start", "tb", x.end - x(0))):
        if room > text_width(words, 11) + 6:
            sheet.text(x(0) + (-6 if anchor == "end" else 6), 30, words, f"s {css}", anchor)
    _ground(sheet, x, spans, lambda t: signed(100 * t, 0))
    for verdict, css in (("cannot be told", "n"), ("helps", "p"), ("hurts", "b")):
        mine = [(row.gap, y) for row, y in rows if row.verdict == verdict]
        sheet.lines([((x(gap.low), y), (x(gap.high), y)) for gap, y in mine], f"iv {css}")
        centres = [(x(gap.value), y) for gap, y in mine]
        if css == "b":
            sheet.crosses(centres, "x")
        else:
            (sheet.dots if css == "p" else sheet.rings)(centres, css)


def _weights(sheet: Sheet, view: SourcesReport, rows: Rows, ends: Point, spans: Sequence[Point]) -> None:
    most = max(end for row in view.sources for end in (row.weight_high, row.weight, row.similarity))
    x = Scale(0.0, 1.05 * most or 1.0, *ends)
    sheet.text(x.start, 12, "weight of a source sample against one of the target", "s mu")
    _ground(sheet, x, spans, tick)
    sheet.bars([(x(0), y - 5, x(row.weight) - x(0), 10) for row, y in rows if row.weight > 0], "hist")
    sheet.lines([((x(row.weight_low), y), (x(row.weight_high), y)) for row, y in rows], "zero")
    sheet.rings([(x(row.similarity), y) for row, y in rows], "n")


def _ground(sheet: Sheet, x: Scale, spans: Sequence[Point], form: Callable[[float], str]) -> None:
    for t in x.ticks(5):
        sheet.lines([((x(t), top), (x(t), end)) for top, end in spans], "zero" if t == 0 else "g")
        sheet.text(x(t), sheet.height - 6, form(t), "s mu", "middle")


def _spoken(view: SourcesReport, *, weights: bool) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    if weights:
        said = [f"{shown(row.name)} {weight(row.weight)}" for row in view.sources]
        return f"Learned weights of the sources for {shown(view.target)}", f"Bars: {opened(', '.join(few(said)))}."
    said = [
        f"{shown(row.name)} {points(row.gap.value)} {interval(row.gap.low, row.gap.high, percent)}, {row.verdict}"
        for row in view.sources
    ]
    return (
        f"What each source does to the error on {shown(view.target)}",
        f"Dot plot with intervals: {'; '.join(few(said))}.",
    )
