"""Learning curves: test accuracy against optimiser steps, one panel per cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.text import shown
from shiftscope.report.audit_grid import arm_order
from shiftscope.report.audit_words import arm_name, regime_name
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut, text_width
from shiftscope.report.numerals import NBSP, count, fixed, listed, percent, points
from shiftscope.report.page import Picture, Row, Table, cells, heads

__all__ = ["curves"]

HEAD, PLOT, FOOT, BETWEEN = 26, 150, 26, 24
LEFT = 32
# Cells that are drawn; the table has all.
DRAWN = 6
LINE = 14  # least distance between names at the ends of lines


@dataclass(frozen=True)
class _Curve:
    """One arm of one cell: steps and accuracies in rising order of steps."""

    cell: str
    arm: str
    points: tuple[tuple[int, float], ...]

    @property
    def name(self) -> str:
        """The cell as it may be shown, its regime in words."""
        pair, _, regime = self.cell.rpartition(", ")
        return f"{shown(pair)}, {regime_name(regime)}" if pair else shown(self.cell)

    @property
    def last_gain(self) -> float:
        """What the last raise of the budget gained."""
        return self.points[-1][1] - self.points[-2][1] if len(self.points) > 1 else 0.0


def curves(view: AuditReading, number: int) -> Picture | None:
    """Make the figure, or None where no cell was trained for several budgets."""
    found = _read(view)
    if not found:
        return None
    name = f"fig-{number}"
    drawn = list(dict.fromkeys(c.cell for c in found))
    some = f" {DRAWN} of {count(len(drawn))} cells are drawn, the table has all." if len(drawn) > DRAWN else ""
    note = (
        "Test accuracy in % against optimiser steps (log scale), each point a training run of its own. "
        f"Blue discs: started from the weights; grey rings: from scratch.{some}"
    )
    drawings = (_draw(found, WIDE, 2, f"{name}w"), _draw(found, NARROW, 1, f"{name}n"))
    return Picture(name, number, _reading(view, found), note, drawings, _table(found))


def _read(view: AuditReading) -> list[_Curve]:
    found = []
    for key, accuracies in view.audit.curves.items():
        cell, _, arm = key.rpartition(": ")
        steps = sorted((int(step), accuracy) for step, accuracy in accuracies.items())
        found += [_Curve(cell, arm, tuple(steps))] if steps else []
    return sorted(found, key=lambda c: (c.cell, arm_order(c.arm)))


def _reading(view: AuditReading, found: Sequence[_Curve]) -> str:
    """Say whether the last raise of the budget still gained more than the margin anywhere."""
    raised = [c for c in found if len(c.points) > 1]
    if not raised:
        return "Each cell was trained for one budget only: no curve says whether it was enough."
    most = max(raised, key=lambda c: c.last_gain)
    (before, _), (after, _) = most.points[-2:]
    gain = f"{points(most.last_gain)}{NBSP}points"
    if most.last_gain > view.audit.margin:
        who = f"{most.name}, {arm_name(most.arm).lower()},"
        return f"More steps still help: {who} gains {gain} from {count(before)} to {count(after)} steps."
    return f"No arm is starved: the last raise of the budget gains {gain} at most."


def _draw(found: Sequence[_Curve], width: int, across: int, name: str) -> Markup:
    drawn = list(dict.fromkeys(c.cell for c in found))[:DRAWN]
    across = min(across, len(drawn))
    rows = -(-len(drawn) // across)
    sheet = Sheet(width, rows * (HEAD + PLOT + FOOT) + (rows - 1) * BETWEEN, "wide" if width == WIDE else "narrow")
    kept = [c for c in found if c.cell in drawn]
    room = (width - BETWEEN * (across - 1)) / across
    names = max(text_width(arm_name(c.arm)) for c in kept) + 14
    steps = [step for c in kept for step, _ in c.points]
    low, high = span([accuracy for c in kept for _, accuracy in c.points])
    for i, cell in enumerate(drawn):
        left, top = (i % across) * (room + BETWEEN), (i // across) * (HEAD + PLOT + FOOT + BETWEEN)
        x = Scale(min(steps) / 1.1, max(steps) * 1.1, left + LEFT, left + room - names, log=True)
        y = Scale(max(0.0, low), min(1.0, high), top + HEAD + PLOT, top + HEAD)
        mine = [c for c in kept if c.cell == cell]
        sheet.text(left, top + 12, cut(mine[0].name, room), "b")
        _panel(sheet, mine, x, y)
    return sheet.render(name, "Learning curves", _spoken(kept))


def _panel(sheet: Sheet, mine: Sequence[_Curve], x: Scale, y: Scale) -> None:
    for t in y.ticks(4):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "g")
        sheet.text(x.start - 8, y(t) + 4, fixed(100 * t, 0), "s mu", "end")
    sheet.lines([((x.start, y.start), (x.end, y.start))], "ax")
    steps = sorted({step for c in mine for step, _ in c.points})
    for step in steps:
        sheet.lines([((x(step), y.start), (x(step), y.start + 4))], "ax")
        sheet.text(x(step), y.start + 17, count(step), "s mu", "middle")
    for c in mine:
        css = "n" if c.arm == "scratch" else "p"
        run = [(x(step), y(accuracy)) for step, accuracy in c.points]
        sheet.lines([run], f"iv {css}")
        if c.arm == "scratch":
            sheet.rings(run, css)
        else:
            sheet.dots(run, css)
    _ends(sheet, mine, x, y)


def _ends(sheet: Sheet, mine: Sequence[_Curve], x: Scale, y: Scale) -> None:
    """Name the lines at their ends, pushed apart where names would touch."""
    above = float("-inf")
    for c in sorted(mine, key=lambda c: -c.points[-1][1]):
        step, accuracy = c.points[-1]
        at = max(y(accuracy) + 4, above + LINE)
        sheet.text(x(step) + 9, at, arm_name(c.arm), "mu" if c.arm == "scratch" else "tp")
        above = at


def _spoken(mine: Sequence[_Curve]) -> str:
    said = []
    for c in mine:
        (first, low), (last, high) = c.points[0], c.points[-1]
        ends = f"{percent(low)} % after {count(first)} steps, {percent(high)} % after {count(last)}"
        said.append(f"{c.name}, {arm_name(c.arm).lower()}: {ends}")
    return f"Line plot of test accuracy. {listed(said)}."


def _table(found: Sequence[_Curve]) -> Table:
    steps = sorted({step for c in found for step, _ in c.points})
    rows = []
    for c in found:
        known = dict(c.points)
        numbers = (percent(known[s]) if s in known else "" for s in steps)
        rows.append(Row(cells(c.name, arm_name(c.arm), *numbers)))
    columns = heads("Cell", "Arm", *(f"{count(s)} steps" for s in steps), left=(1,))
    return Table("Test accuracy, %, by optimiser steps", columns, tuple(rows))
