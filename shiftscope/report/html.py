"""One HTML file from one record: no network, readable without scripts, the same bytes for the same record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shiftscope.core.records import RunRecord
from shiftscope.core.sources import SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.answers import answers
from shiftscope.report.audit_sections import audit_sections, audit_trust
from shiftscope.report.audit_verdicts import audit_answers, audit_headline, audit_lead, audit_meta
from shiftscope.report.audited import AuditReading
from shiftscope.report.frame import Embedded, fill
from shiftscope.report.inputs import inputs_of, size_of
from shiftscope.report.nearest import read_nearest
from shiftscope.report.numerals import count, day, listed
from shiftscope.report.ranked import RankReading, first_places, read_rankings, recommended
from shiftscope.report.reproduce import command_line, provenance_table, spec_text, store_line
from shiftscope.report.sections import findings_line, grouped_findings, target_sections, trust
from shiftscope.report.shifted import ShiftReading, read_shifts
from shiftscope.report.sourced import (
    sources_answers,
    sources_headline,
    sources_lead,
    sources_sections,
    sources_trust,
)
from shiftscope.report.verdicts import headline, rank_lead, shift_lead

__all__ = ["render_html"]

COLOURS = (
    "Points are percentage points. Brackets hold intervals; their level stands beside them. Blue leads or is safe, "
    "purple is the target, teal the source, orange is an error or hurts, grey is the rest; shapes and words repeat "
    "what colour says."
)
AUDIT_COLOURS = (
    "Points are percentage points. Brackets hold 95\N{NO-BREAK SPACE}% intervals. Blue helped or leads, orange hurt, "
    "grey is the rest; shapes and words repeat what colour says."
)
SOURCES_COLOURS = "Points are percentage points. Brackets hold intervals; words repeat what colour says."
SAME_RUN = "The same inputs and seed give the same record, byte for byte, outside costs and provenance."
SAME_CELLS = (
    "The same files and seeds give the same cells on the same machine. Finished cells are kept: started again, the "
    "audit makes only what is missing."
)


def render_html(record: RunRecord, thumbnails: Mapping[str, bytes] | None = None) -> str:
    """Return the report of ``record`` as one HTML page, with ``thumbnails`` by the names that witnesses give.

    Names, reasons and messages are text wherever they come from. The whole record is embedded as JSON where the page
    has room for it. Takes about 10 ms of CPU per drawing beside the imports.
    """
    content = {
        "command": command_line(record),
        "provenance": provenance_table(record),
        "specs": [
            ("Specification in force", spec_text(record.spec)),
            ("Specification as written", spec_text(record.given)),
        ],
        **_content(record, thumbnails or {}),
    }
    return fill("report.html", content, list(_forms(record)), "The record is too large to be embedded: see run.json.")


def _content(record: RunRecord, thumbnails: Mapping[str, bytes]) -> dict[str, object]:
    if record.audit is not None:
        return _of_audit(record, AuditReading(record.audit))
    return _of_run(record, thumbnails) if record.sources is None else _of_sources(record, record.sources)


def _of_run(record: RunRecord, thumbnails: Mapping[str, bytes]) -> dict[str, object]:
    """What the page says of rankings and diagnoses."""
    rankings = read_rankings(record)
    best = recommended(rankings)
    shifts = read_shifts(record, first_places(rankings), thumbnails)
    orders = read_nearest(record, first_places(rankings))
    return {
        "title": _title(rankings, shifts),
        "headline": headline(rankings, shifts),
        "lead": _lead(rankings, shifts),
        "meta": _meta(record, rankings),
        "answers": answers(rankings, shifts, orders),
        "colours": COLOURS,
        "findings": grouped_findings(record, best.values()),
        "findings_line": findings_line(record.findings, best.values()),
        "sections": target_sections(rankings, shifts, orders),
        "trust": trust(record, rankings, shifts),
        "same": f"{SAME_RUN} {store_line(record)}.",
    }


def _of_sources(record: RunRecord, view: SourcesReport) -> dict[str, object]:
    """What the page says of source data."""
    said = sources_headline(view)
    return {
        "title": said.removesuffix("."),
        "headline": said,
        "lead": sources_lead(view),
        "meta": _meta(record, []),
        "answers": sources_answers(view),
        "colours": SOURCES_COLOURS,
        "findings": grouped_findings(record, ()),
        "findings_line": findings_line(record.findings, ()),
        "sections": sources_sections(view),
        "trust": sources_trust(record, view),
        "same": f"{SAME_RUN} {store_line(record)}.",
    }


def _of_audit(record: RunRecord, view: AuditReading) -> dict[str, object]:
    """What the page says of an audit, which looks for no findings: it counts what happened."""
    said = audit_headline(view)
    return {
        "title": said.removesuffix("."),
        "headline": said,
        "lead": audit_lead(view),
        "meta": audit_meta(record, view),
        "answers": audit_answers(view),
        "colours": AUDIT_COLOURS,
        "findings": grouped_findings(record, ()),
        "findings_line": findings_line(record.findings, ()) if record.findings else "",
        "sections": audit_sections(view),
        "trust": audit_trust(record, view),
        "same": SAME_CELLS,
    }


def _forms(record: RunRecord) -> Iterator[Embedded]:
    """What of a record may be embedded, all of it first; gaps and accuracies of many cells make an audit heavy."""
    yield "The whole record is embedded as JSON.", _plain(record)
    if record.audit is not None:
        light = record.audit.model_copy(update={"gaps": [], "accuracies": []})
        said = "The record is embedded as JSON, less the gaps and accuracies of its cells, which stand in its run.json."
        yield said, _plain(record.model_copy(update={"audit": light}))


def _plain(record: RunRecord) -> dict[str, object]:
    """The record without what is as the schema says by default."""
    return {"schema_version": record.schema_version} | record.model_dump(mode="json", exclude_defaults=True)


def _title(rankings: list[RankReading], shifts: list[ShiftReading]) -> str:
    targets = list(
        dict.fromkeys([*(view.target for view in rankings), *(shown(view.diagnosis.target) for view in shifts)])
    )
    return f"{listed(targets)}: {headline(rankings, shifts).removesuffix('.')}" if targets else "shiftscope report"


def _lead(rankings: list[RankReading], shifts: list[ShiftReading]) -> str:
    """The line below the headline: numbers for one target, nothing for several, whose answers follow."""
    if len(rankings) == 1:
        return rank_lead(rankings[0])
    return shift_lead(shifts[0]) if len(shifts) == 1 and not rankings else ""


def _meta(record: RunRecord, rankings: list[RankReading]) -> list[tuple[str, str, str]]:
    """What was looked at, as (before, name, after)."""
    found = [(card.role.capitalize(), shown(card.name), size_of(card)) for card in inputs_of(record)]
    n = {len(view.candidates) + len(race.dropped if (race := view.ranking.race) else ()) for view in rankings}
    if n:
        found.append((f"{count(max(n))} candidate{'' if n == {1} else 's'}", "", ""))
    return [*found, (day(record.provenance.created), "", "")]
