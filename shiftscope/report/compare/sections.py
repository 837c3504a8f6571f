"""The sections of a comparison: order, scores, findings, data."""

from __future__ import annotations

from shiftscope.core.text import shown
from shiftscope.report.compare.figure import changes
from shiftscope.report.compare.records import Comparison, OrderChange
from shiftscope.report.compare.tables import (
    changed_table,
    data_table,
    findings_table,
    order_table,
    settings_table,
    tally_table,
    uncompared,
)
from shiftscope.report.compare.words import comparison_caveats, findings_said, first_line, like_line, tally_line
from shiftscope.report.numerals import level, opened, plural, small_count
from shiftscope.report.page import Table
from shiftscope.report.sections import Section, Trust

__all__ = ["comparison_sections", "comparison_trust"]

NOISE = (
    "A score changed beyond noise where the whole interval of its change lies on one side of 0. The intervals hold for "
    "all scores together, so that among hundreds noise alone rarely shows a change anywhere; each by itself is wider "
    "than usual."
)
FIRST = (
    "First place changed beyond noise where one of the two records can tell the two candidates apart: the first of one "
    "is not in the best set of the other."
)
Tables = tuple[tuple[str, Table], ...]


def comparison_sections(found: Comparison) -> list[Section]:
    """Make the sections of a comparison; figures count on through all of them."""
    sections: list[Section] = []
    several = len(found.orders) > 1
    for i, order in enumerate(found.orders):
        drawn = sum(len(section.pictures) for section in sections)
        sections.append(_order(found, order, f"order{f'-{i + 1}' if i else ''}", drawn, several=several))
    return [*sections, _scores(found), _findings(found), _data(found)]


def _order(found: Comparison, order: OrderChange, name: str, drawn: int, *, several: bool) -> Section:
    picture = changes(found, order, drawn + 1)
    moved = sum(place.moved for place in order.places)
    return Section(
        id=name,
        kind="compare",
        title=f"Has the order changed{f' on {shown(order.target)}' if several else ''}?",
        lead=first_line(order),
        text=f"{opened(small_count(moved))} of {small_count(len(order.places))} moved to another place."
        if moved
        else "",
        pictures=() if picture is None else (picture,),
        tables=(("Places", order_table(order)),),
        aside=("First place.", FIRST) if order.first != "same" else None,
    )


def _scores(found: Comparison) -> Section:
    return Section(
        id="scores",
        kind="compare",
        title="Which scores changed beyond noise?",
        lead=tally_line(found),
        text=NOISE if found.scores else "",
        pictures=(),
        tables=_given(("What changed", changed_table(found)), ("By measure", tally_table(found))),
    )


def _findings(found: Comparison) -> Section:
    return Section(
        id="findings-changed",
        kind="compare",
        title="Which findings came and went?",
        lead=findings_said(found),
        text="",
        pictures=(),
        tables=_given(("Came and went", findings_table(found))),
    )


def _data(found: Comparison) -> Section:
    return Section(
        id="data",
        kind="compare",
        title="Was like compared with like?",
        lead=like_line(found),
        text="Data are the same where their fingerprints are: contents and labels; models, where weights and code are.",
        pictures=(),
        tables=_given(
            ("Data", data_table(found.inputs, "Data sets that differ")),
            ("Models", data_table(found.models, "Models that differ")),
            ("What was asked", settings_table(found.settings, "Settings that differ")),
            ("Libraries", settings_table(found.versions, "Versions that differ")),
            ("What could not be compared", uncompared(found.uncompared)),
        ),
    )


def _given(*tables: tuple[str, Table | None]) -> Tables:
    return tuple((name, table) for name, table in tables if table is not None)


def comparison_trust(found: Comparison) -> Trust:
    """Make the section about limits."""
    unequal = found.n_unequal
    lead = f"Intervals hold with {level(found.level)} for all {plural(unequal, 'score')} that are not equal, together."
    return Trust(
        lead=lead if unequal else "Every score is equal: there is no noise to allow for.",
        samples=(),
        problems=None,
        skipped=None,
        caveats=tuple(comparison_caveats(found)),
    )
