"""A folder of runs as one page: a row for each, with what it says and a link to its report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shiftscope.checks.order import SEVERITIES
from shiftscope.core.load import RECORD, load_record
from shiftscope.core.records import Finding, RunRecord
from shiftscope.core.text import shown
from shiftscope.errors import InputError, RecordError
from shiftscope.report.advised import advised_arm
from shiftscope.report.audit_verdicts import audit_headline
from shiftscope.report.audited import AuditReading
from shiftscope.report.forecasted import ZONES, zone_of
from shiftscope.report.frame import fill
from shiftscope.report.inputs import inputs_of
from shiftscope.report.markdown import table_lines
from shiftscope.report.numerals import day, listed, plural, small_count
from shiftscope.report.page import EMPTY, Cell, Column, Row, Table
from shiftscope.report.ranked import RankReading, first_places, read_rankings
from shiftscope.report.shifted import read_shifts
from shiftscope.report.sourced import sources_headline
from shiftscope.report.verdicts import headline

__all__ = ["Listed", "index_html", "index_markdown", "index_table", "read_runs"]

PAGE = "report.html"


@dataclass(frozen=True)
class Listed:
    """One run of a folder: its place in it, where its page or record is seen from the index, and what it holds."""

    place: str
    link: str
    record: RunRecord | None
    reason: str = ""


def read_runs(folder: Path, index: Path) -> list[Listed]:
    """Read the run.json of every folder up to two below ``folder``, the latest run first; what is damaged, last.

    Links are those of a page that lies at ``index``.

    Raises
    ------
    InputError
        If there is none.
    """
    # No deeper: a folder that holds data as well may have millions of files.
    files = (file for pattern in ("*", "*/*") for file in folder.glob(f"{pattern}/{RECORD}"))
    found = [_read(file, folder, index) for file in sorted(files)]
    if not found:
        raise InputError(f"{folder} holds no {RECORD}, nor do the folders in it: give a run.json, or a folder of runs.")
    found.sort(key=lambda run: run.record.provenance.created if run.record is not None else "", reverse=True)
    return found


def _read(file: Path, folder: Path, index: Path) -> Listed:
    page = file.parent / PAGE
    place = file.parent.relative_to(folder).as_posix()
    link = Path(os.path.relpath(page if page.is_file() else file, index.parent)).as_posix()
    try:
        return Listed(place, link, load_record(file))
    except RecordError as reason:
        return Listed(place, link, None, str(reason))


def index_html(runs: Sequence[Listed], name: str) -> str:
    """Return the index of a folder called ``name`` as one HTML page."""
    return fill("index.html", {"title": _title(runs, name), "headline": _title(runs, name), "table": index_table(runs)})


def index_markdown(runs: Sequence[Listed], name: str) -> str:
    """Return the index of a folder as GitHub-flavoured Markdown."""
    return "\n".join([f"# {_title(runs, name)}", "", *table_lines(index_table(runs))]) + "\n"


def _title(runs: Sequence[Listed], name: str) -> str:
    return f"{plural(len(runs), 'run')} in {shown(name)}"


def index_table(runs: Sequence[Listed]) -> Table:
    """Tabulate runs: what they are about, the recommended model, whether it is safe, findings, date."""
    columns = (
        Column("Run", left=True),
        Column("Target", left=True),
        Column("Recommended model", left=True),
        Column("Safe?", left=True),
        Column("Findings", left=True),
        Column("Made", left=True),
    )
    return Table("Runs, the latest first", columns, tuple(map(_row, runs)), sortable=True)


def _row(run: Listed) -> Row:
    if run.record is None:
        return Row((Cell(shown(run.place), note=shown(run.reason), link=run.link), *[Cell(EMPTY, key="")] * 5))
    record = run.record
    rankings = [view for view in read_rankings(record) if view.best is not None]
    targets = [shown(card.name) for card in inputs_of(record) if card.role == "target"]
    return Row(
        (
            Cell(shown(run.place), note=_says(record), link=run.link),
            Cell(listed(targets) or EMPTY),
            _model(rankings),
            _safe(rankings),
            _findings(record.findings),
            Cell(day(record.provenance.created), key=record.provenance.created),
        )
    )


def _says(record: RunRecord) -> str:
    """The headline of its report."""
    if record.audit is not None:
        return audit_headline(AuditReading(record.audit))
    if record.sources is not None:
        return sources_headline(record.sources)
    rankings = read_rankings(record)
    return headline(rankings, read_shifts(record, first_places(rankings)))


def _model(rankings: Sequence[RankReading]) -> Cell:
    """The recommended models, of several targets each with its target; none where none beats raw pixels."""
    names = ["none" if view.none_beats_pixels or view.best is None else view.best.name for view in rankings]
    if len(set(names)) <= 1:
        return Cell(names[0] if names else EMPTY, key=None if names else "")
    return Cell(listed([f"{name} on {view.target}" for name, view in zip(names, rankings, strict=True)]))


def _safe(rankings: Sequence[RankReading]) -> Cell:
    """The least safe answer of the targets that have a forecast."""
    zones = [zone_of(view.best, advised_arm(view)) for view in rankings if view.has_forecasts and view.best is not None]
    if not zones:
        return Cell(EMPTY, key="")
    worst = next(zone for zone in ("hurts", "unknown", "unclear", "safe") if zone in zones)
    return Cell(ZONES[worst].answer, tone=ZONES[worst].tone)


def _findings(findings: Sequence[Finding]) -> Cell:
    counts = [(sum(f.severity == severity for f in findings), severity) for severity in SEVERITIES]
    said = [plural(k, severity) for k, severity in counts if k]
    worst = next((severity for k, severity in counts if k), "")
    key = sum(k * 1000**place for place, (k, _) in enumerate(reversed(counts)))
    return Cell(listed(said) or small_count(0), key=float(key), tone=worst if worst != "note" else "")
