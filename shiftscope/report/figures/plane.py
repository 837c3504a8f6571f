"""Source and target in the plane of their largest variance: samples of both, and the mean of each class."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from markupsafe import Markup

from shiftscope.core.projection import ClassPlace, Points, Projection
from shiftscope.core.text import shown
from shiftscope.report.figures.labels import place
from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, Point, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, count, few, fixed, listed, percent, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.shifted import ShiftReading

__all__ = ["plane"]

LEFT, RIGHT, TOP, FOOT = 22.0, NARROW - 4.0, 42.0, 36
# Heights between which the drawing follows the data, whose two axes have one unit.
LEAST, MOST = 120.0, 250.0
# Shares of samples nearer to the other side's mean up to, and from, which the sides lie apart, and together.
APART, TOGETHER = 0.1, 0.4


def plane(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where the diagnosis has no projection."""
    found = view.diagnosis.projection
    if found is None or not found.source.x or not found.target.x:
        return None
    name, (x, y) = f"fig-{number}", _scales(found)
    drawings = [_samples(view, found, (x, y), f"{name}a")]
    if found.classes:
        drawings.append(_classes(view, found, (x, y), f"{name}b"))
    means = " On the other panel, the mean of each class."
    note = (
        f"Principal components of {count(found.n_fit)} samples of either side, {count(len(found.source.x))} of them "
        f"drawn.{means if found.classes else ''} The plane shows where samples vary most, not where the sides differ "
        "most: sides that overlap here may lie far apart in another direction."
    )
    half = not found.classes
    return Picture(name, number, _reading(view, found), note, tuple(drawings), _table(view, found), half=half)


def _reading(view: ShiftReading, found: Projection) -> str:
    astray = _astray(found)
    how = "lie apart" if astray <= APART else "lie on each other" if astray >= TOGETHER else "overlap in part"
    return (
        f"In the plane of largest variance ({percent(sum(found.explained))}{NBSP}% of it) {view.source} and "
        f"{view.target} {how}: {percent(astray)}{NBSP}% of the samples are nearer to the mean of the other side."
    )


def _astray(found: Projection) -> float:
    """Share of the samples drawn that lie nearer to the mean of the other side than to that of their own."""
    sides = (_points(found.source), _points(found.target))
    means = [_mean(points) for points in sides]
    wrong = [
        (hypot(px - own[0], py - own[1]) > hypot(px - other[0], py - other[1])) / len(points)
        for points, own, other in zip(sides, means, reversed(means), strict=True)
        for px, py in points
    ]
    return sum(wrong) / 2


def _points(points: Points) -> list[Point]:
    return list(zip(points.x, points.y, strict=True))


def _mean(points: Sequence[Point]) -> Point:
    return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)


def _scales(found: Projection) -> tuple[Scale, Scale]:
    """Both axes at one number of pixels per unit."""
    ends = [end for c in found.classes for end in (c.source, c.target) if end is not None]
    points = [*_points(found.source), *_points(found.target), *ends]
    low, high = (tuple(pick(p[axis] for p in points) for axis in (0, 1)) for pick in (min, max))
    wide, tall = (max(b - a, 1e-6) * 1.06 for a, b in zip(low, high, strict=True))
    per_unit = min((RIGHT - LEFT) / wide, MOST / tall)
    height = max(LEAST, per_unit * tall)
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    across, up = (RIGHT - LEFT) / per_unit / 2, height / per_unit / 2
    return (
        Scale(middle[0] - across, middle[0] + across, LEFT, RIGHT),
        Scale(middle[1] - up, middle[1] + up, TOP + height, TOP),
    )


