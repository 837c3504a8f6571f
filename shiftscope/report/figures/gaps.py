"""Every natural gap with its interval, in the order of its outcome and size, one panel per question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shiftscope.core.audit import Gap, Outcome, Question
from shiftscope.core.text import shown
from shiftscope.report.audit_tables import pair_table
from shiftscope.report.audit_verdicts import told
from shiftscope.report.audit_words import QUESTION_WORDS, TRANSFER, regime_name
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Point, Sheet, text_width
from shiftscope.report.numerals import NBSP, count, fixed, listed, opened, points
from shiftscope.report.page import Picture

__all__ = ["gaps", "mark_outcomes"]

HEAD, PLOT, FOOT, BETWEEN = 40, 190, 14, 22
LEFT = 40
# Pairs a panel draws; the tables have all.
DRAWN = 240
# Room between outcomes.
APART = 12
# Pixels a pair needs for marks of full size.
SMALL = 6
OUTCOMES: tuple[Outcome, ...] = ("negative", "indistinguishable", "positive")
CSS: dict[Outcome, str] = {"negative": "b", "indistinguishable": "n", "positive": "p"}
TEXT: dict[Outcome, str] = {"negative": "tb", "indistinguishable": "mu", "positive": "tp"}


@dataclass(frozen=True)
class _Block:
    """Gaps of one outcome: the pixels of those that are drawn, how many there are, where and how wide they stand."""

    outcome: Outcome
    drawn: tuple[tuple[Gap, float], ...]
    n: int
    left: float
    slot: float


def gaps(view: AuditReading, number: int) -> Picture | None:
    """Make the figure, or None where no natural transfer gap was measured."""
    questions = [q for q in TRANSFER if view.gaps(q)]
    if not questions:
        return None
    name = f"fig-{number}"
    drawings = (_draw(view, questions, WIDE, "wide", f"{name}w"), _draw(view, questions, NARROW, "narrow", f"{name}n"))
    return Picture(
        name, number, _reading(view, questions), _note(view, questions), drawings, pair_table(view, questions)
    )


def _reading(view: AuditReading, questions: Sequence[Question]) -> str:
    """Name the lowest gap that hurts, or else the highest that helps."""
    hurt = [g for q in questions for g in view.gaps(q) if view.outcome(g) == "negative"]
    helped = [g for q in questions for g in view.gaps(q) if view.outcome(g) == "positive"]
    if hurt:
        return f"It hurt most where {_place(min(hurt, key=lambda g: g.gap))}."
    if helped:
        return f"It hurt in no pair, and helped most where {_place(max(helped, key=lambda g: g.gap))}."
    return "No pair can be told from none: every interval holds zero or lies within the margin."


def _place(gap: Gap) -> str:
    how = {"full_vs_scratch": "fine-tuned", "head_vs_scratch": "kept frozen"}[gap.question]
    where = f"on {shown(gap.target)} with {regime_name(gap.regime)}"
    return f"{shown(gap.backbone)} was {how} {where}: {points(gap.gap)}{NBSP}points"


def _note(view: AuditReading, questions: Sequence[Question]) -> str:
    thin = max(_step(len(view.gaps(q))) for q in questions)
    some = f" One in {count(thin)} is drawn, the table has all." if thin > 1 else ""
    return (
        "Gap to training from scratch of every natural pair of weights and target, lines 95\N{NO-BREAK SPACE}% "
        "intervals, sorted within each outcome. Crosses hurt: the whole interval lies below the dashed margin of "
        f"{points(-view.audit.margin)}{NBSP}points; discs helped: it lies above zero; rings cannot be told.{some}"
    )


def _step(n: int) -> int:
    return math.ceil(n / DRAWN)


def _draw(view: AuditReading, questions: Sequence[Question], width: int, kind: str, name: str) -> Markup:
    height = len(questions) * (HEAD + PLOT + FOOT) + BETWEEN * (len(questions) - 1)
    sheet = Sheet(width, height, kind)
    ends = [end for q in questions for g in view.gaps(q) for end in g.interval()]
    low, high = span([*ends, 0.0, -view.audit.margin], pad=0.04)
    for i, question in enumerate(questions):
        top = i * (HEAD + PLOT + FOOT + BETWEEN)
        _panel(sheet, view, question, Scale(low, high, top + HEAD + PLOT, top + HEAD))
    return sheet.render(name, "Gaps to training from scratch, by outcome", _spoken(view, questions))


def _panel(sheet: Sheet, view: AuditReading, question: Question, y: Scale) -> None:
    sheet.text(0, y.end - 26, f"{QUESTION_WORDS[question].head}: gap to scratch, points", "b")
    for t in y.ticks(6):
        sheet.lines([((LEFT, y(t)), (sheet.width, y(t)))], "zero" if t == 0 else "g")
        sheet.text(LEFT - 8, y(t) + 4, fixed(100 * t, 0), "s mu", "end")
    margin = y(-view.audit.margin)
    sheet.lines([((LEFT, margin), (sheet.width, margin))], "ref")
    blocks = _blocks(view, question, sheet.width)
    for block in blocks:
        css = CSS[block.outcome]
        sheet.lines([tuple((x, y(end)) for end in gap.interval()) for gap, x in block.drawn], f"iv {css}")
        mark_outcomes(sheet, block.outcome, [(x, y(gap.gap)) for gap, x in block.drawn], small=blocks[0].slot < SMALL)
    _name(sheet, question, blocks, y.end - 8)


def mark_outcomes(sheet: Sheet, outcome: Outcome, centres: Sequence[Point], *, small: bool) -> None:
    """Mark gaps of one outcome: crosses hurt, discs helped, rings cannot be told."""
    size = " small" if small else ""
    if outcome == "negative":
        sheet.crosses(centres, "x", r=2.0 if small else 3.5)
        return
    sheet.dots(centres, CSS[outcome] + size)
    if outcome == "indistinguishable":
        sheet.dots(centres, "hole" + size)


def _blocks(view: AuditReading, question: Question, width: float) -> list[_Block]:
    """Share the width out among the pairs that are drawn, outcome by outcome."""
    found = view.gaps(question)
    by_outcome = {o: [g for g in found if view.outcome(g) == o] for o in OUTCOMES}
    kept = {o: mine[:: _step(len(found))] for o, mine in by_outcome.items() if mine}
    slots = sum(map(len, kept.values()))
    slot = (width - LEFT - APART * len(kept)) / slots
    blocks, left = [], LEFT + APART / 2
    for outcome, mine in kept.items():
        drawn = tuple((gap, left + slot * (i + 0.5)) for i, gap in enumerate(mine))
        blocks.append(_Block(outcome, drawn, len(by_outcome[outcome]), left, slot))
        left += slot * len(mine) + APART
    return blocks


def _name(sheet: Sheet, question: Question, blocks: Sequence[_Block], y: float) -> None:
    """Name each block above its left end, pushed apart where names would touch or leave the drawing."""
    words = [f"{QUESTION_WORDS[question].outcome(b.outcome)} {count(b.n)}" for b in blocks]
    widths = [text_width(w) + 10 for w in words]
    starts: list[float] = []
    end = 0.0
    for block, width in zip(blocks, widths, strict=True):
        starts.append(max(block.left, end))
        end = starts[-1] + width
    right = sheet.width + 10
    for i in reversed(range(len(blocks))):
        starts[i] = right = min(starts[i], right - widths[i])
    for block, said, x in zip(blocks, words, starts, strict=True):
        sheet.text(x, y, said, f"b {TEXT[block.outcome]}")


def _spoken(view: AuditReading, questions: Sequence[Question]) -> str:
    said = []
    for question in questions:
        found = view.gaps(question)
        ends = f"{points(found[0].gap)} to {points(found[-1].gap)} points"
        said.append(f"{told(view.tally(found), question)}, from {ends}")
    return f"Dot plot with intervals. {opened(listed(said))}."
