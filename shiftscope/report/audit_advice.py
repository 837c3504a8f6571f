"""How good the advice itself was: what following it gave up, and how often its findings were right."""

from __future__ import annotations

from shiftscope.core.audit import Score
from shiftscope.report.audit_words import TRUTHS
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.reliability import reliability
from shiftscope.report.numerals import NBSP, interval, percent
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table
from shiftscope.report.sections import Section

__all__ = ["advice_section"]

# Predictor and statistic -> what it says; all are shares or points of accuracy.
SAID = {
    ("two_to_try", "regret@2"): "The two to try gave up, points",
    ("expected_regret", "excess"): "Expected regret of the first, less what it gave up, points",
    ("confidence_set", "holds_best"): "Places where the 90\N{NO-BREAK SPACE}% set holds one of the best, %",
    ("confidence_set", "set_share"): "Size of that set, mean, % of the candidates",
    ("confidence_set", "median_set_share"): "Size of that set, median, % of the candidates",
    ("strategy", "regret"): "What the strategy said to train gave up, points",
    ("always_full", "regret"): "Fine-tuning everything, always, gave up, points",
    ("always_last_stage", "regret"): "Training the last stage, wherever that was tried, gave up, points",
    ("always_head", "regret"): "A frozen head, always, gave up, points",
    ("always_scratch", "regret"): "Training from scratch, always, gave up, points",
    ("NT201", "caught"): "Truly hurt and NT201 said so, %",
    ("NT201 or NT202", "caught"): "Truly hurt and NT201 or NT202 said so, %",
    ("NT201", "false_alarms"): "Truly helped and NT201 warned, %",
    ("NT201 or NT202", "false_alarms"): "Truly helped and NT201 or NT202 warned, %",
}
AGAINST = {**TRUTHS, "arm": "best arm of each pair"}
ABOUT = (
    "One of the best: within one standard error of the best accuracy. Given up: accuracy of the best candidate, or of "
    "the best arm of the same pair, less that of what was advised. Forecasts and findings are those of models that saw "
    "neither the target's group nor the source's family; only pairs whose gap is told from zero count as truly hurt or "
    "helped."
)


def advice_section(view: AuditReading, drawn: int) -> Section | None:
    """Make the section, its figure counted on from ``drawn``; None where no advice was scored."""
    scores = {(s.predictor, s.statistic, s.truth): s for s in view.audit.decisions}
    rows = [
        _row(said, scores[predictor, statistic, truth])
        for (predictor, statistic), said in SAID.items()
        for truth in AGAINST
        if (predictor, statistic, truth) in scores
    ]
    picture = reliability(view, drawn + 1)
    if not rows and picture is None:
        return None
    columns = (
        Column("Advice", left=True),
        Column("Against", left=True),
        Column("Value"),
        Column(f"95{NBSP}% interval"),
        Column("Cases"),
    )
    return Section(
        id="advice",
        kind="audit",
        title="How good was the advice?",
        lead=_lead(view),
        text="",
        pictures=(picture,) if picture is not None else (),
        tables=(("What following it gave", Table("Advice against what happened", columns, tuple(rows))),)
        if rows
        else (),
        aside=("Given up.", ABOUT),
    )


def _row(said: str, score: Score) -> Row:
    ends = "" if score.low is None or score.high is None else interval(score.low, score.high, percent)
    return Row(
        (
            Cell(said),
            Cell(AGAINST[score.truth]),
            Cell(percent(score.value), key=score.value),
            Cell(ends or EMPTY),
            Cell(str(score.n_places), key=score.n_places),
        )
    )


def _lead(view: AuditReading) -> str:
    """Say what the two to try gave up and how the strategy did, as far as both were scored."""
    found = {(s.predictor, s.truth): s for s in view.audit.decisions if s.statistic in ("regret", "regret@2")}
    two, strategy = found.get(("two_to_try", "best")), found.get(("strategy", "arm"))
    always = found.get(("always_full", "arm"))
    said = []
    if two is not None:
        said.append(f"The two to try gave up {percent(two.value)}{NBSP}points against the best candidate.")
    if strategy is not None and always is not None:
        said.append(
            f"What the strategy said to train gave up {percent(strategy.value)}{NBSP}points against the best arm, "
            f"fine-tuning everything {percent(always.value)}."
        )
    return " ".join(said) or "The advice was held against what happened."
