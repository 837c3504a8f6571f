"""The tables of an audit's gaps, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.audit import Gap, Outcome, Question
from shiftscope.core.text import shown
from shiftscope.report.audit_words import MARKS, QUESTION_WORDS, TRANSFER, USEFUL, regime_name
from shiftscope.report.audited import AuditReading, Evidence, Tally, by_size
from shiftscope.report.numerals import NBSP, count, interval, opened, percent, points
from shiftscope.report.page import EMPTY, Cell, Row, Table, cells, heads

__all__ = ["APART", "count_table", "counts_apart", "hurt_table", "matrix", "overlap_table", "pair_table"]

# Evidence that no headline counts, by its name.
APART = {
    "overlap": "weights that know the target",
    "constructed": "constructed weights",
}
TONES: dict[Outcome, str] = {"negative": "error", "indistinguishable": "", "positive": "good"}


def count_table(view: AuditReading, questions: Sequence[Question], evidence: Evidence, caption: str) -> Table:
    """Count pairs by outcome: one row per question and regime, and one over all regimes where there are several."""
    rows: list[Row] = []
    for question in questions:
        gaps = view.gaps(question, evidence)
        regimes = view.regimes(gaps)
        tallies = [(regime, view.tally(view.gaps(question, evidence, regime))) for regime in regimes]
        rows += [_count_row(tally, question, regime_name(regime)) for regime, tally in tallies]
        if len(regimes) > 1:
            rows.append(_count_row(view.tally(gaps), question, "together", chosen=True))
    words = QUESTION_WORDS[questions[0]]
    names = ("Used as", "Pairs", words.worse.capitalize(), "Cannot be told", words.better.capitalize())
    columns = heads(*names, "Median gap, points")
    return Table(caption, columns, tuple(rows))


def _count_row(tally: Tally, question: Question, regime: str, *, chosen: bool = False) -> Row:
    numbers = (count(k) for k in (tally.n, tally.worse, tally.unclear, tally.better))
    middle = "" if tally.median is None else points(tally.median)
    return Row(cells(Cell(QUESTION_WORDS[question].head, note=regime), *numbers, middle), chosen=chosen)


def matrix(view: AuditReading, question: Question, evidence: Evidence, regime: str) -> Table:
    """Tabulate backbones x targets: gap and standard error in points, marked by outcome."""
    found = {(gap.backbone, gap.target): gap for gap in view.gaps(question, evidence, regime)}
    backbones = [b for b in view.backbones if any(b == at for at, _ in found)]
    targets = [t for t in view.targets if any(t == at for _, at in found)]
    words = QUESTION_WORDS[question]
    return Table(
        f"{words.title}, {regime_name(regime)}: gap ± standard error in points. "
        f"{MARKS['positive']}{NBSP}{words.better}, {MARKS['negative']}{NBSP}{words.worse}, unmarked: cannot be told.",
        heads("Weights", *(shown(t) for t in targets)),
        tuple(Row((Cell(shown(b)), *(_gap(view, found.get((b, t))) for t in targets))) for b in backbones),
    )


def _gap(view: AuditReading, gap: Gap | None) -> Cell:
    if gap is None:
        return Cell(EMPTY)
    outcome = view.outcome(gap)
    mark = f"{MARKS[outcome]}{NBSP}" if MARKS[outcome] else ""
    return Cell(f"{mark}{points(gap.gap)}", note=f"±{NBSP}{percent(gap.se)}", tone=TONES[outcome])


def pair_table(view: AuditReading, questions: Sequence[Question]) -> Table:
    """Tabulate every natural pair: gap, interval and outcome under each question and regime."""
    found = {(g.backbone, g.target, g.question, g.regime): g for q in questions for g in view.gaps(q)}
    pairs = {key[:2] for key in found}
    used = [(q, regime) for q in questions for regime in view.regimes(view.gaps(q))]
    rows = tuple(
        Row((Cell(f"{shown(b)} on {shown(t)}"), *(_told(view, found.get((b, t, *at))) for at in used)))
        for b in view.backbones
        for t in view.targets
        if (b, t) in pairs
    )
    columns = heads("Pair", *(f"{QUESTION_WORDS[q].head}, {regime_name(r)}" for q, r in used))
    return Table("Gaps in points with 95 % intervals", columns, rows)


def _told(view: AuditReading, gap: Gap | None) -> Cell:
    if gap is None:
        return Cell(EMPTY)
    outcome = QUESTION_WORDS[gap.question].outcome(view.outcome(gap))
    return Cell(f"{points(gap.gap)}{NBSP}{interval(*gap.interval(), percent)} {outcome}")


def overlap_table(view: AuditReading, questions: Sequence[Question]) -> Table:
    """Tabulate the pairs whose weights were trained on the target's own images or domain."""
    found = {(g.backbone, g.target, g.regime, q): g for q in questions for g in view.gaps(q, "overlap")}
    pairs = sorted(
        {key[:3] for key in found}, key=lambda p: (view.targets.index(p[1]), view.backbones.index(p[0]), by_size(p[2]))
    )
    rows = tuple(
        Row(
            (
                Cell(shown(b)),
                *cells(shown(t), regime_name(r)),
                *(_gap(view, found.get((b, t, r, q))) for q in questions),
            )
        )
        for b, t, r in pairs
    )
    columns = heads("Weights", "Target", "Labels", *(QUESTION_WORDS[q].head for q in questions), left=(1, 2))
    caption = "Weights that know the target: gap ± standard error in points, never in a count above"
    return Table(caption, columns, rows)


def hurt_table(view: AuditReading, questions: Sequence[Question], most: int = 20) -> Table | None:
    """Tabulate the natural pairs that transfer hurt, the lowest gap first; None where it hurt none."""
    hurt = [g for q in questions for g in view.gaps(q) if view.outcome(g) == "negative"]
    if not hurt:
        return None
    hurt.sort(key=lambda g: (g.gap, g.backbone, g.target, g.regime, g.question))
    rows = tuple(
        Row(
            cells(
                shown(g.backbone),
                shown(g.target),
                regime_name(g.regime),
                QUESTION_WORDS[g.question].head,
                points(g.gap),
                interval(*g.interval(), percent),
            )
        )
        for g in hurt[:most]
    )
    some = f", the first {most} of {count(len(hurt))}" if len(hurt) > most else ""
    columns = heads("Weights", "Target", "Labels", "Used as", "Gap, points", "95 % interval", left=(1, 2, 3))
    return Table(f"Where transfer hurt{some}", columns, rows)


def counts_apart(view: AuditReading, evidence: Evidence) -> list[tuple[str, Table]]:
    """Counts of what is no natural evidence, transfer and usefulness apart."""
    name = opened(APART[evidence])
    found = []
    for asked, kind in ((TRANSFER, "against training from scratch"), (USEFUL, "against raw pixels")):
        questions = [q for q in asked if view.gaps(q, evidence)]
        if questions:
            caption = f"{name}: pairs by outcome, {kind}"
            found.append((f"{name}, {kind}", count_table(view, questions, evidence, caption)))
    return found
