"""Diagnoses that say the same thing under several backbones, brought together."""

from __future__ import annotations

from shiftscope.core.records import RunRecord
from shiftscope.core.shift import ShiftDiagnosis, ShiftRow

__all__ = ["compared", "row_of"]


def compared(record: RunRecord) -> list[list[ShiftDiagnosis]]:
    """Group the diagnoses by source and target; within a group that of the backbone ranked first leads."""
    first = {r.target: r.rows[0].backbone for r in record.rankings if r.rows}
    groups: dict[tuple[str, str], list[ShiftDiagnosis]] = {}
    for diagnosis in record.diagnoses:
        groups.setdefault((diagnosis.source, diagnosis.target), []).append(diagnosis)
    return [sorted(group, key=lambda d: d.backbone != first.get(d.target)) for group in groups.values()]


def row_of(diagnosis: ShiftDiagnosis, measure: str) -> ShiftRow | None:
    """The row of one measure, if it has a number."""
    return next((row for row in diagnosis.rows if row.measure == measure), None)
