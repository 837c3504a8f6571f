"""A record as Markdown: the words and tables of the page, for a README, a ticket or a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from shiftscope.core.records import RunRecord
from shiftscope.core.sources import SourcesReport
from shiftscope.core.text import shown
from shiftscope.report.audit_sections import audit_sections, audit_trust
from shiftscope.report.audit_verdicts import audit_headline, audit_lead, progress_line
from shiftscope.report.audited import AuditReading
from shiftscope.report.nearest import read_nearest
from shiftscope.report.page import Cell, Column, Row, Table
from shiftscope.report.ranked import first_places, read_rankings, recommended
from shiftscope.report.reproduce import command_line, provenance_table
from shiftscope.report.sections import Section, Trust, findings_line, grouped_findings, target_sections, trust
from shiftscope.report.shifted import read_shifts
from shiftscope.report.sourced import sources_headline, sources_lead, sources_sections, sources_trust
from shiftscope.report.verdicts import headline, leads

__all__ = ["markdown_of", "render_markdown", "table_lines"]

MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")  # signs that would be read as markup


def render_markdown(record: RunRecord) -> str:
    """Return ``record`` as GitHub-flavoured Markdown: headline, findings, every section's words and tables, caveats.

    Names and messages are text wherever they come from. Pictures are left out; the numbers behind them are not.
    """
    lines = _content(record)
    made = [*table_lines(provenance_table(record)), "", "Command:", "", f"    {command_line(record) or 'not recorded'}"]
    return "\n".join([*lines, "## How was it made?", "", *made]) + "\n"


def markdown_of(title: str, leads: Sequence[str], sections: Sequence[Section], limits: Trust, made: Table) -> str:
    """Return a page of sections as Markdown, and a table of what it was made from."""
    lines = [*_heading(title, leads), *_sections(sections, limits)]
    return "\n".join([*lines, "## How was it made?", "", *table_lines(made)]) + "\n"


def _content(record: RunRecord) -> Iterator[str]:
    if record.audit is not None:
        return _audit(record, AuditReading(record.audit))
    return _run(record) if record.sources is None else _sources(record, record.sources)


def _sources(record: RunRecord, view: SourcesReport) -> Iterator[str]:
    yield from _heading(sources_headline(view), [sources_lead(view)])
    yield from _findings(record, ())
    yield from _sections(sources_sections(view), sources_trust(record, view))


def _run(record: RunRecord) -> Iterator[str]:
    rankings = read_rankings(record)
    best = recommended(rankings)
    shifts = read_shifts(record, first_places(rankings))
    orders = read_nearest(record, first_places(rankings))
    yield from _heading(headline(rankings, shifts), leads(rankings, shifts))
    yield from _findings(record, list(best.values()))
    yield from _sections(target_sections(rankings, shifts, orders), trust(record, rankings, shifts))


def _audit(record: RunRecord, view: AuditReading) -> Iterator[str]:
    yield from _heading(audit_headline(view), [audit_lead(view), progress_line(view)])
    yield from _findings(record, ())
    yield from _sections(audit_sections(view), audit_trust(record, view))


def _heading(title: str, leads: Sequence[str]) -> Iterator[str]:
    yield from (f"# {_text(title.removesuffix('.'))}", "")
    for lead in filter(None, leads):
        yield from (_text(lead), "")


def _findings(record: RunRecord, best: Sequence[str]) -> Iterator[str]:
    if not record.findings:
        return
    yield from ("## Findings", "", _text(findings_line(record.findings, best)), "")
    for group in grouped_findings(record, best):
        for finding in (*group.first, *group.rest):
            yield f"- **{finding.code}** ({finding.severity}) {_text(finding.title)} {_text(finding.message)}"
    yield ""


def _sections(sections: Sequence[Section], limits: Trust) -> Iterator[str]:
    for section in sections:
        yield from (f"## {_text(section.title)}", "")
        yield from _paragraphs(section.lead)
        for i, why in enumerate(section.reasons, 1):
            yield f"{i}. {_text(why.says)} (rule {_text(why.rule)}, {why.standing})"
        yield from [""] if section.reasons else []
        baselines = f"Baselines. {section.baselines}" if section.baselines else ""
        yield from _paragraphs(section.text, baselines, " ".join(section.aside or ()))
        pictured = [(picture.reading, picture.table) for picture in section.pictures]
        for name, table in (*pictured, *section.tables):
            yield from (f"### {_text(name.removesuffix('.'))}", "", *table_lines(table), "")
    yield from ("## Can I trust this?", "", _text(limits.lead), "")
    for found in (*limits.samples, limits.problems, limits.skipped):
        if found is not None:
            yield from (*table_lines(found), "")
    yield from (*(f"- {_text(caveat)}" for caveat in limits.caveats), "")


def _paragraphs(*several: str) -> Iterator[str]:
    for words in filter(None, several):
        yield from (_text(words), "")


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table, line by line, with its caption before it."""
    yield from (f"{_text(table.caption.removesuffix('.'))}.", "") if table.caption else ()
    yield _row([_text(column.head) for column in table.columns])
    yield _row([_rule(column, i == table.heading) for i, column in enumerate(table.columns)])
    for row in (*table.rows, *table.below):
        yield _row(_texts(row))
    if table.note:
        yield from ("", _text(table.note))


def _texts(row: Row) -> list[str]:
    texts = [" ".join(filter(None, (_linked(cell), _text(cell.note)))) for cell in row.cells]
    return [f"**{text}**" if row.chosen and text else text for text in texts]


def _linked(cell: Cell) -> str:
    """The text of a cell; quoted paths hold nothing that ends a link."""
    return f"[{_text(cell.text)}]({quote(cell.link)})" if cell.link else _text(cell.text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(column: Column, names: bool) -> str:
    return ":--" if column.left or names else "--:"


def _text(words: str) -> str:
    """Words that are no markup, on one line."""
    return MARKUP.sub(r"\\\1", " ".join(shown(words).split()))
