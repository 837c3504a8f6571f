"""By how much the quality of each candidate changed, with intervals around no change."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shiftscope.core.text import shown
from shiftscope.report.compare.records import Comparison, OrderChange, ScoreChange
from shiftscope.report.compare.words import change_ends, change_said, score_words
from shiftscope.report.figures.scale import Scale, span
from shiftscope.report.figures.sheet import NARROW, WIDE, Sheet, cut, text_width
from shiftscope.report.numerals import few, level, listed, opened, signed, small_count, tick
from shiftscope.report.page import Picture, Row, Table, cells, heads
from shiftscope.report.ranked import DRAWN, QUALITY

__all__ = ["changes"]

HEAD, FOOT = 30, 24
ROW, TALL = 24, 38


def changes(found: Comparison, order: OrderChange, number: int) -> Picture | None:
    """Make the figure of one target, in the order of B; None where no score of quality differs."""
    scores = _scores(found, order)
    if not any(score.low is not None for score in scores):
        return None
    name = f"fig-{number}"
    drawn = scores[:DRAWN]
    drawings = (_wide(found, drawn, f"{name}w"), _narrow(found, drawn, f"{name}n"))
    words = score_words(scores[0])
    some = f" The first {DRAWN} of {len(scores)} are drawn." if len(scores) > DRAWN else ""
    note = (
        f"{opened(words.axis)} of each candidate in B less that in A, in the order of B, lines {level(found.level)} "
        "intervals that hold for all scores together. Filled: beyond noise, blue up and orange down; hollow: within "
        f"noise, or equal.{some}"
    )
    return Picture(name, number, _reading(scores), note, drawings, _table(found, scores))


def _scores(found: Comparison, order: OrderChange) -> list[ScoreChange]:
    """The changes of the quality that figures show, in the order of B."""
    mine = [s for s in found.scores if s.target == order.target and s.kind == "transfer"]
    measure = next((m for m in QUALITY if any(s.about == m for s in mine)), None)
    by_name = {s.backbone: s for s in mine if s.about == measure}
    return [by_name[place.backbone] for place in order.places if place.backbone in by_name]


def _reading(scores: Sequence[ScoreChange]) -> str:
    up, down = (sum(s.beyond and (s.change > 0) == rising for s in scores) for rising in (True, False))
    name = opened(score_words(scores[0]).name)
    if not up and not down:
        return f"{name} of no candidate changed beyond noise."
    said = [f"rose with {small_count(up)}"] if up else []
    said += [f"fell with {small_count(down)}"] if down else []
    return f"{name} {listed(said)} of {small_count(len(scores))} candidates, beyond noise."


def _wide(found: Comparison, scores: Sequence[ScoreChange], name: str) -> Markup:
    sheet = Sheet(WIDE, HEAD + ROW * len(scores) + FOOT, "wide")
    label = min(192.0, max(90.0, *(1.06 * text_width(shown(s.backbone)) for s in scores)))
    x = _scale(scores, label + 20, WIDE - 70)
    rows = [(s, HEAD + ROW * (i + 0.5)) for i, s in enumerate(scores)]
    _draw(sheet, found, x, rows, [(HEAD - 6, HEAD + ROW * len(scores))])
    for s, y in rows:
        sheet.text(0, y + 4, cut(shown(s.backbone), label))
        sheet.text(WIDE, y + 4, change_said(s), _css(s)[1], "end")
    return sheet.render(name, *_spoken(scores))


def _narrow(found: Comparison, scores: Sequence[ScoreChange], name: str) -> Markup:
    """Draw with each name above its row, and the lines cut to the rows so that they cross no name."""
    sheet = Sheet(NARROW, HEAD + TALL * len(scores) + FOOT, "narrow")
    rows = [(s, HEAD + TALL * i + 26.0) for i, s in enumerate(scores)]
    _draw(sheet, found, _scale(scores, 10, NARROW - 10), rows, [(y - 8, y + 8) for _, y in rows])
    for s, y in rows:
        sheet.text(4, y - 12, cut(shown(s.backbone), 250))
        sheet.text(NARROW - 4, y - 12, change_said(s), _css(s)[1], "end")
    return sheet.render(name, *_spoken(scores))


def _scale(scores: Sequence[ScoreChange], start: float, end: float) -> Scale:
    ends = [end for s in scores for end in (s.change, s.low, s.high) if end is not None]
    return Scale(*span([0.0, *ends]), start, end)


def _draw(
    sheet: Sheet,
    found: Comparison,
    x: Scale,
    rows: Sequence[tuple[ScoreChange, float]],
    spans: Sequence[tuple[float, float]],
) -> None:
    words = score_words(rows[0][0])
    sheet.text(
        0, 12, f"change of {words.axis}{', points' if words.share else ''} ({level(found.level)} interval)", "s mu"
    )
    for t in x.ticks(5):
        sheet.lines([((x(t), top), (x(t), bottom)) for top, bottom in spans], "zero" if t == 0 else "g")
        sheet.text(x(t), sheet.height - 6, signed(100 * t, 0) if words.share else tick(t), "s mu", "middle")
    for css in ("n", "p", "b"):
        mine = [(s, y) for s, y in rows if _css(s)[0] == css]
        ends = [(s.low, s.high, y) for s, y in mine if s.low is not None and s.high is not None]
        sheet.lines([((x(low), y), (x(high), y)) for low, high, y in ends], f"iv {css}")
        centres = [(x(s.change), y) for s, y in mine]
        (sheet.rings if css == "n" else sheet.dots)(centres, css)


def _css(score: ScoreChange) -> tuple[str, str]:
    """Class of the marks and of the words of a change."""
    if not score.beyond:
        return "n", "mu"
    return ("p", "tp") if score.change > 0 else ("b", "tb")


def _spoken(scores: Sequence[ScoreChange]) -> tuple[str, str]:
    said = [f"{shown(s.backbone)} {change_said(s)} {change_ends(s)}".strip() for s in scores]
    return f"Change of {score_words(scores[0]).axis} from A to B", f"Dot plot with intervals: {'; '.join(few(said))}."


def _table(found: Comparison, scores: Sequence[ScoreChange]) -> Table:
    words = score_words(scores[0])
    columns = heads(
        "Candidate",
        f"A{words.unit}",
        f"B{words.unit}",
        "B less A",
        f"{level(found.level)} interval",
        "Compared",
        left=(5,),
    )
    rows = tuple(
        Row(
            cells(
                shown(s.backbone),
                words.form(s.a),
                words.form(s.b),
                change_said(s),
                change_ends(s),
                "draw by draw" if s.how == "paired" else s.how,
            ),
            chosen=s.beyond,
        )
        for s in scores
    )
    return Table(f"{opened(words.axis)} in A and in B", columns, rows)
