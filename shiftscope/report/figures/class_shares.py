"""How common each class is in the source and in the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.records import InputCard
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, count, few, fixed, listed, percent, points
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.shifted import ShiftReading

__all__ = ["class_shares"]

HEAD, FOOT = 34, 24
ROW, TALL = 24, 36
DRAWN = 20
R = 5.0
# Difference of two shares that would be told as none.
LEAST = 0.0005


@dataclass(frozen=True)
class _Class:
    """One class: its name, how many samples of it either side has, and its share in them."""

    name: str
    n_source: int
    n_target: int
    source: float
    target: float

    @property
    def change(self) -> float:
        """Share in the target less that in the source."""
        return self.target - self.source


def class_shares(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None unless each sample of both sides has one class and some are commoner on one side."""
    source, target = view.cards
    if source is None or target is None or not source.classes or not target.classes:
        return None
    # With several labels a sample, shares of labels are no shares of samples.
    if {source.kind, target.kind} != {"class"}:
        return None
    found = _classes(source, target)
    if abs(found[0].change) < LEAST:
        return None
    name, drawn = f"fig-{number}", found[:DRAWN]
    drawings = (_wide(view, drawn, f"{name}w"), _narrow(view, drawn, f"{name}n"))
    some = f" The {DRAWN} that differ most are drawn." if len(found) > DRAWN else ""
    note = (
        f"Share of each class in the samples that were used: discs {view.source}, triangles {view.target}; the classes "
        f"that differ most first. Shares of samples that were drawn class by class say nothing of the data.{some}"
    )
    return Picture(name, number, _reading(view, found), note, drawings, _table(view, found))


def _classes(source: InputCard, target: InputCard) -> list[_Class]:
    """Classes of either side, those whose shares differ most first."""
    totals = [max(1, sum(card.classes.values())) for card in (source, target)]
    found = []
    for name in {*source.classes, *target.classes}:
        k, m = source.classes.get(name, 0), target.classes.get(name, 0)
        found.append(_Class(name, k, m, k / totals[0], m / totals[1]))
    return sorted(found, key=lambda c: (-round(abs(c.change), 12), c.name))


def _reading(view: ShiftReading, found: Sequence[_Class]) -> str:
    most = found[0]
    moved = 50 * sum(abs(c.change) for c in found)
    return (
        f"{shown(most.name)} differs most: {percent(most.source)}{NBSP}% of {view.source}, "
        f"{percent(most.target)}{NBSP}% of {view.target}; {fixed(moved, 1)}{NBSP}% of the samples would have to change "
        "class for both sides to agree."
    )


def _wide(view: ShiftReading, drawn: Sequence[_Class], name: str) -> Markup:
    bottom = HEAD + ROW * len(drawn)
    sheet = Sheet(WIDE, bottom + FOOT, "wide")
    label = min(180.0, max(60.0, *(text_width(shown(c.name)) for c in drawn)))
    x = _scale(drawn, label + 14, 500)
    rows = [(c, HEAD + ROW * (i + 0.5)) for i, c in enumerate(drawn)]
    _draw(sheet, x, rows, [(HEAD - 6, bottom)])
    for words, at in ((view.source, 566), (view.target, 634), ("points", 700)):
        sheet.text(at, 12, cut(words, 64, 11), "s mu", "end")
    for c, y in rows:
        sheet.text(0, y + 4, cut(shown(c.name), label))
        for words, at, css in (
            (percent(c.source), 566, "mu"),
            (percent(c.target), 634, ""),
            (points(c.change), 700, "mu"),
        ):
            sheet.text(at, y + 4, words, css, "end")
    return sheet.render(name, *_spoken(view, drawn))


def _narrow(view: ShiftReading, drawn: Sequence[_Class], name: str) -> Markup:
    """Draw with each name above its row; the grid is cut to the rows, so that it crosses no name."""
    sheet = Sheet(NARROW, HEAD + TALL * len(drawn) + FOOT, "narrow")
    rows = [(c, HEAD + TALL * i + 22.0) for i, c in enumerate(drawn)]
    _draw(sheet, _scale(drawn, 8, NARROW - 12), rows, [(y - 8, y + 8) for _, y in rows])
    for c, y in rows:
        sheet.text(0, y - 11, cut(shown(c.name), 190))
        sheet.text(NARROW, y - 11, f"{percent(c.source)} → {percent(c.target)}", "mu", "end")
    return sheet.render(name, *_spoken(view, drawn))


def _scale(drawn: Sequence[_Class], start: float, end: float) -> Scale:
    """A scale from zero: shares are parts of a whole."""
    most = max(max(c.source, c.target) for c in drawn)
    return Scale(0.0, 1.05 * most or 1.0, start, end)


def _draw(sheet: Sheet, x: Scale, rows: Sequence[tuple[_Class, float]], spans: Sequence[Point]) -> None:
    sheet.text(x.start, 12, "share of the samples, %", "s mu")
    for t in x.ticks(5):
        sheet.lines([((x(t), top), (x(t), end)) for top, end in spans], "zero" if t == 0 else "g")
        sheet.text(x(t), sheet.height - 6, f"{100 * t:g}", "s mu", "middle")
    sheet.lines([((x(c.source), y), (x(c.target), y)) for c, y in rows], "iv n")
    sheet.dots([(x(c.source), y) for c, y in rows], "src")
    sheet.shapes(
        [((x(c.target), y - R), (x(c.target) + R, y + R), (x(c.target) - R, y + R)) for c, y in rows], "fill t"
    )


def _spoken(view: ShiftReading, drawn: Sequence[_Class]) -> tuple[str, str]:
    """Title and description for those who do not see the drawing."""
    said = [f"{shown(c.name)} {percent(c.source)} and {percent(c.target)}{NBSP}%" for c in drawn]
    return (
        f"Share of each class in {view.source} and in {view.target}",
        f"Pairs of marks, the classes that differ most first: {listed(few(said))}.",
    )


def _table(view: ShiftReading, found: Sequence[_Class]) -> Table:
    rows = tuple(
        Row(
            cells(
                shown(c.name),
                count(c.n_source),
                count(c.n_target),
                percent(c.source),
                percent(c.target),
                points(c.change),
            )
        )
        for c in found
    )
    columns = heads(
        "Class",
        f"n{NBSP}{view.source}",
        f"n{NBSP}{view.target}",
        f"{view.source}, %",
        f"{view.target}, %",
        "Difference, points",
    )
    return Table(f"Share of each class in {view.source} and in {view.target}", columns, rows)
