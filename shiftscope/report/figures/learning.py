"""Held-out accuracy of the probe against the number of labelled samples."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.core.strategy import LearningPoint, Strategy
from shiftscope.core.text import shown
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, text_width
from shiftscope.report.forecasted import PROBE
from shiftscope.report.numerals import NBSP, count, fixed, listed, opened, percent
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.ranked import RankReading
from shiftscope.report.vocabulary import words_for

__all__ = ["learning"]

HEAD, PLOT, FOOT = 28, 150, 40
LEFT, LINE = 34, 14


def learning(view: RankReading, number: int) -> Picture | None:
    """Make the figure, or None where the advice has no curve."""
    strategy = view.strategy
    if strategy is None or len(strategy.curve) < 2:
        return None
    name = f"fig-{number}"
    words = words_for(PROBE)
    below = " Dashed: chance, and raw pixels with all samples." if _references(view) else ""
    note = (
        f"{opened(words.axis)} of {shown(strategy.backbone)} on {view.target} against labelled samples (log scale): "
        f"all of them, and parts of them averaged over draws.{below}"
    )
    drawings = (_draw(view, strategy, WIDE, f"{name}w"), _draw(view, strategy, NARROW, f"{name}n"))
    return Picture(name, number, _reading(strategy), note, drawings, _table(view, strategy))


def _reading(strategy: Strategy) -> str:
    before, last = strategy.curve[-2:]
    step = last.accuracy - before.accuracy
    turn = f"{'gained' if step >= 0 else 'lost'} {percent(abs(step))}{NBSP}points"
    return f"From {count(before.n)} to {count(last.n)} labelled samples the probe {turn}."


def _references(view: RankReading) -> list[tuple[float, str]]:
    """Chance and raw pixels by the probe's accuracy, with their names."""
    pixels = view.pixels.scores.get(PROBE) if view.pixels is not None else None
    known = [("chance", view.chance), ("raw pixels", None if pixels is None else pixels.value)]
    return [(value, f"{name} {percent(value)}") for name, value in known if value is not None]


def _draw(view: RankReading, strategy: Strategy, width: int, name: str) -> Markup:
    sheet = Sheet(width, HEAD + PLOT + FOOT, "wide" if width == WIDE else "narrow")
    curve, references = strategy.curve, _references(view)
    low, high = span([*(p.accuracy for p in curve), *(value for value, _ in references)])
    names = max((text_width(words, 11) for _, words in references), default=0.0)
    x = Scale(curve[0].n / 1.2, curve[-1].n * 1.2, LEFT, width - names - 14, log=True)
    y = Scale(max(0.0, low), min(1.0, high), HEAD + PLOT, HEAD)
    sheet.text(0, 12, f"{words_for(PROBE).axis}, %", "s mu")
    for t in y.ticks(5):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "g")
        sheet.text(LEFT - 8, y(t) + 4, fixed(100 * t, 0), "s mu", "end")
    sheet.lines([((x.start, y.start), (x.end, y.start))], "ax")
    sheet.lines([((x.start, y(value)), (x.end, y(value))) for value, _ in references], "ref")
    above = float("-inf")
    for value, words in sorted(references, reverse=True):
        above = max(y(value) + 4, above + LINE)
        sheet.text(x.end + 8, above, words, "s mu")
    _mark(sheet, curve, x, y, [y(value) for value, _ in references])
    sheet.text((x.start + x.end) / 2, y.start + 33, "labelled samples", "s mu", "middle")
    return sheet.render(name, f"Accuracy by labelled samples on {view.target}", _spoken(strategy))


def _mark(sheet: Sheet, curve: list[LearningPoint], x: Scale, y: Scale, lines: Sequence[float]) -> None:
    """Draw the curve, each value above its point, or below it where a reference line runs above."""
    marks = [(x(p.n), y(p.accuracy)) for p in curve]
    sheet.lines([marks], "iv p")
    sheet.rings(marks[:-1], "p")
    sheet.dots(marks[-1:], "p")
    for p, (at, height) in zip(curve, marks, strict=True):
        crossed = any(0 < height - line < 24 for line in lines)
        sheet.text(
            at, height + (19 if crossed else -9), percent(p.accuracy), "b tp" if p is curve[-1] else "", "middle"
        )
        sheet.text(at, y.start + 16, count(p.n), "s mu", "middle")


def _spoken(strategy: Strategy) -> str:
    said = [f"{percent(p.accuracy)}{NBSP}% with {count(p.n)} samples" for p in strategy.curve]
    return f"Line plot for {shown(strategy.backbone)}: {listed(said)}."


def _table(view: RankReading, strategy: Strategy) -> Table:
    rows = tuple(Row(cells(count(p.n), percent(p.accuracy)), chosen=p is strategy.curve[-1]) for p in strategy.curve)
    title = f"{opened(words_for(PROBE).axis)} of {shown(strategy.backbone)} on {view.target}"
    return Table(title, heads("Labelled samples", f"{words_for(PROBE).head}, %"), rows)
