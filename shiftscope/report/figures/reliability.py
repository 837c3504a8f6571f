"""Forecasts of harm against what happened: how often in bins of forecasts, and gap by gap."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.core.audit import Question, Reliability
from shiftscope.report.audit_words import QUESTION_WORDS
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.gaps import mark_outcomes
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet
from shiftscope.report.numerals import NBSP, count, fixed, interval, listed, opened, probability, tick
from shiftscope.report.page import EMPTY, Cell, Column, Picture, Row, Table

__all__ = ["reliability"]

HEAD, PLOT, FOOT = 44, 190, 42
LEFT, APART = 40, 34


def reliability(view: AuditReading, number: int) -> Picture | None:
    """Make the figure, or None where nothing was forecast of cells that the model had not seen."""
    questions = view.foretold
    if not questions:
        return None
    name = f"fig-{number}"
    drawings = (_wide(view, questions, f"{name}w"), _narrow(view, questions, f"{name}n"))
    return Picture(name, number, _reading(view, questions), _note(view), drawings, _table(view, questions))


def _reading(view: AuditReading, questions: Sequence[Question]) -> str:
    """Say by how much the bins miss the diagonal at most."""
    apart = [(abs(b.happened - b.forecast), b, q) for q in questions for b in view.audit.reliability[q]]
    most, worst, question = max(apart, key=lambda found: found[0])
    return (
        f"Forecasts and frequencies of harm lie at most {fixed(100 * most, 0)}{NBSP}points apart: for "
        f"{QUESTION_WORDS[question].subject} {probability(worst.forecast)} was forecast where "
        f"{probability(worst.happened)} came true."
    )


def _note(view: AuditReading) -> str:
    lines = ", lines 95\N{NO-BREAK SPACE}% intervals over target groups" if _with_lines(view) else ""
    return (
        "Left: how often harm came true in bins of equally many pairs, by the mean forecast of the bin"
        f"{lines}; on the dashed diagonal forecasts mean what they say. Right: the gap of every pair against its "
        "forecast; crosses hurt, discs helped, rings cannot be told. Each forecast is that of a model that saw neither "
        "the target's group nor the source's family."
    )


def _with_lines(view: AuditReading) -> bool:
    return any(b.low is not None for bins in view.audit.reliability.values() for b in bins)


def _wide(view: AuditReading, questions: Sequence[Question], name: str) -> Markup:
    row = HEAD + PLOT + FOOT
    sheet = Sheet(WIDE, row * len(questions), "wide")
    middle = LEFT + PLOT
    for i, question in enumerate(questions):
        _often(sheet, view, question, (LEFT, middle), row * i + HEAD)
        _gaps(sheet, view, question, (middle + APART + LEFT, WIDE - 8), row * i + HEAD)
    return sheet.render(name, "Forecasts of harm against what happened", _spoken(view, questions))


def _narrow(view: AuditReading, questions: Sequence[Question], name: str) -> Markup:
    row = HEAD + PLOT + FOOT
    sheet = Sheet(NARROW, 2 * row * len(questions), "narrow")
    for i, question in enumerate(questions):
        _often(sheet, view, question, (LEFT, NARROW - 8), 2 * row * i + HEAD)
        _gaps(sheet, view, question, (LEFT, NARROW - 8), (2 * i + 1) * row + HEAD)
    return sheet.render(name, "Forecasts of harm against what happened", _spoken(view, questions))


def _often(sheet: Sheet, view: AuditReading, question: Question, ends: Point, top: float) -> None:
    """Draw how often harm came true against how often it was forecast."""
    y = Scale(0, 1, top + PLOT, top)
    x = _forecasts(sheet, ends, y, f"{QUESTION_WORDS[question].head}: came true")
    for t in (0, 0.25, 0.5, 0.75, 1):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "g")
        sheet.text(x.start - 8, y(t) + 4, tick(t), "s mu", "end")
    sheet.lines([((x(0), y(0)), (x(1), y(1)))], "ref")
    bins = view.audit.reliability[question]
    sheet.lines(
        [
            ((x(b.forecast), y(b.low)), (x(b.forecast), y(b.high)))
            for b in bins
            if b.low is not None and b.high is not None
        ],
        "iv p",
    )
    sheet.dots([(x(b.forecast), y(b.happened)) for b in bins], "p")


def _gaps(sheet: Sheet, view: AuditReading, question: Question, ends: Point, top: float) -> None:
    """Draw the gap of every pair against its forecast."""
    pairs = view.foretold_gaps(question)
    low, high = span([0.0, -view.audit.margin, *(gap.gap for gap, _ in pairs)])
    y = Scale(low, high, top + PLOT, top)
    x = _forecasts(sheet, ends, y, f"{QUESTION_WORDS[question].head}: gap to scratch, points")
    for t in y.ticks(6):
        sheet.lines([((x.start, y(t)), (x.end, y(t)))], "zero" if t == 0 else "g")
        sheet.text(x.start - 8, y(t) + 4, fixed(100 * t, 0), "s mu", "end")
    sheet.lines([((x.start, y(-view.audit.margin)), (x.end, y(-view.audit.margin)))], "ref")
    for outcome in ("indistinguishable", "positive", "negative"):
        mine = [(x(p), y(gap.gap)) for gap, p in pairs if view.outcome(gap) == outcome]
        mark_outcomes(sheet, outcome, mine, small=True)


def _forecasts(sheet: Sheet, ends: Point, y: Scale, title: str) -> Scale:
    """Draw the axis of forecasts under a panel, and its title above."""
    x = Scale(0, 1, *ends)
    sheet.text(x.start - LEFT, y.end - 18, title, "b")
    for t in (0, 0.25, 0.5, 0.75, 1):
        sheet.text(x(t), y.start + 16, tick(t), "s mu", "middle")
    sheet.text((x.start + x.end) / 2, y.start + 32, "forecast probability of harm", "s mu", "middle")
    return x


def _spoken(view: AuditReading, questions: Sequence[Question]) -> str:
    said = []
    for question in questions:
        bins = [
            f"{probability(b.forecast)} came true {probability(b.happened)}" for b in view.audit.reliability[question]
        ]
        said.append(f"{QUESTION_WORDS[question].subject}, forecast {listed(bins)}")
    return f"Dot plots. {opened('; '.join(said))}."


def _table(view: AuditReading, questions: Sequence[Question]) -> Table:
    columns = (
        Column("Arm", left=True),
        Column("Forecast, mean"),
        Column("Came true"),
        Column(f"95{NBSP}% interval"),
        Column("Pairs"),
    )
    rows = [_row(question, b) for question in questions for b in view.audit.reliability[question]]
    return Table("Forecasts of harm against what happened", columns, tuple(rows))


def _row(question: Question, b: Reliability) -> Row:
    ends = EMPTY if b.low is None or b.high is None else interval(b.low, b.high, probability)
    return Row(
        (
            Cell(QUESTION_WORDS[question].head),
            Cell(probability(b.forecast), key=b.forecast),
            Cell(probability(b.happened), key=b.happened),
            Cell(ends),
            Cell(count(b.n), key=b.n),
        )
    )
