"""Single samples of a shift, for the page and for the terminal: witnesses, and copies that both sides hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from shiftscope.core.shift import CopyPair, Witness
from shiftscope.core.text import shown
from shiftscope.report.figures.sheet import cut
from shiftscope.report.numerals import alike, count, significant
from shiftscope.report.page import Cell, Column, Row, Table, Thumbnail, cells, heads
from shiftscope.report.shifted import ShiftReading

__all__ = ["copy_table", "witness_tables"]

Side = Literal["target", "source"]
SIDES: tuple[Side, Side] = ("target", "source")
# Width of a thumbnail on a page, in CSS pixels.
THUMBNAIL = 96


def witness_tables(view: ShiftReading, most: int | None = None) -> list[Table]:
    """Tabulate the samples of each side that are most unlike the other, at most ``most`` of each.

    Where no test rejects there are none: somebody always lies outermost.
    """
    if view.verdict not in ("moved", "small"):
        return []
    found = [(side, [w for w in view.diagnosis.witnesses if w.side == side][:most]) for side in SIDES]
    return [_witnesses(view, side, some) for side, some in found if some]


def _witnesses(view: ShiftReading, side: Side, found: list[Witness]) -> Table:
    mine, other = (view.target, view.source) if side == "target" else (view.source, view.target)
    form = alike(w.value for w in found)
    rows = [
        Row(cells(shown(w.id), shown(w.label), form(w.value), shown(w.nearest), significant(w.distance, 2)))
        for w in found
    ]
    typical = view.diagnosis.copies.typical if view.diagnosis.copies is not None else None
    near = "" if typical is None else f", where samples of one side have {significant(typical, 2)} between them"
    columns = (
        Column("Sample", left=True),
        Column("Class", left=True),
        Column("Witness"),
        Column(f"Nearest in {other}", left=True),
        Column("Distance"),
    )
    note = (
        f"Witness: mean kernel to {view.source} minus mean kernel to {view.target}, the summand of MMD². "
        f"Distance: 1 minus the cosine{near}."
    )
    return Table(
        f"Samples of {mine} most unlike {other}, the most first.",
        columns,
        tuple(rows),
        note=note,
        thumbnails=tuple(_thumbnails(view, side, found)),
    ).filled()


def _thumbnails(view: ShiftReading, side: Side, found: list[Witness]) -> Iterator[Thumbnail]:
    for witness in found:
        file = view.thumbnails.get(witness.thumbnail)
        if file is not None:
            of_class = f", class {shown(witness.label)}" if witness.label else ""
            name = view.target if side == "target" else view.source
            # Folders are often classes: the end of a path is what tells its row from the others.
            end = cut(shown(witness.id).rsplit("/", 1)[-1], THUMBNAIL, 13)
            words = tuple(filter(None, (shown(witness.label), end)))
            yield Thumbnail(file, f"{shown(witness.id)}{of_class}, {side} {name}", words)


def copy_table(view: ShiftReading) -> Table | None:
    """Tabulate samples of the target that the source holds too; None where there are none."""
    copies = view.diagnosis.copies
    if copies is None or not copies.examples:
        return None
    n = copies.n_exact + copies.n_near
    some = f"; {len(copies.examples)} of {count(n)}" if n > len(copies.examples) else ""
    columns = heads(f"In {view.target}", f"In {view.source}", "Copy", "Distance", left=(1, 2))
    rows = tuple(Row((*cells(shown(p.target), shown(p.source)), *_kind(p))) for p in copies.examples)
    return Table(f"Samples of {view.target} with a copy in {view.source}{some}", columns, rows).filled()


def _kind(pair: CopyPair) -> tuple[Cell, ...]:
    return cells(
        "same content" if pair.exact else "nearly the same features",
        "" if pair.distance is None else significant(pair.distance, 2),
    )
