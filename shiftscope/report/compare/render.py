"""A comparison as one HTML page, as Markdown, as JSON and on a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from shiftscope.core.text import shown
from shiftscope.report.compare.records import Comparison, Side
from shiftscope.report.compare.sections import comparison_sections, comparison_trust
from shiftscope.report.compare.words import comparison_answers, comparison_caveats, comparison_headline, like_line
from shiftscope.report.frame import fill
from shiftscope.report.markdown import markdown_of
from shiftscope.report.numerals import day
from shiftscope.report.page import Row, Table, cells, heads
from shiftscope.report.terminal import rich_table, say

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["comparison_html", "comparison_json", "comparison_markdown", "print_comparison"]

COLOURS = (
    "A is the first record, B the second; a change is B less A. Brackets hold intervals for all scores together. Blue "
    "went up, orange down, grey is within noise; shapes and words repeat what colour says."
)
SAME = "The same two records give the same comparison, byte for byte."


def comparison_html(found: Comparison) -> str:
    """Return a comparison as one HTML page; its JSON is embedded where the page has room for it."""
    headline = comparison_headline(found)
    content: dict[str, object] = {
        "title": f"A and B: {headline.removesuffix('.')}",
        "headline": headline,
        "lead": "",
        "meta": [
            (f"{letter}:", shown(side.name), day(side.created)) for letter, side in (("A", found.a), ("B", found.b))
        ],
        "answers": comparison_answers(found),
        "colours": COLOURS,
        "findings": [],
        "findings_line": "",
        "sections": comparison_sections(found),
        "trust": comparison_trust(found),
        "same": SAME,
        "command": "",
        "provenance": _records(found),
        "specs": [],
    }
    forms = [("The comparison is embedded as JSON.", found.model_dump(mode="json"))]
    return fill("report.html", content, forms, "The comparison is too large to be embedded: ask for it as JSON.")


def comparison_markdown(found: Comparison) -> str:
    """Return a comparison as GitHub-flavoured Markdown."""
    return markdown_of(
        comparison_headline(found),
        [like_line(found)],
        comparison_sections(found),
        comparison_trust(found),
        _records(found),
    )


def comparison_json(found: Comparison) -> str:
    """Canonical JSON of a comparison: sorted keys, one line per value, a newline at the end."""
    return json.dumps(found.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def print_comparison(found: Comparison, console: Console) -> None:
    """Print a comparison as sentences and tables."""
    say(console, comparison_headline(found), "bold")
    say(console, like_line(found))
    for section in comparison_sections(found):
        say(console, section.lead)
        for _, table in section.tables:
            console.print(rich_table(table))
    for caveat in comparison_caveats(found):
        say(console, caveat)


def _records(found: Comparison) -> Table:
    rows = tuple(Row(cells(letter, *_side(side))) for letter, side in (("A", found.a), ("B", found.b)))
    return Table("The two records", heads("Record", "File", "Kind", "Made", left=(1, 2, 3)), rows)


def _side(side: Side) -> tuple[str, str, str]:
    return shown(side.name), side.kind, day(side.created)
