"""Every target against each of its sources, in units of one noise floor per target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from shiftscope.core.nearest import SourceDistance
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut
from shiftscope.report.nearest import NearestReading, nearest_table
from shiftscope.report.numerals import NBSP, TIMES, few, listed, ratio, small_count
from shiftscope.report.page import Picture
from shiftscope.report.vocabulary import words_for

__all__ = ["nearest"]

HEAD, FOOT = 34, 22
TITLE, ROW, TALL = 24, 24, 38
LABEL = 186


class _Mark(NamedTuple):
    """One source of one target: where it stands on the sheet and on the scale."""

    view: NearestReading
    row: SourceDistance
    y: float
    value: float
    ends: tuple[float, float]


def nearest(views: Sequence[NearestReading], number: int) -> Picture | None:
    """Make the figure, or None where a noise floor is zero."""
    if any(view.order.floor <= 0 for view in views):
        return None
    name = f"fig-{number}"
    first, sizes = views[0].order, {view.order.size for view in views}
    note = (
        f"Effect on {words_for(first.measure).name} divided by the noise floor, all sources of a target in parts of "
        f"{first.size if len(sizes) == 1 else 'one number of'} samples, under one bandwidth and over one floor; lines "
        f"are 95{NBSP}% intervals over {first.n_splits} splits. Disc: nearest; ring: further, or it cannot be told. "
        "Where two lines overlap, their paired difference in the table may still be clear."
    )
    drawings = tuple(_draw(views, f"{name}{'w' if wide else 'n'}", wide=wide) for wide in (True, False))
    return Picture(name, number, _reading(views), note, drawings, nearest_table(views), open=True, css="far")


def _reading(views: Sequence[NearestReading]) -> str:
    known = sum(view.order.nearest is not None for view in views)
    if len(views) == 1:
        return "One source is nearest." if known else "Which source is nearest cannot be told."
    return f"Which source is nearest can be told for {small_count(known)} of {small_count(len(views))} targets."


def _draw(views: Sequence[NearestReading], name: str, *, wide: bool) -> Markup:
    height = ROW if wide else TALL
    n_rows = sum(len(view.order.rows) for view in views)
    bottom = HEAD + TITLE * len(views) + height * n_rows
    sheet = Sheet(WIDE if wide else NARROW, bottom + FOOT, "wide" if wide else "narrow")
    marks = list(_marks(views, height, wide=wide))
    scale = _scale(marks, *((LABEL, WIDE - 150) if wide else (8, NARROW - 12)))
    _ground(sheet, scale, bottom, [m.y for m in marks])
    for view in views:
        top = min(m.y for m in marks if m.view is view)
        sheet.text(0, top - (15 if wide else 31), cut(view.target, sheet.width), "b")
    for mark in marks:
        _mark(sheet, scale, mark, wide=wide)
    return sheet.render(name, *_spoken(marks))


def _marks(views: Sequence[NearestReading], height: float, *, wide: bool) -> Iterator[_Mark]:
    y = float(HEAD)
    for view in views:
        y += TITLE
        for row in view.order.rows:
            value, ends = view.order.ratio(row), view.order.ratio_ends(row)
            assert value is not None
            assert ends is not None
            yield _Mark(view, row, y + (height / 2 if wide else 26.0), value, ends)
            y += height


def _scale(marks: Sequence[_Mark], start: float, end: float) -> Scale:
    """Logarithmic, as near and far sources may lie orders apart; what is not above a tenth stands at the left end."""
    low = min([m.ends[0] / 1.3 for m in marks if m.ends[0] > 0] or [0.1])
    return Scale(max(0.1, low), max([1.0, *(1.3 * m.ends[1] for m in marks)]), start, end, log=True)


def _ground(sheet: Sheet, scale: Scale, bottom: float, ys: Sequence[float]) -> None:
    sheet.text(scale.start, 12, "effect ÷ noise floor (log scale)", "s mu")
    for t in scale.ticks(7 if sheet.width == WIDE else 5):
        sheet.lines([((scale(t), y - 10), (scale(t), y + 10)) for y in ys], "zero" if t == 1 else "g")
        sheet.text(scale(t), bottom + 16, f"{t:g}{TIMES}", "s mu", "middle")


def _mark(sheet: Sheet, scale: Scale, mark: _Mark, *, wide: bool) -> None:
    x, y, said = scale.clipped(mark.value), mark.y, mark.view.verdict(mark.row)
    css = "p" if said == "nearest" else "n"
    sheet.lines([((scale.clipped(mark.ends[0]), y), (scale.clipped(mark.ends[1]), y))], f"iv {css}")
    (sheet.dots if said == "nearest" else sheet.rings)([(x, y)], css)
    label = y + 4 if wide else y - 13
    sheet.text(0, label, cut(shown(mark.row.source), LABEL - 12 if wide else 150))
    sheet.text(sheet.width, label, f"{ratio(mark.value)}, {said}", "mu", "end")


def _spoken(marks: Sequence[_Mark]) -> tuple[str, str]:
    said = [f"{m.view.target} from {shown(m.row.source)} {ratio(m.value)}, {m.view.verdict(m.row)}" for m in marks]
    return "Shift of every target from each source, in units of the noise floor", f"Dot plot: {listed(few(said))}."
