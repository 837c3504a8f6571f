"""What of a diagnosis counts as shown: the evidence that several findings share."""

from __future__ import annotations

from shiftscope.checks.compared import row_of
from shiftscope.core.records import Details, Estimate, RunRecord
from shiftscope.core.shift import ShiftDiagnosis, ShiftRow

__all__ = ["balance_differs", "classes_moved", "estimate_of", "number", "only_balance", "shown"]


def shown(diagnosis: ShiftDiagnosis, measure: str) -> ShiftRow | None:
    """The row of a measure whose test rejects *and* whose whole effect lies beyond its noise floor."""
    row = row_of(diagnosis, measure)
    return row if row is not None and row.beyond and _rejects(diagnosis, row) else None


def classes_moved(diagnosis: ShiftDiagnosis) -> tuple[list[str], int]:
    """Classes that moved by a test of their own (Holm over the classes), and how many were tested."""
    tested = [c for c in diagnosis.per_class if c.pvalue_holm is not None]
    return [c.name for c in tested if (c.pvalue_holm or 0.0) <= diagnosis.alpha], len(tested)


def balance_differs(record: RunRecord, diagnosis: ShiftDiagnosis) -> Estimate | None:
    """The total variation of the class shares where its test rejects and its interval lies above what chance gives."""
    found, row = estimate_of(record, diagnosis, "label_shift"), row_of(diagnosis, "label_shift")
    if found is None or found.low is None or row is None or not _rejects(diagnosis, row):
        return None
    return found if found.low > number(found.details, "null") else None


def only_balance(record: RunRecord, diagnosis: ShiftDiagnosis) -> bool:
    """Whether class balance explains what the inputs show: it differs, and no class has moved or is new."""
    moved, tested = classes_moved(diagnosis)
    alike = tested > 1 and not moved and not diagnosis.not_compared.get("target")
    return alike and balance_differs(record, diagnosis) is not None


def estimate_of(record: RunRecord, diagnosis: ShiftDiagnosis, measure: str) -> Estimate | None:
    """What a measure said of the pair of a diagnosis."""
    about = (measure, diagnosis.source, diagnosis.target, diagnosis.backbone)
    return next((r.estimate for r in record.results if (r.measure, r.source, r.target, r.backbone) == about), None)


def number(details: Details, key: str) -> float:
    """A detail that is a number."""
    value = details[key]
    assert isinstance(value, int | float)
    return float(value)


def _rejects(diagnosis: ShiftDiagnosis, row: ShiftRow) -> bool:
    return row.pvalue_holm is not None and row.pvalue_holm <= diagnosis.alpha
