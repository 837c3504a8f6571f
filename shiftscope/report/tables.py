"""The tables of a report, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shiftscope.core.records import InputCard, RunRecord
from shiftscope.core.text import shown
from shiftscope.report.numerals import NBSP, count, listed, ratio
from shiftscope.report.page import Cell, Column, Row, Table, cells, heads, number
from shiftscope.report.shifted import ShiftLine, ShiftReading
from shiftscope.report.vocabulary import words_for

__all__ = ["other_backbones", "problems", "sample_table", "skipped_table"]


def other_backbones(view: ShiftReading) -> Table | None:
    """Tabulate effect over noise floor under every backbone; None where there is only one."""
    if not view.others:
        return None
    everyone = sorted((view.diagnosis, *view.others), key=lambda d: d.backbone)
    measures = list(dict.fromkeys(row.measure for d in everyone for row in d.rows))
    rows = []
    for d in everyone:
        ratios = {row.measure: ShiftLine(row, d.alpha).ratio for row in d.rows}
        numbers = (number(ratios.get(m), ratio) for m in measures)
        rows.append(Row((Cell(shown(d.backbone)), *numbers), chosen=d is view.diagnosis))
    columns = (Column("Backbone", left=True), *(Column(words_for(m).head) for m in measures))
    return Table("Effect divided by noise floor under every backbone", columns, tuple(rows), sortable=True)


def sample_table(target: InputCard, sources: Sequence[InputCard]) -> Table | None:
    """Tabulate samples per class, the smallest class first; None for unlabelled data."""
    if not target.classes:
        return None
    sides = [target, *sources]
    names = sorted({c for side in sides for c in side.classes}, key=lambda c: (target.classes.get(c, 0), c))
    same = any(source.name == target.name for source in sources)
    rows = [Row(cells(shown(c), *(count(s.classes.get(c, 0)) if s.classes else "" for s in sides))) for c in names]
    rows.append(Row(cells("All", *(count(s.n) for s in sides)), chosen=True))
    return Table(
        f"Samples per class of {shown(target.name)}, the rarest first",
        heads("Class", *(f"n{NBSP}{shown(s.name)}{f' ({s.role})' if same else ''}" for s in sides)),
        tuple(rows),
    )


def problems(record: RunRecord, target: str | None = None) -> Table | None:
    """Tabulate measures without a number, those with one reason together; None where all gave one."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for r in record.results:
        if r.status != "ok" and target in (None, r.target):
            groups.setdefault((r.status, r.measure, r.reason), []).append(r.backbone)
    rows = [
        Row(cells(words_for(measure).head, status.replace("_", " "), _some(backbones), shown(reason)))
        for (status, measure, reason), backbones in sorted(groups.items())
    ]
    columns = heads("Measure", "Status", "Backbones", "Reason", left=(1, 2, 3))
    return Table("Measures without a number", columns, tuple(rows)) if rows else None


def _some(names: Iterable[str], most: int = 6) -> str:
    unique = [shown(n) for n in dict.fromkeys(names)]
    return listed(unique) if len(unique) <= most else f"{', '.join(unique[:most])} and {len(unique) - most} more"


def skipped_table(cards: Sequence[InputCard], most: int = 50) -> Table | None:
    """Tabulate the files that were left out; None where there are none."""
    everything = [(card, s) for card in cards for s in card.skipped]
    if not everything:
        return None
    rows = tuple(Row(cells(shown(s.file), shown(card.name), shown(s.reason))) for card, s in everything[:most])
    more = f"; the first {most} of {count(len(everything))}" if len(everything) > most else ""
    return Table(f"Files left out{more}", heads("File", "Data set", "Reason", left=(1, 2)), rows)