def _samples(view: ShiftReading, found: Projection, axes: tuple[Scale, Scale], name: str) -> Markup:
    sheet, (x, y) = _frame(found, axes), axes
    sources = cut(view.source, 140, 11)
    after = 13 + text_width(sources, 11) + 14
    for words, css, at in ((sources, "src", 4.0), (cut(view.target, NARROW - after - 12, 11), "t sq", after)):
        sheet.dots([(at, 8)], css)
        sheet.text(at + 9, 12, words, "s")
    for points, css in ((found.source, "src"), (found.target, "t sq")):
        # Whole pixels: nobody sees less, and it keeps pages small.
        sheet.dots([(round(x(a)), round(y(b))) for a, b in _points(points)], f"{css} pt")
    means = [_mean(_points(points)) for points in (found.source, found.target)]
    said = " and ".join(f"{fixed(a, 1)}, {fixed(b, 1)}" for a, b in means)
    spoken = f"Discs and squares in a plane. The means of {view.source} and of {view.target} lie at {said}."
    return sheet.render(name, f"Samples of {view.source} and {view.target} by two principal components", spoken)


def _classes(view: ShiftReading, found: Projection, axes: tuple[Scale, Scale], name: str) -> Markup:
    sheet, (x, y) = _frame(found, axes), axes
    sheet.text(0, 12, cut(f"class means, from {view.source} to {view.target}", NARROW, 11), "s")

    def pixel(at: Point) -> Point:
        return x(at[0]), y(at[1])

    both = [(pixel(c.source), pixel(c.target)) for c in found.classes if c.source is not None and c.target is not None]
    sheet.lines(both, "iv n")
    sheet.dots([pixel(c.source) for c in found.classes if c.source is not None], "src")
    sheet.dots([pixel(c.target) for c in found.classes if c.target is not None], "t sq")
    ends = [(c, end) for c in found.classes if (end := c.target or c.source) is not None]
    # Names keep off the marks of the other side, too: these come last, without a name.
    at = [*(pixel(end) for _, end in ends), *(start for start, _ in both)]
    names = [[cut(shown(c.name), 110, 11)] for c, _ in ends] + [[] for _ in both]
    bounds = (LEFT, TOP, RIGHT - LEFT, y.start - TOP)
    for label in place(at, names, taken=(), bounds=bounds, px=11):
        sheet.text(label.x, label.y, label.words, "s", label.anchor)
    said = [f"{shown(c.name)} by {fixed(d, 1)}" for c in found.classes if (d := _moved(c)) is not None]
    spoken = f"How far the mean of each class moves: {listed(few(said))}." if said else "No class is on both sides."
    return sheet.render(name, f"Class means of {view.source} and {view.target} in the same plane", spoken)


def _frame(found: Projection, axes: tuple[Scale, Scale]) -> Sheet:
    """A sheet with grid and axes with their explained variance."""
    x, y = axes
    sheet = Sheet(NARROW, y.start + FOOT, "solo")
    for t in x.ticks(5):
        sheet.lines([((x(t), y.start), (x(t), y.end))], "g")
        sheet.text(x(t), y.start + 15, tick(t), "s mu", "middle")
    for t in y.ticks(4):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "g")
        sheet.text(x.start - 6, y(t) + 4, tick(t), "s mu", "end")
    first, second = (f"{percent(share)}{NBSP}%" for share in found.explained)
    sheet.text(0, TOP - 9, f"second component, {second} of the variance", "s mu")
    sheet.text(x.end, y.start + 31, f"first component, {first} of the variance", "s mu", "end")
    return sheet


def _moved(c: ClassPlace) -> float | None:
    if c.source is None or c.target is None:
        return None
    return hypot(c.target[0] - c.source[0], c.target[1] - c.source[1])


def _table(view: ShiftReading, found: Projection) -> Table:
    whole = ClassPlace(name="All drawn", source=_mean(_points(found.source)), target=_mean(_points(found.target)))
    rows = [
        Row(cells(name, *_place(c.source), *_place(c.target), "" if (d := _moved(c)) is None else fixed(d, 2)))
        for name, c in (("All drawn", whole), *((shown(c.name), c) for c in found.classes))
    ]
    columns = heads("Mean of", f"{view.source}, 1st", "2nd", f"{view.target}, 1st", "2nd", "Distance")
    return Table("Means along the two components, in standard deviations along the first", columns, tuple(rows))


def _place(at: Point | None) -> tuple[str, str]:
    return ("", "") if at is None else (fixed(at[0], 2), fixed(at[1], 2))
