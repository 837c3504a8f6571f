"""The sentences that open the report of an audit, chosen by rule from its counts and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shiftscope.core.audit import Gap, Question
from shiftscope.core.records import RunRecord
from shiftscope.report.answers import Answer
from shiftscope.report.audit_words import QUESTION_WORDS, regime_name, truth_name
from shiftscope.report.audited import COST, ORDER, AuditReading, Evidence, Tally
from shiftscope.report.foresight import cost_line, few_groups, foresight_line, order_line, words_of
from shiftscope.report.numerals import NBSP, count, day, fixed, listed, opened, plural, points, small_count

__all__ = ["audit_answers", "audit_headline", "audit_lead", "audit_meta", "counted", "progress_line", "told"]

ASKED: dict[Question, str] = {
    "full_vs_scratch": "Does fine-tuning hurt?",
    "head_vs_scratch": "Does a frozen head hurt?",
    "best_vs_pixels": "Worse than raw pixels?",
}


def audit_headline(view: AuditReading) -> str:
    """Return the counts of fine-tuning, or what there is instead; an unfinished audit says so first."""
    question = next((q for q in ASKED if view.gaps(q)), None)
    if question is None:
        return f"{_unfinished(view)}nothing can be told yet." if view.missing else "No gap could be measured."
    gaps = view.gaps(question)
    said = f"{_of_pairs(gaps)}, {told(view.tally(gaps), question)}."
    return f"{_unfinished(view)}{said}" if view.missing else opened(said)


def _unfinished(view: AuditReading) -> str:
    return f"Unfinished, {count(view.audit.n_cells)} of {count(view.audit.n_planned)} cells: "


def _of_pairs(gaps: Sequence[Gap]) -> str:
    """Count pairs, and the comparisons made of them where a pair has several: one at each amount of labels."""
    amounts = Counter((gap.backbone, gap.target) for gap in gaps).values()
    pairs = f"{plural(len(amounts), 'natural pair')} of weights and target"
    most = max(amounts)
    if most == 1:
        return f"of {pairs}"
    up_to = "" if min(amounts) == most else "up to "
    each = "each " if len(amounts) > 1 else ""
    return f"of {count(len(gaps))} comparisons ({pairs}, {each}at {up_to}{small_count(most)} amounts of labels)"


def told(tally: Tally, question: Question) -> str:
    """Say how often it hurt, helped and could not be told: "fine-tuning hurt in 3 and helped in 40; in 7 …"."""
    words = QUESTION_WORDS[question]
    verb = "was " if question == "best_vs_pixels" else ""
    first = f"{words.subject} {verb}{words.worse} in {_few(tally.worse)}"
    second = f"{words.better} in {_few(tally.better)}"
    if not tally.unclear:
        return f"{first} and {second}"
    return f"{first} and {second}; in {count(tally.unclear)} it cannot be told"


def _few(n: int) -> str:
    return count(n) if n else "none"


def counted(view: AuditReading, questions: Sequence[Question], evidence: Evidence = "natural") -> str:
    """Counts of several questions in a row, each a sentence."""
    known = [(q, view.gaps(q, evidence)) for q in questions]
    return " ".join(f"{opened(told(view.tally(gaps), q))}." for q, gaps in known if gaps)


def audit_lead(view: AuditReading) -> str:
    """Return the counts of a frozen head, and who foresaw best."""
    truth = next(iter(view.truths), None)
    foresaw = foresight_line(view, truth) if truth is not None else ""
    # Without fine-tuning the headline has told of the frozen head.
    head = counted(view, ("head_vs_scratch",)) if view.gaps("full_vs_scratch") else ""
    return " ".join(filter(None, (head, foresaw)))


def progress_line(view: AuditReading) -> str:
    """Say how many cells are made, failed and missing."""
    audit = view.audit
    done = f"{count(audit.n_cells)} of {plural(audit.n_planned, 'planned cell')} are made"
    failed = f", {count(len(audit.failed))} could not be made" if audit.failed else ""
    return f"{done}{failed}{f', {count(view.missing)} are missing' if view.missing else ''}."


def audit_answers(view: AuditReading) -> list[Answer]:
    """Return the lines of the ten-second reading."""
    found = []
    if view.missing:
        share = int(100 * view.audit.n_cells / view.audit.n_planned)
        say = f"{progress_line(view)} What follows counts what there is, and will change."
        found.append(Answer("Finished?", f"{share}{NBSP}%", "", say, tone="warning"))
    found += [_count_answer(view, question, asked) for question, asked in ASKED.items() if view.gaps(question)]
    return [*found, *_foresight(view)]


def _count_answer(view: AuditReading, question: Question, asked: str) -> Answer:
    tally, words = view.tally(view.gaps(question)), QUESTION_WORDS[question]
    regimes = view.regimes(view.gaps(question))
    by_regime = [(regime_name(r), view.tally(view.gaps(question, "natural", r))) for r in regimes]
    middle = listed([f"{points(t.median)} with {name}" for name, t in by_regime if t.median is not None])
    rest = f"{words.better} in {_few(tally.better)}, cannot be told in {_few(tally.unclear)}"
    kind = " Usefulness, not transfer." if question == "best_vs_pixels" else ""
    say = f"comparisons: {words.worse}; {rest}. Median gap in points: {middle}.{kind}"
    return Answer(asked, count(tally.worse), f"of {count(tally.n)}", say)


def _foresight(view: AuditReading) -> list[Answer]:
    truth = next(iter(view.truths), None)
    leader = view.leader(truth) if truth is not None else None
    order, cost = (view.score(truth or "", leader or "", s) for s in (ORDER, COST))
    found = []
    if truth is not None and order is not None:
        say = " ".join(filter(None, (order_line(view, truth), few_groups(view))))
        found.append(Answer("Who foresaw it?", fixed(order.value, 2), "", say))
    if truth is not None and cost is not None:
        say = f"{cost_line(view, truth)} Points of {truth_name(truth)}."
        found.append(Answer("What did its advice cost?", words_of(COST).form(cost.value), "points", say))
    return found


def audit_meta(record: RunRecord, view: AuditReading) -> list[tuple[str, str, str]]:
    """What was looked at, as (before, name, after)."""
    natural = [b for b in view.audit.backbones.values() if not b.constructed]
    constructed = len(view.audit.backbones) - len(natural)
    families = "family" if view.n_families == 1 else "families"
    said = [
        f"{plural(len(view.targets), 'target')} in {plural(view.n_groups, 'group')}",
        f"{count(len(natural))} natural weights of {count(view.n_families)} {families}",
        *([f"{count(constructed)} constructed"] if constructed else []),
        f"{count(view.audit.n_cells)} of {plural(view.audit.n_planned, 'cell')}",
        day(record.provenance.created),
    ]
    return [(words, "", "") for words in said]
