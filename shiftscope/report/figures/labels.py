"""Names beside points, placed so that none covers another name or a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shiftscope.report.figures.sheet import Box, Point, text_width

__all__ = ["Label", "place"]

HEIGHT = 13
GAP = 7


@dataclass(frozen=True)
class Label:
    """Words with their place: the start, middle or end of their baseline; ``index`` is that of the point."""

    index: int
    words: str
    x: float
    y: float
    anchor: str


def place(
    points: Sequence[Point], names: Sequence[Sequence[str]], *, taken: Sequence[Box], bounds: Box, px: float = 12
) -> list[Label]:
    """Place names in the order given, each at the first free side of its point: right, left, above, below, corners.

    A name that fits nowhere is left out: it stands in the figure's table.

    Parameters
    ----------
    names
        For each point the forms of its name, the longest first; a shorter one is taken where no longer one fits.
    taken
        Boxes (x, y, width, height) that no name may cover, beside the points themselves.
    bounds
        Box that names must stay in.
    """
    blocked = [*taken, *((x - 5, y - 5, 10, 10) for x, y in points)]
    placed: list[Label] = []
    for index, (point, forms) in enumerate(zip(points, names, strict=True)):
        tries = (label for words in forms for label in _sides(index, words, *point))
        for label in tries:
            box = _box(label, text_width(label.words, px))
            if _inside(box, bounds) and not any(_overlap(box, other) for other in blocked):
                placed.append(label)
                blocked.append(box)
                break
    return placed


def _sides(index: int, words: str, x: float, y: float) -> list[Label]:
    sides = (
        (GAP, 4, "start"),
        (-GAP, 4, "end"),
        (0, -GAP - 2, "middle"),
        (0, GAP + 11, "middle"),
        (GAP, -GAP, "start"),
        (GAP, GAP + 9, "start"),
        (-GAP, -GAP, "end"),
        (-GAP, GAP + 9, "end"),
    )
    return [Label(index, words, x + right, y + down, anchor) for right, down, anchor in sides]


def _box(label: Label, width: float) -> Box:
    left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    return left, label.y - HEIGHT + 3, width, HEIGHT


def _inside(box: Box, bounds: Box) -> bool:
    return (
        box[0] >= bounds[0]
        and box[1] >= bounds[1]
        and box[0] + box[2] <= bounds[0] + bounds[2]
        and box[1] + box[3] <= bounds[1] + bounds[3]
    )


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
