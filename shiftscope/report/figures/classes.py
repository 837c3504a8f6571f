"""Shift within each class that both sides have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from shiftscope.core.records import ClassShift
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, alike, count, few, listed, pvalue, small_count, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.shifted import ShiftReading

__all__ = ["class_table", "classes"]

HEAD, FOOT = 24, 22
DRAWN = 20


def classes(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where no class could be compared."""
    if not view.classes:
        return None
    name = f"fig-{number}"
    drawings = (_wide(view, f"{name}w"), _narrow(view, f"{name}n"))
    some = f" The {DRAWN} most shifted are drawn." if len(view.classes) > DRAWN else ""
    purple = f" Purple: the test of the class by itself rejects at {view.diagnosis.alpha:g} after Holm correction."
    note = (
        "MMD² between the two sides within each class: without shift an unbiased one lies around 0."
        f"{purple if view.tested_classes else ''}{some}"
    )
    return Picture(name, number, _reading(view), note, drawings, class_table(view))


def _reading(view: ShiftReading) -> str:
    moved, total = view.moved_classes, len(view.tested_classes)
    if not total:
        return "The classes were measured and not tested."
    if not moved:
        return "No class by itself can be told from noise."
    names = [shown(c.name) for c in moved[:3]]
    verb = "has" if len(names) == 1 else "have"
    if len(moved) == total:
        every = "Both classes have" if total == 2 else f"All {small_count(total)} classes have"
        return f"{every} moved, {listed(names)} most." if total > 3 else f"{listed(names)} {verb} moved."
    most = f"{listed(names)} {verb} moved{' most' if len(moved) > 3 else ''}"
    return f"{most}; {small_count(total - len(moved))} of {small_count(total)} classes cannot be told from noise."


def class_table(view: ShiftReading) -> Table:
    """Tabulate every class of both sides, with why it could not be compared where it could not."""
    form = _form(view)
    known = [
        Row(
            cells(
                shown(c.name),
                count(c.n_source),
                count(c.n_target),
                "" if c.value is None else form(c.value),
                "" if c.pvalue is None else pvalue(c.pvalue),
                "" if c.pvalue_holm is None else pvalue(c.pvalue_holm),
                shown(c.reason),
            )
        )
        for c in (*view.classes, *(c for c in view.diagnosis.per_class if c.value is None))
    ]
    columns = heads(
        "Class", f"n{NBSP}{view.source}", f"n{NBSP}{view.target}", "MMD²", "p", f"Holm{NBSP}p", "Remark", left=(6,)
    )
    return Table(f"Shift within each class, {view.target} against {view.source}", columns, tuple(known)).filled()


def _wide(view: ShiftReading, name: str) -> Markup:
    row, form = 25, _form(view)
    drawn = view.classes[:DRAWN]
    bottom = HEAD + row * len(drawn)
    sheet = Sheet(WIDE, bottom + FOOT, "wide")
    label = min(180.0, max(60.0, *(text_width(shown(c.name)) for c in drawn)))
    scale = _scale(drawn, label + 14, 500)
    sheet.text(scale.start, 12, "MMD² within class", "s mu")
    for words, x in (("MMD²", 566), ("n", 630), (f"Holm{NBSP}p", 700)):
        sheet.text(x, 12, words, "s mu", "end")
    rows = [(c, HEAD + row * (i + 0.5)) for i, c in enumerate(drawn)]
    _bars(sheet, view, rows, scale)
    for c, y in rows:
        sheet.text(0, y + 4, cut(shown(c.name), label))
        sheet.text(566, y + 4, form(c.value or 0.0), "", "end")
        sheet.text(630, y + 4, f"{count(c.n_source)}, {count(c.n_target)}", "mu", "end")
        if c.pvalue_holm is not None:
            sheet.text(700, y + 4, pvalue(c.pvalue_holm), "mu", "end")
    return sheet.render(name, *_spoken(view))


def _narrow(view: ShiftReading, name: str) -> Markup:
    row, form = 38, _form(view)
    drawn = view.classes[:DRAWN]
    bottom = HEAD + row * len(drawn)
    sheet = Sheet(NARROW, bottom + FOOT, "narrow")
    scale = _scale(drawn, 4, NARROW - 10)
    sheet.text(0, 12, "MMD² within class", "s mu")
    rows = [(c, HEAD + row * i + 26) for i, c in enumerate(drawn)]
    _bars(sheet, view, rows, scale)
    for c, y in rows:
        sheet.text(0, y - 10, cut(shown(c.name), 180))
        tail = "" if c.pvalue_holm is None else f", p = {pvalue(c.pvalue_holm)}"
        sheet.text(NARROW, y - 10, f"{form(c.value or 0.0)}{tail}", "mu", "end")
    return sheet.render(name, *_spoken(view))


def _form(view: ShiftReading) -> Callable[[float], str]:
    return alike(c.value or 0.0 for c in view.classes)


def _scale(drawn: Sequence[ClassShift], start: float, end: float) -> Scale:
    """A scale that holds zero: bars start there."""
    values = [c.value or 0.0 for c in drawn]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    room = high - low or 1.0
    return Scale(low - (0.04 * room if low < 0 else 0.0), high + 0.06 * room, start, end)


def _bars(sheet: Sheet, view: ShiftReading, rows: Sequence[tuple[ClassShift, float]], x: Scale) -> None:
    """Draw bars and numbers; on narrow pages the zero line is cut to the bars so that it crosses no name."""
    wide = sheet.width == WIDE
    half, reach = (7.5, 12.5) if wide else (4.5, 8.0)
    ticks = x.ticks(6 if wide else 4)
    spans = [(y - reach, y + reach) for _, y in rows]
    sheet.lines([((x(t), top), (x(t), bottom)) for t in ticks for top, bottom in spans], "g")
    for css in ("t", "n"):
        mine = [(c.value or 0.0, y) for c, y in rows if (c in view.moved_classes) == (css == "t")]
        sheet.bars([(x(min(0.0, v)), y - half, abs(x(v) - x(0.0)), 2 * half) for v, y in mine], f"fill {css}")
    sheet.lines([((x(0.0), top), (x(0.0), bottom)) for top, bottom in spans], "zero")
    for t in ticks:
        sheet.text(x(t), sheet.height - FOOT + 16, tick(t), "s mu", "middle")


def _spoken(view: ShiftReading) -> tuple[str, str]:
    form = _form(view)
    said = [f"{shown(c.name)} {form(c.value or 0.0)}" for c in view.classes]
    return f"Shift within each class of {view.target}", f"MMD² by class, the largest first: {listed(few(said))}."
