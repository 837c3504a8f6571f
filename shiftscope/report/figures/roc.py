"""How well a linear classifier tells the target from the source, at every threshold."""

from __future__ import annotations

from markupsafe import Markup

from shiftscope.report.figures.scale import Scale
from shiftscope.report.figures.sheet import NARROW, Sheet, cut
from shiftscope.report.numerals import NBSP, fixed, percent
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.separation import Curve
from shiftscope.report.shifted import ShiftReading

__all__ = ["roc"]

LEFT, TOP, SIDE, FOOT = 34.0, 24.0, 250.0, 38
# Shares of the source taken for the target at which the table reads the curve.
LEVELS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5)
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


def roc(view: ShiftReading, number: int) -> Picture | None:
    """Make the figure, or None where no classifier of the domains left its curve."""
    if view.curve is None:
        return None
    name = f"fig-{number}"
    target, source = view.target, view.source
    note = (
        f"Upwards the share of {target} that is found, to the right that of {source} that is taken for it, at every "
        f"threshold, on held-out samples. AUC: how often a sample of {target} scores higher than one of {source}; "
        "guessing gives 0.5. It finds harmless differences, too, and none that is not linear in the features."
    )
    drawing = _draw(view, view.curve, name)
    return Picture(
        name, number, _reading(view, view.curve), note, (drawing,), _table(view, view.curve), half=bool(view.supports)
    )


def _reading(view: ShiftReading, curve: Curve) -> str:
    tells = "tells" if curve.clear else "is not shown to tell"
    return f"A linear classifier {tells} {view.target} from {view.source}: AUC{NBSP}{fixed(curve.auc, 2)}."


def _draw(view: ShiftReading, curve: Curve, name: str) -> Markup:
    sheet = Sheet(NARROW, TOP + SIDE + FOOT, "solo")
    x, y = Scale(0, 1, LEFT, LEFT + SIDE), Scale(0, 1, TOP + SIDE, TOP)
    sheet.text(0, 12, cut(f"{view.target} found, %", NARROW, 11), "s mu")
    for share in GRID:
        sheet.lines([((x(share), y(0)), (x(share), y(1))), ((x(0), y(share)), (x(1), y(share)))], "g")
        sheet.text(x(share), y(0) + 16, f"{100 * share:g}", "s mu", "middle")
        sheet.text(x(0) - 8, y(share) + 4, f"{100 * share:g}", "s mu", "end")
    sheet.lines([((x(0), y(1)), (x(0), y(0)), (x(1), y(0)))], "ax")
    sheet.lines([((x(0), y(0)), (x(1), y(1)))], "ref")
    corners = [(round(x(a)), round(y(b))) for a, b in zip(curve.wrong, curve.right, strict=True)]
    sheet.lines([corners], "now")
    sheet.text(x(0.97), y(0.06), f"AUC{NBSP}{fixed(curve.auc, 2)}", "b tt", "end")
    # On the side of the diagonal where the curve is not.
    at, anchor = (0.55, "start") if curve.auc >= 0.5 else (0.45, "end")
    sheet.text(x(at), y(0.98 - at), "guessing", "s mu", anchor)
    sheet.text(x(1), y(0) + 33, cut(f"{view.source} taken for {view.target}, %", LEFT + SIDE, 11), "s mu", "end")
    some = [f"{percent(curve.found(a))} at {percent(a)}" for a in (0.01, 0.1)]
    said = f"A curve from corner to corner, above the diagonal by guessing. Found, in percent: {', '.join(some)} taken."
    return sheet.render(name + "s", f"ROC curve of {view.target} against {view.source}", said)


def _table(view: ShiftReading, curve: Curve) -> Table:
    rows = tuple(Row(cells(percent(level), percent(curve.found(level)))) for level in LEVELS)
    columns = heads(f"{view.source} taken for {view.target}, at most, %", f"{view.target} found, %")
    return Table(f"Share of {view.target} that is found, AUC{NBSP}{fixed(curve.auc, 3)}", columns, rows)
