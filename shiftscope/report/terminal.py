"""A record as tables on a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from shiftscope.core.race import Race
from shiftscope.core.records import RunRecord
from shiftscope.core.sources import SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.advised import advice_lines
from shiftscope.report.audit_caveats import audit_trust_lead
from shiftscope.report.audit_grid import failed_table, spread_table
from shiftscope.report.audit_tables import count_table, counts_apart, hurt_table
from shiftscope.report.audit_verdicts import audit_headline, audit_lead, progress_line
from shiftscope.report.audit_words import TRANSFER, USEFUL
from shiftscope.report.audited import AuditReading
from shiftscope.report.figures.classes import class_table
from shiftscope.report.figures.effect import shift_table
from shiftscope.report.forecasted import harm_lead
from shiftscope.report.foresight import score_tables
from shiftscope.report.harm_tables import harm_brief
from shiftscope.report.nearest import NearestReading, nearest_lead, nearest_table, nearest_text, read_nearest
from shiftscope.report.page import Row, Table
from shiftscope.report.profiled import layer_lead, layer_table
from shiftscope.report.raced import race_line, race_table
from shiftscope.report.rank_tables import cost_table, measure_table, score_table
from shiftscope.report.ranked import first_places, read_rankings, recommended
from shiftscope.report.reproduce import store_line
from shiftscope.report.sections import findings_line, grouped_findings
from shiftscope.report.shift_tables import witness_tables
from shiftscope.report.shifted import ShiftReading, read_shifts
from shiftscope.report.source_tables import scheme_table, source_table, weight_table
from shiftscope.report.sourced import sources_headline, sources_lead
from shiftscope.report.tables import other_backbones, problems
from shiftscope.report.verdicts import headline, leads

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

__all__ = ["print_record", "render_text", "rich_table", "say", "terminal"]

# Columns of a table that goes to a file or a log, where nobody can widen the window.
WIDTH_OF_LOGS = 120
# Below this, tables would lose columns; lines that a narrower window wraps lose nothing.
LEAST_WIDTH = 80
LEAST_NAME = 12
# Witnesses of each side; the report has them all.
FEW_WITNESSES = 3


def terminal() -> Console:
    """Console on standard output: as wide as the terminal, but always wide enough for the tables."""
    from rich.console import Console

    fixed = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_LOGS
    console = Console(width=fixed)
    return console if console.width >= LEAST_WIDTH else Console(width=LEAST_WIDTH)


def print_record(record: RunRecord, console: Console) -> None:
    """Print verdict, ranking, shift diagnosis, findings and what came from the store; of an audit what it counted."""
    if record.audit is not None:
        _print_audit(console, AuditReading(record.audit))
        return
    if record.sources is not None:
        _print_sources(console, record, record.sources)
        return
    rankings = read_rankings(record)
    best = recommended(rankings)
    shifts = read_shifts(record, first_places(rankings))
    say(console, headline(rankings, shifts), "bold")
    for lead in filter(None, leads(rankings, shifts)):
        say(console, lead)
    for view in rankings:
        for scores in filter(None, (score_table(view), measure_table(view))):
            console.print(rich_table(scores))
        if view.ranking.race is not None:
            _print_race(console, view.ranking.race)
        for line in advice_lines(view):
            say(console, line)
        if view.has_forecasts:
            say(console, harm_lead(view))
            console.print(rich_table(harm_brief(view)))
        if view.profiles:
            say(console, layer_lead(view))
            console.print(rich_table(layer_table(view)))
        costs = cost_table(view)
        if costs is not None:
            console.print(rich_table(costs))
    _print_orders(console, read_nearest(record, first_places(rankings)))
    for shift in shifts:
        _print_shift(console, shift)
    missing = problems(record)
    if missing is not None:
        console.print(rich_table(missing))
    _print_findings(console, record, best.values())
    say(console, f"{store_line(record)}.")


def render_text(record: RunRecord, width: int = 110) -> str:
    """Return what ``print_record`` prints, as plain text ``width`` characters wide."""
    from rich.console import Console

    out = io.StringIO()
    print_record(record, Console(file=out, width=width, color_system=None, force_terminal=False))
    return out.getvalue()


def _print_race(console: Console, race: Race) -> None:
    say(console, race_line(race))
    dropped = race_table(race)
    if dropped is not None:
        console.print(rich_table(dropped))


def _print_findings(console: Console, record: RunRecord, best: Collection[str]) -> None:
    say(console, findings_line(record.findings, best))
    for group in grouped_findings(record, best):
        for finding in group.first:
            say(console, f"  {finding.severity:<7} {finding.code}  {shown(finding.title)} {shown(finding.message)}")
        if group.rest:
            say(console, f"          {group.code}  and {len(group.rest)} more of this code, in the report")


def _print_sources(console: Console, record: RunRecord, view: SourcesReport) -> None:
    say(console, sources_headline(view), "bold")
    say(console, sources_lead(view))
    for table in (source_table(view), weight_table(view), scheme_table(view)):
        console.print(rich_table(table))
    _print_findings(console, record, ())
    say(console, f"{store_line(record)}.")


def _print_audit(console: Console, view: AuditReading) -> None:
    say(console, audit_headline(view), "bold")
    for line in filter(None, (audit_lead(view), progress_line(view))):
        say(console, line)
    for table in _audit_tables(view):
        console.print(rich_table(table))
    say(console, audit_trust_lead(view))


def _audit_tables(view: AuditReading) -> list[Table]:
    """Tables that a terminal has room for: counts, the pairs that were hurt, scores, spread, what failed."""
    transfer = [q for q in TRANSFER if view.gaps(q)]
    useful = view.gaps("best_vs_pixels")
    found = [
        count_table(view, transfer, "natural", "Did transfer help? Natural pairs") if transfer else None,
        count_table(view, USEFUL, "natural", "Against raw pixels: usefulness, not transfer") if useful else None,
        hurt_table(view, transfer),
        *(table for _, table in (*counts_apart(view, "overlap"), *counts_apart(view, "constructed"))),
        *(table for _, table in score_tables(view)[:1]),
        spread_table(view),
        failed_table(view),
    ]
    return [table for table in found if table is not None]


def _print_orders(console: Console, orders: Sequence[NearestReading]) -> None:
    if orders:
        say(console, nearest_lead(orders))
        say(console, nearest_text(orders))
        console.print(rich_table(nearest_table(orders)))


def _print_shift(console: Console, view: ShiftReading) -> None:
    console.print(rich_table(shift_table(view)))
    if view.diagnosis.per_class:
        console.print(rich_table(class_table(view)))
    for samples in witness_tables(view, FEW_WITNESSES):
        console.print(rich_table(samples))
    others = other_backbones(view)
    if others is not None:
        console.print(rich_table(others))


def say(console: Console, words: str, style: str = "") -> None:
    """Print words as they are, on one line where nobody looks on."""
    from rich.text import Text

    # Text, not markup: a name may hold square brackets.
    console.print(Text(words, style=style), soft_wrap=not console.is_terminal)


def rich_table(table: Table) -> RichTable:
    """Lay a table out for a terminal, without the columns that it has no room for."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    kept = [i for i, column in enumerate(table.columns) if column.brief]
    made = RichTable(
        title=Text(table.caption),
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i in kept:
        column = table.columns[i]
        left = column.left or i == table.heading
        # Numbers are narrower than what stands above them: heads stand on two lines, names stay whole.
        head = Text(column.head if left else "\n".join(column.head.rsplit(" ", 1)))
        # Where the terminal is narrow, names give way and numbers stay whole.
        least = LEAST_NAME if i == table.heading else None
        made.add_column(head, justify="left" if left else "right", overflow="fold", no_wrap=not left, min_width=least)

    def add(row: Row, style: str) -> None:
        texts = [row.cells[i] for i in kept]
        made.add_row(*(Text(" ".join(filter(None, (c.text, c.note)))) for c in texts), style=style)

    for row in table.rows:
        add(row, "bold" if row.chosen else "")
    if table.below:
        made.add_section()
    for row in table.below:
        add(row, "dim")
    return made
