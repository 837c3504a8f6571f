"""One HTML file from one record: no network, readable without scripts, the same bytes for the same record."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from shiftscope.core.records import RunRecord
from shiftscope.report.answers import answers
from shiftscope.report.inputs import inputs_of, size_of
from shiftscope.report.numerals import count, day, listed, shown
from shiftscope.report.ranked import RankReading, first_places, read_rankings, recommended
from shiftscope.report.reproduce import command_line, provenance_table, spec_text, store_line
from shiftscope.report.sections import findings_line, grouped_findings, target_sections, trust
from shiftscope.report.shifted import ShiftReading, read_shifts
from shiftscope.report.verdicts import headline, rank_lead, shift_lead

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render_html"]

TEMPLATES = Path(__file__).parent / "templates"


def render_html(record: RunRecord) -> str:
    """Return the report of ``record`` as one HTML page.

    Names, reasons and messages are text wherever they come from; the whole record is embedded as JSON. Takes about
    10 ms of CPU per drawing beside the imports.
    """
    template, style, script = _parts()
    rankings = read_rankings(record)
    best = recommended(rankings)
    shifts = read_shifts(record, first_places(rankings))
    return template.render(
        style=Markup(style),  # noqa: S704  # ours
        script=Markup(script),  # noqa: S704  # ours
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
        title=_title(rankings, shifts),
        headline=headline(rankings, shifts),
        lead=_lead(rankings, shifts),
        meta=_meta(record, rankings),
        answers=answers(rankings, shifts),
        findings=grouped_findings(record, best.values()),
        findings_line=findings_line(record.findings, best.values()),
        sections=target_sections(rankings, shifts),
        trust=trust(record, rankings, shifts),
        command=command_line(record),
        provenance=provenance_table(record),
        store=store_line(record),
        specs=[
            ("Specification in force", spec_text(record.spec)),
            ("Specification as written", spec_text(record.given)),
        ],
        record_json=_json(record),
    )


@lru_cache(maxsize=1)
def _parts() -> tuple[Template, str, str]:
    """The compiled template, the style sheet and the script."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"breakable": _breakable, "shown": shown, "stacked": _stacked}
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    return environment.get_template("report.html"), style, script


def _breakable(text: str) -> Markup:
    """``text`` that may be broken after underscores and slashes, where long names have no spaces."""
    return Markup(re.sub(r"(?<=[_/])(?=\w)", "<wbr>", str(escape(text))))  # noqa: S704  # escaped just now


def _stacked(head: str) -> Markup:
    """The head of a column of numbers on two lines, broken at its last space: numbers are narrower than heads."""
    return Markup("<br>").join(head.rsplit(" ", 1))


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(record: RunRecord) -> Markup:
    """The record as JSON without its default values, with every angle bracket and ampersand escaped."""
    content = {"schema_version": record.schema_version} | record.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # nothing is left that HTML could read


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
    n = {len(view.candidates) for view in rankings}
    if n:
        found.append((f"{count(max(n))} candidate{'' if n == {1} else 's'}", "", ""))
    return [*found, (day(record.provenance.created), "", "")]
