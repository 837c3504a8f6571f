"""Probabilities of harm and gains over the baselines, in full for the page and in short for a terminal."""

from __future__ import annotations

from shiftscope.core.forecast import ARMS, SHOWN, Arm, Paired
from shiftscope.report.forecasted import PROBE, ZONES, arm_of, ends_of, gain_over, interval_level, out_of_range
from shiftscope.report.numerals import level, probability, small_count
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table
from shiftscope.report.ranked import Candidate, RankReading
from shiftscope.report.vocabulary import words_for

__all__ = ["ARM_HEADS", "KINDS", "harm_brief", "harm_table"]

ARM_HEADS: dict[Arm, str] = {"head": "Frozen head", "full": "Fine\N{NON-BREAKING HYPHEN}tuning"}
KINDS = ("pixels", "random")
# Rows of the table on a terminal; the page has all.
BRIEF = 20


def harm_table(view: RankReading) -> Table:
    """Tabulate probabilities and gains of every candidate, with their intervals."""
    gains = [(measure, kind) for measure in (PROBE, "knn") for kind in KINDS]
    named = [
        f"{'O' if measure == PROBE else f'{words_for(measure).head} o'}ver {kind}, points" for measure, kind in gains
    ]
    rows = []
    for c in view.candidates:
        probabilities = [_arm_cell(c, arm) for arm in ARMS]
        over = [_gain_cell(gain_over(view, c, kind, measure)) for measure, kind in gains]
        rows.append(Row((Cell(c.name), *probabilities, *over), chosen=c.in_best_set))
    ends = (
        f", with {interval_level(view)}intervals," if any(cell.note for row in rows for cell in row.cells[1:3]) else ""
    )
    return Table(
        f"Probability that it hurts{ends} and gains over the baselines on {view.target}.",
        (Column("Candidate", left=True), *map(Column, (*ARM_HEADS.values(), *named))),
        tuple(rows),
        sortable=True,
        note=_shown_note(view),
    ).filled()


def _shown_note(view: RankReading) -> str:
    levels = sorted({e.level for c in view.candidates if c.forecast is not None for e in c.forecast.evidence})
    ends = f"Gains have {level(levels[0])} intervals; they are" if levels else "Gains are"
    return f"{ends} shown where they lie above 0 at a one-sided {SHOWN} after Holm's adjustment over the candidates."


def _arm_cell(c: Candidate, arm: Arm) -> Cell:
    found = arm_of(c, arm)
    if found is None:
        return Cell(EMPTY, key="")
    name = ZONES[found.zone].name
    if found.probability is None:
        outside = out_of_range(found)
        return Cell(name, key="", note=f"{outside} out of range" if outside else "")
    return Cell(f"{probability(found.probability)} {name}", key=found.probability, note=ends_of(found))


def _gain_cell(gain: Paired | None) -> Cell:
    if gain is None:
        return Cell(EMPTY, key="")
    words = words_for(gain.measure)
    told = f"{words.difference(gain.gain)} {'shown' if gain.shown else 'not shown'}"
    return Cell(told, key=gain.gain, note=words.ends(gain.low, gain.high))


def harm_brief(view: RankReading) -> Table:
    """Tabulate the first candidates in short: zones and gains, without their intervals."""
    rows = []
    for c in view.candidates[:BRIEF]:
        found = [*(_arm_cell(c, arm) for arm in ARMS), *(_gain_cell(gain_over(view, c, kind)) for kind in KINDS)]
        rows.append(Row((Cell(c.name), *(Cell(cell.text) for cell in found)), chosen=c.in_best_set))
    rest = len(view.candidates) - len(rows)
    more = f" {small_count(rest)} more in the report." if rest else ""
    return Table(
        f"Will it hurt on {view.target}? Probability that it does, and gains in points.{more}",
        (Column("Candidate", left=True), *map(Column, (*ARM_HEADS.values(), "Over pixels", "Over random"))),
        tuple(rows),
    ).filled()
