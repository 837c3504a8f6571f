"""Quality against compute, with the Pareto front."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.report.figures.labels import place
from shiftscope.report.figures.ranks import style
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Box, Point, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, few, fixed, level, listed, mega, opened, percent, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.ranked import Candidate, RankReading

__all__ = ["cost"]

TOP, FOOT = 30, 40


def cost(view: RankReading, number: int) -> Picture | None:
    """Make the figure, or None where fewer than two candidates have both numbers."""
    points = [c for c in view.candidates if c.quality is not None and c.flops is not None]
    if len(points) < 2:
        return None
    name = f"fig-{number}"
    drawings = (
        _draw(view, points, (WIDE, 310), "wide", f"{name}w"),
        _draw(view, points, (NARROW, 300), "narrow", f"{name}n"),
    )
    ends = f" with its {level(view.level)} intervals" if view.has_intervals else ""
    note = (
        f"{opened(view.words.axis)} against floating-point operations per image, each network at its own "
        f"input size. Blue: the Pareto front{_above(view)}{ends}, beaten by no other in both. Hollow: beaten."
    )
    return Picture(name, number, _reading(view, points), note, drawings, _table(view))


def _above(view: RankReading) -> str:
    """Say whom the front is of."""
    if all(c.over_pixels is None for c in view.candidates):
        return ""
    return " of what is shown to beat raw pixels" if view.has_paired_gains else " above raw pixels"


def _reading(view: RankReading, points: Sequence[Candidate]) -> str:
    """Say what less compute would cost, against the recommended candidate."""
    best = view.best
    if not view.front:
        shown_to = "is shown to beat" if view.has_paired_gains else "scores above"
        return f"No candidate {shown_to} raw pixels at any compute."
    if best is None:
        return f"{view.front[-1].name} scores highest of the candidates, which could not be ranked."
    if best not in points:
        return f"{best.name} has no known compute; {view.front[-1].name} scores highest of the others."
    if best in view.not_above_pixels:
        verbs = ("is not shown to beat", "is") if view.has_paired_gains else ("does not score above", "does")
        return f"{best.name} {verbs[0]} raw pixels; {view.front[0].name} {verbs[1]}, with the least compute."
    cheaper = [c for c in view.front if (c.flops or 0) < (best.flops or 0)]
    return _saving(view, best, cheaper[-1]) if cheaper else _cheapest(view, best)


def _cheapest(view: RankReading, best: Candidate) -> str:
    """Say it of a recommended candidate than which none of the front needs less compute."""
    near = view.front[0]
    if best not in view.front:
        gap = view.words.gap(_quality(near) - _quality(best))
        return f"{near.name} scores {gap} higher than {best.name} at the same compute."
    if len(view.front) > 1:
        return f"{best.name} has the least compute of the front."
    if [c for c in view.candidates if c.over_pixels is not None and c.over_pixels.place == "above"] == [best]:
        verb = "shown to beat" if view.has_paired_gains else "that scores above"
        return f"{best.name} is the only candidate {verb} raw pixels."
    return f"{best.name} has the highest score and the least compute{_above(view)}."


def _saving(view: RankReading, best: Candidate, near: Candidate) -> str:
    """Say what ``near`` of the front saves of the compute, and gives up for it."""
    gap = _quality(near) - _quality(best)
    saved = f"{percent(1 - (near.flops or 0) / (best.flops or 1))}{NBSP}%"
    if gap >= 0:
        return f"{near.name} scores no lower than {best.name} and needs {saved} less compute."
    return f"{near.name} gives up {view.words.gap(gap)} against {best.name} for {saved} less compute."


def _draw(view: RankReading, points: Sequence[Candidate], size: tuple[int, int], kind: str, name: str) -> Markup:
    width, height = size
    sheet = Sheet(width, height, kind)
    x, y = _scales(view, points, size)
    sheet.text(0, 12, f"{view.words.axis}{view.words.unit}", "s mu")
    _frame(sheet, view, x, y)
    at = {c.row.backbone: (x(c.flops or 1), y(_quality(c))) for c in points}
    taken = _pixel_line(sheet, view, x, y)
    taken += _front(sheet, view, at, x)
    known = [(at[c.row.backbone][0], c.quality) for c in view.front if c.quality is not None]
    ends = [(px, y(q.low), y(q.high)) for px, q in known if q.low is not None and q.high is not None]
    sheet.lines([((px, low), (px, high)) for px, low, high in ends], "iv p")
    taken += [(px - 1, high, 2, low - high) for px, low, high in ends]
    for css in ("n", "p", "b"):
        centres = [at[c.row.backbone] for c in points if _css(view, c) == css]
        if css == "b":
            sheet.crosses(centres, "x")
        elif css == "p":
            sheet.dots(centres, css)
        else:
            sheet.rings(centres, css)
    _names(sheet, view, points, at, taken)
    return sheet.render(name, f"{opened(view.words.axis)} against compute on {view.target}", _spoken(view))


def _scales(view: RankReading, points: Sequence[Candidate], size: tuple[int, int]) -> tuple[Scale, Scale]:
    width, height = size
    flops = [c.flops or 1 for c in points]
    low, high = min(flops) / 1.3, max(flops) * 1.3
    values: list[float | None] = [_quality(c) for c in points]
    values += [end for c in view.front if c.quality for end in (c.quality.low, c.quality.high)]
    values.append(view.pixels.quality.value if view.pixels and view.pixels.quality else None)
    bottom, top = span((v for v in values if v is not None), pad=0.08)
    right = width - (112 if width == WIDE else 6)
    return Scale(low, high, 34, right, log=True), Scale(bottom, top, height - FOOT, TOP)


def _frame(sheet: Sheet, view: RankReading, x: Scale, y: Scale) -> None:
    for t in y.ticks(5):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "g")
        sheet.text(x.start - 8, y(t) + 4, fixed(100 * t, 0) if view.words.share else tick(t), "s mu", "end")
    sheet.lines([((x.start, y.start), (x.end, y.start))], "ax")
    for t in x.ticks(6 if sheet.width == WIDE else 4):
        sheet.lines([((x(t), y.start), (x(t), y.start + 4))], "ax")
        sheet.text(x(t), y.start + 16, tick(t / 1e6), "s mu", "middle")
    sheet.text(x.end, y.start + 34, "compute, MFLOPs per image (log scale)", "s mu", "end")


def _pixel_line(sheet: Sheet, view: RankReading, x: Scale, y: Scale) -> list[Box]:
    """Draw the raw-pixel line with its name; returns the box the name takes."""
    if view.pixels is None or view.pixels.quality is None:
        return []
    value = view.pixels.quality.value
    words = f"raw pixels {view.words.form(value)}"
    sheet.lines([((x.start, y(value)), (x.end, y(value)))], "ref")
    if sheet.width == WIDE:
        sheet.text(x.end + 6, y(value) + 4, words, "s mu")
        return [(x.start, y(value) - 2, x.end - x.start, 4)]
    sheet.text(x.end, y(value) - 5, words, "s mu", "end")
    wide = text_width(words, 11)
    return [(x.end - wide, y(value) - 16, wide, 16), (x.start, y(value) - 2, x.end - x.start, 4)]


def _front(sheet: Sheet, view: RankReading, at: dict[str, Point], x: Scale) -> list[Box]:
    """Draw the front as steps, what is to be had for at most this much compute; returns the boxes they take."""
    corners: list[Point] = []
    for c in view.front:
        px, py = at[c.row.backbone]
        corners += [(px, corners[-1][1])] if corners else []
        corners.append((px, py))
    if not corners:
        return []
    corners.append((x.end, corners[-1][1]))
    sheet.lines([corners], "front")
    pairs = itertools.pairwise(corners)
    return [(min(a[0], b[0]) - 1, min(a[1], b[1]) - 1, abs(a[0] - b[0]) + 2, abs(a[1] - b[1]) + 2) for a, b in pairs]


def _names(
    sheet: Sheet, view: RankReading, points: Sequence[Candidate], at: dict[str, Point], taken: Sequence[Box]
) -> None:
    """Name the best candidates and the front first, then the rest while there is room."""
    order = sorted(points, key=lambda c: (c is not view.best, not c.in_best_set, c not in view.front, not c.has_error))
    room = 190 if sheet.width == WIDE else 150
    names = [(cut(c.name, room), cut(c.name, 0.6 * room)) for c in order]
    bounds = (34.0, 16.0, sheet.width - 34, sheet.height - FOOT - 18)
    centres = [at[c.row.backbone] for c in order]
    for label in place(centres, names, taken=taken, bounds=bounds):
        c = order[label.index]
        weight = "b " if c is view.best else "" if c in view.front or c.in_best_set else "s "
        sheet.text(label.x, label.y, label.words, weight + _name_colour(view, c), label.anchor)


def _name_colour(view: RankReading, candidate: Candidate) -> str:
    return {"p": "tp", "b": "tb", "n": "mu"}[_css(view, candidate)]


def _css(view: RankReading, candidate: Candidate) -> str:
    if style(candidate) == "b":
        return "b"
    return "p" if candidate in view.front else "n"


def _quality(candidate: Candidate) -> float:
    assert candidate.quality is not None
    return candidate.quality.value


def _spoken(view: RankReading) -> str:
    front = [f"{c.name} {view.words.value(_quality(c))} at {mega(c.flops or 0)} MFLOPs" for c in view.front]
    return f"Points on a logarithmic compute axis. The Pareto front: {listed(few(front))}."


def _table(view: RankReading) -> Table:
    words = view.words
    rows = tuple(
        Row(
            cells(
                c.name,
                words.form(c.quality.value) if c.quality else "",
                mega(c.flops) if c.flops else "",
                "yes" if c in view.front else "no",
            ),
            chosen=c in view.front,
        )
        for c in view.candidates
    )
    columns = heads("Candidate", f"{words.head}{words.unit}", "MFLOPs", "On the front", left=(3,))
    return Table(f"{words.head} and compute on {view.target}", columns, rows)
