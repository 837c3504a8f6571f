"""How well each predictor put the backbones in order, and what following it gives up, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.audit import Score
from shiftscope.report.audit_words import STATISTICS, predictor_head, predictor_name, truth_name
from shiftscope.report.audited import COST, ORDER, AuditReading
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut, text_width
from shiftscope.report.foresight import cost_line, score_table, told, with_intervals
from shiftscope.report.numerals import NBSP, fixed, listed, opened, tick
from shiftscope.report.page import Picture

__all__ = ["predictors"]

HEAD, ROW, FOOT = 26, 24, 24
# Room for a value at the right of its panel.
VALUE = 46


@dataclass(frozen=True)
class _Panel:
    """One statistic: which, its scale and where the panel begins."""

    statistic: str
    scale: Scale
    top: float


def predictors(view: AuditReading, number: int) -> Picture | None:
    """Make the figure against the first truth, or None where neither statistic was scored."""
    truth = next((t for t in view.truths if _drawn(view, t)), None)
    if truth is None:
        return None
    name = f"fig-{number}"
    blue = "" if view.leader(truth) is None else "Blue came closest to the order of what looks at the target. "
    note = (
        f"Predictors against the {truth_name(truth)}{with_intervals(view)}. Weighted tau: 0 for chance, 1 for the true "
        "order. Regret@1: points given up by following the first choice, less is better. "
        f"{blue}Rings are what advice is to be held against."
    )
    drawings = (_wide(view, truth, f"{name}w"), _narrow(view, truth, f"{name}n"))
    return Picture(name, number, _reading(view, truth), note, drawings, score_table(view, truth, _drawn(view, truth)))


def _drawn(view: AuditReading, truth: str) -> list[str]:
    """Statistics of the two panels that the record has."""
    return [s for s in (ORDER, COST) if s in view.statistics(truth)]


def _rows(view: AuditReading, truth: str) -> list[str]:
    found = (*view.advisers(truth), *view.baselines(truth))
    return [p for p in found if any(view.score(truth, p, s) is not None for s in _drawn(view, truth))]


def _reading(view: AuditReading, truth: str) -> str:
    """Say what the leader saves against random choice, or what its order is worth."""
    leader = view.leader(truth)
    if leader is None:
        return f"What advice is to be held against, by {truth_name(truth)}."
    cost, chance = (view.score(truth, p, COST) for p in (leader, "random"))
    if cost is not None and chance is not None:
        form = STATISTICS[COST].form
        said = f"gives up {form(cost.value)}{NBSP}points, random choice {form(chance.value)}"
        return f"Following {predictor_name(leader)} {said}."
    order = view.score(truth, leader, ORDER)
    assert order is not None
    return f"{opened(predictor_name(leader))} reaches a weighted tau of {told(order)}."


def _wide(view: AuditReading, truth: str, name: str) -> Markup:
    rows, statistics = _rows(view, truth), _drawn(view, truth)
    sheet = Sheet(WIDE, HEAD + ROW * len(rows) + FOOT, "wide")
    label = min(180.0, max(text_width(predictor_head(p)) for p in rows))
    width = (WIDE - label - 14 - 30 * (len(statistics) - 1)) / len(statistics)
    for i, statistic in enumerate(statistics):
        left = label + 14 + i * (width + 30)
        _panel(sheet, view, truth, _Panel(statistic, _scale(view, truth, statistic, left, left + width - VALUE - 6), 0))
    _names(sheet, view, truth, 0.0, label)
    return sheet.render(name, *_spoken(view, truth))


def _narrow(view: AuditReading, truth: str, name: str) -> Markup:
    rows, statistics = _rows(view, truth), _drawn(view, truth)
    height = HEAD + ROW * len(rows) + FOOT + 14
    sheet = Sheet(NARROW, height * len(statistics) - 14, "narrow")
    label = min(128.0, max(text_width(predictor_head(p)) for p in rows))
    for i, statistic in enumerate(statistics):
        scale = _scale(view, truth, statistic, label + 12, NARROW - VALUE - 4)
        _panel(sheet, view, truth, _Panel(statistic, scale, i * height))
        _names(sheet, view, truth, i * height, label)
    return sheet.render(name, *_spoken(view, truth))


def _scale(view: AuditReading, truth: str, statistic: str, start: float, end: float) -> Scale:
    """A scale that holds zero."""
    known = [s for p in _rows(view, truth) if (s := view.score(truth, p, statistic)) is not None]
    low, high = span([0.0, *(end for s in known for end in _ends(s))])
    return Scale(low, high, start, end)


def _ends(score: Score) -> tuple[float, float]:
    return (score.value, score.value) if score.low is None or score.high is None else (score.low, score.high)


def _names(sheet: Sheet, view: AuditReading, truth: str, top: float, room: float) -> None:
    for i, predictor in enumerate(_rows(view, truth)):
        css = "b" if predictor == view.leader(truth) else ""
        sheet.text(0, top + HEAD + ROW * (i + 0.5) + 4, cut(predictor_head(predictor), room), css)


def _panel(sheet: Sheet, view: AuditReading, truth: str, panel: _Panel) -> None:
    x, words = panel.scale, STATISTICS[panel.statistic]
    rows = _rows(view, truth)
    top, bottom = panel.top + HEAD, panel.top + HEAD + ROW * len(rows)
    sheet.text(x.start, panel.top + 12, words.head, "s mu")
    ticks = x.ticks(4)
    share = panel.statistic == COST
    for t in ticks:
        sheet.lines([((x(t), top - 4), (x(t), bottom))], "zero" if t == 0 else "g")
        sheet.text(x(t), bottom + 16, fixed(100 * t, 0) if share else tick(t), "s mu", "middle")
    below = len(view.advisers(truth))
    for i, predictor in enumerate(rows):
        score = view.score(truth, predictor, panel.statistic)
        y = top + ROW * (i + 0.5)
        if score is None:
            continue
        css = "p" if predictor == view.leader(truth) else "n"
        _mark(sheet, x, score, y, css, hollow=i >= below)
        text = "b tp" if css == "p" else ""
        sheet.text(x.end + VALUE + 2, y + 4, words.form(score.value), text, "end")


def _mark(sheet: Sheet, x: Scale, score: Score, y: float, css: str, *, hollow: bool) -> None:
    low, high = _ends(score)
    sheet.lines([((x(low), y), (x(high), y))], f"iv {css}")
    if hollow:
        sheet.rings([(x(score.value), y)], css)
    else:
        sheet.dots([(x(score.value), y)], css)


def _spoken(view: AuditReading, truth: str) -> tuple[str, str]:
    scores = [(p, view.score(truth, p, ORDER)) for p in _rows(view, truth)]
    said = [f"{predictor_name(p)} {told(s)}" for p, s in scores if s is not None]
    orders = f"Weighted tau: {listed(said)}. " if said else ""
    title = f"Predictors against the {truth_name(truth)}"
    return title, f"Dot plot with intervals. {orders}{cost_line(view, truth)}".strip()
