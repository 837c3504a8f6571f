"""The sections of an audit's report: whether transfer helped, who foresaw it, how steady the numbers are."""

from __future__ import annotations

from collections.abc import Sequence

from shiftscope.core.audit import Question
from shiftscope.core.records import RunRecord
from shiftscope.report.audit_advice import advice_section
from shiftscope.report.audit_caveats import audit_caveats, audit_trust_lead, spread_line
from shiftscope.report.audit_grid import backbone_table, failed_table, rate_table, spread_table, target_table
from shiftscope.report.audit_tables import APART, count_table, counts_apart, matrix, overlap_table
from shiftscope.report.audit_verdicts import counted
from shiftscope.report.audit_words import QUESTION_WORDS, TRANSFER, USEFUL, regime_name
from shiftscope.report.audited import AuditReading, Evidence
from shiftscope.report.figures.curves import curves
from shiftscope.report.figures.gaps import gaps
from shiftscope.report.figures.predictors import predictors
from shiftscope.report.foresight import cost_line, few_groups, order_line, score_tables, told_apart
from shiftscope.report.inputs import inputs_of
from shiftscope.report.numerals import NBSP, listed, lowered, opened
from shiftscope.report.page import Table
from shiftscope.report.sections import Section, Trust
from shiftscope.report.tables import skipped_table

__all__ = ["audit_sections", "audit_trust"]

EVERY: tuple[Question, ...] = (*TRANSFER, *USEFUL)

OUTCOMES = (
    f"Hurt: the whole 95{NBSP}% interval of the gap lies below the margin. Helped: all of it lies above zero. Else it "
    "cannot be told, which is not “no difference”. A pair counts once for each amount of labels. Natural: weights that "
    "somebody published, on a target they were not trained on."
)
SCORES = (
    "Weighted tau compares two orders of the backbones, the upper places most: 1 is the same order, 0 is chance. "
    "Papers weight places by the mean of both orders or by accuracy alone. Regret@k is what the best of the first k "
    "named falls short of the best of all. The truth of another seed is what a perfect adviser with one training run "
    "would get; the static prior ranks by the other groups of targets."
)


def audit_sections(view: AuditReading) -> list[Section]:
    """Make the sections that the record has something for; figures count on through all of them."""
    found: list[Section] = []
    drawn = 0
    for make in (_helped, _useful, _apart, _foresaw, advice_section, _steady, _compared):
        section = make(view, drawn)
        if section is not None:
            found.append(section)
            drawn += len(section.pictures)
    return found


def _helped(view: AuditReading, drawn: int) -> Section | None:
    questions = [q for q in TRANSFER if view.gaps(q)]
    if not questions:
        return None
    picture = gaps(view, drawn + 1)
    return Section(
        id="helped",
        kind="audit",
        title="Did transfer help?",
        lead=counted(view, questions),
        text="Against the same architecture from scratch, on the same labels and the same test images.",
        pictures=(picture,) if picture is not None else (),
        tables=(
            ("How often", count_table(view, questions, "natural", "Natural pairs by outcome")),
            *_matrices(view, questions, "natural"),
        ),
        aside=("Hurt, helped, cannot be told.", OUTCOMES),
    )


def _useful(view: AuditReading, _: int) -> Section | None:
    if not view.gaps("best_vs_pixels"):
        return None
    return Section(
        id="useful",
        kind="audit",
        title="Are the weights of any use?",
        lead=counted(view, USEFUL),
        text="The arm that validation chose, against a probe on raw pixels. This is usefulness, not transfer.",
        pictures=(),
        tables=(
            ("How often they are", count_table(view, USEFUL, "natural", "Natural pairs against raw pixels")),
            *_matrices(view, USEFUL, "natural"),
        ),
    )


def _matrices(view: AuditReading, questions: Sequence[Question], evidence: Evidence) -> list[tuple[str, Table]]:
    return [
        (f"{QUESTION_WORDS[q].head}, {regime_name(regime)}", matrix(view, q, evidence, regime))
        for q in questions
        for regime in view.regimes(view.gaps(q, evidence))
    ]


def _apart(view: AuditReading, _: int) -> Section | None:
    """Evidence that no count above holds, each kind by itself."""
    knowing = [q for q in EVERY if view.gaps(q, "overlap")]
    made = [q for q in EVERY if view.gaps(q, "constructed")]
    tables = [
        *counts_apart(view, "overlap"),
        *([("Each weight that knows a target", overlap_table(view, knowing))] if knowing else []),
        *counts_apart(view, "constructed"),
        *((f"Constructed weights, {lowered(h)}", t) for h, t in _matrices(view, made, "constructed")),
    ]
    if not tables:
        return None
    return Section(
        id="apart",
        kind="audit",
        title="What is in none of these counts?",
        lead=f"{opened(listed([APART[e] for e, q in (('overlap', knowing), ('constructed', made)) if q]))}.",
        text="Weights know the target if they were trained on its images or its domain; constructed ones were made to "
        "be bad. Both check the method: neither says how often published weights help or hurt.",
        pictures=(),
        tables=tuple(tables),
    )


def _foresaw(view: AuditReading, drawn: int) -> Section | None:
    if not view.audit.scores:
        return None
    truth = view.truths[0]
    picture = predictors(view, drawn + 1)
    return Section(
        id="foresaw",
        kind="audit",
        title="Who foresaw it?",
        lead=order_line(view, truth) or "No advice was scored by its order yet, only what it is to be held against.",
        text=" ".join(filter(None, (told_apart(view, truth), cost_line(view, truth), few_groups(view)))),
        pictures=(picture,) if picture is not None else (),
        tables=tuple(score_tables(view)),
        aside=("Scores.", SCORES),
    )


def _steady(view: AuditReading, drawn: int) -> Section | None:
    picture = curves(view, drawn + 1)
    named = (("Spread between seeds", spread_table(view)), ("Learning rates", rate_table(view)))
    tables = tuple((heading, table) for heading, table in named if table is not None)
    if picture is None and not tables:
        return None
    lines = [spread_line(view), "Learning rates were chosen on validation images only." if view.audit.rates else ""]
    lead, text = [*filter(None, lines), "", ""][:2]
    return Section(
        id="steady",
        kind="audit",
        title="How steady are the numbers?",
        lead=lead or "Learning curves say whether the training was long enough.",
        text=text,
        pictures=(picture,) if picture is not None else (),
        tables=tables,
    )


def _compared(view: AuditReading, _: int) -> Section | None:
    if not view.targets or not view.backbones:
        return None
    return Section(
        id="compared",
        kind="audit",
        title="What was compared?",
        lead="All weights on all targets, each beside the same architecture from scratch.",
        text="",
        pictures=(),
        tables=(("Targets", target_table(view)), ("Weights", backbone_table(view))),
    )


def audit_trust(record: RunRecord, view: AuditReading) -> Trust:
    """Make the section about limits: cells that failed, files left out, caveats."""
    return Trust(
        lead=audit_trust_lead(view),
        samples=(),
        problems=failed_table(view),
        skipped=skipped_table(inputs_of(record)),
        caveats=tuple(audit_caveats(record, view)),
    )
