"""Whether the target lies within the source, and how much of the source it takes up: one point per backbone."""

from __future__ import annotations

from markupsafe import Markup

from shiftscope.checks.causes import least_share, overlap
from shiftscope.core.text import shown
from shiftscope.report.figures.labels import place
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, Box, Point, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, few, fixed, listed, percent
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.separation import Support
from shiftscope.report.shifted import ShiftReading

__all__ = ["support"]

LEFT, TOP, SIDE, FOOT = 34.0, 24.0, 250.0, 38
# Above what halves of one side give by more than this, points are drawn at the edge.
END = 1.3
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
# Below this share between halves of one side, balls reach too few samples to tell anything.
FEW = 0.2


def support(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where ``coverage`` was not measured under the backbone of the diagnosis."""
    if not view.supports:
        return None
    name, lead = f"fig-{number}", view.supports[0]
    target, source = view.target, view.source
    others = f" Rings: other backbones; the box is that of {view.backbone}." if len(view.supports) > 1 else ""
    thin = (
        " Even halves of one side hardly reach each other here: in so many dimensions this figure says little."
        if min(lead.precision_null, lead.recall_null) < FEW
        else ""
    )
    note = (
        f"Upwards: how much of {target} lies among samples of {source}. To the right: how much of {source} lies among "
        f"samples of {target}. 1 is what random halves of one side give; the grey box is what sampling noise alone may "
        f"give. One outlier can make a large part of the other side look near.{others}{thin}"
    )
    return Picture(name, number, _reading(view, lead), note, (_draw(view, name),), _table(view), half=True)


def _limits(view: ShiftReading) -> Point:
    """Least recall and precision that may be noise, each as a share of what halves of one side give."""
    lead = view.supports[0]
    return (
        max(0.0, least_share(lead.recall_null, lead.half_size) / lead.recall_null),
        max(0.0, least_share(lead.precision_null, lead.half_size) / lead.precision_null),
    )


def _reading(view: ShiftReading, lead: Support) -> str:
    where = overlap(
        precision=lead.precision,
        precision_null=lead.precision_null,
        recall=lead.recall,
        recall_null=lead.recall_null,
        half_size=lead.half_size,
    )
    if where is None:
        return f"{view.target} lies where {view.source} does."
    return f"{view.target} {where} {view.source}."


def _draw(view: ShiftReading, name: str) -> Markup:
    sheet = Sheet(NARROW, TOP + SIDE + FOOT, "solo")
    x, y = Scale(0, END, LEFT, LEFT + SIDE), Scale(0, END, TOP + SIDE, TOP)
    least_x, least_y = _limits(view)
    sheet.bars([(x(least_x), y(END), x(END) - x(least_x), y(least_y) - y(END))], "wash n")
    sheet.text(0, 12, cut(f"{view.target} within {view.source}, against halves", NARROW, 11), "s mu")
    for share in GRID:
        sheet.text(x(share), y(0) + 16, f"{share:g}", "s mu", "middle")
        sheet.text(x(0) - 8, y(share) + 4, f"{share:g}", "s mu", "end")
    sheet.lines([((x(0), y(END)), (x(0), y(0)), (x(END), y(0)))], "ax")
    sheet.lines([((x(0), y(least_y)), (x(END), y(least_y))), ((x(least_x), y(0)), (x(least_x), y(END)))], "ref")
    taken = _quadrants(sheet, view, x, y)
    at = [(x.clipped(s.place[0]), y.clipped(s.place[1])) for s in view.supports]
    sheet.rings(at[1:], "n")
    sheet.dots(at[:1], "t")
    names = [(cut(shown(s.backbone), 150), cut(shown(s.backbone), 90)) for s in view.supports]
    bounds = (LEFT, TOP, NARROW - LEFT, SIDE)
    for label in place(at, names, taken=taken, bounds=bounds, px=11):
        sheet.text(label.x, label.y, label.words, "s b tt" if label.index == 0 else "s mu", label.anchor)
    words = f"{view.source} within {view.target}, against halves"
    sheet.text(x(END), y(0) + 33, cut(words, LEFT + SIDE, 11), "s mu", "end")
    said = [f"{shown(s.backbone)} {fixed(s.place[1], 2)} and {fixed(s.place[0], 2)}" for s in view.supports]
    spoken = (
        f"Points by backbone, within {view.source} and around {view.target}, 1 without a shift: {listed(few(said))}."
    )
    return sheet.render(name + "s", f"How far {view.target} and {view.source} overlap", spoken)


def _quadrants(sheet: Sheet, view: ShiftReading, x: Scale, y: Scale) -> list[Box]:
    """Name the corners; returns the boxes that the names take."""
    room = 0.6 * SIDE
    corners = (
        (cut(f"a part of {view.source}", room, 11), x(0) + 6, y(END) + 13, "start"),
        (cut(f"outside of {view.source}", room, 11), x(0) + 6, y(0) - 8, "start"),
        ("no shift", x(END) - 4, y(END) + 13, "end"),
        ("wider", x(END) - 4, y(0) - 8, "end"),
    )
    taken = []
    for words, at, base, anchor in corners:
        wide = text_width(words, 11)
        sheet.text(at, base, words, "s mu", anchor)
        taken.append((at - (wide if anchor == "end" else 0.0), base - 11, wide, 14.0))
    return taken


def _table(view: ShiftReading) -> Table:
    rows = tuple(
        Row(cells(shown(s.backbone), *map(percent, (s.precision, s.precision_null, s.recall, s.recall_null))))
        for s in view.supports
    )
    columns = heads(
        "Backbone",
        f"{view.target} within {view.source}, %",
        f"halves of {view.source},{NBSP}%",
        f"{view.source} within {view.target}, %",
        f"halves of {view.target},{NBSP}%",
    )
    return Table(f"Overlap of {view.target} and {view.source}", columns, rows)
