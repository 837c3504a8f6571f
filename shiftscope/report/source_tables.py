"""The tables of source data: each source by itself, what it should count, and what the weights gain."""

from __future__ import annotations

from shiftscope.core.sources import Contrast, Scheme, SchemeRow, SourceRow, SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.numerals import NBSP, count, fixed, interval, level, percent, points, pvalue, signed, significant
from shiftscope.report.page import Cell, Column, Row, Table, cells

__all__ = ["scheme_table", "source_table", "weight", "weight_table"]

SCHEME_WORDS: dict[Scheme, str] = {
    "target": "target alone",
    "equal": "all sources, weight 1",
    "similarity": "weights by similarity",
    "learned": "learned weights",
}
TONES = {"hurts": "error", "helps": "good", "cannot be told": ""}


def source_table(view: SourcesReport) -> Table:
    """Tabulate what each source does by itself: size, gap in error and in squared loss, verdict."""
    columns = (
        Column("Source"),
        Column(f"n{NBSP}used"),
        Column("Gap, points"),
        Column(f"{level(view.level)} interval"),
        Column(f"Holm{NBSP}p"),
        Column("Verdict", left=True),
        Column("Squared-loss gap"),
        Column(f"{level(view.level)} interval"),
    )
    rows = tuple(_row(row) for row in view.sources)
    return Table(f"Sources for {shown(view.target)} under {shown(view.backbone)}, each at weight 1", columns, rows)


def _row(row: SourceRow) -> Row:
    return Row(
        cells(
            shown(row.name),
            Cell(count(row.n_used), note=f"of {count(row.n)}" if row.n > row.n_used else ""),
            points(row.gap.value),
            interval(row.gap.low, row.gap.high, percent),
            pvalue(row.pvalue_holm),
            Cell(row.verdict, tone=TONES[row.verdict]),
            signed(row.loss_gap.value, 3),
            interval(row.loss_gap.low, row.loss_gap.high, _thousandths),
        )
    )


def weight_table(view: SourcesReport) -> Table:
    """Tabulate what each source should count, and what to do with it."""
    columns = (
        Column("Source"),
        Column("Distance, floors"),
        Column("Similarity weight"),
        Column("Learned weight"),
        Column("Range over folds"),
        Column("Advice", left=True),
    )
    rows = tuple(
        Row(
            cells(
                shown(row.name),
                "" if row.distance is None else significant(row.distance, 2),
                weight(row.similarity),
                weight(row.weight),
                interval(row.weight_low, row.weight_high, weight),
                _advice(row, view),
            )
        )
        for row in view.sources
    )
    return Table(f"Weight of one source sample against one of {shown(view.target)}", columns, rows).filled()


def _advice(row: SourceRow, view: SourcesReport) -> str:
    if row.role != "drop" and not view.gains:
        return "no gain shown"
    return "use with its weight only" if row.role == "weigh down" else row.role


def weight(value: float) -> str:
    """A weight with two digits; 0 only where it is 0."""
    return f"<{NBSP}0.001" if 0 < value < 0.001 else significant(value, 2)


def _thousandths(value: float) -> str:
    return fixed(value, 3)


def scheme_table(view: SourcesReport) -> Table:
    """Tabulate the ways of weighing all sources: held-out error, its gains, squared loss."""
    columns = (
        Column("Trained on"),
        Column("Error, %"),
        Column(f"{level(view.level)} interval"),
        Column("Gain over target, points"),
        Column("Gain over pooled, points"),
        Column("Squared loss"),
        Column("Loss gain over target", brief=False),
        Column("Loss gain over pooled", brief=False),
    )
    rows = tuple(_scheme(row) for row in view.schemes)
    return Table(f"Held-out error on {shown(view.target)}, {count(view.n)} samples", columns, rows)


def _scheme(row: SchemeRow) -> Row:
    return Row(
        cells(
            SCHEME_WORDS[row.scheme],
            percent(row.error.value),
            interval(row.error.low, row.error.high, percent),
            _gain(row.over_target),
            _gain(row.over_equal),
            fixed(row.loss.value, 3),
            _loss_gain(row.loss_over_target),
            _loss_gain(row.loss_over_equal),
        ),
        chosen=row.scheme == "learned",
    )


def _gain(gain: Contrast | None) -> str:
    return "" if gain is None else f"{points(gain.value)}{NBSP}{interval(gain.low, gain.high, percent)}"


def _loss_gain(gain: Contrast | None) -> str:
    return "" if gain is None else f"{signed(gain.value, 3)}{NBSP}{interval(gain.low, gain.high, _thousandths)}"
